#pragma once

#include "child.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

/// Shell scripts beside a PIV card, for tests of its clients.
namespace cardlatch::test {

inline const std::string k_keys = CARDLATCH_FIXTURES "/keys/piv";

/// A shell script beside a card, in a folder of its own; it ends at the first command that fails.
inline Outcome script(const std::string& driver, const std::string& card, const std::string& text) {
    return cardlatch_run({"--driver", driver, "--card", card}, {"sh", "-euc", R"(
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
yubico() { yubico-piv-tool -r Cardlatch "$@"; }
refused() { ! "$@" 2>&1; }
keys=")" + k_keys + R"("
openssl x509 -in "$keys/rsa-9a.crt.pem" -pubkey -noout >9a.pem
printf 'to be signed' >data
)" + text});
}

/// The script succeeded, and `text` is in what it wrote.
inline void expect(const Outcome& outcome, const std::string& text) {
    BOOST_TEST(outcome.exit_code == 0, outcome.out + outcome.err);
    BOOST_TEST((outcome.out + outcome.err).find(text) != std::string::npos, outcome.out + outcome.err);
}

} // namespace cardlatch::test
