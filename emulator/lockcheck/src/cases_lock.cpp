#include "cases.hpp"

namespace cardlatch::lockcheck {

namespace {

constexpr std::string_view k_begin_page = "msapi SCardBeginTransaction";
constexpr Outcome k_windows_shut_out{"a transaction shuts every other application out", k_begin_page};
constexpr Outcome k_windows_silent{"nothing is published", k_begin_page};

constexpr Case k_cases[] = {
    {.name = "lock.second-client-waits",
     .purpose = "A second begin waits until the first transaction ends, and then holds the lock.",
     .pcsclite = {"the library asks again until the lock is free",
                  "SCardBeginTransaction in winscard_clnt.c"},
     .windows = {"blocks until no other transaction is open", k_begin_page},
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B begin &
        B waits while A works
        A end leave
        B returns ok after A
        B transmit
        A begin &
        A waits while B works
        B end leave
        A returns ok after B
        A end leave)"},
    {.name = "lock.card-sees-one-client",
     .purpose = "The card itself sees nobody else between a holder's commands.",
     .pcsclite = {"the other's command arrives after the unlock", "RFCheckSharing in readerfactory.c"},
     .windows = k_windows_shut_out,
     .needs = Needs::witness,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        A enter
        B touch &
        A touch
        B waits while A looks
        A touch
        A leave
        A end leave
        # Nobody is inside when B's command arrives: the card refuses it as a stray, not as an interleaving.
        B returns sw:6985 after A)"},
    {.name = "lock.connect-waits",
     .purpose = "A new connection waits for the end of another's transaction.",
     .pcsclite = {"waits in the daemon, without limit", "SCardConnect in winscard.c"},
     .windows = k_windows_silent,
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        A begin
        B connect shared &
        B waits while A works
        A end leave
        B returns ok after A
        B transmit)"},
    {.name = "lock.connect-exclusive-waits-then-is-refused",
     .purpose = "An exclusive connect meets a shared connection that holds a transaction.",
     .pcsclite = {"waits for the transaction first, then fails with SCARD_E_SHARING_VIOLATION",
                  "SCardConnect in winscard.c"},
     .windows = {"SCARD_E_SHARING_VIOLATION; whether it waits is not published", "msapi SCardConnect"},
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        A begin
        B connect exclusive &
        B waits while A works
        A end leave
        B returns sharing after A)"},
    {.name = "lock.transmit-waits",
     .purpose = "A command outside any transaction waits for another's transaction.",
     .pcsclite = {"waits", "SCardTransmit in winscard_clnt.c"},
     .windows = k_windows_shut_out,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B transmit &
        B waits while A works
        A end leave
        B returns ok after A)"},
    {.name = "lock.status-waits",
     .purpose = "SCardStatus waits for another's transaction.",
     .pcsclite = {"waits", "SCardStatus in winscard_clnt.c"},
     .windows = k_windows_silent,
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B status &
        B waits while A works
        A end leave
        B returns ok after A)"},
    {.name = "lock.reconnect-waits",
     .purpose = "A reconnection that leaves the card alone waits all the same.",
     .pcsclite = {"waits", "SCardReconnect in winscard_clnt.c"},
     .windows = k_windows_silent,
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B reconnect shared leave &
        B waits while A works
        A end leave
        B returns ok after A)"},
    {.name = "lock.reconnect-reset-waits",
     .purpose = "Nobody resets the card by reconnecting under another's transaction.",
     .pcsclite = {"waits; the holder is not disturbed", "SCardReconnect in winscard.c, RFCheckSharing"},
     .windows = k_windows_shut_out,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B reconnect shared reset &
        B waits while A works
        A transmit
        A end leave
        B returns ok after A
        A transmit = reset)"},
    {.name = "lock.disconnect-leave-returns",
     .purpose = "Leaving is always possible, also under another's transaction.",
     .pcsclite = {"returns at once; the transaction goes on", "SCardDisconnect in winscard.c"},
     .windows = {"nothing is published", "msapi SCardDisconnect"},
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B disconnect leave
        C connect shared &
        C waits while A works
        A end leave
        C returns ok after A)"},
    {.name = "lock.disconnect-reset-waits",
     .purpose = "Nobody resets the card by disconnecting under another's transaction.",
     .pcsclite = {"waits, then resets", "SCardDisconnect in winscard.c"},
     .windows = k_windows_shut_out,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B disconnect reset &
        B waits while A works
        A end leave
        B returns ok after A
        A transmit = reset)"},
    {.name = "lock.control-is-refused",
     .purpose = "A reader command meets another's transaction.",
     .pcsclite = {"SCARD_E_SHARING_VIOLATION at once: this call alone is not repeated by the library",
                  "SCardControl in winscard.c and winscard_clnt.c"},
     .windows = k_windows_silent,
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B control = sharing
        A transmit
        A end leave)"},
    {.name = "lock.attribute-is-refused",
     .purpose = "Reading a reader attribute meets another's transaction.",
     .pcsclite = {"SCARD_E_SHARING_VIOLATION at once", "SCardGetAttrib in winscard.c and winscard_clnt.c"},
     .windows = k_windows_silent,
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B attribute = sharing
        A transmit
        A end leave)"},
    {.name = "lock.reader-state-does-not-wait",
     .purpose = "Asking for the reader's state is possible at any time.",
     .pcsclite = {"SCardGetStatusChange returns at once", "SCardGetStatusChange in winscard_clnt.c"},
     .windows = {"returns at once", "msapi SCardGetStatusChange"},
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B look
        A transmit
        A end leave)"},
    {.name = "lock.end-by-another-is-refused",
     .purpose = "Nobody ends another's transaction.",
     .pcsclite = {"SCARD_E_SHARING_VIOLATION with every disposition; the card is not touched",
                  "SCardEndTransaction in winscard.c"},
     .windows = {"nothing is published", "msapi SCardEndTransaction"},
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B end leave = sharing
        B end reset = sharing
        B end unpower = sharing
        A transmit
        C connect shared &
        C waits while A works
        A end leave
        C returns ok after A)"},
    {.name = "lock.holder-is-free-to-act",
     .purpose = "The holder itself can do everything.",
     .pcsclite = {"transmit, status, attribute and reader state are not refused",
                  "RFCheckSharing in readerfactory.c"},
     .windows = {"succeed", k_begin_page},
     .script = R"(
        A connect shared
        A begin
        A transmit
        A status
        A attribute = ok|unsupported
        A look
        A end leave)"},
    {.name = "lock.nests",
     .purpose = "A transaction begun twice on one handle has to be ended twice.",
     .pcsclite = {"nests with a count", "RFLockSharing and RFUnlockSharing in readerfactory.c"},
     .windows = k_windows_silent,
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        A begin
        A end leave
        B begin &
        B waits while A works
        A end leave
        B returns ok after A
        A begin &
        A waits while B works
        B end leave
        A returns ok after B
        A end leave)"},
    {.name = "lock.every-waiter-gets-it",
     .purpose = "Of two waiters each gets the lock, whoever comes first.",
     .pcsclite = {"each gets it in time; there is no order", "SCardBeginTransaction in winscard_clnt.c"},
     .windows = {"each gets it; no order is published", k_begin_page},
     .script = R"(
        A connect shared
        B connect shared
        C connect shared
        A begin
        B begin &
        C begin &
        B waits while A works
        C waits while A works
        # Each queues the end of its transaction behind its begin, on the same thread.
        B end leave &
        C end leave &
        A end leave
        B returns ok after A
        C returns ok after A)"},
};

} // namespace

std::span<const Case> lock_cases() {
    return k_cases;
}

} // namespace cardlatch::lockcheck
