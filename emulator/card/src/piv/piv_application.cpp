#include "piv_application.hpp"

#include <cardlatch/iso7816/tlv.hpp>

#include <algorithm>

namespace cardlatch::card::piv {

namespace sw = iso7816::sw;
using iso7816::CommandApdu;
using iso7816::ResponseApdu;
using iso7816::StatusWord;

namespace {

constexpr std::uint32_t k_tag_list = 0x5C;
constexpr std::uint32_t k_data = 0x53;
constexpr std::size_t k_max_object = 16384;        // bytes; the largest standard object is 12,710
constexpr std::size_t k_max_all_objects = 262'144; // bytes

/// Instruction bytes. Source: SP 800-73-5 part 2 table 2; from F6 on the vendor's.
enum class Ins : std::uint8_t {
    verify = 0x20,
    change_reference_data = 0x24,
    reset_retry_counter = 0x2C,
    generate_asymmetric_key_pair = 0x47,
    general_authenticate = 0x87,
    get_data = 0xCB,
    put_data = 0xDB,
    move_key = 0xF6,
    get_metadata = 0xF7,
    get_serial = 0xF8,
    attest = 0xF9,
    set_pin_retries = 0xFA,
    reset = 0xFB,
    get_version = 0xFD,
    import_asymmetric_key = 0xFE,
    set_management_key = 0xFF,
};

/// The application property template. Source: SP 800-73-5 part 2 §3.1.1.
Bytes property_template() {
    constexpr std::array<std::uint8_t, 6> k_pix{0x00, 0x00, 0x10, 0x00, 0x01, 0x00};
    constexpr std::array<std::uint8_t, 5> k_rid{0xA0, 0x00, 0x00, 0x03, 0x08};
    constexpr std::array<std::uint8_t, 13> k_algorithms{0x03, 0x08, 0x0A, 0x0C, 0x05, 0x06, 0x07,
                                                        0x16, 0x11, 0x14, 0xE0, 0xE1, 0x00};
    Bytes authority;
    iso7816::append_tlv(authority, 0x4F, k_rid);
    Bytes algorithms;
    for (const auto algorithm : ByteView(k_algorithms).first(k_algorithms.size() - 1)) {
        iso7816::append_tlv(algorithms, 0x80, ByteView(&algorithm, 1));
    }
    iso7816::append_tlv(algorithms, 0x06, ByteView(&k_algorithms.back(), 1));
    Bytes value;
    iso7816::append_tlv(value, 0x4F, k_pix);
    iso7816::append_tlv(value, 0x79, authority);
    iso7816::append_tlv(value, 0x50, as_bytes("Cardlatch TEST PIV"));
    iso7816::append_tlv(value, 0x5F50, as_bytes("https://doi.org/10.6028/NIST.SP.800-73pt2-5"));
    iso7816::append_tlv(value, 0xAC, algorithms);
    Bytes out;
    iso7816::append_tlv(out, 0x61, value);
    return out;
}

/// A tag that was sent as a value: 1 to 3 bytes.
std::optional<ObjectTag> tag_of(ByteView bytes) {
    if (bytes.empty() || bytes.size() > 3) {
        return std::nullopt;
    }
    ObjectTag tag = 0;
    for (const auto byte : bytes) {
        tag = (tag << 8U) | byte;
    }
    return tag;
}

/// The one data object of `tag` that `data` begins with, and what follows it.
struct LeadingObject {
    ByteView value;
    ByteView rest;
};
std::optional<LeadingObject> leading_object(ByteView data, std::uint32_t tag) {
    iso7816::TlvCursor cursor(data);
    const auto item = cursor.next();
    if (!item || !item.value() || item.value()->tag != tag) {
        return std::nullopt;
    }
    const auto value = item.value()->value;
    const auto end = static_cast<std::size_t>(value.data() + value.size() - data.data());
    return LeadingObject{value, data.subspan(end)};
}

} // namespace

PivApplication::PivApplication(std::shared_ptr<const PivProfile> profile, Services services)
    : profile_(std::move(profile))
    , services_(services)
    , df_names_{iso7816::Aid::from(k_aid).value()}
    , state_(profile_->initial) {}

ResponseApdu PivApplication::select_df_name(std::size_t, ControlTemplate wanted) {
    pin_just_verified_ = false;
    pending_.reset();
    return wanted == ControlTemplate::none ? ResponseApdu(sw::k_ok)
                                           : ResponseApdu(property_template(), sw::k_ok);
}

ResponseApdu PivApplication::process(const CommandApdu& command) {
    if (command.cla != 0) {
        return sw::k_class_not_supported;
    }
    auto response = dispatch(command);
    if (command.ins != static_cast<std::uint8_t>(Ins::verify)) {
        pin_just_verified_ = false; // "PIN always" asks for VERIFY immediately before
    }
    if (command.ins != static_cast<std::uint8_t>(Ins::general_authenticate)) {
        pending_.reset();
    }
    return response;
}

ResponseApdu PivApplication::dispatch(const CommandApdu& command) {
    switch (static_cast<Ins>(command.ins)) {
    case Ins::verify:
        return verify(command);
    case Ins::change_reference_data:
        return change_reference_data(command);
    case Ins::reset_retry_counter:
        return reset_retry_counter(command);
    case Ins::generate_asymmetric_key_pair:
        return generate_key_pair(command);
    case Ins::general_authenticate:
        return general_authenticate(command);
    case Ins::get_data:
        return get_data(command);
    case Ins::put_data:
        return put_data(command);
    case Ins::move_key:
        return move_key(command);
    case Ins::get_metadata:
        return get_metadata(command);
    case Ins::get_serial:
        return get_serial(command);
    case Ins::attest:
        return attest(command);
    case Ins::set_pin_retries:
        return set_pin_retries(command);
    case Ins::reset:
        return reset_application(command);
    case Ins::get_version:
        return get_version(command);
    case Ins::import_asymmetric_key:
        return import_key(command);
    case Ins::set_management_key:
        return set_management_key(command);
    default:
        return sw::k_instruction_not_supported;
    }
}

// --- GET DATA and PUT DATA, SP 800-73-5 part 2 §3.1.2 and §3.3.1 ---

ResponseApdu PivApplication::get_data(const CommandApdu& command) {
    if (command.p1p2() != 0x3FFF) {
        return sw::k_incorrect_p1_p2;
    }
    const auto list = leading_object(command.data, k_tag_list);
    const auto tag = list && list->rest.empty() ? tag_of(list->value) : std::nullopt;
    if (!tag) {
        return sw::k_incorrect_data;
    }
    // Before the object is looked for: whether it is there is nobody's business without the PIN.
    if (needs_pin_to_read(*tag) && !pin_verified()) {
        return sw::k_security_status_not_satisfied;
    }
    const auto object = state_.objects.find(*tag);
    Bytes content;
    if (object != state_.objects.end()) {
        content = object->second;
    } else if (*tag == k_discovery) {
        content = discovery_object(state_);
    } else {
        return sw::k_file_not_found;
    }
    Bytes out;
    iso7816::append_tlv(out, *tag == k_discovery || *tag == k_biometric_templates ? *tag : k_data, content);
    return {std::move(out), sw::k_ok};
}

ResponseApdu PivApplication::put_data(const CommandApdu& command) {
    if (command.p1p2() != 0x3FFF) {
        return sw::k_incorrect_p1_p2;
    }
    if (!administrator_authenticated_) {
        return sw::k_security_status_not_satisfied;
    }
    for (const auto template_tag : {k_discovery, k_biometric_templates}) {
        if (const auto whole = leading_object(command.data, template_tag); whole && whole->rest.empty()) {
            return store_object(template_tag, whole->value);
        }
    }
    const auto list = leading_object(command.data, k_tag_list);
    const auto tag = list ? tag_of(list->value) : std::nullopt;
    const auto data = list ? leading_object(list->rest, k_data) : std::nullopt;
    if (!tag || !data || !data->rest.empty()) {
        return sw::k_incorrect_data;
    }
    return store_object(*tag, data->value);
}

StatusWord PivApplication::store_object(ObjectTag tag, ByteView content) {
    constexpr ObjectTag k_secure_messaging_signer = 0x5FC122;
    constexpr ObjectTag k_pairing_code = 0x5FC123;
    if (!is_object(tag) || tag == k_secure_messaging_signer || tag == k_pairing_code) {
        return sw::k_function_not_supported; // there is no secure messaging that they could belong to
    }
    if (tag == k_discovery) {
        // It describes the card, so it can only say what is true; with a global PIN, which PIN is preferred.
        auto other = discovery_object(state_);
        other.back() = state_.global_pin ? 0x20 : other.back();
        const bool truthful =
            std::ranges::equal(content, other) || std::ranges::equal(content, discovery_object(state_));
        if (!truthful) {
            return sw::k_incorrect_data;
        }
    }
    std::size_t total = content.size();
    for (const auto& [other, value] : state_.objects) {
        total += other == tag ? 0 : value.size();
    }
    if (content.size() > k_max_object || total > k_max_all_objects) {
        return sw::k_not_enough_memory;
    }
    auto objects = state_.objects;
    if (content.empty()) {
        objects.erase(tag);
    } else {
        objects.insert_or_assign(tag, Bytes(content.begin(), content.end()));
    }
    return services_.persistence.change(state_.objects, std::move(objects));
}

// --- volatile and stored state ---

void PivApplication::forget_application_status() {
    application_pin_verified_ = false;
    pin_just_verified_ = false;
    administrator_authenticated_ = false;
    pending_.reset();
}

// The status of the global PIN outlives a change of application. Source: SP 800-73-5 part 2 §2.4.2.
void PivApplication::deselect() {
    forget_application_status();
}

void PivApplication::reset() {
    forget_application_status();
    global_pin_verified_ = false;
}

void PivApplication::save(toml::table& out) const {
    state_.save(profile_->initial, out);
}

Result<void> PivApplication::restore(TableReader& in) {
    return state_.restore(in);
}

} // namespace cardlatch::card::piv
