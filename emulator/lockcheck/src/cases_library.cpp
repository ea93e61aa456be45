#include "cases.hpp"

namespace cardlatch::lockcheck {

namespace {

constexpr std::string_view k_begin_page = "msapi SCardBeginTransaction";
constexpr std::string_view k_waiting = "Card::lock in begin.cpp; SCardGetAttrib in winscard.c";
constexpr std::string_view k_connecting = "Reader::connect in connect.cpp; SCardConnect in winscard.c";
constexpr std::string_view k_queue = "Turnstile::wait in turnstile.cpp";
constexpr Outcome k_windows_none{"winscard has no such form; nothing is published", k_begin_page};
constexpr Outcome k_windows_waits{"begin waits, in no order that is published", k_begin_page};
constexpr Outcome k_windows_silent{"nothing is published", k_begin_page};

// Whoever is told to wait has to be in the queue before the next one comes; "queue-is" waits for that.
// A try gives the resource manager 50 ms for its answer. A busy machine may take longer, hence "until
// try-lock".
constexpr Case k_forms[] = {
    {.name = "library.lock-waits-in-order",
     .purpose = "Users of the library get the lock in the order in which they came.",
     .pcsclite = {"each waits for its turn, first come first served", k_queue},
     .windows = k_windows_waits,
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
        D waits while A works
        A unlock
        B returns ok after A
        C waits while B works
        D waits while B works
        B unlock
        C returns ok after B
        D waits while C works
        C unlock
        D returns ok after C
        D send
        D unlock)"},
    {.name = "library.lock-waits-for-a-plain-client",
     .purpose = "A user of the library waits for a transaction of a program that calls winscard.",
     .pcsclite = {"waits, and has the lock afterwards", "Connection::enter_now in begin.cpp"},
     .windows = k_windows_waits,
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B attach
        A begin
        B lock &
        B waits while A works
        A end leave
        B returns ok after A
        A begin &
        A waits while B works
        B unlock
        A returns ok after B
        A end leave)"},
    {.name = "library.plain-client-waits-for-a-lock",
     .purpose = "A program that calls winscard waits for a user of the library, also when others queue.",
     .pcsclite = {"waits as for any transaction, and does not wait for the queue",
                  "SCardBeginTransaction in winscard_clnt.c"},
     .windows = k_windows_waits,
     .relation = Windows::unpublished,
     .script = R"(
        A attach
        B connect shared
        C attach
        A lock
        B begin &
        B waits while A works
        C lock &
        A queue-is 1
        # Behind the begin, on the same thread: if B's question comes before C's, C waits for B.
        B end leave &
        A unlock
        C returns ok after A
        C send
        C unlock
        B returns ok after A
        B begin
        B transmit
        B end leave)"},
    {.name = "library.deadline-ends-a-wait-for-a-plain-client",
     .purpose = "A deadline also works against a holder that does not use the library.",
     .pcsclite =
         {"SCARD_E_TIMEOUT; the holder is not disturbed, and nothing is left behind that would take the card",
          k_waiting},
     .windows = k_windows_none,
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B attach
        A begin
        B lock-within 300 = timeout
        B lock-within 1 = timeout
        A transmit
        A end leave
        A begin
        A end leave
        B lock-within 30000
        B send
        B unlock)"},
    {.name = "library.deadline-ends-a-wait-in-the-queue",
     .purpose = "A deadline ends a wait for another user of the library, and the others keep their order.",
     .pcsclite = {"SCARD_E_TIMEOUT", k_queue},
     .windows = k_windows_none,
     .relation = Windows::unpublished,
     .script = R"(
        A attach
        B attach
        C attach
        A lock
        C lock &
        A queue-is 1
        B lock-within 300 = timeout
        A queue-is 1
        A send
        A unlock
        C returns ok after A
        B lock-within 1 = timeout
        C unlock
        B lock-within 30000
        B unlock)"},
    {.name = "library.try-is-refused-by-a-plain-client",
     .purpose = "A try meets the transaction of a program that calls winscard.",
     .pcsclite = {"SCARD_E_SHARING_VIOLATION without waiting", k_waiting},
     .windows = k_windows_none,
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B attach
        A begin
        B try-lock = sharing
        A transmit
        A end leave
        B until try-lock = ok
        B send
        B unlock)"},
    {.name = "library.try-is-refused-by-the-queue",
     .purpose = "A try meets a user of the library.",
     .pcsclite = {"SCARD_E_SHARING_VIOLATION without waiting", k_queue},
     .windows = k_windows_none,
     .relation = Windows::unpublished,
     .script = R"(
        A attach
        B attach
        A lock
        B try-lock = sharing
        A send
        A unlock
        B until try-lock = ok
        A try-lock = sharing
        B unlock)"},
    {.name = "library.cancel-ends-a-wait-for-a-plain-client",
     .purpose = "Another thread cancels a wait for a program that calls winscard.",
     .pcsclite = {"SCARD_E_CANCELLED; the connection is as it was", "CancelPoint in turnstile.cpp"},
     .windows = {"SCardCancel does not reach a begin, and nothing else is published", "msapi SCardCancel"},
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B attach
        A begin
        B lock-stoppable &
        B waits while A works
        B.1 stop
        B returns cancelled after B
        A transmit
        A end leave
        A begin
        A end leave
        B lock
        B send
        B unlock)"},
    {.name = "library.cancel-ends-a-wait-in-the-queue",
     .purpose = "Another thread cancels a wait in the queue, and the others keep their order.",
     .pcsclite = {"SCARD_E_CANCELLED", "CancelPoint in turnstile.cpp"},
     .windows = {"SCardCancel does not reach a begin, and nothing else is published", "msapi SCardCancel"},
     .relation = Windows::unpublished,
     .script = R"(
        A attach
        B attach
        C attach
        A lock
        B lock-stoppable &
        A queue-is 1
        C lock &
        A queue-is 2
        B.1 stop
        B returns cancelled after B
        A queue-is 1
        C waits while A works
        A unlock
        C returns ok after A
        C unlock
        B lock
        B unlock)"},
    {.name = "library.disconnect-ends-a-wait-for-a-plain-client",
     .purpose = "Another thread disconnects the card whose lock is waited for.",
     .pcsclite = {"SCARD_E_INVALID_HANDLE; other connections of the process are not touched",
                  "Connection::disconnect; SCardBeginTransaction in winscard_clnt.c"},
     .windows = k_windows_silent,
     .relation = Windows::unpublished,
     .script = R"(
        A connect shared
        B attach l0
        B attach l1
        A begin
        B lock l0 &
        B waits while A works
        B.1 detach l0 leave
        B returns invalid-handle after B
        A transmit
        A end leave
        B lock l0 = invalid-handle
        B lock l1
        B send l1
        B unlock l1)"},
    {.name = "library.disconnect-ends-a-wait-in-the-queue",
     .purpose = "Another thread disconnects the card whose turn is waited for.",
     .pcsclite = {"SCARD_E_INVALID_HANDLE; the others keep their order", k_queue},
     .windows = k_windows_silent,
     .relation = Windows::unpublished,
     .script = R"(
        A attach
        B attach
        C attach
        A lock
        B lock &
        A queue-is 1
        C lock &
        A queue-is 2
        B.1 detach leave
        B returns invalid-handle after B
        A queue-is 1
        A unlock
        C returns ok after A
        C unlock)"},
    {.name = "library.locks-nest",
     .purpose = "A card that is locked twice has to be unlocked twice; every form nests.",
     .pcsclite = {"counts; the turn is given on with the last level",
                  "Connection::end_level in connection.cpp"},
     .windows = k_windows_silent,
     .relation = Windows::unpublished,
     .script = R"(
        A attach
        B attach
        C connect shared
        A lock
        A until try-lock = ok
        A lock-within 1
        A unlock
        A let-go
        B try-lock = sharing
        C begin &
        C waits while A works
        A let-go
        C returns ok after A
        C end leave
        A unlock = not-transacted
        B until try-lock = ok
        B unlock)"},
    {.name = "library.unlock-without-lock-changes-nothing",
     .purpose = "An unlock that has no lock does not apply its disposition.",
     .pcsclite = {"SCARD_E_NOT_TRANSACTED, and no reset: pcsc-lite would reset first",
                  "Lock::unlock in lock.cpp"},
     .windows = {"SCARD_E_NOT_TRANSACTED", "msapi SCardEndTransaction"},
     .script = R"(
        A attach
        B attach
        A unlock reset = not-transacted
        B lock
        B send
        B unlock)"},
    {.name = "library.two-cards-of-a-process-exclude",
     .purpose = "Two threads with a card each exclude each other.",
     .pcsclite = {"the second waits for its turn", k_queue},
     .windows = {"waits: the page speaks of processes and threads alike", k_begin_page},
     .script = R"(
        A attach l0
        A attach l1
        A lock l0
        A.1 lock l1 &
        A queue-is 1
        A.1 waits while A works
        A unlock l0
        A.1 returns ok after A
        A try-lock l0 = sharing
        A.1 unlock l1)"},
    {.name = "library.one-card-does-not-exclude-its-threads",
     .purpose = "Two threads lock one card.",
     .pcsclite = {"both succeed: the lock is the connection's, and nests", "Connection::begin in begin.cpp"},
     .windows = k_windows_silent,
     .relation = Windows::unpublished,
     .script = R"(
        A attach
        B attach
        A lock
        A.1 lock
        A unlock
        B try-lock = sharing
        A.1 unlock
        B until try-lock = ok
        B unlock)"},
    {.name = "library.connect-in-own-lock-returns",
     .purpose = "A process connects once more while it has the lock.",
     .pcsclite = {"waits for its own lock, and another thread can end that: every connection has a context "
                  "of its own",
                  k_connecting},
     .windows = {"nothing is published", "msapi SCardConnect"},
     .relation = Windows::unpublished,
     .script = R"(
        A attach l0
        A lock l0
        A.1 attach l1 &
        A.1 waits while A works
        A unlock l0
        A.1 returns ok after A
        A lock l1
        A send l1
        A unlock l1)"},
    {.name = "library.connect-takes-its-turn",
     .purpose = "Somebody connects while users of the library queue for the card.",
     .pcsclite =
         {"waits for its turn, where pcsc-lite would look every 100 ms whether the card happens to be "
          "free",
          k_connecting},
     .windows = {"nothing is published", "msapi SCardConnect"},
     .relation = Windows::unpublished,
     .script = R"(
        A attach
        B attach
        A lock
        B lock &
        A queue-is 1
        C attach &
        A queue-is 2
        A unlock
        B returns ok after A
        C waits while B works
        B unlock
        C returns ok after B
        C lock
        C send
        C unlock)"},
    {.name = "library.deadline-ends-a-connect",
     .purpose =
         "A deadline ends a connect that waits for a user of the library, and one that waits for a plain "
         "client.",
     .pcsclite = {"SCARD_E_TIMEOUT; winscard's connect would wait without limit", k_connecting},
     .windows = {"nothing is published", "msapi SCardConnect"},
     .relation = Windows::unpublished,
     .script = R"(
        A attach
        A lock
        B attach-within 300 = timeout
        A queue-is 0
        A unlock
        A connect shared
        A begin
        B attach-within 300 = timeout
        A transmit
        A end leave
        B attach-within 30000
        B lock
        B send
        B unlock
        # Longer than pcscd sleeps in the connect that was given up.
        B idle 300)"},
    {.name = "library.cancel-ends-a-connect",
     .purpose = "Another thread cancels a connect that waits for a plain client, and one that waits in the "
                "queue.",
     .pcsclite = {"SCARD_E_CANCELLED", k_connecting},
     .windows = {"SCardCancel is not said to reach a connect", "msapi SCardCancel"},
     .relation = Windows::unpublished,
     .script = R"(
        A attach
        A lock
        B attach-stoppable &
        A queue-is 1
        B.1 stop
        B returns cancelled after B
        A unlock
        A connect shared
        A begin
        B attach-stoppable &
        B waits while A works
        B.1 stop
        B returns cancelled after B
        A transmit
        A end leave
        B attach-stoppable
        B lock
        B send
        B unlock
        # Longer than pcscd sleeps in the connect that was given up.
        B idle 300)"},
    {.name = "library.holder-is-named",
     .purpose = "Others can ask which process of the library's users has the lock.",
     .pcsclite = {"the process, and how many wait behind it", "Reader::lock_queue in context.cpp"},
     .windows = k_windows_none,
     .relation = Windows::unpublished,
     .script = R"(
        A attach
        B attach
        A lock
        B holder-is A
        B lock &
        A queue-is 1
        A unlock
        B returns ok after A
        A holder-is B
        B unlock)"},
};

} // namespace

std::span<const Case> library_cases() {
    return k_forms;
}

} // namespace cardlatch::lockcheck
