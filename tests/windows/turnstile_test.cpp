// The queue on Windows: between threads, between processes, and when its holder is killed.

#include "turnstile.hpp"

#include <cardlatch/pcsc/error.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>
#include <thread>
#include <windows.h>

using cardlatch::pcsc::Errc;
using cardlatch::pcsc::detail::CancelPoint;
using cardlatch::pcsc::detail::Turn;
using cardlatch::pcsc::detail::Turnstile;
using Clock = std::chrono::steady_clock;

namespace {

const std::string k_reader = "Reader of the turnstile test";
constexpr const wchar_t* k_held = L"Local\\Cardlatch test: the child has the turn";

Clock::time_point soon() {
    return Clock::now() + std::chrono::milliseconds(20);
}
Clock::time_point far_away() {
    return Clock::now() + std::chrono::seconds(60);
}

} // namespace

BOOST_AUTO_TEST_SUITE(turnstile)

BOOST_AUTO_TEST_CASE(one_has_the_turn_at_a_time_and_gives_it_on) {
    Turnstile mine(k_reader);
    Turnstile other(k_reader);
    CancelPoint point;
    auto turn = mine.take(far_away(), point);
    BOOST_REQUIRE(turn);
    BOOST_TEST(turn.value().held());
    BOOST_TEST(Turnstile::look(k_reader).holder.has_value());
    const auto late = other.take(soon(), point);
    BOOST_REQUIRE(!late);
    BOOST_TEST((late.error().code == Errc::timeout));
    std::thread([given = std::move(turn).value()]() mutable { given.give(); }).join(); // from any thread
    const auto next = other.take(far_away(), point);
    BOOST_REQUIRE(next);
    BOOST_TEST(next.value().held());
}

BOOST_AUTO_TEST_CASE(who_is_not_wanted_any_more_leaves_the_queue) {
    Turnstile mine(k_reader);
    Turnstile other(k_reader);
    CancelPoint point;
    CancelPoint cancelled;
    auto turn = mine.take(far_away(), point);
    BOOST_REQUIRE(turn);
    std::thread canceller([&] { cancelled.cancel(); });
    const auto outcome = other.take(far_away(), cancelled);
    canceller.join();
    BOOST_REQUIRE(!outcome);
    BOOST_TEST((outcome.error().code == Errc::cancelled));
    turn.value().give();
    CancelPoint fresh;
    BOOST_TEST(other.take(far_away(), fresh).value().held()); // the one who left has not got it
}

BOOST_AUTO_TEST_CASE(a_holder_waited_for_in_vain_is_passed_by) {
    Turnstile mine(k_reader);
    Turnstile other(k_reader);
    CancelPoint point;
    auto turn = mine.take(far_away(), point);
    BOOST_REQUIRE(turn);
    other.give_up_on_holder();
    BOOST_TEST(!other.take(far_away(), point).value().held()); // goes on without
    turn.value().give();
    while (Turnstile::look(k_reader).holder) {
        std::this_thread::yield();
    }
    BOOST_TEST(other.take(far_away(), point).value().held());
}

BOOST_AUTO_TEST_CASE(a_killed_holder_s_turn_is_given_on) {
    HANDLE const held = ::CreateEventW(nullptr, TRUE, FALSE, k_held);
    wchar_t path[MAX_PATH];
    BOOST_REQUIRE(::GetModuleFileNameW(nullptr, path, MAX_PATH) > 0);
    std::wstring command = L"\"" + std::wstring(path) + L"\" --run_test=turn_child/holds_until_killed";
    STARTUPINFOW start{};
    start.cb = sizeof(start);
    PROCESS_INFORMATION child{};
    BOOST_REQUIRE(::CreateProcessW(path, command.data(), nullptr, nullptr, FALSE, 0, nullptr, nullptr, &start,
                                   &child) != 0);
    BOOST_REQUIRE(::WaitForSingleObject(held, 60000) == WAIT_OBJECT_0);
    Turnstile mine(k_reader);
    CancelPoint point;
    BOOST_TEST(!mine.take(soon(), point)); // another process has it
    BOOST_REQUIRE(::TerminateProcess(child.hProcess, 9) != 0);
    const auto turn = mine.take(far_away(), point);
    BOOST_REQUIRE(turn);
    BOOST_TEST(turn.value().held());
    ::CloseHandle(child.hProcess);
    ::CloseHandle(child.hThread);
    ::CloseHandle(held);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(turn_child, *boost::unit_test::disabled())

BOOST_AUTO_TEST_CASE(holds_until_killed) {
    Turnstile mine(k_reader);
    CancelPoint point;
    const auto turn = mine.take(far_away(), point);
    BOOST_REQUIRE(turn);
    HANDLE const held = ::OpenEventW(EVENT_MODIFY_STATE, FALSE, k_held);
    BOOST_REQUIRE(held != nullptr);
    ::SetEvent(held);
    ::Sleep(120000);
}

BOOST_AUTO_TEST_SUITE_END()
