#include "fault_rules.hpp"
#include "keypad.hpp"
#include "traced_icc.hpp"

#include <cardlatch/card/card.hpp>
#include <cardlatch/card/profile.hpp>
#include <cardlatch/fault/faulty_icc.hpp>
#include <cardlatch/harness/card_slot.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

namespace cardlatch::harness {

namespace {

constexpr std::chrono::milliseconds k_first_pause{50};
constexpr std::chrono::milliseconds k_longest_pause{1000};

} // namespace

struct CardSlot::Impl : private vpcd::IccHandler, private fault::Actions {
    vpcd::IccLink link;
    const std::string name;
    const std::optional<std::filesystem::path> state_dir;
    const Patience patience;
    const SlotReports reports;
    mutable std::mutex mutex; ///< guards what follows, but not the link and the card while `server` runs
    std::optional<card::Profile> profile;
    std::unique_ptr<card::Card> card; ///< null while the driver hosts it
    /// The driver has hosted this slot's card, so what is on it is there.
    bool hosted = false;
    std::thread server;
    std::stop_source stopping; ///< of `server`; set anew for each card
    std::atomic<bool> connected = false;
    Keypad keypad;
    SlotFaults faults;
    fault::FaultyIcc faulty;
    std::atomic<bool> at_once = false; ///< the card comes back without a pause

    Impl(vpcd::IccLink l, std::string n, std::optional<std::filesystem::path> s, Patience p, SlotFaults f,
         SlotReports r)
        : link(std::move(l))
        , name(std::move(n))
        , state_dir(std::move(s))
        , patience(p)
        , reports(std::move(r))
        , faults(std::move(f))
        , faulty(*this, *faults.plan, faults.slot, *this) {}

    /// A fault may have pulled the card: its thread has ended then, or is about to.
    [[nodiscard]] bool occupied() const { return server.joinable() && !stopping.stop_requested(); }

    void join() {
        if (server.joinable()) {
            stopping.request_stop();
            server.join();
        }
    }

    [[nodiscard]] std::optional<std::filesystem::path> state_file() const {
        return state_dir ? std::optional(*state_dir / fmt::format("{}-{}.toml", name, profile->name))
                         : std::nullopt;
    }

    /// Errors: device_or_resource_busy when a card is in the slot.
    Result<void> make_room() {
        if (occupied()) {
            return fail(std::errc::device_or_resource_busy,
                        fmt::format("a card is in slot {}; remove it first", name));
        }
        join(); // a card that a fault pulled
        return ok();
    }

    Result<void> connect() {
        const auto linked = link.insert();
        if (!linked && patience == Patience::none) {
            return linked.as_failure();
        }
        record(trace::What::inserted, profile->name);
        keypad.open();
        stopping = std::stop_source();
        at_once = false;
        server =
            std::thread([this, stop = stopping.get_token(), up = linked.has_value()] { serve(stop, up); });
        return ok();
    }

    Result<void> replace_card(card::Profile loaded) {
        BOOST_OUTCOME_TRY(auto its_faults, faults_of(loaded));
        if (!faults.commands) {
            for (const auto& fault : its_faults) {
                BOOST_OUTCOME_TRY(check_reach(fault, {.commands = false}));
            }
        }
        card.reset(); // the old card lets go of its state file, which may be the same
        profile = std::move(loaded);
        keep_hosted = false;
        add_faults(std::move(its_faults));
        return hosted ? ok() : make_card(); // a driver that hosts has the state file
    }

    void add_faults(std::vector<fault::Fault> its_faults) {
        const auto owner = "slot " + name;
        faults.plan->remove_owned(owner);
        for (auto& fault : its_faults) {
            fault.slot = faults.slot;
            if (!faults.plan->add(fault, owner)) { // another slot has a card of the same profile
                fault.name += "@" + name;
                static_cast<void>(faults.plan->add(fault, owner));
            }
        }
    }

    Result<void> make_card() {
        card::CardOptions options;
        options.state_file = state_file();
        options.write_end = [this] { return write_end(faulty.state_write()); };
        options.report = [this](const std::string& what) {
            record(trace::What::note, what);
            if (reports.on_report) {
                reports.on_report(what);
            }
        };
        BOOST_OUTCOME_TRY(card, card::Card::create(*profile, std::move(options)));
        return ok();
    }

    void record(trace::What what, std::string detail = {}) const {
        if (reports.trace) {
            const auto now = trace::Clock::now();
            reports.trace->record({now, now, what, reports.reader, "card", {}, {}, std::move(detail)});
        }
    }

    /// Serves the driver until `stop`; `up` when the link stands already.
    void serve(const std::stop_token& stop, bool up) {
        auto pause = k_first_pause;
        std::mutex sleep_mutex;
        std::condition_variable_any sleeper;
        const std::stop_callback release(stop, [this] { keypad.shut(); });
        std::optional<TracedIcc> traced;
        if (reports.trace) {
            traced.emplace(faulty, *reports.trace, reports.reader);
        }
        vpcd::IccHandler& handler = traced ? static_cast<vpcd::IccHandler&>(*traced) : faulty;
        while (!stop.stop_requested()) {
            up = up || link.insert().has_value();
            if (up) {
                connected = true;
                const auto began = std::chrono::steady_clock::now();
                static_cast<void>(link.serve(handler, stop)); // a broken link is made anew
                connected = false;
                handler.power_off();
                link.remove();
                up = false;
                if (std::chrono::steady_clock::now() - began > k_longest_pause) {
                    pause = k_first_pause;
                }
            }
            if (at_once.exchange(false)) {
                continue;
            }
            std::unique_lock lock(sleep_mutex);
            sleeper.wait_for(lock, stop, pause, [] { return false; });
            pause = std::min(pause * 2, k_longest_pause);
        }
    }

    bool keep_hosted = false; ///< the card that comes is the one that the driver hosted last

  private:
    static card::WriteEnd write_end(fault::WriteFate fate) {
        switch (fate) {
        case fault::WriteFate::before:
            return card::WriteEnd::before;
        case fault::WriteFate::torn:
            return card::WriteEnd::torn;
        case fault::WriteFate::after:
            return card::WriteEnd::after;
        case fault::WriteFate::done:
            break;
        }
        return card::WriteEnd::done;
    }

    // What faults do beyond the link: calls of the thread that serves.
    void struck(const fault::Fault& fault) override {
        record(trace::What::note, fmt::format("fault {}: {}", fault.name, fault::info(fault.type).name));
        if (faults.on_strike) {
            faults.on_strike(fault);
        }
    }
    void pull_card() override {
        record(trace::What::removed);
        stopping.request_stop();
    }
    void put_back_at_once() override { at_once = true; }
    void card_lost_power() override {
        if (state_dir) {
            card.reset(); // what comes back is what was stored
        } else {
            power_off();
        }
    }

    // The card as the link sees it: calls of the thread that serves.
    [[nodiscard]] bool here() { return card || make_card().has_value(); }

    Bytes power_on() override { return here() ? card->power_on() : Bytes{}; }
    void power_off() override {
        if (card) {
            card->power_off();
        }
    }
    Bytes reset() override { return here() ? card->reset() : Bytes{}; }
    Bytes atr() override { return {profile->atr.bytes().begin(), profile->atr.bytes().end()}; }
    void set_protocol(unsigned protocol) override {
        if (here()) {
            card->set_protocol(protocol);
        }
    }
    Bytes transmit(ByteView command) override { return here() ? card->transmit(command) : Bytes{}; }
    vpcd::PinEntry enter_pin(const vpcd::PinRequest& request) override { return keypad.enter(request); }

    std::string hosting_request() override {
        const auto state = state_file();
        auto text = fmt::format("slot={}\nprofile={}\nstate={}\nkeep={}\nreader={}\ntrace={}",
                                link.address().text(), std::filesystem::absolute(profile->file).native(),
                                state ? std::filesystem::absolute(*state).native() : std::string(),
                                keep_hosted ? 1 : 0, reports.reader, reports.trace_socket);
        if (std::count(text.begin(), text.end(), '\n') != 5) {
            return {}; // a path that the request cannot name: served over the link
        }
        if (reports.trace && reports.trace_socket.empty()) {
            return {}; // a trace of what happens elsewhere would be empty
        }
        card.reset(); // lets go of its state file
        hosted = true;
        keep_hosted = true;
        return text;
    }
};

CardSlot::CardSlot(vpcd::IccLink link, std::string name, std::optional<std::filesystem::path> state_dir,
                   Patience patience, SlotFaults faults, SlotReports reports)
    : impl_(std::make_unique<Impl>(std::move(link), std::move(name), std::move(state_dir), patience,
                                   std::move(faults), std::move(reports))) {}

CardSlot::~CardSlot() {
    const std::lock_guard lock(impl_->mutex);
    impl_->join();
}

std::string CardSlot::address() const {
    return impl_->link.address().text();
}

Result<void> CardSlot::insert(const std::optional<std::filesystem::path>& profile) {
    auto& slot = *impl_;
    const std::lock_guard lock(slot.mutex);
    BOOST_OUTCOME_TRY(slot.make_room());
    if (profile) {
        BOOST_OUTCOME_TRY(auto loaded, card::load_profile(*profile));
        BOOST_OUTCOME_TRY(slot.replace_card(std::move(loaded)));
    } else if (!slot.profile) {
        return fail(std::errc::invalid_argument,
                    fmt::format("no card was in slot {} before; name a profile", slot.name));
    }
    return slot.connect();
}

Result<void> CardSlot::insert(const card::Profile& profile) {
    auto& slot = *impl_;
    const std::lock_guard lock(slot.mutex);
    BOOST_OUTCOME_TRY(slot.make_room());
    BOOST_OUTCOME_TRY(slot.replace_card(profile));
    return slot.connect();
}

Result<void> CardSlot::remove() {
    auto& slot = *impl_;
    const std::lock_guard lock(slot.mutex);
    if (!slot.occupied()) {
        return fail(std::errc::no_such_device, fmt::format("no card in slot {}", slot.name));
    }
    slot.join();
    slot.record(trace::What::removed);
    return ok();
}

Result<void> CardSlot::cut_link(bool at_once) {
    auto& slot = *impl_;
    const std::lock_guard lock(slot.mutex);
    if (!slot.occupied()) {
        return fail(std::errc::no_such_device, fmt::format("no card in slot {}", slot.name));
    }
    slot.at_once = at_once;
    slot.faulty.cut_link();
    return ok();
}

Result<void> CardSlot::type(vpcd::PinEntry entry) {
    auto& slot = *impl_;
    const std::lock_guard lock(slot.mutex);
    if (!slot.occupied()) {
        return fail(std::errc::no_such_device, fmt::format("no card in slot {}", slot.name));
    }
    slot.keypad.type(std::move(entry));
    return ok();
}

bool CardSlot::occupied() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->occupied();
}

std::string CardSlot::profile_name() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->occupied() ? impl_->profile->name : std::string();
}

std::string CardSlot::atr() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->occupied() ? to_hex(impl_->profile->atr.bytes()) : std::string();
}

bool CardSlot::connected() const {
    return impl_->connected;
}

} // namespace cardlatch::harness
