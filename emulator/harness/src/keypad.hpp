#pragma once

#include <cardlatch/vpcd/pin_entry.hpp>

#include <condition_variable>
#include <mutex>
#include <optional>

namespace cardlatch::harness {

/// The keys of a reader's PIN pad. Keys may be pressed before the reader asks: they wait for its next
/// request, once. Thread-safe.
class Keypad {
  public:
    /// Answers the request under way, or the next one. A second call before that replaces the first.
    void type(vpcd::PinEntry entry);

    /// Waits for type(), at most as long as the request says (30 s when it leaves that to the keypad).
    /// Outcome::cancelled once shut.
    vpcd::PinEntry enter(const vpcd::PinRequest& request);

    /// A card is in the reader: keys work.
    void open();
    /// No card: whoever waits is sent away, and keys that waited are forgotten.
    void shut();

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<vpcd::PinEntry> typed_;
    bool shut_ = true;
};

} // namespace cardlatch::harness
