#include "cases.hpp"

namespace cardlatch::lockcheck {

namespace {

constexpr std::string_view k_begin_page = "msapi SCardBeginTransaction";
constexpr std::string_view k_codes_page = "msapi Smart Card Return Values";
constexpr std::string_view k_end_page = "msapi SCardEndTransaction";
constexpr Outcome k_windows_none{"winscard has no such form; nothing is published", k_begin_page};
constexpr Outcome k_windows_dies{"an application that exits without disconnecting causes a reset",
                                 "msapi SCardDisconnect"};

constexpr Case k_losses[] = {
    {.name = "library.reset-is-told-to-every-level",
     .purpose = "The card is reset under a nested lock, by its own inner unlock.",
     .pcsclite = {"commands are not sent, each level's unlock says SCARD_W_RESET_CARD, and the last one "
                  "frees the card",
                  "Connection::end_transaction in connection.cpp"},
     .windows = {"SCARD_W_RESET_CARD from the end, which unlocks", k_end_page},
     .script = R"(
        A attach
        B attach
        A lock
        A lock
        A unlock reset
        A send = reset
        A unlock = reset
        A lock
        A send
        A unlock
        B lock = reset
        B reattach leave
        B lock
        B send
        B unlock)"},
    {.name = "library.reset-by-others-fails-the-lock",
     .purpose = "Somebody else has reset the card since.",
     .pcsclite = {"SCARD_W_RESET_CARD from every lock until the connection is renewed; the turn is given on",
                  "Recovery::fail in lock_policy.hpp"},
     .windows = {"SCARD_W_RESET_CARD (since Windows 8)", k_begin_page},
     .script = R"(
        A attach
        B attach
        A lock
        A unlock reset
        B lock = reset
        B lock-within 30000 = reset
        A try-lock = reset
        A reattach leave
        A until try-lock = ok
        A unlock
        B reattach leave
        B lock
        B unlock)"},
    {.name = "library.reset-by-others-is-recovered-from",
     .purpose = "The policy says how the card gets back to where the program needs it.",
     .pcsclite = {"lock() renews the connection and calls the hook inside the new lock",
                  "Recovery::reattach"},
     .windows = k_windows_none,
     .relation = Windows::unpublished,
     .needs = Needs::witness,
     .script = R"(
        A attach
        B attach
        B recover-by-selecting
        A lock
        A unlock reset
        B lock
        B send
        B unlock
        A reattach reset
        B lock-within 30000
        B unlock)"},
    {.name = "library.idle-lock-is-ended",
     .purpose = "A policy ends a lock under which nothing is sent.",
     .pcsclite = {"the lock says SCARD_E_TIMEOUT, at every level, and others get the card", "watchdog.cpp"},
     .windows = {"after five seconds without an operation in a transaction the card is reset", k_begin_page},
     .relation = Windows::differs,
     .script = R"(
        A attach
        B attach
        A end-when-idle 50
        A lock
        A lock
        B lock &
        B returns ok
        A check = timeout
        A send = timeout
        A unlock = timeout
        B unlock
        A lock
        A unlock)"},
    {.name = "library.holder-killed",
     .purpose = "The holder is killed while others queue.",
     .pcsclite = {"the kernel gives the turn on, pcscd drops the lock and resets the card; the next one is "
                  "told of the "
                  "reset, or meets it inside its lock",
                  "SEM_UNDO in turnstile.cpp; MSGCleanupClient in winscard_svc.c"},
     .windows = k_windows_dies,
     .script = R"(
        A attach
        B attach
        C attach
        A lock
        B lock &
        A queue-is 1
        C lock &
        A queue-is 2
        A dies
        B returns ok|reset after A
        B detach
        # At once, if B was refused and gave its turn on.
        C returns ok|reset after A
        C detach
        D attach
        D lock
        D unlock)"},
    {.name = "library.waiter-killed",
     .purpose = "Somebody in the middle of the queue is killed.",
     .pcsclite = {"its place is gone, and the order of the others stays", "semop(2)"},
     .windows = {"nothing is published", k_begin_page},
     .relation = Windows::unpublished,
     .script = R"(
        A attach
        B attach
        C attach
        D attach
        A lock
        B lock &
        A queue-is 1
        C lock &
        A queue-is 2
        D lock &
        A queue-is 3
        C dies
        A queue-is 2
        D waits while A works
        A unlock
        B returns ok after A
        D waits while B works
        B unlock
        D returns ok after B
        D send
        D unlock)"},
    {.name = "library.holder-stopped",
     .purpose = "The holder is stopped and goes on later.",
     .pcsclite = {"deadline and try end the others' waits, and nothing is lost", "Card::lock in begin.cpp"},
     .windows = {"after five seconds without an operation in a transaction the card is reset", k_begin_page},
     .relation = Windows::unpublished,
     .script = R"(
        A attach
        B attach
        A lock
        A stops
        B lock-within 300 = timeout
        B try-lock = sharing
        B holder-is A
        A continues
        A send
        A unlock
        B lock
        B send
        B unlock)"},
    {.name = "library.holder-forks",
     .purpose = "The holder forks; it is killed, and its child lives on.",
     .pcsclite = {"the turn is given on, but the child has inherited the connection to pcscd, so the card is "
                  "free when "
                  "it ends too; a deadline ends the wait until then",
                  "ClientSetupSession in winscard_msg.c; semop(2): no undo for a child"},
     .windows = {"there is no fork", "-"},
     .relation = Windows::unpublished,
     .script = R"(
        A attach
        B attach
        A lock
        A fork
        A send
        B try-lock = sharing
        B holder-is A
        A dies
        B lock-within 500 = timeout
        A kill-child
        B lock = ok|reset
        B detach
        C attach
        C lock
        C unlock)"},
    {.name = "library.disconnect-ends-every-level",
     .purpose = "The holder of a nested lock disconnects.",
     .pcsclite = {"every level ends, the card is left as it is, and the turn is given on",
                  "Connection::disconnect in connection.cpp; SCardDisconnect in winscard.c"},
     .windows = {"disconnecting is listed among the ways out of a stuck transaction", k_end_page},
     .script = R"(
        A attach
        B attach
        A lock
        A lock
        B lock &
        A queue-is 1
        A detach
        B returns ok after A
        A check = not-transacted
        A send = not-transacted
        B send
        B unlock)"},
    {.name = "library.card-forgotten-in-a-lock",
     .purpose = "The holder's objects go out of scope, its process stays.",
     .pcsclite = {"every level ends, and the card is left as it is", "Card::leave in card.cpp"},
     .windows = {"disconnecting is listed among the ways out of a stuck transaction", k_end_page},
     .script = R"(
        A attach
        B attach
        A lock
        A lock
        B lock &
        A queue-is 1
        A forget
        B returns ok after A
        B send
        B unlock)"},
    {.name = "library.removal-while-locked",
     .purpose = "The card is taken out under the holder's lock and put back.",
     .pcsclite = {"the lock is lost and says so, SCARD_W_REMOVED_CARD; others get the new card",
                  "Connection::exchange_locked; RFSetReaderEventState in readerfactory.c"},
     .windows = {"SCARD_W_REMOVED_CARD", k_codes_page},
     .needs = Needs::removal,
     .script = R"(
        A attach
        A lock
        A lock
        card leaves
        card arrives
        A send = removed
        A check = removed
        A unlock = removed
        A unlock = removed
        A unlock = not-transacted
        A lock = removed
        B attach
        B lock
        B send
        A reattach leave &
        A waits while B works
        B unlock
        A returns ok after B
        A lock
        A send
        A unlock)"},
    {.name = "library.removal-while-waiting-for-a-plain-client",
     .purpose = "The card is taken out while a lock is waited for.",
     .pcsclite = {"SCARD_W_REMOVED_CARD, until the connection is renewed",
                  "SCardBeginTransaction in winscard.c"},
     .windows = {"SCARD_W_REMOVED_CARD", k_codes_page},
     .needs = Needs::removal,
     .script = R"(
        A connect shared
        B attach
        A begin
        B lock &
        B waits while A works
        card leaves
        B returns removed after card
        card arrives
        B lock-within 30000 = removed
        B reattach leave
        B lock
        B send
        B unlock)"},
    {.name = "library.removal-while-waiting-in-the-queue",
     .purpose = "The card is taken out while others wait for their turn.",
     .pcsclite = {"they are told in their turn, when the holder has met the removal",
                  "Connection::exchange_locked gives the turn on"},
     .windows = {"SCARD_W_REMOVED_CARD", k_codes_page},
     .needs = Needs::removal,
     .script = R"(
        A attach
        B attach
        C attach
        A lock
        B lock &
        A queue-is 1
        C lock &
        A queue-is 2
        card leaves
        A send = removed
        B returns removed after A
        C returns removed after A
        card arrives
        B reattach leave
        B lock
        B send
        B unlock)"},
    {.name = "library.reader-unplugged",
     .purpose = "The reader itself goes while somebody holds the lock.",
     .pcsclite = {"the lock is lost, SCARD_E_INVALID_VALUE", "RFReaderInfoById in readerfactory.c"},
     .windows = {"SCARD_E_READER_UNAVAILABLE", k_codes_page},
     .needs = Needs::reader_removal,
     .script = R"(
        A attach
        A lock
        A send
        reader leaves
        A send = invalid-value|unavailable
        reader arrives
        B attach
        B lock
        B send
        B unlock)"},
    {.name = "library.pcscd-killed",
     .purpose = "pcscd is killed while one holds the lock, one waits and one queues.",
     .pcsclite = {"every call fails, and none hangs; the queue is passed", "MessageSend in winscard_msg.c"},
     .windows = {"SCARD_E_SERVICE_STOPPED or SCARD_E_NO_SERVICE", k_codes_page},
     .needs = Needs::own_stack,
     .script = R"(
        A attach
        B attach
        C attach
        A lock
        B lock &
        A queue-is 1
        C lock-within 30000 &
        A queue-is 2
        pcscd dies
        A send = comm-error|no-service|service-stopped|security
        A unlock = comm-error|no-service|service-stopped|security|not-transacted
        B returns comm-error|no-service|service-stopped|security after pcscd
        C returns comm-error|no-service|service-stopped|security after pcscd
        A lock = comm-error|no-service|service-stopped|security)"},
};

} // namespace

std::span<const Case> library_loss_cases() {
    return k_losses;
}

} // namespace cardlatch::lockcheck
