#include "../support/card_bench.hpp"
#include "filecard/pin.hpp"
#include "secret.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace cardlatch;
using namespace cardlatch::test;

namespace {

/// Counts up, or fails.
class KnownRandom final : public card::RandomSource {
  public:
    Result<void> fill(std::span<std::uint8_t> out) override {
        if (fails) {
            return fail(std::errc::io_error);
        }
        std::generate(out.begin(), out.end(), [this] { return next_++; });
        return ok();
    }
    bool fails = false;

  private:
    std::uint8_t next_ = 0;
};

/// Notes what the try counter was at each commit, and fails from a chosen commit on.
class WatchedPersistence final : public card::Persistence {
  public:
    Result<void> commit() override {
        if (committed.size() >= works) {
            return fail(std::errc::io_error);
        }
        committed.push_back(pin->tries_left());
        return ok();
    }
    const card::filecard::Pin* pin = nullptr;
    std::size_t works = 100;
    std::vector<unsigned> committed;
};

card::filecard::PinProfile make_profile() {
    card::filecard::PinProfile profile;
    profile.value = card::Secret({1, 2, 3, 4});
    profile.resetting_code = card::Secret({9, 9});
    profile.resetting_tries = 2;
    return profile;
}

struct PinOnCard {
    card::filecard::Pin pin{make_profile()};
    WatchedPersistence persistence;
    PinOnCard() { persistence.pin = &pin; }
    [[nodiscard]] unsigned verify(Bytes candidate) { return pin.verify(candidate, persistence).value(); }
};

const Bytes k_right{1, 2, 3, 4};
const Bytes k_wrong{1, 2, 3, 5};

} // namespace

BOOST_AUTO_TEST_SUITE(card_core)

BOOST_AUTO_TEST_CASE(card_that_is_off_answers_6f00) {
    const auto profile = card::load_profile(shipped_cards() / "filecard.toml").value();
    auto card = card::Card::create(profile, {}).value();
    BOOST_TEST(send(*card, "00 A4 00 0C") == "6F00");
    card->power_on();
    BOOST_TEST(send(*card, "00 A4 00 0C") == "9000");
    card->power_off();
    BOOST_TEST(send(*card, "00 A4 00 0C") == "6F00");
    BOOST_TEST(card->profile_name() == "filecard");
    BOOST_TEST((card->atr() == profile.atr));
}

BOOST_AUTO_TEST_CASE(nothing_at_all_is_a_wrong_length) {
    BOOST_TEST(to_hex(shipped_card("filecard")->transmit({})) == "6700");
}

BOOST_AUTO_TEST_CASE(challenge_comes_from_the_injected_source) {
    KnownRandom random;
    const auto profile = card::load_profile(shipped_cards() / "filecard.toml").value();
    auto card = card::Card::create(profile, {.state_file = {}, .random = &random}).value();
    card->power_on();
    BOOST_TEST(send(*card, "00 84 00 00 04") == "000102039000");
    BOOST_TEST(send(*card, "00 84 00 00 02") == "04059000");
    random.fails = true;
    BOOST_TEST(send(*card, "00 84 00 00 04") == "6400");
}

BOOST_AUTO_TEST_CASE(challenges_of_the_system_differ) {
    auto card = shipped_card("filecard");
    const auto longest = card->transmit(*from_hex("00 84 00 00 00 00 00"));
    BOOST_TEST(longest.size() == 65538U);
    BOOST_TEST(send(*card, "00 84 00 00 10") != send(*card, "00 84 00 00 10"));
}

BOOST_AUTO_TEST_CASE(response_beyond_a_short_le_comes_in_chunks_with_the_final_status_last) {
    auto card = shipped_card("filecard");
    send(*card, "00 A4 08 0C 02 50 00");
    const auto whole = card->transmit(*from_hex("00 B2 01 25 00 00 00"));
    auto response = card->transmit(*from_hex("00 B2 01 25 80"));
    Bytes collected;
    while (response.size() >= 2 && response[response.size() - 2] == 0x61) {
        collected.insert(collected.end(), response.begin(), response.end() - 2);
        response = card->transmit(*from_hex("00 C0 00 00 64"));
        if (response[response.size() - 2] == 0x6C) {
            response = card->transmit(Bytes{0x00, 0xC0, 0x00, 0x00, response.back()});
        }
    }
    collected.insert(collected.end(), response.begin(), response.end());
    BOOST_TEST(whole.size() == 402U);
    BOOST_TEST((collected == whole));
}

// Every header with a few bodies, and random bytes: always an answer with a status word, never a crash.
BOOST_AUTO_TEST_CASE(any_bytes_are_answered) {
    for (const auto* name : {"filecard", "witness"}) {
        auto card = shipped_card(name);
        for (unsigned cla_ins = 0; cla_ins < 0x10000; ++cla_ins) {
            const Bytes command{static_cast<std::uint8_t>(cla_ins >> 8U), static_cast<std::uint8_t>(cla_ins),
                                0, 0, 0};
            BOOST_REQUIRE(card->transmit(command).size() >= 2);
        }
        std::mt19937 random(7816); // NOLINT(cert-msc32-c,cert-msc51-cpp) reproducible on purpose
        for (int i = 0; i < 100000; ++i) {
            constexpr std::uint8_t k_common_ins[] = {
                0xA4, 0xB0, 0xB1, 0xB2, 0xC0, 0x20, 0x84, 0xD6, 0xD7, 0xDC, 0x10, 0x12, 0x18,
                0x70, 0xE0, 0xE2, 0xE4, 0x0E, 0x0F, 0x0C, 0xA2, 0xCA, 0xCB, 0xDA, 0xDB, 0x22,
                0x24, 0x26, 0x28, 0x2A, 0x2C, 0x44, 0x04, 0xE6, 0xE8, 0xD0, 0xD2, 0x82, 0x88};
            Bytes command(random() % 24);
            std::generate(command.begin(), command.end(),
                          [&] { return static_cast<std::uint8_t>(random()); });
            if (command.size() >= 5) {
                command[0] = (random() & 1U) != 0 ? 0x00 : 0x80;
                command[1] = k_common_ins[random() % std::size(k_common_ins)];
                command[2] &= 0x0FU;
                command[4] = static_cast<std::uint8_t>(command.size() - 5);
            }
            BOOST_REQUIRE(card->transmit(command).size() >= 2);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(pin, PinOnCard)

BOOST_AUTO_TEST_CASE(try_is_counted_before_comparing_and_given_back_after) {
    BOOST_TEST(verify(k_right) == 0x9000U);
    BOOST_TEST((persistence.committed == std::vector<unsigned>{2, 3}));
}

BOOST_AUTO_TEST_CASE(wrong_pin_costs_a_try) {
    BOOST_TEST(verify(k_wrong) == 0x63C2U);
    BOOST_TEST((persistence.committed == std::vector<unsigned>{2}));
}

BOOST_AUTO_TEST_CASE(try_that_cannot_be_counted_is_not_made) {
    persistence.works = 0;
    BOOST_TEST(verify(k_right) == 0x6581U);
    BOOST_TEST(pin.tries_left() == 3);
}

BOOST_AUTO_TEST_CASE(right_pin_whose_counter_cannot_be_restored_does_not_count) {
    persistence.works = 1;
    BOOST_TEST(verify(k_right) == 0x6581U);
    BOOST_TEST(pin.tries_left() == 2);
}

BOOST_AUTO_TEST_CASE(changing_counts_a_try_first_and_the_new_value_counts_only_when_stored) {
    BOOST_TEST(pin.change(Bytes{1, 2, 3, 5, 5, 5, 5, 5}, persistence).value() == 0x63C2U);
    BOOST_TEST((persistence.committed == std::vector<unsigned>{2}));
    BOOST_TEST(pin.change(Bytes{1, 2, 3, 4, 5, 5, 5, 5}, persistence).value() == 0x9000U);
    BOOST_TEST((persistence.committed == std::vector<unsigned>{2, 1, 3}));
    BOOST_TEST(verify({5, 5, 5, 5}) == 0x9000U);
    persistence.works = persistence.committed.size() + 1;
    BOOST_TEST(pin.change(Bytes{5, 5, 5, 5, 6, 6, 6, 6}, persistence).value() == 0x6581U);
    persistence.works = 100;
    BOOST_TEST(verify({6, 6, 6, 6}) == 0x63C1U);
    BOOST_TEST(verify({5, 5, 5, 5}) == 0x9000U);
}

BOOST_AUTO_TEST_CASE(resetting_code_has_a_counter_of_its_own_that_blocks) {
    static_cast<void>(verify(k_wrong));
    BOOST_TEST(pin.reset_with_code(Bytes{9, 9}, false, persistence).value() == 0x9000U);
    BOOST_TEST(pin.tries_left() == 3);
    BOOST_TEST(pin.reset_with_code(Bytes{9, 8}, false, persistence).value() == 0x63C1U);
    BOOST_TEST(pin.reset_with_code(Bytes{9, 8}, false, persistence).value() == 0x63C0U);
    BOOST_TEST(pin.reset_with_code(Bytes{9, 9}, false, persistence).value() == 0x6983U);
}

BOOST_AUTO_TEST_CASE(secret_matches_itself_only) {
    const card::Secret secret(k_right);
    BOOST_TEST(secret.matches(k_right));
    BOOST_TEST(!secret.matches(k_wrong));
    BOOST_TEST(!secret.matches(Bytes{1, 2, 3}));
    BOOST_TEST(!secret.matches(Bytes{1, 2, 3, 4, 0}));
    BOOST_TEST(!secret.matches(Bytes{}));
    BOOST_TEST(!secret.matches(Bytes(card::Secret::k_max_size + 1)));
}

BOOST_AUTO_TEST_SUITE_END()
