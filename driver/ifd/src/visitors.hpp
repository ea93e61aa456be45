#pragma once

#include <cardlatch/vpcd/socket.hpp>

#include <sys/types.h>

#include <vector>

namespace cardlatch::ifd {

/// pcscd's client threads that have been told about the card and may not have written down what follows.
///
/// SCardReconnect, SCardEndTransaction and SCardDisconnect switch the card's power and note "present" or
/// "mute" in the reader's state when the driver has returned, under no lock. When the card leaves meanwhile
/// and pcscd's status thread notes "absent" first, the client's thread overwrites it, and pcscd believes in
/// a card that is gone until the next one comes (pcsc-lite 1.9.9 to 2.5, winscard.c). So the driver tells a
/// change to the status thread when these threads have come to their ends.
///
/// Not for several threads: the owner locks.
class Visitors {
  public:
    using TimePoint = vpcd::Clock::time_point;

    enum class Call { presence, power };

    /// The calling thread enters the driver; leave() when it returns. `presence` tells it of the card anew.
    void enter(Call call, TimePoint now);
    void leave(TimePoint now);

    /// What those who are here were told has changed.
    void mark();

    /// Whether all whom mark() met have done with what they were told: each waits for its client's next
    /// request, or for another's transaction to end (as /proc tells), or has ended itself. Once out
    /// of the driver, a thread that /proc says nothing of is waited for 5 ms, and none longer than a second.
    [[nodiscard]] bool settled(TimePoint now);

  private:
    struct Visitor {
        pid_t thread = 0;
        bool inside = false;
        bool marked = false;
        TimePoint since{}; ///< the last enter() or leave()
    };

    [[nodiscard]] static bool has_done(const Visitor& visitor, TimePoint now);
    Visitor* find_self();

    std::vector<Visitor> visitors_;
};

} // namespace cardlatch::ifd
