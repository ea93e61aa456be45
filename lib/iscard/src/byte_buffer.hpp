#pragma once

#include "com_object.hpp"

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/iscard/bytebuffer.h>

namespace cardlatch::iscard {

/// A new, not yet initialised CByteBuffer. Throws std::bad_alloc.
ComPtr<IByteBuffer> new_byte_buffer();

/// Stores a new buffer with a copy of `bytes`, standing at the first byte. Throws std::bad_alloc.
HRESULT give_bytes(ByteView bytes, IByteBuffer** out);

/// Copies all bytes of any implementation's `buffer`, wherever its seek pointer stands, and leaves that where
/// it was. E_INVALIDARG when there are more than `longest` bytes. Throws std::bad_alloc.
HRESULT take_bytes(IByteBuffer* buffer, std::size_t longest, Bytes& out);

} // namespace cardlatch::iscard
