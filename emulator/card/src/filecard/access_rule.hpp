#pragma once

#include <cardlatch/base/bytes.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace cardlatch::card::filecard {

/// Who may do something.
struct AccessRule {
    enum class Kind : std::uint8_t { always, never, conditions };
    Kind kind = Kind::always;
    std::uint8_t pin = 0; ///< reference of a PIN that has to be verified, 0 for none
    std::uint8_t key = 0; ///< reference of a key that the outside has to have proved, 0 for none
    bool either = false;  ///< one of the two is enough

    static constexpr AccessRule never() { return {Kind::never, 0, 0, false}; }
    bool operator==(const AccessRule&) const = default;
};

/// What can be done with a file, by the bit of the access mode byte that stands for it, from bit 1; bits 1 to
/// 3 mean one thing for EFs and another one for DFs. Source: ISO/IEC 7816-4 §9.3.3.
namespace access {
inline constexpr std::size_t k_read = 0;   ///< READ BINARY, READ and SEARCH RECORD
inline constexpr std::size_t k_update = 1; ///< UPDATE and ERASE BINARY and RECORD
inline constexpr std::size_t k_write = 2;  ///< WRITE BINARY, WRITE and APPEND RECORD
inline constexpr std::size_t k_delete_child = 0;
inline constexpr std::size_t k_create_ef = 1;
inline constexpr std::size_t k_create_df = 2;
inline constexpr std::size_t k_deactivate = 3;
inline constexpr std::size_t k_activate = 4;
inline constexpr std::size_t k_terminate = 5;
inline constexpr std::size_t k_delete = 6;
inline constexpr std::size_t k_count = 7;
} // namespace access

using AccessRules = std::array<AccessRule, access::k_count>;

/// The security environments that security condition bytes refer to: number n (1 to 14) names the PIN, the
/// key or both that the n-th distinct rule of the profile asks for. Source: ISO/IEC 7816-4 §9.3.3, §10.3.
class RuleEnvironments {
  public:
    static constexpr std::size_t k_max = 14;

    /// Gives `rule` an environment unless it needs none or has one. False when there is no number left.
    [[nodiscard]] bool add(const AccessRule& rule);

    /// The security attribute in compact format: the access mode byte 7F and seven security condition bytes.
    [[nodiscard]] Bytes compact(const AccessRules& rules) const;

    /// Reads the compact format; what it does not mention is never allowed. Nothing when it is malformed,
    /// asks for secure messaging, or refers to an environment that does not exist.
    [[nodiscard]] std::optional<AccessRules> from_compact(ByteView bytes) const;

    /// The environments as templates 7B, for GET DATA.
    [[nodiscard]] Bytes templates() const;

  private:
    struct Environment {
        std::uint8_t pin = 0;
        std::uint8_t key = 0;
        bool operator==(const Environment&) const = default;
    };
    [[nodiscard]] std::uint8_t condition(const AccessRule& rule) const;
    [[nodiscard]] std::optional<AccessRule> rule(std::uint8_t condition) const;

    std::vector<Environment> environments_;
};

} // namespace cardlatch::card::filecard
