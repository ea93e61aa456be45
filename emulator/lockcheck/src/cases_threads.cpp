#include "cases.hpp"

namespace cardlatch::lockcheck {

namespace {

constexpr std::string_view k_begin_page = "msapi SCardBeginTransaction";
constexpr std::string_view k_begin_clnt = "SCardBeginTransaction in winscard_clnt.c";
constexpr Outcome k_windows_peer{"waits: the page speaks of processes and threads alike", k_begin_page};
constexpr Outcome k_windows_silent{"nothing is published", k_begin_page};

constexpr Case k_threads[] = {
    {.name = "threads.one-handle-does-not-exclude",
     .purpose = "Two threads begin a transaction on one handle.",
     .pcsclite = {"both succeed: the lock belongs to the handle and counts to two",
                  "RFLockSharing in readerfactory.c"},
     .windows = k_windows_silent,
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        A.1 begin
        A transmit
        A.1 transmit
        A end leave
        B begin &
        B waits while A works
        A.1 end leave
        B returns ok after A
        B end leave)"},
    {.name = "threads.another-thread-may-end",
     .purpose = "One thread begins, another ends.",
     .pcsclite = {"succeeds: threads are not told apart", "RFUnlockSharing in readerfactory.c"},
     .windows = k_windows_silent,
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        A.1 end leave
        B begin
        B end leave)"},
    {.name = "threads.two-contexts-exclude",
     .purpose = "Two connections on two contexts of one process exclude each other like processes.",
     .pcsclite = {"the second waits until the first ends", k_begin_clnt},
     .windows = k_windows_peer,
     .script = R"(
        A connect c0 h0 shared
        A connect c1 h1 shared
        A begin h0
        A.1 begin h1 &
        A.1 waits while A works
        A end h0 leave
        A.1 returns ok after A
        A.1 end h1 leave)"},
    {.name = "threads.two-handles-on-one-context-exclude",
     .purpose = "Two connections on one context exclude each other too.",
     .pcsclite = {"the second waits; between its attempts the context is free for the first", k_begin_clnt},
     .windows = k_windows_peer,
     .script = R"(
        A connect c0 h0 shared
        A connect c0 h1 shared
        A begin h0
        A.1 begin h1 &
        A.1 waits while A works
        A end h0 leave
        A.1 returns ok after A
        A.1 end h1 leave)"},
    {.name = "threads.handle-works-across-contexts",
     .purpose = "Releasing one context does not hurt the connection of another.",
     .pcsclite = {"the other context's lock and card are untouched", "MSGRemoveContext in winscard_svc.c"},
     .windows = {"nothing is published", "msapi SCardReleaseContext"},
     .relation = Windows::unpublished,
     .script = R"(
        A connect c0 h0 shared
        A connect c1 h1 shared
        A begin h1
        A release c0
        A transmit h1
        A end h1 leave)"},
    {.name = "threads.connect-in-own-lock-wedges-the-reader",
     .purpose = "A process connects a second time on the context that holds its transaction.",
     .pcsclite = {"the daemon waits for a lock that only this blocked context could give up, even after the "
                  "process died",
                  "SCardConnect in winscard.c and winscard_clnt.c"},
     .windows = {"nothing is published", "msapi SCardConnect"},
     .relation = Windows::unpublished,
     .needs = Needs::own_stack,
     .script = R"(
        A connect c0 h0 shared
        B connect shared
        C connect shared
        A begin h0
        A.1 status h0
        A.1 connect c0 h1 shared &
        # The call has to be on its way before anything else happens to A; nothing tells when it is.
        D idle 1000
        A.1 waits while B looks
        A.2 end h0 leave &
        A.1 waits while B looks
        A.2 waits while B looks
        B begin &
        A dies
        # Nobody is left that could end the transaction: this lasts until pcscd is started again.
        C connect h1 shared &
        # Longer than the daemon and the library sleep between their attempts.
        D idle 1000
        B waits while D looks
        C waits while D looks
        pcscd dies
        B returns comm-error|no-service|service-stopped|security after pcscd
        C returns comm-error|no-service|service-stopped|security after pcscd)"},
};

constexpr Case k_waits[] = {
    {.name = "wait.cancel-does-not-reach-it",
     .purpose = "SCardCancel while a begin waits.",
     .pcsclite = {"succeeds without an effect: only SCardGetStatusChange can be cancelled",
                  "SCardCancel in winscard_clnt.c"},
     .windows = {"only requests that wait for the card or the user are cancelled", "msapi SCardCancel"},
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B begin &
        B waits while A works
        B.1 cancel
        B waits while A works
        A end leave
        B returns ok after A
        B end leave)"},
    {.name = "wait.disconnect-ends-it",
     .purpose = "Another thread disconnects the handle on which a begin waits.",
     .pcsclite = {"the begin returns SCARD_E_INVALID_HANDLE at its next attempt, or, when the two meet, "
                  "SCARD_F_COMM_ERROR with the context lost",
                  "SCardBeginTransaction in winscard_clnt.c, MSGCheckHandleAssociation in winscard_svc.c"},
     .windows = k_windows_silent,
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B begin &
        B waits while A works
        B.1 disconnect leave
        B returns invalid-handle|comm-error after B
        A transmit
        A end leave
        C connect shared
        C begin
        C end leave)"},
    {.name = "wait.no-blocking-covers-transmit-and-status",
     .purpose = "With PCSCLITE_NO_BLOCKING set, calls outside a transaction do not wait.",
     .pcsclite = {"transmit, status and reconnect return SCARD_E_SHARING_VIOLATION at once",
                  "SCardTransmit, SCardStatus and SCardReconnect in winscard_clnt.c"},
     .windows = {"there is no such switch", "msapi SCardTransmit"},
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B no-blocking
        B connect shared
        A begin
        B transmit = sharing
        B status = sharing
        B reconnect shared leave = sharing
        A transmit
        A end leave
        B transmit)"},
    {.name = "wait.no-blocking-does-not-cover-begin",
     .purpose =
         "With PCSCLITE_NO_BLOCKING set, a begin waits all the same: winscard has no try and no deadline.",
     .pcsclite = {"waits", k_begin_clnt},
     .windows = {"there is no such switch; begin waits", k_begin_page},
     .script = R"(
        A connect shared
        B no-blocking
        B connect shared
        A begin
        B begin &
        B waits while A works
        A end leave
        B returns ok after A
        B end leave)"},
};

} // namespace

std::span<const Case> thread_cases() {
    return k_threads;
}

std::span<const Case> wait_cases() {
    return k_waits;
}

} // namespace cardlatch::lockcheck
