#include "cases.hpp"

namespace cardlatch::lockcheck {

namespace {

constexpr std::string_view k_removal =
    "EHStatusHandlerThread in eventhandler.c, RFSetReaderEventState in readerfactory.c";
constexpr std::string_view k_codes_page = "msapi Smart Card Return Values";

constexpr Case k_cases[] = {
    {.name = "removal.while-locked",
     .purpose = "The card is taken out under the holder's lock and put back.",
     .pcsclite =
         {"every call returns SCARD_W_REMOVED_CARD, also with the card back in, until the holder reconnects",
          k_removal},
     .windows = {"SCARD_W_REMOVED_CARD", k_codes_page},
     .needs = Needs::removal,
     .script = R"(
        A connect shared
        A begin
        card leaves
        A transmit = removed
        A status = removed
        A end leave = removed
        A begin = removed
        card arrives
        A transmit = removed
        A end leave = removed
        A reconnect shared leave
        A end leave = not-transacted
        A begin
        A transmit
        A end leave)"},
    {.name = "removal.frees-the-lock",
     .purpose = "A removal under the lock gives the lock to others before its holder knows.",
     .pcsclite = {"the lock is cleared at once", k_removal},
     .windows = {"what becomes of the transaction is not published", k_codes_page},
     .relation = Windows::unpublished,
     .needs = Needs::removal,
     .script = R"(
        A connect shared
        A begin
        A begin
        card leaves
        card arrives
        B connect shared
        B begin
        B transmit
        A end leave = removed
        C connect shared &
        C waits while B works
        A transmit &
        A waits while B works
        B end leave
        C returns ok after B
        A returns removed after B)"},
    {.name = "removal.waiter-is-told",
     .purpose = "The card is taken out while another waits for the lock.",
     .pcsclite = {"the waiting begin returns SCARD_W_REMOVED_CARD", "SCardBeginTransaction in winscard.c"},
     .windows = {"SCARD_W_REMOVED_CARD", k_codes_page},
     .needs = Needs::removal,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B begin &
        B waits while A works
        card leaves
        B returns removed after card
        card arrives
        B begin = removed
        B reconnect shared leave
        B begin
        B end leave)"},
    {.name = "removal.connect-waiter-is-told",
     .purpose = "The card is taken out while another waits in a connect.",
     .pcsclite = {"the connect returns SCARD_E_NO_SMARTCARD", "SCardConnect in winscard.c"},
     .windows = {"SCARD_E_NO_SMARTCARD", k_codes_page},
     .needs = Needs::removal,
     .script = R"(
        A connect shared
        A begin
        B connect shared &
        B waits while A works
        card leaves
        B returns no-card after card
        card arrives
        B connect shared
        B transmit)"},
    {.name = "removal.empty-reader",
     .purpose = "Reconnecting and connecting without a card.",
     .pcsclite = {"SCARD_E_NO_SMARTCARD; a direct connection succeeds",
                  "SCardReconnect and SCardConnect in winscard.c"},
     .windows = {"SCARD_E_NO_SMARTCARD; a direct connection succeeds", "msapi SCardConnect"},
     .needs = Needs::removal,
     .script = R"(
        A connect shared
        card leaves
        A reconnect shared leave = no-card
        B connect shared = no-card
        B connect direct
        A disconnect leave
        B disconnect leave
        card arrives
        A connect shared
        A transmit)"},
    {.name = "removal.exclusive-connection-outlives-the-card",
     .purpose = "The card is exchanged under an exclusive connection.",
     .pcsclite = {"its lock is gone, but others are refused until it disconnects",
                  "SCardConnect in winscard.c"},
     .windows = {"nothing is published", "msapi SCardConnect"},
     .relation = Windows::unpublished,
     .needs = Needs::removal,
     .script = R"(
        A connect exclusive
        card leaves
        card arrives
        B connect shared = sharing
        A transmit = removed
        A disconnect leave
        B connect shared
        B transmit)"},
    {.name = "removal.later-reset-hides-it",
     .purpose = "After a removal somebody else resets the new card before the first one looks.",
     .pcsclite = {"one event per handle, the last one wins: SCARD_W_RESET_CARD",
                  "RFSetReaderEventState in readerfactory.c"},
     .windows = {"nothing is published", k_codes_page},
     .relation = Windows::unpublished,
     .needs = Needs::removal,
     .script = R"(
        A connect shared
        card leaves
        card arrives
        A status = removed
        B connect shared
        B disconnect reset
        A status = reset)"},
    {.name = "removal.reader-unplugged",
     .purpose = "The reader itself goes while somebody holds the lock.",
     .pcsclite = {"begin, end and transmit return SCARD_E_INVALID_VALUE or SCARD_E_READER_UNAVAILABLE, "
                  "disconnect succeeds",
                  "removeReader and RFReaderInfoById in readerfactory.c"},
     .windows = {"SCARD_E_READER_UNAVAILABLE", k_codes_page},
     .needs = Needs::reader_removal,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B begin &
        B waits while A works
        reader leaves
        B returns invalid-value|unavailable|removed after reader
        A transmit = invalid-value|unavailable
        A begin = invalid-value|unavailable
        A end leave = invalid-value|unavailable
        A disconnect leave
        A connect shared = unknown-reader
        reader arrives
        A connect shared
        A begin
        A transmit
        A end leave)"},
};

} // namespace

std::span<const Case> removal_cases() {
    return k_cases;
}

} // namespace cardlatch::lockcheck
