// What PC/SC programs see of the reader beside its card: names, attributes, features, the PIN pad; and the
// same cards when the driver runs them.

#include "stack_script.hpp"
#include "temporary_folder.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <string>

using namespace cardlatch::test;
namespace data = boost::unit_test::data;

namespace {

/// Python for a stack of one reader: `card` is connected. `features()`: PC/SC part 10's, with their control
/// codes.
Outcome with_card(const std::vector<std::string>& options, const std::string& text) {
    return python(options, R"(
reader = readers()[0]
result, card, protocol = SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY)
assert result == 0, hex(result)
def features():
    result, answer = SCardControl(card, SCARD_CTL_CODE(3400), [])
    assert result == 0, hex(result)
    return {answer[i]: int.from_bytes(bytes(answer[i + 2:i + 6]), 'big') for i in range(0, len(answer), 6)}
)" + text);
}

} // namespace

BOOST_AUTO_TEST_SUITE(reader)

BOOST_AUTO_TEST_CASE(attributes_are_those_of_a_reader) {
    const auto outcome = with_card({"--card", "filecard", "--reader-name", "Schalter Süd"}, R"(
def attribute(tag):
    result, value = SCardGetAttrib(card, tag)
    return bytes(value) if result == 0 and not isinstance(value, str) else value if result == 0 else hex(result & 0xFFFFFFFF)
print(attribute(SCARD_ATTR_VENDOR_NAME), attribute(SCARD_ATTR_VENDOR_IFD_TYPE))
name = attribute(SCARD_ATTR_DEVICE_FRIENDLY_NAME_A)
print((name if isinstance(name, str) else name.decode()).strip('\0'))
print(attribute(SCARD_ATTR_VENDOR_IFD_SERIAL_NO)[:2], attribute(SCARD_ATTR_ATR_STRING)[0])
print(attribute(SCARD_ATTR_ICC_PRESENCE), attribute(SCARD_ATTR_ICC_INTERFACE_STATUS))
print(struct.unpack('I', attribute(SCARD_ATTR_CURRENT_PROTOCOL_TYPE))[0] == protocol)
print(attribute(SCARD_ATTR_ESC_CANCEL))
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out == "b'Cardlatch\\x00' b'Virtual reader\\x00'\nSchalter Süd 00 00\nb'CL' 59\n"
                              "b'\\x02' b'\\x01'\nTrue\n0x8010001f\n",
               outcome.out);
}

// Tag by tag as the CCID driver answers; docs/protocol.md has the table.
BOOST_AUTO_TEST_CASE(features_and_properties_are_those_of_a_ccid_reader) {
    const std::string show = R"(
print({hex(feature) for feature in features()} == set(map(hex, expected)))
result, answer = SCardControl(card, features()[0x12], [])
assert result == 0, hex(result)
properties, at = {}, 0
while at < len(answer):
    tag, size = answer[at], answer[at + 1]
    properties[tag] = int.from_bytes(bytes(answer[at + 2:at + 2 + size]), 'little')
    at += 2 + size
print(sorted(properties.items()))
print(hex(SCardControl(card, SCARD_CTL_CODE(1), [0])[0] & 0xFFFFFFFF))
if 0x0A in expected:
    print(bytes(SCardControl(card, features()[0x0A], [])[1]).hex())
)";
    const auto plain = with_card({"--card", "filecard"}, "expected = {0x12}\n" + show);
    BOOST_TEST(plain.exit_code == 0, plain.err);
    BOOST_TEST(plain.out == "True\n[(1, 0), (3, 0), (9, 0), (10, 65536)]\n0x8010001f\n", plain.out);
    const auto pad =
        with_card({"--card", "filecard", "--pin-pad"}, "expected = {0x06, 0x07, 0x0A, 0x12}\n" + show);
    BOOST_TEST(pad.exit_code == 0, pad.err);
    BOOST_TEST(
        pad.out ==
            "True\n[(1, 0), (2, 7), (3, 0), (6, 0), (7, 255), (9, 0), (10, 65536)]\n0x8010001f\n00000700\n",
        pad.out);
}

BOOST_DATA_TEST_CASE(a_card_of_both_protocols_answers_as_the_one_in_use,
                     data::make(std::vector<std::string>{"stack", "driver"}), host) {
    const TemporaryFolder folder;
    const auto profile = folder.write("both.toml", R"(
t0 = "get-response"
[atr]
protocols = ["T=0", "T=1"]
[[filecard.transparent]]
path = "3F00/0001"
sfi = 1
text = "both"
)");
    const auto outcome = with_card({"--card", profile.string(), "--host", host}, R"(
def send(text):
    return bytes(SCardTransmit(card, protocol, list(bytes.fromhex(text)))[1]).hex()
def use(wanted, how=SCARD_LEAVE_CARD):
    global protocol
    result, protocol = SCardReconnect(card, SCARD_SHARE_SHARED, wanted, how)
    return result == 0 and protocol == wanted
print(protocol == SCARD_PROTOCOL_T1, send('00B0810000'))
print(use(SCARD_PROTOCOL_T0, SCARD_RESET_CARD), send('00B0810000'), send('00B0810004'), send('00A40004023F0000')[:2])
print(use(SCARD_PROTOCOL_T1, SCARD_RESET_CARD), send('00B0810000'), send('00A40004023F0000')[:2])
print(use(SCARD_PROTOCOL_T0, SCARD_UNPOWER_CARD), send('00B0810000'))
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out ==
                   "True 626f74689000\nTrue 6c04 626f74689000 61\nTrue 626f74689000 62\nTrue 6c04\n",
               outcome.out);
}

BOOST_AUTO_TEST_CASE(the_longest_command_and_a_long_response_go_through) {
    const TemporaryFolder folder;
    const auto profile = folder.write("long.toml", R"(
[[filecard.transparent]]
path = "3F00/0001"
sfi = 1
size = 32768
update = "always"
)");
    const auto outcome = with_card({"--card", profile.string()}, R"(
def send(command):
    result, answer = SCardTransmit(card, protocol, command)
    return bytes(answer) if result == 0 else hex(result & 0xFFFFFFFF)
data = [i % 251 for i in range(65535)]
print(send([0, 0xD6, 0x81, 0, 0, 0x80, 0] + data[:32768]).hex())
answer = send([0, 0xB0, 0x81, 0, 0, 0, 0])
print(len(answer), answer[:-2] == bytes(data[:32768]), answer[-2:].hex())
command = [0, 0xA4, 4, 0, 0, 0xFF, 0xFF] + data + [0, 0] # 65,544 bytes
print(len(command), send(command).hex())
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out == "9000\n32770 True 9000\n65544 6a87\n", outcome.out);
}

BOOST_AUTO_TEST_CASE(a_pin_is_typed_before_or_while_the_reader_asks) {
    const auto outcome = with_card({"--card", "filecard", "--pin-pad"}, R"(
def verify(seconds=30):
    apdu = [0, 0x20, 0, 1, 0]
    head = [seconds, 0, 0x82, 0, 0, *struct.pack('=H', 0x0408), 2, 0, 0, 0, 0, 0, 0, 0, *struct.pack('=I', len(apdu))]
    result, answer = SCardControl(card, features()[6], head + apdu)
    assert result == 0, hex(result)
    return bytes(answer).hex()
cardlatch('type', '0', '123456'); print(verify())
cardlatch('type', '0', '000000'); print(verify())
cardlatch('type', '0', '123'); print(verify())
cardlatch('type', '0', '--cancel'); print(verify())
print(verify(1))
later = subprocess.Popen(['sh', '-c', 'sleep 0.3; exec "$0" type 0 123456', sys.argv[1]])
print(verify())
assert later.wait() == 0
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out == "9000\n63c2\n6403\n6401\n6400\n9000\n", outcome.out);
}

BOOST_DATA_TEST_CASE(opensc_logs_in_with_the_pin_pad, data::make(std::vector<std::string>{"stack", "driver"}),
                     host) {
    const auto outcome = script({"--card", "piv", "--pin-pad", "--host", host}, R"(
cardlatch type 0 123456
pkcs11-tool --login --list-objects --type privkey 2>&1
cardlatch type 0 654321
pkcs11-tool --login --list-objects 2>&1 || true
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err + outcome.out);
    BOOST_TEST(outcome.out.find("Private Key Object") != std::string::npos, outcome.out);
    BOOST_TEST(outcome.out.find("CKR_PIN_INCORRECT") != std::string::npos, outcome.out);
}

BOOST_AUTO_TEST_CASE(keys_need_a_pin_pad_and_a_card) {
    const auto without = script({}, "cardlatch type 0 123456");
    BOOST_TEST(without.exit_code == 1);
    BOOST_TEST(without.err.find("no PIN pad; start the stack with --pin-pad") != std::string::npos,
               without.err);
    const auto empty = script({"--card", "none", "--pin-pad"}, "cardlatch type 0 123456");
    BOOST_TEST(empty.exit_code == 1);
    BOOST_TEST(empty.err.find("no card in slot 0") != std::string::npos, empty.err);
    const auto nothing = script({"--pin-pad"}, "cardlatch type 0");
    BOOST_TEST(nothing.exit_code != 0);
    BOOST_TEST(nothing.err.find("give \"pin\" or \"new\"") != std::string::npos, nothing.err);
}

BOOST_AUTO_TEST_CASE(a_hosted_card_comes_and_goes_and_keeps_what_is_on_it) {
    const auto outcome = script({"--host", "driver", "--card", "filecard"}, R"(
opensc-tool -s 0020000106313233343536 -s 00A4080C0450005001 -s 00D60000044B455054 >/dev/null
cardlatch remove 0
cardlatch insert 0
cardlatch reset 0
opensc-tool -s 00A4080C0450005001 -s 00B0000004
cardlatch remove 0
cardlatch insert 0 filecard
opensc-tool -s 00A4080C0450005001 -s 00B0000004
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err + outcome.out);
    const auto kept = outcome.out.find("KEPT");
    BOOST_TEST(kept != std::string::npos, outcome.out);
    BOOST_TEST(outcome.out.find("KEPT", kept + 4) == std::string::npos,
               outcome.out); // a new card of the profile
}

BOOST_AUTO_TEST_CASE(a_hosted_card_keeps_its_state_on_disk) {
    const auto outcome = run({"sh", "-ec", R"(
state=$(mktemp -d)
for round in 1 2; do
    "$0" run --host driver --state "$state" --card filecard -- opensc-tool -s 00A4080C0450005001 -s 00B0000004 \
        -s 0020000106313233343536 -s 00D60000044B455054
done
rm -r "$state"
)",
                              cardlatch_command()});
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out.find("KEPT") != std::string::npos, outcome.out);
}

BOOST_AUTO_TEST_SUITE_END()
