#pragma once

// A private stack for each test of a GoogleTest program. Header only.

#include <cardlatch/harness/test_stack.hpp>

#include <gtest/gtest.h>

#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace cardlatch::google_test {

/// A stack of one PIV card, for TEST_F. Derive from it for other cards:
///
///     struct TwoReaders : cardlatch::google_test::StackTest {
///         TwoReaders() : StackTest({"filecard", "none"}) {}
///     };
///
/// When a test fails, the stack's story goes to standard error. See TestStack for what one process can do.
class StackTest : public ::testing::Test {
  protected:
    explicit StackTest(const std::vector<std::string>& cards = {harness::k_default_card},
                       harness::StackOptions options = {})
        : stack(cards, std::move(options)) {}

    ~StackTest() override {
        if (HasFailure()) {
            std::cerr << stack.report();
        }
    }

    harness::TestStack stack;
    harness::VirtualReader& reader = stack.reader(0);
};

} // namespace cardlatch::google_test
