#include "cases.hpp"

namespace cardlatch::lockcheck {

namespace {

constexpr std::string_view k_cleanup = "MSGRemoveContext and MSGCleanupClient in winscard_svc.c";
constexpr std::string_view k_disconnect_page = "msapi SCardDisconnect";
constexpr Outcome k_reset_for_the_dead{"the lock is dropped and the card reset", k_cleanup};
constexpr Outcome k_windows_reset{"an application that exits without disconnecting causes a reset",
                                  k_disconnect_page};
constexpr Outcome k_no_fork{"there is no fork", "-"};

constexpr Case k_cases[] = {
    {.name = "death.holder-exits",
     .purpose = "The holder's process ends without ending its transaction.",
     .pcsclite = k_reset_for_the_dead,
     .windows = k_windows_reset,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B begin &
        B waits while A works
        A exits
        # The daemon drops the lock a moment before it reports the reset, so a waiter may slip in between.
        B returns reset|ok after A
        B until status = reset
        B recover
        B end leave)"},
    {.name = "death.holder-killed",
     .purpose = "The holder is killed with SIGKILL.",
     .pcsclite = k_reset_for_the_dead,
     .windows = k_windows_reset,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B begin &
        B waits while A works
        A dies
        B returns reset|ok after A
        B until status = reset
        B recover
        B end leave)"},
    {.name = "death.holder-killed-inside-leaves-no-trace-on-the-card",
     .purpose = "The holder is killed between two commands of a sequence; the next one finds a card without "
                "a session.",
     .pcsclite = k_reset_for_the_dead,
     .windows = k_windows_reset,
     .needs = Needs::witness,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        A enter
        A touch
        A dies
        B until status = reset
        # The reset for the dead may come after B has begun, so B begins anew until it is inside.
        B until recover-and-enter = ok
        B leave
        B end leave)"},
    {.name = "death.connect-waiter-gets-through",
     .purpose = "A connect that waits is let in when the holder is killed.",
     .pcsclite = {"the connect returns when the lock is dropped", "SCardConnect in winscard.c"},
     .windows = k_windows_reset,
     .script = R"(
        A connect shared
        A begin
        B connect shared &
        B waits while A works
        A dies
        B returns ok after A
        B recover
        B end leave)"},
    {.name = "death.exclusive-holder-killed",
     .purpose = "A process with an exclusive connection is killed.",
     .pcsclite = {"the reader can be connected again", k_cleanup},
     .windows = k_windows_reset,
     .script = R"(
        A connect exclusive
        B connect shared = sharing
        A dies
        B until connect shared = ok
        B recover
        B end leave)"},
    {.name = "death.context-released-inside",
     .purpose = "The holder releases its context without ending anything.",
     .pcsclite = k_reset_for_the_dead,
     .windows = {"releasing the context is listed among the ways out of a stuck transaction",
                 "msapi SCardEndTransaction"},
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B begin &
        B waits while A works
        A release
        B returns reset|ok after A
        B until status = reset
        B recover
        B end leave)"},
    {.name = "death.disconnect-leave-inside",
     .purpose = "The holder disconnects inside its transaction and leaves the card.",
     .pcsclite = {"the lock goes, the card is not reset", "SCardDisconnect in winscard.c"},
     .windows = {"disconnecting is listed among the ways out of a stuck transaction",
                 "msapi SCardEndTransaction"},
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B begin &
        B waits while A works
        A disconnect leave
        B returns ok after A
        B transmit
        B end leave)"},
    {.name = "death.disconnect-clears-every-level",
     .purpose = "The holder of a nested transaction disconnects.",
     .pcsclite = {"all levels are cleared", "RFUnlockAllSharing in readerfactory.c"},
     .windows = {"nothing is published", k_disconnect_page},
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        A begin
        A begin
        A disconnect leave
        B begin
        B transmit
        B end leave)"},
    {.name = "death.bystander-killed",
     .purpose = "A process that holds nothing is killed while another holds the lock.",
     .pcsclite = {"its connection is closed and the card left alone", k_cleanup},
     .windows = {"whether its end resets the card under another's transaction is not published",
                 k_disconnect_page},
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B dies
        A transmit
        C connect shared &
        C waits while A works
        A end leave
        C returns ok after A)"},
    {.name = "death.waiter-killed",
     .purpose = "A process that waits for the lock is killed.",
     .pcsclite = {"nothing is left of its wait, but a last request that is on its way may still take the "
                  "lock, and then the card is reset",
                  "SCardBeginTransaction in winscard_clnt.c, MSGRemoveContext in winscard_svc.c"},
     .windows = {"nothing is published", "msapi SCardBeginTransaction"},
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B connect shared
        C connect shared
        A begin
        B begin &
        B waits while A works
        B dies
        C begin &
        C waits while A works
        A end leave
        C returns ok|reset after A
        C recover
        C end leave)"},
    {.name = "death.waiter-in-connect-killed",
     .purpose = "A process that waits in a connect is killed.",
     .pcsclite = {"nothing is left of its wait", "SCardConnect in winscard.c"},
     .windows = {"nothing is published", "msapi SCardConnect"},
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        A begin
        B connect shared &
        B waits while A works
        B dies
        A transmit
        A end leave
        C connect shared
        C begin
        C transmit
        C end leave)"},
    {.name = "death.holder-stopped",
     .purpose = "The holder is stopped and goes on later.",
     .pcsclite = {"everybody waits for it, and nothing is lost",
                  "no such code in winscard.c: there is no timer"},
     .windows = {"after five seconds without an operation in a transaction the card is reset",
                 "msapi SCardBeginTransaction"},
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B begin &
        B waits while A works
        A stops
        B waits while C looks
        A continues
        A transmit
        B waits while A works
        A end leave
        B returns ok after A
        B end leave)"},
    {.name = "death.holder-stopped-then-killed",
     .purpose = "A stopped holder is killed.",
     .pcsclite = k_reset_for_the_dead,
     .windows = k_windows_reset,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        B begin &
        B waits while A works
        A stops
        B waits while C looks
        A dies
        B returns reset|ok after A
        B until status = reset
        B recover
        B end leave)"},
    {.name = "death.forked-child-keeps-the-lock",
     .purpose = "The holder forks and is killed; its child, which never calls anything, lives on.",
     .pcsclite =
         {"the child has inherited the connection to pcscd, so the lock stays until the child ends too",
          "ClientSetupSession in winscard_msg.c; the daemon acts at the end of the connection"},
     .windows = k_no_fork,
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        A fork
        B begin &
        B waits while A works
        A dies
        # Longer than the library sleeps between its attempts.
        C idle 500
        B waits while C looks
        A kill-child
        B returns reset|ok after A
        B until status = reset
        B recover
        B end leave)"},
    {.name = "death.forked-child-ends-without-harm",
     .purpose = "The holder forks, and the child ends first.",
     .pcsclite = {"the holder keeps lock and card", "the daemon acts at the end of the connection"},
     .windows = k_no_fork,
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B connect shared
        A begin
        A fork
        A kill-child
        B begin &
        B waits while A works
        A transmit
        A end leave
        B returns ok after A
        B transmit
        B end leave)"},
    {.name = "death.pcscd-killed",
     .purpose = "pcscd is killed while one holds the lock and another waits.",
     .pcsclite = {"every call fails, and none hangs", "MessageSend and MessageReceive in winscard_msg.c"},
     .windows = {"SCARD_E_SERVICE_STOPPED or SCARD_E_NO_SERVICE", "msapi Smart Card Return Values"},
     .needs = Needs::own_stack,
     .script = R"(
        A connect shared
        B connect shared
        C connect shared
        A begin
        B begin &
        B waits while A works
        C connect h1 shared &
        C waits while A works
        pcscd dies
        B returns comm-error|no-service|service-stopped|security after pcscd
        C returns comm-error|no-service|service-stopped|security after pcscd
        A transmit = comm-error|no-service|service-stopped|security
        A end leave = comm-error|no-service|service-stopped|security
        A begin = comm-error|no-service|service-stopped|security)"},
};

} // namespace

std::span<const Case> death_cases() {
    return k_cases;
}

} // namespace cardlatch::lockcheck
