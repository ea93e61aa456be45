// GoogleTest: every test gets a stack of its own, in this process.

#include "../sample/vault.h"

#include <cardlatch/harness/google_test.hpp>

#include <array>
#include <memory>

namespace {

class Vault : public cardlatch::google_test::StackTest {
  protected:
    Vault()
        : StackTest({"filecard"}) {}

    std::unique_ptr<vault, void (*)(vault*)> app{vault_open(reader.name().c_str()), vault_close};
    std::array<char, 128> secret{};

    vault_result read(const char* pin, void (*verified)(void*) = nullptr) {
        return vault_read(app.get(), pin, verified, &reader, secret.data(), secret.size());
    }
};

TEST_F(Vault, KeepsOthersOutBetweenPinAndSecret) {
    ASSERT_TRUE(app);
    EXPECT_EQ(read("123456",
                   [](void* r) {
                       EXPECT_FALSE(static_cast<cardlatch::harness::VirtualReader*>(r)->is_free())
                           << "another client got the card";
                   }),
              VAULT_OK);
    EXPECT_STREQ(secret.data(), "The secret of the filecard.");
}

TEST_F(Vault, GivesTheCardBackAfterAWrongPin) {
    ASSERT_TRUE(app);
    EXPECT_EQ(read("999999"), VAULT_WRONG_PIN);
    EXPECT_TRUE(reader.is_free()) << "the lock was left behind";
}

TEST_F(Vault, GivesTheCardBackWhenTheCardFails) {
    ASSERT_TRUE(app);
    const auto fault = reader.add_fault("wrong-sw,sw=6581,ins=20,until=2");
    EXPECT_NE(read("123456"), VAULT_OK);
    EXPECT_EQ(reader.wait_for("wrong-sw").detail.find(fault), 0U);
    EXPECT_TRUE(reader.is_free()) << "the lock was left behind";
    stack.clear_faults();
    EXPECT_TRUE(stack.faults().empty());
    EXPECT_EQ(read("123456"), VAULT_OK);
}

TEST_F(Vault, NoticesThatTheCardWasPulled) {
    ASSERT_TRUE(app);
    reader.add_fault("remove,ins=A4");
    EXPECT_EQ(read("123456"), VAULT_CARD_ERROR);
    EXPECT_EQ(reader.wait_for("removed").reader, reader.name());
}

} // namespace
