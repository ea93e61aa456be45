#include "cases.hpp"

namespace cardlatch::lockcheck {

namespace {

constexpr std::string_view k_end = "SCardEndTransaction in winscard.c";
constexpr std::string_view k_end_page = "msapi SCardEndTransaction";

constexpr Case k_cases[] = {
    {.name = "end.without-begin",
     .purpose = "Ending a transaction that was not begun.",
     .pcsclite = {"SCARD_E_NOT_TRANSACTED", "RFUnlockSharing in readerfactory.c"},
     .windows = {"SCARD_E_NOT_TRANSACTED", "msapi Smart Card Return Values"},
     .script = R"(
        A connect shared
        A end leave = not-transacted
        A transmit)"},
    {.name = "end.without-begin-resets-all-the-same",
     .purpose = "Ending a transaction that was not begun, with a reset.",
     .pcsclite = {"the card is reset before SCARD_E_NOT_TRANSACTED is returned", k_end},
     .windows = {"SCARD_E_NOT_TRANSACTED; whether the disposition is applied is not published",
                 "msapi Smart Card Return Values"},
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B connect shared
        A end reset = not-transacted
        B transmit = reset
        A transmit = reset)"},
    {.name = "end.twice",
     .purpose = "One end too many.",
     .pcsclite = {"SCARD_E_NOT_TRANSACTED", "RFUnlockSharing in readerfactory.c"},
     .windows = {"SCARD_E_NOT_TRANSACTED", "msapi Smart Card Return Values"},
     .script = R"(
        A connect shared
        A begin
        A end leave
        A end leave = not-transacted
        A begin
        A end leave)"},
    {.name = "end.leave",
     .purpose = "Leaving the card as it is keeps its state and everybody's connection.",
     .pcsclite = {"nothing but the lock changes", k_end},
     .windows = {"nothing is done to the card", k_end_page},
     .script = R"(
        A connect shared
        B connect shared
        A begin
        A end leave
        A transmit
        B transmit)"},
    {.name = "end.reset",
     .purpose = "Ending with a reset: the caller has to acknowledge it like everybody else.",
     .pcsclite = {"unlocks; the caller's next begin, transmit and status return SCARD_W_RESET_CARD until it "
                  "reconnects",
                  "SCardEndTransaction in winscard.c, RFSetReaderEventState in readerfactory.c"},
     .windows = {"the card is reset; other calls then return SCARD_W_RESET_CARD", k_end_page},
     .script = R"(
        A connect shared
        A begin
        A end reset
        A begin = reset
        A transmit = reset
        A status = reset
        A reconnect shared leave
        A begin
        A transmit
        A end leave)"},
    {.name = "end.unpower",
     .purpose = "Ending with a power cycle: the card is usable afterwards.",
     .pcsclite = {"powers down and up again, and reports it as a reset", k_end},
     .windows = {"the card is powered down", k_end_page},
     .script = R"(
        A connect shared
        B connect shared
        A begin
        A end unpower
        A begin = reset
        B begin = reset
        A reconnect shared leave
        B reconnect shared leave
        A transmit
        B transmit)"},
    {.name = "end.eject",
     .purpose = "Ending with an ejection on a reader that cannot eject.",
     .pcsclite = {"SCARD_E_UNSUPPORTED_FEATURE with a version 3 driver, and the lock is given up",
                  "SCardEndTransaction in winscard.c, IFDControl_v2 in ifdwrapper.c"},
     .windows = {"the card is ejected where the reader can", k_end_page},
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B begin &
        B waits while A works
        A end eject = unsupported|ok
        B returns ok after A
        B end leave)"},
    {.name = "end.bad-disposition",
     .purpose = "A disposition that does not exist.",
     .pcsclite = {"SCARD_E_INVALID_VALUE, and the lock stays", k_end},
     .windows = {"an error code, which one is not published", k_end_page},
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        A end nonsense = invalid-value
        B begin &
        B waits while A works
        A end leave
        B returns ok after A
        B end leave)"},
    {.name = "end.inner-reset-keeps-the-lock",
     .purpose = "An inner end with a reset leaves the outer transaction in a state of its own.",
     .pcsclite =
         {"the outer end returns SCARD_W_RESET_CARD and does not unlock; after a reconnection it does",
          k_end},
     .windows = {"an end that returns SCARD_W_RESET_CARD has released the transaction (from Windows 7 on)",
                 k_end_page},
     .relation = Windows::differs,
     .script = R"(
        A connect shared
        A begin
        A begin
        A end reset
        A end leave = reset
        B connect shared &
        B waits while A looks
        A end leave = reset
        B waits while A looks
        A reconnect shared leave
        B waits while A works
        A end leave
        B returns ok after A
        B transmit)"},
    {.name = "end.stale-handle",
     .purpose = "Begin and end on a handle that was disconnected.",
     .pcsclite = {"SCARD_E_INVALID_HANDLE, from the library itself",
                  "SCardGetContextChannelAndLockFromHandle in winscard_clnt.c"},
     .windows = {"SCARD_E_INVALID_HANDLE or ERROR_INVALID_HANDLE", "msapi Smart Card Return Values"},
     .script = R"(
        A connect shared
        A disconnect leave
        A begin = invalid-handle
        A end leave = invalid-handle
        A transmit = invalid-handle
        A status = invalid-handle
        A disconnect leave = invalid-handle)"},
};

} // namespace

std::span<const Case> end_cases() {
    return k_cases;
}

} // namespace cardlatch::lockcheck
