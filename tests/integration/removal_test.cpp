// A card that leaves while clients reset it: the reader is seen to be empty, however the two fall together.

#include <cardlatch/harness/test_stack.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>
#include <vector>
#include <winscard.h>

using namespace cardlatch;

namespace {

/// Resets the card by all three ways that pcscd has, until `stop`.
void reset_on_and_on(const std::string& reader, const std::atomic<bool>& stop) {
    SCARDCONTEXT context = 0;
    if (::SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context) != SCARD_S_SUCCESS) {
        return;
    }
    while (!stop) {
        SCARDHANDLE card = 0;
        DWORD protocol = 0;
        if (::SCardConnect(context, reader.c_str(), SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card,
                           &protocol) != SCARD_S_SUCCESS) {
            std::this_thread::yield();
            continue;
        }
        for (int i = 0; i < 3; ++i) {
            (void)::SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY,
                                   i == 1 ? SCARD_UNPOWER_CARD : SCARD_RESET_CARD, &protocol);
        }
        if (::SCardBeginTransaction(card) == SCARD_S_SUCCESS) {
            (void)::SCardEndTransaction(card, SCARD_RESET_CARD);
        }
        (void)::SCardDisconnect(card, SCARD_RESET_CARD);
    }
    (void)::SCardReleaseContext(context);
}

} // namespace

BOOST_AUTO_TEST_SUITE(removal)

BOOST_AUTO_TEST_CASE(card_that_leaves_in_the_middle_of_a_reset_is_seen_to_be_gone) {
    constexpr int k_rounds = 300;
    harness::TestStack stack({"filecard"});
    auto& reader = stack.reader();
    std::atomic<bool> stop = false;
    std::vector<std::jthread> clients;
    clients.reserve(3);
    for (int i = 0; i < 3; ++i) {
        clients.emplace_back([&] { reset_on_and_on(reader.name(), stop); });
    }
    try {
        for (int round = 0; round < k_rounds; ++round) {
            reader.remove(); // throws when no client sees it
            reader.insert();
        }
    } catch (const std::exception& error) {
        BOOST_ERROR(error.what() << "\n" << stack.report());
    }
    stop = true;
}

BOOST_AUTO_TEST_SUITE_END()
