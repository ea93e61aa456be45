#include "../support/card_bench.hpp"
#include "../support/temporary_folder.hpp"

#include <cardlatch/card/witness.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

using namespace cardlatch;
using namespace cardlatch::test;
using namespace cardlatch::card::witness;

namespace {

constexpr std::uint32_t k_alice = 0xA;
constexpr std::uint32_t k_bob = 0xB;

struct WitnessCard {
    std::unique_ptr<card::Card> card = shipped_card("witness");

    [[nodiscard]] unsigned sw(const iso7816::CommandApdu& command) const {
        return send(*card, command).sw.value();
    }
    [[nodiscard]] Report report() const { return Report::parse(send(*card, witness_report()).data).value(); }
    [[nodiscard]] std::vector<LogEntry> log(std::uint16_t index = 0) const {
        return LogEntry::parse(send(*card, read_log(index)).data).value();
    }
    static iso7816::CommandApdu witness_report() { return card::witness::report(); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(witness, WitnessCard)

BOOST_AUTO_TEST_CASE(turns_taken_one_after_the_other_are_in_order) {
    for (std::uint32_t round = 1; round <= 3; ++round) {
        for (const auto client : {k_alice, k_bob}) {
            BOOST_TEST(sw(enter(client, round)) == 0x9000U);
            BOOST_TEST(sw(touch(client, 1)) == 0x9000U);
            BOOST_TEST(sw(leave(client)) == 0x9000U);
        }
    }
    const auto seen = report();
    BOOST_TEST(seen.entries == 6U);
    BOOST_TEST(seen.leaves == 6U);
    BOOST_TEST(seen.commands == 18U);
    BOOST_TEST(seen.interleavings == 0U);
    BOOST_TEST(seen.strays == 0U);
}

BOOST_AUTO_TEST_CASE(interleaving_is_counted_and_the_owner_stays) {
    BOOST_TEST(sw(enter(k_alice, 1)) == 0x9000U);
    BOOST_TEST(sw(enter(k_bob, 1)) == 0x6985U);
    BOOST_TEST(sw(leave(k_bob)) == 0x6985U);
    const auto seen = report();
    BOOST_TEST(seen.entered);
    BOOST_TEST(seen.owner == k_alice);
    BOOST_TEST(seen.interleavings == 2U);
    BOOST_TEST(seen.last_offender == k_bob);
    BOOST_TEST(sw(touch(k_alice, 1)) == 0x9000U);
    BOOST_TEST(sw(leave(k_alice)) == 0x9000U);
}

BOOST_AUTO_TEST_CASE(reset_while_entered_breaks_off_and_is_no_interleaving) {
    BOOST_TEST(sw(enter(k_alice, 1)) == 0x9000U);
    card->reset();
    BOOST_TEST(sw(enter(k_bob, 1)) == 0x9000U);
    BOOST_TEST(sw(leave(k_bob)) == 0x9000U);
    const auto seen = report();
    BOOST_TEST(seen.broken_off == 1U);
    BOOST_TEST(seen.interleavings == 0U);
    BOOST_TEST(seen.entries == 2U);
    BOOST_TEST(seen.leaves == 1U);
}

BOOST_AUTO_TEST_CASE(loss_of_power_while_entered_breaks_off_once) {
    BOOST_TEST(sw(enter(k_alice, 1)) == 0x9000U);
    card->power_off();
    card->power_on();
    BOOST_TEST(report().broken_off == 1U);
    BOOST_TEST(!report().entered);
}

BOOST_AUTO_TEST_CASE(reset_between_entries_changes_nothing) {
    BOOST_TEST(sw(enter(k_alice, 1)) == 0x9000U);
    BOOST_TEST(sw(leave(k_alice)) == 0x9000U);
    const auto before = report();
    card->reset();
    BOOST_TEST((report() == before));
}

BOOST_AUTO_TEST_CASE(log_is_a_ring) {
    const TemporaryFolder folder;
    const auto profile = card::load_profile(folder.write("w.toml", "[witness]\nlog_entries = 4\n")).value();
    card = card::Card::create(profile, {}).value();
    card->power_on();
    BOOST_TEST(sw(enter(k_alice, 0)) == 0x9000U);
    for (std::uint32_t step = 1; step <= 5; ++step) {
        BOOST_TEST(sw(touch(k_alice, step)) == 0x9000U);
    }
    const auto entries = log();
    BOOST_REQUIRE(entries.size() == 4U);
    BOOST_TEST(entries.front().number == 3U);
    BOOST_TEST(entries.front().value == 2U);
    BOOST_TEST(entries.back().number == 6U);
    BOOST_TEST(report().events == 6U);
    BOOST_TEST(report().kept == 4U);
}

BOOST_AUTO_TEST_CASE(long_log_is_read_in_parts_or_at_once) {
    BOOST_TEST(sw(enter(k_alice, 0)) == 0x9000U);
    for (std::uint32_t step = 1; step < 40; ++step) {
        BOOST_TEST(sw(touch(k_alice, step)) == 0x9000U);
    }
    BOOST_TEST(log().size() == 16U);
    BOOST_TEST(log(32).size() == 8U);
    auto everything = read_log(0);
    everything.ne = 65536;
    everything.extended = true;
    const auto entries = LogEntry::parse(send(*card, everything).data).value();
    BOOST_REQUIRE(entries.size() == 40U);
    for (std::uint32_t i = 0; i < 40; ++i) {
        BOOST_TEST(entries[i].number == i + 1);
        BOOST_TEST(entries[i].value == i);
    }
}

BOOST_AUTO_TEST_CASE(another_application_selected_while_entered_is_in_the_log) {
    card = shipped_card("filecard");
    BOOST_TEST(sw(select()) == 0x9000U);
    BOOST_TEST(sw(enter(k_alice, 1)) == 0x9000U);
    BOOST_TEST(sw(iso7816::CommandApdu::select_by_fid(0x3F00)) == 0x9000U);
    BOOST_TEST(sw(touch(k_alice, 1)) == 0x6E00U);
    BOOST_TEST(sw(select()) == 0x9000U);
    BOOST_TEST(sw(touch(k_alice, 1)) == 0x9000U);
    const auto entries = log();
    BOOST_REQUIRE(entries.size() == 3U);
    BOOST_TEST((entries[1] == LogEntry{2, Event::deselect, Verdict::in_order, k_alice, 0}));
    BOOST_TEST(report().commands == 2U);
}

BOOST_AUTO_TEST_CASE(foreign_bytes_are_no_report_and_no_log) {
    BOOST_TEST(!Report::parse(Bytes(Report::k_size - 1, 1)));
    BOOST_TEST(!Report::parse(Bytes(Report::k_size, 2)));
    BOOST_TEST(!LogEntry::parse(Bytes(17)));
}

BOOST_AUTO_TEST_SUITE_END()
