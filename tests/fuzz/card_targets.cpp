// What programs can send to a card: sequences of commands, resets and losses of power, for each kind of card.

#include "../../emulator/card/src/crypto/private_key.hpp"
#include "targets.hpp"

#include <cardlatch/card/card.hpp>
#include <cardlatch/iso7816/apdu.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>

// PrivateKey::generate() by its name in the object files; the linker leads every call of it here (--wrap).
// What is fuzzed are the commands: an RSA key pair of 1024 bits made once stands for every RSA key pair, as
// making them takes from a tenth of a second up to a minute.
cardlatch::Result<cardlatch::card::crypto::PrivateKey>
generate_really(cardlatch::card::crypto::KeyType type) asm("__real_" CARDLATCH_GENERATE);
cardlatch::Result<cardlatch::card::crypto::PrivateKey>
generate_quickly(cardlatch::card::crypto::KeyType type) asm("__wrap_" CARDLATCH_GENERATE);

cardlatch::Result<cardlatch::card::crypto::PrivateKey>
generate_quickly(cardlatch::card::crypto::KeyType type) {
    if (!cardlatch::card::crypto::is_rsa(type)) {
        return generate_really(type);
    }
    static const auto key = generate_really(cardlatch::card::crypto::KeyType::rsa_1024);
    return key;
}

namespace cardlatch::fuzz {

namespace {

void promise(bool kept, const char* what) {
    if (!kept) {
        std::fprintf(stderr, "broken promise: %s\n", what);
        std::abort();
    }
}

/// Counts 1, 2, 3 in every card's life, so that an input can hold the right answer to a challenge.
class CountingRandom final : public card::RandomSource {
  public:
    Result<void> fill(std::span<std::uint8_t> out) override {
        for (auto& byte : out) {
            byte = ++last_;
        }
        return ok();
    }

  private:
    std::uint8_t last_ = 0;
};

card::Profile load(const std::filesystem::path& file) {
    auto profile = card::load_profile(file);
    if (!profile) {
        std::fprintf(stderr, "%s\n", profile.error().message().c_str());
        std::abort();
    }
    return std::move(profile.value());
}

/// One step of an input. Its first byte says how many bytes the command has; 00 is a warm reset, FF the loss
/// of power, FE says that the length is in the next two bytes. A command that is cut short by the end is sent
/// as it is.
struct Step {
    enum class Kind : std::uint8_t { command, reset, power };
    Kind kind = Kind::command;
    ByteView command;
};

std::optional<Step> next_step(ByteView& rest) {
    if (rest.empty()) {
        return std::nullopt;
    }
    std::size_t length = rest[0];
    rest = rest.subspan(1);
    if (length == 0x00 || length == 0xFF) {
        return Step{length == 0 ? Step::Kind::reset : Step::Kind::power, {}};
    }
    if (length == 0xFE && rest.size() >= 2) {
        length = (std::size_t{rest[0]} << 8U) | rest[1];
        rest = rest.subspan(2);
    }
    const auto command = rest.first(std::min(length, rest.size()));
    rest = rest.subspan(command.size());
    return Step{Step::Kind::command, command};
}

/// What is true of every response, whatever the card. Source: ISO/IEC 7816-4 §5.6, §5.3.2.
void check(ByteView sent, const Bytes& received) {
    promise(received.size() >= 2, "a response ends in SW1 and SW2");
    promise(received.size() <= 65536 + 2, "a response has at most 65,536 bytes of data");
    const auto sw1 = received[received.size() - 2];
    const auto sw2 = received.back();
    promise(sw1 == 0x90 || (sw1 >= 0x61 && sw1 <= 0x6F), "SW1 is 61 to 6F or 90");
    promise(!(sw1 == 0x6F && sw2 == 0x00), "the card knows what is wrong");
    promise(sw1 < 0x64 || sw1 == 0x90 || received.size() == 2, "an error has no data");
    const auto command = iso7816::CommandApdu::parse(sent);
    if (!command) {
        promise(sw1 == 0x67 && sw2 == 0x00, "a malformed command is answered with 6700");
    } else if (command.value().ne) {
        promise(received.size() - 2 <= *command.value().ne, "no more data than Ne admits");
    }
}

/// Plays `input` to a new card of `profile`.
void play(const card::Profile& profile, ByteView input) {
    constexpr unsigned k_most_steps = 64; // longer inputs find nothing that shorter ones do not
    CountingRandom random;
    const auto card = std::move(card::Card::create(profile, {.state_file = {}, .random = &random}).value());
    card->power_on();
    auto rest = input;
    for (unsigned steps = 0; steps < k_most_steps; ++steps) {
        const auto step = next_step(rest);
        if (!step) {
            return;
        }
        if (step->kind == Step::Kind::command) {
            check(step->command, card->transmit(step->command));
        } else {
            if (step->kind == Step::Kind::power) {
                card->power_off();
            }
            promise(card->reset() == Bytes(card->atr().bytes().begin(), card->atr().bytes().end()),
                    "a reset is answered with the ATR");
        }
    }
}

void card_filecard(ByteView input) {
    static const auto profile = load(CARDLATCH_FIXTURES "/cards/filecard.toml");
    play(profile, input);
}

void card_piv(ByteView input) {
    static const auto profile = load(CARDLATCH_FUZZ_CARDS "/piv.toml");
    play(profile, input);
}

void card_witness(ByteView input) {
    static const auto profile = load(CARDLATCH_FIXTURES "/cards/witness.toml");
    play(profile, input);
}

void card_plugin(ByteView input) {
    static const auto profile = load(CARDLATCH_CARD_LIBRARIES "/counter.toml");
    play(profile, input);
}

constexpr std::array k_targets{Target{"card_filecard", card_filecard}, Target{"card_piv", card_piv},
                               Target{"card_witness", card_witness}, Target{"card_plugin", card_plugin}};

} // namespace

std::span<const Target> card_targets() {
    return k_targets;
}

} // namespace cardlatch::fuzz
