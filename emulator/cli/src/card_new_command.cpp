// cardlatch card new: makes the image of a card with fresh keys.

#include "card_commands.hpp"
#include "progress.hpp"

#include <cardlatch/card/card.hpp>
#include <cardlatch/card/image.hpp>
#include <cardlatch/harness/slot_control.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <fstream>
#include <iterator>

namespace cardlatch::cli {

namespace {

namespace json = boost::json;
constexpr const char* k_random = "random";

/// A text that is wiped when it goes.
struct SecretText {
    std::string text;
    SecretText() = default;
    explicit SecretText(std::string value)
        : text(std::move(value)) {}
    SecretText(const SecretText&) = delete;
    SecretText& operator=(const SecretText&) = delete;
    ~SecretText() { wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()}); }
};

Result<std::string> read_pem_file(const std::string& name) {
    std::ifstream file(name, std::ios::binary);
    std::string text(std::istreambuf_iterator<char>(file), {});
    if (!file && text.empty()) {
        return fail(std::errc::no_such_file_or_directory, fmt::format("{}: cannot be read", name));
    }
    return text;
}

class CardNewCommand : public Command {
  public:
    explicit CardNewCommand(CLI::App& card) {
        app_ = card.add_subcommand("new",
                                   "Make a card image with fresh keys: a profile that needs no other file");
        app_->add_option("FILE", file_, "The image to write; its name without .toml is the card's")
            ->required();
        auto* const from =
            app_->add_option("--from", from_,
                             "Renew this profile's keys and certificates instead of making a "
                             "PIV card: a shipped profile's name (filecard, ...) or a TOML file")
                ->type_name("PROFILE");
        const auto piv_only = [&](CLI::Option* option) { option->excludes(from); };
        piv_only(
            app_->add_option("--key", keys_,
                             "A key, such as 9A=rsa-2048; repeat it. Slots 9A, 9C, 9D, 9E, 82 to 95, F9; "
                             "rsa-1024 to rsa-4096, p-256, p-384, ed25519, x25519. Default: RSA 2048 in "
                             "9A, 9C and 9D, P-256 in 9E")
                ->type_name("SLOT=ALGORITHM"));
        piv_only(app_->add_flag("--no-keys", no_keys_, "No key but the one that attests, F9"));
        piv_only(app_->add_option("--subject", order_.certificates.subject, "Subject of the certificates")
                     ->type_name("/C=XX/O=Organization/CN=Name")
                     ->capture_default_str());
        app_->add_option("--days", order_.certificates.days, "How long the certificates are valid")
            ->capture_default_str();
        auto* const issuer_key = app_->add_option("--issuer-key", issuer_key_,
                                                  "PEM file of the key that signs the certificates; "
                                                  "without it each key certifies itself")
                                     ->type_name("FILE");
        app_->add_option("--issuer-certificate", issuer_certificate_, "PEM file of that key's certificate")
            ->type_name("FILE")
            ->needs(issuer_key);
        piv_only(app_->add_option("--pin", pin_, "6 to 8 digits, or 'random'")->capture_default_str());
        piv_only(app_->add_option("--puk", puk_, "1 to 8 characters, or 'random'")->capture_default_str());
        piv_only(
            app_->add_option("--pin-tries", order_.pin_tries, "Tries of the PIN")->capture_default_str());
        piv_only(
            app_->add_option("--puk-tries", order_.puk_tries, "Tries of the PUK")->capture_default_str());
        piv_only(app_->add_option("--management-algorithm", order_.management_algorithm,
                                  "3des, aes128, aes192 or aes256")
                     ->capture_default_str());
        piv_only(app_->add_option("--management-key", management_key_,
                                  "Hexadecimal, or 'random'; default: the well-known 0102030405060708 ...")
                     ->type_name("HEX"));
        piv_only(app_->add_option("--serial", serial_, "Serial number; default: random"));
        app_->add_flag("--force", force_, "Replace FILE if it is there");
        app_->add_flag("--json", json_, "Print what was made as JSON, as `card show` does");
        app_->add_flag("--quiet,-q", quiet_, "No progress, no summary");
    }

    int run(const std::vector<std::string>&) override {
        if (std::filesystem::path(file_).extension() != ".toml") {
            return complain(fmt::format("{}: an image is a profile, so its name has to end in .toml", file_),
                            k_usage);
        }
        std::error_code ignored;
        if (!force_ &&
            std::filesystem::exists(file_, ignored)) { // before minutes of work; again when written
            return complain(fmt::format("{}: is there already; --force replaces it", file_), k_check_failed);
        }
        auto made = make();
        if (!made) {
            const bool misunderstood =
                from_.empty() && made.assume_error().code == std::errc::invalid_argument;
            return complain(made.assume_error(), misunderstood ? k_usage : k_check_failed);
        }
        const SecretText image(std::move(made.assume_value()));
        const auto written = card::write_image(file_, image.text, force_);
        if (!written) {
            return complain(written.assume_error(), k_check_failed);
        }
        return report();
    }

  private:
    Result<std::string> make() {
        Progress progress("generating", quiet_);
        const card::ImageProgress told{.begin = [&](std::string_view what) { progress.begin(what); },
                                       .working = [&] { progress.working(); },
                                       .done = [&] { progress.done(); }};
        auto& issuer = order_.certificates.issuer;
        if (!issuer_key_.empty()) {
            BOOST_OUTCOME_TRY(issuer.key, read_pem_file(issuer_key_));
        }
        if (!issuer_certificate_.empty()) {
            BOOST_OUTCOME_TRY(issuer.certificate, read_pem_file(issuer_certificate_));
        }
        if (!from_.empty()) {
            BOOST_OUTCOME_TRY(const auto profile, harness::find_profile(from_));
            return card::renew_image(profile, order_.certificates, told);
        }
        BOOST_OUTCOME_TRY(complete_order());
        return card::make_piv_image(order_, told);
    }

    /// What the options say, as an order.
    Result<void> complete_order() {
        constexpr std::size_t k_pin_digits = 6;
        constexpr std::size_t k_puk_digits = 8;
        order_.pin = pin_;
        order_.puk = puk_;
        if (pin_ == k_random) {
            BOOST_OUTCOME_TRY(order_.pin, card::random_digits(k_pin_digits));
        }
        if (puk_ == k_random) {
            BOOST_OUTCOME_TRY(order_.puk, card::random_digits(k_puk_digits));
        }
        if (management_key_ == k_random) {
            BOOST_OUTCOME_TRY(order_.management_key,
                              card::random_management_key(order_.management_algorithm));
        } else if (!management_key_.empty()) {
            order_.management_key = from_hex(management_key_);
            if (!order_.management_key) {
                return fail(std::errc::invalid_argument,
                            "--management-key: has to be hexadecimal, or 'random'");
            }
        }
        order_.serial = serial_;
        if (no_keys_ && !keys_.empty()) {
            return fail(std::errc::invalid_argument, "--no-keys and --key do not go together");
        }
        if (keys_.empty() && !no_keys_) {
            order_.keys = {{"9A", "rsa-2048"}, {"9C", "rsa-2048"}, {"9D", "rsa-2048"}, {"9E", "p-256"}};
        }
        for (const auto& key : keys_) {
            const auto sign = key.find('=');
            if (sign == std::string::npos) {
                return fail(std::errc::invalid_argument,
                            fmt::format("--key {}: has to be SLOT=ALGORITHM, such as 9A=rsa-2048", key));
            }
            order_.keys.push_back({key.substr(0, sign), key.substr(sign + 1)});
        }
        return ok();
    }

    int report() const {
        if (quiet_ && !json_) {
            return k_ok;
        }
        const auto profile = card::load_profile(file_); // the proof that it is one
        if (!profile) {
            return complain(profile.assume_error(), k_own_failure);
        }
        const auto card = card::Card::create(profile.assume_value(), {});
        if (!card) {
            return complain(card.assume_error(), k_own_failure);
        }
        const auto description = card.assume_value()->describe(false);
        fmt::print("{}", json_ ? description_as_json(profile.assume_value(), description)
                               : description_as_text(profile.assume_value(), description));
        if (!json_) {
            fmt::print("\nUse it: cardlatch run --card {} -- COMMAND\n",
                       file_.find('/') == std::string::npos ? "./" + file_ : file_);
        }
        return k_ok;
    }

    card::NewPivCard order_;
    std::string file_;
    std::string from_;
    std::vector<std::string> keys_;
    bool no_keys_ = false;
    std::string issuer_key_;
    std::string issuer_certificate_;
    std::string pin_ = "123456";
    std::string puk_ = "12345678";
    std::string management_key_;
    std::optional<std::uint32_t> serial_;
    bool force_ = false;
    bool json_ = false;
    bool quiet_ = false;
};

} // namespace

std::unique_ptr<Command> make_card_new_command(CLI::App& card) {
    return std::make_unique<CardNewCommand>(card);
}

} // namespace cardlatch::cli
