#include <cardlatch/card/random.hpp>

#include <openssl/rand.h>

namespace cardlatch::card {

namespace {

class SystemRandom final : public RandomSource {
  public:
    Result<void> fill(std::span<std::uint8_t> out) override {
        if (!out.empty() && RAND_bytes(out.data(), static_cast<int>(out.size())) != 1) {
            return fail(std::errc::io_error, "OpenSSL's RAND_bytes failed");
        }
        return ok();
    }
};

} // namespace

RandomSource& system_random() {
    static SystemRandom source;
    return source;
}

} // namespace cardlatch::card
