#pragma once

#include "../application.hpp"
#include "state.hpp"

#include <array>
#include <cstdint>
#include <memory>

namespace cardlatch::card::piv {

/// The version of the vendor's commands whose conduct is honoured: with RSA 3072 and 4096, Ed25519, X25519,
/// MOVE KEY and management keys of AES.
inline constexpr std::array<std::uint8_t, 3> k_version{5, 7, 1};

/// The table [piv] of a profile: the application as it is on a new card.
class PivProfile final : public ApplicationProfile, public std::enable_shared_from_this<PivProfile> {
  public:
    PivProfile(State state, std::uint32_t number, bool touch_is_given)
        : initial(std::move(state))
        , serial(number)
        , touched(touch_is_given) {}

    [[nodiscard]] std::string_view name() const override { return "piv"; }
    [[nodiscard]] CardCapabilities capabilities() const override { return {}; }
    [[nodiscard]] std::unique_ptr<Application> instantiate(Services services) const override;

    /// The serial number as 4 bytes, big-endian.
    [[nodiscard]] Bytes serial_bytes() const;

    const State initial;
    const std::uint32_t serial;
    const bool touched; ///< a key that asks for a touch gets it at once; otherwise never
};

/// Reads [piv]; docs/piv.md has its keys. Files are looked for beside the profile.
/// Errors: std::errc::invalid_argument with file, line and key.
Result<std::shared_ptr<const ApplicationProfile>> parse_profile(TableReader& piv);

} // namespace cardlatch::card::piv
