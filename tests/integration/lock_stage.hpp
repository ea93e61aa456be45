#pragma once

// What the scenes of lock_client are made of: processes that act on a cue, and what they do with the card.

#include <cardlatch/card/witness.hpp>
#include <cardlatch/pcsc/card.hpp>
#include <cardlatch/pcsc/context.hpp>
#include <cardlatch/pcsc/error.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <unistd.h>
#include <utility>

namespace cardlatch::test {

using Clock = std::chrono::steady_clock;

inline constexpr std::chrono::milliseconds k_moment{200};
inline constexpr std::chrono::seconds k_patience{60};

/// Says `what` and ends the process.
[[noreturn]] void give_up(const std::string& what);

void must(bool holds, const std::string& what);
void must(const Result<void>& result, const std::string& what);
template <class T>
T must(Result<T> result, const std::string& what) {
    if (!result) {
        give_up(what + ": " + result.error().message());
    }
    return std::move(result).value();
}

pcsc::Reader the_reader();
pcsc::Card connect();

/// A command that the card has to answer with 9000.
void send(const pcsc::Lock& lock, const iso7816::CommandApdu& command);
void select(const pcsc::Lock& lock);
/// In and out again, as `client`.
void visit(const pcsc::Lock& lock, std::uint32_t client);

/// As visit(), under a lock of its own, while the reset for a client that died may still be under way. pcscd
/// first takes the lock from the dead, then resets the card: the reset may come inside our lock. A command
/// that it comes before is told so, or answered by a card that knows of no entry.
void visit_despite_resets(pcsc::Card& card, std::uint32_t client);

/// The witness's counters. The reset for a client that was killed may still be under way: whatever it breaks
/// off is begun anew.
card::witness::Report report();

/// Returns when so many users of the library wait.
void wait_for_queue(unsigned waiting);

/// One process of the scene, and the line to it.
class Actor {
  public:
    /// The actor's own end of the line.
    class Cue {
      public:
        Cue(int in, int out)
            : in_(in)
            , out_(out) {}
        void tell() const;
        void wait() const;

      private:
        int in_;
        int out_;
    };

    explicit Actor(const std::function<void(const Cue&)>& part, uid_t user = ::geteuid());

    void go() const;
    void told() const;
    void signal(int number) const;
    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] int status() const;
    void ends_well() const;

  private:
    pid_t pid_ = -1;
    int to_ = -1;
    int from_ = -1;
};

/// Connects, and locks when told: a user of the library that holds the card until told once more.
Actor holder(std::uint32_t client, uid_t user = ::geteuid());
/// As holder(), with winscard.h alone, and locks a second time at the end.
Actor plain_holder();

using Scenes = std::map<std::string, std::function<void()>>;
/// Waits, order, recovery.
Scenes waiting_scenes();
/// Deaths, forks, and a queue that is stuck.
Scenes loss_scenes();

} // namespace cardlatch::test
