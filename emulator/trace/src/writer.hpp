#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/trace/event.hpp>
#include <cardlatch/trace/secret_mask.hpp>

#include <memory>
#include <string_view>

namespace cardlatch::trace {

/// Where a writer's bytes go; errors are kept there.
class Output {
  public:
    Output() = default;
    virtual ~Output() = default;
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    virtual void write(ByteView bytes) = 0;
    void write(std::string_view text) { write(as_bytes(text)); }
};

/// One format of a trace. Used by one thread at a time.
class Writer {
  public:
    Writer() = default;
    virtual ~Writer() = default;
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    /// `secret` are the bytes of `event` that are not to be shown.
    virtual void write(const Event& event, const SecretBytes& secret) = 0;
    /// What belongs at the end.
    virtual void finish() {}
};

} // namespace cardlatch::trace
