#include "cases.hpp"

namespace cardlatch::lockcheck {

namespace {

constexpr std::string_view k_begin_page = "msapi SCardBeginTransaction";

constexpr Case k_cases[] = {
    {.name = "fairness.four-contenders",
     .purpose = "Four processes begin, transmit and end in a loop for three seconds; measured, not judged.",
     .pcsclite = {"who wins is luck: there is no queue, and a waiter sleeps between attempts",
                  "SCardBeginTransaction in winscard.c and winscard_clnt.c"},
     .windows = {"no order is published", k_begin_page},
     .relation = Windows::unpublished,
     .play = Play::fairness},
    {.name = "storm.random-calls-and-kills",
     .purpose = "Many processes lock, transmit, unlock, reset, disconnect, release and are killed at random; "
                "the card is the judge.",
     .pcsclite = {"no interleaving, no hang, and the lock can be had afterwards",
                  "RFCheckSharing in readerfactory.c"},
     .windows = {"a transaction shuts every other application out", k_begin_page},
     .needs = Needs::witness,
     .play = Play::storm},
};

} // namespace

std::span<const Case> storm_cases() {
    return k_cases;
}

} // namespace cardlatch::lockcheck
