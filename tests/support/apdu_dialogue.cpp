#include "apdu_dialogue.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <sstream>

namespace cardlatch::test {

namespace {

constexpr std::string_view k_begins = "?? = ";

/// What the masked bytes of a command are.
struct Computation {
    std::string cipher;
    bool encrypts = false;
    Bytes key;
    std::vector<std::string> parts;
};

std::optional<Computation> read_computation(const std::string& clause) {
    const auto at = clause.find(k_begins);
    if (at == std::string::npos) {
        return std::nullopt;
    }
    std::istringstream words(clause.substr(at + k_begins.size()));
    std::string direction;
    std::string key;
    std::string of;
    Computation computation;
    words >> computation.cipher >> direction >> key >> of;
    for (std::string part; words >> part;) {
        computation.parts.push_back(part);
    }
    const auto bytes = from_hex(key);
    if ((direction != "encrypt" && direction != "decrypt") || !bytes || of != "of" ||
        computation.parts.empty()) {
        return std::nullopt;
    }
    computation.encrypts = direction == "encrypt";
    computation.key = *bytes;
    return computation;
}

/// The bytes that response[FIRST+COUNT] stands for.
std::optional<ByteView> part_of(ByteView response, std::string_view part) {
    constexpr std::string_view k_name = "response[";
    std::size_t first = 0;
    std::size_t count = 0;
    if (!part.starts_with(k_name) || !part.ends_with(']')) {
        return std::nullopt;
    }
    part = part.substr(k_name.size(), part.size() - k_name.size() - 1);
    const auto* const end = part.data() + part.size();
    const auto plus = std::from_chars(part.data(), end, first);
    if (plus.ec != std::errc{} || plus.ptr == end || *plus.ptr != '+') {
        return std::nullopt;
    }
    const auto rest = std::from_chars(plus.ptr + 1, end, count);
    if (rest.ec != std::errc{} || rest.ptr != end || first > response.size() ||
        count > response.size() - first) {
        return std::nullopt;
    }
    return response.subspan(first, count);
}

std::optional<Bytes> compute(const Computation& computation, ByteView response) {
    Bytes input;
    for (const auto& part : computation.parts) {
        const auto taken = part_of(response, part);
        const auto literal = taken ? std::nullopt : from_hex(part);
        if (!taken && !literal) {
            return std::nullopt;
        }
        const auto bytes = taken ? *taken : ByteView(*literal);
        input.insert(input.end(), bytes.begin(), bytes.end());
    }
    const std::unique_ptr<EVP_CIPHER, decltype(&EVP_CIPHER_free)> cipher(
        EVP_CIPHER_fetch(nullptr, computation.cipher.c_str(), nullptr), &EVP_CIPHER_free);
    const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(),
                                                                                  &EVP_CIPHER_CTX_free);
    constexpr std::array<std::uint8_t, EVP_MAX_IV_LENGTH> k_zero_iv{};
    Bytes output(input.size() + EVP_MAX_BLOCK_LENGTH);
    int size = 0;
    int last = 0;
    if (!cipher ||
        static_cast<std::size_t>(EVP_CIPHER_get_key_length(cipher.get())) != computation.key.size() ||
        EVP_CipherInit_ex2(context.get(), cipher.get(), computation.key.data(), k_zero_iv.data(),
                           computation.encrypts ? 1 : 0, nullptr) != 1 ||
        EVP_CIPHER_CTX_set_padding(context.get(), 0) != 1 ||
        EVP_CipherUpdate(context.get(), output.data(), &size, input.data(), static_cast<int>(input.size())) !=
            1 ||
        EVP_CipherFinal_ex(context.get(), output.data() + size, &last) != 1) {
        return std::nullopt;
    }
    output.resize(input.size());
    return output;
}

Error wrong_step(const std::string& place, const std::string& what) {
    return fail(std::errc::invalid_argument, place + ": " + what);
}

} // namespace

Result<Dialogue> load_dialogue(const std::filesystem::path& file) {
    BOOST_OUTCOME_TRY(auto dialogue, card::load_dialogue(file));
    for (const auto& step : dialogue.steps) {
        const auto place = file.string() + ":" + std::to_string(step.line);
        if (step.kind == DialogueStep::Kind::command && step.clause.find("§") == std::string::npos) {
            return wrong_step(place, "a comment with a clause (§) is missing above the command");
        }
        if (step.command.masked() && !read_computation(step.clause)) {
            return wrong_step(
                place, "nothing says what ?? is, as in \"?? = AES-128-CBC encrypt KEY of response[0+16]\"");
        }
    }
    return dialogue;
}

Result<Bytes> command_of(const DialogueStep& step, ByteView before) {
    if (!step.command.masked()) {
        return step.command.bytes();
    }
    const auto computation = read_computation(step.clause);
    const auto values = computation ? compute(*computation, before) : std::nullopt;
    auto command = values ? step.command.filled(*values) : std::nullopt;
    if (!command) {
        return wrong_step(std::to_string(step.line),
                          "?? cannot be computed, or is not as long: " + step.clause);
    }
    return std::move(*command);
}

std::vector<std::filesystem::path> list_dialogues(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() == ".apdu") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

} // namespace cardlatch::test
