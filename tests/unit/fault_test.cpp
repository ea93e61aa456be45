// Faults as data, the plan that says when they strike, and the card that they strike.

#include <cardlatch/fault/faulty_icc.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

using namespace cardlatch;
using namespace cardlatch::fault;
namespace data = boost::unit_test::data;

namespace {

Bytes hex(const std::string& text) {
    return from_hex(text).value();
}

Result<Fault> read(const std::string& spec) {
    BOOST_OUTCOME_TRY(auto parts, split(spec));
    const auto type = parts.front().second;
    parts.erase(parts.begin());
    return fault::parse(type, parts);
}

const std::vector<std::string> k_wrong{
    "",
    "melt",
    "sw=6F00",
    "mute,",
    "mute,ms",
    "mute,ms=-1",
    "mute,ms=600001",
    "mute,ms=1x",
    "mute,sw=6F00",
    "mute,name=",
    "mute,name=a b",
    "mute,on=now",
    "mute,on=write",
    "mute,until=0",
    "mute,until=often",
    "mute,probability=1.1",
    "mute,probability=nan",
    "mute,nth=0",
    "mute,ins=B",
    "mute,ins=B0B0",
    "mute,match=0",
    "mute,match=00G4",
    "mute,on=activation,ins=A4",
    "wrong-sw,sw=9",
    "wrong-sw,executed=perhaps",
    "overlong,extra=65537",
    "bad-atr,atr=",
    "power-loss,at=last",
    "time-extensions,count=0",
    "unplug,back=soon",
    "remove,on=now,nth=2",
    "remove,on=now,until=cleared",
};

/// A card that answers to everything, and says what was done to it.
class Recorder : public vpcd::IccHandler, public vpcd::IccPort, public Actions {
  public:
    std::string done;
    bool says_no_answer = true;

    Bytes power_on() override { return note("on "), hex("3B8001"); }
    void power_off() override { note("off "); }
    Bytes reset() override { return note("reset "), hex("3B8001"); }
    Bytes atr() override { return hex("3B8001"); }
    Bytes transmit(ByteView) override { return note("command "), hex("01020304 9000"); }

    bool extend_time(vpcd::Milliseconds) override { return note("more "), true; }
    bool give_up(vpcd::NoAnswer why) override {
        return note(why == vpcd::NoAnswer::mute ? "mute " : "garbled "), says_no_answer;
    }
    void cut(ByteView, std::size_t size) override { note("cut" + std::to_string(size) + " "); }
    void cut_after_answer() override { note("cut-after "); }
    [[nodiscard]] bool wait(vpcd::Milliseconds) const override { return true; }

    void struck(const Fault& fault) override { note("!" + fault.name + " "); }
    void pull_card() override { note("pull "); }
    void put_back_at_once() override { note("back "); }
    void card_lost_power() override { note("lost "); }

  private:
    void note(const std::string& what) { done += what; }
};

struct Bench {
    FaultPlan plan{1};
    Recorder card;
    FaultyIcc faulty{card, plan, 0, card};

    Bench() { faulty.attach(&card); }
    void add(const std::string& spec) { (void)plan.add(read(spec).value()).value(); }
    std::string send(const std::string& command = "00B0000004") {
        return to_hex(faulty.transmit(hex(command)));
    }
};

struct Effect {
    const char* fault;
    const char* answer;
    const char* done;
};

std::ostream& operator<<(std::ostream& out, const Effect& effect) {
    return out << effect.fault;
}

const std::vector<Effect> k_effects{
    {"mute", "", "!mute mute "},
    {"delay", "010203049000", "!delay command "},
    {"wrong-sw", "6F00", "!wrong-sw "},
    {"wrong-sw,executed=yes,sw=6581", "010203046581", "!wrong-sw command "},
    {"truncate", "", "!truncate command garbled "},
    {"truncate,keep=3", "010203", "!truncate command "},
    {"remove", "", "!remove pull cut0 "},
    {"reinsert", "010203049000", "!reinsert command back cut-after "},
    {"silent-reset", "010203049000", "!silent-reset reset command "},
    {"client-reset", "010203049000", "!client-reset command "},
    {"time-extensions,count=2", "010203049000", "!time-extensions more more command "},
    {"cut", "", "!cut cut0 "},
    {"cut,keep=3", "", "!cut command cut3 "},
    {"unplug", "", "!unplug cut0 "},
    {"kill-pcscd", "", "!kill-pcscd cut0 "},
};

} // namespace

BOOST_AUTO_TEST_SUITE(faults)

BOOST_DATA_TEST_CASE(a_mistake_is_refused_with_a_sentence, data::make(k_wrong), spec) {
    const auto fault = read(spec);
    BOOST_REQUIRE(!fault);
    BOOST_TEST((fault.assume_error().code == std::errc::invalid_argument));
    BOOST_TEST(!fault.assume_error().detail.empty());
}

BOOST_AUTO_TEST_CASE(what_is_shown_is_what_was_said) {
    for (const auto& type : types()) {
        const auto fault = fault::parse(type.name, {});
        BOOST_REQUIRE_MESSAGE(fault, type.name);
        const auto again = fault::parse(type.name, settings_of(fault.value()));
        BOOST_REQUIRE_MESSAGE(again, type.name);
        BOOST_TEST((settings_of(again.value()) == settings_of(fault.value())));
    }
    const auto fault =
        read("wrong-sw,until=3,nth=2,probability=0.25,ins=a4,match=00 A4 0?:..,sw=6a88").value();
    std::string text;
    for (const auto& [key, value] : settings_of(fault)) {
        text += key + "=" + value + " ";
    }
    BOOST_TEST(text ==
               "on=command until=3 nth=2 probability=0.25 ins=A4 match=00A40??? sw=6A88 executed=no ");
}

BOOST_DATA_TEST_CASE(each_does_to_the_card_what_it_says, data::make(k_effects), effect) {
    Bench bench;
    bench.add(effect.fault);
    BOOST_TEST(bench.send() == effect.answer);
    BOOST_TEST(bench.card.done == effect.done);
    bench.card.done.clear();
    BOOST_TEST(bench.send() == "010203049000"); // once
    BOOST_TEST(bench.card.done == "command ");
    BOOST_TEST(bench.plan.idle());
}

BOOST_AUTO_TEST_CASE(an_overlong_response_ends_with_the_status_word) {
    Bench bench;
    bench.add("overlong,extra=10");
    const auto answer = bench.send();
    BOOST_TEST(answer.size() == 2U * 16);
    BOOST_TEST(answer.starts_with("01020304"));
    BOOST_TEST(answer.ends_with("9000"));
}

BOOST_AUTO_TEST_CASE(it_strikes_from_the_nth_that_matches_and_as_often_as_said) {
    Bench bench;
    bench.add("wrong-sw,ins=B0,match=00??01,nth=2,until=2");
    std::string story;
    for (const auto* command : {"00B00104", "00A40104", "00B00004", "00B00104", "00B00104", "00B00104"}) {
        story += bench.send(command) == "6F00" ? 'x' : '.';
    }
    BOOST_TEST(story == "...xx.");
    const auto status = bench.plan.list().at(0);
    BOOST_TEST(status.seen == 3U);
    BOOST_TEST(status.struck == 2U);
    BOOST_TEST(status.over);
}

BOOST_AUTO_TEST_CASE(until_reset_ends_with_the_activation_after_it_struck) {
    Bench bench;
    bench.add("wrong-sw,until=reset");
    (void)bench.faulty.reset(); // it has not struck yet
    BOOST_TEST(bench.send() == "6F00");
    BOOST_TEST(bench.send() == "6F00");
    (void)bench.faulty.power_on();
    BOOST_TEST(bench.send() == "010203049000");
}

BOOST_AUTO_TEST_CASE(until_cleared_ends_with_its_removal) {
    Bench bench;
    bench.add("wrong-sw,until=cleared,name=worn");
    (void)bench.send();
    (void)bench.faulty.reset();
    BOOST_TEST(bench.send() == "6F00");
    BOOST_TEST((bench.plan.remove("torn").assume_error().detail == "no fault \"torn\"; there are worn"));
    BOOST_TEST(bench.plan.remove("worn").has_value());
    BOOST_TEST(bench.send() == "010203049000");
}

BOOST_AUTO_TEST_CASE(an_activation_gives_a_bad_atr_or_none) {
    Bench bench;
    bench.add("bad-atr");
    BOOST_TEST(to_hex(bench.faulty.power_on()) == "3B80");
    BOOST_TEST(to_hex(bench.faulty.atr()) == "3B80"); // plain vpcd asks again
    BOOST_TEST(to_hex(bench.faulty.reset()) == "3B8001");
    BOOST_TEST(to_hex(bench.faulty.atr()) == "3B8001");
    bench.add("mute,on=activation");
    BOOST_TEST(to_hex(bench.faulty.reset()).empty());
    BOOST_TEST(bench.send() == "010203049000"); // the card itself decides what it answers without power
}

BOOST_AUTO_TEST_CASE(a_card_that_lost_its_power_is_mute_until_the_next_activation) {
    struct Writer : Recorder {
        FaultyIcc* faulty = nullptr;
        Bytes transmit(ByteView command) override {
            done += faulty->state_write() == WriteFate::torn ? "torn " : "written ";
            return Recorder::transmit(command);
        }
    };
    FaultPlan plan(1);
    Writer card;
    FaultyIcc faulty(card, plan, 0, card);
    card.faulty = &faulty;
    faulty.attach(&card);
    (void)plan.add(read("power-loss,ins=D6,nth=2").value()).value();
    BOOST_TEST(to_hex(faulty.transmit(hex("00D60000"))) == "010203049000");
    BOOST_TEST(to_hex(faulty.transmit(hex("00DC0000"))) == "010203049000");
    card.done.clear();
    BOOST_TEST(faulty.transmit(hex("00D60000")).empty());
    BOOST_TEST(card.done == "!power-loss torn command lost garbled ");
    BOOST_TEST(faulty.transmit(hex("00B00000")).empty());
    (void)faulty.reset();
    BOOST_TEST(to_hex(faulty.transmit(hex("00D60000"))) == "010203049000");
}

BOOST_AUTO_TEST_CASE(the_seed_alone_decides_whatever_other_slots_do) {
    const auto story = [](std::uint64_t seed, bool busy_neighbour) {
        FaultPlan plan(seed);
        (void)plan.add(read("mute,probability=0.5,until=cleared").value()).value();
        std::string seen;
        for (int i = 0; i < 200; ++i) {
            if (busy_neighbour) {
                (void)plan.draw(1, Occasion::command, hex("00A40000"));
            }
            seen += plan.draw(0, Occasion::command, hex("00A40000")).empty() ? '.' : 'x';
        }
        return seen;
    };
    const auto first = story(5, false);
    BOOST_TEST(first == story(5, true));
    BOOST_TEST(first != story(6, false));
    const auto struck = std::count(first.begin(), first.end(), 'x');
    BOOST_TEST((struck > 60 && struck < 140));
}

BOOST_AUTO_TEST_CASE(names_are_found_or_refused) {
    FaultPlan plan(1);
    BOOST_TEST(plan.add(read("mute").value()).value() == "mute");
    BOOST_TEST(plan.add(read("mute").value()).value() == "mute-2");
    BOOST_TEST((plan.add(read("delay,name=mute").value()).assume_error().code == std::errc::file_exists));
    (void)plan.add(read("delay").value(), "a card").value();
    plan.remove_owned("a card");
    BOOST_TEST(plan.list().size() == 2U);
    plan.clear();
    BOOST_TEST(plan.idle());
}

BOOST_AUTO_TEST_SUITE_END()
