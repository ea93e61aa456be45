// The card room behind the driver's plug-in interface: cards that run inside pcscd.
//
// A request is lines of KEY=VALUE, written by the harness's card slot:
//   slot=TEXT      names the slot; its last card stays here while nothing is in the slot
//   profile=PATH   the card's profile
//   state=PATH     where it keeps its state; memory only without
//   keep=1         the slot's last card comes back, if it was of this profile
//   reader=TEXT    the slot's name in traces
//   trace=PATH     where a trace::EventReceiver takes what happens; no trace without

#include <cardlatch/card/card.hpp>
#include <cardlatch/card/profile.hpp>
#include <cardlatch/ifd/card_plugin.h>
#include <cardlatch/trace/event_pipe.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace {

using cardlatch::ByteView;
using cardlatch::card::Card;

using Request = std::map<std::string, std::string, std::less<>>;

std::string field(const Request& request, std::string_view key) {
    const auto found = request.find(key);
    return found == request.end() ? std::string() : found->second;
}

Request parse(std::string_view text) {
    Request request;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const auto line = text.substr(0, end);
        if (const auto equals = line.find('='); equals != std::string_view::npos) {
            request.insert_or_assign(std::string(line.substr(0, equals)),
                                     std::string(line.substr(equals + 1)));
        }
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return request;
}

/// A slot's card, in the slot or waiting to come back.
struct Place {
    std::string profile;
    std::shared_ptr<Card> card;
};

/// The cards of all slots. Never destroyed: pcscd's threads outlive main.
class Places {
  public:
    static Places& get() {
        static auto* const places = new Places;
        return *places;
    }

    cardlatch::Result<std::shared_ptr<Card>> card(const Request& request) {
        const std::lock_guard lock(mutex_);
        auto& place = places_[field(request, "slot")];
        if (field(request, "keep") == "1" && place.card && place.profile == field(request, "profile")) {
            return place.card;
        }
        place = {}; // lets go of its state file, which may be the same
        BOOST_OUTCOME_TRY(const auto profile, cardlatch::card::load_profile(field(request, "profile")));
        cardlatch::card::CardOptions options;
        if (const auto state = field(request, "state"); !state.empty()) {
            options.state_file = state;
        }
        options.report = [slot = field(request, "slot")](const std::string& what) {
            fmt::print(stderr, "cardlatch: {}: {}\n", slot, what); // pcscd's log
        };
        BOOST_OUTCOME_TRY(auto card, Card::create(profile, std::move(options)));
        place = {field(request, "profile"), std::move(card)};
        return place.card;
    }

  private:
    std::mutex mutex_;
    std::map<std::string, Place, std::less<>> places_;
};

} // namespace

struct cardlatch_hosted_card {
    std::shared_ptr<Card> card;
    std::string reader;
    std::shared_ptr<cardlatch::trace::EventSender> trace; ///< null: nobody wants to know
};

namespace {

/// Runs `body`; what it throws (memory is all that can run out) becomes `otherwise`.
template <class Body, class Value>
Value guard(Body&& body, Value otherwise) noexcept {
    try {
        return body();
    } catch (...) {
        return otherwise;
    }
}

cardlatch_hosted_card* open(const char* request, std::size_t size, char* why, std::size_t room) {
    return guard(
        [&]() -> cardlatch_hosted_card* {
            const auto complain = [&](const std::string& text) -> cardlatch_hosted_card* {
                const auto shown = std::min(text.size(), room - 1);
                std::copy_n(text.data(), shown, why);
                why[shown] = '\0';
                return nullptr;
            };
            const auto parsed = parse({request, size});
            auto card = Places::get().card(parsed);
            if (!card) {
                return complain(card.error().message());
            }
            std::shared_ptr<cardlatch::trace::EventSender> trace;
            if (const auto socket = field(parsed, "trace"); !socket.empty()) {
                auto sender = cardlatch::trace::EventSender::connect(socket);
                if (!sender) {
                    return complain(sender.error().message());
                }
                trace = std::move(sender).value();
            }
            return new cardlatch_hosted_card{std::move(card).value(), field(parsed, "reader"),
                                             std::move(trace)};
        },
        static_cast<cardlatch_hosted_card*>(nullptr));
}

using cardlatch::Bytes;
using cardlatch::trace::Clock;
using cardlatch::trace::What;

/// Tells what the card did since `begin`, if somebody wants to know.
void record(const cardlatch_hosted_card& card, What what, Clock::time_point begin, ByteView command,
            ByteView response) {
    if (card.trace) {
        cardlatch::trace::Event event{.begin = begin,
                                      .end = Clock::now(),
                                      .what = what,
                                      .reader = card.reader,
                                      .who = "card",
                                      .command = {command.begin(), command.end()},
                                      .response = {response.begin(), response.end()},
                                      .detail = {}};
        card.trace->record(event);
        cardlatch::wipe(event.command);
        cardlatch::wipe(event.response);
    }
}

Clock::time_point now_if_traced(const cardlatch_hosted_card& card) {
    return card.trace ? Clock::now() : Clock::time_point();
}

void switch_off(cardlatch_hosted_card& card) {
    card.card->power_off();
    record(card, What::power_off, now_if_traced(card), {}, {});
}

void close(cardlatch_hosted_card* card) {
    card->card->power_off();
    delete card;
}

std::size_t give_atr(const cardlatch::Bytes& atr, std::uint8_t* room) {
    std::copy(atr.begin(), atr.end(), room);
    return atr.size();
}

std::size_t power_on(cardlatch_hosted_card* card, std::uint8_t* atr) {
    return guard(
        [&] {
            const auto begin = now_if_traced(*card);
            const auto answer = card->card->power_on();
            record(*card, What::cold_reset, begin, {}, answer);
            return give_atr(answer, atr);
        },
        std::size_t{0});
}

std::size_t reset(cardlatch_hosted_card* card, std::uint8_t* atr) {
    return guard(
        [&] {
            const auto begin = now_if_traced(*card);
            const auto answer = card->card->reset();
            record(*card, What::warm_reset, begin, {}, answer);
            return give_atr(answer, atr);
        },
        std::size_t{0});
}

void power_off(cardlatch_hosted_card* card) {
    guard(
        [&] {
            switch_off(*card);
            return 0;
        },
        0);
}

std::size_t transmit(cardlatch_hosted_card* card, const std::uint8_t* command, std::size_t size,
                     std::uint8_t* response, std::size_t room) {
    return guard(
        [&] {
            const auto begin = now_if_traced(*card);
            const auto answer = card->card->transmit(ByteView(command, size));
            record(*card, What::exchange, begin, ByteView(command, size), answer);
            if (answer.size() <= room) {
                std::copy(answer.begin(), answer.end(), response);
            }
            return answer.size();
        },
        std::size_t{0});
}

void set_protocol(cardlatch_hosted_card* card, std::uint8_t protocol) {
    card->card->set_protocol(protocol);
}

constexpr cardlatch_card_plugin_table k_table{
    CARDLATCH_CARD_PLUGIN_VERSION, open, close, power_on, reset, power_off, transmit, set_protocol};

} // namespace

extern "C" __attribute__((visibility("default"))) const cardlatch_card_plugin_table* cardlatch_card_plugin() {
    return &k_table;
}
