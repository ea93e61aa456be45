// What cards cost by themselves, in this process: no reader, no socket. One JSON object on standard output,
// for bench.py.
//   bench_card_speed FIXTURES ROUNDS
// Every operation takes a turn in each round, and what a round says of it is the median of its repetitions.
// PIV signatures stand beside the same operation with the same key by OpenSSL alone.

#include <cardlatch/card/card.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace cardlatch;
namespace json = boost::json;

[[noreturn]] void give_up(const std::string& why) {
    fmt::print(stderr, "bench_card_speed: {}\n", why);
    std::exit(1); // NOLINT(concurrency-mt-unsafe): there is one thread
}

std::unique_ptr<card::Card> load(const std::string& fixtures, const std::string& name) {
    const auto profile = card::load_profile(fixtures + "/cards/" + name + ".toml");
    auto made = profile ? card::Card::create(profile.value(), {})
                        : Result<std::unique_ptr<card::Card>>(profile.error());
    if (!made) {
        give_up(made.error().message());
    }
    made.value()->power_on();
    return std::move(made.value());
}

/// Sends a command; anything but 9000 ends the program.
void send(card::Card& card, const Bytes& command) {
    const auto response = card.transmit(command);
    if (response.size() < 2 || response[response.size() - 2] != 0x90 || response.back() != 0x00) {
        give_up(fmt::format("{} was answered with {}", to_hex(command), to_hex(response)));
    }
}

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Key read_key(const std::string& file) {
    std::FILE* const in = std::fopen(file.c_str(), "re");
    Key key(in == nullptr ? nullptr : PEM_read_PrivateKey(in, nullptr, nullptr, nullptr), EVP_PKEY_free);
    if (in != nullptr) {
        (void)std::fclose(in);
    }
    if (!key) {
        give_up(file + " is no private key");
    }
    return key;
}

/// OpenSSL's side: a signature as the card makes it, a context for each. `raw_rsa`: no padding of its own.
void sign(EVP_PKEY* key, const Bytes& block, bool raw_rsa) {
    const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
        EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr), EVP_PKEY_CTX_free);
    Bytes out(512);
    auto size = out.size();
    const bool done =
        raw_rsa ? EVP_PKEY_decrypt_init(context.get()) == 1 &&
                      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) == 1 &&
                      EVP_PKEY_decrypt(context.get(), out.data(), &size, block.data(), block.size()) == 1
                : EVP_PKEY_sign_init(context.get()) == 1 &&
                      EVP_PKEY_sign(context.get(), out.data(), &size, block.data(), block.size()) == 1;
    if (!done) {
        give_up("OpenSSL does not sign");
    }
}

struct Operation {
    const char* key;  ///< in the output
    const char* name; ///< for people
    int repetitions;  ///< in a round
    std::function<void()> run;
    std::vector<double> rounds; ///< seconds, the median of each
};

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

double turn(const Operation& operation) {
    using Clock = std::chrono::steady_clock;
    std::vector<double> times;
    for (int i = 0; i < operation.repetitions; ++i) {
        const auto start = Clock::now();
        operation.run();
        times.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    }
    return median(std::move(times));
}

Bytes bytes(std::string_view hex) {
    return *from_hex(hex);
}

/// `front`, then `block`: a GENERAL AUTHENTICATE.
Bytes with(std::string_view front, const Bytes& block, std::string_view end) {
    auto command = bytes(front);
    command.insert(command.end(), block.begin(), block.end());
    const auto le = bytes(end);
    command.insert(command.end(), le.begin(), le.end());
    return command;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        give_up("usage: bench_card_speed FIXTURES ROUNDS");
    }
    const std::string fixtures = argv[1];
    const int rounds = std::max(1, std::atoi(argv[2])); // NOLINT(cert-err34-c): bench.py passes a number
    const auto files = load(fixtures, "filecard");
    const auto rsa = load(fixtures, "piv");
    const auto ec = load(fixtures, "piv-ec");
    const auto rsa_key = read_key(fixtures + "/keys/piv/rsa-9a.key.pem");
    const auto ec_key = read_key(fixtures + "/keys/piv/ec-9a.key.pem");
    for (auto* const card : {rsa.get(), ec.get()}) {
        send(*card, bytes("00A4040005A00000030800"));
        send(*card, bytes("0020008008313233343536FFFF"));
    }
    const Bytes hash(32, 0x5A);
    auto block = Bytes(256, 0xFF); // what a client pads a hash to
    block[0] = 0x00;
    block[1] = 0x01;
    const auto select = bytes("00A4040C0BF0434C46494C4543415244");
    const auto read = bytes("00B0000040");
    const auto get = bytes("00CB3FFF055C035FC10700");
    const auto sign_rsa = with("008707 9A 00010A 7C820106 8200 81820100", block, "0000");
    const auto sign_ec = with("008711 9A 26 7C24 8200 8120", hash, "00");

    constexpr int k_many = 2000;
    constexpr int k_signatures = 20;
    std::vector<Operation> operations{
        {"select", "SELECT by name, MF", k_many, [&] { send(*files, select); }, {}},
        {"read_binary", "READ BINARY, 64 bytes", k_many, [&] { send(*files, read); }, {}},
        {"get_data", "GET DATA, CCC of 53 bytes", k_many, [&] { send(*rsa, get); }, {}},
        {"rsa_card", "RSA 2048, PIV card", k_signatures, [&] { send(*rsa, sign_rsa); }, {}},
        {"rsa_openssl",
         "RSA 2048, OpenSSL alone",
         k_signatures,
         [&] { sign(rsa_key.get(), block, true); },
         {}},
        {"ec_card", "P-256, PIV card", k_signatures * 10, [&] { send(*ec, sign_ec); }, {}},
        {"ec_openssl",
         "P-256, OpenSSL alone",
         k_signatures * 10,
         [&] { sign(ec_key.get(), hash, false); },
         {}},
    };
    for (auto& operation : operations) {
        send(*files, bytes("00A408040450005002 00"));
        (void)turn(operation); // to warm up
    }
    for (int round = 0; round < rounds; ++round) {
        // SELECT leaves the file that READ BINARY reads, so that one is chosen anew before its turn.
        for (std::size_t i = 0; i < operations.size(); ++i) {
            auto& operation = operations[(i + static_cast<std::size_t>(round)) % operations.size()];
            send(*files, bytes("00A408040450005002 00"));
            operation.rounds.push_back(turn(operation));
        }
    }
    json::object out;
    for (const auto& operation : operations) {
        out[operation.key] = json::object{{"name", operation.name},
                                          {"repetitions", operation.repetitions},
                                          {"rounds", json::value_from(operation.rounds)}};
    }
    fmt::print("{}\n", json::serialize(out));
    return 0;
}
