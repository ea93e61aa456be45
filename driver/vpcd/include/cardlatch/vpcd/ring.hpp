#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>
#include <cardlatch/base/unique_fd.hpp>
#include <cardlatch/vpcd/socket.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace cardlatch::vpcd {

/// Looking again and again before one sleeps: while that pays, and not where others want the CPU. For one
/// thread.
class Polling {
  public:
    /// Looks until `word` is no longer `value`, for at most 50 us, and lets others run in between. Gives up
    /// at once, more and more often, when the last times were in vain or this thread had to queue for its
    /// CPU.
    void while_equal(std::atomic_ref<std::uint32_t> word, std::uint32_t value) noexcept;

  private:
    void was_in_vain(unsigned steps) noexcept;

    unsigned failures_ = 0; ///< in a row
    unsigned skip_ = 0;     ///< so many times it does not look
};

/// Memory that both ends of a link share beside their socket, with room for one command and one response
/// (docs/protocol.md, "The ring").
///
/// A message is left only where the other end waits for it at that moment; otherwise it goes through the
/// socket. So who waits long waits on the socket, and everything that is no APDU stays there. Nothing in the
/// memory is believed: a length is read once and judged, bytes are copied out before anyone looks at them,
/// and every wait has an end, whatever the other side writes there.
///
/// One thread at a time calls these; any thread shut_down().
class Ring {
  public:
    /// Makes the memory, as the reader: all of it allocated, and sealed against every change of its size.
    /// Errors: the system's; std::errc::file_too_large where this process may have no file of its size.
    static Result<std::unique_ptr<Ring>> create();

    /// Uses a reader's memory, as the card, and closes the descriptor.
    /// Errors: LinkErrc::malformed for memory of another size, or that could shrink; the system's.
    static Result<std::unique_ptr<Ring>> adopt(UniqueFd memory);

    ~Ring();
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    /// The memory's descriptor, for the card; it is the caller's then, and no longer the ring's.
    [[nodiscard]] UniqueFd take_descriptor() noexcept { return std::move(memory_); }

    /// From now on the other end may leave a message here, until await() or forget().
    void expect() noexcept;

    /// The next message comes through the socket.
    void forget() const noexcept;

    /// How a wait ended.
    enum class Arrival : std::uint8_t {
        message,   ///< with a message
        on_socket, ///< a message is in the socket, or on its way there
        nothing,   ///< nothing came in time, or the link has ended: look at the socket
    };

    /// What await() heard.
    struct Received {
        Arrival arrival = Arrival::nothing;
        ByteView message; ///< in the room that was given to await()
    };

    /// Waits since expect() for a message, until `until`: looking first, then asleep. `room` is where the
    /// message goes, large enough for the longest. It is overwritten in the shared memory.
    /// Errors: LinkErrc::malformed when the memory says what no proper peer writes.
    Result<Received> await(std::span<std::uint8_t> room, Clock::time_point until);

    /// Leaves a message for the other end. False, and nothing is done, when the other end does not wait here
    /// or takes no message of that length: then it goes through the socket.
    [[nodiscard]] bool send(ByteView message) const noexcept;

    /// Sends the other end to its socket, in case it waits here: a message is about to come there.
    void call_to_socket() const noexcept;

    /// Ends the waits of both sides, now and later. A message that is there can still be taken.
    void shut_down() noexcept;

  private:
    struct Box;
    struct Layout;
    enum class Side : std::uint8_t { reader, card };

    /// One direction: where its messages are, and how long they may be, in bytes.
    struct Channel {
        Box* box;
        std::size_t min;
        std::size_t max;
    };

    Ring(Layout& memory, UniqueFd descriptor, Side side) noexcept;
    static Result<Layout*> map(int descriptor);
    [[nodiscard]] bool awaited() const noexcept;
    [[nodiscard]] bool leave(std::uint32_t length) const noexcept;
    Result<Received> take(std::span<std::uint8_t> room);
    [[nodiscard]] std::uint32_t sleep(Clock::time_point until) const noexcept;

    Layout& layout_;
    UniqueFd memory_;
    Channel in_;
    Channel out_;
    bool is_card_;
    std::uint32_t reader_cpu_ = 0; ///< the card's: where the reader ran when it left the last message
    Polling polling_;
    std::atomic<bool> shut_{false};
};

} // namespace cardlatch::vpcd
