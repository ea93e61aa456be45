#include <cardlatch/vpcd/error.hpp>
#include <cardlatch/vpcd/ifd_link.hpp>

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <string>

namespace cardlatch::vpcd {

namespace {

/// So long a reader waits at the ring for a response; then at the socket, which tells of a peer's end and of
/// time extensions as well.
constexpr Milliseconds k_at_ring{20};

constexpr auto k_ring_bit = static_cast<std::uint8_t>(ReaderFeature::ring);

bool is_atr(ByteView bytes) {
    return bytes.size() >= 2 && bytes.size() <= k_max_atr && (bytes[0] == 0x3B || bytes[0] == 0x3F);
}

Error broken(const char* what, ByteView bytes) {
    constexpr std::size_t k_shown = 40;
    return fail(LinkErrc::malformed, std::string(what) + " (" + std::to_string(bytes.size()) + " bytes: " +
                                         to_hex(bytes.first(std::min(bytes.size(), k_shown)), " ") + ")");
}

} // namespace

IfdLink::IfdLink(UniqueFd fd, Milliseconds plain_timeout, Milliseconds extended_timeout,
                 std::uint8_t features)
    : fd_(std::move(fd))
    , plain_timeout_(plain_timeout)
    , extended_timeout_(extended_timeout)
    , features_(features) {
    tune_tcp(fd_.get());
}

Milliseconds IfdLink::timeout() const noexcept {
    return dialect() == Dialect::plain ? plain_timeout_ : extended_timeout_;
}

void IfdLink::set_receive_timeout() const noexcept {
    const auto ms = timeout().count();
    const timeval value{ms / 1000, (ms % 1000) * 1000};
    (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &value, sizeof value);
}

Result<void> IfdLink::greet() {
    set_receive_timeout();
    encoder_.clear();
    BOOST_OUTCOME_TRY(encoder_.add(Dialect::plain, FrameType::request_atr));
    return send_all(fd_.get(), encoder_.bytes(), Clock::time_point::min());
}

Result<bool> IfdLink::continue_greeting() {
    while (true) {
        BOOST_OUTCOME_TRY(const auto frame, decoder_.next());
        if (frame && dialect() == Dialect::plain) {
            BOOST_OUTCOME_TRY(const bool done, judge_greeting(frame->payload));
            if (done) {
                return true;
            }
            continue;
        }
        if (frame) {
            return judge_card_frame(*frame);
        }
        const auto space = decoder_.space();
        const ssize_t got = ::recv(fd_.get(), space.data(), space.size(), MSG_DONTWAIT);
        if (got > 0) {
            decoder_.commit(static_cast<std::size_t>(got));
        } else if (got == 0) {
            return fail(LinkErrc::closed, "the peer closed the link before it sent an ATR");
        } else if (errno == EAGAIN) {
            return false;
        } else if (errno != EINTR) {
            return transfer_error("receive");
        }
    }
}

Result<bool> IfdLink::judge_greeting(ByteView answer) {
    if (!decoder_.idle()) {
        return broken("the peer sent more than the answer to the first request", answer);
    }
    if (is_atr(answer)) {
        return true;
    }
    const ByteView offer(k_extension_offer);
    const bool offered =
        answer.size() == offer.size() && std::equal(offer.begin(), offer.end() - 1, answer.begin());
    if (!offered || answer.back() == 0) {
        return broken("the peer's first answer is no ATR", answer);
    }
    const auto version = std::min(answer.back(), k_extension_version);
    const bool with_features = version >= k_features_version;
    BOOST_OUTCOME_TRY(say_hello(version));
    decoder_.switch_to(Dialect::extended);
    dialect_.store(Dialect::extended, std::memory_order_relaxed);
    set_receive_timeout();
    has_keypad_ = with_features;
    wants_protocol_ = version >= k_protocol_version;
    return !with_features; // then the card's own frame comes first
}

Result<void> IfdLink::say_hello(std::uint8_t version) {
    const auto encode = [&](std::uint8_t features) {
        const std::array hello{version, features};
        encoder_.clear();
        return encoder_.add(Dialect::extended, FrameType::hello,
                            ByteView(hello).first(version >= k_features_version ? 2 : 1));
    };
    auto ring = offered_ring(version);
    if (ring) {
        BOOST_OUTCOME_TRY(encode(features_));
        const auto memory = ring->take_descriptor();
        const auto sent = send_with_descriptor(fd_.get(), encoder_.bytes(), memory.get());
        if (sent) {
            ring_report_ = "commands go through shared memory";
            ring_ = std::move(ring);
            shared_ring_.store(ring_.get(), std::memory_order_release);
            return ok();
        }
        if (sent.error().code.category() == link_category()) {
            return sent.as_failure();
        }
        ring_report_ = "no shared memory for commands: " + sent.error().message();
    }
    BOOST_OUTCOME_TRY(encode(features_ & static_cast<std::uint8_t>(~k_ring_bit)));
    return send_all(fd_.get(), encoder_.bytes(), Clock::time_point::min());
}

std::unique_ptr<Ring> IfdLink::offered_ring(std::uint8_t version) {
    if (version < k_ring_version || (features_ & k_ring_bit) == 0 || !is_unix(fd_.get())) {
        return nullptr;
    }
    auto ring = Ring::create();
    if (!ring) {
        ring_report_ = "no shared memory for commands: " + ring.error().message();
        return nullptr;
    }
    return std::move(ring).value();
}

Result<bool> IfdLink::judge_card_frame(const Frame& frame) {
    const bool hosts = (features_ & static_cast<std::uint8_t>(ReaderFeature::hosts_cards)) != 0;
    if (frame.type != FrameType::card || !decoder_.idle() || (!hosts && !frame.payload.empty())) {
        return broken("the peer answered to the hello with what is no card frame", frame.payload);
    }
    hosting_request_.assign(frame.payload.begin(), frame.payload.end());
    return true;
}

Result<PinEntry> IfdLink::enter_pin(const PinRequest& request) {
    if (!has_keypad_) {
        return fail(LinkErrc::malformed, "nobody types on a link without version 2 of the extension");
    }
    BOOST_OUTCOME_TRY(const auto payload,
                      exchange(FrameType::pin_request, FrameType::pin_entry, request.encode()));
    auto entry = PinEntry::parse(payload, request);
    decoder_.wipe();
    return entry;
}

Result<void> IfdLink::set_protocol(unsigned protocol) {
    if (wants_protocol_) {
        const std::array payload{static_cast<std::uint8_t>(protocol)};
        BOOST_OUTCOME_TRY(exchange(FrameType::protocol, FrameType::protocol_set, payload));
    }
    return ok();
}

Result<ByteView> IfdLink::power_on() {
    return activate(FrameType::power_on);
}

Result<ByteView> IfdLink::reset() {
    return activate(FrameType::reset);
}

Result<ByteView> IfdLink::activate(FrameType request) {
    const bool plain = dialect() == Dialect::plain;
    BOOST_OUTCOME_TRY(const auto atr, exchange(request, plain ? FrameType::response : FrameType::atr, {}));
    if (!atr.empty() && !is_atr(atr)) {
        return broken("the card answered to reset with what is no ATR", atr);
    }
    return atr;
}

Result<void> IfdLink::power_off() {
    if (dialect() == Dialect::extended) {
        BOOST_OUTCOME_TRY(exchange(FrameType::power_off, FrameType::off, {}));
        return ok();
    }
    encoder_.clear();
    BOOST_OUTCOME_TRY(encoder_.add(Dialect::plain, FrameType::power_off));
    return send_all(fd_.get(), encoder_.bytes(), Clock::now() + timeout());
}

Result<ByteView> IfdLink::transmit(ByteView command) {
    BOOST_OUTCOME_TRY(const auto response, ring_
                                               ? exchange_by_ring(*ring_, command)
                                               : exchange(FrameType::command, FrameType::response, command));
    if (response.size() < 2) {
        return broken("the card answered without a status word", response);
    }
    return response;
}

bool IfdLink::carries(std::size_t size) const noexcept {
    return dialect() == Dialect::plain ? size >= 2 && size <= k_max_plain_body
                                       : size >= 1 && size <= k_max_command;
}

Result<ByteView> IfdLink::exchange(FrameType request, FrameType answer, ByteView payload) {
    encoder_.clear();
    BOOST_OUTCOME_TRY(encoder_.add(dialect(), request, payload));
    if (dialect() == Dialect::plain && request != FrameType::command) {
        // Plain vpcd answers to no control byte but this one. Both leave in one send.
        BOOST_OUTCOME_TRY(encoder_.add(Dialect::plain, FrameType::request_atr));
    }
    if (!decoder_.idle()) {
        return fail(LinkErrc::malformed, "the card sent bytes that nobody asked for");
    }
    const auto deadline = Clock::now() + timeout();
    if (ring_) {
        ring_->call_to_socket(); // in case the card waits at the ring; first, or it might call away the next
                                 // command
    }
    BOOST_OUTCOME_TRY(send_all(fd_.get(), encoder_.bytes(), deadline));
    return receive(answer, deadline, true);
}

Result<ByteView> IfdLink::exchange_by_ring(Ring& ring, ByteView command) {
    if (!decoder_.idle()) {
        return fail(LinkErrc::malformed, "the card sent bytes that nobody asked for");
    }
    const auto now = Clock::now();
    const auto deadline = now + timeout();
    ring.expect();
    if (!ring.send(command)) {
        ring.forget();
        return exchange(FrameType::command, FrameType::response, command);
    }
    BOOST_OUTCOME_TRY(const auto received, ring.await(decoder_.space(), std::min(deadline, now + k_at_ring)));
    if (received.arrival == Ring::Arrival::message) {
        return received.message;
    }
    return receive(FrameType::response, deadline, false);
}

Result<ByteView> IfdLink::receive(FrameType answer, Clock::time_point deadline, bool first) {
    while (true) {
        BOOST_OUTCOME_TRY(const auto frame, decoder_.next());
        if (!frame) {
            BOOST_OUTCOME_TRY(receive_some(first, deadline));
            first = false;
        } else if (frame->type == FrameType::time_extension) {
            const Milliseconds more(frame->payload[0] << 8U | frame->payload[1]);
            deadline = std::max(deadline, Clock::now() + more);
            first = false;
        } else if (frame->type == FrameType::no_answer && answer == FrameType::response && decoder_.idle()) {
            const bool mute = frame->payload[0] == static_cast<std::uint8_t>(NoAnswer::mute);
            return fail(mute ? LinkErrc::mute : LinkErrc::garbled);
        } else if (frame->type != answer) {
            return broken("the card answered with another frame than was asked for", frame->payload);
        } else if (!decoder_.idle()) {
            return broken("the card sent more than one answer", frame->payload);
        } else {
            return frame->payload;
        }
    }
}

Result<void> IfdLink::receive_some(bool first, Clock::time_point deadline) {
    const auto space = decoder_.space();
    // The first receive waits in the kernel, limited by SO_RCVTIMEO, which is this exchange's whole time: one
    // system call when the answer comes in one piece. Whatever follows has the rest of the time, so a trickle
    // of bytes gains nothing.
    bool wait_in_receive = first;
    while (true) {
        const ssize_t got = ::recv(fd_.get(), space.data(), space.size(), wait_in_receive ? 0 : MSG_DONTWAIT);
        if (got > 0) {
            decoder_.commit(static_cast<std::size_t>(got));
            return ok();
        }
        if (got == 0) {
            return fail(LinkErrc::closed, "the peer closed the link");
        }
        if (errno != EAGAIN && errno != EINTR) {
            return transfer_error("receive");
        }
        wait_in_receive = false;
        const auto now = Clock::now();
        if (now >= deadline) {
            return fail(LinkErrc::timed_out, "the card did not answer in time");
        }
        pollfd item{fd_.get(), POLLIN, 0};
        (void)::poll(&item, 1, poll_timeout(deadline, now));
    }
}

void IfdLink::shut_down() const noexcept {
    (void)::shutdown(fd_.get(), SHUT_RDWR); // first: who is woken at the ring looks at the socket
    if (auto* const ring = shared_ring_.load(std::memory_order_acquire); ring != nullptr) {
        ring->shut_down();
    }
}

} // namespace cardlatch::vpcd
