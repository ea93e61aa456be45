#pragma once

#include "../application.hpp"
#include "piv_profile.hpp"
#include "state.hpp"

#include <cardlatch/iso7816/apdu.hpp>

#include <memory>
#include <optional>

namespace cardlatch::card::piv {

/// The PIV card application. Source: SP 800-73-5 part 2.
///
/// Not modelled: secure messaging and the virtual contact interface (key references 04 and 98), on-card
/// comparison (96, 97), the contactless interface, the passing of time (a touch once given is not forgotten).
class PivApplication final : public Application {
  public:
    PivApplication(std::shared_ptr<const PivProfile> profile, Services services);

    [[nodiscard]] std::string_view name() const override { return profile_->name(); }
    [[nodiscard]] std::span<const iso7816::Aid> df_names() const override { return df_names_; }
    iso7816::ResponseApdu select_df_name(std::size_t index, ControlTemplate wanted) override;
    iso7816::ResponseApdu process(const iso7816::CommandApdu& command) override;
    /// Clients of the vendor's tools send SELECT and GENERAL AUTHENTICATE without Le.
    [[nodiscard]] bool assumes_le() const override { return true; }
    void deselect() override;
    void reset() override;
    void save(toml::table& out) const override;
    Result<void> restore(TableReader& in) override;
    void describe(toml::table& out, bool with_secrets) const override;

  private:
    /// An authentication of the administrator that waits for its second command.
    struct PendingAuthentication {
        enum class Kind : std::uint8_t { witness, challenge };
        Kind kind;
        Bytes expected; ///< what the client has to send: the decrypted witness or the encrypted challenge
    };

    /// The objects of a dynamic authentication template, absent or present and possibly empty.
    struct Template {
        std::optional<ByteView> witness;
        std::optional<ByteView> challenge;
        std::optional<ByteView> response;
        std::optional<ByteView> exponentiation;
    };

    /// What GENERATE and IMPORT may say about the use of a key.
    struct Policies {
        PinPolicy pin;
        TouchPolicy touch;
    };

    iso7816::ResponseApdu dispatch(const iso7816::CommandApdu& command);

    // piv_application.cpp
    iso7816::ResponseApdu get_data(const iso7816::CommandApdu& command);
    iso7816::ResponseApdu put_data(const iso7816::CommandApdu& command);
    iso7816::StatusWord store_object(ObjectTag tag, ByteView content);
    void forget_application_status();

    // reference_data_commands.cpp
    iso7816::ResponseApdu verify(const iso7816::CommandApdu& command);
    iso7816::ResponseApdu change_reference_data(const iso7816::CommandApdu& command);
    iso7816::ResponseApdu reset_retry_counter(const iso7816::CommandApdu& command);
    iso7816::ResponseApdu unchanged(ReferenceData& reference, std::uint8_t tries_before);
    ReferenceData* pin_with(KeyReference reference);
    void set_verified(KeyReference reference, bool verified);
    [[nodiscard]] bool pin_verified() const { return application_pin_verified_ || global_pin_verified_; }

    // general_authenticate.cpp
    iso7816::ResponseApdu general_authenticate(const iso7816::CommandApdu& command);
    iso7816::ResponseApdu authenticate_administrator(const Template& request,
                                                     std::optional<PendingAuthentication> pending);
    iso7816::ResponseApdu use_key(const Key& key, KeyReference slot, const Template& request);
    [[nodiscard]] bool may_use(const Key& key) const;
    /// True if no touch is asked for, or the profile says that one is given.
    [[nodiscard]] bool is_touched(TouchPolicy policy) const;
    static Result<Template> parse_template(ByteView data);

    // key_commands.cpp
    iso7816::ResponseApdu generate_key_pair(const iso7816::CommandApdu& command);
    iso7816::ResponseApdu import_key(const iso7816::CommandApdu& command);
    iso7816::ResponseApdu move_key(const iso7816::CommandApdu& command);
    iso7816::ResponseApdu attest(const iso7816::CommandApdu& command);
    iso7816::StatusWord store_key(KeyReference slot, Key key);
    static std::optional<Policies> read_policies(KeyReference slot, ByteView objects);

    // vendor_commands.cpp
    static iso7816::ResponseApdu get_version(const iso7816::CommandApdu& command);
    iso7816::ResponseApdu get_serial(const iso7816::CommandApdu& command) const;
    iso7816::ResponseApdu get_metadata(const iso7816::CommandApdu& command) const;
    iso7816::ResponseApdu set_management_key(const iso7816::CommandApdu& command);
    iso7816::ResponseApdu set_pin_retries(const iso7816::CommandApdu& command);
    iso7816::ResponseApdu reset_application(const iso7816::CommandApdu& command);

    std::shared_ptr<const PivProfile> profile_;
    Services services_;
    std::array<iso7816::Aid, 1> df_names_;
    State state_;

    // volatile
    bool application_pin_verified_ = false;
    bool global_pin_verified_ = false;
    bool pin_just_verified_ = false; ///< the command before this one was VERIFY, and it succeeded
    bool administrator_authenticated_ = false;
    std::optional<PendingAuthentication> pending_;
};

/// The public key of `key` as data objects 81 and 82 or 86. Source: SP 800-73-5 part 2 §3.3.2.
[[nodiscard]] Result<Bytes> public_key_objects(const crypto::PrivateKey& key);

} // namespace cardlatch::card::piv
