// lock_client SCENE: plays a scene of processes that want the card, inside a stack with a witness card. Exits
// with 0 when the scene went as it must, and prints what the witness counted.

#include <cardlatch/card/witness.hpp>
#include <cardlatch/pcsc/card.hpp>
#include <cardlatch/pcsc/context.hpp>
#include <cardlatch/pcsc/error.hpp>

#include <sys/prctl.h>
#include <sys/wait.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>
#include <winscard.h>

using namespace cardlatch;
using namespace cardlatch::pcsc;
using Clock = std::chrono::steady_clock;
namespace witness = cardlatch::card::witness;

namespace {

constexpr std::chrono::milliseconds k_moment{200};
constexpr std::chrono::seconds k_patience{60};

[[noreturn]] void give_up(const std::string& what) {
    std::cerr << "lock_client: " << what << std::endl;
    ::_exit(EXIT_FAILURE);
}

void must(bool holds, const std::string& what) {
    if (!holds) {
        give_up(what);
    }
}

template <class T>
T must(Result<T> result, const std::string& what) {
    if (!result) {
        give_up(what + ": " + result.error().message());
    }
    return std::move(result).value();
}

void must(const Result<void>& result, const std::string& what) {
    if (!result) {
        give_up(what + ": " + result.error().message());
    }
}

Reader the_reader() {
    const auto context = must(Context::establish(), "context");
    auto readers = must(context.readers(), "readers");
    must(!readers.empty(), "no reader");
    return readers.front();
}

Card connect() {
    return must(the_reader().connect(), "connect");
}

void send(const Lock& lock, const iso7816::CommandApdu& command) {
    must(must(lock.transmit(command), "transmit").sw.value() == 0x9000, "refused by the witness");
}

void select(const Lock& lock) {
    send(lock, witness::select());
}

/// In and out again, as `client`.
void visit(const Lock& lock, std::uint32_t client) {
    select(lock);
    send(lock, witness::enter(client, 0));
    send(lock, witness::touch(client, 1));
    send(lock, witness::leave(client));
}

/// One process of the scene, and the line to it.
class Actor {
  public:
    /// The actor's own end of the line.
    class Cue {
      public:
        Cue(int in, int out)
            : in_(in)
            , out_(out) {}
        void tell() const { must(::write(out_, "!", 1) == 1, "the scene has ended"); }
        void wait() const {
            char c = 0;
            must(::read(in_, &c, 1) == 1, "the scene has ended");
        }

      private:
        int in_;
        int out_;
    };

    explicit Actor(const std::function<void(const Cue&)>& part, uid_t user = ::geteuid()) {
        std::array<int, 2> down{};
        std::array<int, 2> up{};
        must(::pipe(down.data()) == 0 && ::pipe(up.data()) == 0, "pipe");
        pid_ = ::fork();
        must(pid_ >= 0, "fork");
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::close(down[1]);
            ::close(up[0]);
            must(user == ::geteuid() || (::setgid(user) == 0 && ::setuid(user) == 0), "other user");
            ::prctl(PR_SET_PDEATHSIG, SIGKILL); // once more: who becomes somebody else loses it
            part(Cue(down[0], up[1]));
            ::_exit(EXIT_SUCCESS);
        }
        ::close(down[0]);
        ::close(up[1]);
        to_ = down[1];
        from_ = up[0];
    }

    void go() const { must(::write(to_, "!", 1) == 1, "the actor has ended"); }
    void told() const {
        char c = 0;
        must(::read(from_, &c, 1) == 1, "the actor has failed");
    }
    void signal(int number) const { ::kill(pid_, number); }
    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] int status() const {
        int status = 0;
        must(::waitpid(pid_, &status, 0) == pid_, "waitpid");
        return status;
    }
    void ends_well() const { must(status() == 0, "an actor failed"); }

  private:
    pid_t pid_ = -1;
    int to_ = -1;
    int from_ = -1;
};

void wait_for_queue(unsigned waiting) {
    const auto reader = the_reader();
    const auto deadline = Clock::now() + k_patience;
    while (reader.lock_queue().waiting != waiting) {
        must(Clock::now() < deadline, "the queue did not get its length");
        std::this_thread::yield();
    }
}

/// As visit(), under a lock of its own, while the reset for a client that died may still be under way. pcscd
/// first takes the lock from the dead, then resets the card: the reset may come inside our lock. A command
/// that it comes before is told so, or answered by a card that knows of no entry.
void visit_despite_resets(Card& card, std::uint32_t client) {
    LockPolicy policy = card.lock_policy();
    policy.after_reset = Recovery::reattach([](Lock&) -> Result<void> { return ok(); });
    card.set_lock_policy(policy);
    for (const auto deadline = Clock::now() + k_patience; Clock::now() < deadline;) {
        const auto lock = must(card.lock(), "lock");
        bool entered = true;
        for (const auto& command : {witness::select(), witness::enter(client, 0), witness::leave(client)}) {
            const auto reply = lock.transmit(command);
            must(reply || reply.error().code == Errc::reset_card, "transmit");
            entered = entered && reply && reply.value().sw.value() == 0x9000;
        }
        if (entered) {
            return;
        }
    }
    give_up("the card did not come back");
}

/// Connects, and locks when told: a user of the library that holds the card until told once more.
Actor holder(std::uint32_t client, uid_t user = ::geteuid()) {
    return Actor(
        [client](const Actor::Cue& cue) {
            const auto card = connect();
            cue.tell();
            cue.wait();
            auto lock = must(card.lock(), "lock");
            select(lock);
            send(lock, witness::enter(client, 0));
            cue.tell();
            cue.wait();
            send(lock, witness::leave(client));
            must(lock.unlock(), "unlock");
            cue.tell();
        },
        user);
}

/// As holder(), with winscard.h alone, and locks a second time at the end.
Actor plain_holder() {
    return Actor([](const Actor::Cue& cue) {
        auto card = connect();
        const auto handle = static_cast<SCARDHANDLE>(card.native_handle());
        cue.tell();
        cue.wait();
        must(SCardBeginTransaction(handle) == SCARD_S_SUCCESS, "begin");
        cue.tell();
        cue.wait();
        must(SCardEndTransaction(handle, SCARD_LEAVE_CARD) == SCARD_S_SUCCESS, "end");
        cue.tell();
        cue.wait();
        must(SCardBeginTransaction(handle) == SCARD_S_SUCCESS, "begin again");
        must(SCardEndTransaction(handle, SCARD_LEAVE_CARD) == SCARD_S_SUCCESS, "end again");
    });
}

/// The reset for a client that was killed may still be under way: whatever it breaks off is begun anew.
witness::Report report() {
    auto card = connect();
    LockPolicy policy;
    policy.after_reset = Recovery::reattach([](Lock&) -> Result<void> { return ok(); });
    card.set_lock_policy(policy);
    for (const auto deadline = Clock::now() + k_patience; Clock::now() < deadline;) {
        const auto lock = must(card.lock(), "lock for the report");
        const auto selected = lock.transmit(witness::select());
        const auto reply = lock.transmit(witness::report());
        if (selected && reply && reply.value().sw.value() == 0x9000) {
            return must(witness::Report::parse(reply.value().data), "report");
        }
        must(selected || selected.error().code == Errc::reset_card, "select for the report");
        must(reply || reply.error().code == Errc::reset_card, "report");
    }
    give_up("the card did not settle for the report");
}

/// Every other one is `user`, who also makes the queue.
void order(uid_t user) {
    constexpr std::uint32_t k_clients = 5;
    std::vector<Actor> actors;
    for (std::uint32_t i = 1; i <= k_clients; ++i) {
        actors.push_back(holder(i, i % 2 == 1 ? user : ::geteuid()));
        actors.back().told();
    }
    actors[0].go();
    actors[0].told();
    for (unsigned i = 1; i < k_clients; ++i) {
        actors[i].go();
        wait_for_queue(i);
    }
    for (const auto& actor : actors) {
        actor.go(); // unlock, as soon as locked
    }
    for (const auto& actor : actors) {
        actor.ends_well();
    }
    const auto card = connect();
    const auto lock = must(card.lock(), "lock");
    select(lock);
    const auto data = must(lock.transmit(witness::read_log(0)), "log").data;
    std::uint32_t next = 1;
    for (const auto& entry : must(witness::LogEntry::parse(data), "log")) {
        if (entry.event == witness::Event::enter) {
            must(entry.client == next++, "served out of order");
        }
    }
    must(next == k_clients + 1, "somebody was not served");
}

/// Needs root: opens the private stack's folder and socket to somebody else.
void other_user() {
    constexpr uid_t k_nobody = 65534;
    const std::filesystem::path socket = std::getenv("PCSCLITE_CSOCK_NAME");
    using std::filesystem::perms;
    std::filesystem::permissions(socket, static_cast<perms>(0666));
    std::filesystem::permissions(socket.parent_path(), static_cast<perms>(0711));
    order(k_nobody);
}

void killed_holder() {
    const auto first = holder(1);
    first.told();
    const Actor second([](const Actor::Cue& cue) {
        auto card = connect();
        cue.tell();
        cue.wait();
        visit_despite_resets(card, 2);
    });
    second.told();
    first.go();
    first.told();
    second.go();
    wait_for_queue(1);
    first.signal(SIGKILL);
    (void)first.status();
    second.ends_well();
    must(report().broken_off >= 1, "the first entry was not broken off");
}

void killed_waiter() {
    const auto first = holder(1);
    const auto second = holder(2);
    const auto third = holder(3);
    for (const auto* actor : {&first, &second, &third}) {
        actor->told();
    }
    first.go();
    first.told();
    second.go();
    wait_for_queue(1);
    third.go();
    wait_for_queue(2);
    second.signal(SIGKILL);
    (void)second.status();
    wait_for_queue(1);
    first.go();
    third.told();
    third.go();
    third.ends_well();
    first.ends_well();
}

/// A stopped holder has the card as long as it is stopped; others can give up, and have it afterwards.
void stopped_holder() {
    const auto first = holder(1);
    first.told();
    const auto card = connect();
    first.go();
    first.told();
    first.signal(SIGSTOP);
    must(card.try_lock().error().code == Errc::sharing_violation, "try_lock");
    must(card.lock(Clock::now() + k_moment).error().code == Errc::timeout, "lock with a deadline");
    const auto holds = the_reader().lock_queue().holder;
    must(holds && holds->pid == first.pid() && holds->name == "lock_client", "the holder is not named");
    first.signal(SIGCONT);
    first.go();
    const auto lock = must(card.lock(), "lock");
    visit(lock, 2);
    first.ends_well();
}

/// The forms that do not wait for ever, against a holder that knows nothing of the queue.
void plain() {
    const auto first = plain_holder();
    first.told();
    const auto card = connect();
    first.go();
    first.told();
    must(card.try_lock().error().code == Errc::sharing_violation, "try_lock");
    must(card.lock(Clock::now() + k_moment).error().code == Errc::timeout, "lock with a deadline");
    std::stop_source stop;
    std::thread canceller([&] { stop.request_stop(); });
    must(card.lock(stop.get_token()).error().code == Errc::cancelled, "lock with a stop token");
    canceller.join();
    must(card.lock_depth() == 0, "depth after giving up");
    first.go();
    first.told();
    {
        const auto lock = must(card.lock(Clock::now() + k_patience), "lock");
        const auto nested = must(card.lock(), "nested lock");
        visit(nested, 1);
    }
    first.go(); // nothing that was given up holds the card
    first.ends_well();
}

void recovery() {
    const auto first = connect();
    auto second = connect();
    must(must(first.lock(), "lock").unlock(Disposition::reset), "unlock with a reset");
    must(second.lock().error().code == Errc::reset_card, "the reset was not told");
    int calls = 0;
    LockPolicy policy;
    policy.after_reset = Recovery::reattach([&](Lock& lock) -> Result<void> {
        ++calls;
        select(lock);
        return ok();
    });
    second.set_lock_policy(policy);
    for (int i = 0; i < 2; ++i) {
        const auto lock = must(second.lock(), "lock with recovery");
        send(lock, witness::enter(1, 0)); // selected by the hook
        send(lock, witness::leave(1));
    }
    must(calls == 1, "the hook was not called once");
}

/// Somebody has the turn and not the card: others lose some time, once, and then have the card.
void stuck_queue() {
    const Actor thief([](const Actor::Cue& cue) {
        const auto card = connect();
        cue.tell();
        cue.wait();
        const auto lock = must(card.lock(), "lock");
        const auto handle = static_cast<SCARDHANDLE>(card.native_handle());
        must(SCardEndTransaction(handle, SCARD_LEAVE_CARD) == SCARD_S_SUCCESS,
             "end behind the library's back");
        cue.tell();
        cue.wait();
        ::_exit(EXIT_SUCCESS);
    });
    thief.told();
    auto card = connect();
    LockPolicy policy;
    policy.queue_patience = k_moment;
    card.set_lock_policy(policy);
    thief.go();
    thief.told();
    visit(must(card.lock(), "lock"), 1);
    visit(must(card.try_lock(), "the holder of the queue is known by now"), 1);
    thief.go();
    thief.ends_well();
    visit(must(card.try_lock(), "lock in the queue once more"), 1);
}

/// A child that inherits the lock's objects ends them without ending the lock.
void forked_holder() {
    const Actor first([](const Actor::Cue& cue) {
        const auto card = connect();
        cue.tell();
        cue.wait();
        auto lock = must(card.lock(), "lock");
        select(lock);
        send(lock, witness::enter(1, 0));
        const pid_t child = ::fork();
        must(child >= 0, "fork");
        if (child == 0) {
            must(!lock.held(), "the child holds the parent's lock");
            must(lock.unlock().error().code == Errc::invalid_handle, "unlock in the child");
            must(card.lock().error().code == Errc::invalid_handle, "lock in the child");
            return; // and the objects go
        }
        int status = -1;
        must(::waitpid(child, &status, 0) == child && status == 0, "the child");
        must(lock.held(), "the parent lost its lock");
        cue.tell();
        cue.wait();
        send(lock, witness::touch(1, 1));
        send(lock, witness::leave(1));
        must(lock.unlock(), "unlock");
    });
    first.told();
    const auto card = connect();
    first.go();
    first.told();
    must(card.try_lock().error().code == Errc::sharing_violation, "try_lock");
    const auto holds = the_reader().lock_queue().holder;
    must(holds && holds->pid == first.pid(), "the turn went with the child");
    first.go();
    visit(must(card.lock(), "lock"), 2);
    first.ends_well();
}

/// A holder that becomes another program: pcscd sees its end, the queue does not.
void exec_in_lock() {
    const Actor first([](const Actor::Cue& cue) {
        const auto card = connect();
        cue.tell();
        cue.wait();
        const auto lock = must(card.lock(), "lock");
        cue.tell();
        ::execlp("sleep", "sleep", "1000", nullptr);
        give_up("exec");
    });
    first.told();
    auto card = connect();
    LockPolicy policy;
    policy.queue_patience = k_moment;
    card.set_lock_policy(policy);
    first.go();
    first.told();
    visit_despite_resets(card, 2);
    first.signal(SIGKILL);
    (void)first.status();
    const auto lock = must(card.try_lock(), "lock in the queue once more");
    const auto holds = the_reader().lock_queue().holder;
    must(holds && holds->pid == ::getpid(), "the queue was not given back");
}

/// Leaves what a killed process leaves: nobody is there to remove the queue.
[[noreturn]] void abandoned() {
    const auto first = holder(1);
    first.told();
    first.go();
    first.told();
    first.signal(SIGKILL);
    (void)first.status();
    ::_exit(EXIT_SUCCESS);
}

/// Library users and plain ones, each for a number of rounds that all must complete.
void mixed() {
    constexpr std::uint32_t k_each = 3;
    constexpr int k_rounds = 10;
    std::vector<Actor> actors;
    for (std::uint32_t client = 1; client <= 2 * k_each; ++client) {
        actors.emplace_back([client](const Actor::Cue& cue) {
            const auto card = connect();
            const auto handle = static_cast<SCARDHANDLE>(card.native_handle());
            cue.tell();
            cue.wait();
            for (int round = 0; round < k_rounds; ++round) {
                if (client <= k_each) {
                    visit(must(card.lock(), "lock"), client);
                    continue;
                }
                must(SCardBeginTransaction(handle) == SCARD_S_SUCCESS, "begin");
                for (const auto& command : {witness::select(), witness::enter(client, 0),
                                            witness::touch(client, 1), witness::leave(client)}) {
                    must(card.transmit_unlocked(command.encode()), "transmit");
                }
                must(SCardEndTransaction(handle, SCARD_LEAVE_CARD) == SCARD_S_SUCCESS, "end");
            }
        });
        actors.back().told();
    }
    for (const auto& actor : actors) {
        actor.go();
    }
    for (const auto& actor : actors) {
        actor.ends_well();
    }
    const auto count = report();
    must(count.entries == 2 * k_each * k_rounds && count.leaves == count.entries, "entries");
    must(count.strays == 0, "strays");
}

} // namespace

int main(int argc, char** argv) {
    const std::map<std::string, std::function<void()>> scenes = {
        {"order", [] { order(::geteuid()); }},
        {"other-user", other_user},
        {"killed-holder", killed_holder},
        {"killed-waiter", killed_waiter},
        {"plain", plain},
        {"stopped-holder", stopped_holder},
        {"recovery", recovery},
        {"mixed", mixed},
        {"stuck-queue", stuck_queue},
        {"forked-holder", forked_holder},
        {"exec-in-lock", exec_in_lock},
        {"abandoned", abandoned},
    };
    const auto scene = scenes.find(argc == 2 ? argv[1] : "");
    must(scene != scenes.end(), "no such scene");
    scene->second();
    std::cout << "interleavings " << report().interleavings << std::endl;
}
