#include "fake_winscard.hpp"

#include <cardlatch/pcsc/context.hpp>
#include <cardlatch/pcsc/error.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <thread>

using namespace cardlatch;
using namespace cardlatch::pcsc;
using std::chrono::steady_clock;
namespace data = boost::unit_test::data;

namespace {

struct Fixture {
    Fixture() { world.reset(); }
    fake::World& world = fake::World::get();
};

const auto k_long =
    std::chrono::seconds(30); // ends a test that would hang; nothing waits for it when all is well

} // namespace

BOOST_AUTO_TEST_SUITE(error)

BOOST_AUTO_TEST_CASE(message_has_name_and_number_and_unknown_numbers_are_kept) {
    BOOST_TEST(make_error_code(Errc::sharing_violation).message() ==
               "SCARD_E_SHARING_VIOLATION (0x8010000B)");
    BOOST_TEST(make_error_code(Errc::reset_card).message() == "SCARD_W_RESET_CARD (0x80100068)");
    const std::error_code odd(static_cast<int>(0x8010FFFFU), category());
    BOOST_TEST(odd.message() == "0x8010FFFF");
    BOOST_TEST(std::string(name_of(Errc::no_service)) == "SCARD_E_NO_SERVICE");
}

BOOST_AUTO_TEST_CASE(numbers_are_pcsc_lites_narrowed_to_32_bits) {
    BOOST_TEST(static_cast<std::uint32_t>(Errc::removed_card) ==
               static_cast<std::uint32_t>(SCARD_W_REMOVED_CARD));
    BOOST_TEST(static_cast<std::uint32_t>(Errc::unsupported_feature) ==
               static_cast<std::uint32_t>(SCARD_E_UNSUPPORTED_FEATURE));
    BOOST_TEST(static_cast<int>(Errc::timeout) < 0);
}

BOOST_AUTO_TEST_CASE(codes_meet_their_generic_conditions) {
    BOOST_TEST((make_error_code(Errc::sharing_violation) == std::errc::device_or_resource_busy));
    BOOST_TEST((make_error_code(Errc::timeout) == std::errc::timed_out));
    BOOST_TEST((make_error_code(Errc::cancelled) == std::errc::operation_canceled));
    BOOST_TEST((make_error_code(Errc::no_memory) == std::errc::not_enough_memory));
    BOOST_TEST((make_error_code(Errc::reset_card) != std::errc::device_or_resource_busy));
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_FIXTURE_TEST_SUITE(context, Fixture)

BOOST_AUTO_TEST_CASE(no_service_is_an_error_that_names_the_call) {
    world.service = false;
    const auto context = Context::establish();
    BOOST_TEST_REQUIRE(!context.has_value());
    BOOST_TEST((context.error().code == Errc::no_service));
    BOOST_TEST(context.error().message() == "SCardEstablishContext: SCARD_E_NO_SERVICE (0x8010001D)");
}

BOOST_AUTO_TEST_CASE(released_when_the_last_user_is_gone) {
    {
        auto context = Context::establish();
        const auto reader = context.value().reader(fake::k_reader);
        context = fail(std::errc::interrupted);
        BOOST_TEST(world.contexts.size() == 1U);
        BOOST_TEST(reader.state().has_value());
    }
    BOOST_TEST(world.contexts.empty());
}

/// A call that pcsc-lite answers by dropping its context takes one connection along, and none but that.
BOOST_AUTO_TEST_CASE(every_connection_has_a_context_of_its_own_and_releases_it) {
    const auto context = Context::establish().value();
    const auto reader = context.reader(fake::k_reader);
    {
        const auto first = reader.connect().value();
        const auto second = reader.connect().value();
        BOOST_TEST(world.contexts.size() == 3U);
        const auto of = [&](const Card& card) {
            return world.handles.at(static_cast<SCARDHANDLE>(card.native_handle())).context;
        };
        BOOST_TEST(of(first) != of(second));
        BOOST_TEST(of(first) != static_cast<SCARDCONTEXT>(context.native_handle()));
    }
    BOOST_TEST(world.contexts.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_failed_connect_releases_its_context) {
    const auto context = Context::establish().value();
    world.fail_next("SCardConnect", SCARD_E_NO_SMARTCARD);
    BOOST_TEST((context.reader(fake::k_reader).connect().error().code == Errc::no_smartcard));
    BOOST_TEST(world.contexts.size() == 1U);
}

BOOST_AUTO_TEST_CASE(lists_readers_and_none_is_an_empty_list) {
    const auto context = Context::establish().value();
    world.insert("Another 01 00", {});
    const auto readers = context.readers().value();
    BOOST_TEST_REQUIRE(readers.size() == 2U);
    BOOST_TEST(readers[0].name() == "Another 01 00");
    BOOST_TEST(readers[1].name() == fake::k_reader);
    world.readers.clear();
    BOOST_TEST(context.readers().value().empty());
}

BOOST_AUTO_TEST_CASE(a_reader_that_comes_between_the_two_list_calls_is_listed) {
    const auto context = Context::establish().value();
    world.fail_next("SCardListReaders", SCARD_E_INSUFFICIENT_BUFFER);
    BOOST_TEST(context.readers().value().size() == 1U);
}

BOOST_AUTO_TEST_CASE(first_wait_reports_at_once_and_a_passed_deadline_asks_once) {
    const auto context = Context::establish().value();
    std::array states{ReaderState{fake::k_reader, 0, {}}};
    BOOST_TEST(context.wait_for_change(states, steady_clock::now() + k_long).has_value());
    BOOST_TEST(states[0].card_present());
    BOOST_TEST(states[0].changed());
    BOOST_TEST(states[0].atr.size() == 5U);
    const auto again = context.wait_for_change(states, steady_clock::now());
    BOOST_TEST_REQUIRE(!again.has_value());
    BOOST_TEST((again.error().code == Errc::timeout));
    BOOST_TEST(!states[0].changed());
}

#ifndef _WIN32
BOOST_AUTO_TEST_CASE(what_libpcsclite_2_5_misread_is_asked_again) {
    const auto context = Context::establish().value();
    std::array states{ReaderState{fake::k_reader, 0, {}}};
    for (const LONG misread : {SCARD_E_UNSUPPORTED_FEATURE, SCARD_E_UNKNOWN_READER}) {
        world.fail_next("SCardGetStatusChange", misread);
        BOOST_TEST(context.wait_for_change(states, steady_clock::now()).has_value());
        BOOST_TEST(states[0].card_present());
        states[0].flags = 0;
    }
    std::array unknown{ReaderState{"none", 0, {}}};
    BOOST_TEST((context.wait_for_change(unknown, steady_clock::now()).error().code == Errc::unknown_reader));
    BOOST_TEST(world.calls("SCardGetStatusChange") == 7);
}
#endif

BOOST_AUTO_TEST_CASE(wait_ends_with_the_insertion) {
    world.remove(fake::k_reader);
    const auto context = Context::establish().value();
    std::array states{ReaderState{fake::k_reader, 0, {}}};
    BOOST_TEST(context.wait_for_change(states, steady_clock::now()).has_value());
    BOOST_TEST(states[0].empty());
    std::thread inserter([&] {
        world.wait_for_blocked("SCardGetStatusChange");
        world.insert(fake::k_reader, {0x3B, 0x00});
    });
    const auto waited = context.wait_for_change(states, steady_clock::now() + k_long);
    inserter.join();
    BOOST_TEST(waited.has_value());
    BOOST_TEST(states[0].card_present());
    BOOST_TEST(states[0].event_count() == 2U);
}

BOOST_AUTO_TEST_CASE(cancel_ends_a_wait) {
    const auto context = Context::establish().value();
    std::array states{ReaderState{fake::k_reader, 0, {}}};
    BOOST_TEST(context.wait_for_change(states, steady_clock::now()).has_value());
    std::thread canceller([&] {
        world.wait_for_blocked("SCardGetStatusChange");
        BOOST_TEST(context.cancel().has_value());
    });
    const auto waited = context.wait_for_change(states, steady_clock::time_point::max());
    canceller.join();
    BOOST_TEST((waited.error().code == Errc::cancelled));
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_FIXTURE_TEST_SUITE(reader, Fixture)

BOOST_AUTO_TEST_CASE(connect_negotiates_and_the_card_leaves_at_the_end) {
    const auto context = Context::establish().value();
    {
        const auto card = context.reader(fake::k_reader).connect(ShareMode::shared, Protocol::t1).value();
        BOOST_TEST((card.active_protocol() == Protocol::t1));
        BOOST_TEST((card.preferred_protocol() == Protocol::t1));
        BOOST_TEST((card.share_mode() == ShareMode::shared));
        BOOST_TEST(card.reader_name() == fake::k_reader);
        BOOST_TEST(card.owned());
        const auto status = card.status().value();
        BOOST_TEST((status.state == CardState::specific));
        BOOST_TEST(status.reader == fake::k_reader);
        BOOST_TEST(status.atr.size() == 5U);
    }
    BOOST_TEST(world.handles.empty());
    BOOST_TEST(world.readers[fake::k_reader].dispositions.back() == DWORD{SCARD_LEAVE_CARD});
}

BOOST_AUTO_TEST_CASE(connect_fails_with_the_managers_code) {
    const auto context = Context::establish().value();
    BOOST_TEST((context.reader("none").connect().error().code == Errc::unknown_reader));
    BOOST_TEST((context.reader("none").state().error().code == Errc::unknown_reader));
    world.readers[fake::k_reader].protocols = SCARD_PROTOCOL_T1;
    BOOST_TEST((context.reader(fake::k_reader).connect(ShareMode::shared, Protocol::t0).error().code ==
                Errc::proto_mismatch));
    world.readers[fake::k_reader].mute = true;
    BOOST_TEST((context.reader(fake::k_reader).connect().error().code == Errc::unresponsive_card));
    world.remove(fake::k_reader);
    BOOST_TEST((context.reader(fake::k_reader).connect().error().code == Errc::no_smartcard));
}

BOOST_AUTO_TEST_SUITE_END()
