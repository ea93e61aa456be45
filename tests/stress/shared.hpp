#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace cardlatch::stress {

inline constexpr std::size_t k_most_clients = 128;
inline constexpr std::size_t k_most_readers = 16;
inline constexpr std::size_t k_most_codes = 64;
inline constexpr std::size_t k_text = 512;
inline constexpr std::size_t k_history = 24;

using Clock = std::chrono::steady_clock;

/// What a client is doing, for the report when it does not come back.
enum class Call : std::uint8_t {
    none,
    establish,
    connect,
    transmit,
    begin,
    end,
    reconnect,
    status,
    attribute,
    control,
    change,
    disconnect
};

constexpr const char* to_string(Call call) {
    constexpr std::array k_names = {"no call",        "SCardEstablishContext", "SCardConnect",
                                    "SCardTransmit",  "SCardBeginTransaction", "SCardEndTransaction",
                                    "SCardReconnect", "SCardStatus",           "SCardGetAttrib",
                                    "SCardControl",   "SCardGetStatusChange",  "SCardDisconnect"};
    return k_names.at(static_cast<std::size_t>(call));
}

struct ClientState {
    std::atomic<std::int64_t> last_ns{0}; ///< Clock's time of the last call's begin or end
    std::atomic<Call> call{Call::none};
    std::atomic<std::uint64_t> steps{0};
    /// The last calls: time, and the call, the reader, the code and, of a transmission, INS and SW, as note()
    /// packs them.
    std::array<std::atomic<std::int64_t>, k_history> times{};
    std::array<std::atomic<std::uint64_t>, k_history> history{};
    std::atomic<std::uint64_t> noted{0};
};

/// One SCARD code and how often it came.
struct CodeCount {
    std::atomic<std::int64_t> code{-1};
    std::atomic<std::uint64_t> count{0};
};

/// What the processes of a run share: mapped before they are forked.
struct Shared {
    std::atomic<bool> go{false};
    std::atomic<bool> stop{false};
    std::atomic<bool> failed{false};
    std::atomic<bool> told{false}; ///< `failure` is complete
    std::atomic<int> failed_reader{-1};
    std::array<char, k_text> failure{}; ///< what failed first; written by who set `failed`
    std::array<char, k_text> socket{};  ///< PCSCLITE_CSOCK_NAME
    std::size_t clients = 0;
    std::size_t readers = 0;
    std::array<std::array<char, k_text>, k_most_readers> names{};
    std::array<ClientState, k_most_clients> states{};
    std::array<CodeCount, k_most_codes> codes{};
    std::atomic<std::uint64_t> exchanges{0};    ///< APDUs that were answered
    std::atomic<std::uint64_t> verified{0};     ///< of these, answers whose bytes were compared
    std::atomic<std::uint64_t> transactions{0}; ///< that were begun
    std::atomic<std::uint64_t> late_resets{0};  ///< transactions in which pcscd let a reset by somebody else
    std::atomic<std::uint64_t> deaths{0};       ///< clients that ended in the middle of everything
};

/// Notes the first failure of the run; printf's format.
[[gnu::format(printf, 2, 3)]] void fail(Shared& shared, const char* format, ...);

/// The last calls of every client on the reader that the failure is about, or of all clients, in their order.
std::string recent_calls(const Shared& shared);

/// The life of client number `number`: processes one after the other, each of some random steps, some of
/// which end without a word in the middle of a transaction. Returns when `shared.stop` is set.
void live_as_client(Shared& shared, std::size_t number, std::uint64_t seed);

/// After everything: one client that reads from every card. False and a failure noted when a card does not
/// answer as it should.
bool check_every_card(Shared& shared);

} // namespace cardlatch::stress
