#include <cardlatch/iso7816/aid.hpp>

#include <algorithm>
#include <string>

namespace cardlatch::iso7816 {

Result<Aid> Aid::from(ByteView bytes) {
    if (bytes.empty() || bytes.size() > 16) {
        return fail(std::errc::invalid_argument,
                    "an AID has 1 to 16 bytes (RID of 5, PIX of up to 11), not " +
                        std::to_string(bytes.size()));
    }
    return Aid(bytes);
}

bool Aid::starts_with(ByteView prefix) const {
    return !prefix.empty() && prefix.size() <= bytes_.size() &&
           std::equal(prefix.begin(), prefix.end(), bytes_.begin());
}

} // namespace cardlatch::iso7816
