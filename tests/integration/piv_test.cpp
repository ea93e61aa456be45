// Unmodified clients of PIV cards: OpenSC, yubico-piv-tool, openssl, ssh; OpenSSL checks what the card signs.

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
refused() { ! "$@" 2>&1; }
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
yubico -a attest -s 9a | openssl x509 -noout -subject -nameopt RFC2253
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

BOOST_AUTO_TEST_CASE(opensc_signs_with_every_rsa_mechanism_that_it_lists) {
    const auto outcome = script("cardlatch", "piv", R"(
sign() { pkcs11-tool --sign --id 01 --login --pin 123456 -i input -o signature "$@" 2>/dev/null; }
check() { openssl dgst "$@" -verify 9a.pem -signature signature data; }
count=0
for mechanism in $(pkcs11-tool -M 2>/dev/null | sed -n 's/^  \([^,]*RSA[^,]*\),.*sign.*/\1/p'); do
    hash=${mechanism%%-RSA*}
    cp data input
    case $mechanism in
    RSA-X-509) # the padded block as a software signature has it
        openssl dgst -sha256 -sign "$keys/rsa-9a.key.pem" data |
            openssl pkeyutl -verifyrecover -pubin -inkey 9a.pem -pkeyopt rsa_padding_mode:none -out input
        sign -m $mechanism; check -sha256 ;;
    RSA-PKCS) # a DigestInfo of SHA-256, RFC 8017 section 9.2
        { printf '\060\061\060\015\006\011\140\206\110\001\145\003\004\002\001\005\000\004\040'
          openssl dgst -sha256 -binary data; } >input
        sign -m $mechanism; check -sha256 ;;
    RSA-PKCS-PSS)
        openssl dgst -sha384 -binary data >input
        sign -m $mechanism --hash-algorithm SHA384 --mgf MGF1-SHA384 --salt-len 48
        check -sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:48 ;;
    *-PSS) sign -m $mechanism; check -$hash -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest ;;
    *) sign -m $mechanism; check -$hash ;;
    esac
    count=$((count + 1))
done
echo "$count mechanisms"
)");
    expect(outcome, "\n15 mechanisms\n");
}

BOOST_AUTO_TEST_CASE(opensc_decrypts_what_openssl_encrypted) {
    expect(script("cardlatch", "piv", R"(
openssl x509 -in "$keys/rsa-9d.crt.pem" -pubkey -noout >9d.pem
openssl pkeyutl -encrypt -pubin -inkey 9d.pem -in data -out pkcs
openssl pkeyutl -encrypt -pubin -inkey 9d.pem -in data -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -out oaep
decrypt() { pkcs11-tool --decrypt --id 03 --login --pin 123456 -o plain "$@" 2>/dev/null; cmp plain data; }
decrypt -m RSA-PKCS -i pkcs
decrypt -m RSA-PKCS-OAEP --hash-algorithm SHA256 -i oaep
echo both
)"),
           "both");
}

BOOST_AUTO_TEST_CASE(opensc_signs_with_every_ec_mechanism_that_it_lists_and_agrees_on_a_key) {
    const auto outcome = script("cardlatch", "piv-ec", R"(
pkcs11-tool --test --login --pin 123456 2>/dev/null
openssl x509 -in "$keys/ec-9a.crt.pem" -pubkey -noout >9a.pem
openssl x509 -in "$keys/ec-9d.crt.pem" -pubkey -noout >9d.pem
count=0
for mechanism in $(pkcs11-tool -M 2>/dev/null | sed -n 's/^  \(ECDSA[^,]*\),.*sign.*/\1/p'); do
    hash=${mechanism#ECDSA-}
    cp data input
    [ $mechanism != ECDSA ] || { hash=sha256; openssl dgst -sha256 -binary data >input; }
    pkcs11-tool --sign -m $mechanism --signature-format openssl --id 01 --login --pin 123456 -i input -o signature 2>/dev/null
    openssl dgst -$hash -verify 9a.pem -signature signature data
    count=$((count + 1))
done
echo "$count mechanisms"
openssl ecparam -name secp384r1 -genkey -noout -out peer.pem
openssl pkey -in peer.pem -pubout -outform DER -out peer.der
pkcs11-tool --derive -m ECDH1-DERIVE --id 03 --login --pin 123456 --input-file peer.der -o shared 2>/dev/null
openssl pkeyutl -derive -inkey peer.pem -peerkey 9d.pem -out expected
cmp shared expected
echo agreed
)");
    expect(outcome, "No errors");
    expect(outcome, "\n6 mechanisms\n");
    expect(outcome, "agreed");
}

// piv-tool 0.23 with OpenSSL 3 has the card generate a key and then fails to write the public key it got, so
// that is taken from an attestation instead.
BOOST_AUTO_TEST_CASE(piv_tool_administers_the_card) {
    expect(script("cardlatch", "piv", R"(
printf '01:02:03:04:05:06:07:08:01:02:03:04:05:06:07:08:01:02:03:04:05:06:07:08' >right
printf '01:02:03:04:05:06:07:08:01:02:03:04:05:06:07:08:01:02:03:04:05:06:07:00' >wrong
refused env PIV_EXT_AUTH_KEY=wrong piv-tool -A M:9B:03 2>/dev/null
PIV_EXT_AUTH_KEY=right piv-tool -A M:9B:03 -G 9A:07 -o ignored 2>/dev/null || true
yubico -a attest -s 9a | openssl x509 -noout -pubkey >made.pem
openssl x509 -new -subj '/CN=loaded by piv-tool' -force_pubkey made.pem -CA "$keys/ca.crt.pem" -CAkey "$keys/ca.key.pem" -out made.crt
PIV_EXT_AUTH_KEY=right piv-tool -A M:9B:03 -C 9A -i made.crt || true # its exit code is a count of bytes
pkcs15-tool --read-certificate 01 | openssl x509 -noout -subject -nameopt RFC2253
pkcs11-tool --sign -m SHA256-RSA-PKCS --id 01 --login --pin 123456 -i data -o signature 2>/dev/null
openssl dgst -sha256 -verify made.pem -signature signature data
)"),
           "CN=loaded by piv-tool\nVerified OK");
}

BOOST_AUTO_TEST_CASE(opensc_shows_the_last_try_and_the_block_and_unblocks) {
    expect(script("cardlatch", "piv-ec", R"(
wrong() { refused pkcs11-tool --login --pin 999999 -O >/dev/null 2>&1; }
flags() { pkcs11-tool -L | grep 'token flags'; }
wrong; flags | grep -v 'final user PIN try'
wrong; flags | grep 'final user PIN try'
wrong; flags | grep 'user PIN locked'
refused pkcs11-tool --login --pin 123456 -O >/dev/null 2>&1
pkcs15-tool --unblock-pin --puk 12345678 --new-pin 654321 --auth-id 01
flags | grep -v 'user PIN locked'
pkcs11-tool --change-pin --pin 654321 --new-pin 222222
pkcs15-tool --dump >/dev/null
)"),
           "PIN successfully changed");
}

BOOST_AUTO_TEST_CASE(yubico_piv_tool_manages_pins_keys_and_the_reset) {
    const auto outcome = script("cardlatch", "piv-empty", R"(
new=112233445566778899aabbccddeeff00112233445566778a
yubico -a change-pin -P 123456 -N 222222
yubico -a change-puk -P 12345678 -N 22222222
yubico -a unblock-pin -P 22222222 -N 333333
yubico -a verify-pin -P 333333
yubico -a set-mgm-key -n $new
refused yubico -a generate -s 9e -A ECCP256 -o ignored
yubico -k$new -a verify-pin -P 333333 -a pin-retries --pin-retries 5 --puk-retries 4
yubico -a status | grep 'PIN tries left:.*5'
refused yubico -a reset
for try in 1 2 3 4 5; do refused yubico -a verify-pin -P 000000; done
for try in 1 2 3 4; do refused yubico -a change-puk -P 00000000 -N 11111111; done
yubico -a reset 2>&1
yubico -a status | grep 'PIN tries left:.*3'
yubico -a import-key -s 82 -i "$keys/rsa-82.key.pem"
yubico -a import-certificate -s 82 -i "$keys/rsa-82.crt.pem"
yubico -a verify-pin -P 123456 -a test-decipher -s 82 -i "$keys/rsa-82.crt.pem" 2>&1
refused yubico -a attest -s 82
)");
    expect(outcome, "Successfully reset the application.");
    expect(outcome, "Successfully performed RSA decryption!");
    expect(outcome, "Failed to attest data.");
}

// CARDLATCH_FULL=1 takes every algorithm to every slot; otherwise 9A gets each, 82 and the other 9x get
// P-256.
BOOST_AUTO_TEST_CASE(yubico_piv_tool_writes_identifiers_and_objects_and_reads_them_back) {
    const auto outcome = script("cardlatch", "piv-empty", R"(
yubico -a set-chuid -a set-ccc
yubico -a status >before; grep -E '^(CHUID|CCC):.3?[0-9f]' before
yubico -a set-chuid; yubico -a status >after; refused cmp -s before after
yubico -a write-object --id 0x5f0000 -f binary -i data
yubico -a read-object --id 0x5f0000 -f binary -o read; cmp data read
printf 0102AABB >hex; yubico -a write-object --id 0x5fc105 -f hex -i hex
yubico -a read-object --id 0x5fc105 -f hex -o -
refused yubico -a read-object --id 0x5fc10a -f hex -o -
echo done
)");
    for (const auto* text : {"Successfully set new CHUID", "Successfully set new CCC", "CHUID:\t3019d4e739da",
                             "CCC:\tf015a000000116", "0102aabb", "done"}) {
        expect(outcome, text);
    }
}

BOOST_AUTO_TEST_CASE(yubico_piv_tool_tests_signatures_and_decipherment) {
    const auto rsa = script("cardlatch", "piv", R"(
for slot in 9a 9c; do yubico -a verify-pin -P 123456 -a test-signature -s $slot <"$keys/rsa-$slot.crt.pem"; done
yubico -a test-signature -s 9e <"$keys/ec-9e.crt.pem"
yubico -a verify-pin -P 123456 -a test-decipher -s 9d <"$keys/rsa-9d.crt.pem"
echo wrong; refused yubico -a verify-pin -P 123456 -a test-signature -s 9a <"$keys/rsa-9c.crt.pem"
)");
    for (const auto* text : {"Successful RSA verification", "Successful ECDSA verification",
                             "Successfully performed RSA decryption"}) {
        expect(rsa, text);
    }
    expect(script("cardlatch", "piv-ec",
                  R"(yubico -a verify-pin -P 123456 -a test-decipher -s 9d <"$keys/ec-9d.crt.pem")"),
           "Successfully performed ECDH exchange");
}

BOOST_AUTO_TEST_CASE(image_made_by_card_new_serves_pkcs11_tool_and_its_export_is_the_same_card) {
    const Outcome outcome = run({"sh", "-euc",
                                 R"(
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
cardlatch=)" CARDLATCH_COMMAND R"(; keys=")" +
                                     k_keys + R"("
printf 'to be signed' >data
$cardlatch card new --key 9A=p-256 --key 9C=rsa-1024 --key 9D=p-384 --pin 654321 --puk 87654321 --serial 42 \
    --subject '/O=A test/CN=Somebody' --issuer-key "$keys/ca.key.pem" --issuer-certificate "$keys/ca.crt.pem" --quiet fresh.toml
refused() { ! "$@" 2>&1; }
refused $cardlatch card new --quiet fresh.toml
$cardlatch card export fresh.toml --public public
openssl verify -CAfile "$keys/ca.crt.pem" public/9A.crt.pem public/9C.crt.pem public/9D.crt.pem public/F9.crt.pem
openssl x509 -in public/9A.crt.pem -noout -subject -nameopt RFC2253
$cardlatch card show fresh.toml
$cardlatch card show fresh.toml --json | /usr/bin/python3 )" CARDLATCH_TEST_SUPPORT R"(/take_piv_signatures.py
verify() { openssl cms -verify -binary -inform DER -CAfile "$keys/ca.crt.pem" -purpose any -out checked "$@"; }
verify -in chuid.signature -content chuid.content
verify -in security.signature
printf x >>chuid.content; refused verify -in chuid.signature -content chuid.content
refused grep -r 'PRIVATE KEY' public
$cardlatch run --card ./fresh.toml --state state -- sh -euc '
    pkcs11-tool --sign -m ECDSA-SHA256 --signature-format openssl --id 01 --login --pin 654321 -i data -o signature
    ! pkcs11-tool --login --pin 111111 -O 2>&1
'
openssl dgst -sha256 -verify public/9A.pub.pem -signature signature data
$cardlatch card show fresh.toml --state state
$cardlatch card export fresh.toml --state state --image was.toml
$cardlatch card export was.toml --public again
diff -r public again && echo the same public parts
$cardlatch run --card ./was.toml -- yubico-piv-tool -r Cardlatch -a status
$cardlatch run --card ./was.toml -- sh -euc 'pkcs11-tool --login --pin 654321 -O' >objects
grep 'Private Key Object' objects
)"});
    for (const auto* text : {"is there already; --force replaces it", "public/9A.crt.pem: OK",
                             "subject=CN=Somebody,O=A test", "PIV, serial number 42",
                             "CMS Verification successful", "PIN 3 of 3", "Verified OK", "PIN 2 of 3",
                             "the same public parts", "PIN tries left:\t2", "Private Key Object"}) {
        expect(outcome, text);
    }
}

// GnuPG 2.2 (Debian 12) has no PIV application, 2.4 has one: scdaemon is asked what it has.
BOOST_AUTO_TEST_CASE(scdaemon_sees_the_reader_and_the_card_if_it_knows_piv) {
    const auto outcome = script("cardlatch", "piv", R"(
export GNUPGHOME="$work"; printf 'disable-ccid\npcsc-shared\n' >scdaemon.conf
printf '%s\n' 'GETINFO app_list' 'SERIALNO piv' 'GETINFO reader_list' BYE |
    /usr/lib/gnupg/scdaemon --server --homedir "$work" 2>&1 | tee said
if grep -q '^D .*piv:' said; then grep -q '^S SERIALNO 6C0E5C1B7E5D4C0BA5A1C4D1A7C40001' said
else grep -q "can't select application 'piv': Not supported" said; grep -q '^ERR .*No such device' said; fi
pkcs11-tool --login --pin 123456 -O >objects; grep 'Private Key Object' objects # nothing is held or blocked
)");
    for (const auto* text : {"detected reader 'Cardlatch Virtual Reader 00 00'", "OK closing connection",
                             "Private Key Object"}) {
        expect(outcome, text);
    }
}

BOOST_AUTO_TEST_CASE(yubico_piv_tool_generates_in_every_slot_and_with_every_algorithm) {
    expect(script("cardlatch", "piv-empty", R"(
made() {
    yubico -a generate -s $1 -A $2 -o made.pem 2>/dev/null
    yubico -a attest -s $1 | openssl x509 -noout -pubkey | cmp - made.pem
}
for slot in 9a 9c 9d 9e 82 83 84 85 86 87 88 89 8a 8b 8c 8d 8e 8f 90 91 92 93 94 95; do
    for algorithm in RSA1024 RSA2048 ECCP256 ECCP384; do
        case ${CARDLATCH_FULL:-}$slot-$algorithm in 1* | 9a-* | [!8]?-ECCP256 | 82-ECCP256) made $slot $algorithm ;; esac
    done
done
echo all
)"),
           "all");
}

// yubico-piv-tool 2.2.0 cannot sign requests with OpenSSL 3 (it fails before it sends a command); openssl
// can.
BOOST_AUTO_TEST_CASE(openssl_signs_a_request_and_authenticates_a_tls_client_with_the_card) {
    const auto outcome = script("cardlatch", "piv", R"(
export PKCS11_MODULE_PATH=$(ls /usr/lib/*/opensc-pkcs11.so)
key='pkcs11:id=%01;type=private;pin-value=123456'
openssl req -new -engine pkcs11 -keyform engine -key "$key" -subj '/CN=asked for' -out request.pem 2>/dev/null
openssl req -in request.pem -verify -noout -subject -nameopt RFC2253 2>&1
openssl req -in request.pem -noout -pubkey | cmp - 9a.pem
openssl req -x509 -newkey rsa:2048 -nodes -keyout server.key -out server.crt -subj /CN=localhost -days 2 2>/dev/null
openssl s_server -accept 127.0.0.1:0 -cert server.crt -key server.key -CAfile "$keys/ca.crt.pem" -Verify 1 \
    -verify_return_error -naccept 1 -www >server.log 2>&1 &
server=$!
for try in $(seq 300); do grep -q '^ACCEPT .*:' server.log && break; sleep 0.1; done
address=$(sed -n 's/^ACCEPT //p' server.log)
printf 'GET / HTTP/1.0\r\n\r\n' | timeout 60 openssl s_client -connect "$address" -CAfile server.crt -verify_return_error \
    -engine pkcs11 -keyform engine -key "$key" -cert "$keys/rsa-9a.crt.pem" -ign_eof >client.log 2>&1 ||
    { kill $server; cat client.log server.log; exit 1; }
wait $server
grep 'Verification: OK' client.log
grep 'HTTP/1.0 200 ok' client.log
grep 'depth=0.*Cardlatch TEST PIV Authentication' server.log
)");
    for (const auto* text :
         {"CN=asked for", "Verification: OK", "HTTP/1.0 200 ok", "Cardlatch TEST PIV Authentication"}) {
        expect(outcome, text);
    }
}

BOOST_AUTO_TEST_CASE(ssh_logs_in_with_the_card_by_itself_and_through_an_agent) {
    const auto outcome = script("cardlatch", "piv", R"sh(
# As root, sshd wants a folder that the system makes at its start.
[ "$(id -u)" != 0 ] || [ -d /run/sshd ] || { mkdir /run/sshd; made=1; }
end() {
    [ -z "${SSH_AGENT_PID:-}" ] || kill "$SSH_AGENT_PID" || true
    [ ! -s sshd.pid ] || kill "$(cat sshd.pid)" || true
    [ -z "${made:-}" ] || rmdir /run/sshd || true
    rm -rf "$work"
}
trap end EXIT
module=$(ls /usr/lib/*/opensc-pkcs11.so)
export SSH_ASKPASS="$work/askpass" SSH_ASKPASS_REQUIRE=force
printf '#!/bin/sh\necho 123456\n' >askpass; chmod 700 askpass
ssh-keygen -q -t ed25519 -N '' -f host
ssh-keygen -D "$module" 2>/dev/null | head -1 >authorized
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >sshd_config <<END
Port $port
ListenAddress 127.0.0.1
HostKey $work/host
AuthorizedKeysFile $work/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PidFile $work/sshd.pid
END
/usr/sbin/sshd -f "$work/sshd_config" -E "$work/sshd.log"
for try in $(seq 300); do [ -s sshd.pid ] && break; sleep 0.1; done
printf '[127.0.0.1]:%s %s\n' $port "$(cut -d' ' -f1,2 host.pub)" >known
login() {
    timeout 60 ssh -F none -p $port -o UserKnownHostsFile=known -o StrictHostKeyChecking=yes \
        -o PreferredAuthentications=publickey "$@" </dev/null 2>ssh.log || { cat ssh.log sshd.log; exit 1; }
}
me=$(id -un)@127.0.0.1
login -I "$module" -o IdentityAgent=none $me echo by itself
eval "$(ssh-agent)" >/dev/null
ssh-add -s "$module" </dev/null 2>&1
login $me echo through the agent
)sh");
    expect(outcome, "by itself\n");
    expect(outcome, "Card added: ");
    expect(outcome, "through the agent\n");
}

// ykcs11 takes no reader whose name does not begin with its maker's.
BOOST_AUTO_TEST_CASE(ykcs11_tests_every_mechanism_and_makes_a_key_that_signs) {
    const auto outcome =
        cardlatch_run({"--reader-name", "Yubico YubiKey", "--card", "piv"}, {"sh", "-euc", R"sh(
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
module=$(ls /usr/lib/*/libykcs11.so)
tool() { pkcs11-tool --module "$module" "$@"; }
tool -L
tool --login --pin 123456 --test 2>&1
tool --login --login-type so --so-pin 010203040506070801020304050607080102030405060708 \
    --keypairgen --key-type EC:prime256v1 --id 1
yubico-piv-tool -r Yubico -a attest -s 9a | openssl x509 -noout -pubkey >made.pem
printf 'to be signed' >data
tool --login --pin 123456 --sign -m ECDSA-SHA256 --signature-format openssl --id 1 -i data -o signature
openssl dgst -sha256 -verify made.pem -signature signature data
)sh"});
    expect(outcome, "YubiKey PIV #1000001");
    expect(outcome, "No errors");
    expect(outcome, "Verified OK");
}

BOOST_AUTO_TEST_SUITE_END()
