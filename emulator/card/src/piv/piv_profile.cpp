#include "piv_profile.hpp"

#include "../crypto/certificate.hpp"
#include "../state_store.hpp"
#include "piv_application.hpp"

#include <cardlatch/iso7816/tlv.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <limits>

namespace cardlatch::card::piv {

namespace {

constexpr std::size_t k_max_file = 65536;
constexpr std::size_t k_max_object = 16384;
constexpr std::int64_t k_most_tries = 255;
constexpr std::int64_t k_default_serial = 1000001;

constexpr std::string_view k_pem_begins = "-----BEGIN ";

/// How errors call what `read_pem` reads.
std::string_view called(const std::string& text) {
    return text.starts_with(k_pem_begins) ? "the text" : std::string_view(text);
}

/// PEM that stands in the profile, or the content of the file that the profile names, relative to its own
/// folder.
Result<std::string> read_pem(TableReader& table, std::string_view key, const std::string& name) {
    if (name.starts_with(k_pem_begins)) {
        return name;
    }
    const auto path = std::filesystem::path(table.file()).parent_path() / name;
    auto text = read_text_file(AT_FDCWD, path, k_max_file);
    if (!text) {
        return table.error(key, text.error().message());
    }
    if (!text.value()) {
        return table.error(
            key, fmt::format("{}: there is no such file; names are relative to the profile", path.string()));
    }
    return std::move(*text.value());
}

/// A hexadecimal number such as "9A" or "5FC105" that `is_known` accepts.
template <class T>
Result<T> read_number(TableReader& table, std::string_view key, bool (*is_known)(T),
                      std::string_view allowed) {
    BOOST_OUTCOME_TRY(const auto text, table.required(key, table.text(key, 2, 6), allowed));
    T number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number, 16);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !is_known(number)) {
        return table.error(key, fmt::format("\"{}\" is not known; {}", text, allowed));
    }
    return number;
}

template <class T>
Result<std::optional<T>> read_name(TableReader& table, std::string_view key,
                                   std::optional<T> (*named)(std::string_view), std::string_view allowed) {
    BOOST_OUTCOME_TRY(const auto name, table.text(key, 1, 16));
    if (!name) {
        return std::optional<T>{};
    }
    const auto value = named(*name);
    if (!value) {
        return table.error(key, fmt::format("\"{}\" is not known; allowed are {}", *name, allowed));
    }
    return std::optional<T>{value};
}

std::optional<Origin> origin_named(std::string_view name) {
    if (name == "generated") {
        return Origin::generated;
    }
    return name == "imported" ? std::optional(Origin::imported) : std::nullopt;
}

std::optional<bool> touch_named(std::string_view name) {
    if (name == "given") {
        return true;
    }
    return name == "refused" ? std::optional(false) : std::nullopt;
}

/// A certificate's data object: not compressed. Source: SP 800-73-5 part 1, appendix A.
Bytes certificate_object(ByteView der) {
    constexpr std::array<std::uint8_t, 1> k_not_compressed{0x00};
    Bytes value;
    iso7816::append_tlv(value, 0x70, der);
    iso7816::append_tlv(value, 0x71, k_not_compressed);
    iso7816::append_tlv(value, 0xFE, {});
    return value;
}

Result<void> read_reference(TableReader& piv, std::string_view name, ReferenceData& reference) {
    const auto tries_key = fmt::format("{}_tries", name);
    const auto left_key = fmt::format("{}_tries_left", name);
    BOOST_OUTCOME_TRY(const auto value, piv.text(name, 1, k_pin_size));
    BOOST_OUTCOME_TRY(const auto tries, piv.integer(tries_key, 1, k_most_tries));
    if (value) {
        reference.value = pad_pin(*value);
        if (name != "puk" && !is_well_formed_pin(reference.value)) {
            return piv.error(name, "has to be 6 to 8 decimal digits");
        }
    }
    reference.tries = static_cast<std::uint8_t>(tries.value_or(reference.tries));
    BOOST_OUTCOME_TRY(const auto left, piv.integer(left_key, 0, reference.tries));
    reference.tries_left = static_cast<std::uint8_t>(left.value_or(reference.tries));
    return ok();
}

Result<ManagementKey> read_management_key(TableReader& piv) {
    BOOST_OUTCOME_TRY(const auto named, read_name(piv, "management_algorithm", &cipher_named,
                                                  "3des, aes128, aes192 and aes256"));
    const auto cipher = named.value_or(crypto::Cipher::tdes);
    const auto size = crypto::key_size(cipher);
    BOOST_OUTCOME_TRY(auto value, piv.hex("management_key", size, size));
    if (!value) {
        return ManagementKey{default_management_key(cipher)};
    }
    BOOST_OUTCOME_TRY(auto key, crypto::SymmetricKey::from(cipher, *value));
    return ManagementKey{std::move(key)};
}

Result<void> read_certificate(TableReader& table, const crypto::PrivateKey& key, KeyReference slot,
                              Objects& objects) {
    BOOST_OUTCOME_TRY(const auto name, table.text("certificate", 1, k_max_file));
    if (!name) {
        return ok();
    }
    BOOST_OUTCOME_TRY(const auto text, read_pem(table, "certificate", *name));
    const auto der = crypto::certificate_from_pem(text);
    if (!der) {
        return table.error("certificate", fmt::format("{}: {}", called(*name), der.error().message()));
    }
    const auto fits = crypto::certifies(der.value(), key);
    if (!fits || !fits.value()) {
        return table.error("certificate", fmt::format("{} is not for the private key", called(*name)));
    }
    objects.insert_or_assign(certificate_tag(slot), certificate_object(der.value()));
    return ok();
}

Result<void> read_key(TableReader& table, State& state) {
    BOOST_OUTCOME_TRY(const auto slot, read_number<KeyReference>(table, "slot", &is_key_slot,
                                                                 "allowed are 9A, 9C, 9D, 9E, 82 to 95, F9"));
    if (state.keys.contains(slot)) {
        return table.error("slot", fmt::format("slot {:02X} has a key already", slot));
    }
    BOOST_OUTCOME_TRY(const auto name, table.required("private_key", table.text("private_key", 1, k_max_file),
                                                      "it names a PEM file, or is the text of one"));
    BOOST_OUTCOME_TRY(auto text, read_pem(table, "private_key", name));
    auto key = crypto::PrivateKey::from_pem(text);
    wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
    if (!key) {
        return table.error("private_key", fmt::format("{}: {}", called(name), key.error().message()));
    }
    BOOST_OUTCOME_TRY(const auto pin,
                      read_name(table, "pin_policy", &pin_policy_named, "never, once and always"));
    BOOST_OUTCOME_TRY(const auto touch,
                      read_name(table, "touch_policy", &touch_policy_named, "never, always and cached"));
    BOOST_OUTCOME_TRY(const auto origin, read_name(table, "origin", &origin_named, "imported and generated"));
    BOOST_OUTCOME_TRY(read_certificate(table, key.value(), slot, state.objects));
    BOOST_OUTCOME_TRY(table.finish());
    state.keys.emplace(slot, Key{std::move(key.value()), pin.value_or(default_pin_policy(slot)),
                                 touch.value_or(TouchPolicy::never), origin.value_or(Origin::imported)});
    return ok();
}

Result<void> read_object(TableReader& table, State& state) {
    BOOST_OUTCOME_TRY(const auto tag, read_number<ObjectTag>(table, "tag", &is_object,
                                                             "allowed are 7F61 and 5F0000 to 5FFFFF"));
    if (tag == k_discovery) {
        return table.error("tag", "the discovery object follows from the card; it is not written here");
    }
    if (state.objects.contains(tag)) {
        return table.error("tag", fmt::format("object {:X} has content already", tag));
    }
    BOOST_OUTCOME_TRY(auto content, table.required("content", table.hex("content", 1, k_max_object),
                                                   "it is the object's value, without the tag 53 around it"));
    BOOST_OUTCOME_TRY(table.finish());
    state.objects.emplace(tag, std::move(content));
    return ok();
}

} // namespace

std::unique_ptr<Application> PivProfile::instantiate(Services services) const {
    return std::make_unique<PivApplication>(shared_from_this(), services);
}

Bytes PivProfile::serial_bytes() const {
    return {static_cast<std::uint8_t>(serial >> 24U), static_cast<std::uint8_t>((serial >> 16U) & 0xFFU),
            static_cast<std::uint8_t>((serial >> 8U) & 0xFFU), static_cast<std::uint8_t>(serial & 0xFFU)};
}

Result<std::shared_ptr<const ApplicationProfile>> parse_profile(TableReader& piv) {
    State state;
    BOOST_OUTCOME_TRY(read_reference(piv, "pin", state.pin));
    BOOST_OUTCOME_TRY(read_reference(piv, "puk", state.puk));
    if (piv.has("global_pin")) {
        state.global_pin.emplace();
        BOOST_OUTCOME_TRY(read_reference(piv, "global_pin", *state.global_pin));
    }
    BOOST_OUTCOME_TRY(state.management, read_management_key(piv));
    BOOST_OUTCOME_TRY(const auto serial, piv.integer("serial", 0, std::numeric_limits<std::uint32_t>::max()));
    BOOST_OUTCOME_TRY(const auto touch, read_name(piv, "touch", &touch_named, "given and refused"));
    BOOST_OUTCOME_TRY(auto keys, piv.tables("key"));
    for (auto& table : keys) {
        BOOST_OUTCOME_TRY(read_key(table, state));
    }
    BOOST_OUTCOME_TRY(auto objects, piv.tables("object"));
    for (auto& table : objects) {
        BOOST_OUTCOME_TRY(read_object(table, state));
    }
    BOOST_OUTCOME_TRY(piv.finish());
    return std::shared_ptr<const ApplicationProfile>(std::make_shared<const PivProfile>(
        std::move(state), static_cast<std::uint32_t>(serial.value_or(k_default_serial)),
        touch.value_or(true)));
}

} // namespace cardlatch::card::piv
