#include "cases.hpp"

namespace cardlatch::lockcheck {

namespace {

constexpr std::string_view k_begin_page = "msapi SCardBeginTransaction";

constexpr Case k_cases[] = {
    {.name = "fairness.four-contenders",
     .purpose = "Four processes begin, transmit and end in a loop for two seconds; measured, not judged.",
     .pcsclite = {"who wins is luck: there is no queue, and a waiter sleeps between attempts",
                  "SCardBeginTransaction in winscard.c and winscard_clnt.c"},
     .windows = {"no order is published", k_begin_page},
     .relation = Windows::unpublished,
     .play = Play::fairness},
    {.name = "fairness.four-users-of-the-library",
     .purpose =
         "Four processes lock, transmit and unlock by the library for two seconds; measured, not judged.",
     .pcsclite = {"they take turns: first come first served", "Turnstile::wait in turnstile.cpp"},
     .windows = {"no order is published", k_begin_page},
     .relation = Windows::unpublished,
     .play = Play::fairness,
     .population = Population::library},
    {.name = "fairness.mixed-population-starves-nobody",
     .purpose = "Three users of the library and three plain clients, without a pause between their locks, go "
                "on until "
                "each of them has had ten.",
     .pcsclite = {"everybody gets its ten",
                  "Connection::begin in begin.cpp; SCardBeginTransaction in winscard_clnt.c"},
     .windows = {"no order is published", k_begin_page},
     .relation = Windows::unpublished,
     .play = Play::progress,
     .population = Population::mixed},
    {.name = "storm.random-calls-and-kills",
     .purpose = "Many processes lock, transmit, unlock, reset, disconnect, release and are killed at random; "
                "the card is the judge.",
     .pcsclite = {"no interleaving, no hang, and the lock can be had afterwards",
                  "RFCheckSharing in readerfactory.c"},
     .windows = {"a transaction shuts every other application out", k_begin_page},
     .needs = Needs::witness,
     .play = Play::storm},
    {.name = "storm.users-of-the-library",
     .purpose =
         "The same by users of the library: every form of lock, policies that change, recovery, deaths.",
     .pcsclite = {"no interleaving, no hang, and the lock can be had afterwards",
                  "docs/locking.md; RFCheckSharing in readerfactory.c"},
     .windows = {"a transaction shuts every other application out", k_begin_page},
     .needs = Needs::witness,
     .play = Play::storm,
     .population = Population::library},
    {.name = "storm.mixed-population",
     .purpose = "The same by users of the library and plain clients, half and half.",
     .pcsclite = {"no interleaving, no hang, and the lock can be had afterwards",
                  "docs/locking.md; RFCheckSharing in readerfactory.c"},
     .windows = {"a transaction shuts every other application out", k_begin_page},
     .needs = Needs::witness,
     .play = Play::storm,
     .population = Population::mixed},
};

} // namespace

std::span<const Case> storm_cases() {
    return k_cases;
}

} // namespace cardlatch::lockcheck
