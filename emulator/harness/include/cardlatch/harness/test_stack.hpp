#pragma once

#include <cardlatch/harness/private_stack.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cardlatch::harness {

class TestStack;

/// One reader of a TestStack. Every change has been seen by a PC/SC client when the function returns.
///
/// Failures are exceptions, because that is what a test framework reports as the failure of a test case:
/// std::system_error with the code and the sentence of the Result that PrivateStack returns.
/// Threads: all functions may be called from several threads.
class VirtualReader {
  public:
    /// The name that PC/SC clients use.
    [[nodiscard]] const std::string& name() const { return name_; }

    /// Puts the card that was in the reader last into it, with everything that was on it.
    void insert();
    /// Puts a card that nobody has used yet into the reader: `card` is a shipped profile's name or a TOML
    /// file.
    void insert(const std::string& card);
    /// Pulls the card.
    void remove();
    /// Unplugs the reader itself: it is gone from the clients' list, and its place is the next reader's.
    void unplug();
    /// Resets the card as another client would: connected clients get SCARD_W_RESET_CARD. Waits while a
    /// client holds a transaction, for at most StackOptions::deadline.
    void reset();

    /// Whether one more PC/SC client gets the card, tried for `patience`: false while somebody holds a
    /// transaction or has the card exclusively. True comes at once; false takes all of `patience`, unless the
    /// card is held exclusively. What it tells of the program under test: after a sequence, also a failed
    /// one, the card has to be free; within it, it must not be.
    [[nodiscard]] bool is_free(std::chrono::milliseconds patience = std::chrono::milliseconds(1000)) const;

    /// Presses keys on the reader's PIN pad: they answer the request under way, or the next one. Needs
    /// StackOptions::pin_pad.
    void type_pin(std::string_view pin);
    /// The same for a change of the PIN: the reader asks for the present one, the new one, and the new one
    /// again.
    void type_new_pin(std::string_view pin, std::string_view fresh);
    /// Presses the cancel key.
    void cancel_pin();

    /// Lets the card in this reader, or the reader itself, do something wrong: `spec` is TYPE[,KEY=VALUE...],
    /// as in docs/faults.md, for instance "wrong-sw,sw=6581,ins=D6". Returns the fault's name. With on=now it
    /// has happened when this returns.
    std::string add_fault(std::string_view spec);

    /// Whether clients see a card in the reader.
    [[nodiscard]] bool holds_card() const;
    /// Name, state, profile, ATR and link as `cardlatch status` shows them.
    [[nodiscard]] SlotStatus status() const;

    /// Waits for the next event `what` ("inserted", "removed", "reset", a fault's type) of this reader, and
    /// returns it.
    /// "Next" is counted from the event that the last call returned, so that none is missed between two
    /// calls. Throws std::errc::timed_out after `patience`.
    Event wait_for(std::string_view what, std::chrono::milliseconds patience = std::chrono::seconds(10));

  private:
    friend class TestStack;
    VirtualReader(TestStack& stack, std::size_t slot, std::string name);
    TestStack* stack_;
    std::size_t slot_;
    std::string name_;
    std::size_t seen_ = 0; ///< events before this one are done with
};

/// A private stack for a test case in this very process.
///
/// libpcsclite asks the environment for its pcscd once per process (PCSCLITE_CSOCK_NAME, at the first
/// SCardEstablishContext) and never again. So the first TestStack of a process makes one place for good, sets
/// PCSCLITE_CSOCK_NAME and CARDLATCH_CONTROL to it, and every TestStack in turn takes that place: each test
/// case gets a pcscd, readers and cards of its own, in about 50 ms, and contexts of the test case before are
/// as dead as their pcscd. Child processes inherit the environment and meet the same stack.
///
/// Two rules follow. One: the first TestStack comes before the first SCard call of the process, and while no
/// other thread reads the environment. Two: one at a time; a second one beside a living one throws
/// std::errc::device_or_resource_busy (PrivateStack has no such limit, its clients are other processes).
class TestStack {
  public:
    /// One reader for each of `cards`: shipped profiles' names, TOML files, or "none" for an empty reader.
    /// `options` are those of PrivateStack except its slots. Returns when clients see every card. Throws what
    /// PrivateStack::start() returns.
    explicit TestStack(const std::vector<std::string>& cards = {k_default_card}, StackOptions options = {});

    /// Ends the stack. The readers are gone with it.
    ~TestStack();
    TestStack(const TestStack&) = delete;
    TestStack& operator=(const TestStack&) = delete;

    [[nodiscard]] std::size_t size() const;
    /// Throws std::out_of_range for a number that is not there.
    [[nodiscard]] VirtualReader& reader(std::size_t number = 0);

    /// Plugs in one more reader while the stack runs, with `card` in it, or "none". `name` empty: as the
    /// others. The reference is good as long as the stack, but a reader that is unplugged leaves its place to
    /// the next one.
    VirtualReader& add_reader(const std::string& name = {}, const std::string& card = "none");

    /// For what has no shorter form here.
    [[nodiscard]] PrivateStack& stack();

    /// The faults there are, and how often each has struck.
    [[nodiscard]] std::vector<fault::FaultStatus> faults() const;
    /// Removes a fault and mends what it did, if that lasts (unplug, kill-pcscd).
    void remove_fault(const std::string& name);
    /// As remove_fault(), for all of them.
    void clear_faults();

    /// What happened so far.
    [[nodiscard]] std::vector<Event> events() const;

    /// The story for a failed test case: every event, one per line, and the end of pcscd's log.
    [[nodiscard]] std::string report() const;

  private:
    friend class VirtualReader;
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace cardlatch::harness
