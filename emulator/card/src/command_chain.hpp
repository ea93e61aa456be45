#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/iso7816/apdu.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace cardlatch::card {

/// Puts the parts of a command chain together, so that applications see whole commands only.
/// Source: ISO/IEC 7816-4 §5.3.3 (command chaining: CLA bit 5 set in every command but the last).
class CommandChain {
  public:
    /// Longest command data that a chain may carry, bytes: what one extended command could.
    static constexpr std::size_t k_max_data = 65535;

    CommandChain() = default;
    CommandChain(const CommandChain&) = delete;
    CommandChain& operator=(const CommandChain&) = delete;
    ~CommandChain() { clear(); }

    /// Takes the next command; `command.cla` has the chaining bit cleared, `more` tells what it was.
    /// Returns nothing when `command` is to be executed: it is single, or now holds the data of its whole
    /// chain. Otherwise the answer: 9000 for a part that was kept; 6883 for a command that does not continue
    /// the open chain, which is broken off while the command is not executed; 6700 beyond k_max_data.
    [[nodiscard]] std::optional<iso7816::StatusWord> take(iso7816::CommandApdu& command, bool more);

    /// Breaks the chain off, if there is one, and wipes its data.
    void clear();

  private:
    using Header = std::array<std::uint8_t, 4>;
    std::optional<Header> header_; ///< of the chain that is open
    Bytes data_;
};

} // namespace cardlatch::card
