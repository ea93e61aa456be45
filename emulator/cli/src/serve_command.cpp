#include "child_command.hpp"
#include "command.hpp"
#include "trace_options.hpp"

#include <cardlatch/harness/card_slot.hpp>
#include <cardlatch/harness/control.hpp>
#include <cardlatch/harness/slot_control.hpp>

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <poll.h>
#include <random>

namespace cardlatch::cli {

namespace {

/// Slots whose readers belong to somebody else's pcscd, so that no PC/SC client of ours looks on.
class ServedSlots : public harness::SlotControl {
  public:
    explicit ServedSlots(std::uint64_t seed)
        : plan(seed) {}

    fault::FaultPlan plan;
    std::vector<std::unique_ptr<harness::CardSlot>> slots;

    [[nodiscard]] std::vector<harness::SlotStatus> status() const override {
        std::vector<harness::SlotStatus> list;
        for (const auto& slot : slots) {
            const char* present = slot->connected() ? "present" : "unavailable";
            list.push_back({.slot = static_cast<int>(list.size()),
                            .reader = slot->address(),
                            .state = slot->occupied() ? present : "empty",
                            .profile = slot->profile_name(),
                            .atr = slot->atr(),
                            .link = slot->address()});
        }
        return list;
    }
    Result<void> insert(std::size_t slot, const std::optional<std::filesystem::path>& profile) override {
        return slots.at(slot)->insert(profile);
    }
    Result<void> remove(std::size_t slot) override { return slots.at(slot)->remove(); }
    Result<void> type(std::size_t slot, vpcd::PinEntry entry) override {
        return slots.at(slot)->type(std::move(entry));
    }
    [[nodiscard]] const fault::FaultPlan& faults() const override { return plan; }
    Result<std::string> add_fault(fault::Fault fault) override {
        using fault::Type;
        if (fault.type == Type::client_reset || fault.type == Type::unplug ||
            fault.type == Type::kill_pcscd) {
            return fail(std::errc::not_supported, fmt::format("fault {}: the reader belongs to another pcscd",
                                                              fault::info(fault.type).name));
        }
        BOOST_OUTCOME_TRY(auto name, plan.add(fault));
        for (std::size_t i = 0; fault.on == fault::Occasion::now && i < slots.size(); ++i) {
            if (!fault.slot || *fault.slot == i) {
                BOOST_OUTCOME_TRY(fault.type == Type::remove
                                      ? slots[i]->remove()
                                      : slots[i]->cut_link(fault.type == Type::reinsert));
            }
        }
        return name;
    }
    Result<void> remove_fault(const std::string& name) override { return plan.remove(name); }
    Result<void> clear_faults() override {
        plan.clear();
        return ok();
    }
    Result<void> reset(std::size_t) override {
        return fail(
            std::errc::not_supported,
            "reset is what a PC/SC client does, and the reader belongs to another pcscd: use a client there");
    }
};

class ServeCommand : public Command {
  public:
    explicit ServeCommand(CLI::App& root) {
        app_ = root.add_subcommand("serve", "Run cards without a pcscd, for readers that exist already");
        app_->add_option("--card", cards_, "Card, as for run; one for each --connect or --listen, in order")
            ->type_name("PROFILE");
        app_->add_option(
                "--connect", connect_,
                "Where a reader listens: unix:PATH, cardlatch://HOST:PORT (our driver), vpcd://HOST:PORT, "
                "vpcd+unix:PATH (any vpcd)")
            ->type_name("ADDRESS");
        app_->add_option("--listen", listen_, "Where the card listens for a vpcd reader: vpcd://HOST:PORT")
            ->type_name("ADDRESS");
        app_->add_option("--state", state_, "Folder where cards keep their state; without it they forget")
            ->type_name("DIR");
        traces_.add_to(*app_);
        app_->add_option("--fault", faults_, "What goes wrong, TYPE[,KEY=VALUE...]; repeat it for more")
            ->type_name("FAULT");
        app_->add_option("--seed", seed_, "Seed of everything random in faults; default: any")
            ->type_name("N");
        app_->add_option("--control", control_, "Control socket to create, for insert, remove and status")
            ->type_name("PATH");
    }

    int run(const std::vector<std::string>&) override {
        SignalReceiver signals; // before any thread exists
        const auto opened = traces_.open();
        if (!opened) {
            const bool usage = opened.assume_error().code == std::errc::invalid_argument;
            return complain(opened.assume_error(), usage ? k_usage : k_check_failed);
        }
        const int code = serve(signals, opened.assume_value());
        return traces_.close(code);
    }

  private:
    int serve(SignalReceiver& signals, const std::shared_ptr<trace::Sink>& trace) {
        ServedSlots served(seed_.value_or(std::random_device()()));
        const auto ready = open_slots(served, trace);
        if (!ready) {
            const bool usage = ready.assume_error().code == std::errc::invalid_argument;
            return complain(ready.assume_error(), usage ? k_usage : k_check_failed);
        }
        std::unique_ptr<harness::ControlServer> control;
        if (!control_.empty()) {
            auto started = harness::ControlServer::start(control_, harness::make_control_handler(served));
            if (!started) {
                return complain(started.assume_error(), k_check_failed);
            }
            control = std::move(started).assume_value();
        }
        for (const auto& slot : served.status()) {
            fmt::print(stderr, "cardlatch: slot {}: {} at {}\n", slot.slot,
                       slot.profile.empty() ? "no card" : slot.profile, slot.reader);
        }
        pollfd waiting{.fd = signals.fd(), .events = POLLIN, .revents = 0};
        for (;;) {
            ::poll(&waiting, 1, -1);
            while (const auto signal = signals.next()) {
                if (signal->number != SIGCHLD) {
                    return k_ok;
                }
            }
        }
    }

    /// The link has neither secrecy nor proof of who is there.
    static void warn_of_strangers(const vpcd::LinkAddress& address) {
        using Kind = vpcd::LinkAddress::Kind;
        if (address.kind == Kind::connect_unix) {
            return;
        }
        const auto resolved = vpcd::SocketAddress::of_host(address.tcp);
        if (resolved && !resolved.assume_value().is_local()) {
            fmt::print(stderr,
                       "cardlatch: warning: {} leaves this machine unprotected: whoever is there can use the "
                       "card, and everybody in between sees PINs\n",
                       address.text());
        }
    }

    Result<void> open_slots(ServedSlots& served, const std::shared_ptr<trace::Sink>& trace) const {
        std::vector<std::string> addresses = connect_;
        for (const auto& address : listen_) {
            static constexpr std::string_view k_scheme = "vpcd://";
            if (!address.starts_with(k_scheme)) {
                return fail(std::errc::invalid_argument,
                            fmt::format("--listen {}: a card listens on vpcd://HOST:PORT", address));
            }
            addresses.push_back("vpcd-listen://" + address.substr(k_scheme.size()));
        }
        if (addresses.empty()) {
            return fail(std::errc::invalid_argument, "serve needs --connect ADDRESS or --listen ADDRESS");
        }
        auto names = cards_;
        names.resize(std::max(names.size(), addresses.size()), k_default_card);
        if (names.size() > addresses.size()) {
            return fail(std::errc::invalid_argument,
                        fmt::format("{} cards for {} addresses; each card needs its own", names.size(),
                                    addresses.size()));
        }
        BOOST_OUTCOME_TRY(const auto profiles, resolve_cards(names));
        std::optional<std::filesystem::path> state;
        if (!state_.empty()) {
            state = state_;
            std::error_code error;
            if (std::filesystem::create_directories(state_, error); error) {
                return fail(error, fmt::format("state folder {}: {}", state_, error.message()));
            }
        }
        for (std::size_t i = 0; i < addresses.size(); ++i) {
            BOOST_OUTCOME_TRY(auto address, vpcd::LinkAddress::parse(addresses[i]));
            warn_of_strangers(address);
            BOOST_OUTCOME_TRY(auto link, vpcd::IccLink::open(std::move(address)));
            harness::SlotReports reports{.reader = addresses[i],
                                         .trace = trace,
                                         .trace_socket = {},
                                         .on_report = [at = addresses[i]](const std::string& what) {
                                             fmt::print(stderr, "cardlatch: card replay, {}: {}\n", at, what);
                                         }};
            served.slots.push_back(std::make_unique<harness::CardSlot>(
                std::move(link), std::to_string(i), state, harness::CardSlot::Patience::endless,
                harness::SlotFaults{.plan = &served.plan, .slot = i}, std::move(reports)));
            if (profiles[i]) {
                BOOST_OUTCOME_TRY(served.slots.back()->insert(profiles[i]));
            }
        }
        for (const auto& spec : faults_) {
            BOOST_OUTCOME_TRY(auto fault, served.read_fault(spec));
            BOOST_OUTCOME_TRY(served.add_fault(std::move(fault)));
        }
        return ok();
    }

    TraceOptions traces_;
    std::vector<std::string> cards_;
    std::vector<std::string> connect_;
    std::vector<std::string> listen_;
    std::string state_;
    std::string control_;
    std::vector<std::string> faults_;
    std::optional<std::uint64_t> seed_;
};

} // namespace

std::unique_ptr<Command> make_serve_command(CLI::App& root) {
    return std::make_unique<ServeCommand>(root);
}

} // namespace cardlatch::cli
