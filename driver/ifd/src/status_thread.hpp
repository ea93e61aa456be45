#pragma once

#include "visitors.hpp"

#include <cstdint>
#include <optional>
#include <thread>

namespace cardlatch::ifd {

/// What there is to see of a slot.
enum class Seen : std::uint8_t { absent, present, unplugged };

/// What pcscd's status thread knows of a slot, as far as its calls tell.
///
/// That thread asks for presence in its loop, where it notes the answer, and whenever it switches the card's
/// power, where it forgets it (pcsc-lite, EHStatusHandlerThread and IFDPowerICC). The driver cannot tell the
/// two apart, so an answer counts when all since the last wait were the same.
///
/// Not for several threads: the owner locks.
class StatusThread {
  public:
    using TimePoint = Visitors::TimePoint;

    /// Whether the calling thread is the status thread. Before its first wait every thread is.
    [[nodiscard]] bool calls() const noexcept { return unknown() || id_ == std::this_thread::get_id(); }

    /// The answer to its question for presence, while `current` is the truth: what it was told before, as
    /// long as a client's thread would overwrite what it notes.
    Seen answer(Seen current, TimePoint now);

    /// It begins to wait.
    void begins_to_wait();

    /// Whether it has certainly noted `current`; else it has to ask again.
    [[nodiscard]] bool knows(Seen current) const noexcept { return !in_doubt_ && told() == current; }
    /// Whether it may: see answer().
    bool may_hear(Seen current, TimePoint now);

    /// Whether it is sure that `seen` is what it has noted last.
    [[nodiscard]] bool has_noted(Seen seen) const noexcept {
        return !last_answer_ && !in_doubt_ && noted_ == seen;
    }
    /// Whether it has perhaps noted that a card is present.
    [[nodiscard]] bool may_believe_in_a_card() const noexcept {
        return noted_ == Seen::present || last_answer_ == Seen::present || mixed_ || in_doubt_;
    }

    /// Calls of pcscd's other threads, which are clients'.
    void visitor_enters(Visitors::Call call, TimePoint now);
    void visitor_leaves(TimePoint now) { visitors_.leave(now); }

  private:
    [[nodiscard]] bool unknown() const noexcept { return id_ == std::thread::id{}; }
    [[nodiscard]] Seen told() const noexcept { return last_answer_.value_or(noted_); }
    void settle();

    std::thread::id id_;              ///< the thread that waits; none before the first wait
    Seen noted_ = Seen::absent;       ///< the last answer that counted
    std::optional<Seen> last_answer_; ///< since the last wait
    bool mixed_ = false;              ///< the answers since the last wait were not all the same
    bool in_doubt_ = false;           ///< they were not before the last wait
    Seen looming_ = Seen::absent;     ///< the truth when may_hear() was asked last
    Visitors visitors_;
};

} // namespace cardlatch::ifd
