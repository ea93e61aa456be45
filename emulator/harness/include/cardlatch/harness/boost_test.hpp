#pragma once

// A private stack for each case of a Boost.Test program. Header only: include it after the Boost.Test variant
// that the program uses.

#include <cardlatch/harness/test_stack.hpp>

#include <boost/test/results_collector.hpp>
#include <boost/test/unit_test.hpp>

#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace cardlatch::boost_test {

/// A stack of one PIV card, for BOOST_FIXTURE_TEST_CASE and BOOST_FIXTURE_TEST_SUITE. Derive from it for
/// other cards:
///
///     struct TwoReaders : cardlatch::boost_test::StackFixture {
///         TwoReaders() : StackFixture({"filecard", "none"}) {}
///     };
///
/// When a case fails, the stack's story goes to standard error. See TestStack for what one process can do.
struct StackFixture {
    explicit StackFixture(const std::vector<std::string>& cards = {harness::k_default_card},
                          harness::StackOptions options = {})
        : stack(cards, std::move(options)) {}

    ~StackFixture() {
        namespace ut = boost::unit_test;
        if (!ut::results_collector.results(ut::framework::current_test_case_id()).passed()) {
            std::cerr << stack.report();
        }
    }
    StackFixture(const StackFixture&) = delete;
    StackFixture& operator=(const StackFixture&) = delete;

    harness::TestStack stack;
    harness::VirtualReader& reader = stack.reader(0);
};

} // namespace cardlatch::boost_test
