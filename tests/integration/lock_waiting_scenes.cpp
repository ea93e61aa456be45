#include "lock_stage.hpp"

#include <cstdlib>
#include <filesystem>
#include <future>
#include <stop_token>
#include <thread>
#include <vector>
#include <winscard.h>
namespace cardlatch::test {

using namespace cardlatch::pcsc;
namespace witness = card::witness;

namespace {

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

/// Cards that are disconnected under the feet of threads that wait for their locks, at all phases of
/// pcsc-lite's 200 ms between two attempts. Whatever meets whatever there, each waiter is told
/// invalid_handle, and nothing else of the process is hurt.
void disconnect_in_wait() {
    constexpr std::size_t k_waiters = 8;
    constexpr std::chrono::milliseconds k_apart{25};
    const auto first = plain_holder();
    first.told();
    const auto bystander = connect();
    std::vector<Card> cards;
    for (std::size_t i = 0; i < k_waiters; ++i) {
        cards.push_back(connect());
        LockPolicy policy;
        policy.queue_patience = std::chrono::milliseconds(0); // all of them meet the holder, not each other
        cards.back().set_lock_policy(policy);
    }
    first.go();
    first.told();
    std::vector<std::future<Result<Lock>>> waits;
    for (const auto& card : cards) {
        waits.push_back(std::async(std::launch::async, [&card] { return card.lock(); }));
    }
    for (auto& card : cards) {
        std::this_thread::sleep_for(k_apart);
        must(card.disconnect(), "disconnect");
    }
    for (auto& wait : waits) {
        const auto ended = wait.get();
        must(!ended && ended.error().code == Errc::invalid_handle,
             "a wait for a disconnected card ended otherwise" +
                 (ended ? std::string() : ": " + ended.error().message()));
    }
    must(bystander.try_lock().error().code == Errc::sharing_violation, "the holder was disturbed");
    first.go();
    first.told();
    visit(must(bystander.lock(), "lock"), 1);
    first.go();
    first.ends_well();
}

/// The holder's card is disconnected from another thread, while another process waits in the queue and a
/// third one in SCardBeginTransaction. A reset comes after pcscd has freed the card, so it may come before or
/// inside their locks.
void disconnect_in_lock(Disposition disposition) {
    auto card = connect();
    const Actor second([](const Actor::Cue& cue) {
        auto own = connect();
        cue.tell();
        cue.wait();
        visit_despite_resets(own, 2);
    });
    const Actor third([](const Actor::Cue& cue) {
        auto own = connect();
        const auto handle = static_cast<SCARDHANDLE>(own.native_handle());
        cue.tell();
        cue.wait();
        auto begun = SCardBeginTransaction(handle);
        while (begun == SCARD_W_RESET_CARD) {
            must(own.reconnect(ShareMode::shared, Protocol::any), "reconnect");
            begun = SCardBeginTransaction(handle);
        }
        must(begun == SCARD_S_SUCCESS, "begin");
        must(own.disconnect(), "disconnect");
    });
    second.told();
    third.told();
    const auto lock = must(card.lock(), "lock");
    second.go();
    third.go();
    wait_for_queue(1);
    std::thread leaver([&] { must(card.disconnect(disposition), "disconnect"); });
    second.ends_well();
    third.ends_well();
    leaver.join();
    must(!lock.held() && lock.check().error().code == Errc::not_transacted, "the lock is still held");
}

/// Every connection has a context of its own, and pcscd has no more than 200 for everybody.
void too_many() {
    constexpr std::size_t k_more_than_pcscd_has = 250;
    const auto reader = the_reader();
    std::vector<Card> cards;
    auto last = reader.connect();
    while (last && cards.size() < k_more_than_pcscd_has) {
        cards.push_back(std::move(last).value());
        last = reader.connect();
    }
    must(!last && last.error().code == Errc::server_too_busy,
         "the limit is not told" + (last ? std::string() : ": " + last.error().message()));
    must(!cards.empty(), "no connection at all");
    visit(must(cards.front().lock(), "lock"), 1);
    cards.pop_back();
    for (const auto deadline = Clock::now() + k_patience; !last;) { // pcscd notices the end in its own time
        must(Clock::now() < deadline, "no connection after one has ended");
        last = reader.connect();
    }
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

Scenes waiting_scenes() {
    return {
        {"order", [] { order(::geteuid()); }},
        {"other-user", other_user},
        {"plain", plain},
        {"disconnect-in-wait", disconnect_in_wait},
        {"disconnect-in-lock",
         [] {
             disconnect_in_lock(Disposition::leave);
             disconnect_in_lock(Disposition::reset);
         }},
        {"too-many", too_many},
        {"recovery", recovery},
        {"mixed", mixed},
    };
}

} // namespace cardlatch::test
