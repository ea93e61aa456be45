#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>
#include <cardlatch/iso7816/status_word.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace cardlatch::iso7816 {

/// Longest command APDU in bytes: header 4, extended Lc 3, data 65,535, extended Le 2. Source: ISO/IEC 7816-3
/// §12.1.3.
inline constexpr std::size_t k_max_command_apdu = 4 + 3 + 65535 + 2;
/// Longest response APDU in bytes: data 65,536, SW 2.
inline constexpr std::size_t k_max_response_apdu = 65536 + 2;

/// The instruction bytes that this project names. Source: ISO/IEC 7816-4 table 4.
enum class Ins : std::uint8_t {
    deactivate_file = 0x04,
    erase_record = 0x0C,
    erase_binary = 0x0E,
    erase_binary_odd = 0x0F, ///< odd: offsets and data in data objects
    verify = 0x20,
    manage_security_environment = 0x22,
    change_reference_data = 0x24,
    disable_verification_requirement = 0x26,
    enable_verification_requirement = 0x28,
    perform_security_operation = 0x2A, ///< ISO/IEC 7816-8
    reset_retry_counter = 0x2C,
    activate_file = 0x44,
    generate_asymmetric_key_pair = 0x46, ///< ISO/IEC 7816-8
    manage_channel = 0x70,
    external_authenticate = 0x82, ///< with Le: MUTUAL AUTHENTICATE
    get_challenge = 0x84,
    internal_authenticate = 0x88,
    search_record = 0xA2,
    select = 0xA4,
    read_binary = 0xB0,
    read_binary_odd = 0xB1,
    read_record = 0xB2,
    get_response = 0xC0,
    envelope = 0xC2,
    get_data = 0xCA,
    get_data_odd = 0xCB,
    write_binary = 0xD0,
    write_binary_odd = 0xD1,
    write_record = 0xD2,
    update_binary = 0xD6,
    update_binary_odd = 0xD7,
    put_data = 0xDA,
    put_data_odd = 0xDB,
    update_record = 0xDC,
    create_file = 0xE0, ///< this and the next three: ISO/IEC 7816-9
    append_record = 0xE2,
    delete_file = 0xE4,
    terminate_df = 0xE6,
    terminate_ef = 0xE8,
};

/// A whole command APDU: header, command data, and the expected response length Ne.
/// Source: ISO/IEC 7816-4 §5.2, ISO/IEC 7816-3 §12.1.
struct CommandApdu {
    std::uint8_t cla = 0;
    std::uint8_t ins = 0;
    std::uint8_t p1 = 0;
    std::uint8_t p2 = 0;
    Bytes data; ///< Nc = data.size(), 0 to 65,535 bytes
    std::optional<std::size_t>
        ne; ///< absent: no Le field; else 1 to 65,536 bytes (Le 00 is 256, extended 0000 is 65,536)
    bool extended = false; ///< the length fields are (or are to be) in extended form

    /// P1-P2 as one number.
    [[nodiscard]] std::uint16_t p1p2() const { return static_cast<std::uint16_t>((p1 << 8U) | p2); }

    /// Command case 1 to 4 by presence of data and Le. Source: ISO/IEC 7816-3 §12.1.2.
    [[nodiscard]] int command_case() const;

    /// The bytes to send. Extended form is used when `extended` is set or a length needs it.
    /// data beyond 65,535 bytes or ne outside 1..65,536 is a bug of the caller (asserted).
    [[nodiscard]] Bytes encode() const;

    /// Reads a command APDU of any case, short or extended.
    /// Errors: std::errc::bad_message with a detail when the length fields do not fit the number of bytes.
    static Result<CommandApdu> parse(ByteView bytes);

    /// SELECT by DF name, first or only occurrence, FCI asked for (P1-P2 0400). Source: ISO/IEC 7816-4
    /// §11.2.2.
    static CommandApdu select_by_aid(ByteView aid);
    /// SELECT by file identifier (P1 00). Source: ISO/IEC 7816-4 §11.2.2.
    static CommandApdu select_by_fid(std::uint16_t fid);
    /// READ BINARY of the current EF. `offset` in bytes, at most 0x7FFF; `length` 1 to 65,536. Source:
    /// §11.3.3.
    static CommandApdu read_binary(std::uint16_t offset, std::size_t length);
    /// UPDATE BINARY of the current EF. `offset` in bytes, at most 0x7FFF. Source: §11.3.5.
    static CommandApdu update_binary(std::uint16_t offset, ByteView data);
    /// READ RECORD by number (from 1) of the current EF. Source: §11.4.3.
    static CommandApdu read_record(std::uint8_t number, std::size_t length = 256);
    /// VERIFY with reference `qualifier` (P2). Empty data asks for the tries left. Source: §11.6.6.
    static CommandApdu verify(std::uint8_t qualifier, ByteView reference_data);
    /// GET CHALLENGE of `length` bytes, 1 to 256. Source: §11.6.3.
    static CommandApdu get_challenge(std::size_t length);
};

/// A whole response APDU: data and status word.
struct ResponseApdu {
    Bytes data;
    StatusWord sw;

    ResponseApdu() = default;
    // A status word alone is a complete response, so handlers can `return sw::k_file_not_found`.
    ResponseApdu(StatusWord status)
        : sw(status) {} // NOLINT(google-explicit-constructor)
    ResponseApdu(Bytes payload, StatusWord status)
        : data(std::move(payload))
        , sw(status) {}

    [[nodiscard]] Bytes encode() const;

    /// Errors: std::errc::bad_message when fewer than two bytes came.
    static Result<ResponseApdu> parse(ByteView bytes);
};

} // namespace cardlatch::iso7816
