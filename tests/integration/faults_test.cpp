// Every fault as docs/faults.md tells it: what a program that calls winscard.h sees, on our driver and on
// stock vpcd, and that a user of lib/pcsc who does what is written there gets its data in the end.

#include "pcscd_version.hpp"
#include "plain_client.hpp"
#include "temporary_folder.hpp"

#include <cardlatch/harness/test_stack.hpp>
#include <cardlatch/pcsc/card.hpp>
#include <cardlatch/pcsc/context.hpp>
#include <cardlatch/pcsc/error.hpp>
#include <cardlatch/pcsc/reader.hpp>

#include <boost/test/unit_test.hpp>
#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace cardlatch;
using harness::Driver;
using harness::StackOptions;
using harness::TestStack;
using harness::VirtualReader;
using pcsc::Errc;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using test::code;
using test::PlainClient;

namespace {

const std::string k_select = "00A4000C022F01"; // EF.ATR/INFO
const std::string k_read = "00B0000004";
const std::string k_good = "9000+4";
const std::string k_select_record = "00A4080C0450005003";
const std::string k_write_record = "00DC0104104B455054204B455054204B455054204B";
const std::string k_read_record = "00B2010410";

StackOptions on(Driver driver) {
    StackOptions options;
    options.driver = driver;
    options.seed = 7;
    return options;
}

/// What docs/faults.md tells a client to do. Returns how many attempts it took; 0: in vain.
/// `after_failure` is what the world does meanwhile.
int read_and_survive(const std::string& reader, const std::function<void()>& after_failure) {
    const auto until = steady_clock::now() + seconds(30);
    std::optional<pcsc::Card> card;
    for (int attempt = 1; steady_clock::now() < until; ++attempt) {
        const auto once = [&]() -> Result<void> {
            if (!card) {
                BOOST_OUTCOME_TRY(const auto context, pcsc::Context::establish());
                BOOST_OUTCOME_TRY(auto fresh, context.reader(reader).connect());
                card.emplace(std::move(fresh));
            }
            BOOST_OUTCOME_TRY(auto lock, card->lock(steady_clock::now() + seconds(10)));
            BOOST_OUTCOME_TRY(lock.transmit_bytes(from_hex(k_select).value()));
            BOOST_OUTCOME_TRY(const auto answer, lock.transmit_bytes(from_hex(k_read).value()));
            if (answer.size() != 6 || answer[4] != 0x90 || answer[5] != 0x00) {
                return fail(std::errc::bad_message, "not the data that was asked for");
            }
            return lock.unlock();
        };
        const auto done = once();
        if (done) {
            return attempt;
        }
        if (attempt == 1 && after_failure) {
            after_failure();
        }
        const auto why = done.assume_error().code;
        const bool there =
            why == Errc::reset_card || why == Errc::not_transacted || why == std::errc::bad_message;
        const auto initialization =
            why == Errc::reset_card ? pcsc::Disposition::leave : pcsc::Disposition::reset;
        if (!card || !there ||
            !card->reconnect(pcsc::ShareMode::shared, pcsc::Protocol::any, initialization)) {
            card.reset(); // card, reader or resource manager went away: begin with what is there now
            std::this_thread::sleep_for(milliseconds(10));
        }
    }
    return 0;
}

/// What is seen of one fault. "*": anything but the right data.
struct Row {
    const char* fault;
    const char* first; ///< the command that it strikes
    const char* next;  ///< the one after it
    const char* event; ///< to wait for in between; null for none
    /// While the first command is stuck or after it failed.
    void (*help)(VirtualReader&) = nullptr;
    bool stuck = false;
};

void put_back(VirtualReader& reader) {
    if (reader.status().profile.empty()) { // one whose link is down comes back by itself
        reader.insert();
    }
}

void put_back_after_removal(VirtualReader& reader) {
    reader.wait_for("removed");
    reader.insert();
}

void pull_the_mute_card(VirtualReader& reader) {
    reader.wait_for("mute");
    reader.remove();
}

void see(bool as_expected, const std::string& seen, const char* expected) {
    BOOST_TEST(as_expected, "seen " << seen << ", expected " << expected);
}

void check(const char* expected, const std::string& seen) {
    see(std::string(expected) == "*" ? seen != k_good : seen == expected, seen, expected);
}

/// A card whose link is down comes back by itself, and stock vpcd does not say when.
void reset_until_it_answers(PlainClient& client) {
    const auto until = steady_clock::now() + seconds(20);
    while (client.reconnect(SCARD_RESET_CARD) != "00000000" && steady_clock::now() < until) {
        std::this_thread::sleep_for(milliseconds(20));
    }
}

void plain_client_sees(TestStack& stack, const Row& row) {
    auto& reader = stack.reader();
    PlainClient client(reader.name());
    BOOST_TEST(client.connect() == "00000000");
    BOOST_TEST(client.transmit(k_select) == "9000+0");
    BOOST_TEST(client.transmit(k_read) == k_good);
    reader.add_fault(row.fault);
    std::thread helper;
    if (row.stuck) {
        helper = std::thread([&] { row.help(reader); });
    }
    check(row.first, client.transmit(k_read));
    if (row.event != nullptr) {
        reader.wait_for(row.event);
    }
    if (row.stuck) {
        helper.join();
    }
    check(row.next, client.transmit(k_read));
    stack.clear_faults();
    put_back(reader);
}

void library_user_survives(TestStack& stack, const Row& row) {
    auto& reader = stack.reader();
    reader.add_fault(std::string(row.fault) + ",ins=B0");
    std::thread helper;
    if (row.stuck) {
        helper = std::thread([&] {
            row.help(reader);
            put_back(reader);
        });
    }
    const int attempts = read_and_survive(reader.name(), [&] {
        if (row.help != nullptr && !row.stuck) {
            row.help(reader);
        }
    });
    if (row.stuck) {
        helper.join();
    }
    if (row.event != nullptr && row.help == nullptr) {
        reader.wait_for(
            row.event); // it may come when the user has its data: a reset waits for the lock's end
    }
    BOOST_TEST(attempts > 0);
    BOOST_TEST(stack.faults().at(0).struck == 1U);
    BOOST_TEST(reader.is_free(), "the lock was left behind");
    stack.clear_faults();
}

void all_rows(Driver driver, const std::vector<Row>& rows) {
    TestStack stack({"filecard"}, on(driver));
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.fault) {
            plain_client_sees(stack, row);
            library_user_survives(stack, row);
        }
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(faults)

BOOST_AUTO_TEST_CASE(each_is_seen_as_documented_on_our_driver_and_survived) {
    all_rows(Driver::cardlatch, {
                                    {"mute,ms=20", "80100016", "9000+4", nullptr},
                                    {"delay,ms=20,jitter=10", "9000+4", "9000+4", nullptr},
                                    {"wrong-sw,sw=6F00", "6F00+0", "9000+4", nullptr},
                                    {"wrong-sw,sw=6581,executed=yes", "6581+4", "9000+4", nullptr},
                                    {"truncate", "80100016", "9000+4", nullptr},
                                    {"truncate,keep=3", "*", "9000+4", nullptr},
                                    {"overlong,extra=300", "9000+304", "9000+4", nullptr},
                                    {"silent-reset", "6986+0", "6986+0", nullptr},
                                    {"client-reset", "9000+4", "80100068", "reset"},
                                    {"time-extensions,count=20,ms=1", "9000+4", "9000+4", nullptr},
                                    {"remove", "8010000C", "80100069", "removed", put_back_after_removal},
                                    {"reinsert", "9000+4", "*", "inserted"},
                                    {"cut", "8010000C", "*", "inserted"},
                                    {"cut,keep=3", "8010000C", "*", "inserted"},
                                });
}

BOOST_AUTO_TEST_CASE(each_is_seen_as_documented_on_stock_vpcd_and_survived) {
    all_rows(Driver::vpcd, {
                               {"mute,ms=20", "short", "80100069", nullptr, pull_the_mute_card, true},
                               {"delay,ms=20,jitter=10", "9000+4", "9000+4", nullptr},
                               {"wrong-sw,sw=6F00", "6F00+0", "9000+4", nullptr},
                               {"wrong-sw,sw=6581,executed=yes", "6581+4", "9000+4", nullptr},
                               {"truncate", "short", "9000+4", nullptr},
                               {"truncate,keep=3", "*", "9000+4", nullptr},
                               {"overlong,extra=300", "9000+304", "9000+4", nullptr},
                               {"silent-reset", "6986+0", "6986+0", nullptr},
                               {"client-reset", "9000+4", "80100068", "reset"},
                               {"remove", "short", "80100069", "removed", put_back_after_removal},
                           });
}

BOOST_AUTO_TEST_CASE(a_link_that_breaks_on_stock_vpcd_is_noticed_late_and_healed_by_a_reset) {
    TestStack stack({"filecard"}, on(Driver::vpcd));
    auto& reader = stack.reader();
    for (const auto& [fault, first] :
         {std::pair{"reinsert", "9000+4"}, std::pair{"cut", "short"}, std::pair{"cut,keep=3", "short"}}) {
        BOOST_TEST_CONTEXT(fault) {
            PlainClient client(reader.name());
            BOOST_TEST(client.connect() == "00000000");
            BOOST_TEST(client.transmit(k_select) == "9000+0");
            reader.add_fault(std::string(fault) + ",ins=B0");
            check(first, client.transmit(k_read));
            check("*", client.transmit(k_read)); // no error need tell that the card has lost its state
            reset_until_it_answers(client);
            BOOST_TEST(client.transmit(k_select) == "9000+0");
            BOOST_TEST(client.transmit(k_read) == k_good);
            stack.clear_faults();
            reader.add_fault(std::string(fault) + ",ins=B0");
            // A reset that comes before the link is back makes pcscd take the reader for empty; a new
            // connection does not get out of that, the card's owner does.
            BOOST_TEST(read_and_survive(reader.name(), [&reader] {
                           reader.remove();
                           reader.insert();
                       }) > 0);
            BOOST_TEST(stack.faults().at(0).struck == 1U);
            BOOST_TEST(reader.is_free(), "the lock was left behind");
            stack.clear_faults();
            reader.remove();
            reader.insert(); // one with power
        }
    }
}

BOOST_AUTO_TEST_CASE(power_that_fails_in_a_write_leaves_the_old_state_or_the_new_one) {
    for (const auto driver : {Driver::cardlatch, Driver::vpcd}) {
        const test::TemporaryFolder folder;
        auto options = on(driver);
        options.state_dir = folder.path();
        TestStack stack({"filecard"}, options);
        auto& reader = stack.reader();
        PlainClient client(reader.name());
        BOOST_TEST(client.connect() == "00000000");
        const auto read = [&] {
            BOOST_TEST(client.transmit(k_select_record) == "9000+0");
            return client.transmit(k_read_record) == "9000+16" ? to_hex(client.data()) : std::string();
        };
        const auto old = read();
        for (const auto* at : {"before", "torn", "after"}) {
            BOOST_TEST_CONTEXT(at) {
                reader.add_fault(fmt::format("power-loss,at={}", at));
                BOOST_TEST(client.transmit(k_select_record) == "9000+0");
                check(driver == Driver::cardlatch ? "80100016" : "short", client.transmit(k_write_record));
                BOOST_TEST(client.transmit(k_read_record) == "80100016"); // without power until the reset
                reset_until_it_answers(client);
                BOOST_TEST((read() == old) == (std::string(at) != "after"));
                stack.clear_faults();
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_library_user_asks_the_card_what_became_of_a_write) {
    for (const auto driver : {Driver::cardlatch, Driver::vpcd}) {
        TestStack stack({"filecard"}, on(driver));
        auto& reader = stack.reader();
        const auto context = pcsc::Context::establish().value();
        auto card = context.reader(reader.name()).connect().value();
        const auto send = [](pcsc::Lock& lock, const std::string& command) {
            return lock.transmit_bytes(from_hex(command).value());
        };
        const auto record = [&](pcsc::Lock& lock) {
            BOOST_TEST(to_hex(send(lock, k_select_record).value()) == "9000");
            return to_hex(send(lock, k_read_record).value());
        };
        // The card behind vpcd has hung up and comes back by itself.
        const auto reset = [&card] {
            const auto until = steady_clock::now() + seconds(20);
            while (!card.reconnect(pcsc::ShareMode::shared, pcsc::Protocol::any, pcsc::Disposition::reset) &&
                   steady_clock::now() < until) {
                std::this_thread::sleep_for(milliseconds(20));
            }
        };
        int number = 0;
        for (const auto* at : {"before", "torn", "after"}) {
            BOOST_TEST_CONTEXT(at) {
                const auto data = k_write_record.substr(10, 30) + fmt::format("{:02X}", ++number);
                const auto write = k_write_record.substr(0, 10) + data;
                const auto fresh = data + "9000";
                std::string old;
                {
                    auto lock = card.lock().value();
                    old = record(lock);
                    reader.add_fault(fmt::format("power-loss,at={}", at));
                    const auto written = send(lock, write);
                    // Stock vpcd hands on that nothing came.
                    BOOST_TEST((driver == Driver::cardlatch
                                    ? !written && written.assume_error().code == Errc::not_transacted
                                    : written && written.assume_value().empty()));
                    BOOST_TEST(lock.held());
                }
                BOOST_TEST(reader.is_free(), "the lock was left behind");
                reset();
                auto lock = card.lock().value();
                const auto now = record(lock);
                BOOST_TEST((now == old || now == fresh));
                if (now != fresh) {
                    BOOST_TEST(to_hex(send(lock, write).value()) == "9000");
                }
                BOOST_TEST(record(lock) == fresh);
                stack.clear_faults();
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_lock_that_was_lost_says_so_and_one_that_was_not_is_kept) {
    struct Loss {
        const char* fault;
        const char* settings;
        const char* event; ///< after which pcscd knows
        bool held;
    };
    for (const auto& loss :
         {Loss{"remove", "", "removed", false}, Loss{"reinsert", "", "inserted", false},
          Loss{"cut", "", "inserted", false}, Loss{"unplug", ",back=200", "inserted", false},
          Loss{"kill-pcscd", "", "inserted", false}, Loss{"mute", ",ms=20", nullptr, true},
          Loss{"wrong-sw", "", nullptr, true}, Loss{"truncate", "", nullptr, true}}) {
        BOOST_TEST_CONTEXT(loss.fault) {
            TestStack stack({"filecard"}, on(Driver::cardlatch));
            auto& reader = stack.reader();
            const auto context = pcsc::Context::establish().value();
            const auto card = context.reader(reader.name()).connect().value();
            auto lock = card.lock().value();
            BOOST_TEST(lock.transmit_bytes(from_hex(k_select).value()).has_value());
            reader.add_fault(std::string(loss.fault) + ",ins=B0" + loss.settings);
            (void)lock.transmit_bytes(from_hex(k_read).value());
            if (loss.event != nullptr) {
                reader.wait_for(loss.fault); // not the first insertion
                reader.wait_for(loss.event);
            }
            const auto next = lock.transmit_bytes(from_hex(k_read).value());
            BOOST_TEST(next.has_value() == loss.held);
            BOOST_TEST(lock.held() == loss.held);
            BOOST_TEST(lock.check().has_value() == loss.held);
            (void)lock.unlock();
            BOOST_TEST(!lock.held());
            stack.clear_faults();
            put_back(reader);
            BOOST_TEST(reader.is_free(), "the lock was left behind");
        }
    }
}

BOOST_AUTO_TEST_CASE(the_command_that_matches_for_the_nth_time_is_struck_and_no_other) {
    for (const auto driver : {Driver::cardlatch, Driver::vpcd}) {
        TestStack stack({"filecard"}, on(driver));
        PlainClient client(stack.reader().name());
        BOOST_TEST(client.connect() == "00000000");
        stack.reader().add_fault("wrong-sw,sw=6581,match=00A4????022F,nth=2,until=2");
        BOOST_TEST(client.transmit(k_select) == "9000+0"); // the first
        BOOST_TEST(client.transmit(k_select_record) == "9000+0");
        BOOST_TEST(client.transmit(k_select) == "6581+0");
        BOOST_TEST(client.transmit("00A4000C023F00") == "9000+0");
        BOOST_TEST(client.transmit(k_select) == "6581+0");
        BOOST_TEST(stack.faults().at(0).over);
        BOOST_TEST(client.transmit(k_select) == "9000+0");
        BOOST_TEST(client.transmit(k_read) == k_good);
    }
}

/// What a card is called whose ATR says nothing: pcscd 2.5 looks for a protocol in it.
LONG bad_atr_code() {
    return test::pcscd_version() < 20400 ? SCARD_W_UNRESPONSIVE_CARD : SCARD_E_PROTO_MISMATCH;
}

BOOST_AUTO_TEST_CASE(a_bad_atr_is_an_unresponsive_card_until_the_next_reset) {
    TestStack stack({"filecard"}, on(Driver::cardlatch));
    auto& reader = stack.reader();
    PlainClient client(reader.name());
    BOOST_TEST(client.connect() == "00000000");
    PlainClient neighbour(reader.name());
    BOOST_TEST(neighbour.connect() == "00000000");
    const auto context = pcsc::Context::establish().value();
    auto card = context.reader(reader.name()).connect().value();
    const auto reset = [&card] {
        return card.reconnect(pcsc::ShareMode::shared, pcsc::Protocol::any, pcsc::Disposition::reset);
    };
    for (const auto* fault : {"bad-atr", "mute,on=activation", "bad-atr,until=reset"}) {
        BOOST_TEST_CONTEXT(fault) {
            const LONG refused =
                std::string_view(fault).starts_with("mute") ? SCARD_W_UNRESPONSIVE_CARD : bad_atr_code();
            reader.add_fault(fault);
            BOOST_TEST(client.reconnect(SCARD_RESET_CARD) == code(refused));
            BOOST_TEST(client.transmit(k_select) == "80100068");
            BOOST_TEST(neighbour.transmit(k_select) == "80100068");
            BOOST_TEST(neighbour.reconnect(SCARD_LEAVE_CARD) == code(refused));
            BOOST_TEST(client.reconnect(SCARD_RESET_CARD) == "00000000");
            BOOST_TEST(client.transmit(k_select) == "9000+0");
            BOOST_TEST(neighbour.transmit(k_select) == "80100068");
            BOOST_TEST(neighbour.reconnect(SCARD_LEAVE_CARD) == "00000000");
            BOOST_TEST(stack.faults().at(0).over);
            stack.clear_faults();
            // A user of the library says so, and tries once more.
            BOOST_TEST(reset().has_value());
            reader.add_fault(fault);
            const auto in_vain = reset();
            BOOST_REQUIRE(!in_vain);
            BOOST_TEST(
                (in_vain.assume_error().code ==
                 (refused == SCARD_E_PROTO_MISMATCH ? Errc::proto_mismatch : Errc::unresponsive_card)));
            BOOST_TEST(reset().has_value());
            BOOST_TEST(card.lock().value().transmit_bytes(from_hex(k_select).value()).has_value());
            BOOST_TEST(client.reconnect(SCARD_LEAVE_CARD) == "00000000");
            BOOST_TEST(neighbour.reconnect(SCARD_LEAVE_CARD) == "00000000");
            BOOST_TEST(stack.faults().at(0).over);
            stack.clear_faults();
        }
    }
    reader.remove();
    reader.add_fault("bad-atr,until=cleared");
    reader.insert();
    BOOST_TEST(reader.status().atr == "3B8F"); // the rest of it is missing
    PlainClient other(reader.name());
    BOOST_TEST(other.connect() == code(bad_atr_code()));
    stack.clear_faults();
    BOOST_TEST(read_and_survive(reader.name(), [&] {
                   reader.remove();
                   reader.insert();
               }) > 0);
}

BOOST_AUTO_TEST_CASE(a_bad_atr_of_a_reset_is_nothing_to_stock_vpcd, *boost::unit_test::precondition([](auto) {
                         return bad_atr_code() == SCARD_W_UNRESPONSIVE_CARD;
                     })) {
    TestStack stack({"filecard"}, on(Driver::vpcd));
    PlainClient client(stack.reader().name());
    BOOST_TEST(client.connect() == "00000000");
    stack.reader().add_fault("bad-atr");
    BOOST_TEST(client.reconnect(SCARD_RESET_CARD) == "00000000");
    BOOST_TEST(stack.faults().at(0).struck == 1U);
    BOOST_TEST(client.transmit(k_select) == "9000+0");
    BOOST_TEST(client.transmit(k_read) == k_good);
}

BOOST_AUTO_TEST_CASE(an_overlong_response_does_not_fit_the_client_s_buffer) {
    for (const auto driver : {Driver::cardlatch, Driver::vpcd}) {
        TestStack stack({"filecard"}, on(driver));
        PlainClient client(stack.reader().name());
        BOOST_TEST(client.connect() == "00000000");
        BOOST_TEST(client.transmit(k_select) == "9000+0");
        stack.reader().add_fault("overlong");
        BOOST_TEST(client.transmit(k_read, 258) == code(SCARD_E_INSUFFICIENT_BUFFER));
        BOOST_TEST(client.transmit(k_read) == k_good);
    }
}

BOOST_AUTO_TEST_CASE(an_unplugged_reader_is_gone_until_the_fault_is_removed) {
    TestStack stack({"filecard", "none"}, on(Driver::cardlatch));
    auto& reader = stack.reader();
    PlainClient client(reader.name());
    BOOST_TEST(client.connect() == "00000000");
    const auto name = reader.add_fault("unplug,on=now");
    BOOST_TEST(reader.status().state == "unplugged");
    BOOST_TEST(stack.reader(1).status().state == "empty");
    BOOST_TEST(client.transmit(k_read) == code(SCARD_E_INVALID_VALUE));
    BOOST_TEST(client.reconnect(SCARD_LEAVE_CARD) == code(SCARD_E_INVALID_VALUE));
    BOOST_TEST(client.connect() == code(SCARD_E_UNKNOWN_READER));
    stack.remove_fault(name);
    BOOST_TEST(reader.status().state == "present");
    BOOST_TEST(client.connect() == "00000000");
    reader.add_fault("unplug,ins=B0");
    BOOST_TEST(client.transmit(k_read) == code(SCARD_E_READER_UNAVAILABLE));
    stack.clear_faults();
    BOOST_TEST(reader.status().state == "present");
    reader.add_fault("unplug,ins=B0,back=1500");
    BOOST_TEST(read_and_survive(reader.name(), {}) > 1);
    BOOST_TEST(reader.is_free());
}

BOOST_AUTO_TEST_CASE(a_killed_pcscd_ends_every_context_and_comes_back) {
    for (const auto driver : {Driver::cardlatch, Driver::vpcd}) {
        TestStack stack({"filecard"}, on(driver));
        auto& reader = stack.reader();
        {
            PlainClient client(reader.name());
            BOOST_TEST(client.connect() == "00000000");
            BOOST_TEST(client.transmit(k_select) == "9000+0");
            reader.add_fault("kill-pcscd,ins=B0");
            check("80100013", client.transmit(k_read));
            check("8010001D", client.transmit(k_read));
            check("8010001D", client.connect());
        }
        BOOST_TEST(read_and_survive(reader.name(), {}) > 0);
        const auto name = reader.add_fault("kill-pcscd,on=now,back=never");
        BOOST_TEST(reader.status().state == "unavailable");
        stack.remove_fault(name); // starts it again
        BOOST_TEST(reader.status().state == "present");
        BOOST_TEST(read_and_survive(reader.name(), {}) > 0);
        reader.add_fault("kill-pcscd,on=now,back=600000");
        stack.clear_faults(); // before its time
        BOOST_TEST(reader.status().state == "present");
    }
}

BOOST_AUTO_TEST_CASE(a_library_user_meets_a_killed_pcscd_inside_a_lock) {
    TestStack stack({"filecard"}, on(Driver::cardlatch));
    auto& reader = stack.reader();
    reader.add_fault("kill-pcscd,ins=B0");
    BOOST_TEST(read_and_survive(reader.name(), {}) > 1);
    BOOST_TEST(reader.is_free());
}

BOOST_AUTO_TEST_SUITE_END()
