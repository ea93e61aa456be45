#include <cardlatch/card/card.hpp>
#include <cardlatch/card/profile.hpp>
#include <cardlatch/harness/card_slot.hpp>

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace cardlatch::harness {

namespace {

constexpr std::chrono::milliseconds k_first_pause{50};
constexpr std::chrono::milliseconds k_longest_pause{1000};

/// The card as the link sees it.
class LinkedCard : public vpcd::IccHandler {
  public:
    explicit LinkedCard(card::Card& card)
        : card_(card) {}
    Bytes power_on() override { return card_.power_on(); }
    void power_off() override { card_.power_off(); }
    Bytes reset() override { return card_.reset(); }
    Bytes atr() override { return {card_.atr().bytes().begin(), card_.atr().bytes().end()}; }
    Bytes transmit(ByteView command) override { return card_.transmit(command); }

  private:
    card::Card& card_;
};

} // namespace

struct CardSlot::Impl {
    vpcd::IccLink link;
    const std::string name;
    const std::optional<std::filesystem::path> state_dir;
    const Patience patience;
    mutable std::mutex mutex; ///< guards what follows, but not the link and the card while `server` runs
    std::unique_ptr<card::Card> card;
    std::jthread server;
    std::atomic<bool> connected = false;

    Impl(vpcd::IccLink l, std::string n, std::optional<std::filesystem::path> s, Patience p)
        : link(std::move(l))
        , name(std::move(n))
        , state_dir(std::move(s))
        , patience(p) {}

    [[nodiscard]] bool occupied() const { return server.joinable(); }

    Result<void> replace_card(const std::filesystem::path& file) {
        BOOST_OUTCOME_TRY(const auto profile, card::load_profile(file));
        card::CardOptions options;
        if (state_dir) {
            options.state_file = *state_dir / fmt::format("{}-{}.toml", name, profile.name);
        }
        card.reset(); // the old card lets go of its state file, which may be the same
        BOOST_OUTCOME_TRY(card, card::Card::create(profile, std::move(options)));
        return ok();
    }

    /// Serves the driver until `stop`; `up` when the link stands already.
    void serve(const std::stop_token& stop, bool up) {
        LinkedCard handler(*card);
        auto pause = k_first_pause;
        std::mutex sleep_mutex;
        std::condition_variable_any sleeper;
        while (!stop.stop_requested()) {
            up = up || link.insert().has_value();
            if (up) {
                connected = true;
                const auto began = std::chrono::steady_clock::now();
                static_cast<void>(link.serve(handler, stop)); // a broken link is made anew
                connected = false;
                card->power_off();
                link.remove();
                up = false;
                if (std::chrono::steady_clock::now() - began > k_longest_pause) {
                    pause = k_first_pause;
                }
            }
            std::unique_lock lock(sleep_mutex);
            sleeper.wait_for(lock, stop, pause, [] { return false; });
            pause = std::min(pause * 2, k_longest_pause);
        }
    }
};

CardSlot::CardSlot(vpcd::IccLink link, std::string name, std::optional<std::filesystem::path> state_dir,
                   Patience patience)
    : impl_(std::make_unique<Impl>(std::move(link), std::move(name), std::move(state_dir), patience)) {}

CardSlot::~CardSlot() {
    static_cast<void>(remove()); // an empty slot is no error here
}

std::string CardSlot::address() const {
    return impl_->link.address().text();
}

Result<void> CardSlot::insert(const std::optional<std::filesystem::path>& profile) {
    auto& slot = *impl_;
    const std::lock_guard lock(slot.mutex);
    if (slot.occupied()) {
        return fail(std::errc::device_or_resource_busy,
                    fmt::format("a card is in slot {}; remove it first", slot.name));
    }
    if (profile) {
        BOOST_OUTCOME_TRY(slot.replace_card(*profile));
    } else if (!slot.card) {
        return fail(std::errc::invalid_argument,
                    fmt::format("no card was in slot {} before; name a profile", slot.name));
    }
    const auto linked = slot.link.insert();
    if (!linked && slot.patience == Patience::none) {
        return linked.as_failure();
    }
    slot.server =
        std::jthread([&slot, up = linked.has_value()](const std::stop_token& stop) { slot.serve(stop, up); });
    return ok();
}

Result<void> CardSlot::remove() {
    auto& slot = *impl_;
    const std::lock_guard lock(slot.mutex);
    if (!slot.occupied()) {
        return fail(std::errc::no_such_device, fmt::format("no card in slot {}", slot.name));
    }
    slot.server.request_stop();
    slot.server.join();
    return ok();
}

bool CardSlot::occupied() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->occupied();
}

std::string CardSlot::profile_name() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->occupied() ? impl_->card->profile_name() : std::string();
}

std::string CardSlot::atr() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->occupied() ? to_hex(impl_->card->atr().bytes()) : std::string();
}

bool CardSlot::connected() const {
    return impl_->connected;
}

} // namespace cardlatch::harness
