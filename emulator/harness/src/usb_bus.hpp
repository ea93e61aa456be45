#pragma once

#include <cardlatch/base/result.hpp>

#include <filesystem>
#include <string>

namespace cardlatch::harness {

/// The USB bus of a private pcscd, a folder that the preloaded shim shows to it (shim/pcscd_usb.c): readers
/// are plugged in and out as far as the daemon can tell, by the way that real ones take. Not thread-safe.
class UsbBus {
  public:
    /// True when `pcscd` looks for readers with libudev, which the shim replaces. One that was built for
    /// another library, or a script around it, has the readers of its configuration and no others.
    static bool carries(const std::filesystem::path& pcscd);

    /// Makes the bus in `folder`, which must not exist: empty, and `driver` the only driver.
    /// Errors: the errno of the step that failed.
    static Result<UsbBus> create(const std::filesystem::path& folder, const std::filesystem::path& driver);

    [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

    /// Puts a reader on the bus: a pcscd that starts finds it, in the order of the numbers. `name` as
    /// check_reader_name() takes it; `address` is the driver's. Errors: the errno of the step that failed.
    [[nodiscard]] Result<void> attach(unsigned id, const std::string& name, const std::string& address) const;
    /// Takes it off.
    void detach(unsigned id) const;
    /// Tells a pcscd that runs of what attach() or detach() did. Does not wait for what it does then.
    /// Errors: connection_refused when none runs.
    [[nodiscard]] Result<void> tell(const char* action, unsigned id) const;

  private:
    explicit UsbBus(std::filesystem::path folder)
        : folder_(std::move(folder)) {}
    std::filesystem::path folder_;
};

} // namespace cardlatch::harness
