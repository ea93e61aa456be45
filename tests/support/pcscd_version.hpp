#pragma once

#include <cstdio>
#include <memory>
#include <stdexcept>

namespace cardlatch::test {

/// The version of the pcscd that is found, as 10909 for 1.9.9.
inline int pcscd_version() {
    static const int version = [] {
        const std::unique_ptr<FILE, int (*)(FILE*)> out(::popen("PATH=$PATH:/usr/sbin pcscd --version", "r"),
                                                        ::pclose);
        int major = 0;
        int minor = 0;
        int micro = 0;
        if (!out || std::fscanf(out.get(), "pcsc-lite version %d.%d.%d", &major, &minor, &micro) != 3) {
            throw std::runtime_error("pcscd does not say its version");
        }
        return major * 10000 + minor * 100 + micro;
    }();
    return version;
}

} // namespace cardlatch::test
