// libFuzzer's entry: CARDLATCH_FUZZ_TARGET in the environment names the target.

#include "targets.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

const cardlatch::fuzz::Target& chosen() {
    const char* const name =
        std::getenv("CARDLATCH_FUZZ_TARGET"); // NOLINT(concurrency-mt-unsafe): before any thread
    for (const auto& target : cardlatch::fuzz::targets()) {
        if (name != nullptr && std::string_view(name) == target.name) {
            return target;
        }
    }
    std::fputs("CARDLATCH_FUZZ_TARGET names no target; see ./dev fuzz\n", stderr);
    std::exit(2); // NOLINT(concurrency-mt-unsafe): before any thread
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto& target = chosen();
    target.run({data, size});
    return 0;
}
