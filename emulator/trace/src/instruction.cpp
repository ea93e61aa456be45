#include <cardlatch/trace/instruction.hpp>

#include <algorithm>
#include <array>
#include <cstdint>

namespace cardlatch::trace {

namespace {

struct Instruction {
    std::uint8_t ins;
    const char* name;
    const char* clause;
};

constexpr auto k_instructions = std::to_array<Instruction>({
    {0x04, "DEACTIVATE FILE", "ISO/IEC 7816-9 §9.2.3"},
    {0x0C, "ERASE RECORD", "ISO/IEC 7816-4 §11.4.8"},
    {0x0E, "ERASE BINARY", "ISO/IEC 7816-4 §11.3.7"},
    {0x0F, "ERASE BINARY", "ISO/IEC 7816-4 §11.3.7"},
    {0x20, "VERIFY", "ISO/IEC 7816-4 §11.6.6"},
    {0x21, "VERIFY", "ISO/IEC 7816-4 §11.6.6"},
    {0x22, "MANAGE SECURITY ENVIRONMENT", "ISO/IEC 7816-4 §11.6.11"},
    {0x24, "CHANGE REFERENCE DATA", "ISO/IEC 7816-4 §11.6.7"},
    {0x25, "CHANGE REFERENCE DATA", "ISO/IEC 7816-4 §11.6.7"},
    {0x26, "DISABLE VERIFICATION REQUIREMENT", "ISO/IEC 7816-4 §11.6.9"},
    {0x28, "ENABLE VERIFICATION REQUIREMENT", "ISO/IEC 7816-4 §11.6.8"},
    {0x2A, "PERFORM SECURITY OPERATION", "ISO/IEC 7816-8 §6"},
    {0x2C, "RESET RETRY COUNTER", "ISO/IEC 7816-4 §11.6.10"},
    {0x2D, "RESET RETRY COUNTER", "ISO/IEC 7816-4 §11.6.10"},
    {0x44, "ACTIVATE FILE", "ISO/IEC 7816-9 §9.2"},
    {0x46, "GENERATE ASYMMETRIC KEY PAIR", "ISO/IEC 7816-8 §5.1"},
    {0x47, "GENERATE ASYMMETRIC KEY PAIR", "ISO/IEC 7816-8 §5.1"},
    {0x70, "MANAGE CHANNEL", "ISO/IEC 7816-4 §11.2.3"},
    {0x82, "EXTERNAL AUTHENTICATE", "ISO/IEC 7816-4 §11.6.4"},
    {0x84, "GET CHALLENGE", "ISO/IEC 7816-4 §11.6.3"},
    {0x86, "GENERAL AUTHENTICATE", "ISO/IEC 7816-4 §11.6.5"},
    {0x87, "GENERAL AUTHENTICATE", "ISO/IEC 7816-4 §11.6.5"},
    {0x88, "INTERNAL AUTHENTICATE", "ISO/IEC 7816-4 §11.6.2"},
    {0xA2, "SEARCH RECORD", "ISO/IEC 7816-4 §11.4.7"},
    {0xA4, "SELECT", "ISO/IEC 7816-4 §11.2.2"},
    {0xB0, "READ BINARY", "ISO/IEC 7816-4 §11.3.3"},
    {0xB1, "READ BINARY", "ISO/IEC 7816-4 §11.3.3"},
    {0xB2, "READ RECORD", "ISO/IEC 7816-4 §11.4.3"},
    {0xC0, "GET RESPONSE", "ISO/IEC 7816-4 §11"},
    {0xC2, "ENVELOPE", "ISO/IEC 7816-4 §11"},
    {0xCA, "GET DATA", "ISO/IEC 7816-4 §11.5.3"},
    {0xCB, "GET DATA", "ISO/IEC 7816-4 §11.5.3"},
    {0xD0, "WRITE BINARY", "ISO/IEC 7816-4 §11.3.4"},
    {0xD6, "UPDATE BINARY", "ISO/IEC 7816-4 §11.3.5"},
    {0xD7, "UPDATE BINARY", "ISO/IEC 7816-4 §11.3.5"},
    {0xDA, "PUT DATA", "ISO/IEC 7816-4 §11.5.5"},
    {0xDB, "PUT DATA", "ISO/IEC 7816-4 §11.5.5"},
    {0xD2, "WRITE RECORD", "ISO/IEC 7816-4 §11.4.4"},
    {0xDC, "UPDATE RECORD", "ISO/IEC 7816-4 §11.4.5"},
    {0xE0, "CREATE FILE", "ISO/IEC 7816-9 §9.2.1"},
    {0xE2, "APPEND RECORD", "ISO/IEC 7816-4 §11.4.6"},
    {0xE4, "DELETE FILE", "ISO/IEC 7816-9 §9.2.2"},
});

const Instruction* find(ByteView command) {
    constexpr std::uint8_t k_proprietary = 0x80;
    if (command.size() < 2 || (command[0] & k_proprietary) != 0) {
        return nullptr;
    }
    const auto* const found = std::find_if(k_instructions.begin(), k_instructions.end(),
                                           [&](const Instruction& one) { return one.ins == command[1]; });
    return found == k_instructions.end() ? nullptr : found;
}

} // namespace

std::string instruction_name(ByteView command) {
    if (const auto* const known = find(command)) {
        return known->name;
    }
    return command.size() < 2 ? "no command" : "INS " + to_hex(command.subspan(1, 1));
}

std::string instruction_clause(ByteView command) {
    const auto* const known = find(command);
    return known != nullptr ? known->clause : "ISO/IEC 7816-4 §5.4.2";
}

} // namespace cardlatch::trace
