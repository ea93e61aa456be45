// Resets that the resource manager does not tell of in time. pcsc-lite gives the notice of a reset first,
// then resets the card, then forgets the protocol; whoever acknowledges the notice in between has no notice
// left. `late_reset()` is the end of such a reset.

#include "fake_winscard.hpp"

#include <cardlatch/pcsc/context.hpp>
#include <cardlatch/pcsc/error.hpp>
#include <cardlatch/pcsc/lock.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

using namespace cardlatch;
using namespace cardlatch::pcsc;
namespace data = boost::unit_test::data;

namespace {

const Bytes k_select{0x00, 0xA4, 0x04, 0x00};
const Bytes k_verify{0x00, 0x20, 0x00, 0x80};

struct Fixture {
    Fixture() { world.reset(); }

    static Card connect(ShareMode mode = ShareMode::shared) {
        return Context::establish().value().reader(fake::k_reader).connect(mode).value();
    }
    fake::Reader& reader() const { return world.readers[fake::k_reader]; }
    void late_reset() const { reader().active = 0; }
    /// Recovers by reattaching, and counts the calls of the hook, which sends k_select.
    void recover(Card& card) {
        LockPolicy policy;
        policy.after_reset = Recovery::reattach([this](Lock& lock) -> Result<void> {
            ++hooks;
            BOOST_OUTCOME_TRY(lock.transmit_bytes(k_select));
            return ok();
        });
        card.set_lock_policy(policy);
    }

    fake::World& world = fake::World::get();
    int hooks = 0;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(late_reset, Fixture)

BOOST_AUTO_TEST_CASE(transmit_reports_a_reset_and_the_card_gets_nothing) {
    const auto card = connect();
    auto lock = card.lock().value();
    BOOST_TEST(lock.transmit_bytes(k_select).has_value());
    late_reset();
    const auto refused = lock.transmit_bytes(k_verify);
    BOOST_TEST((refused.error().code == Errc::reset_card));
    BOOST_TEST(refused.error().detail.find("SCARD_E_PROTO_MISMATCH") != std::string::npos);
    BOOST_TEST(lock.held());
    BOOST_TEST(reader().commands.size() == 1U);
    BOOST_TEST((lock.unlock().error().code == Errc::reset_card));
    BOOST_TEST(!lock.held());
    BOOST_TEST(reader().count == 0);
    // As after a notice: the unlock has told, and has acknowledged.
    const auto again = card.lock().value();
    BOOST_TEST(again.transmit_bytes(k_select).has_value());
}

/// Somebody else's connection has the card negotiate anew; what was verified in this lock is gone all the
/// same.
BOOST_AUTO_TEST_CASE(the_rest_of_the_sequence_is_refused_even_if_the_protocol_comes_back) {
    const auto card = connect();
    const auto lock = card.lock().value();
    late_reset();
    BOOST_TEST((lock.transmit_bytes(k_verify).error().code == Errc::reset_card));
    reader().active = SCARD_PROTOCOL_T0;
    BOOST_TEST((lock.transmit_bytes(k_verify).error().code == Errc::reset_card));
    BOOST_TEST((card.transmit_unlocked(k_verify).error().code == Errc::reset_card));
    BOOST_TEST((card.lock().error().code == Errc::reset_card)); // nested
    BOOST_TEST(reader().commands.empty());
}

BOOST_AUTO_TEST_CASE(outside_a_lock_it_is_a_reset_too_until_reconnect) {
    auto card = connect();
    late_reset();
    for (int i = 0; i < 2; ++i) {
        BOOST_TEST((card.transmit_unlocked(k_select).error().code == Errc::reset_card));
        BOOST_TEST((card.lock().error().code == Errc::reset_card));
    }
    BOOST_TEST(card.reconnect(ShareMode::shared, Protocol::any).has_value());
    BOOST_TEST(card.transmit_unlocked(k_select).has_value());
    BOOST_TEST(card.lock().value().transmit_bytes(k_select).has_value());
}

BOOST_AUTO_TEST_CASE(a_reattaching_policy_repairs_the_protocol_and_calls_the_hook) {
    auto card = connect();
    recover(card);
    {
        const auto lock = card.lock().value();
        late_reset();
        BOOST_TEST((lock.transmit_bytes(k_verify).error().code == Errc::reset_card));
    }
    for (int i = 0; i < 2; ++i) {
        const auto lock = card.lock().value();
        BOOST_TEST(lock.transmit_bytes(k_verify).has_value());
    }
    BOOST_TEST(hooks == 1);
    BOOST_TEST((reader().commands == std::vector<Bytes>{k_select, k_verify, k_verify}));
}

/// The PIN was verified after the reset that nobody had told of yet: without a reset the next one finds it.
BOOST_AUTO_TEST_CASE(a_lock_that_was_overtaken_by_a_reset_leaves_nothing_on_the_card) {
    auto card = connect();
    for (const bool overtaken : {false, true}) {
        auto lock = card.lock().value();
        BOOST_TEST(lock.transmit_bytes(k_verify).has_value());
        if (overtaken) {
            late_reset();
            BOOST_TEST((lock.transmit_bytes(k_select).error().code == Errc::reset_card));
        }
        (void)lock.unlock();
        BOOST_TEST(reader().count == 0);
        BOOST_TEST(std::ranges::count(reader().dispositions, SCARD_RESET_CARD) == (overtaken ? 1 : 0));
    }
    BOOST_TEST(card.lock().value().transmit_bytes(k_verify).has_value());
}

BOOST_AUTO_TEST_CASE(a_reset_in_the_hook_fails_the_lock_and_the_next_one_recovers_again) {
    auto card = connect();
    recover(card);
    world.reset_by_others(fake::k_reader);
    world.fail_next("SCardTransmit", SCARD_E_PROTO_MISMATCH);
    BOOST_TEST((card.lock().error().code == Errc::reset_card));
    BOOST_TEST(reader().count == 0);
    BOOST_TEST(card.lock().has_value());
    BOOST_TEST(hooks == 2);
}

/// The first lock after an acknowledged reset negotiates once more, when nobody can start a reset any more.
BOOST_DATA_TEST_CASE(the_first_lock_after_acknowledging_settles_the_protocol, data::make({false, true}),
                     by_policy) {
    auto card = connect();
    world.reset_by_others(fake::k_reader);
    if (by_policy) {
        recover(card);
    } else {
        BOOST_TEST(card.reconnect(ShareMode::shared, Protocol::any).has_value());
        late_reset();
    }
    const int before = world.calls("SCardReconnect");
    {
        const auto lock = card.lock().value();
        BOOST_TEST(world.calls("SCardReconnect") == before + (by_policy ? 2 : 1));
        BOOST_TEST(lock.transmit_bytes(k_verify).has_value());
    }
    BOOST_TEST(card.lock().has_value());
    BOOST_TEST(world.calls("SCardReconnect") == before + (by_policy ? 2 : 1));
}

BOOST_AUTO_TEST_CASE(a_card_that_was_used_since_is_not_settled_because_a_reset_would_be_news) {
    auto card = connect();
    BOOST_TEST(card.reconnect(ShareMode::shared, Protocol::any).has_value());
    BOOST_TEST(card.transmit_unlocked(k_select).has_value());
    late_reset();
    const auto lock = card.lock().value();
    BOOST_TEST((lock.transmit_bytes(k_verify).error().code == Errc::reset_card));
}

BOOST_AUTO_TEST_CASE(a_lock_that_cannot_settle_is_given_up) {
    auto card = connect();
    BOOST_TEST(card.reconnect(ShareMode::shared, Protocol::any).has_value());
    world.fail_next("SCardReconnect", SCARD_W_UNRESPONSIVE_CARD);
    BOOST_TEST((card.lock().error().code == Errc::unresponsive_card));
    BOOST_TEST(reader().count == 0);
    BOOST_TEST(card.lock().has_value());
}

BOOST_AUTO_TEST_CASE(every_level_is_told_and_only_the_last_one_frees_the_card) {
    const auto card = connect();
    auto outer = card.lock().value();
    auto inner = card.lock().value();
    late_reset();
    BOOST_TEST((inner.transmit_bytes(k_verify).error().code == Errc::reset_card));
    BOOST_TEST((inner.unlock().error().code == Errc::reset_card));
    BOOST_TEST(reader().count == 1);
    BOOST_TEST((outer.transmit_bytes(k_verify).error().code == Errc::reset_card));
    BOOST_TEST((outer.unlock().error().code == Errc::reset_card));
    BOOST_TEST(reader().count == 0);
    BOOST_TEST(reader().commands.empty());
    BOOST_TEST(card.lock().has_value());
}

/// On a connection that negotiated no protocol, a mismatch is what it says.
BOOST_AUTO_TEST_CASE(a_direct_connection_s_mismatch_is_no_reset) {
    const auto card = connect(ShareMode::direct);
    world.fail_next("SCardTransmit", SCARD_E_PROTO_MISMATCH);
    BOOST_TEST((card.transmit_unlocked(k_select).error().code == Errc::proto_mismatch));
    BOOST_TEST(card.lock().has_value());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(reset_notice, Fixture)

/// The end of the inner lock acknowledges the reset for the resource manager; the outer one's owner has to
/// know.
BOOST_AUTO_TEST_CASE(an_inner_lock_s_end_does_not_hide_it_from_the_outer_one) {
    const auto card = connect();
    auto outer = card.lock().value();
    {
        const auto inner = card.lock().value();
        world.reset_by_others(fake::k_reader);
    }
    BOOST_TEST((outer.transmit_bytes(k_verify).error().code == Errc::reset_card));
    BOOST_TEST((outer.unlock().error().code == Errc::reset_card));
    BOOST_TEST(!outer.held());
    BOOST_TEST(reader().count == 0);
    BOOST_TEST(reader().commands.empty());
}

BOOST_AUTO_TEST_CASE(a_lock_that_goes_out_of_scope_leaves_it_to_the_next_lock) {
    auto card = connect();
    {
        const auto lock = card.lock().value();
        world.reset_by_others(fake::k_reader);
    }
    BOOST_TEST(reader().count == 0);
    BOOST_TEST((card.lock().error().code == Errc::reset_card));
    BOOST_TEST(card.reconnect(ShareMode::shared, Protocol::any).has_value());
    BOOST_TEST(card.lock().has_value());
}

BOOST_AUTO_TEST_CASE(after_an_unlock_that_told_of_it_the_hook_is_called_all_the_same) {
    auto card = connect();
    recover(card);
    auto lock = card.lock().value();
    world.reset_by_others(fake::k_reader);
    BOOST_TEST((lock.unlock().error().code == Errc::reset_card));
    BOOST_TEST(card.lock().has_value());
    BOOST_TEST(hooks == 1);
}

BOOST_AUTO_TEST_SUITE_END()
