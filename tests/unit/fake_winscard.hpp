#pragma once

#include <cardlatch/base/bytes.hpp>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>
#include <winscard.h>
#ifdef _WIN32
#include <winsmcrd.h>
#define SCARD_PROTOCOL_ANY (SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1)
#endif

/// A resource manager in memory, linked in place of libpcsclite: it defines the SCard symbols that lib/pcsc
/// calls. On Windows the symbols are winscard.dll's narrow ones, and fake_winscard_windows.cpp has the wide
/// ones that lib/pcsc calls there.
///
/// Models pcsc-lite 1.9.9: readers, cards, share modes, the transaction's owner and count, pending reset and
/// removal events, dispositions, blocking begin, transmit, status and connect, cancellable status changes,
/// the lock that a change from exclusive to shared leaves behind. Does not model: the polling and its delays
/// (a waiter is woken at once), fairness, contexts that serialise their calls, reader groups, attributes,
/// control codes, SCARD_AUTOALLOCATE, the power states of an unused card, several processes.
namespace fake {

inline constexpr const char* k_reader = "Fake Reader 00 00";

struct Reader {
    cardlatch::Bytes atr;                   ///< empty: no card
    bool mute = false;                      ///< the card does not answer a reset
    DWORD protocols = 3;                    ///< that the card can do
    DWORD active = 0;                       ///< protocol in use
    SCARDHANDLE owner = 0;                  ///< of the transaction
    int count = 0;                          ///< levels of it
    int connections = 0;                    ///< -1: one exclusive
    std::uint16_t events = 0;               ///< insertions and removals
    std::vector<DWORD> dispositions;        ///< all that were applied, LEAVE included
    std::vector<cardlatch::Bytes> commands; ///< all that were sent
};

struct Handle {
    SCARDCONTEXT context = 0;
    std::string reader;
    LONG event = SCARD_S_SUCCESS; ///< pending SCARD_W_RESET_CARD or SCARD_W_REMOVED_CARD
};

/// The state behind the SCard symbols. Tests change it through the functions, which lock and wake; plain
/// members are for tests without threads.
class World {
  public:
    static World& get();

    /// Back to: service runs, one reader k_reader with a card that does T=0 and T=1 and answers 9000.
    void reset();

    void insert(const std::string& reader, cardlatch::Bytes atr);
    void remove(const std::string& reader);
    /// What every connection sees when some other program resets the card.
    void reset_by_others(const std::string& reader);
    void unplug(const std::string& reader);
    /// The next call of `function` fails with `code` before it does anything.
    void fail_next(const std::string& function, LONG code);
    /// How often `function` was called.
    int calls(const std::string& function);
    /// Waits until a call of `function` is blocked. False after ten seconds.
    bool wait_for_blocked(const std::string& function);

    std::mutex mutex;
    std::condition_variable changed;
    std::map<std::string, Reader> readers;
    std::map<SCARDHANDLE, Handle> handles;
    std::set<SCARDCONTEXT> contexts;
    std::map<std::string, std::vector<LONG>> failures;
    std::map<std::string, int> counts;
    std::map<std::string, int> blocked;
    std::set<SCARDCONTEXT> cancelled;
    bool service = true;
    bool end_after_reset_releases = false;                     ///< as Windows; pcsc-lite does not
    std::function<cardlatch::Bytes(cardlatch::ByteView)> card; ///< answers commands
    LONG next_number = 0x1000;
};

/// What a reset does to every connection; the world's mutex is the caller's.
void set_reset_event(World& world, const std::string& reader);

} // namespace fake
