// Boost.Test: every case gets a stack of its own, in this process.

#define BOOST_TEST_MODULE vault
#include "../sample/vault.h"

#include <cardlatch/harness/boost_test.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <memory>
#include <string>

namespace {

struct VaultFixture : cardlatch::boost_test::StackFixture {
    VaultFixture()
        : StackFixture({"filecard"}) {}

    std::unique_ptr<vault, void (*)(vault*)> app{vault_open(reader.name().c_str()), vault_close};
    std::array<char, 128> secret{};

    vault_result read(const char* pin, void (*verified)(void*) = nullptr) {
        return vault_read(app.get(), pin, verified, &reader, secret.data(), secret.size());
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(a_vault, VaultFixture)

BOOST_AUTO_TEST_CASE(reads_the_secret_with_the_pin) {
    BOOST_REQUIRE(app);
    BOOST_TEST(read("123456") == VAULT_OK);
    BOOST_TEST(std::string(secret.data()).find("The secret") == 0U);
}

BOOST_AUTO_TEST_CASE(keeps_others_out_between_pin_and_secret) {
    BOOST_REQUIRE(app);
    BOOST_TEST(read("123456", [](void* r) {
                   BOOST_TEST(!static_cast<cardlatch::harness::VirtualReader*>(r)->is_free(),
                              "another client got the card");
               }) == VAULT_OK);
}

BOOST_AUTO_TEST_CASE(gives_the_card_back_after_a_wrong_pin) {
    BOOST_REQUIRE(app);
    BOOST_TEST(read("999999") == VAULT_WRONG_PIN);
    BOOST_TEST(reader.is_free(), "the lock was left behind");
}

BOOST_AUTO_TEST_CASE(has_three_tries_again_because_the_card_is_a_new_one) {
    BOOST_REQUIRE(app);
    BOOST_TEST(read("999999") == VAULT_WRONG_PIN);
    BOOST_TEST(read("123456") == VAULT_OK);
}

BOOST_AUTO_TEST_CASE(gives_the_card_back_when_the_card_fails) {
    BOOST_REQUIRE(app);
    const auto fault = reader.add_fault("wrong-sw,sw=6581,ins=20,until=2");
    BOOST_TEST(read("123456") != VAULT_OK);
    BOOST_TEST(reader.wait_for("wrong-sw").detail.find(fault) == 0U);
    BOOST_TEST(reader.is_free(), "the lock was left behind");
    stack.clear_faults();
    BOOST_TEST(stack.faults().empty());
    BOOST_TEST(read("123456") == VAULT_OK);
}

BOOST_AUTO_TEST_CASE(notices_that_the_card_was_pulled) {
    BOOST_REQUIRE(app);
    reader.remove();
    BOOST_TEST(reader.wait_for("removed").reader == reader.name());
    BOOST_TEST(read("123456") == VAULT_CARD_ERROR);
}

BOOST_AUTO_TEST_SUITE_END()
