#include <cardlatch/pcsc/error.hpp>

#include <array>
#include <cstdio>

namespace cardlatch::pcsc {

namespace {

struct Entry {
    Errc code = Errc::unknown_error;
    const char* name = nullptr;
    std::errc condition = std::errc::io_error;
};

constexpr std::array k_entries{
    Entry{Errc::internal_error, "SCARD_F_INTERNAL_ERROR", std::errc::state_not_recoverable},
    Entry{Errc::cancelled, "SCARD_E_CANCELLED", std::errc::operation_canceled},
    Entry{Errc::invalid_handle, "SCARD_E_INVALID_HANDLE", std::errc::bad_file_descriptor},
    Entry{Errc::invalid_parameter, "SCARD_E_INVALID_PARAMETER", std::errc::invalid_argument},
    Entry{Errc::invalid_target, "SCARD_E_INVALID_TARGET", std::errc::invalid_argument},
    Entry{Errc::no_memory, "SCARD_E_NO_MEMORY", std::errc::not_enough_memory},
    Entry{Errc::waited_too_long, "SCARD_F_WAITED_TOO_LONG", std::errc::timed_out},
    Entry{Errc::insufficient_buffer, "SCARD_E_INSUFFICIENT_BUFFER", std::errc::no_buffer_space},
    Entry{Errc::unknown_reader, "SCARD_E_UNKNOWN_READER", std::errc::no_such_device},
    Entry{Errc::timeout, "SCARD_E_TIMEOUT", std::errc::timed_out},
    Entry{Errc::sharing_violation, "SCARD_E_SHARING_VIOLATION", std::errc::device_or_resource_busy},
    Entry{Errc::no_smartcard, "SCARD_E_NO_SMARTCARD", std::errc::no_such_device},
    Entry{Errc::unknown_card, "SCARD_E_UNKNOWN_CARD", std::errc::no_such_device},
    Entry{Errc::cant_dispose, "SCARD_E_CANT_DISPOSE", std::errc::operation_not_supported},
    Entry{Errc::proto_mismatch, "SCARD_E_PROTO_MISMATCH", std::errc::wrong_protocol_type},
    Entry{Errc::not_ready, "SCARD_E_NOT_READY", std::errc::resource_unavailable_try_again},
    Entry{Errc::invalid_value, "SCARD_E_INVALID_VALUE", std::errc::invalid_argument},
    Entry{Errc::system_cancelled, "SCARD_E_SYSTEM_CANCELLED", std::errc::operation_canceled},
    Entry{Errc::comm_error, "SCARD_F_COMM_ERROR"},
    Entry{Errc::unknown_error, "SCARD_F_UNKNOWN_ERROR"},
    Entry{Errc::invalid_atr, "SCARD_E_INVALID_ATR", std::errc::bad_message},
    Entry{Errc::not_transacted, "SCARD_E_NOT_TRANSACTED", std::errc::operation_not_permitted},
    Entry{Errc::reader_unavailable, "SCARD_E_READER_UNAVAILABLE", std::errc::no_such_device},
    Entry{Errc::shutdown, "SCARD_P_SHUTDOWN", std::errc::operation_canceled},
    Entry{Errc::pci_too_small, "SCARD_E_PCI_TOO_SMALL", std::errc::no_buffer_space},
    Entry{Errc::reader_unsupported, "SCARD_E_READER_UNSUPPORTED", std::errc::operation_not_supported},
    Entry{Errc::duplicate_reader, "SCARD_E_DUPLICATE_READER", std::errc::file_exists},
    Entry{Errc::card_unsupported, "SCARD_E_CARD_UNSUPPORTED", std::errc::operation_not_supported},
    Entry{Errc::no_service, "SCARD_E_NO_SERVICE", std::errc::no_such_device},
    Entry{Errc::service_stopped, "SCARD_E_SERVICE_STOPPED", std::errc::no_such_device},
    Entry{Errc::unsupported_feature, "SCARD_E_UNSUPPORTED_FEATURE", std::errc::operation_not_supported},
    Entry{Errc::icc_installation, "SCARD_E_ICC_INSTALLATION"},
    Entry{Errc::icc_createorder, "SCARD_E_ICC_CREATEORDER", std::errc::operation_not_supported},
    Entry{Errc::windows_unsupported_feature, "SCARD_E_UNSUPPORTED_FEATURE",
          std::errc::operation_not_supported},
    Entry{Errc::dir_not_found, "SCARD_E_DIR_NOT_FOUND", std::errc::no_such_file_or_directory},
    Entry{Errc::file_not_found, "SCARD_E_FILE_NOT_FOUND", std::errc::no_such_file_or_directory},
    Entry{Errc::no_dir, "SCARD_E_NO_DIR", std::errc::not_a_directory},
    Entry{Errc::no_file, "SCARD_E_NO_FILE", std::errc::is_a_directory},
    Entry{Errc::no_access, "SCARD_E_NO_ACCESS", std::errc::permission_denied},
    Entry{Errc::write_too_many, "SCARD_E_WRITE_TOO_MANY", std::errc::no_space_on_device},
    Entry{Errc::bad_seek, "SCARD_E_BAD_SEEK", std::errc::invalid_seek},
    Entry{Errc::invalid_chv, "SCARD_E_INVALID_CHV", std::errc::permission_denied},
    Entry{Errc::unknown_res_mng, "SCARD_E_UNKNOWN_RES_MNG"},
    Entry{Errc::no_such_certificate, "SCARD_E_NO_SUCH_CERTIFICATE", std::errc::no_such_file_or_directory},
    Entry{Errc::certificate_unavailable, "SCARD_E_CERTIFICATE_UNAVAILABLE",
          std::errc::no_such_file_or_directory},
    Entry{Errc::no_readers_available, "SCARD_E_NO_READERS_AVAILABLE", std::errc::no_such_device},
    Entry{Errc::comm_data_lost, "SCARD_E_COMM_DATA_LOST"},
    Entry{Errc::no_key_container, "SCARD_E_NO_KEY_CONTAINER", std::errc::no_such_file_or_directory},
    Entry{Errc::server_too_busy, "SCARD_E_SERVER_TOO_BUSY", std::errc::resource_unavailable_try_again},
    Entry{Errc::pin_cache_expired, "SCARD_E_PIN_CACHE_EXPIRED", std::errc::permission_denied},
    Entry{Errc::no_pin_cache, "SCARD_E_NO_PIN_CACHE", std::errc::permission_denied},
    Entry{Errc::read_only_card, "SCARD_E_READ_ONLY_CARD", std::errc::read_only_file_system},
    Entry{Errc::unsupported_card, "SCARD_W_UNSUPPORTED_CARD", std::errc::operation_not_supported},
    Entry{Errc::unresponsive_card, "SCARD_W_UNRESPONSIVE_CARD", std::errc::timed_out},
    Entry{Errc::unpowered_card, "SCARD_W_UNPOWERED_CARD", std::errc::no_such_device},
    Entry{Errc::reset_card, "SCARD_W_RESET_CARD", std::errc::connection_reset},
    Entry{Errc::removed_card, "SCARD_W_REMOVED_CARD", std::errc::connection_aborted},
    Entry{Errc::security_violation, "SCARD_W_SECURITY_VIOLATION", std::errc::permission_denied},
    Entry{Errc::wrong_chv, "SCARD_W_WRONG_CHV", std::errc::permission_denied},
    Entry{Errc::chv_blocked, "SCARD_W_CHV_BLOCKED", std::errc::permission_denied},
    Entry{Errc::eof, "SCARD_W_EOF", std::errc::no_message_available},
    Entry{Errc::cancelled_by_user, "SCARD_W_CANCELLED_BY_USER", std::errc::operation_canceled},
    Entry{Errc::card_not_authenticated, "SCARD_W_CARD_NOT_AUTHENTICATED", std::errc::permission_denied},
    Entry{Errc::cache_item_not_found, "SCARD_W_CACHE_ITEM_NOT_FOUND", std::errc::no_such_file_or_directory},
    Entry{Errc::cache_item_stale, "SCARD_W_CACHE_ITEM_STALE"},
    Entry{Errc::cache_item_too_big, "SCARD_W_CACHE_ITEM_TOO_BIG", std::errc::file_too_large},
};

const Entry* find(int value) noexcept {
    for (const auto& entry : k_entries) {
        if (static_cast<int>(entry.code) == value) {
            return &entry;
        }
    }
    return nullptr;
}

class Category final : public std::error_category {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "pcsc"; }

    [[nodiscard]] std::string message(int value) const override {
        std::array<char, 16> number{};
        static_cast<void>(
            std::snprintf(number.data(), number.size(), "0x%08X", static_cast<unsigned>(value)));
        const auto* entry = find(value);
        return entry != nullptr ? std::string(entry->name) + " (" + number.data() + ")"
                                : std::string(number.data());
    }

    [[nodiscard]] std::error_condition default_error_condition(int value) const noexcept override {
        const auto* entry = find(value);
        return entry != nullptr ? std::make_error_condition(entry->condition)
                                : std::error_condition(value, *this);
    }
};

} // namespace

const std::error_category& category() noexcept {
    static const Category k_category;
    return k_category;
}

const char* name_of(Errc code) noexcept {
    const auto* entry = find(static_cast<int>(code));
    return entry != nullptr ? entry->name : "unknown";
}

} // namespace cardlatch::pcsc
