#include "lock_stage.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <thread>
#include <winscard.h>

namespace cardlatch::test {

using namespace cardlatch::pcsc;
namespace witness = card::witness;

void give_up(const std::string& what) {
    std::cerr << "lock_client: " << what << std::endl;
    ::_exit(EXIT_FAILURE);
}

void must(bool holds, const std::string& what) {
    if (!holds) {
        give_up(what);
    }
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

void visit(const Lock& lock, std::uint32_t client) {
    select(lock);
    send(lock, witness::enter(client, 0));
    send(lock, witness::touch(client, 1));
    send(lock, witness::leave(client));
}

void Actor::Cue::tell() const {
    must(::write(out_, "!", 1) == 1, "the scene has ended");
}

void Actor::Cue::wait() const {
    char c = 0;
    must(::read(in_, &c, 1) == 1, "the scene has ended");
}

Actor::Actor(const std::function<void(const Cue&)>& part, uid_t user) {
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

void Actor::go() const {
    must(::write(to_, "!", 1) == 1, "the actor has ended");
}

void Actor::told() const {
    char c = 0;
    must(::read(from_, &c, 1) == 1, "the actor has failed");
}

void Actor::signal(int number) const {
    ::kill(pid_, number);
}

int Actor::status() const {
    int status = 0;
    must(::waitpid(pid_, &status, 0) == pid_, "waitpid");
    return status;
}

void Actor::ends_well() const {
    must(status() == 0, "an actor failed");
}

void wait_for_queue(unsigned waiting) {
    const auto reader = the_reader();
    const auto deadline = Clock::now() + k_patience;
    while (reader.lock_queue().waiting != waiting) {
        must(Clock::now() < deadline, "the queue did not get its length");
        std::this_thread::yield();
    }
}

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

Actor holder(std::uint32_t client, uid_t user) {
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

} // namespace cardlatch::test
