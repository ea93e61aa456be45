// A PC/SC client that does everything at random, and knows what a card has to answer.

#include "shared.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <reader.h>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>
#include <winscard.h>

namespace cardlatch::stress {

namespace {

using Bytes = std::vector<std::uint8_t>;

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

/// What may happen to a client whose card is pulled, replaced, reset and used by others at any moment.
/// Everything else, a dead or confused pcscd above all, fails the run.
bool is_allowed(std::int64_t code) {
    constexpr std::array<std::int64_t, 13> k_allowed = {SCARD_S_SUCCESS,
                                                        SCARD_E_NO_SMARTCARD,
                                                        SCARD_W_REMOVED_CARD,
                                                        SCARD_W_RESET_CARD,
                                                        SCARD_W_UNPOWERED_CARD,
                                                        SCARD_W_UNRESPONSIVE_CARD,
                                                        SCARD_E_SHARING_VIOLATION,
                                                        SCARD_E_PROTO_MISMATCH,
                                                        SCARD_E_NOT_TRANSACTED,
                                                        SCARD_E_TIMEOUT,
                                                        SCARD_E_READER_UNAVAILABLE,
                                                        SCARD_E_NOT_READY,
                                                        SCARD_E_UNSUPPORTED_FEATURE};
    return std::find(k_allowed.begin(), k_allowed.end(), code) != k_allowed.end();
}

void count(Shared& shared, std::int64_t code) {
    for (auto& entry : shared.codes) {
        std::int64_t none = -1;
        if (entry.code == code || entry.code.compare_exchange_strong(none, code) || none == code) {
            ++entry.count;
            return;
        }
    }
}

class Client {
  public:
    Client(Shared& shared, std::size_t number, std::uint64_t seed)
        : shared_(shared)
        , state_(shared.states.at(number))
        , number_(static_cast<std::uint32_t>(number) + 1)
        , random_(seed) {}

    /// `steps` connections, or fewer when the run stops. False when something failed.
    bool run(std::size_t steps) {
        if (!expect(Call::establish, [&] {
                return ::SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context_);
            })) {
            return false;
        }
        for (std::size_t i = 0; i < steps && !over(); ++i) {
            one_connection();
            ++state_.steps;
        }
        return !shared_.failed;
    }

    /// Reads from the card of every reader.
    bool check() {
        if (!expect(Call::establish, [&] {
                return ::SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context_);
            })) {
            return false;
        }
        for (std::size_t reader = 0; reader < shared_.readers; ++reader) {
            const auto before = shared_.verified.load();
            reader_ = reader;
            // A reset by the last client of the run may still be on its way to this one.
            for (int attempt = 0; attempt < 10 && shared_.verified == before && !shared_.failed; ++attempt) {
                if (connect(SCARD_SHARE_SHARED)) {
                    transaction();
                    disconnect();
                }
            }
            if (shared_.verified == before) {
                fail(shared_, "the card in reader %zu does not answer at the end", reader);
                return false;
            }
        }
        (void)::SCardReleaseContext(context_);
        return !shared_.failed;
    }

  private:
    [[nodiscard]] bool over() const { return shared_.stop || shared_.failed; }
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    bool chance(unsigned percent) { return below(100) < percent; }

    /// Calls, counts what came, and fails the run when that may not be. True for SCARD_S_SUCCESS.
    template <class Function>
    bool expect(Call call, Function&& function) {
        state_.last_ns = now_ns(); // first: a call without its time looks like one that hangs
        state_.call = call;
        const auto code = static_cast<std::int64_t>(static_cast<std::uint32_t>(function()));
        state_.last_ns = now_ns();
        state_.call = Call::none;
        count(shared_, code);
        note(call, code);
        if (!is_allowed(code)) {
            fail(shared_, "client %u: %s on %s returned %08llX", number_, to_string(call),
                 shared_.names.at(reader_).data(), static_cast<unsigned long long>(code));
        }
        last_ = code;
        return code == SCARD_S_SUCCESS;
    }

    void note(Call call, std::int64_t code, unsigned instruction = 0, unsigned status_word = 0) {
        const auto at = state_.noted++ % k_history;
        state_.times.at(at) = now_ns();
        // The facility of PC/SC's codes is always the same: 8 bits and the sign tell them apart.
        state_.history.at(at) = static_cast<std::uint64_t>(call) << 56U |
                                static_cast<std::uint64_t>(reader_) << 48U |
                                static_cast<std::uint64_t>(instruction & 0xFFU) << 32U |
                                static_cast<std::uint64_t>(code & 0xFFFF) << 16U | (status_word & 0xFFFFU);
    }

    bool connect(DWORD mode) {
        return expect(Call::connect, [&] {
            return ::SCardConnect(context_, shared_.names.at(reader_).data(), mode,
                                  mode == SCARD_SHARE_DIRECT ? 0 : SCARD_PROTOCOL_ANY, &card_, &protocol_);
        });
    }

    void disconnect() {
        expect(Call::disconnect, [&] { return ::SCardDisconnect(card_, disposition()); });
    }

    DWORD disposition() {
        const auto roll = below(100);
        return roll < 80   ? SCARD_LEAVE_CARD
               : roll < 92 ? SCARD_RESET_CARD
               : roll < 97 ? SCARD_UNPOWER_CARD
                           : SCARD_EJECT_CARD;
    }

    void one_connection() {
        reader_ = below(shared_.readers);
        const auto roll = below(100);
        const DWORD mode = roll < 88   ? SCARD_SHARE_SHARED
                           : roll < 94 ? SCARD_SHARE_EXCLUSIVE
                                       : SCARD_SHARE_DIRECT;
        if (!connect(mode)) {
            look_at_readers();
            return;
        }
        for (auto left = below(6) + 1; left > 0 && !over(); --left) {
            something();
        }
        disconnect();
    }

    void something() {
        const auto roll = below(100);
        if (roll < 50) {
            transaction();
        } else if (roll < 65) {
            Bytes answer;
            transmit({0x00, 0xB0, 0x00, 0x00, 0x10}, answer); // whatever is selected
        } else if (roll < 72) {
            expect(Call::reconnect, [&] {
                return ::SCardReconnect(card_, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, disposition() % 3,
                                        &protocol_);
            });
        } else if (roll < 80) {
            status();
        } else if (roll < 88) {
            attribute();
        } else if (roll < 94) {
            features();
        } else {
            look_at_readers();
        }
    }

    void status() {
        std::array<char, 256> name{};
        std::array<std::uint8_t, MAX_ATR_SIZE> atr{};
        DWORD name_size = name.size();
        DWORD atr_size = atr.size();
        DWORD state = 0;
        DWORD protocol = 0;
        expect(Call::status, [&] {
            return ::SCardStatus(card_, name.data(), &name_size, &state, &protocol, atr.data(), &atr_size);
        });
    }

    void attribute() {
        constexpr std::array<DWORD, 5> k_tags = {SCARD_ATTR_VENDOR_NAME, SCARD_ATTR_ATR_STRING,
                                                 SCARD_ATTR_ICC_PRESENCE, SCARD_ATTR_CURRENT_PROTOCOL_TYPE,
                                                 SCARD_ATTR_MAXINPUT};
        std::array<std::uint8_t, 264> value{};
        DWORD size = value.size();
        expect(Call::attribute,
               [&] { return ::SCardGetAttrib(card_, k_tags.at(below(k_tags.size())), value.data(), &size); });
    }

    void features() {
        std::array<std::uint8_t, 264> answer{};
        DWORD size = 0;
        expect(Call::control, [&] {
            return ::SCardControl(card_, CM_IOCTL_GET_FEATURE_REQUEST, nullptr, 0, answer.data(),
                                  answer.size(), &size);
        });
    }

    void look_at_readers() {
        std::vector<SCARD_READERSTATE> states(shared_.readers);
        for (std::size_t i = 0; i < states.size(); ++i) {
            states[i] = {};
            states[i].szReader = shared_.names.at(i).data();
        }
        // What libpcsclite 2.5 misread is asked again, as lib/pcsc does (native_wait_for_change()).
        const auto look = [&](DWORD timeout) {
            LONG code = SCARD_S_SUCCESS;
            for (int i = 0; i < 3; ++i) {
                code = ::SCardGetStatusChange(context_, timeout, states.data(), states.size());
                if (code != SCARD_E_UNKNOWN_READER && code != SCARD_E_UNSUPPORTED_FEATURE) {
                    break;
                }
            }
            return code;
        };
        if (expect(Call::change, [&] { return look(0); })) {
            for (auto& state : states) {
                state.dwCurrentState = state.dwEventState;
            }
            expect(Call::change, [&] { return look(below(100)); });
        }
    }

    /// One APDU; `answer` includes the status word. False when there is none.
    bool transmit(const Bytes& command, Bytes& answer) {
        const SCARD_IO_REQUEST pci{protocol_ == 0 ? SCARD_PROTOCOL_T1 : protocol_, sizeof pci};
        answer.resize(66000);
        DWORD size = answer.size();
        if (!expect(Call::transmit, [&] {
                return ::SCardTransmit(card_, &pci, command.data(), command.size(), nullptr, answer.data(),
                                       &size);
            })) {
            return false;
        }
        answer.resize(size);
        if (size < 2) {
            fail(shared_, "client %u: an answer of %lu bytes", number_, size);
        }
        ++shared_.exchanges;
        if (size >= 2) {
            note(Call::transmit, SCARD_S_SUCCESS, command[1], answer[size - 2] * 256U + answer[size - 1]);
        }
        return size >= 2;
    }

    /// A transaction whose answers are known, or none at all. pcscd may let a reset by another client into a
    /// transaction that has just begun, and tell of it late (docs/locking.md, "Resets that come late").
    void transaction() {
        if (!expect(Call::begin, [&] { return ::SCardBeginTransaction(card_); })) {
            return;
        }
        ++shared_.transactions;
        if (chance(2)) {
            ++shared_.deaths;
            ::_exit(EXIT_SUCCESS); // as a crashed program: pcscd has to clean up
        }
        if (reader_ % 2 == 0) {
            read_file();
        } else {
            visit_witness();
        }
        const bool lost = last_ != SCARD_S_SUCCESS;
        const auto at_the_end = std::exchange(late_reset_, false) ? SCARD_RESET_CARD
                                : lost                            ? SCARD_LEAVE_CARD
                                                                  : disposition();
        expect(Call::end, [&] { return ::SCardEndTransaction(card_, at_the_end); });
    }

    /// 20 bytes of a file, some of them, in the card `filecard`: SELECT DF, SELECT EF, READ BINARY.
    void read_file() {
        constexpr std::string_view k_content = "Hello from Cardlatch";
        Bytes answer;
        const auto offset = static_cast<std::uint8_t>(below(k_content.size()));
        const auto length = static_cast<std::uint8_t>(below(k_content.size() - offset) + 1);
        if (!transmit({0x00, 0xA4, 0x08, 0x0C, 0x04, 0x50, 0x00, 0x50, 0x01}, answer) || !is(answer, "") ||
            !transmit({0x00, 0xB0, 0x00, offset, length}, answer) ||
            !is(answer, k_content.substr(offset, length))) {
            return;
        }
        ++shared_.verified;
    }

    /// ENTER, some TOUCH, LEAVE: the witness refuses when somebody else is inside.
    void visit_witness() {
        Bytes answer;
        if (!transmit(witness(0x10, 0), answer) || !is(answer, "")) {
            return;
        }
        const auto touches = below(4);
        for (std::uint32_t i = 0; i < touches; ++i) {
            if (!transmit(witness(0x12, i), answer) || !is(answer, "")) {
                return;
            }
        }
        Bytes leave = {0x80, 0x14, 0x00, 0x00, 0x04};
        put(leave, number_);
        if (transmit(leave, answer) && is(answer, "")) {
            ++shared_.verified;
        }
    }

    static void put(Bytes& bytes, std::uint32_t number) {
        for (int shift = 24; shift >= 0; shift -= 8) {
            bytes.push_back(static_cast<std::uint8_t>(number >> static_cast<unsigned>(shift)));
        }
    }

    [[nodiscard]] Bytes witness(std::uint8_t instruction, std::uint32_t number) const {
        Bytes command = {0x80, instruction, 0x00, 0x00, 0x08};
        put(command, number_);
        put(command, number);
        return command;
    }

    /// Whether the answer is the one that is due. A card that was reset meanwhile says so by its status word;
    /// anything else is wrong, above all other bytes.
    bool is(const Bytes& answer, std::string_view data) {
        constexpr std::array<unsigned, 3> k_after_reset = {0x6985, 0x6986, 0x6A82};
        const unsigned came = static_cast<unsigned>(answer[answer.size() - 2]) << 8U | answer.back();
        if (came == 0x9000 && answer.size() == data.size() + 2 &&
            std::equal(data.begin(), data.end(), answer.begin())) {
            return true;
        }
        if (answer.size() == 2 &&
            std::find(k_after_reset.begin(), k_after_reset.end(), came) != k_after_reset.end()) {
            ++shared_.late_resets;
            late_reset_ = true;
            return false;
        }
        if (!shared_.failed) {
            shared_.failed_reader = static_cast<int>(reader_);
        }
        fail(shared_, "client %u: %s answered %04X with %zu bytes where 9000 with the right %zu bytes is due",
             number_, shared_.names.at(reader_).data(), came, answer.size() - 2, data.size());
        return false;
    }

    Shared& shared_;
    ClientState& state_;
    const std::uint32_t number_; ///< the witness knows it by this
    std::mt19937_64 random_;
    std::size_t reader_ = 0;
    SCARDCONTEXT context_ = 0;
    SCARDHANDLE card_ = 0;
    DWORD protocol_ = 0;
    std::int64_t last_ = 0;
    bool late_reset_ = false;
};

} // namespace

void fail(Shared& shared, const char* format, ...) {
    if (shared.failed.exchange(true)) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)std::vsnprintf(shared.failure.data(), shared.failure.size(), format, arguments);
    va_end(arguments);
}

std::string recent_calls(const Shared& shared) {
    struct Line {
        std::int64_t time;
        std::string text;
    };
    std::vector<Line> lines;
    for (std::size_t client = 0; client < shared.clients; ++client) {
        const auto& state = shared.states.at(client);
        for (std::size_t i = 0; i < k_history; ++i) {
            const auto entry = state.history.at(i).load();
            const auto reader = entry >> 48U & 0xFFU;
            if (state.times.at(i) == 0 ||
                (shared.failed_reader >= 0 && reader != static_cast<std::uint64_t>(shared.failed_reader))) {
                continue;
            }
            std::array<char, 160> text{};
            (void)std::snprintf(text.data(), text.size(),
                                "%12lld us  client %2zu reader %2llu %-22s %04llX INS %02llX SW %04llX",
                                static_cast<long long>(state.times.at(i) / 1000), client + 1,
                                static_cast<unsigned long long>(reader),
                                to_string(static_cast<Call>(entry >> 56U)),
                                static_cast<unsigned long long>(entry >> 16U & 0xFFFFU),
                                static_cast<unsigned long long>(entry >> 32U & 0xFFU),
                                static_cast<unsigned long long>(entry & 0xFFFFU));
            lines.push_back({state.times.at(i), text.data()});
        }
    }
    std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.time < b.time; });
    std::string all;
    for (const auto& line : lines) {
        all += line.text + "\n";
    }
    return all;
}

void live_as_client(Shared& shared, std::size_t number, std::uint64_t seed) {
    constexpr std::size_t k_most_steps = 200;
    while (!shared.go && !shared.stop) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ::setenv("PCSCLITE_CSOCK_NAME", shared.socket.data(), 1); // NOLINT(concurrency-mt-unsafe): one thread
    std::mt19937_64 random(seed + number * 0x9E3779B97F4A7C15U);
    while (!shared.stop && !shared.failed) {
        const auto life = random();
        const pid_t pid = ::fork();
        if (pid < 0) {
            fail(shared, "client %zu: fork: %s", number,
                 std::strerror(errno)); // NOLINT(concurrency-mt-unsafe)
            return;
        }
        if (pid == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            Client(shared, number, life).run(life % k_most_steps + 1);
            ::_exit(EXIT_SUCCESS); // context and all left to pcscd
        }
        int status = 0;
        if (::waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS) {
            fail(shared, "client %zu ended with wait status %04X", number, static_cast<unsigned>(status));
        }
    }
}

bool check_every_card(Shared& shared) {
    return Client(shared, 0, 1).check();
}

} // namespace cardlatch::stress
