#include "cases.hpp"

namespace cardlatch::lockcheck {

namespace {

constexpr std::string_view k_connect = "SCardConnect in winscard.c";
constexpr std::string_view k_direct = "SCardConnect in winscard.c; known differences in winscard_clnt.c";
constexpr std::string_view k_connect_page = "msapi SCardConnect";
constexpr Outcome k_refused{"the second is refused with SCARD_E_SHARING_VIOLATION at once", k_connect};
constexpr Outcome k_windows_refused{"SCARD_E_SHARING_VIOLATION", k_connect_page};
constexpr Outcome k_windows_private{
    "a direct connection takes the reader privately: SCARD_E_SHARING_VIOLATION", k_connect_page};

constexpr Case k_cases[] = {
    {.name = "share.shared-then-shared",
     .purpose = "Two shared connections live side by side.",
     .pcsclite = {"both succeed", k_connect},
     .windows = {"both succeed", k_connect_page},
     .script = R"(
        A connect shared
        B connect shared
        A transmit
        B transmit)"},
    {.name = "share.shared-then-exclusive",
     .purpose = "An exclusive connection needs the reader to itself.",
     .pcsclite = k_refused,
     .windows = k_windows_refused,
     .script = R"(
        A connect shared
        B connect exclusive = sharing
        A transmit
        A disconnect leave
        B connect exclusive)"},
    {.name = "share.shared-then-direct",
     .purpose = "A direct connection beside a shared one.",
     .pcsclite = {"direct is treated as shared: both succeed", k_direct},
     .windows = k_windows_private,
     .relation = Windows::differs,
     .script = R"(
        A connect shared
        B connect direct
        A transmit)"},
    {.name = "share.exclusive-then-shared",
     .purpose = "Nobody gets in beside an exclusive connection.",
     .pcsclite = k_refused,
     .windows = k_windows_refused,
     .script = R"(
        A connect exclusive
        B connect shared = sharing
        A transmit
        A disconnect leave
        B connect shared
        B transmit)"},
    {.name = "share.exclusive-then-exclusive",
     .purpose = "Two exclusive connections exclude each other.",
     .pcsclite = k_refused,
     .windows = k_windows_refused,
     .script = R"(
        A connect exclusive
        B connect exclusive = sharing
        A transmit
        A disconnect leave
        B connect exclusive)"},
    {.name = "share.exclusive-then-direct",
     .purpose = "A direct connection does not get past an exclusive one.",
     .pcsclite = k_refused,
     .windows = k_windows_refused,
     .script = R"(
        A connect exclusive
        B connect direct = sharing
        A transmit)"},
    {.name = "share.direct-then-shared",
     .purpose = "A shared connection beside a direct one.",
     .pcsclite = {"direct is treated as shared: both succeed", k_direct},
     .windows = k_windows_private,
     .relation = Windows::differs,
     .script = R"(
        A connect direct
        B connect shared
        B transmit)"},
    {.name = "share.direct-then-exclusive",
     .purpose = "An exclusive connection beside a direct one.",
     .pcsclite = k_refused,
     .windows = k_windows_refused,
     .script = R"(
        A connect direct
        B connect exclusive = sharing)"},
    {.name = "share.direct-then-direct",
     .purpose = "Two direct connections.",
     .pcsclite = {"direct is treated as shared: both succeed", k_direct},
     .windows = k_windows_private,
     .relation = Windows::differs,
     .script = R"(
        A connect direct
        B connect direct)"},
    {.name = "share.reconnect-to-exclusive-alone",
     .purpose = "A shared connection that is alone can become exclusive.",
     .pcsclite = {"succeeds; others are refused from then on", "SCardReconnect in winscard.c"},
     .windows = {"succeeds", "msapi SCardReconnect"},
     .script = R"(
        A connect shared
        A reconnect exclusive leave
        B connect shared = sharing
        A transmit)"},
    {.name = "share.reconnect-to-exclusive-beside-another",
     .purpose = "A shared connection that is not alone cannot become exclusive.",
     .pcsclite = {"the call is repeated inside the library until the other connection is gone",
                  "SCardReconnect in winscard_clnt.c"},
     .windows = {"SCARD_E_SHARING_VIOLATION", "msapi Smart Card Return Values"},
     .relation = Windows::differs,
     .script = R"(
        A connect shared
        B connect shared
        A reconnect exclusive leave &
        A waits while B works
        B disconnect leave
        A returns ok after B
        B connect shared = sharing)"},
    {.name = "share.reconnect-to-shared-keeps-the-base-lock",
     .purpose = "An exclusive connection that becomes shared lets others in.",
     .pcsclite = {"the lock of the exclusive connection stays until one end of a transaction, and connects "
                  "wait for it",
                  "SCardReconnect in winscard.c, RFUnlockSharing in readerfactory.c"},
     .windows = {"transactions end with the reconnection, and others can connect",
                 "known differences in winscard_clnt.c of pcsc-lite"},
     .relation = Windows::differs,
     .script = R"(
        A connect exclusive
        A reconnect shared leave
        B connect shared &
        B waits while A works
        A end leave
        B returns ok after A
        B transmit
        A transmit)"},
    {.name = "share.exclusive-nests-a-transaction",
     .purpose = "A transaction on an exclusive connection begins and ends without giving up exclusivity.",
     .pcsclite =
         {"begin and end nest above the connection's own lock; one end too many is SCARD_E_NOT_TRANSACTED",
          "RFUnlockSharing in readerfactory.c"},
     .windows = {"nothing is published", "msapi SCardBeginTransaction"},
     .relation = Windows::unpublished,
     .script = R"(
        A connect exclusive
        A begin
        A transmit
        A end leave
        A end leave = not-transacted
        B connect shared = sharing
        A transmit)"},
};

} // namespace

std::span<const Case> share_cases() {
    return k_cases;
}

} // namespace cardlatch::lockcheck
