// Images from profiles that are there: with fresh keys, or as a card has become.

#include "image_keys.hpp"
#include "state_store.hpp"
#include "table_reader.hpp"

#include <cardlatch/card/card.hpp>
#include <cardlatch/card/image.hpp>
#include <cardlatch/card/random.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <fcntl.h>
#include <sstream>

namespace cardlatch::card {

namespace {

constexpr std::size_t k_max_file = std::size_t{1024} * 1024; // bytes
constexpr std::string_view k_pem_begins = "-----BEGIN ";

Result<std::string> read(const std::filesystem::path& file) {
    BOOST_OUTCOME_TRY(auto text, read_text_file(AT_FDCWD, file, k_max_file));
    if (!text) {
        return fail(std::errc::no_such_file_or_directory,
                    fmt::format("{}: there is no such file", file.string()));
    }
    return std::move(*text);
}

/// The text of `table`[`key`], where a file name stands for what is in the file; empty when there is none.
Result<std::string> pem_of(const toml::table& table, std::string_view key,
                           const std::filesystem::path& profile) {
    const auto text = table[key].value_or(std::string());
    if (text.empty() || text.starts_with(k_pem_begins)) {
        return text;
    }
    return read(profile.parent_path() / text);
}

/// Calls `change` with every table of the array document[application][list].
template <class Change>
Result<void> for_each_table(toml::table& document, std::string_view application, std::string_view list,
                            Change change) {
    auto* const tables = document[application][list].as_array();
    for (std::size_t i = 0; tables != nullptr && i < tables->size(); ++i) {
        BOOST_OUTCOME_TRY(change(*tables->get(i)->as_table()));
    }
    return ok();
}

/// The profile as it was written, after it was checked as a whole: what is read from it has the right form.
Result<toml::table> checked_document(const std::filesystem::path& profile) {
    BOOST_OUTCOME_TRY(load_profile(profile));
    BOOST_OUTCOME_TRY(const auto text, read(profile));
    return parse_toml(text, profile.string());
}

std::string image_text(const toml::table& document) {
    std::ostringstream text;
    text << "# A card image: a profile that holds private keys and PINs itself. For tests only.\n"
         << document << "\n";
    return text.str();
}

struct Renewal {
    const std::filesystem::path& profile;
    const ImageCertificates& certificates;
    const image::Issuer& issuer;
    const ImageProgress& progress;
};

Result<void> renew_piv_key(toml::table& table, const Renewal& renewal) {
    const auto slot = table["slot"].value_or(std::string());
    BOOST_OUTCOME_TRY(auto old_pem, pem_of(table, "private_key", renewal.profile));
    BOOST_OUTCOME_TRY(const auto old_key, crypto::PrivateKey::from_pem(old_pem));
    wipe({reinterpret_cast<std::uint8_t*>(old_pem.data()), old_pem.size()});
    BOOST_OUTCOME_TRY(const auto key, image::generate(slot, old_key.type(), renewal.progress));
    BOOST_OUTCOME_TRY(auto pem, key.to_pem());
    table.insert_or_assign("private_key", pem);
    wipe({reinterpret_cast<std::uint8_t*>(pem.data()), pem.size()});
    BOOST_OUTCOME_TRY(const auto old_certificate, pem_of(table, "certificate", renewal.profile));
    if (old_certificate.empty()) {
        return ok();
    }
    BOOST_OUTCOME_TRY(const auto der, crypto::certificate_from_pem(old_certificate));
    BOOST_OUTCOME_TRY(const auto subject, crypto::certificate_subject(der));
    const auto purpose =
        image::purpose_of(static_cast<piv::KeyReference>(std::strtoul(slot.c_str(), nullptr, 16)));
    BOOST_OUTCOME_TRY(auto certificate, renewal.issuer.certify(key, subject, purpose));
    if (certificate.empty()) {
        table.erase("certificate");
    } else {
        table.insert_or_assign("certificate", std::move(certificate));
    }
    return ok();
}

/// Two cards have two identifiers: CHUID, card capability container and the security object that has their
/// hashes, as far as they are there. A security object without the two would be wrong, and goes.
Result<void> renew_piv_objects(toml::table& document, const Renewal& renewal) {
    auto* const tables = document["piv"]["object"].as_array();
    if (tables == nullptr) {
        return ok();
    }
    BOOST_OUTCOME_TRY(const auto signer, image::ContentSigner::make(renewal.issuer));
    BOOST_OUTCOME_TRY(const auto objects, signer.objects(renewal.certificates.days));
    const auto find = [&](const image::Object& object) {
        const auto tag = fmt::format("{:X}", object.tag);
        return std::find_if(tables->begin(), tables->end(), [&](const toml::node& node) {
            auto text = (*node.as_table())["tag"].value_or(std::string());
            std::transform(text.begin(), text.end(), text.begin(), [](char digit) {
                return digit >= 'a' ? static_cast<char>(digit - 'a' + 'A') : digit;
            });
            return text == tag;
        });
    };
    std::size_t there = 0;
    for (const auto& object : objects) {
        if (const auto found = find(object); found != tables->end()) {
            found->as_table()->insert_or_assign("content", to_hex(object.content));
            ++there;
        }
    }
    constexpr std::size_t k_security_object = 1; // in `objects`
    if (const auto found = find(objects[k_security_object]);
        found != tables->end() && there < objects.size()) {
        tables->erase(found);
    }
    return ok();
}

Result<void> renew_file_key(toml::table& table, const Renewal& renewal) {
    if (const auto value = table["value_hex"].value<std::string>(); value || table["value_hex"].is_array()) {
        const auto type = table["type"].value_or(std::string());
        auto algorithm = type; // profiles of PIV write "aes128" what those of files write "aes-128"
        std::erase(algorithm, '-');
        BOOST_OUTCOME_TRY(const auto bytes, random_management_key(algorithm));
        table.insert_or_assign("value_hex", to_hex(bytes));
        return ok();
    }
    const auto type = crypto::key_type_named(table["type"].value_or(std::string()));
    if (!type || !table.contains("pem")) {
        return ok(); // the card makes it, when GENERATE asks for it
    }
    const auto what = fmt::format("key {}", table["reference"].value_or(std::int64_t{0}));
    BOOST_OUTCOME_TRY(const auto key, image::generate(what, *type, renewal.progress));
    BOOST_OUTCOME_TRY(auto pem, key.to_pem());
    table.insert_or_assign("pem", pem);
    wipe({reinterpret_cast<std::uint8_t*>(pem.data()), pem.size()});
    return ok();
}

} // namespace

Result<std::string> renew_image(const std::filesystem::path& profile, const ImageCertificates& certificates,
                                const ImageProgress& progress) {
    BOOST_OUTCOME_TRY(auto document, checked_document(profile));
    BOOST_OUTCOME_TRY(const auto issuer, image::Issuer::from(certificates));
    const Renewal renewal{profile, certificates, issuer, progress};
    document.erase("state");
    BOOST_OUTCOME_TRY(for_each_table(document, "piv", "key",
                                     [&](toml::table& table) { return renew_piv_key(table, renewal); }));
    BOOST_OUTCOME_TRY(renew_piv_objects(document, renewal));
    BOOST_OUTCOME_TRY(for_each_table(document, "filecard", "key",
                                     [&](toml::table& table) { return renew_file_key(table, renewal); }));
    if (auto* const piv = document["piv"].as_table()) {
        BOOST_OUTCOME_TRY(const auto serial, image::random_bytes(3));
        piv->insert_or_assign("serial",
                              (std::int64_t{serial[0]} << 16U) | (std::int64_t{serial[1]} << 8U) | serial[2]);
    }
    return image_text(document);
}

Result<std::string> export_image(const std::filesystem::path& profile,
                                 const std::optional<std::filesystem::path>& state) {
    BOOST_OUTCOME_TRY(auto document, checked_document(profile));
    BOOST_OUTCOME_TRY(for_each_table(document, "piv", "key", [&](toml::table& table) -> Result<void> {
        for (const auto* const key : {"private_key", "certificate"}) {
            BOOST_OUTCOME_TRY(auto pem, pem_of(table, key, profile));
            if (!pem.empty()) {
                table.insert_or_assign(key, std::move(pem));
            }
        }
        return ok();
    }));
    if (auto* const plugins = document["plugin"].as_table()) {
        for (auto&& [name, plugin] : *plugins) {
            auto& table = *plugin.as_table();
            const auto library = std::filesystem::path(table["library"].value_or(std::string()));
            table.insert_or_assign(
                "library",
                std::filesystem::absolute(profile.parent_path() / library).lexically_normal().string());
        }
    }
    BOOST_OUTCOME_TRY(const auto described, load_profile(profile));
    BOOST_OUTCOME_TRY(const auto card, Card::create(described, {.state_file = {}, .look_at = state}));
    BOOST_OUTCOME_TRY(auto stored, parse_toml(card->state(), "state"));
    stored.erase("format");
    stored.erase("profile");
    document.erase("state");
    if (!stored.empty()) {
        document.insert("state", std::move(stored));
    }
    return image_text(document);
}

} // namespace cardlatch::card
