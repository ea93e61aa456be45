#include "fake_winscard.hpp"
#include "lock_queue_support.hpp"

#include <cardlatch/pcsc/context.hpp>
#include <cardlatch/pcsc/error.hpp>
#include <cardlatch/pcsc/lock.hpp>
#include <cardlatch/pcsc/log.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <optional>
#include <thread>

using namespace cardlatch;
using namespace cardlatch::pcsc;
namespace data = boost::unit_test::data;

namespace {

struct Fixture {
    Fixture() {
        world.reset();
        set_log([this](std::string_view line) { log.emplace_back(line); });
    }
    ~Fixture() { set_log({}); }

    static Card connect(ShareMode mode = ShareMode::shared) {
        return Context::establish().value().reader(fake::k_reader).connect(mode).value();
    }
    fake::Reader& reader() const { return world.readers[fake::k_reader]; }

    fake::World& world = fake::World::get();
    std::vector<std::string> log;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(lock, Fixture)

BOOST_AUTO_TEST_CASE(holds_until_unlock_and_transmits_meanwhile) {
    const auto card = connect();
    auto lock = card.lock().value();
    BOOST_TEST(lock.held());
    BOOST_TEST(card.lock_depth() == 1U);
    BOOST_TEST(reader().count == 1);
    const auto reply = lock.transmit(iso7816::CommandApdu::select_by_fid(0x3F00)).value();
    BOOST_TEST(reply.sw.value() == 0x9000);
    BOOST_TEST(to_hex(reader().commands.at(0)) == "00A40000023F0000");
    BOOST_TEST(lock.unlock().has_value());
    BOOST_TEST(!lock.held());
    BOOST_TEST(reader().count == 0);
    BOOST_TEST(card.lock_depth() == 0U);
}

BOOST_AUTO_TEST_CASE(nests_and_each_level_ends_once) {
    const auto card = connect();
    auto outer = card.lock().value();
    {
        const auto inner = card.lock().value();
        BOOST_TEST(reader().count == 2);
    }
    BOOST_TEST(reader().count == 1);
    BOOST_TEST(outer.unlock().has_value());
    BOOST_TEST(reader().count == 0);
    BOOST_TEST(log.empty());
}

BOOST_AUTO_TEST_CASE(moves_with_its_level) {
    const auto card = connect();
    auto first = card.lock().value();
    auto second = std::move(first);
    BOOST_TEST(second.held());
    second = card.lock().value(); // the level that `second` had is ended
    BOOST_TEST(reader().count == 1);
    BOOST_TEST(second.unlock().has_value());
    BOOST_TEST(reader().count == 0);
}

BOOST_AUTO_TEST_CASE(second_unlock_is_not_transacted_and_applies_nothing) {
    const auto card = connect();
    auto lock = card.lock().value();
    BOOST_TEST(lock.unlock().has_value());
    const auto again = lock.unlock(Disposition::reset);
    BOOST_TEST((again.error().code == Errc::not_transacted));
    BOOST_TEST((lock.transmit_bytes(Bytes{0, 0xA4, 0, 0}).error().code == Errc::not_transacted));
    BOOST_TEST(world.calls("SCardEndTransaction") == 1);
    BOOST_TEST(reader().commands.empty());
}

BOOST_AUTO_TEST_CASE(destructor_leaves_the_card_as_it_is) {
    const auto card = connect();
    { const auto lock = card.lock().value(); }
    BOOST_TEST(reader().count == 0);
    BOOST_TEST(reader().dispositions == (std::vector<DWORD>{SCARD_LEAVE_CARD}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(destructor_reports_a_failed_end_to_the_log) {
    const auto card = connect();
    {
        const auto lock = card.lock().value();
        world.fail_next("SCardEndTransaction", SCARD_E_NO_SERVICE);
    }
    BOOST_TEST_REQUIRE(log.size() == 1U);
    BOOST_TEST(log[0].find(fake::k_reader) != std::string::npos);
    BOOST_TEST(log[0].find("SCardEndTransaction: SCARD_E_NO_SERVICE (0x8010001D)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(second_connection_waits_until_unlock,
                     *boost::unit_test::enable_if<cardlatch::test::k_queue_tells>()) {
    const auto first = connect();
    const auto second = connect();
    auto lock = first.lock().value();
    std::optional<Result<Lock>> waited;
    std::thread waiter([&] { waited.emplace(second.lock()); });
    BOOST_TEST(test::wait_for_queue(fake::k_reader, 1));
    BOOST_TEST(reader().owner == static_cast<SCARDHANDLE>(first.native_handle()));
    BOOST_TEST(lock.unlock().has_value());
    waiter.join();
    BOOST_TEST_REQUIRE(waited->has_value());
    BOOST_TEST(reader().owner == static_cast<SCARDHANDLE>(second.native_handle()));
}

BOOST_AUTO_TEST_CASE(disconnect_from_another_thread_ends_the_wait,
                     *boost::unit_test::enable_if<cardlatch::test::k_queue_tells>()) {
    const auto first = connect();
    auto second = connect();
    const auto lock = first.lock().value();
    std::optional<Result<Lock>> waited;
    std::thread waiter([&] { waited.emplace(second.lock()); });
    BOOST_TEST(test::wait_for_queue(fake::k_reader, 1));
    BOOST_TEST(second.disconnect().has_value());
    waiter.join();
    BOOST_TEST((waited->error().code == Errc::invalid_handle));
}

BOOST_AUTO_TEST_CASE(reset_by_others_is_reported_and_nothing_is_sent_until_it_is_acknowledged) {
    auto card = connect();
    world.reset_by_others(fake::k_reader);
    BOOST_TEST((card.lock().error().code == Errc::reset_card));
    BOOST_TEST((card.transmit_unlocked(Bytes{0, 0xA4, 0, 0}).error().code == Errc::reset_card));
    BOOST_TEST(reader().commands.empty());
    BOOST_TEST(card.reconnect(ShareMode::shared, Protocol::any).has_value());
    BOOST_TEST(card.lock().has_value());
}

/// The manager's rule for an end that meets a pending reset: keeps the transaction (pcsc-lite) or ends it
/// (Windows).
BOOST_DATA_TEST_CASE(unlock_after_a_reset_reports_it_and_releases, data::make({false, true}), windows) {
    world.end_after_reset_releases = windows;
    const auto card = connect();
    auto outer = card.lock().value();
    auto inner = card.lock().value();
    BOOST_TEST(inner.unlock(Disposition::reset).has_value());
    const auto unlocked = outer.unlock();
    BOOST_TEST_REQUIRE(!unlocked.has_value());
    BOOST_TEST((unlocked.error().code == Errc::reset_card));
    BOOST_TEST(!outer.held());
    BOOST_TEST(reader().count == 0);
    BOOST_TEST(reader().owner == 0);
    BOOST_TEST(card.lock().has_value());
}

BOOST_AUTO_TEST_CASE(unlock_after_a_reset_stays_held_when_acknowledging_fails_and_disconnect_frees) {
    auto card = connect();
    auto lock = card.lock().value();
    world.reset_by_others(fake::k_reader);
    world.fail_next("SCardReconnect", SCARD_W_UNRESPONSIVE_CARD);
    const auto unlocked = lock.unlock();
    BOOST_TEST((unlocked.error().code == Errc::reset_card));
    BOOST_TEST(unlocked.error().detail.find("SCARD_W_UNRESPONSIVE_CARD") != std::string::npos);
    BOOST_TEST(lock.held());
    BOOST_TEST(reader().count == 1);
    BOOST_TEST(card.disconnect().has_value());
    BOOST_TEST(!lock.held());
    BOOST_TEST(reader().count == 0);
}

BOOST_AUTO_TEST_CASE(removal_takes_the_lock_along) {
    const auto card = connect();
    auto lock = card.lock().value();
    world.remove(fake::k_reader);
    BOOST_TEST((lock.transmit_bytes(Bytes{0, 0xA4, 0, 0}).error().code == Errc::removed_card));
    BOOST_TEST((lock.unlock().error().code == Errc::removed_card));
    BOOST_TEST(!lock.held());
}

BOOST_AUTO_TEST_CASE(unplugging_takes_the_lock_along) {
    const auto card = connect();
    auto lock = card.lock().value();
    world.unplug(fake::k_reader);
    BOOST_TEST((lock.unlock().error().code == Errc::invalid_value));
    BOOST_TEST(!lock.held());
}

BOOST_AUTO_TEST_CASE(failed_disposition_ends_the_lock_all_the_same) {
    const auto card = connect();
    auto lock = card.lock().value();
    BOOST_TEST((lock.unlock(Disposition::eject).error().code == Errc::unsupported_feature));
    BOOST_TEST(!lock.held());
    BOOST_TEST(reader().count == 0);
}

BOOST_AUTO_TEST_CASE(outlives_its_card_harmlessly) {
    std::optional<Lock> lock;
    {
        const auto card = connect();
        lock.emplace(card.lock().value());
    }
    BOOST_TEST(!lock->held());
    BOOST_TEST(world.handles.empty());
    lock.reset();
    BOOST_TEST(log.empty());
}

BOOST_AUTO_TEST_CASE(longest_reply_is_not_lost) {
    world.card = [](ByteView) {
        Bytes reply(65538, 0x5A);
        reply[65536] = 0x90;
        reply[65537] = 0x00;
        return reply;
    };
    const auto card = connect();
    const auto lock = card.lock().value();
    const auto reply = lock.transmit(iso7816::CommandApdu::read_binary(0, 65536)).value();
    BOOST_TEST(reply.data.size() == 65536U);
    BOOST_TEST(reply.sw.value() == 0x9000);
}

BOOST_AUTO_TEST_CASE(reply_without_status_word_is_a_bad_message) {
    world.card = [](ByteView) { return Bytes{0x90}; };
    const auto card = connect();
    const auto lock = card.lock().value();
    BOOST_TEST(
        (lock.transmit(iso7816::CommandApdu::get_challenge(8)).error().code == std::errc::bad_message));
    BOOST_TEST(lock.transmit_bytes(Bytes{0, 0x84, 0, 0, 8}).value().size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_FIXTURE_TEST_SUITE(card, Fixture)

BOOST_AUTO_TEST_CASE(disconnected_card_answers_invalid_handle_everywhere) {
    auto card = connect();
    BOOST_TEST(card.disconnect(Disposition::reset).has_value());
    BOOST_TEST(reader().dispositions.back() == DWORD{SCARD_RESET_CARD});
    BOOST_TEST(card.native_handle() == 0);
    BOOST_TEST((card.lock().error().code == Errc::invalid_handle));
    BOOST_TEST((card.status().error().code == Errc::invalid_handle));
    BOOST_TEST((card.transmit_unlocked(Bytes{0, 0, 0, 0}).error().code == Errc::invalid_handle));
    BOOST_TEST((card.reconnect(ShareMode::shared, Protocol::any).error().code == Errc::invalid_handle));
    BOOST_TEST((card.disconnect().error().code == Errc::invalid_handle));
    BOOST_TEST(world.calls("SCardDisconnect") == 1);
}

BOOST_AUTO_TEST_CASE(drop_locks_ends_every_level) {
    auto card = connect();
    auto outer = card.lock().value();
    auto inner = card.lock().value();
    BOOST_TEST(card.drop_locks().has_value());
    BOOST_TEST(!outer.held());
    BOOST_TEST(!inner.held());
    BOOST_TEST(reader().count == 0);
    const auto next = card.lock().value();
    BOOST_TEST(next.held());
    BOOST_TEST(!outer.held());
}

BOOST_AUTO_TEST_CASE(reconnect_keeps_the_locks) {
    auto card = connect();
    const auto lock = card.lock().value();
    BOOST_TEST(card.reconnect(ShareMode::shared, Protocol::any, Disposition::reset).has_value());
    BOOST_TEST(lock.held());
    BOOST_TEST(reader().count == 1);
    BOOST_TEST((card.active_protocol() == Protocol::t0));
}

BOOST_DATA_TEST_CASE(exclusive_to_shared_frees_the_card, data::make({0U, 1U, 2U}), levels) {
    auto card = connect(ShareMode::exclusive);
    std::vector<Lock> locks;
    for (unsigned i = 0; i < levels; ++i) {
        locks.push_back(card.lock().value());
    }
    BOOST_TEST(card.reconnect(ShareMode::shared, Protocol::any).has_value());
    BOOST_TEST(reader().count == static_cast<int>(levels));
    locks.clear();
    BOOST_TEST(reader().count == 0);
    BOOST_TEST(reader().owner == 0);
}

BOOST_AUTO_TEST_CASE(shared_to_exclusive_resets_once) {
    auto card = connect();
    BOOST_TEST(card.reconnect(ShareMode::exclusive, Protocol::any, Disposition::reset).has_value());
    BOOST_TEST(reader().dispositions == (std::vector<DWORD>{SCARD_RESET_CARD}),
               boost::test_tools::per_element());
    BOOST_TEST((card.share_mode() == ShareMode::exclusive));
}

BOOST_AUTO_TEST_CASE(adopted_handle_stays_connected_and_loses_only_our_locks) {
    const auto owner = connect();
    const auto context = Context::establish().value();
    {
        const auto adopted = Card::adopt(context, owner.native_handle()).value();
        BOOST_TEST(!adopted.owned());
        BOOST_TEST(adopted.reader_name() == fake::k_reader);
        BOOST_TEST((adopted.active_protocol() == Protocol::t0));
        auto lock = adopted.lock().value();
        auto moved = std::optional<Lock>(std::move(lock));
        BOOST_TEST(reader().count == 1);
        moved.reset();
        (void)adopted.lock().value();
    }
    BOOST_TEST(reader().count == 0);
    BOOST_TEST(owner.status().has_value());
}

BOOST_AUTO_TEST_CASE(adopt_refuses_an_unknown_handle_and_takes_one_with_a_pending_event) {
    const auto owner = connect();
    const auto context = Context::establish().value();
    BOOST_TEST((Card::adopt(context, 0).error().code == Errc::invalid_handle));
    BOOST_TEST((Card::adopt(context, 99).error().code == Errc::invalid_handle));
    world.reset_by_others(fake::k_reader);
    const auto adopted = Card::adopt(context, owner.native_handle());
    BOOST_TEST_REQUIRE(adopted.has_value());
    BOOST_TEST((adopted.value().lock().error().code == Errc::reset_card));
}

BOOST_AUTO_TEST_CASE(adopt_sees_an_exclusive_connection) {
    const auto owner = connect(ShareMode::exclusive);
    const auto context = Context::establish().value();
    BOOST_TEST((Card::adopt(context, owner.native_handle()).value().share_mode() == ShareMode::exclusive));
}

BOOST_AUTO_TEST_SUITE_END()
