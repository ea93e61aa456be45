#include <cardlatch/iso7816/apdu.hpp>
#include <cardlatch/trace/secret_mask.hpp>

#include <algorithm>
#include <array>
#include <cstdint>

namespace cardlatch::trace {

namespace {

using iso7816::CommandApdu;

constexpr std::uint8_t k_chaining = 0x10;
constexpr std::size_t k_header = 4;
constexpr std::size_t k_sw = 2;

constexpr std::uint8_t k_envelope = 0xC2;
constexpr std::uint8_t k_get_response = 0xC0;

/// What of a command, or of its response, is secret.
struct Verdict {
    bool command = false;
    bool response = false;
};

bool contains(ByteView data, std::initializer_list<std::uint8_t> bytes) {
    return std::search(data.begin(), data.end(), bytes.begin(), bytes.end()) != data.end();
}

bool begins(ByteView data, std::initializer_list<std::uint8_t> bytes) {
    return data.size() >= bytes.size() && std::equal(bytes.begin(), bytes.end(), data.begin());
}

/// Objects of PIV that want the PIN: fingerprints, facial image, printed information, where ykman keeps a
/// management key, and iris images. Source: SP 800-73-4 part 1, table 3.
bool names_protected_object(ByteView data) {
    return contains(data, {0x5C, 0x03, 0x5F, 0xC1, 0x03}) || contains(data, {0x5C, 0x03, 0x5F, 0xC1, 0x08}) ||
           contains(data, {0x5C, 0x03, 0x5F, 0xC1, 0x09}) || contains(data, {0x5C, 0x03, 0x5F, 0xC1, 0x21});
}

Verdict judge(std::uint8_t ins, std::uint8_t p1, std::uint8_t p2, ByteView data) {
    switch (ins) {
    case 0x20: // VERIFY
    case 0x21:
    case 0x24: // CHANGE REFERENCE DATA
    case 0x25:
    case 0x26: // DISABLE and ENABLE VERIFICATION REQUIREMENT
    case 0x28:
    case 0x2C: // RESET RETRY COUNTER
    case 0x2D:
        return {.command = true};
    case 0x82: // EXTERNAL (MUTUAL), GENERAL and INTERNAL AUTHENTICATE
    case 0x86:
    case 0x87:
    case 0x88:
        return {.command = true, .response = true};
    case 0x2A: // PERFORM SECURITY OPERATION: the plain text is secret. Source: ISO/IEC 7816-8 §6.9
        return {.command = p2 == 0x80, .response = p1 == 0x80};
    case 0xFE: // PIV vendor: IMPORT ASYMMETRIC KEY, SET MANAGEMENT KEY
    case 0xFF:
        return {.command = true};
    case 0xCB:
        return {.response = names_protected_object(data)};
    case 0xDA: // OpenPGP: resetting code D3, AES key D5, keys of secure messaging D1, D2, F4
    {
        static constexpr std::array<std::uint8_t, 5> k_key_objects = {0xD1, 0xD2, 0xD3, 0xD5, 0xF4};
        return {.command = p1 == 0 &&
                           std::find(k_key_objects.begin(), k_key_objects.end(), p2) != k_key_objects.end()};
    }
    case 0xDB: // extended header list of a private key (OpenPGP), protected objects (PIV)
        return {.command = begins(data, {0x4D}) || names_protected_object(data)};
    default:
        return {};
    }
}

/// Where the command data lies; behind the header when the lengths are wrong.
std::pair<std::size_t, std::size_t> data_range(ByteView command) {
    const auto parsed = CommandApdu::parse(command);
    if (!parsed) {
        return {std::min(k_header, command.size()), command.size()};
    }
    const auto& apdu = parsed.assume_value();
    if (apdu.data.empty()) {
        return {command.size(), command.size()};
    }
    const std::size_t begin = k_header + (command[k_header] == 0 ? 3 : 1);
    return {begin, begin + apdu.data.size()};
}

} // namespace

SecretBytes SecretMask::examine(ByteView command, ByteView response) {
    if (command.size() < k_header) {
        reset();
        return {};
    }
    const auto [begin, end] = data_range(command);
    const auto data = command.subspan(begin, end - begin);
    const auto ins = command[1];
    const bool chained = (command[0] & k_chaining) != 0 && (command[0] & 0xE0U) != 0x20U;
    Verdict verdict;
    if (ins == k_get_response) {
        verdict.response = response_is_secret_;
    } else if (ins == k_envelope) {
        // The first one has the header of the command that they carry together.
        if (!envelope_began_) {
            envelope_is_secret_ = data.size() < k_header;
            if (!envelope_is_secret_) {
                const auto inner = judge(data[1], data[2], data[3], data.subspan(k_header));
                envelope_is_secret_ = inner.command || inner.response;
            }
        }
        envelope_began_ = !data.empty() && (chained || response.size() == k_sw);
        verdict = {envelope_is_secret_, envelope_is_secret_};
    } else {
        verdict = judge(ins, command[2], command[3], data);
        verdict.command = verdict.command || chain_is_secret_;
        verdict.response = verdict.response || chain_is_secret_;
        envelope_began_ = false;
    }
    chain_is_secret_ = chained && (verdict.command || verdict.response);
    response_is_secret_ = verdict.response;

    SecretBytes secret;
    if (verdict.command) {
        secret.command_begin = begin;
        secret.command_end = end;
    }
    if (verdict.response && response.size() > k_sw) {
        secret.response_end = response.size() - k_sw;
    }
    return secret;
}

void SecretMask::reset() {
    *this = {};
}

std::string masked_hex(ByteView bytes, std::size_t begin, std::size_t end, std::string_view mask) {
    std::string text;
    text.reserve(bytes.size() * 3);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i != 0) {
            text += ' ';
        }
        if (i >= begin && i < end) {
            text += mask;
        } else {
            text += to_hex(bytes.subspan(i, 1));
        }
    }
    return text;
}

} // namespace cardlatch::trace
