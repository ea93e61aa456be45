// The four ways to wait for a lock, and what ends a wait. The first connection stands for a user of the
// library when it locks, and for a program that calls winscard.h when its handle is used for the begin.

#include "fake_winscard.hpp"
#include "lock_queue_support.hpp"

#include <cardlatch/pcsc/context.hpp>
#include <cardlatch/pcsc/error.hpp>
#include <cardlatch/pcsc/lock.hpp>
#include <cardlatch/pcsc/log.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <future>
#include <optional>
#include <stop_token>
#include <thread>

using namespace cardlatch;
using namespace cardlatch::pcsc;
namespace data = boost::unit_test::data;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds k_short{20};
constexpr std::chrono::seconds k_long{60}; // never reached

enum class Holder { library, plain };
std::ostream& operator<<(std::ostream& out, Holder holder) {
    return out << (holder == Holder::library ? "library" : "plain");
}
const auto k_holders = data::make({Holder::library, Holder::plain});

struct Fixture {
    Fixture() {
        world.reset();
        first.emplace(connect());
        second.emplace(connect());
    }
    ~Fixture() {
        held.reset();
        set_log({});
    }

    static Card connect() {
        return Context::establish().value().reader(fake::k_reader).connect(ShareMode::shared).value();
    }
    fake::Reader& reader() const { return world.readers[fake::k_reader]; }
    SCARDHANDLE native(const Card& card) const { return static_cast<SCARDHANDLE>(card.native_handle()); }

    void hold(Holder holder) {
        if (holder == Holder::library) {
            held.emplace(first->lock().value());
        } else {
            BOOST_TEST_REQUIRE(SCardBeginTransaction(native(*first)) == SCARD_S_SUCCESS);
        }
    }
    void release(Holder holder) {
        if (holder == Holder::library) {
            BOOST_TEST(held->unlock().has_value());
        } else {
            BOOST_TEST(SCardEndTransaction(native(*first), SCARD_LEAVE_CARD) == SCARD_S_SUCCESS);
        }
    }
    /// Waits until somebody waits for `holder`.
    bool somebody_waits(Holder holder) const {
        if (holder == Holder::library) {
            return test::wait_for_queue(fake::k_reader, 1);
        }
        const auto deadline = Clock::now() + std::chrono::seconds(10);
        while (world.calls("SCardGetAttrib") < 3) {
            if (Clock::now() > deadline) {
                return false;
            }
            std::this_thread::yield();
        }
        return true;
    }
    bool ended(int transactions) const {
        std::unique_lock guard(world.mutex);
        return world.changed.wait_for(guard, std::chrono::seconds(10), [&] {
            return world.counts["SCardEndTransaction"] >= transactions && reader().owner == 0;
        });
    }

    fake::World& world = fake::World::get();
    std::optional<Card> first;
    std::optional<Card> second;
    std::optional<Lock> held;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(waiting, Fixture)

BOOST_AUTO_TEST_CASE(every_form_gets_a_free_card) {
    BOOST_TEST(second->lock().has_value());
    BOOST_TEST(second->try_lock().has_value());
    BOOST_TEST(second->lock(Clock::now() + k_long).has_value());
    const std::stop_source stop;
    BOOST_TEST(second->lock(stop.get_token()).has_value());
    BOOST_TEST(second->lock(stop.get_token(), Clock::now() + k_long).has_value());
    BOOST_TEST(reader().count == 0);
    BOOST_TEST(world.calls("SCardBeginTransaction") == 5);
}

BOOST_AUTO_TEST_CASE(every_form_nests) {
    const auto outer = second->lock().value();
    const auto tried = second->try_lock().value();
    const auto timed = second->lock(Clock::now() + k_long).value();
    BOOST_TEST(second->lock_depth() == 3U);
    BOOST_TEST(reader().count == 3);
}

BOOST_DATA_TEST_CASE(try_lock_is_refused_while_somebody_holds_the_card, k_holders, holder) {
    hold(holder);
    BOOST_TEST((second->try_lock().error().code == Errc::sharing_violation));
    BOOST_TEST(reader().owner == native(*first));
    release(holder);
    BOOST_TEST(second->try_lock().has_value());
}

BOOST_DATA_TEST_CASE(a_deadline_ends_the_wait, k_holders, holder) {
    hold(holder);
    const auto deadline = Clock::now() + k_short;
    BOOST_TEST((second->lock(deadline).error().code == Errc::timeout));
    BOOST_TEST((Clock::now() >= deadline));
    BOOST_TEST(reader().owner == native(*first));
    release(holder);
    BOOST_TEST(second->lock(Clock::now() + k_long).has_value());
    BOOST_TEST(reader().count == 0);
}

BOOST_DATA_TEST_CASE(a_stop_request_ends_the_wait, k_holders, holder) {
    hold(holder);
    std::stop_source stop;
    auto waited = std::async(std::launch::async, [&] { return second->lock(stop.get_token()); });
    BOOST_TEST(somebody_waits(holder));
    stop.request_stop();
    BOOST_TEST((waited.get().error().code == Errc::cancelled));
    BOOST_TEST((second->lock(stop.get_token()).error().code == Errc::cancelled));
    release(holder);
    BOOST_TEST(second->lock().has_value());
}

BOOST_DATA_TEST_CASE(a_disconnect_ends_the_wait, k_holders, holder) {
    hold(holder);
    auto waited = std::async(std::launch::async, [&] { return second->lock(Clock::now() + k_long); });
    BOOST_TEST(somebody_waits(holder));
    BOOST_TEST(second->disconnect().has_value());
    BOOST_TEST((waited.get().error().code == Errc::invalid_handle));
}

BOOST_DATA_TEST_CASE(the_wait_ends_with_the_lock_when_the_holder_unlocks, k_holders, holder) {
    hold(holder);
    auto waited = std::async(std::launch::async, [&] { return second->lock(Clock::now() + k_long); });
    BOOST_TEST(somebody_waits(holder));
    release(holder);
    const auto lock = waited.get();
    BOOST_TEST(lock.has_value());
    BOOST_TEST(reader().owner == native(*second));
}

/// The resource manager says that the card is free, and somebody takes it before the begin.
BOOST_AUTO_TEST_CASE(a_begin_that_is_overtaken_is_left_behind_and_undoes_itself) {
    hold(Holder::plain);
    world.fail_next("SCardGetAttrib", SCARD_E_UNSUPPORTED_FEATURE); // not SCARD_E_SHARING_VIOLATION: go on
    BOOST_TEST((second->lock(Clock::now() + k_short).error().code == Errc::timeout));
    BOOST_TEST(world.wait_for_blocked("SCardBeginTransaction"));
    release(Holder::plain);
    BOOST_TEST(ended(2));
    BOOST_TEST(second->lock_depth() == 0U);
    BOOST_TEST(second->lock().has_value());
    BOOST_TEST(reader().count == 0);
}

BOOST_AUTO_TEST_CASE(the_next_lock_joins_a_begin_that_was_left_behind) {
    hold(Holder::plain);
    world.fail_next("SCardGetAttrib", SCARD_E_UNSUPPORTED_FEATURE);
    BOOST_TEST((second->lock(Clock::now() + k_short).error().code == Errc::timeout));
    BOOST_TEST((second->try_lock().error().code == Errc::sharing_violation));
    auto waited = std::async(std::launch::async, [&] { return second->lock(); });
    BOOST_TEST(world.wait_for_blocked("SCardBeginTransaction"));
    release(Holder::plain);
    const auto lock = waited.get();
    BOOST_TEST(lock.has_value());
    BOOST_TEST(reader().count == 1);
}

BOOST_AUTO_TEST_CASE(disconnect_ends_a_begin_that_was_left_behind) {
    hold(Holder::plain);
    world.fail_next("SCardGetAttrib", SCARD_E_UNSUPPORTED_FEATURE);
    BOOST_TEST((second->lock(Clock::now() + k_short).error().code == Errc::timeout));
    const auto handle = native(*second);
    second.reset();
    std::unique_lock guard(world.mutex);
    BOOST_TEST(world.changed.wait_for(guard, std::chrono::seconds(10),
                                      [&] { return world.blocked["SCardBeginTransaction"] == 0; }));
    BOOST_TEST(world.handles.count(handle) == 0U);
}

BOOST_AUTO_TEST_CASE(threads_that_lock_one_card_nest) {
    auto lock = second->lock().value();
    auto other = std::async(std::launch::async, [&] { return second->lock(); }).get();
    BOOST_TEST(other.has_value());
    BOOST_TEST(second->lock_depth() == 2U);
}

BOOST_AUTO_TEST_CASE(threads_are_served_in_the_order_in_which_they_came) {
    constexpr unsigned k_waiters = 5;
    std::vector<unsigned> order;
    std::vector<std::thread> threads;
    std::vector<Card> cards;
    for (unsigned i = 0; i < k_waiters; ++i) {
        cards.push_back(connect());
    }
    hold(Holder::library);
    for (unsigned i = 0; i < k_waiters; ++i) {
        threads.emplace_back([&, i] {
            const auto lock = cards[i].lock();
            order.push_back(i); // under the lock
        });
        BOOST_TEST(test::wait_for_queue(fake::k_reader, i + 1));
    }
    release(Holder::library);
    for (auto& thread : threads) {
        thread.join();
    }
    BOOST_TEST(order == (std::vector<unsigned>{0, 1, 2, 3, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_who_gives_up_does_not_hold_up_the_others) {
    const auto third = connect();
    hold(Holder::library);
    std::stop_source stop;
    auto quitter = std::async(std::launch::async, [&] { return second->lock(stop.get_token()); });
    BOOST_TEST(test::wait_for_queue(fake::k_reader, 1));
    auto stayer = std::async(std::launch::async, [&] { return third.lock().has_value(); });
    BOOST_TEST(test::wait_for_queue(fake::k_reader, 2));
    stop.request_stop();
    BOOST_TEST((quitter.get().error().code == Errc::cancelled));
    BOOST_TEST(test::wait_for_queue(fake::k_reader, 1));
    release(Holder::library);
    BOOST_TEST(stayer.get());
}

BOOST_AUTO_TEST_CASE(the_queue_says_who_holds_the_card) {
    const auto before = Context::establish().value().reader(fake::k_reader).lock_queue();
    BOOST_TEST(!before.holder.has_value());
    const auto start = std::chrono::system_clock::now();
    hold(Holder::library);
    const auto queue = Context::establish().value().reader(fake::k_reader).lock_queue();
    BOOST_TEST_REQUIRE(queue.holder.has_value());
    BOOST_TEST(queue.holder->pid == ::getpid());
    BOOST_TEST(queue.holder->name == std::string("test_pcsc_waiting").substr(0, 15));
    BOOST_TEST((queue.holder->since >= start - std::chrono::seconds(2)));
    BOOST_TEST((queue.holder->since <= std::chrono::system_clock::now()));
}

BOOST_DATA_TEST_CASE(a_deadline_ends_a_connect, k_holders, holder) {
    hold(holder);
    const auto reader_object = Context::establish().value().reader(fake::k_reader);
    const auto deadline = Clock::now() + k_short;
    BOOST_TEST((reader_object.connect(deadline).error().code == Errc::timeout));
    BOOST_TEST((Clock::now() >= deadline));
    release(holder);
    const auto third = reader_object.connect(Clock::now() + k_long);
    BOOST_TEST(third.has_value());
    BOOST_TEST(third.value().try_lock().has_value());
}

BOOST_DATA_TEST_CASE(a_stop_request_ends_a_connect, k_holders, holder) {
    hold(holder);
    const auto reader_object = Context::establish().value().reader(fake::k_reader);
    std::stop_source stop;
    auto waited = std::async(std::launch::async, [&] { return reader_object.connect(stop.get_token()); });
    BOOST_TEST((holder == Holder::library ? test::wait_for_queue(fake::k_reader, 1)
                                          : world.wait_for_blocked("SCardConnect")));
    stop.request_stop();
    BOOST_TEST((waited.get().error().code == Errc::cancelled));
    BOOST_TEST((reader_object.connect(stop.get_token()).error().code == Errc::cancelled));
    release(holder);
    BOOST_TEST(reader_object.connect().has_value());
}

BOOST_AUTO_TEST_CASE(a_connect_that_is_left_behind_ends_what_it_made) {
    hold(Holder::plain);
    const auto context = Context::establish().value();
    BOOST_TEST(
        (context.reader(fake::k_reader).connect(Clock::now() + k_short).error().code == Errc::timeout));
    BOOST_TEST(world.wait_for_blocked("SCardConnect"));
    release(Holder::plain);
    std::unique_lock guard(world.mutex);
    // What is left is of first, second and here.
    BOOST_TEST(
        world.changed.wait_for(guard, std::chrono::seconds(10), [&] { return world.contexts.size() == 3U; }));
    BOOST_TEST(world.handles.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_connect_takes_its_turn) {
    hold(Holder::library);
    auto waited = std::async(std::launch::async, [&] { return second->lock(); });
    BOOST_TEST(test::wait_for_queue(fake::k_reader, 1));
    auto connected = std::async(std::launch::async, connect);
    BOOST_TEST(test::wait_for_queue(fake::k_reader, 2));
    release(Holder::library);
    auto lock = waited.get();
    BOOST_TEST(test::wait_for_queue(fake::k_reader, 1));
    BOOST_TEST(lock.value().unlock().has_value());
    BOOST_TEST(connected.get().try_lock().has_value());
}

BOOST_AUTO_TEST_CASE(without_patience_nobody_queues) {
    LockPolicy policy;
    policy.queue_patience = std::chrono::milliseconds(0);
    first->set_lock_policy(policy);
    hold(Holder::library);
    BOOST_TEST(!Context::establish().value().reader(fake::k_reader).lock_queue().holder.has_value());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(losing, Fixture)

BOOST_AUTO_TEST_CASE(a_lock_lost_to_a_removal_says_so_at_every_level_and_the_queue_goes_on) {
    auto outer = first->lock().value();
    auto inner = first->lock().value();
    BOOST_TEST(outer.check().has_value());
    world.remove(fake::k_reader);
    BOOST_TEST((inner.transmit_bytes(Bytes{0, 0xA4, 0, 0}).error().code == Errc::removed_card));
    BOOST_TEST(!outer.held());
    BOOST_TEST((outer.check().error().code == Errc::removed_card));
    BOOST_TEST((outer.transmit_bytes(Bytes{0, 0xA4, 0, 0}).error().code == Errc::removed_card));
    BOOST_TEST((outer.unlock().error().code == Errc::removed_card));
    BOOST_TEST((outer.unlock().error().code == Errc::not_transacted));
    BOOST_TEST(!Context::establish().value().reader(fake::k_reader).lock_queue().holder.has_value());
    world.insert(fake::k_reader, {0x3B, 0x80, 0x80, 0x01, 0x01});
    const auto third = connect();
    BOOST_TEST(third.try_lock().has_value());
}

BOOST_AUTO_TEST_CASE(a_failed_lock_gives_the_turn_on) {
    world.reset_by_others(fake::k_reader);
    BOOST_TEST((first->lock().error().code == Errc::reset_card));
    BOOST_TEST(!Context::establish().value().reader(fake::k_reader).lock_queue().holder.has_value());
}

BOOST_DATA_TEST_CASE(whatever_ends_the_locks_gives_the_turn_on, data::xrange(3), way) {
    hold(Holder::library);
    const auto nested = first->lock().value();
    if (way == 0) {
        BOOST_TEST(first->drop_locks().has_value());
    } else if (way == 1) {
        BOOST_TEST(first->disconnect().has_value());
    } else {
        first.reset();
    }
    BOOST_TEST(!nested.held());
    BOOST_TEST(second->try_lock().has_value());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(recovery, Fixture)

BOOST_AUTO_TEST_CASE(reattach_selects_again_inside_the_new_lock) {
    LockPolicy policy;
    policy.after_reset = Recovery::reattach([&](Lock& lock) -> Result<void> {
        BOOST_TEST(second->lock_depth() == 1U);
        BOOST_OUTCOME_TRY(lock.transmit_bytes(Bytes{0x00, 0xA4, 0x04, 0x00}));
        return ok();
    });
    second->set_lock_policy(policy);
    BOOST_TEST(second->lock().has_value());
    BOOST_TEST(reader().commands.empty()); // nothing to recover from
    world.reset_by_others(fake::k_reader);
    {
        const auto lock = second->lock();
        BOOST_TEST(lock.has_value());
        BOOST_TEST_REQUIRE(reader().commands.size() == 1U);
        BOOST_TEST(to_hex(reader().commands[0]) == "00A40400");
    }
    BOOST_TEST(second->try_lock().has_value());
    BOOST_TEST(reader().commands.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_failed_hook_ends_the_lock_and_is_called_again_next_time) {
    int calls = 0;
    LockPolicy policy;
    policy.after_reset = Recovery::reattach([&](Lock&) -> Result<void> {
        return ++calls == 1 ? Result<void>(fail(std::errc::permission_denied, "PIN")) : Result<void>(ok());
    });
    second->set_lock_policy(policy);
    world.reset_by_others(fake::k_reader);
    BOOST_TEST((second->lock().error().code == std::errc::permission_denied));
    BOOST_TEST(reader().count == 0);
    BOOST_TEST(second->lock().has_value());
    BOOST_TEST(second->lock().has_value());
    BOOST_TEST(calls == 2);
}

BOOST_AUTO_TEST_CASE(a_reset_inside_a_lock_is_not_recovered_from) {
    LockPolicy policy;
    policy.after_reset = Recovery::reattach([](Lock&) -> Result<void> { return ok(); });
    second->set_lock_policy(policy);
    auto outer = second->lock().value();
    world.reset_by_others(fake::k_reader);
    BOOST_TEST((outer.transmit_bytes(Bytes{0, 0xA4, 0, 0}).error().code == Errc::reset_card));
    BOOST_TEST((second->lock().error().code == Errc::reset_card));
    BOOST_TEST((outer.unlock().error().code == Errc::reset_card));
    BOOST_TEST(!outer.held());
}

BOOST_AUTO_TEST_CASE(a_removed_card_is_not_recovered_from) {
    LockPolicy policy;
    policy.after_reset = Recovery::reattach([](Lock&) -> Result<void> { return ok(); });
    second->set_lock_policy(policy);
    world.remove(fake::k_reader);
    BOOST_TEST((second->lock().error().code == Errc::removed_card));
}

/// A begin that was left behind meets a reset while it ends: the next lock must not be the first to forget.
BOOST_AUTO_TEST_CASE(a_reset_acknowledged_while_giving_up_is_still_told) {
    hold(Holder::plain);
    world.fail_next("SCardGetAttrib", SCARD_E_UNSUPPORTED_FEATURE);
    BOOST_TEST((second->lock(Clock::now() + k_short).error().code == Errc::timeout));
    BOOST_TEST(world.wait_for_blocked("SCardBeginTransaction"));
    world.fail_next("SCardEndTransaction", SCARD_W_RESET_CARD);
    {
        // As release(), but for the failure that is meant for the other.
        const std::lock_guard guard(world.mutex);
        reader().owner = 0;
        reader().count = 0;
        world.changed.notify_all();
    }
    BOOST_TEST(ended(2)); // the one that meets the reset, and the one after it is acknowledged
    BOOST_TEST((second->lock().error().code == Errc::reset_card));
    BOOST_TEST(second->reconnect(ShareMode::shared, Protocol::any).has_value());
    BOOST_TEST(second->lock().has_value());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(idle, Fixture)

BOOST_AUTO_TEST_CASE(a_warning_comes_once_per_idle_time) {
    std::promise<std::string> told;
    std::atomic<int> lines{0};
    set_log([&](std::string_view line) {
        if (line.find("nothing was sent for 20 ms") != std::string_view::npos && lines++ == 0) {
            told.set_value(std::string(line));
        }
    });
    LockPolicy policy;
    policy.idle.after = k_short;
    first->set_lock_policy(policy);
    hold(Holder::library);
    auto warned = told.get_future();
    BOOST_TEST((warned.wait_for(std::chrono::seconds(10)) == std::future_status::ready));
    BOOST_TEST(warned.get().find(fake::k_reader) != std::string::npos);
    BOOST_TEST(held->held());
    BOOST_TEST(lines == 1);
    release(Holder::library);
    set_log({});
}

BOOST_AUTO_TEST_CASE(unlock_ends_every_level_and_the_lock_says_timeout) {
    LockPolicy policy;
    policy.idle = {k_short, IdleWatch::Action::unlock};
    first->set_lock_policy(policy);
    hold(Holder::library);
    const auto inner = first->lock().value();
    BOOST_TEST(second->lock().has_value()); // waits for the watch, no longer
    BOOST_TEST(!inner.held());
    BOOST_TEST((held->transmit_bytes(Bytes{0, 0xA4, 0, 0}).error().code == Errc::timeout));
    BOOST_TEST((held->unlock().error().code == Errc::timeout));
    BOOST_TEST(reader().commands.empty());
    const auto again = first->lock();
    BOOST_TEST(again.has_value());
}

BOOST_AUTO_TEST_SUITE_END()
