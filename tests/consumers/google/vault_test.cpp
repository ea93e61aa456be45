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

} // namespace
