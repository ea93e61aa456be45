#include "hosted_card.hpp"

#include <cardlatch/vpcd/codec.hpp>

#include <algorithm>
#include <array>
#include <dlfcn.h>

namespace cardlatch::ifd {

Result<std::shared_ptr<HostedCard>> HostedCard::open(const std::string& plugin, const std::string& request) {
    // Never unloaded: it may have threads, and handlers for the process's end.
    void* const library = ::dlopen(plugin.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    void* const symbol = library != nullptr ? ::dlsym(library, CARDLATCH_CARD_PLUGIN_SYMBOL) : nullptr;
    if (symbol == nullptr) {
        const char* const why = ::dlerror(); // NOLINT(concurrency-mt-unsafe): glibc's is per thread
        return fail(std::errc::no_such_file_or_directory, why != nullptr ? why : plugin);
    }
    const Table table = reinterpret_cast<cardlatch_card_plugin_function*>(symbol)();
    if (table == nullptr || table->version != CARDLATCH_CARD_PLUGIN_VERSION) {
        return fail(std::errc::not_supported, plugin + ": made for another version of the driver");
    }
    std::array<char, 512> why{};
    auto* const card = table->open(request.data(), request.size(), why.data(), why.size());
    if (card == nullptr) {
        return fail(std::errc::invalid_argument, why.data());
    }
    return std::shared_ptr<HostedCard>(new HostedCard(table, card));
}

Bytes HostedCard::activate(std::size_t (*how)(cardlatch_hosted_card*, std::uint8_t*)) {
    Bytes atr(vpcd::k_max_atr);
    atr.resize(std::min(atr.size(), how(card_, atr.data())));
    return atr;
}

} // namespace cardlatch::ifd
