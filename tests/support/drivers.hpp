#pragma once

#include <cstdlib>
#include <string>
#include <vector>

namespace cardlatch::test {

/// The IFD handlers to try a client on, as `cardlatch run --driver` names them: ours, and Debian's stock vpcd
/// with our card behind it. Ours alone where a sanitizer is in pcscd: it sees none of Debian's driver.
inline std::vector<std::string> drivers() {
    if (std::getenv("CARDLATCH_PCSCD_PRELOAD") != nullptr) {
        return {"cardlatch"};
    }
    return {"cardlatch", "vpcd"};
}

} // namespace cardlatch::test
