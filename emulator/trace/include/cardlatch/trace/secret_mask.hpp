#pragma once

#include <cardlatch/base/bytes.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace cardlatch::trace {

/// Which bytes of an exchange are secret: [begin, end) of the command, [0, end) of the response.
struct SecretBytes {
    std::size_t command_begin = 0;
    std::size_t command_end = 0;
    std::size_t response_end = 0;
};

/// Knows which commands carry PINs, keys and what keys protect, by their instruction: reference data (VERIFY,
/// CHANGE REFERENCE DATA, ENABLE and DISABLE VERIFICATION REQUIREMENT, RESET RETRY COUNTER), authentication
/// (EXTERNAL, INTERNAL and GENERAL AUTHENTICATE, both directions), imported and management keys, what was
/// deciphered, PIN-protected data objects of PIV, and whatever ENVELOPE and GET RESPONSE carry of these.
///
/// Lengths stay visible, so the length of a PIN that is sent without padding does too. What it cannot know:
/// secrets in commands of applications that nobody described here. Source: ISO/IEC 7816-4 §11.6, ISO/IEC
/// 7816-8 §6, SP 800-73-4 part 2 §3.2 and part 1 table 3, OpenPGP application 3.4 §7.2, docs/piv.md.
class SecretMask {
  public:
    /// Looks at the next exchange of one card. Chained commands and held responses follow the command that
    /// began them, so exchanges come in order.
    SecretBytes examine(ByteView command, ByteView response);

    /// After a reset nothing is chained or held.
    void reset();

  private:
    bool chain_is_secret_ = false; ///< an earlier link of the chain under way says so
    bool envelope_is_secret_ = false;
    bool envelope_began_ = false;
    bool response_is_secret_ = false; ///< what GET RESPONSE fetches
};

/// Hexadecimal bytes with blanks between them; those in [begin, end) as `mask`, two characters each.
std::string masked_hex(ByteView bytes, std::size_t begin, std::size_t end, std::string_view mask);

} // namespace cardlatch::trace
