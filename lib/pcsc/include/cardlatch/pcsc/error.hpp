#pragma once

#include <cstdint>
#include <string>
#include <system_error>
#include <type_traits>

namespace cardlatch::pcsc {

namespace detail {
/// A resource manager code as the 32-bit signed number that an HRESULT is.
constexpr int number(std::uint32_t code) {
    return static_cast<int>(static_cast<std::int32_t>(code));
}
} // namespace detail

/// What the resource manager answers, by number. The numbers are pcsc-lite's: 8010001F is
/// `unsupported_feature` here, where Windows has 80100022. Numbers that are not listed are kept as they come.
/// Source: pcsc-lite pcsclite.h, Windows winerror.h for the codes that pcsc-lite does not know.
enum class Errc : int {
    internal_error = detail::number(0x80100001U),
    cancelled = detail::number(0x80100002U),
    invalid_handle = detail::number(0x80100003U),
    invalid_parameter = detail::number(0x80100004U),
    invalid_target = detail::number(0x80100005U),
    no_memory = detail::number(0x80100006U),
    waited_too_long = detail::number(0x80100007U),
    insufficient_buffer = detail::number(0x80100008U),
    unknown_reader = detail::number(0x80100009U),
    timeout = detail::number(0x8010000AU),
    sharing_violation = detail::number(0x8010000BU),
    no_smartcard = detail::number(0x8010000CU),
    unknown_card = detail::number(0x8010000DU),
    cant_dispose = detail::number(0x8010000EU),
    proto_mismatch = detail::number(0x8010000FU),
    not_ready = detail::number(0x80100010U),
    invalid_value = detail::number(0x80100011U),
    system_cancelled = detail::number(0x80100012U),
    comm_error = detail::number(0x80100013U),
    unknown_error = detail::number(0x80100014U),
    invalid_atr = detail::number(0x80100015U),
    not_transacted = detail::number(0x80100016U),
    reader_unavailable = detail::number(0x80100017U),
    shutdown = detail::number(0x80100018U),
    pci_too_small = detail::number(0x80100019U),
    reader_unsupported = detail::number(0x8010001AU),
    duplicate_reader = detail::number(0x8010001BU),
    card_unsupported = detail::number(0x8010001CU),
    no_service = detail::number(0x8010001DU),
    service_stopped = detail::number(0x8010001EU),
    unsupported_feature = detail::number(0x8010001FU),
    icc_installation = detail::number(0x80100020U),
    icc_createorder = detail::number(0x80100021U),
    windows_unsupported_feature = detail::number(0x80100022U),
    dir_not_found = detail::number(0x80100023U),
    file_not_found = detail::number(0x80100024U),
    no_dir = detail::number(0x80100025U),
    no_file = detail::number(0x80100026U),
    no_access = detail::number(0x80100027U),
    write_too_many = detail::number(0x80100028U),
    bad_seek = detail::number(0x80100029U),
    invalid_chv = detail::number(0x8010002AU),
    unknown_res_mng = detail::number(0x8010002BU),
    no_such_certificate = detail::number(0x8010002CU),
    certificate_unavailable = detail::number(0x8010002DU),
    no_readers_available = detail::number(0x8010002EU),
    comm_data_lost = detail::number(0x8010002FU),
    no_key_container = detail::number(0x80100030U),
    server_too_busy = detail::number(0x80100031U),
    pin_cache_expired = detail::number(0x80100032U),
    no_pin_cache = detail::number(0x80100033U),
    read_only_card = detail::number(0x80100034U),
    unsupported_card = detail::number(0x80100065U),
    unresponsive_card = detail::number(0x80100066U),
    unpowered_card = detail::number(0x80100067U),
    reset_card = detail::number(0x80100068U),
    removed_card = detail::number(0x80100069U),
    security_violation = detail::number(0x8010006AU),
    wrong_chv = detail::number(0x8010006BU),
    chv_blocked = detail::number(0x8010006CU),
    eof = detail::number(0x8010006DU),
    cancelled_by_user = detail::number(0x8010006EU),
    card_not_authenticated = detail::number(0x8010006FU),
    cache_item_not_found = detail::number(0x80100070U),
    cache_item_stale = detail::number(0x80100071U),
    cache_item_too_big = detail::number(0x80100072U),
};

/// The category `pcsc`: its values are SCARD codes, its messages read "SCARD_E_SHARING_VIOLATION
/// (0x8010000B)", and its conditions are generic where one fits: sharing_violation is
/// std::errc::device_or_resource_busy, timeout is timed_out, cancelled is operation_canceled, no_service and
/// no_smartcard are no_such_device, and so on.
const std::error_category& category() noexcept;

/// Lets `error.code == Errc::reset_card` work.
inline std::error_code make_error_code(Errc code) noexcept {
    return {static_cast<int>(code), category()};
}

/// The name of a code, for instance "SCARD_W_RESET_CARD"; "unknown" for a number that nobody defines.
const char* name_of(Errc code) noexcept;

} // namespace cardlatch::pcsc

template <>
struct std::is_error_code_enum<cardlatch::pcsc::Errc> : std::true_type {};
