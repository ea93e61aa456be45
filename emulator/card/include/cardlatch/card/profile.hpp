#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/card/dialogue.hpp>
#include <cardlatch/iso7816/atr.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace cardlatch::card {

class ApplicationProfile;
struct StoredState;

/// A table [fault.NAME] of a profile, for whoever runs the card; the card itself knows no faults.
struct ProfileFault {
    std::string name;
    std::string where; ///< "FILE:LINE", for messages
    /// Keys and values as in `--fault`, in the order of their names.
    std::vector<std::pair<std::string, std::string>> settings;
};

/// How a card that is used with T=0 answers a command that has a response.
enum class T0Behaviour : std::uint8_t {
    transparent,  ///< as with T=1: as if reader or card had fetched the response
    get_response, ///< as a command of T=0 allows: 61XX, to be fetched with GET RESPONSE; 6CXX for a wrong Le
};

/// What a card is when it is new: a checked TOML profile. Immutable and cheap to copy; docs/profiles.md has
/// the format.
struct Profile {
    std::string name;           ///< the file's name without ".toml"
    std::string description;    ///< one line for people
    std::filesystem::path file; ///< where it was loaded from
    iso7816::Atr atr;
    T0Behaviour t0 = T0Behaviour::transparent;
    std::vector<ProfileFault> faults; ///< not checked here; in the order of their names

    /// The card's applications, at least one; the card core alone looks inside.
    std::vector<std::shared_ptr<const ApplicationProfile>> applications;
    std::size_t selected_at_reset = 0; ///< index into `applications`

    /// The recorded dialogue that this card plays, in place of applications; null for other cards.
    std::shared_ptr<const Dialogue> replay;

    /// The table [state]: what had changed on the card of which this profile is an image; null for none.
    std::shared_ptr<const StoredState> stored;
};

/// Reads and checks a profile; a file whose name ends in ".apdu" is a dialogue to be replayed.
/// Errors: a system error when `file` cannot be read; std::errc::invalid_argument when its content is wrong,
/// with a detail of the form "FILE:LINE: KEY: what is wrong and what is allowed".
Result<Profile> load_profile(const std::filesystem::path& file);

/// The profiles (*.toml) directly in `folder`, sorted by name; none of them is read.
/// Errors: a system error when `folder` cannot be listed.
Result<std::vector<std::filesystem::path>> list_profiles(const std::filesystem::path& folder);

} // namespace cardlatch::card
