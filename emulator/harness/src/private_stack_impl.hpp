#pragma once

#include "caretaker.hpp"
#include "fault_rules.hpp"
#include "reader_config.hpp"
#include "usb_bus.hpp"

#include <cardlatch/harness/card_slot.hpp>
#include <cardlatch/harness/control.hpp>
#include <cardlatch/harness/installation.hpp>
#include <cardlatch/harness/observer.hpp>
#include <cardlatch/harness/pcsc_tap.hpp>
#include <cardlatch/harness/private_stack.hpp>
#include <cardlatch/harness/stack_directory.hpp>
#include <cardlatch/trace/event_pipe.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cardlatch::harness {

/// What a stack consists of, for the files that implement it.
struct PrivateStack::Impl {
    using Clock = std::chrono::steady_clock;
    /// What was read of the files of the first cards.
    using Profiles = std::map<std::filesystem::path, card::Profile>;

    /// A slot of a reader; its number is its place among all slots, for as long as the stack lives.
    struct Slot {
        std::string reader;             ///< the name that clients use
        std::shared_ptr<CardSlot> card; ///< replaced when another reader takes the number
        std::shared_ptr<std::mutex> busy = std::make_shared<std::mutex>(); ///< one change at a time
        unsigned device = 0;                                               ///< the reader: its id
    };

    /// A reader, with one slot or several.
    struct Device {
        enum class State {
            plugged,
            pulled, ///< by a fault, which may plug it in again
            removed ///< for good: its slots' numbers are free
        };
        unsigned id = 0;     ///< on the bus; ascending, and that is pcscd's order
        std::string name;    ///< without numbers
        std::string address; ///< the driver's
        unsigned number = 0; ///< the first of pcscd's two numbers, while it is plugged in
        std::vector<std::size_t> slots;
        State state = State::plugged;
    };

    StackOptions options;
    StackDirectory directory;
    std::filesystem::path log_file;
    std::optional<Installation> installation;
    std::vector<vpcd::ReservedPort> vpcd_ports;
    fault::FaultPlan plan;
    std::mutex event_mutex;
    std::unique_ptr<trace::EventReceiver> hosted_events; ///< of cards that pcscd runs
    UniqueFd death;                                      ///< eventfd: pcscd has ended, and no fault ended it
    // Destroyed in this order: control first, so that nothing acts on what is going; the cards once pcscd is
    // gone; the caretaker after all that it forked and all that calls it.
    Caretaker caretaker;
    std::optional<UsbBus> bus;      ///< none: the readers are those of pcscd's configuration
    std::mutex bus_mutex;           ///< one reader comes or goes at a time; taken before slots_mutex
    mutable std::mutex slots_mutex; ///< guards slots and devices, never held during I/O
    std::vector<Slot> slots;
    std::vector<Device> devices;
    mutable std::mutex world_mutex; ///< guards what follows, but for control
    std::optional<Pcscd> pcscd;
    std::unique_ptr<PcscTap> tap; ///< with a trace: where clients connect; outlives a pcscd that is killed
    std::shared_ptr<Observer> observer;
    bool killed = false;                              ///< a fault ended pcscd
    std::optional<std::chrono::milliseconds> revival; ///< killed: when to start it again
    std::unique_ptr<ControlServer> control;

    Impl(StackOptions o, StackDirectory d);

    [[nodiscard]] std::filesystem::path file(std::string_view name) const { return directory.path() / name; }

    /// The observer of the moment; null before the first.
    [[nodiscard]] std::shared_ptr<Observer> eyes() const {
        const std::lock_guard lock(world_mutex);
        return observer;
    }

    void emit(const std::string& who, const std::string& what, const std::string& reader,
              const std::string& detail);

    /// Copies: what they own lives as long as the copy.
    [[nodiscard]] Slot slot(std::size_t number) const;
    [[nodiscard]] std::vector<Slot> all_slots() const;
    [[nodiscard]] std::string reader_of(std::size_t slot) const;
    [[nodiscard]] Device device_of(std::size_t slot) const;
    /// Every slot whose reader is there, as clients name it.
    [[nodiscard]] std::vector<std::string> plugged_readers() const;

    Result<void> prepare();
    Result<void> prepare_vpcd(std::vector<ReaderEntry>& entries);
    [[nodiscard]] std::string device_options(unsigned slots_of_it, std::size_t device) const;
    [[nodiscard]] Slot make_slot(std::size_t number, std::string reader, unsigned device, vpcd::IccLink link);

    // Readers that come and go, in reader_changes.cpp.
    Result<unsigned> make_device(const std::string& name, unsigned slots_of_it);
    static std::string slot_name(const Device& device, std::size_t index);
    void number_devices();
    [[nodiscard]] unsigned free_number() const; ///< with slots_mutex locked, as the next
    void name_slots(const Device& device);
    Result<void> plug(unsigned id);
    Result<void> unplug_device(unsigned id, Device::State state);
    void mark_unplugged(unsigned id) const;
    void cut_links(unsigned id) const;
    Result<void> await_plugged(unsigned id, Clock::time_point deadline) const;
    Result<void> await_unplugged(unsigned id, Clock::time_point deadline) const;
    Result<std::vector<std::size_t>> add_reader(const ReaderOptions& reader);
    Result<void> remove_reader(std::size_t slot);
    Result<void> launch();
    Result<void> await_readers(Clock::time_point deadline);
    Result<void> insert_first_cards(const Profiles& profiles, Clock::time_point deadline);
    [[nodiscard]] Error with_log(const Error& error, const std::string& what) const;
    void on_view(const ReaderView& before, const ReaderView& now);
    [[nodiscard]] Result<void> check_there(std::size_t number) const;
    Result<void> change(std::size_t number, bool present,
                        const std::function<Result<void>(CardSlot&)>& action) const;
    Result<void> reset(std::size_t number);

    // Faults, in stack_faults.cpp.
    [[nodiscard]] FaultReach reach() const;
    void on_strike(std::size_t slot, const fault::Fault& fault);
    Result<void> happen(std::size_t slot, const fault::Fault& fault);
    Result<void> mend(const fault::Fault& fault);
    [[nodiscard]] std::vector<std::size_t> slots_of(const fault::Fault& fault) const;
    [[nodiscard]] std::vector<std::size_t> struck_now(const fault::Fault& fault) const;
    void unplug(std::size_t slot, std::optional<std::chrono::milliseconds> back);
    void plug_later(std::size_t slot, std::optional<std::chrono::milliseconds> back);
    void plug_again(std::size_t slot);
    [[nodiscard]] bool pulled(std::size_t slot) const;
    void nudge(std::size_t slot) const;
    [[nodiscard]] std::filesystem::path unplug_file(std::size_t device) const;
    void kill_pcscd(std::optional<std::chrono::milliseconds> back);
    void on_death();
    void bury();
    Result<void> revive();
    Result<void> await_return(std::size_t number, Clock::time_point deadline) const;
};

/// The view of the reader called `name`; null when it is not listed.
const ReaderView* find_view(const std::vector<ReaderView>& views, const std::string& name);
/// Clients see a card in it.
bool holds_card(const ReaderView* view);

} // namespace cardlatch::harness
