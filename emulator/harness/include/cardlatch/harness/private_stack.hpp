#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/harness/pcscd.hpp>
#include <cardlatch/harness/slot_control.hpp>
#include <cardlatch/trace/event.hpp>

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cardlatch::harness {

/// Which IFD handler the private pcscd loads.
enum class Driver {
    cardlatch, ///< ours
    vpcd,      ///< Debian's stock libifdvpcd.so
};

/// Which process runs the cards.
enum class Host {
    stack,  ///< this one; the cards' crashes and hangs are kept from pcscd
    driver, ///< pcscd, inside our driver: an APDU costs no second process
};

/// Something that happened in a stack. Every trace and every `--json` line is made of these.
struct Event {
    std::chrono::system_clock::time_point when;
    std::string who;    ///< "stack", "pcscd", "card", "fault"
    std::string what;   ///< "started", "inserted", "removed", "reset", "stopped", ...
    std::string reader; ///< reader name, empty where no reader is meant
    std::string detail; ///< for people; ATR, path, reason
};

/// One reader of a stack.
struct SlotOptions {
    /// Profile of the card that is in the reader at start; empty for an empty reader.
    std::optional<std::filesystem::path> profile;
};

/// What a private stack is made of. The defaults are those of `cardlatch run`.
struct StackOptions {
    std::vector<SlotOptions> slots;
    /// 1 to 8; `slots` fill the readers in order, and the last reader has empty slots where they do not
    /// suffice. Slot j of reader i is "NAME ii jj", in hexadecimal. Only with Driver::cardlatch.
    unsigned slots_per_reader = 1;
    std::string reader_name =
        "Cardlatch Virtual Reader"; ///< 1 to 120 bytes UTF-8, no quotes, no control characters
    Driver driver = Driver::cardlatch;
    Host host = Host::stack;
    bool pin_pad = false; ///< the readers have a PIN pad; only with Driver::cardlatch
    std::filesystem::path vpcd_library = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
    std::filesystem::path pcscd = "/usr/sbin/pcscd";
    Isolation isolation = Isolation::automatic;
    LogLevel log_level = LogLevel::error;
    std::optional<std::filesystem::path> log_file;  ///< pcscd's log; inside the stack's folder when absent
    std::optional<std::filesystem::path> state_dir; ///< cards keep their state here; in memory when absent
    std::vector<std::string> pcscd_preload;         ///< libraries to preload into pcscd (sanitizer run times)
    std::chrono::milliseconds deadline{10000};      ///< for the start and for every change to become visible
    std::vector<std::string> faults;                ///< there from the start, as `--fault` takes them
    std::optional<std::uint64_t> seed;              ///< of everything random in faults; any when absent
    std::function<void(const Event&)> on_event;     ///< called from several threads, one at a time
    /// Gets every APDU, reset, insertion and lock, secrets included (trace::TraceFile masks them); null: no
    /// trace, at no cost. With one, clients reach pcscd through a relay that sees their transactions.
    std::shared_ptr<trace::Sink> trace;
};

/// A private world: a folder, a pcscd, readers with software cards, and their control.
///
/// Needs no root and no system service and leaves nothing behind. Any number live side by side. Thread-safe.
/// What it does not model: USB, timing of real cards.
class PrivateStack : public SlotControl {
  public:
    /// Most readers that one pcscd before 2.5 can hold (PCSCLITE_MAX_READERS_CONTEXTS).
    static constexpr std::size_t k_max_slots = 16;

    /// Starts everything and returns when PC/SC clients can list every reader and see every card.
    /// Errors: invalid_argument for options out of range; a profile's own error; what Pcscd::start returns;
    /// timed_out or connection_reset with the end of pcscd's log when the readers do not appear.
    static Result<std::unique_ptr<PrivateStack>> start(StackOptions options);
    ~PrivateStack() override;
    PrivateStack(const PrivateStack&) = delete;
    PrivateStack& operator=(const PrivateStack&) = delete;

    /// The folder, 0700.
    [[nodiscard]] const std::filesystem::path& directory() const;

    /// What a client process needs: PCSCLITE_CSOCK_NAME and CARDLATCH_CONTROL.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> environment() const;

    /// Readable as soon as pcscd has ended, unless a fault ended it.
    [[nodiscard]] int death_fd() const;
    /// How pcscd ended and the last lines of its log; for messages.
    [[nodiscard]] std::string death_report();

    [[nodiscard]] pid_t pcscd_pid() const;
    [[nodiscard]] Isolation isolation() const;
    /// Processes that belong to the stack itself.
    [[nodiscard]] std::vector<pid_t> processes() const;

    [[nodiscard]] std::vector<SlotStatus> status() const override;

    /// Returns when clients see the card.
    /// Errors: device_or_resource_busy when a card is in the slot; invalid_argument when the slot never had a
    /// card and no profile is given; the profile's own errors; timed_out; connection_reset when pcscd has
    /// ended.
    Result<void> insert(std::size_t slot, const std::optional<std::filesystem::path>& profile = {}) override;
    /// Returns when clients see that the card is gone.
    /// Errors: no_such_device when the slot is empty; timed_out; connection_reset.
    Result<void> remove(std::size_t slot) override;
    /// Resets the card as another client would; every connected client gets SCARD_W_RESET_CARD.
    /// Errors: no_such_device when the slot is empty; timed_out while a client holds a transaction;
    /// connection_reset.
    Result<void> reset(std::size_t slot) override;
    /// Takes the card as another client would (connects shared, begins and ends a transaction) and leaves it
    /// as it was. False when a client holds a transaction for all of `patience`, or has the card exclusively:
    /// the way to find a lock that was never ended.
    /// Errors: no_such_device when the slot is empty; connection_reset; io_error with the PC/SC error's text.
    Result<bool> acquire(std::size_t slot, std::chrono::milliseconds patience) override;

    /// Errors: not_supported when the readers have no PIN pad; no_such_device when the slot is empty.
    Result<void> type(std::size_t slot, vpcd::PinEntry entry) override;

    /// With Driver::cardlatch under a pcscd that finds readers by libudev, as those of the distributions do.
    [[nodiscard]] bool readers_change() const override;
    /// Plugs in one more reader: pcscd meets it as it meets a real one that comes while it runs. Returns when
    /// clients see it listed, and its cards. Errors: not_supported with stock vpcd and with a pcscd that
    /// finds no readers by libudev; no_buffer_space over pcscd's limit; invalid_argument for the name; the
    /// profiles' own errors; timed_out; connection_refused when pcscd does not run.
    Result<std::vector<std::size_t>> add_reader(const ReaderOptions& reader) override;
    /// Unplugs the reader of a slot, with all its slots. Returns when it is gone from the clients' list; who
    /// was connected to it meets what a real reader's end brings. Its slots' numbers are the next readers'.
    /// Errors: not_supported as above; no_such_device when it is gone already; timed_out.
    Result<void> remove_reader(std::size_t slot) override;

    /// See SlotControl and docs/faults.md. A fault that strikes is an event: who "fault", what its type.
    [[nodiscard]] const fault::FaultPlan& faults() const override;
    Result<std::string> add_fault(fault::Fault fault) override;
    Result<void> remove_fault(const std::string& name) override;
    Result<void> clear_faults() override;

  private:
    struct Impl;
    explicit PrivateStack(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace cardlatch::harness
