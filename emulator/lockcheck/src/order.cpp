#include "order.hpp"

#include <charconv>
#include <sstream>

namespace cardlatch::lockcheck {

namespace {

struct Word {
    std::string_view name;
    DWORD value;
};

constexpr Word k_shares[] = {
    {"shared", SCARD_SHARE_SHARED}, {"exclusive", SCARD_SHARE_EXCLUSIVE}, {"direct", SCARD_SHARE_DIRECT}};
constexpr Word k_dispositions[] = {{"leave", SCARD_LEAVE_CARD},
                                   {"reset", SCARD_RESET_CARD},
                                   {"unpower", SCARD_UNPOWER_CARD},
                                   {"eject", SCARD_EJECT_CARD},
                                   {"nonsense", 77}};

template <std::size_t Size>
DWORD find(const Word (&words)[Size], std::string_view name, DWORD otherwise) {
    for (const auto& word : words) {
        if (word.name == name) {
            return word.value;
        }
    }
    return otherwise;
}

} // namespace

Order::Order(const std::string& text) {
    std::istringstream in(text);
    in >> verb;
    for (std::string word; in >> word;) {
        const bool name = word.size() == 2 && word[1] >= '0' && word[1] <= '9';
        if (name && word[0] == 'c') {
            context = word;
        } else if (name && word[0] == 'h') {
            connection = word;
        } else if (name && word[0] == 'l') {
            card = word;
        } else {
            arguments.push_back(word);
        }
    }
}

DWORD Order::share() const {
    return find(k_shares, arguments.empty() ? "" : arguments.front(), SCARD_SHARE_SHARED);
}

DWORD Order::disposition() const {
    return find(k_dispositions, arguments.empty() ? "" : arguments.back(), SCARD_LEAVE_CARD);
}

std::uint64_t Order::number(std::size_t index) const {
    std::uint64_t value = 0;
    if (index < arguments.size()) {
        const auto& text = arguments[index];
        std::from_chars(text.data(), text.data() + text.size(), value);
    }
    return value;
}

} // namespace cardlatch::lockcheck
