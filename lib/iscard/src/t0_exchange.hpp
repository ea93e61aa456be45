#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>

#include <functional>

namespace cardlatch::iscard {

/// Sends one command TPDU and returns the reply with SW1-SW2.
using Exchange = std::function<Result<Bytes>(ByteView)>;

/// Sends `command` as T=0 wants it: a reply 6Cxx repeats the command with Le = xx, once; a reply 61xx fetches
/// the rest with GET RESPONSE commands of class `class_id`. Returns the data of all replies and the last
/// SW1-SW2, 65,538 bytes at the longest; an incomplete reply ends with the 61xx that could not be followed.
/// Errors: those of `send`. Source: ISO/IEC 7816-3 §12.2.
Result<Bytes> exchange_t0(const Exchange& send, ByteView command, std::uint8_t class_id);

} // namespace cardlatch::iscard
