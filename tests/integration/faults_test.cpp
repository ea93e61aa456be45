// Every fault as docs/faults.md tells it: what a program that calls winscard.h sees, on our driver and on
// stock vpcd, and that a user of lib/pcsc who does what is written there gets its data in the end.

#include "child.hpp"
#include "temporary_folder.hpp"

#include <cardlatch/harness/test_stack.hpp>
#include <cardlatch/pcsc/card.hpp>
#include <cardlatch/pcsc/context.hpp>
#include <cardlatch/pcsc/error.hpp>
#include <cardlatch/pcsc/reader.hpp>

#include <boost/json.hpp>
#include <boost/test/unit_test.hpp>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>
#include <winscard.h>

using namespace cardlatch;
using harness::Driver;
using harness::StackOptions;
using harness::TestStack;
using harness::VirtualReader;
using pcsc::Errc;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

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

std::string code(LONG rv) {
    return fmt::format("{:08X}", static_cast<std::uint32_t>(rv));
}

/// A program that calls winscard.h.
class PlainClient {
  public:
    explicit PlainClient(const std::string& reader)
        : reader_(reader) {
        // A resource manager that is being started again refuses for a moment.
        const auto until = steady_clock::now() + seconds(20);
        while (::SCardEstablishContext(SCARD_SCOPE_USER, nullptr, nullptr, &context_) != SCARD_S_SUCCESS &&
               steady_clock::now() < until) {
            std::this_thread::sleep_for(milliseconds(10));
        }
    }
    ~PlainClient() {
        ::SCardDisconnect(card_, SCARD_LEAVE_CARD);
        ::SCardReleaseContext(context_);
    }
    PlainClient(const PlainClient&) = delete;
    PlainClient& operator=(const PlainClient&) = delete;

    std::string connect() {
        return code(::SCardConnect(context_, reader_.c_str(), SCARD_SHARE_SHARED,
                                   SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card_, &protocol_));
    }
    std::string reconnect(DWORD initialization) {
        return code(::SCardReconnect(card_, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1,
                                     initialization, &protocol_));
    }
    /// "9000+4": status word and how much data; "short": fewer than two bytes; or the error's number.
    std::string transmit(const std::string& command, std::size_t room = 65548) {
        const auto bytes = from_hex(command).value();
        Bytes answer(room);
        DWORD size = answer.size();
        const auto rv = ::SCardTransmit(card_, protocol_ == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1,
                                        bytes.data(), bytes.size(), nullptr, answer.data(), &size);
        if (rv != SCARD_S_SUCCESS) {
            return code(rv);
        }
        answer.resize(size);
        data_ = answer;
        return size < 2 ? "short"
                        : fmt::format("{:02X}{:02X}+{}", answer[size - 2], answer[size - 1], size - 2);
    }
    /// The last response, SW included.
    [[nodiscard]] const Bytes& data() const { return data_; }

  private:
    std::string reader_;
    SCARDCONTEXT context_ = 0;
    SCARDHANDLE card_ = 0;
    DWORD protocol_ = SCARD_PROTOCOL_T1;
    Bytes data_;
};

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
    for (const auto& [fault, first] : {std::pair{"reinsert", "9000+4"}, std::pair{"cut", "short"}}) {
        BOOST_TEST_CONTEXT(fault) {
            PlainClient client(reader.name());
            BOOST_TEST(client.connect() == "00000000");
            BOOST_TEST(client.transmit(k_select) == "9000+0");
            reader.add_fault(std::string(fault) + ",ins=B0");
            check(first, client.transmit(k_read));
            check("*", client.transmit(k_read)); // no error need tell that the card has lost its state
            const auto until = steady_clock::now() + seconds(20);
            while (client.reconnect(SCARD_RESET_CARD) != "00000000" && steady_clock::now() < until) {
                std::this_thread::sleep_for(milliseconds(20));
            }
            BOOST_TEST(client.transmit(k_select) == "9000+0");
            BOOST_TEST(client.transmit(k_read) == k_good);
            stack.clear_faults();
        }
    }
}

BOOST_AUTO_TEST_CASE(power_that_fails_in_a_write_leaves_the_old_state_or_the_new_one) {
    const test::TemporaryFolder folder;
    auto options = on(Driver::cardlatch);
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
            BOOST_TEST(client.transmit(k_write_record) == "80100016");
            BOOST_TEST(client.transmit(k_read_record) == "80100016"); // without power until the reset
            BOOST_TEST(client.reconnect(SCARD_RESET_CARD) == "00000000");
            BOOST_TEST((read() == old) == (std::string(at) != "after"));
            stack.clear_faults();
        }
    }
}

BOOST_AUTO_TEST_CASE(a_bad_atr_is_an_unresponsive_card_until_the_next_reset) {
    TestStack stack({"filecard"}, on(Driver::cardlatch));
    auto& reader = stack.reader();
    PlainClient client(reader.name());
    BOOST_TEST(client.connect() == "00000000");
    for (const auto* fault : {"bad-atr", "mute,on=activation", "bad-atr,until=reset"}) {
        BOOST_TEST_CONTEXT(fault) {
            reader.add_fault(fault);
            BOOST_TEST(client.reconnect(SCARD_RESET_CARD) == code(SCARD_W_UNRESPONSIVE_CARD));
            BOOST_TEST(client.reconnect(SCARD_RESET_CARD) == "00000000");
            BOOST_TEST(client.transmit(k_select) == "9000+0");
            BOOST_TEST(stack.faults().at(0).over);
            stack.clear_faults();
        }
    }
    reader.remove();
    reader.add_fault("bad-atr,until=cleared");
    reader.insert();
    BOOST_TEST(reader.status().atr == "3B8F"); // the rest of it is missing
    PlainClient other(reader.name());
    BOOST_TEST(other.connect() == code(SCARD_W_UNRESPONSIVE_CARD));
    stack.clear_faults();
    BOOST_TEST(read_and_survive(reader.name(), [&] {
                   reader.remove();
                   reader.insert();
               }) > 0);
}

BOOST_AUTO_TEST_CASE(an_overlong_response_does_not_fit_the_client_s_buffer) {
    TestStack stack({"filecard"}, on(Driver::cardlatch));
    PlainClient client(stack.reader().name());
    BOOST_TEST(client.connect() == "00000000");
    BOOST_TEST(client.transmit(k_select) == "9000+0");
    stack.reader().add_fault("overlong");
    BOOST_TEST(client.transmit(k_read, 258) == code(SCARD_E_INSUFFICIENT_BUFFER));
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

BOOST_AUTO_TEST_CASE(the_same_seed_gives_the_same_faults) {
    const auto story = [](std::uint64_t seed) {
        auto options = on(Driver::cardlatch);
        options.seed = seed;
        options.faults = {"wrong-sw,probability=0.5,until=cleared,ins=B0"};
        TestStack stack({"filecard"}, options);
        PlainClient client(stack.reader().name());
        client.connect();
        client.transmit(k_select);
        std::string seen;
        for (int i = 0; i < 64; ++i) {
            seen += client.transmit(k_read) == k_good ? '.' : 'x';
        }
        return seen;
    };
    const auto first = story(42);
    BOOST_TEST(first == story(42));
    BOOST_TEST(first != story(43));
}

BOOST_AUTO_TEST_CASE(faults_of_a_profile_come_with_its_card) {
    const auto card = std::string(CARDLATCH_TEST_SUPPORT "/faulty_card.toml");
    TestStack stack({card}, on(Driver::cardlatch));
    auto& reader = stack.reader();
    PlainClient client(reader.name());
    BOOST_TEST(client.connect() == "00000000");
    BOOST_TEST(client.transmit("00A4000C023F00") == "9000+0");
    BOOST_TEST(client.transmit(k_read) == "6581+0");
    BOOST_TEST(client.transmit(k_read) == "6581+0");
    BOOST_TEST(client.transmit(k_read) == "6986+0"); // as often as the profile says
    BOOST_TEST(stack.faults().at(0).fault.name == "worn-out");
    reader.remove();
    reader.insert("filecard");
    BOOST_TEST(stack.faults().empty());
}

BOOST_AUTO_TEST_CASE(where_a_fault_cannot_strike_is_said) {
    const auto refused = [](const std::vector<std::string>& options, const std::string& why) {
        const auto outcome = test::cardlatch_run(options, {"true"});
        BOOST_TEST(outcome.exit_code == 125);
        BOOST_TEST(outcome.err.find(why) != std::string::npos, outcome.err);
    };
    refused({"--driver", "vpcd", "--fault", "time-extensions"}, "stock vpcd's link has no time extension");
    refused({"--driver", "vpcd", "--fault", "unplug"}, "stock vpcd cannot say that its reader is gone");
    refused({"--driver", "vpcd", "--fault", "mute,on=activation"}, "waits for an ATR for ever");
    refused({"--host", "driver", "--fault", "mute"}, "the cards run inside pcscd");
    refused({"--host", "driver", "--card", CARDLATCH_TEST_SUPPORT "/faulty_card.toml"}, "inside pcscd");
    refused({"--fault", "unplug,on=now"}, "on=now is for a stack that runs");
    refused({"--fault", "mute,slot=3"}, "no slot \"3\"");
    refused({"--fault", "melt"}, "no fault \"melt\"; there are mute");
    refused({"--fault", "mute,sw=6F00"}, "mute has no setting \"sw\"");
}

BOOST_AUTO_TEST_CASE(a_hosted_card_has_the_faults_that_happen_now) {
    auto options = on(Driver::cardlatch);
    options.host = harness::Host::driver;
    TestStack stack({"filecard"}, options);
    auto& reader = stack.reader();
    PlainClient client(reader.name());
    BOOST_TEST(client.connect() == "00000000");
    reader.add_fault("reinsert,on=now");
    BOOST_TEST(client.transmit(k_read) == code(SCARD_W_REMOVED_CARD));
    reader.add_fault("unplug,on=now");
    BOOST_TEST(client.transmit(k_read) == code(SCARD_E_INVALID_VALUE));
    stack.clear_faults();
    BOOST_TEST(read_and_survive(reader.name(), {}) > 0);
    BOOST_CHECK_THROW(reader.add_fault("mute"), std::system_error);
}

BOOST_AUTO_TEST_CASE(the_command_adds_lists_and_removes_faults) {
    const auto outcome =
        test::cardlatch_run({"--card", "filecard", "--card", "none", "--seed", "11"},
                            {"sh", "-ec", "cardlatch() { '" + test::cardlatch_command() + R"(' "$@"; }
cardlatch fault add wrong-sw sw=6A88 until=cleared slot=0 ins=A4
cardlatch fault add wrong-sw,ins=FE
opensc-tool -s 00A4000C022F01 | tail -1
cardlatch fault list
cardlatch fault remove wrong-sw-2
cardlatch fault list --json
cardlatch fault remove wrong-sw-2 2>&1 || echo "$?"
cardlatch fault add mute name=wrong-sw 2>&1 || echo "$?"
cardlatch fault clear
cardlatch fault list
)"});
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    const auto& out = outcome.out;
    BOOST_TEST(out.find("wrong-sw\nwrong-sw-2\nReceived (SW1=0x6A, SW2=0x88)\nseed 11\n") == 0U, out);
    BOOST_TEST(
        out.find("wrong-sw-2: wrong-sw,on=command,until=once,nth=1,probability=1,ins=FE,sw=6F00,executed=no; "
                 "struck 0 of 0\n") != std::string::npos,
        out);
    const auto json_at = out.find('{');
    const auto list = boost::json::parse(out.substr(json_at, out.find('\n', json_at) - json_at));
    BOOST_TEST(list.at("seed").as_int64() == 11);
    BOOST_TEST(list.at("faults").as_array().size() == 1U);
    BOOST_TEST(list.at("faults").at(0).at("struck").as_int64() >= 1);
    BOOST_TEST(out.find("no fault \"wrong-sw-2\"; there are wrong-sw\n1\n") != std::string::npos, out);
    BOOST_TEST(out.find("there is a fault \"wrong-sw\"") != std::string::npos, out);
    BOOST_TEST(out.ends_with("seed 11\n"), out);
}

BOOST_AUTO_TEST_CASE(a_pin_is_typed_by_the_harness) {
    auto options = on(Driver::cardlatch);
    options.pin_pad = true;
    TestStack stack({harness::k_default_card}, options);
    BOOST_TEST(stack.reader().status().profile == "piv");
    stack.reader().type_pin("123456");
    const auto login = test::run({"pkcs11-tool", "--login", "--list-objects", "--type", "privkey"});
    BOOST_TEST(login.exit_code == 0, login.err);
    BOOST_TEST(login.out.find("Private Key Object") != std::string::npos, login.out);
    stack.reader().cancel_pin();
    BOOST_TEST(test::run({"pkcs11-tool", "--login", "--list-objects"}).exit_code != 0);
}

BOOST_AUTO_TEST_SUITE_END()
