#include "scard_locate.hpp"

#include "enumerations.hpp"
#include "found_cards.hpp"
#include "guard.hpp"
#include "safe_array.hpp"
#include "scard_database.hpp"

#include <cardlatch/iscard/card_database.hpp>

#include <algorithm>
#include <map>
#include <mutex>

namespace cardlatch::iscard {

namespace {

/// What is looked for, and where.
struct Search {
    std::vector<std::string> cards; ///< names
    std::vector<GUID> interfaces;   ///< for a search by GUID
    std::vector<std::string> groups;
};

bool known_flags(LONG flags) {
    return flags == SC_DLG_MINIMAL_UI || flags == SC_DLG_NO_UI || flags == SC_DLG_FORCE_UI;
}

/// The kinds of card that a search is for. Errors: Errc::unknown_card.
Result<std::vector<const KnownCard*>> wanted_cards(const CardDatabase& database, const Search& search) {
    std::vector<const KnownCard*> wanted;
    for (const auto& name : search.cards) {
        const auto* const card = database.find(name);
        if (card == nullptr) {
            return fail(pcsc::Errc::unknown_card, name);
        }
        wanted.push_back(card);
    }
    for (const auto& card : database.cards) {
        if (!search.interfaces.empty() && card.offers(search.interfaces)) {
            wanted.push_back(&card);
        }
    }
    return wanted;
}

bool in_groups(const CardDatabase& database, const Search& search, const std::string& reader) {
    return search.groups.empty() ||
           std::any_of(search.groups.begin(), search.groups.end(), [&](const std::string& name) {
               return name == k_default_group ||
                      std::any_of(database.groups.begin(), database.groups.end(),
                                  [&](const ReaderGroup& group) {
                                      return group.name == name && group.holds(reader);
                                  });
           });
}

// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and a virtual one would add vtable slots
class SCardLocate final : public DispatchObject<SCardLocate, ISCardLocate, IID_ISCardLocate> {
  public:
    HRESULT STDMETHODCALLTYPE ConfigureCardGuidSearch(LPSAFEARRAY pCardGuids, LPSAFEARRAY pGroupNames,
                                                      BSTR /*bstrTitle*/, LONG lFlags) noexcept override {
        return configure(pCardGuids, pGroupNames, lFlags, [](Search& search, const std::string& text) {
            GUID guid{};
            if (FAILED(CLSIDFromString(std::wstring(text.begin(), text.end()).c_str(), &guid))) {
                return false;
            }
            search.interfaces.push_back(guid);
            return true;
        });
    }

    HRESULT STDMETHODCALLTYPE ConfigureCardNameSearch(LPSAFEARRAY pCardNames, LPSAFEARRAY pGroupNames,
                                                      BSTR /*bstrTitle*/, LONG lFlags) noexcept override {
        return configure(pCardNames, pGroupNames, lFlags, [](Search& search, const std::string& text) {
            search.cards.push_back(text);
            return true;
        });
    }

    HRESULT STDMETHODCALLTYPE FindCard(SCARD_SHARE_MODES ShareMode, SCARD_PROTOCOLS Protocols, LONG lFlags,
                                       LPSCARDINFO* ppCardInfo) noexcept override {
        if (ppCardInfo == nullptr) {
            return E_POINTER;
        }
        *ppCardInfo = nullptr;
        const auto mode = share_mode(ShareMode);
        const auto preferred = protocols(Protocols);
        if (!mode || !preferred || !known_flags(lFlags)) {
            return E_INVALIDARG;
        }
        if (lFlags == SC_DLG_FORCE_UI) {
            return hresult_of(pcsc::Errc::unsupported_feature); // there is no dialog to force
        }
        return guard([&]() -> HRESULT {
            std::optional<Search> search;
            {
                const std::lock_guard lock(mutex_);
                search = search_;
            }
            if (!search) {
                return E_UNEXPECTED; // nothing configured
            }
            auto found = find(*search, *mode, *preferred);
            return found ? describe(std::move(found).value(), ShareMode, ppCardInfo)
                         : hresult_of(found.error());
        });
    }

  private:
    template <class Add>
    HRESULT configure(LPSAFEARRAY what, LPSAFEARRAY groups, LONG flags, Add&& add) noexcept {
        if (what == nullptr) {
            return E_POINTER;
        }
        if (!known_flags(flags)) {
            return E_INVALIDARG;
        }
        return guard([&]() -> HRESULT {
            std::vector<std::string> texts;
            Search search;
            if (const auto hr = take_strings(what, texts); FAILED(hr)) {
                return hr;
            }
            if (groups != nullptr) {
                if (const auto hr = take_strings(groups, search.groups); FAILED(hr)) {
                    return hr;
                }
            }
            if (texts.empty() || !std::all_of(texts.begin(), texts.end(),
                                              [&](const std::string& text) { return add(search, text); })) {
                return E_INVALIDARG;
            }
            const std::lock_guard lock(mutex_);
            search_ = std::move(search);
            return S_OK;
        });
    }

    /// Errors: Errc::unknown_card, no_readers_available, no_smartcard when no reader has such a card; those
    /// of connecting to the last one that had.
    static Result<FoundCard> find(const Search& search, pcsc::ShareMode mode, pcsc::Protocol preferred) {
        BOOST_OUTCOME_TRY(const auto database, CardDatabase::load());
        BOOST_OUTCOME_TRY(const auto wanted, wanted_cards(database, search));
        BOOST_OUTCOME_TRY(auto context, pcsc::Context::establish());
        BOOST_OUTCOME_TRY(const auto readers, context.readers());
        if (readers.empty()) {
            return fail(pcsc::Errc::no_readers_available);
        }
        Error why = fail(pcsc::Errc::no_smartcard);
        for (const auto& reader : readers) {
            const auto state =
                in_groups(database, search, reader.name()) ? reader.state() : Result<pcsc::ReaderState>(why);
            const bool fits = state && state.value().card_present() &&
                              std::any_of(wanted.begin(), wanted.end(), [&](const KnownCard* card) {
                                  return card->matches(state.value().atr);
                              });
            if (!fits) {
                continue;
            }
            auto card = reader.connect(mode, preferred);
            if (card) {
                return FoundCard{std::move(context), std::move(card).value()};
            }
            why = card.error();
        }
        return why;
    }

    static HRESULT describe(FoundCard found, SCARD_SHARE_MODES mode, LPSCARDINFO* out) {
        auto* const info = static_cast<LPSCARDINFO>(CoTaskMemAlloc(sizeof(SCARDINFO)));
        if (info == nullptr) {
            return E_OUTOFMEMORY;
        }
        *info = SCARDINFO{};
        info->hCard = static_cast<HSCARD>(found.card.native_handle());
        info->hContext = static_cast<HSCARDCONTEXT>(found.context.native_handle());
        info->ActiveProtocol = protocol_face(found.card.active_protocol());
        info->ShareMode = mode;
        *out = info;
        keep_found_card(std::move(found));
        return S_OK;
    }

    std::mutex mutex_;
    std::optional<Search> search_;
};

struct Found {
    std::mutex mutex;
    std::map<pcsc::NativeHandle, FoundCard> cards;
};
Found& all_found() {
    static Found found;
    return found;
}

} // namespace

void keep_found_card(FoundCard found) {
    auto& all = all_found();
    const std::lock_guard lock(all.mutex);
    const auto handle = found.card.native_handle();
    all.cards.insert_or_assign(handle, std::move(found));
}

std::optional<FoundCard> take_found_card(pcsc::NativeHandle handle) {
    auto& all = all_found();
    const std::lock_guard lock(all.mutex);
    auto node = all.cards.extract(handle);
    return node ? std::optional(std::move(node.mapped())) : std::nullopt;
}

ComPtr<ISCardLocate> new_scard_locate() {
    return ComPtr<ISCardLocate>(new SCardLocate());
}

} // namespace cardlatch::iscard
