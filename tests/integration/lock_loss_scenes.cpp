#include "lock_stage.hpp"

#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <winscard.h>
namespace cardlatch::test {

using namespace cardlatch::pcsc;
namespace witness = card::witness;

namespace {

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

} // namespace

Scenes loss_scenes() {
    return {
        {"killed-holder", killed_holder},   {"killed-waiter", killed_waiter},
        {"stopped-holder", stopped_holder}, {"stuck-queue", stuck_queue},
        {"forked-holder", forked_holder},   {"exec-in-lock", exec_in_lock},
        {"abandoned", abandoned},
    };
}

} // namespace cardlatch::test
