#include "usb_bus.hpp"

#include "process.hpp"

#include <cardlatch/base/unique_fd.hpp>
#include <cardlatch/vpcd/socket.hpp>

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <system_error>
#include <unistd.h>

namespace cardlatch::harness {

namespace fs = std::filesystem;

namespace {

/// Has to be as in shim/pcscd_usb.c, which puts the reader's own name in its place.
constexpr const char* k_info = R"(<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0">
<dict>
	<key>CFBundleExecutable</key>
	<string>driver.so</string>
	<key>ifdVendorID</key>
	<array>
		<string>0xCA4D</string>
	</array>
	<key>ifdProductID</key>
	<array>
		<string>0x1A7C</string>
	</array>
	<key>ifdFriendlyName</key>
	<array>
		<string>cardlatch-reader-of-any-name</string>
	</array>
</dict>
</plist>
)";

Result<void> write_file(const fs::path& file, const std::string& text) {
    const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd || !write_all(fd.get(), text.data(), text.size())) {
        return last_system_error(file.native());
    }
    return ok();
}

} // namespace

bool UsbBus::carries(const fs::path& pcscd) {
    std::ifstream file(pcscd, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    return text.starts_with("\177ELF") && text.find("libudev.so.") != std::string::npos;
}

Result<UsbBus> UsbBus::create(const fs::path& folder, const fs::path& driver) {
    const auto contents = folder / "drivers" / "cardlatch.bundle" / "Contents";
    std::error_code error;
    for (const auto& path : {folder / "devices", contents / "Linux"}) {
        fs::create_directories(path, error);
        if (error) {
            return fail(error, fmt::format("folder {}: {}", path.native(), error.message()));
        }
    }
    fs::create_symlink(driver, contents / "Linux" / "driver.so", error);
    if (error) {
        return fail(error, fmt::format("link to {}: {}", driver.native(), error.message()));
    }
    BOOST_OUTCOME_TRY(write_file(contents / "Info.plist", k_info));
    return UsbBus(folder);
}

Result<void> UsbBus::attach(unsigned id, const std::string& name, const std::string& address) const {
    // Whole or not at all: pcscd may be looking.
    const auto fresh = folder_ / fmt::format("{}.new", id);
    BOOST_OUTCOME_TRY(write_file(fresh, fmt::format("{}\n{}\n", name, address)));
    const auto file = folder_ / "devices" / std::to_string(id);
    if (::rename(fresh.c_str(), file.c_str()) != 0) {
        return last_system_error(file.native());
    }
    return ok();
}

void UsbBus::detach(unsigned id) const {
    ::unlink((folder_ / "devices" / std::to_string(id)).c_str());
}

Result<void> UsbBus::tell(const char* action, unsigned id) const {
    const auto path = (folder_ / "events").native();
    BOOST_OUTCOME_TRY(const auto address, vpcd::SocketAddress::of_path(path));
    const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto text = fmt::format("{} {}", action, id);
    if (!fd || ::sendto(fd.get(), text.data(), text.size(), 0, address.get(), address.size) < 0) {
        return last_system_error("pcscd's USB bus " + path);
    }
    return ok();
}

} // namespace cardlatch::harness
