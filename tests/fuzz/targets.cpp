// What peers, programs and configuration files can send to the driver and to the control socket.

#include "targets.hpp"

#include <cardlatch/base/unique_fd.hpp>
#include <cardlatch/harness/control.hpp>
#include <cardlatch/harness/slot_control.hpp>
#include <cardlatch/vpcd/codec.hpp>
#include <cardlatch/vpcd/icc_endpoint.hpp>
#include <cardlatch/vpcd/ifd_link.hpp>
#include <cardlatch/vpcd/ring.hpp>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <atr_protocols.hpp>
#include <cstdlib>
#include <device_name.hpp>
#include <fcntl.h>
#include <pin_block.hpp>
#include <string>
#include <unistd.h>
#include <vector>

namespace cardlatch::fuzz {

namespace {

using vpcd::Dialect;
using vpcd::Milliseconds;

void promise(bool kept) {
    if (!kept) {
        std::abort();
    }
}

/// A stream whose other end says `input` and no more, but lets one answer: who is answered nothing gets no
/// further than the first send.
struct Said {
    explicit Said(ByteView input) {
        std::array<int, 2> ends{};
        promise(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        ours.reset(ends[0]);
        theirs.reset(ends[1]);
        constexpr int k_room = 1 << 20;
        for (const int end : ends) {
            (void)::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &k_room, sizeof k_room);
        }
        (void)::send(theirs.get(), input.data(), input.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)::shutdown(theirs.get(), SHUT_WR); // every receive ends
    }

    UniqueFd ours;
    UniqueFd theirs;
};

/// The decoder, fed in pieces: the first byte says how, which side and which dialect. What it finds encodes
/// to what it read.
void link_codec(ByteView input) {
    if (input.empty()) {
        return;
    }
    const auto side = (input[0] & 1U) != 0 ? vpcd::Side::ifd : vpcd::Side::icc;
    const auto dialect = (input[0] & 2U) != 0 ? Dialect::extended : Dialect::plain;
    const std::size_t piece = 1 + (input[0] >> 2U);
    vpcd::Decoder decoder(dialect, side);
    vpcd::Encoder encoder;
    std::size_t read = 0;
    for (auto rest = input.subspan(1); !rest.empty();) {
        const auto space = decoder.space();
        const auto size = std::min({piece, rest.size(), space.size()});
        promise(size > 0);
        std::copy_n(rest.begin(), size, space.begin());
        decoder.commit(size);
        rest = rest.subspan(size);
        while (true) {
            const auto frame = decoder.next();
            if (!frame) {
                return;
            }
            if (!frame.value()) {
                break;
            }
            encoder.clear();
            const auto& [type, payload] = *frame.value();
            if (encoder.add(dialect, type, payload)) {
                const auto again = encoder.bytes();
                promise(read + again.size() < input.size() &&
                        std::equal(again.begin(), again.end(),
                                   input.begin() + 1 + static_cast<std::ptrdiff_t>(read)));
                read += again.size();
            } else {
                return; // plain messages of a card may be empty, which no encoder writes
            }
        }
    }
}

/// The driver's end of a link whose card says `input`.
void reader_link(ByteView input) {
    constexpr Milliseconds k_short{50};
    Said said(input);
    vpcd::IfdLink link(std::move(said.ours), k_short, k_short, 0x07);
    if (!link.greet()) {
        return;
    }
    const auto greeted = link.continue_greeting();
    if (!greeted || !greeted.value()) {
        return;
    }
    promise(link.hosting_request().size() <= vpcd::k_max_hosting_request);
    const auto atr = link.power_on();
    if (!atr) {
        return;
    }
    promise(atr.value().size() <= vpcd::k_max_atr);
    constexpr std::array<std::uint8_t, 4> k_command{0x00, 0xA4, 0x04, 0x00};
    const auto answer = link.transmit(k_command);
    if (!answer) {
        return;
    }
    promise(answer.value().size() >= 2 && answer.value().size() <= vpcd::k_max_response);
    (void)link.enter_pin({.current = true, .fresh = true, .repeated = true});
}

/// A card that answers with what it was told, cut to what fits a short response.
class EchoCard : public vpcd::IccHandler {
  public:
    Bytes power_on() override { return {0x3B, 0x80, 0x01, 0x81}; }
    void power_off() override {}
    Bytes reset() override { return power_on(); }
    Bytes atr() override { return power_on(); }
    Bytes transmit(ByteView command) override {
        promise(!command.empty() && command.size() <= vpcd::k_max_command);
        Bytes response(command.begin(), command.begin() + static_cast<std::ptrdiff_t>(
                                                              std::min<std::size_t>(command.size(), 256)));
        response.insert(response.end(), {0x90, 0x00});
        return response;
    }
    std::string hosting_request() override { return "fuzz"; }
};

/// The card's end of a link whose reader says `input`.
void card_link(ByteView input) {
    EchoCard card;
    const bool offers = input.empty() || (input[0] & 1U) != 0;
    Said said(input.empty() ? input : input.subspan(1));
    (void)vpcd::IccEndpoint(card, offers).serve(std::move(said.ours), {});
}

/// The memory of a ring as somebody else has it, who writes there what he likes.
class Scribbler {
  public:
    explicit Scribbler(const UniqueFd& memory)
        : at_(static_cast<std::uint8_t*>(
              ::mmap(nullptr, k_size, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0))) {
        promise(static_cast<void*>(at_) != MAP_FAILED);
    }
    ~Scribbler() { (void)::munmap(at_, k_size); }
    Scribbler(const Scribbler&) = delete;
    Scribbler& operator=(const Scribbler&) = delete;

    /// The word, the length or the bytes of one box.
    void write(bool to_reader, std::size_t at, ByteView bytes) {
        std::copy(bytes.begin(), bytes.end(), at_ + (to_reader ? k_size / 2 : 0) + at);
    }

  private:
    static constexpr std::size_t k_size = std::size_t{2} * 17 * 4096;
    std::uint8_t* at_;
};

/// Both ends of a ring, in turns with somebody who writes into it: three bytes and more say what happens
/// next.
void ring(ByteView input) {
    auto reader = vpcd::Ring::create();
    promise(reader.has_value());
    const auto memory = reader.value()->take_descriptor();
    auto card = vpcd::Ring::adopt(UniqueFd(::dup(memory.get())));
    promise(card.has_value());
    Scribbler scribbler(memory);
    Bytes room(vpcd::k_max_message);
    for (std::size_t at = 0; at < input.size();) {
        const bool of_reader = (input[at] & 0x80U) != 0;
        auto& end = of_reader ? *reader.value() : *card.value();
        const auto what = input[at++] & 7U;
        const auto rest = input.subspan(at);
        const auto piece = rest.first(std::min<std::size_t>(rest.size(), 4));
        if (what == 0) {
            end.expect();
        } else if (what == 1) {
            const auto got = end.await(room, vpcd::Clock::now());
            promise(!got || got.value().arrival != vpcd::Ring::Arrival::message ||
                    (got.value().message.size() >= (of_reader ? 2U : 1U) &&
                     got.value().message.size() <= (of_reader ? vpcd::k_max_response : vpcd::k_max_command)));
        } else if (what == 2) {
            (void)end.send(piece);
            at += piece.size();
        } else if (what == 3) {
            end.call_to_socket();
        } else if (what == 4) {
            end.forget();
        } else if (what == 5) {
            end.shut_down();
        } else {
            scribbler.write(of_reader, what == 6 ? 0 : 4, piece);
            at += piece.size();
        }
    }
}

/// What programs and configuration files give the driver: PIN structures, ATRs, DEVICENAMEs.
void driver_input(ByteView input) {
    (void)ifd::AtrProtocols::of(input);
    (void)ifd::DeviceName::parse({reinterpret_cast<const char*>(input.data()), input.size()});
    vpcd::PinEntry entry(vpcd::PinEntry::Outcome::entered);
    entry.current = {'1', '2', '3', '4', '5'};
    entry.fresh = entry.repeated = {'6', '7', '8', '9'};
    for (const auto& command : {ifd::PinCommand::verify(input), ifd::PinCommand::modify(input)}) {
        if (!command) {
            continue;
        }
        (void)command->refusal(entry);
        if (const auto apdu = command->fill(entry)) {
            promise(apdu->size() >= 5 && apdu->size() <= 4 + 1 + 255 + 1 &&
                    apdu->size() >= 5 + std::size_t{(*apdu)[4]});
        }
    }
}

/// Slots that take whatever is asked of them.
class Slots : public harness::SlotControl {
  public:
    [[nodiscard]] std::vector<harness::SlotStatus> status() const override {
        return {{.slot = 0,
                 .reader = "Reader 00 00",
                 .state = "present",
                 .profile = "p",
                 .atr = "3B00",
                 .link = "unix:/l"}};
    }
    Result<void> insert(std::size_t, const std::optional<std::filesystem::path>&) override { return ok(); }
    Result<void> remove(std::size_t) override { return ok(); }
    Result<void> reset(std::size_t) override { return ok(); }
    Result<void> type(std::size_t, vpcd::PinEntry) override { return ok(); }
    Result<bool> acquire(std::size_t, std::chrono::milliseconds) override { return true; }
    [[nodiscard]] const fault::FaultPlan& faults() const override { return plan_; }
    Result<std::string> add_fault(fault::Fault fault) override { return plan_.add(std::move(fault)); }
    Result<void> remove_fault(const std::string& name) override { return plan_.remove(name); }
    Result<void> clear_faults() override {
        plan_.clear();
        return ok();
    }

  private:
    fault::FaultPlan plan_{1};
};

/// A control socket with a server behind it, for the life of the process.
class Server {
  public:
    Server() {
        std::string name = "/tmp/cardlatch-fuzz-XXXXXX";
        promise(::mkdtemp(name.data()) != nullptr);
        folder_ = name;
        server_ =
            harness::ControlServer::start(folder_ / "control", harness::make_control_handler(slots_)).value();
    }
    ~Server() {
        server_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Says `input` and reads until the server has hung up.
    void hear(ByteView input) const {
        const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const auto path = (folder_ / "control").native();
        std::copy(path.begin(), path.end(), address.sun_path);
        promise(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        (void)::send(fd.get(), input.data(), input.size(), MSG_NOSIGNAL);
        (void)::shutdown(fd.get(), SHUT_WR);
        std::array<char, 4096> piece{};
        while (::recv(fd.get(), piece.data(), piece.size(), 0) > 0) {
        }
    }

  private:
    Slots slots_;
    std::filesystem::path folder_;
    std::unique_ptr<harness::ControlServer> server_;
};

void control(ByteView input) {
    static const Server server;
    server.hear(input);
}

constexpr std::array k_link_targets{Target{"link_codec", link_codec},     Target{"reader_link", reader_link},
                                    Target{"card_link", card_link},       Target{"ring", ring},
                                    Target{"driver_input", driver_input}, Target{"control", control}};

} // namespace

std::span<const Target> targets() {
    static const auto all = [] {
        std::vector<Target> joined(k_link_targets.begin(), k_link_targets.end());
        joined.insert(joined.end(), card_targets().begin(), card_targets().end());
        return joined;
    }();
    return all;
}

} // namespace cardlatch::fuzz
