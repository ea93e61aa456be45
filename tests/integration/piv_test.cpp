// Unmodified clients of PIV cards: OpenSC and yubico-piv-tool; what the card signs is checked with OpenSSL.

#include "child.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <string>

using namespace cardlatch::test;
namespace data = boost::unit_test::data;

namespace {

// Our IFD handler, and Debian's stock vpcd with our card behind it.
const std::vector<std::string> k_drivers = {"cardlatch", "vpcd"};

const std::string k_keys = CARDLATCH_FIXTURES "/keys/piv";

/// A shell script beside a card, in a folder of its own; it ends at the first command that fails.
Outcome script(const std::string& driver, const std::string& card, const std::string& text) {
    return cardlatch_run({"--driver", driver, "--card", card}, {"sh", "-euc", R"(
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
yubico() { yubico-piv-tool -r Cardlatch "$@"; }
keys=")" + k_keys + R"("
openssl x509 -in "$keys/rsa-9a.crt.pem" -pubkey -noout >9a.pem
printf 'to be signed' >data
)" + text});
}

void expect(const Outcome& outcome, const std::string& text) {
    BOOST_TEST(outcome.exit_code == 0, outcome.out + outcome.err);
    BOOST_TEST((outcome.out + outcome.err).find(text) != std::string::npos, outcome.out + outcome.err);
}

} // namespace

BOOST_AUTO_TEST_SUITE(piv)

BOOST_DATA_TEST_CASE(opensc_knows_the_card_and_its_objects, data::make(k_drivers), driver) {
    expect(script(driver, "piv", "piv-tool -n"), "Personal Identity Verification Card");
    const auto listed = script(driver, "piv", "pkcs11-tool -L; pkcs11-tool -O");
    for (const auto* text :
         {"token manufacturer : piv_II", "Certificate for PIV Authentication",
          "CN=Cardlatch TEST Digital Signature", "Certificate for Key Management",
          "CN=Cardlatch TEST Card Authentication", "CN=Cardlatch TEST Retired Key Management 1"}) {
        expect(listed, text);
    }
}

BOOST_DATA_TEST_CASE(pkcs11_tool_tests_every_mechanism_without_error, data::make(k_drivers), driver) {
    expect(script(driver, "piv", "pkcs11-tool --test --login --pin 123456"), "No errors");
}

BOOST_AUTO_TEST_CASE(signature_through_pkcs11_verifies_with_the_shipped_certificate) {
    expect(script("cardlatch", "piv", R"(
pkcs11-tool --sign -m SHA256-RSA-PKCS --id 01 --login --pin 123456 -i data -o signature 2>/dev/null
openssl dgst -sha256 -verify 9a.pem -signature signature data
)"),
           "Verified OK");
}

BOOST_DATA_TEST_CASE(yubico_piv_tool_reads_the_status, data::make(k_drivers), driver) {
    const auto status = script(driver, "piv", "yubico -a status");
    for (const auto* text :
         {"Version:\t5.7.1", "Serial Number:\t1000001", "Slot 9a:", "Slot 9c:", "Slot 9d:", "Slot 9e:",
          "Slot 82:", "CN=Cardlatch TEST PIV Authentication", "PIN tries left:\t3"}) {
        expect(status, text);
    }
}

BOOST_DATA_TEST_CASE(yubico_piv_tool_makes_a_key_that_signs, data::make(k_drivers), driver) {
    expect(script(driver, "piv-empty", R"(
yubico -a generate -s 9a -A ECCP256 -o made.pem
openssl x509 -new -subj '/CN=made by a test' -force_pubkey made.pem -CA "$keys/ca.crt.pem" -CAkey "$keys/ca.key.pem" -out made.crt
yubico -a import-certificate -s 9a -i made.crt
openssl dgst -sha256 -binary data >digest
pkcs11-tool --sign -m ECDSA --signature-format openssl --id 01 --login --pin 123456 -i digest -o signature 2>/dev/null
openssl dgst -sha256 -verify made.pem -signature signature data
yubico -a attest -s 9a | openssl x509 -noout -subject
)"),
           "Cardlatch TEST PIV Attestation 9a");
}

BOOST_AUTO_TEST_CASE(three_wrong_pins_block_and_the_puk_unblocks) {
    const auto outcome = script("cardlatch", "piv", R"(
for try in 1 2 3; do yubico -a verify-pin -P 000000 2>&1 || true; done
yubico -a verify-pin -P 123456 2>&1 && exit 1
yubico -a status | grep 'PIN tries'
yubico -a unblock-pin -P 12345678 -N 654321 2>&1
pkcs11-tool --login --pin 654321 --test 2>&1 | tail -1
)");
    expect(outcome, "PIN tries left:\t0");
    expect(outcome, "Successfully unblocked the pin code.");
    expect(outcome, "No errors");
}

BOOST_AUTO_TEST_SUITE_END()
