#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Card images: profiles that need no other file, made fresh or from what a card has become. An image is used
/// as any profile is.
namespace cardlatch::card {

/// Hears of long work: RSA keys take from a tenth of a second to a minute. Called on the thread that does the
/// work; members may be empty.
struct ImageProgress {
    std::function<void(std::string_view what)> begin; ///< "9A, rsa-2048"
    std::function<void()> working;                    ///< many times a second, or not at all
    std::function<void()> done;                       ///< of what begin() named
};

/// Who issues the certificates of a new card. Without a key each key certifies itself.
struct ImageIssuer {
    std::string key;         ///< PEM, not encrypted; empty for none
    std::string certificate; ///< PEM
};

/// What a new certificate says.
struct ImageCertificates {
    std::string subject = "/O=Cardlatch TEST/CN=Test User"; ///< in this form; the same in every slot
    unsigned days = 3650;                                   ///< of validity, from now on
    ImageIssuer issuer;
};

/// A PIV card that is to be made.
struct NewPivCard {
    /// A key that is generated on the card.
    struct Key {
        std::string slot;      ///< "9A", "9C", "9D", "9E", "82" to "95", "F9"
        std::string algorithm; ///< "rsa-2048", "p-256" and so on
    };
    std::vector<Key> keys; ///< F9, which attests, is added when it is not named
    std::string description = "A PIV card with fresh keys";
    std::string pin = "123456";
    std::string puk = "12345678";
    unsigned pin_tries = 3;
    unsigned puk_tries = 3;
    std::string management_algorithm = "3des";
    std::optional<Bytes> management_key; ///< the well-known value when absent
    std::optional<std::uint32_t> serial; ///< random when absent
    ImageCertificates certificates;
};

/// `size` random decimal digits, for a PIN or PUK.
/// Errors: whatever the system's randomness reports.
Result<std::string> random_digits(std::size_t size);
/// A random key for the management algorithm or symmetric key type `algorithm` ("3des", "aes128" ...).
/// Errors: std::errc::invalid_argument for another name; whatever the system's randomness reports.
Result<Bytes> random_management_key(std::string_view algorithm);

/// Makes the image of a PIV card with fresh keys, certificates, CHUID and CCC. The text holds private keys
/// and PINs: wipe() it. Errors: std::errc::invalid_argument with a sentence about what was asked for and is
/// not possible; std::errc::io_error when OpenSSL fails.
Result<std::string> make_piv_image(const NewPivCard& card, const ImageProgress& progress);

/// The card that `profile` describes, with every key and key pair made anew, of the same kind, and
/// certificates with the same subjects; `certificates.subject` is not used. What else the profile says stays,
/// but for [state], which goes. Errors: those of load_profile() and make_piv_image().
Result<std::string> renew_image(const std::filesystem::path& profile, const ImageCertificates& certificates,
                                const ImageProgress& progress);

/// The card that `profile` describes and `state` (a state file, only read) changed, as one profile that needs
/// no other file but the libraries of [plugin]: PEM files are put into it, what changed becomes [state].
/// Errors: those of load_profile() and Card::create().
Result<std::string> export_image(const std::filesystem::path& profile,
                                 const std::optional<std::filesystem::path>& state);

/// Writes a text with secrets: readable by the owner only, all or nothing (temporary file, fsync, rename).
/// Errors: std::errc::file_exists unless `replace`; a system error.
Result<void> write_image(const std::filesystem::path& file, std::string_view text, bool replace);

} // namespace cardlatch::card
