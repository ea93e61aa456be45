// The verbs of scripts that go through the library.

#include "actor_calls.hpp"
#include "library_calls.hpp"

#include <cardlatch/card/witness.hpp>

namespace cardlatch::lockcheck {

namespace {

pcsc::Disposition disposition(const Order& order) {
    return static_cast<pcsc::Disposition>(order.disposition());
}

std::chrono::milliseconds time(const Order& order) {
    return std::chrono::milliseconds(order.number());
}

} // namespace

const LibraryVerbs& library_verbs() {
    using Library = LibraryCalls;
    static const LibraryVerbs verbs{
        {"attach",
         [](Library& library, const Order& order) {
             return library.attach(order.card, static_cast<pcsc::ShareMode>(order.share()));
         }},
        {"attach-within",
         [](Library& library, const Order& order) { return library.attach_within(order.card, time(order)); }},
        {"attach-stoppable",
         [](Library& library, const Order& order) { return library.attach_stoppable(order.card); }},
        {"reattach", [](Library& library,
                        const Order& order) { return library.reattach(order.card, disposition(order)); }},
        {"detach",
         [](Library& library, const Order& order) { return library.detach(order.card, disposition(order)); }},
        {"forget", [](Library& library, const Order& order) { return library.forget(order.card); }},
        {"lock", [](Library& library, const Order& order) { return library.lock(order.card); }},
        {"lock-within",
         [](Library& library, const Order& order) { return library.lock_within(order.card, time(order)); }},
        {"lock-stoppable",
         [](Library& library, const Order& order) { return library.lock_stoppable(order.card); }},
        {"stop", [](Library& library, const Order& order) { return library.stop(order.card); }},
        {"try-lock", [](Library& library, const Order& order) { return library.try_lock(order.card); }},
        {"unlock",
         [](Library& library, const Order& order) { return library.unlock(order.card, disposition(order)); }},
        {"let-go", [](Library& library, const Order& order) { return library.let_go(order.card); }},
        {"send",
         [](Library& library, const Order& order) {
             Bytes answer;
             return library.transmit(order.card, harmless_command(), answer);
         }},
        {"check", [](Library& library, const Order& order) { return library.check(order.card); }},
        {"end-when-idle", [](Library& library,
                             const Order& order) { return library.end_idle_locks(order.card, time(order)); }},
        {"recover-by-selecting",
         [](Library& library, const Order& order) {
             return library.recover_with(order.card, card::witness::select());
         }},
        {"queue-is",
         [](Library& library, const Order& order) {
             return library.await_queue(static_cast<unsigned>(order.number()));
         }},
        {"holder-is",
         [](Library& library, const Order& order) {
             return library.is_holder(static_cast<pid_t>(order.number()));
         }},
    };
    return verbs;
}

} // namespace cardlatch::lockcheck
