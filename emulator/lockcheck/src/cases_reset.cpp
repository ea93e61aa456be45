#include "cases.hpp"

namespace cardlatch::lockcheck {

namespace {

constexpr std::string_view k_events = "RFCheckReaderEventState in readerfactory.c";
constexpr std::string_view k_begin_page = "msapi SCardBeginTransaction";
constexpr std::string_view k_reconnect_page = "msapi SCardReconnect";

constexpr Case k_cases[] = {
    {.name = "reset.waiter-sees-reset",
     .purpose = "Who waits for the lock learns that the holder reset the card.",
     .pcsclite = {"the waiting begin returns SCARD_W_RESET_CARD, without the lock",
                  "SCardBeginTransaction in winscard.c"},
     .windows = {"SCARD_W_RESET_CARD from Windows 8 on; success before", k_begin_page},
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B begin &
        B waits while A works
        A end reset
        B returns reset after A
        B end leave = reset
        B reconnect shared leave
        B end leave = not-transacted
        B begin
        B transmit
        B end leave)"},
    {.name = "reset.everybody-is-told-until-reconnect",
     .purpose = "A reset is reported by every call on the card until the connection is renewed.",
     .pcsclite =
         {"begin, end, transmit, status and attribute return SCARD_W_RESET_CARD, as often as they are tried",
          k_events},
     .windows = {"SCARD_W_RESET_CARD until SCardReconnect", k_reconnect_page},
     .script = R"(
        A connect shared
        B connect shared
        A begin
        A end reset
        B begin = reset
        B begin = reset
        B transmit = reset
        B status = reset
        B attribute = reset
        B end leave = reset
        B reconnect shared leave
        B begin
        B transmit
        B end leave)"},
    {.name = "reset.reconnect-leave-suffices",
     .purpose = "Acknowledging a reset needs no second one.",
     .pcsclite = {"a reconnection that leaves the card clears the caller's event alone",
                  "SCardReconnect in winscard.c"},
     .windows = {"SCardReconnect lifts the error state of the handle", k_reconnect_page},
     .script = R"(
        A connect shared
        B connect shared
        A reconnect shared reset
        A transmit
        B transmit = reset
        B reconnect shared leave
        B transmit
        A transmit)"},
    {.name = "reset.disconnect-does-not-mind",
     .purpose = "A connection with an unacknowledged reset can be closed.",
     .pcsclite = {"disconnect does not look at events", "SCardDisconnect in winscard.c"},
     .windows = {"nothing is published", "msapi SCardDisconnect"},
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B connect shared
        A reconnect shared reset
        B disconnect leave
        B connect shared
        B transmit)"},
    {.name = "reset.new-connection-is-not-told",
     .purpose = "Who connects after a reset starts afresh.",
     .pcsclite = {"the new handle has no event", "RFAddReaderHandle in readerfactory.c"},
     .windows = {"nothing is published", "msapi SCardConnect"},
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        A begin
        A end reset
        B connect shared
        B begin
        B transmit
        B end leave
        A transmit = reset)"},
    {.name = "reset.reconnect-keeps-the-transaction",
     .purpose = "The holder reconnects with a reset inside its transaction.",
     .pcsclite = {"the lock stays, with its count",
                  "SCardReconnect in winscard.c; known differences in winscard_clnt.c"},
     .windows = {"the transaction is released and has to be begun again",
                 "known differences in winscard_clnt.c of pcsc-lite"},
     .relation = Windows::differs,
     .script = R"(
        A connect shared
        A begin
        A reconnect shared reset
        B connect shared &
        B waits while A works
        A end leave
        B returns ok after A
        A end leave = not-transacted)"},
    {.name = "reset.disconnect-with-reset",
     .purpose = "Disconnecting with a reset tells everybody else.",
     .pcsclite = {"the others get SCARD_W_RESET_CARD", "SCardDisconnect in winscard.c"},
     .windows = {"the card is reset; the others get SCARD_W_RESET_CARD", "msapi SCardDisconnect"},
     .script = R"(
        A connect shared
        B connect shared
        A disconnect reset
        B transmit = reset
        B reconnect shared leave
        B transmit)"},
    {.name = "reset.disconnect-with-unpower",
     .purpose = "Disconnecting with the power off leaves a card that the next one can use.",
     .pcsclite = {"the card is off until somebody connects or reconnects",
                  "SCardDisconnect and SCardConnect in winscard.c"},
     .windows = {"the card is powered down", "msapi SCardDisconnect"},
     .script = R"(
        A connect shared
        A disconnect unpower
        B connect shared
        B transmit)"},
    {.name = "reset.card-forgets-who-was-inside",
     .purpose = "A reset under the holder's own lock reaches the card.",
     .pcsclite = {"the card's session is gone, the lock is not", "SCardReconnect in winscard.c"},
     .windows = {"the card's session is gone, and so is the transaction",
                 "known differences in winscard_clnt.c of pcsc-lite"},
     .relation = Windows::differs,
     .needs = Needs::witness,
     .script = R"(
        A connect shared
        A begin
        A enter
        A reconnect shared reset
        A select
        A touch = sw:6985
        A enter
        A leave
        A end leave)"},
    {.name = "reset.idle-holder-keeps-its-card",
     .purpose = "A holder that does nothing for six seconds, as during a PIN dialogue.",
     .pcsclite = {"nothing happens: there is no timer", "no such code in winscard.c and eventhandler.c"},
     .windows = {"after five seconds without an operation in a transaction the card is reset", k_begin_page},
     .relation = Windows::differs,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B begin &
        B waits while A works
        A idle 6000
        B waits while A works
        A end leave
        B returns ok after A
        B end leave)"},
};

} // namespace

std::span<const Case> reset_cases() {
    return k_cases;
}

} // namespace cardlatch::lockcheck
