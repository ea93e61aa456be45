#pragma once

#include <cstddef>
#include <cstdint>

// The messages of pcsc-lite's clients that a tap looks into, laid out as on the socket: numbers of this
// machine, no padding. Source: pcsc-lite winscard_msg.h, protocol 4:4 to 4:6.

namespace cardlatch::harness::pcsc_message {

/// What a message asks for.
enum class Code : std::uint32_t {
    connect = 0x04,
    reconnect = 0x05,
    disconnect = 0x06,
    begin_transaction = 0x07,
    end_transaction = 0x08,
    transmit = 0x09,
    control = 0x0A,
};

/// Before every request; `size` does not count what transmit and control send behind their structure.
struct Header {
    std::uint32_t size;
    Code command;
};

struct Connect {
    std::uint32_t context;
    char reader[128];
    std::uint32_t share_mode;
    std::uint32_t preferred_protocols;
    std::int32_t card;
    std::uint32_t active_protocol;
    std::uint32_t result;
};

struct Reconnect {
    std::int32_t card;
    std::uint32_t share_mode;
    std::uint32_t preferred_protocols;
    std::uint32_t initialization;
    std::uint32_t active_protocol;
    std::uint32_t result;
};

/// Disconnect and end of transaction.
struct End {
    std::int32_t card;
    std::uint32_t disposition;
    std::uint32_t result;
};

struct Begin {
    std::int32_t card;
    std::uint32_t result;
};

struct Transmit {
    std::int32_t card;
    std::uint32_t send_protocol;
    std::uint32_t send_pci_length;
    std::uint32_t send_length;
    std::uint32_t receive_protocol;
    std::uint32_t receive_pci_length;
    std::uint32_t receive_length;
    std::uint32_t result;
};

struct Control {
    std::int32_t card;
    std::uint32_t code;
    std::uint32_t send_length;
    std::uint32_t receive_length;
    std::uint32_t returned;
    std::uint32_t result;
};

static_assert(sizeof(Header) == 8 && sizeof(Connect) == 152 && sizeof(Reconnect) == 24);
static_assert(sizeof(End) == 12 && sizeof(Begin) == 8 && sizeof(Transmit) == 32 && sizeof(Control) == 24);
static_assert(offsetof(Connect, card) == 140);

} // namespace cardlatch::harness::pcsc_message
