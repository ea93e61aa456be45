#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/vpcd/address.hpp>
#include <cardlatch/vpcd/socket.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cardlatch::ifd {

/// Most slots of one reader.
inline constexpr unsigned k_max_slots = 8;

/// What a reader's DEVICENAME asks for. The grammar is in docs/protocol.md.
struct DeviceName {
    enum class Kind : std::uint8_t { unix_socket, vpcd_listen, vpcd_connect };

    Kind kind = Kind::unix_socket;
    std::string path;   ///< unix_socket
    vpcd::HostPort tcp; ///< vpcd_listen, vpcd_connect: slot 0
    unsigned slots = 1;
    vpcd::Milliseconds plain_timeout{30000};
    vpcd::Milliseconds extended_timeout{5000};
    vpcd::Milliseconds greeting_timeout{10000};
    bool pin_pad = false;
    bool ring = true;        ///< cards on a unix socket are offered shared memory
    std::string host;        ///< a library that runs cards inside pcscd; empty for none
    std::string unplug_file; ///< while a file of this name exists, the reader is unplugged; empty for none
    std::string serial;      ///< the reader's serial number; made of the address when empty

    /// Reads a DEVICENAME, with or without the double quotes that pcscd leaves around it.
    /// Errors: LinkErrc::bad_address with a detail that quotes the part that is wrong.
    static Result<DeviceName> parse(std::string_view text);

    /// The unix socket of slot `slot`: PATH for 0, PATH.N for N.
    [[nodiscard]] std::string slot_path(unsigned slot) const;
    /// The serial number, stable as long as the address is.
    [[nodiscard]] std::string serial_number() const;
    /// Host and port of slot `slot`: PORT + slot.
    [[nodiscard]] vpcd::HostPort slot_port(unsigned slot) const;
};

} // namespace cardlatch::ifd
