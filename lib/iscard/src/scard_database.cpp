#include "scard_database.hpp"

#include "byte_buffer.hpp"
#include "guard.hpp"
#include "safe_array.hpp"
#include "text.hpp"

#include <cardlatch/iscard/card_database.hpp>
#include <cardlatch/pcsc/context.hpp>

#include <algorithm>

namespace cardlatch::iscard {

namespace {

constexpr std::size_t k_max_atr = 33;

std::string text_of(const GUID& guid) {
    OLECHAR text[39];
    StringFromGUID2(guid, text, 39);
    std::string out;
    for (const auto* c = text; *c != 0; ++c) {
        out += static_cast<char>(*c);
    }
    return out;
}

// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and a virtual one would add vtable slots
class SCardDatabase final : public DispatchObject<SCardDatabase, ISCardDatabase, IID_ISCardDatabase> {
  public:
    HRESULT STDMETHODCALLTYPE GetProviderCardId(BSTR bstrCardName,
                                                LPGUID* ppguidProviderId) noexcept override {
        if (ppguidProviderId == nullptr) {
            return E_POINTER;
        }
        *ppguidProviderId = nullptr;
        return with_card(bstrCardName, [&](const KnownCard& card) -> HRESULT {
            if (!card.provider) {
                return hresult_of(pcsc::Errc::icc_installation);
            }
            auto* const id = static_cast<LPGUID>(CoTaskMemAlloc(sizeof(GUID)));
            if (id == nullptr) {
                return E_OUTOFMEMORY;
            }
            *id = *card.provider;
            *ppguidProviderId = id;
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE ListCardInterfaces(BSTR bstrCardName,
                                                 LPSAFEARRAY* ppInterfaceGuids) noexcept override {
        if (ppInterfaceGuids == nullptr) {
            return E_POINTER;
        }
        *ppInterfaceGuids = nullptr;
        return with_card(bstrCardName, [&](const KnownCard& card) {
            std::vector<std::string> texts;
            std::transform(card.interfaces.begin(), card.interfaces.end(), std::back_inserter(texts),
                           text_of);
            return give_strings(texts, ppInterfaceGuids);
        });
    }

    HRESULT STDMETHODCALLTYPE ListCards(LPBYTEBUFFER pAtr, LPSAFEARRAY pInterfaceGuids, LONG /*localeId*/,
                                        LPSAFEARRAY* ppCardNames) noexcept override {
        if (ppCardNames == nullptr) {
            return E_POINTER;
        }
        *ppCardNames = nullptr;
        return guard([&]() -> HRESULT {
            Bytes atr;
            if (pAtr != nullptr) {
                if (const auto hr = take_bytes(pAtr, k_max_atr, atr); FAILED(hr)) {
                    return hr;
                }
            }
            std::vector<GUID> wanted;
            if (const auto hr = take_guids(pInterfaceGuids, wanted); FAILED(hr)) {
                return hr;
            }
            const auto database = CardDatabase::load();
            if (!database) {
                return hresult_of(database.error());
            }
            std::vector<std::string> names;
            for (const auto& card : database.value().cards) {
                if ((pAtr == nullptr || card.matches(atr)) && card.offers(wanted)) {
                    names.push_back(card.name);
                }
            }
            return give_strings(names, ppCardNames);
        });
    }

    HRESULT STDMETHODCALLTYPE ListReaderGroups(LONG /*localeId*/,
                                               LPSAFEARRAY* ppReaderGroups) noexcept override {
        if (ppReaderGroups == nullptr) {
            return E_POINTER;
        }
        *ppReaderGroups = nullptr;
        return guard([&]() -> HRESULT {
            const auto database = CardDatabase::load();
            if (!database) {
                return hresult_of(database.error());
            }
            std::vector<std::string> names = {k_default_group};
            for (const auto& group : database.value().groups) {
                names.push_back(group.name);
            }
            return give_strings(names, ppReaderGroups);
        });
    }

    HRESULT STDMETHODCALLTYPE ListReaders(LONG /*localeId*/, LPSAFEARRAY* ppReaders) noexcept override {
        if (ppReaders == nullptr) {
            return E_POINTER;
        }
        *ppReaders = nullptr;
        return guard([&]() -> HRESULT {
            const auto context = pcsc::Context::establish();
            if (!context) {
                return hresult_of(context.error());
            }
            const auto readers = context.value().readers();
            if (!readers) {
                return hresult_of(readers.error());
            }
            if (readers.value().empty()) {
                return hresult_of(pcsc::Errc::no_readers_available);
            }
            std::vector<std::string> names;
            for (const auto& reader : readers.value()) {
                names.push_back(reader.name());
            }
            return give_strings(names, ppReaders);
        });
    }

  private:
    /// GUIDs as a SAFEARRAY of texts in braces; NULL is none.
    static HRESULT take_guids(LPSAFEARRAY array, std::vector<GUID>& out) {
        if (array == nullptr) {
            return S_OK;
        }
        std::vector<std::string> texts;
        if (const auto hr = take_strings(array, texts); FAILED(hr)) {
            return hr;
        }
        for (const auto& text : texts) {
            GUID guid{};
            if (FAILED(CLSIDFromString(std::wstring(text.begin(), text.end()).c_str(), &guid))) {
                return E_INVALIDARG;
            }
            out.push_back(guid);
        }
        return S_OK;
    }

    template <class Body>
    HRESULT with_card(BSTR name, Body&& body) noexcept {
        return guard([&]() -> HRESULT {
            const auto text = to_utf8(name);
            if (!text || text->empty()) {
                return E_INVALIDARG;
            }
            const auto database = CardDatabase::load();
            if (!database) {
                return hresult_of(database.error());
            }
            const auto* const card = database.value().find(*text);
            return card == nullptr ? hresult_of(pcsc::Errc::unknown_card) : body(*card);
        });
    }
};

} // namespace

ComPtr<ISCardDatabase> new_scard_database() {
    return ComPtr<ISCardDatabase>(new SCardDatabase());
}

} // namespace cardlatch::iscard
