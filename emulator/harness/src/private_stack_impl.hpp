#pragma once

#include "caretaker.hpp"
#include "fault_rules.hpp"

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

    struct Slot {
        std::string reader;
        std::unique_ptr<CardSlot> card;
        std::unique_ptr<std::mutex> busy = std::make_unique<std::mutex>(); ///< one change at a time
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
    std::vector<Slot> slots;
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

    Result<void> prepare();
    [[nodiscard]] std::string device_options(std::size_t slot) const;
    void add_slot(std::string reader, vpcd::IccLink link);
    Result<void> launch();
    Result<void> await_readers(Clock::time_point deadline);
    Result<void> insert_first_cards(const Profiles& profiles, Clock::time_point deadline);
    [[nodiscard]] Error with_log(const Error& error, const std::string& what) const;
    void on_view(const ReaderView& before, const ReaderView& now);
    Result<void> change(std::size_t number, bool present,
                        const std::function<Result<void>(CardSlot&)>& action);
    Result<void> reset(std::size_t number);

    // Faults, in stack_faults.cpp.
    [[nodiscard]] FaultReach reach() const;
    void on_strike(std::size_t slot, const fault::Fault& fault);
    Result<void> happen(std::size_t slot, const fault::Fault& fault);
    Result<void> mend(const fault::Fault& fault);
    [[nodiscard]] std::vector<std::size_t> slots_of(const fault::Fault& fault) const;
    void unplug(std::size_t slot, std::optional<std::chrono::milliseconds> back);
    void plug_later(std::size_t slot, std::optional<std::chrono::milliseconds> back);
    void plug(std::size_t slot);
    void nudge(std::size_t slot);
    [[nodiscard]] std::filesystem::path unplug_file(std::size_t slot) const;
    void kill_pcscd(std::optional<std::chrono::milliseconds> back);
    void on_death();
    Result<void> revive();
};

/// The view of the reader called `name`; null when it is not listed.
const ReaderView* find_view(const std::vector<ReaderView>& views, const std::string& name);
/// Clients see a card in it.
bool holds_card(const ReaderView* view);

} // namespace cardlatch::harness
