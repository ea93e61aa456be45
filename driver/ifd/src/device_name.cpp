#include "device_name.hpp"

#include <cardlatch/vpcd/error.hpp>

#include <array>
#include <charconv>

namespace cardlatch::ifd {

namespace {

using vpcd::LinkErrc;
using vpcd::Milliseconds;

Error bad(std::string_view text, const std::string& what) {
    return fail(LinkErrc::bad_address, "DEVICENAME: \"" + std::string(text) + "\": " + what);
}

/// One option: its name, its range, and where its value goes.
struct Option {
    std::string_view name;
    unsigned min;
    unsigned max;
    void (*set)(DeviceName&, unsigned);
};

constexpr std::array k_options{
    Option{"slots", 1, k_max_slots, [](DeviceName& d, unsigned value) { d.slots = value; }},
    Option{"timeout-ms", 10, 3'600'000,
           [](DeviceName& d, unsigned value) { d.plain_timeout = d.extended_timeout = Milliseconds(value); }},
    Option{"greeting-ms", 10, 60'000,
           [](DeviceName& d, unsigned value) { d.greeting_timeout = Milliseconds(value); }},
    Option{"pin-pad", 0, 1, [](DeviceName& d, unsigned value) { d.pin_pad = value != 0; }},
    Option{"ring", 0, 1, [](DeviceName& d, unsigned value) { d.ring = value != 0; }},
};

constexpr std::size_t k_longest_serial = 64;

Result<void> read_option(DeviceName& device, std::string_view text) {
    const auto equals = text.find('=');
    const auto name = text.substr(0, equals);
    if (name == "host" || name == "unplug-file") {
        auto& path = name == "host" ? device.host : device.unplug_file;
        path = equals == std::string_view::npos ? std::string_view{} : text.substr(equals + 1);
        return path.starts_with('/') ? Result<void>(ok()) : bad(text, "the value is an absolute path");
    }
    if (name == "serial") {
        device.serial = equals == std::string_view::npos ? std::string_view{} : text.substr(equals + 1);
        return !device.serial.empty() && device.serial.size() <= k_longest_serial
                   ? Result<void>(ok())
                   : bad(text, "the value has 1 to 64 bytes");
    }
    for (const auto& option : k_options) {
        if (option.name != name) {
            continue;
        }
        const auto value = equals == std::string_view::npos ? std::string_view{} : text.substr(equals + 1);
        unsigned number = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
        if (error != std::errc{} || end != value.data() + value.size() || number < option.min ||
            number > option.max) {
            return bad(text, "the value is a number from " + std::to_string(option.min) + " to " +
                                 std::to_string(option.max));
        }
        option.set(device, number);
        return ok();
    }
    return bad(text,
               "the options are slots, timeout-ms, greeting-ms, pin-pad, ring, serial, host and unplug-file");
}

/// What pcscd puts before the address of a device that it found with udev: usb:VVVV/PPPP:libudev:INTERFACE:.
/// Source: pcsc-lite hotplug_libudev.c, HPAddDevice.
std::string_view without_bus(std::string_view text) {
    constexpr std::string_view k_udev = ":libudev:";
    const auto at = text.find(k_udev);
    if (!text.starts_with("usb:") || at == std::string_view::npos) {
        return text;
    }
    const auto address = text.find(':', at + k_udev.size());
    return address == std::string_view::npos ? text : text.substr(address + 1);
}

struct Scheme {
    std::string_view prefix;
    DeviceName::Kind kind;
};

constexpr std::array k_schemes{
    Scheme{"unix:", DeviceName::Kind::unix_socket},
    Scheme{"vpcd-listen:", DeviceName::Kind::vpcd_listen},
    Scheme{"vpcd-connect:", DeviceName::Kind::vpcd_connect},
};

} // namespace

Result<DeviceName> DeviceName::parse(std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
        text = text.substr(1, text.size() - 2);
    }
    text = without_bus(text);
    for (const auto& scheme : k_schemes) {
        if (!text.starts_with(scheme.prefix)) {
            continue;
        }
        DeviceName device;
        device.kind = scheme.kind;
        auto rest = text.substr(scheme.prefix.size());
        const auto question = rest.find('?');
        auto options = question == std::string_view::npos ? std::string_view{} : rest.substr(question + 1);
        rest = rest.substr(0, question);
        while (!options.empty()) {
            const auto end = options.find('&');
            BOOST_OUTCOME_TRY(read_option(device, options.substr(0, end)));
            options = end == std::string_view::npos ? std::string_view{} : options.substr(end + 1);
        }
        if (device.kind == Kind::unix_socket) {
            device.path = rest;
            BOOST_OUTCOME_TRY(vpcd::check_socket_path(device.slot_path(device.slots - 1)));
            return device;
        }
        BOOST_OUTCOME_TRY(device.tcp, vpcd::parse_host_port(rest));
        if (device.tcp.port == 0 || device.tcp.port + device.slots - 1 > 0xFFFF) {
            return bad(rest, "the ports of " + std::to_string(device.slots) +
                                 " slots have to lie within 1 to 65535");
        }
        return device;
    }
    return bad(text, "a reader's DEVICENAME is unix:PATH, vpcd-listen:HOST:PORT or vpcd-connect:HOST:PORT, "
                     "each with ?option=value&...");
}

std::string DeviceName::slot_path(unsigned slot) const {
    return slot == 0 ? path : path + "." + std::to_string(slot);
}

std::string DeviceName::serial_number() const {
    if (!serial.empty()) {
        return serial;
    }
    // FNV-1a: the same address gives the same number, and nothing else is asked of it.
    std::uint32_t hash = 0x811C9DC5;
    for (const char c : kind == Kind::unix_socket ? path : tcp.text()) {
        hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x01000193U;
    }
    std::array<std::uint8_t, 4> bytes{static_cast<std::uint8_t>(hash >> 24U),
                                      static_cast<std::uint8_t>(hash >> 16U),
                                      static_cast<std::uint8_t>(hash >> 8U), static_cast<std::uint8_t>(hash)};
    return "CL" + to_hex(bytes);
}

vpcd::HostPort DeviceName::slot_port(unsigned slot) const {
    return {tcp.host, static_cast<std::uint16_t>(tcp.port + slot)};
}

} // namespace cardlatch::ifd
