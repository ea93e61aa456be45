#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace cardlatch::iso7816 {

/// The two status bytes SW1-SW2 that end every response APDU. A value, not an error: 6982 is a successful
/// exchange. Source: ISO/IEC 7816-4 §5.6.
class StatusWord {
  public:
    constexpr StatusWord() = default;
    constexpr explicit StatusWord(std::uint16_t value)
        : value_(value) {}
    constexpr StatusWord(std::uint8_t sw1, std::uint8_t sw2)
        : value_(static_cast<std::uint16_t>((sw1 << 8U) | sw2)) {}

    [[nodiscard]] constexpr std::uint16_t value() const { return value_; }
    [[nodiscard]] constexpr std::uint8_t sw1() const { return static_cast<std::uint8_t>(value_ >> 8U); }
    [[nodiscard]] constexpr std::uint8_t sw2() const { return static_cast<std::uint8_t>(value_ & 0xFFU); }

    /// 9000, or 61xx (more data waits).
    [[nodiscard]] constexpr bool ok() const { return value_ == 0x9000 || sw1() == 0x61; }

    constexpr auto operator<=>(const StatusWord&) const = default;

  private:
    std::uint16_t value_ = 0x9000;
};

/// The status words of ISO/IEC 7816-4 tables 5 to 7 by meaning.
namespace sw {
inline constexpr StatusWord k_ok{0x9000};
inline constexpr StatusWord k_warning_unchanged{0x6200}; ///< no information given, nothing changed
inline constexpr StatusWord k_end_of_file_reached{0x6282};
inline constexpr StatusWord k_file_deactivated{0x6283};
inline constexpr StatusWord k_file_terminated{0x6285};
inline constexpr StatusWord k_execution_error{0x6400};
inline constexpr StatusWord k_memory_failure{0x6581};
inline constexpr StatusWord k_wrong_length{0x6700};
inline constexpr StatusWord k_channel_not_supported{0x6881};
inline constexpr StatusWord k_secure_messaging_not_supported{0x6882};
inline constexpr StatusWord k_last_command_of_chain_expected{0x6883};
inline constexpr StatusWord k_chaining_not_supported{0x6884};
inline constexpr StatusWord k_command_incompatible_with_file{0x6981};
inline constexpr StatusWord k_security_status_not_satisfied{0x6982};
inline constexpr StatusWord k_authentication_method_blocked{0x6983};
inline constexpr StatusWord k_reference_data_not_usable{0x6984};
inline constexpr StatusWord k_conditions_not_satisfied{0x6985};
inline constexpr StatusWord k_command_not_allowed_no_ef{0x6986};
inline constexpr StatusWord k_incorrect_data{0x6A80};
inline constexpr StatusWord k_function_not_supported{0x6A81};
inline constexpr StatusWord k_file_not_found{0x6A82};
inline constexpr StatusWord k_record_not_found{0x6A83};
inline constexpr StatusWord k_not_enough_memory{0x6A84};
inline constexpr StatusWord k_incorrect_p1_p2{0x6A86};
inline constexpr StatusWord k_lc_inconsistent_with_p1_p2{0x6A87};
inline constexpr StatusWord k_referenced_data_not_found{0x6A88};
inline constexpr StatusWord k_file_exists{0x6A89};
inline constexpr StatusWord k_df_name_exists{0x6A8A};
inline constexpr StatusWord k_wrong_p1_p2{0x6B00};
inline constexpr StatusWord k_instruction_not_supported{0x6D00};
inline constexpr StatusWord k_class_not_supported{0x6E00};
inline constexpr StatusWord k_no_precise_diagnosis{0x6F00};

/// 61xx: `available` response bytes wait for GET RESPONSE; 256 and more are sent as 00.
constexpr StatusWord more_data(std::size_t available) {
    return {0x61, static_cast<std::uint8_t>(available > 0xFF ? 0 : available)};
}
/// 6Cxx: wrong Le, `exact` is the right one; 256 is sent as 00.
constexpr StatusWord wrong_le(std::size_t exact) {
    return {0x6C, static_cast<std::uint8_t>(exact & 0xFFU)};
}
/// 63Cx: verification failed, `tries` left (0 to 15).
constexpr StatusWord tries_left(std::uint8_t tries) {
    return {0x63, static_cast<std::uint8_t>(0xC0U | (tries & 0x0FU))};
}
} // namespace sw

} // namespace cardlatch::iso7816
