#include "iscard_card_support.hpp"
#include "lock_queue_support.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

namespace data = boost::unit_test::data;

namespace {

/// Every method that needs a card, by name.
struct Method {
    const char* name;
    std::function<HRESULT(Unattached&)> call;
};
std::ostream& operator<<(std::ostream& out, const Method& method) {
    return out << method.name;
}
const Method k_needs_card[] = {
    {"get_Atr",
     [](Unattached& f) {
         auto* buffer = reinterpret_cast<IByteBuffer*>(&f);
         const auto hr = f.card->get_Atr(&buffer);
         if (buffer != nullptr) {
             buffer->Release();
         }
         return hr;
     }},
    {"get_Protocol",
     [](Unattached& f) {
         SCARD_PROTOCOLS protocol{};
         return f.card->get_Protocol(&protocol);
     }},
    {"get_Status",
     [](Unattached& f) {
         SCARD_STATES state{};
         return f.card->get_Status(&state);
     }},
    {"Detach", [](Unattached& f) { return f.card->Detach(); }},
    {"LockSCard", [](Unattached& f) { return f.card->LockSCard(); }},
    {"ReAttach", [](Unattached& f) { return f.card->ReAttach(SHARED); }},
    {"Transaction", [](Unattached& f) { return f.card->Transaction(&f.raw_command); }},
    {"UnlockSCard", [](Unattached& f) { return f.card->UnlockSCard(); }},
};

} // namespace

BOOST_AUTO_TEST_SUITE(unattached)

BOOST_DATA_TEST_CASE(methods_that_need_a_card_have_no_handle, data::make(k_needs_card), method) {
    Unattached fixture;
    BOOST_TEST(method.call(fixture) == scard(SCARD_E_INVALID_HANDLE));
}

BOOST_DATA_TEST_CASE(after_detach_as_before_attach, data::make(k_needs_card), method) {
    Attached fixture;
    BOOST_TEST(fixture.card->Detach() == S_OK);
    BOOST_TEST(method.call(fixture) == scard(SCARD_E_INVALID_HANDLE));
}

BOOST_FIXTURE_TEST_CASE(null_pointers_come_first, Unattached) {
    BOOST_TEST(card->get_Atr(nullptr) == E_POINTER);
    BOOST_TEST(card->get_CardHandle(nullptr) == E_POINTER);
    BOOST_TEST(card->get_Context(nullptr) == E_POINTER);
    BOOST_TEST(card->get_Protocol(nullptr) == E_POINTER);
    BOOST_TEST(card->get_Status(nullptr) == E_POINTER);
    BOOST_TEST(card->Transaction(nullptr) == E_POINTER);
    ISCardCmd* none = nullptr;
    BOOST_TEST(card->Transaction(&none) == E_INVALIDARG);
}

BOOST_FIXTURE_TEST_CASE(bad_arguments_come_before_the_missing_card, Unattached) {
    const auto disposition = static_cast<SCARD_DISPOSITIONS>(4);
    const auto share = static_cast<SCARD_SHARE_MODES>(3); // direct access is not for cards
    BOOST_TEST(card->Detach(disposition) == E_INVALIDARG);
    BOOST_TEST(card->UnlockSCard(disposition) == E_INVALIDARG);
    BOOST_TEST(card->ReAttach(SHARED, disposition) == E_INVALIDARG);
    BOOST_TEST(card->ReAttach(share) == E_INVALIDARG);
    BOOST_TEST(card->AttachByReader(name.value, share, k_any) == E_INVALIDARG);
}

BOOST_FIXTURE_TEST_CASE(handle_is_zero_and_context_is_there, Unattached) {
    HSCARD handle = 7;
    HSCARDCONTEXT context = 0;
    BOOST_TEST(card->get_CardHandle(&handle) == S_OK);
    BOOST_TEST(handle == 0U);
    BOOST_TEST(card->get_Context(&context) == S_OK);
    BOOST_TEST(world.contexts.count(static_cast<SCARDCONTEXT>(context)) == 1U);
}

BOOST_FIXTURE_TEST_CASE(two_objects_have_two_contexts, Unattached) {
    const Ref<ISCard> other(new_card());
    HSCARDCONTEXT first = 0;
    HSCARDCONTEXT second = 0;
    BOOST_TEST(card->get_Context(&first) == S_OK);
    BOOST_TEST(other->get_Context(&second) == S_OK);
    BOOST_TEST(first != second);
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(attach_by_reader)

BOOST_FIXTURE_TEST_CASE(defaults_are_exclusive_and_t0, Unattached) {
    BOOST_TEST(card->AttachByReader(name.value) == S_OK);
    BOOST_TEST(reader().connections == -1);
    SCARD_PROTOCOLS protocol{};
    BOOST_TEST(card->get_Protocol(&protocol) == S_OK);
    BOOST_TEST(protocol == T0);
    HSCARD handle = 0;
    BOOST_TEST(card->get_CardHandle(&handle) == S_OK);
    BOOST_TEST(world.handles.count(static_cast<SCARDHANDLE>(handle)) == 1U);
}

BOOST_FIXTURE_TEST_CASE(raw_is_translated_by_equality_both_ways, Unattached) {
    BOOST_TEST(card->AttachByReader(name.value, SHARED, RAW) == S_OK);
    BOOST_TEST(reader().active == DWORD{SCARD_PROTOCOL_RAW});
    SCARD_PROTOCOLS protocol{};
    BOOST_TEST(card->get_Protocol(&protocol) == S_OK);
    BOOST_TEST(protocol == RAW);
}

BOOST_DATA_TEST_CASE(protocols_that_are_none_are_refused, data::make({0, 4, 8, 0x7F, 0x100}), protocol) {
    const Unattached fixture;
    BOOST_TEST(fixture.card->AttachByReader(fixture.name.value, SHARED,
                                            static_cast<SCARD_PROTOCOLS>(protocol)) == E_INVALIDARG);
}

BOOST_FIXTURE_TEST_CASE(names_that_are_none_are_refused, Unattached) {
    const Name empty(L"");
    const wchar_t surrogate[] = {0xD800, 0};
    const Name broken(&surrogate[0]);
    BOOST_TEST(card->AttachByReader(nullptr, SHARED, k_any) == E_INVALIDARG);
    BOOST_TEST(card->AttachByReader(empty.value, SHARED, k_any) == E_INVALIDARG);
    BOOST_TEST(card->AttachByReader(broken.value, SHARED, k_any) == E_INVALIDARG);
    BSTR const cut = SysAllocStringLen(L"Fake\0Reader", 11);
    BOOST_TEST(card->AttachByReader(cut, SHARED, k_any) == E_INVALIDARG);
    SysFreeString(cut);
}

BOOST_FIXTURE_TEST_CASE(names_travel_as_utf8, Unattached) {
    world.insert("Lesegerät € 𝄞", {0x3B, 0x00});
    const Name wide(L"Leseger\u00E4t \u20AC \U0001D11E");
    BOOST_TEST(card->AttachByReader(wide.value, SHARED, k_any) == S_OK);
}

BOOST_FIXTURE_TEST_CASE(failures_are_the_managers, Unattached) {
    const Name none(L"none");
    BOOST_TEST(card->AttachByReader(none.value, SHARED, k_any) == scard(SCARD_E_UNKNOWN_READER));
    world.fail_next("SCardConnect", SCARD_E_SHARING_VIOLATION);
    BOOST_TEST(card->AttachByReader(name.value, SHARED, k_any) == scard(SCARD_E_SHARING_VIOLATION));
    reader().protocols = SCARD_PROTOCOL_T1;
    BOOST_TEST(card->AttachByReader(name.value) == scard(SCARD_E_PROTO_MISMATCH));
    world.remove(fake::k_reader);
    BOOST_TEST(card->AttachByReader(name.value, SHARED, k_any) == scard(SCARD_E_NO_SMARTCARD));
}

BOOST_FIXTURE_TEST_CASE(a_second_attach_leaves_the_first_card, Unattached) {
    BOOST_TEST(card->AttachByReader(name.value) == S_OK);
    BOOST_TEST(card->LockSCard() == S_OK);
    BOOST_TEST(card->AttachByReader(name.value) == S_OK); // would be shut out by the first, exclusive one
    BOOST_TEST(world.handles.size() == 1U);
    BOOST_TEST(card->UnlockSCard() == scard(SCARD_E_NOT_TRANSACTED));
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(attach_by_handle)

struct Foreign : Unattached {
    Foreign() {
        SCARDCONTEXT context = 0;
        DWORD protocol = 0;
        SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context);
        SCardConnect(context, fake::k_reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &handle, &protocol);
    }
    SCARDHANDLE handle = 0;
};

BOOST_FIXTURE_TEST_CASE(bad_handles_are_invalid_arguments, Foreign) {
    BOOST_TEST(card->AttachByHandle(0) == E_INVALIDARG);
    BOOST_TEST(card->AttachByHandle(0xDEAD) == E_INVALIDARG);
}

BOOST_FIXTURE_TEST_CASE(the_handle_works_and_detach_ends_it, Foreign) {
    BOOST_TEST(card->AttachByHandle(static_cast<HSCARD>(handle)) == S_OK);
    HSCARD seen = 0;
    BOOST_TEST(card->get_CardHandle(&seen) == S_OK);
    BOOST_TEST(seen == static_cast<HSCARD>(handle));
    BOOST_TEST(card->LockSCard() == S_OK);
    BOOST_TEST(card->Transaction(&raw_command) == S_OK);
    BOOST_TEST(reply_of(raw_command) == "9000");
    BOOST_TEST(card->Detach() == S_OK);
    BOOST_TEST(world.handles.empty());
}

BOOST_FIXTURE_TEST_CASE(release_ends_our_locks_but_not_the_callers_connection, Foreign) {
    BOOST_TEST(card->AttachByHandle(static_cast<HSCARD>(handle)) == S_OK);
    BOOST_TEST(card->LockSCard() == S_OK);
    BOOST_TEST(card->LockSCard() == S_OK);
    card.reset();
    BOOST_TEST(world.handles.count(handle) == 1U);
    BOOST_TEST(reader().count == 0);
}

BOOST_FIXTURE_TEST_CASE(a_pending_reset_is_left_to_the_next_call, Foreign) {
    world.reset_by_others(fake::k_reader);
    BOOST_TEST(card->AttachByHandle(static_cast<HSCARD>(handle)) == S_OK);
    BOOST_TEST(card->LockSCard() == scard(SCARD_W_RESET_CARD));
    SCARD_STATES state{};
    BOOST_TEST(card->get_Status(&state) == scard(SCARD_W_RESET_CARD)); // the reader's name is not known
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(lock)

BOOST_FIXTURE_TEST_CASE(locks_nest_and_unlock_in_turn, Attached) {
    BOOST_TEST(card->LockSCard() == S_OK);
    BOOST_TEST(card->LockSCard() == S_OK);
    BOOST_TEST(reader().count == 2);
    BOOST_TEST(card->UnlockSCard() == S_OK);
    BOOST_TEST(reader().count == 1);
    BOOST_TEST(card->UnlockSCard() == S_OK);
    BOOST_TEST(reader().owner == 0);
    BOOST_TEST(card->UnlockSCard() == scard(SCARD_E_NOT_TRANSACTED));
}

BOOST_FIXTURE_TEST_CASE(unlock_without_lock_applies_no_disposition, Attached) {
    BOOST_TEST(card->UnlockSCard(RESET) == scard(SCARD_E_NOT_TRANSACTED));
    BOOST_TEST(reader().dispositions.empty());
}

BOOST_FIXTURE_TEST_CASE(bad_disposition_leaves_the_lock, Attached) {
    BOOST_TEST(card->LockSCard() == S_OK);
    BOOST_TEST(card->UnlockSCard(static_cast<SCARD_DISPOSITIONS>(9)) == E_INVALIDARG);
    BOOST_TEST(reader().count == 1);
    BOOST_TEST(card->UnlockSCard() == S_OK);
}

BOOST_DATA_TEST_CASE(dispositions_reach_the_card, data::make({LEAVE, RESET, UNPOWER}), disposition) {
    const Attached fixture;
    BOOST_TEST(fixture.card->LockSCard() == S_OK);
    BOOST_TEST(fixture.card->UnlockSCard(disposition) == S_OK);
    BOOST_TEST(fixture.reader().dispositions.back() == static_cast<DWORD>(disposition));
    BOOST_TEST(fixture.card->LockSCard() == (disposition == LEAVE ? S_OK : scard(SCARD_W_RESET_CARD)));
}

BOOST_FIXTURE_TEST_CASE(unsupported_feature_has_windows_number_and_the_lock_is_gone, Attached) {
    BOOST_TEST(card->LockSCard() == S_OK);
    BOOST_TEST(card->UnlockSCard(EJECT) == static_cast<HRESULT>(0x80100022U));
    BOOST_TEST(reader().count == 0);
    BOOST_TEST(card->UnlockSCard() == scard(SCARD_E_NOT_TRANSACTED));
}

BOOST_FIXTURE_TEST_CASE(a_reset_is_reported_until_reattach, Attached) {
    world.reset_by_others(fake::k_reader);
    BOOST_TEST(card->LockSCard() == scard(SCARD_W_RESET_CARD));
    BOOST_TEST(card->Transaction(&raw_command) == scard(SCARD_W_RESET_CARD));
    BOOST_TEST(card->ReAttach(SHARED) == S_OK);
    BOOST_TEST(card->LockSCard() == S_OK);
}

BOOST_FIXTURE_TEST_CASE(a_reset_while_locked_is_reported_by_unlock_which_frees_the_card, Attached) {
    BOOST_TEST(card->LockSCard() == S_OK);
    BOOST_TEST(card->LockSCard() == S_OK);
    BOOST_TEST(card->UnlockSCard(RESET) == S_OK);
    BOOST_TEST(card->UnlockSCard() == scard(SCARD_W_RESET_CARD));
    BOOST_TEST(reader().owner == 0);
    BOOST_TEST(card->UnlockSCard() == scard(SCARD_E_NOT_TRANSACTED));
}

BOOST_FIXTURE_TEST_CASE(a_lock_that_cannot_be_ended_can_be_unlocked_again, Attached) {
    BOOST_TEST(card->LockSCard() == S_OK);
    world.reset_by_others(fake::k_reader);
    world.fail_next("SCardReconnect", SCARD_W_UNRESPONSIVE_CARD);
    BOOST_TEST(card->UnlockSCard() == scard(SCARD_W_RESET_CARD));
    BOOST_TEST(reader().count == 1);
    BOOST_TEST(card->UnlockSCard() == scard(SCARD_W_RESET_CARD));
    BOOST_TEST(reader().count == 0);
}

BOOST_FIXTURE_TEST_CASE(removal_is_reported_and_takes_the_lock_along, Attached) {
    BOOST_TEST(card->LockSCard() == S_OK);
    world.remove(fake::k_reader);
    BOOST_TEST(card->Transaction(&raw_command) == scard(SCARD_W_REMOVED_CARD));
    BOOST_TEST(card->UnlockSCard() == scard(SCARD_W_REMOVED_CARD));
    BOOST_TEST(card->UnlockSCard() == scard(SCARD_E_NOT_TRANSACTED));
    SCARD_STATES state{};
    BOOST_TEST(card->get_Status(&state) == S_OK);
    BOOST_TEST(state == ABSENT);
    BOOST_TEST(card->ReAttach(SHARED) == scard(SCARD_E_NO_SMARTCARD));
}

BOOST_FIXTURE_TEST_CASE(detach_frees_every_level, Attached) {
    BOOST_TEST(card->LockSCard() == S_OK);
    BOOST_TEST(card->LockSCard() == S_OK);
    BOOST_TEST(card->Detach() == S_OK);
    BOOST_TEST(reader().owner == 0);
    BOOST_TEST(reader().dispositions.back() == DWORD{SCARD_LEAVE_CARD});
}

BOOST_FIXTURE_TEST_CASE(final_release_detaches_with_leave, Attached) {
    BOOST_TEST(card->LockSCard() == S_OK);
    card.reset();
    BOOST_TEST(world.handles.empty());
    BOOST_TEST(world.contexts.empty());
    BOOST_TEST(reader().owner == 0);
    BOOST_TEST(reader().dispositions.back() == DWORD{SCARD_LEAVE_CARD});
}

BOOST_FIXTURE_TEST_CASE(a_second_object_waits_until_unlock, Attached,
                        *boost::unit_test::enable_if<cardlatch::test::k_queue_tells>()) {
    const Ref<ISCard> other(new_card());
    BOOST_TEST(other->AttachByReader(name.value, SHARED, k_any) == S_OK);
    BOOST_TEST(card->LockSCard() == S_OK);
    HRESULT waited = E_FAIL;
    std::thread waiter([&] { waited = other->LockSCard(); });
    BOOST_TEST(cardlatch::test::wait_for_queue(fake::k_reader, 1));
    BOOST_TEST(card->UnlockSCard() == S_OK);
    waiter.join();
    BOOST_TEST(waited == S_OK);
    BOOST_TEST(other->UnlockSCard() == S_OK);
}

BOOST_FIXTURE_TEST_CASE(detach_from_another_thread_ends_a_wait, Attached,
                        *boost::unit_test::enable_if<cardlatch::test::k_queue_tells>()) {
    const Ref<ISCard> other(new_card());
    BOOST_TEST(other->AttachByReader(name.value, SHARED, k_any) == S_OK);
    BOOST_TEST(card->LockSCard() == S_OK);
    HRESULT waited = S_OK;
    std::thread waiter([&] { waited = other->LockSCard(); });
    BOOST_TEST(cardlatch::test::wait_for_queue(fake::k_reader, 1));
    BOOST_TEST(other->Detach() == S_OK);
    waiter.join();
    BOOST_TEST(waited == scard(SCARD_E_INVALID_HANDLE));
}

BOOST_FIXTURE_TEST_CASE(threads_may_share_an_object, Attached) {
    std::vector<std::thread> threads;
    std::atomic<int> failures{0};
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            const Com thread_com;
            auto* pointer = static_cast<ISCardCmd*>(nullptr);
            CoCreateInstance(CLSID_CSCardCmd, nullptr, CLSCTX_ALL, IID_ISCardCmd,
                             reinterpret_cast<void**>(&pointer));
            pointer->BuildCmd(0x00, 0x84);
            for (int n = 0; n < 200; ++n) {
                failures += card->LockSCard() == S_OK ? 0 : 1;
                failures += card->Transaction(&pointer) == S_OK ? 0 : 1;
                failures += card->UnlockSCard() == S_OK ? 0 : 1;
            }
            pointer->Release();
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    BOOST_TEST(failures == 0);
    BOOST_TEST(reader().owner == 0);
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(reattach)

BOOST_FIXTURE_TEST_CASE(drops_the_locks, Attached) {
    BOOST_TEST(card->LockSCard() == S_OK);
    BOOST_TEST(card->LockSCard() == S_OK);
    BOOST_TEST(card->ReAttach(SHARED, RESET) == S_OK);
    BOOST_TEST(reader().owner == 0);
    BOOST_TEST(reader().dispositions.front() == DWORD{SCARD_RESET_CARD});
    BOOST_TEST(card->UnlockSCard() == scard(SCARD_E_NOT_TRANSACTED));
    BOOST_TEST(card->LockSCard() == S_OK);
}

BOOST_FIXTURE_TEST_CASE(a_failed_one_keeps_the_locks, Attached) {
    BOOST_TEST(card->LockSCard() == S_OK);
    BOOST_TEST(card->ReAttach(SHARED, EJECT) == scard(SCARD_E_INVALID_VALUE));
    BOOST_TEST(card->UnlockSCard() == S_OK);
}

BOOST_FIXTURE_TEST_CASE(exclusive_to_shared_lets_others_in, Unattached) {
    BOOST_TEST(card->AttachByReader(name.value) == S_OK);
    BOOST_TEST(card->LockSCard() == S_OK);
    BOOST_TEST(card->ReAttach(SHARED) == S_OK);
    const Ref<ISCard> other(new_card());
    BOOST_TEST(other->AttachByReader(name.value, SHARED, k_any) == S_OK);
    BOOST_TEST(other->LockSCard() == S_OK);
}

BOOST_AUTO_TEST_SUITE_END()
