// ISCardDatabase, ISCardLocate and the file behind them.

#include "fake_winscard.hpp"
#include "iscard_golden.hpp"
#include "iscard_support.hpp"
#include "temporary_folder.hpp"

#include <cardlatch/iscard/card_database.hpp>
#include <cardlatch/pcsc/error.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <fstream>

namespace data = boost::unit_test::data;
using namespace cardlatch::iscard;
using cardlatch::Bytes;
using cardlatch::from_hex;
using cardlatch::pcsc::Errc;

namespace {

const char* const k_own_file = R"([card "Test card"]
atr = 3B 80 80 01 01
mask = FF FF 00 FF 00
interface = {E91F4CC7-C10D-4BD0-AEE4-F2BD861CA552}
provider = {64A1C07D-A21F-49FD-BD5C-BE7B36EB0B3C}
csp = Some CSP

[card "Dumb card"]   # no provider, no interfaces
)";

struct Fixture {
    Fixture() {
        fake::World::get().reset();
        write(k_own_file,
              "atr = 3B 00\n\n[group \"Desk\"]\nreader = Fake*\n[group \"Door\"]\nreader = Other\n");
        set_environment("CARDLATCH_CARDS", file.c_str());
    }
    Fixture(const Fixture&) = delete;
    Fixture& operator=(const Fixture&) = delete;
    ~Fixture() { set_environment("CARDLATCH_CARDS", nullptr); }
    void write(std::string first, const std::string& second = "") const {
        if (const auto comment = first.find("   #"); comment != std::string::npos) {
            first.erase(comment, first.find('\n', comment) - comment);
        }
        std::ofstream(file) << first << second;
    }
    cardlatch::test::TemporaryFolder folder;
    std::string file = (folder.path() / "cards.conf").string();
    Com com;
};

SAFEARRAY* strings(std::initializer_list<const wchar_t*> texts) {
    auto* const array = SafeArrayCreateVector(VT_BSTR, 0, static_cast<ULONG>(texts.size()));
    auto* at = static_cast<BSTR*>(array->pvData);
    for (const auto* text : texts) {
        *at++ = SysAllocString(text);
    }
    return array;
}

struct Locate : Fixture {
    HRESULT configure(std::initializer_list<const wchar_t*> names,
                      std::initializer_list<const wchar_t*> groups = {}) const {
        auto* const cards = strings(names);
        auto* const where = strings(groups);
        const auto hr = locate->ConfigureCardNameSearch(cards, groups.size() == 0 ? nullptr : where);
        SafeArrayDestroy(cards);
        SafeArrayDestroy(where);
        return hr;
    }
    HRESULT find(LONG flags = SC_DLG_NO_UI) {
        return locate->FindCard(SHARED, static_cast<SCARD_PROTOCOLS>(T0 | T1), flags, &info);
    }
    ~Locate() { CoTaskMemFree(info); }
    Ref<ISCardLocate> locate{create<ISCardLocate>(CLSID_CSCardLocate, IID_ISCardLocate)};
    SCARDINFO* info = nullptr;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(card_database, Fixture)

BOOST_AUTO_TEST_CASE(answers_the_golden_questions) {
    run_golden("database.golden");
}

BOOST_AUTO_TEST_CASE(knows_the_emulator_s_cards_by_atr) {
    const auto database = CardDatabase::load();
    BOOST_REQUIRE(database);
    const auto matches = [&](const char* name, const char* atr) {
        const auto* const card = database.value().find(name);
        return card != nullptr && card->matches(from_hex(atr).value());
    };
    BOOST_TEST(matches("Cardlatch filecard", "3B8F018031F873F641FF6746494C45435244C8"));
    BOOST_TEST(matches("Cardlatch filecard", "3B8F018031F873F621FF6746494C45435244A8")); // other abilities
    BOOST_TEST(!matches("Cardlatch filecard", "3B8F018031F873F641FF675749544E455353C8"));
    BOOST_TEST(matches("Cardlatch witness", "3B8F018031C173C041DF675749544E455353F5"));
    BOOST_TEST(matches("PIV", "3B8D0180FBA0000003080000100001004D"));
    BOOST_TEST(database.value().find("Test card")->csp == "Some CSP");
}

const std::pair<const char*, Errc> k_mistakes[] = {
    {"[card \"x\"]\n", Errc::invalid_target},
    {"atr = 3B00\n", Errc::invalid_target},
    {"[card x]\natr = 3B00\n", Errc::invalid_target},
    {"[cart \"x\"]\natr = 3B00\n", Errc::invalid_target},
    {"[card \"x\"] y\natr = 3B00\n", Errc::invalid_target},
    {"[card \"x\"]\natr 3B00\n", Errc::invalid_target},
    {"[card \"x\"]\natr =\n", Errc::invalid_target},
    {"[card \"x\"]\ncolour = red\n", Errc::invalid_target},
    {"[card \"x\"]\natr = 3B00\nprovider = 12\n", Errc::invalid_target},
    {"[group \"x\"]\natr = 3B00\n", Errc::invalid_target},
    {"[card \"x\"]\natr = 3B\n", Errc::invalid_atr},
    {"[card \"x\"]\natr = 3B0\n", Errc::invalid_atr},
    {"[card \"x\"]\natr = 3B00\nmask = FFFFFF\n", Errc::invalid_atr},
};
std::ostream& operator<<(std::ostream& out, const std::pair<const char*, Errc>& mistake) {
    return out << mistake.first;
}

BOOST_AUTO_TEST_CASE(mistakes_are_reported_with_their_line) {
    for (const auto& [text, code] : k_mistakes) {
        BOOST_TEST_CONTEXT(text) {
            CardDatabase database;
            const auto read = database.read(text, "cards.conf");
            BOOST_REQUIRE(!read);
            BOOST_TEST((read.error().code == code));
            BOOST_TEST(read.error().detail.find("cards.conf:") == 0U);
        }
    }
    write("[card \"x\"]\n");
    const Ref<ISCardDatabase> object(create<ISCardDatabase>(CLSID_CSCardDatabase, IID_ISCardDatabase));
    auto* groups = reinterpret_cast<SAFEARRAY*>(&file);
    BOOST_TEST(object->ListReaderGroups(0, &groups) == HRESULT_FROM_SCARD(SCARD_E_INVALID_TARGET));
    BOOST_TEST((groups == nullptr));
    set_environment("CARDLATCH_CARDS", "/nonexistent/cards.conf");
    BOOST_TEST(object->ListReaderGroups(0, &groups) == HRESULT_FROM_SCARD(SCARD_E_INVALID_TARGET));
}

BOOST_AUTO_TEST_CASE(the_user_s_file_comes_before_the_system_s) {
    set_environment("CARDLATCH_CARDS", nullptr);
    const auto put = [&](const char* where, const char* text) {
        std::filesystem::create_directories(folder.path() / where / "cardlatch");
        std::ofstream(folder.path() / where / "cardlatch" / "cards.conf") << text;
    };
    put("user", "[card \"A\"]\natr = 3B01\n");
    put("system", "[card \"A\"]\natr = 3B02\n[card \"B\"]\natr = 3B03\n");
    const auto user = (folder.path() / "user").string();
#ifdef _WIN32
    const char* const of_the_user = "APPDATA";
    const char* const of_the_system = "PROGRAMDATA";
    const auto system = (folder.path() / "system").string();
#else
    const char* const of_the_user = "XDG_CONFIG_HOME";
    const char* const of_the_system = "XDG_CONFIG_DIRS";
    const auto system = "relative:" + (folder.path() / "system").string();
#endif
    set_environment(of_the_user, user.c_str());
    set_environment(of_the_system, system.c_str());
    const auto database = CardDatabase::load();
    set_environment(of_the_user, nullptr);
    set_environment(of_the_system, nullptr);
    BOOST_REQUIRE(database);
    BOOST_TEST(cardlatch::to_hex(database.value().find("A")->atr) == "3B01");
    BOOST_TEST(cardlatch::to_hex(database.value().find("B")->atr) == "3B03");
}

BOOST_AUTO_TEST_CASE(pointers_are_checked_and_outputs_cleared) {
    const Ref<ISCardDatabase> object(create<ISCardDatabase>(CLSID_CSCardDatabase, IID_ISCardDatabase));
    BSTR unknown = SysAllocString(L"No such card");
    auto* array = reinterpret_cast<SAFEARRAY*>(&file);
    auto* guid = reinterpret_cast<GUID*>(&file);
    BOOST_TEST(object->GetProviderCardId(unknown, &guid) == HRESULT_FROM_SCARD(SCARD_E_UNKNOWN_CARD));
    BOOST_TEST((guid == nullptr));
    BOOST_TEST(object->ListCardInterfaces(unknown, &array) == HRESULT_FROM_SCARD(SCARD_E_UNKNOWN_CARD));
    BOOST_TEST((array == nullptr));
    BOOST_TEST(object->GetProviderCardId(nullptr, &guid) == E_INVALIDARG);
    SysFreeString(unknown);
    BOOST_TEST(object->GetProviderCardId(nullptr, nullptr) == E_POINTER);
    BOOST_TEST(object->ListCardInterfaces(nullptr, nullptr) == E_POINTER);
    BOOST_TEST(object->ListCards(nullptr, nullptr, 0, nullptr) == E_POINTER);
    BOOST_TEST(object->ListReaderGroups(0, nullptr) == E_POINTER);
    BOOST_TEST(object->ListReaders(0, nullptr) == E_POINTER);
    fake::World::get().readers.clear();
    array = reinterpret_cast<SAFEARRAY*>(&file);
    BOOST_TEST(object->ListReaders(0, &array) == HRESULT_FROM_SCARD(SCARD_E_NO_READERS_AVAILABLE));
    BOOST_TEST((array == nullptr));
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_FIXTURE_TEST_SUITE(locate, Locate)

BOOST_AUTO_TEST_CASE(finds_a_known_card_and_hands_over_the_connection) {
    BOOST_TEST(configure({L"Dumb card", L"Test card"}, {L"Desk"}) == S_OK);
    BOOST_TEST(locate->FindCard(SHARED, static_cast<SCARD_PROTOCOLS>(T0 | T1), SC_DLG_NO_UI, &info) == S_OK);
    BOOST_REQUIRE(info != nullptr);
    BOOST_TEST(info->hContext != 0U);
    BOOST_TEST(info->ShareMode == SHARED);
    BOOST_TEST((info->ActiveProtocol == T0 || info->ActiveProtocol == T1));
    locate.reset(); // the documented order: release, then use the connection
    const Ref<ISCard> card(create<ISCard>(CLSID_CSCard, IID_ISCard));
    BOOST_TEST(card->AttachByHandle(info->hCard) == S_OK);
    HSCARD handle = 0;
    BOOST_TEST(card->get_CardHandle(&handle) == S_OK);
    BOOST_TEST(handle == info->hCard);
    BOOST_TEST(card->LockSCard() == S_OK);
    BOOST_TEST(card->UnlockSCard() == S_OK);
    BOOST_TEST(card->Detach() == S_OK);
    BOOST_TEST(fake::World::get().handles.empty());
}

BOOST_AUTO_TEST_CASE(finds_by_interface) {
    auto* const guids = strings({L"{E91F4CC7-C10D-4BD0-AEE4-F2BD861CA552}"});
    BOOST_TEST(locate->ConfigureCardGuidSearch(guids) == S_OK);
    BOOST_TEST(find(SC_DLG_MINIMAL_UI) == S_OK);
    const Ref<ISCard> card(create<ISCard>(CLSID_CSCard, IID_ISCard));
    BOOST_TEST(card->AttachByHandle(info->hCard) == S_OK);
    SafeArrayDestroy(guids);
    auto* const nonsense = strings({L"nonsense"});
    BOOST_TEST(locate->ConfigureCardGuidSearch(nonsense) == E_INVALIDARG);
    SafeArrayDestroy(nonsense);
    BOOST_TEST(locate->ConfigureCardGuidSearch(nullptr) == E_POINTER);
}

BOOST_AUTO_TEST_CASE(says_why_nothing_was_found) {
    BOOST_TEST(find() == E_UNEXPECTED); // nothing configured
    BOOST_TEST(configure({L"Unheard of"}) == S_OK);
    BOOST_TEST(find() == HRESULT_FROM_SCARD(SCARD_E_UNKNOWN_CARD));
    BOOST_TEST(configure({L"Dumb card"}) == S_OK);
    BOOST_TEST(find() == HRESULT_FROM_SCARD(SCARD_E_NO_SMARTCARD));
    BOOST_TEST(configure({L"Test card"}, {L"Door"}) == S_OK);
    BOOST_TEST(find() == HRESULT_FROM_SCARD(SCARD_E_NO_SMARTCARD));
    BOOST_TEST(configure({L"Test card"}) == S_OK);
    BOOST_TEST(find(SC_DLG_FORCE_UI) == static_cast<HRESULT>(0x80100022U)); // Windows' number everywhere
    BOOST_TEST(find(0) == E_INVALIDARG);
    BOOST_TEST(configure({}) == E_INVALIDARG);
    BOOST_TEST((info == nullptr));
    BOOST_TEST(locate->FindCard(SHARED, T1, SC_DLG_NO_UI, nullptr) == E_POINTER);
    BOOST_TEST(locate->FindCard(static_cast<SCARD_SHARE_MODES>(3), T1, SC_DLG_NO_UI, &info) == E_INVALIDARG);
    fake::World::get().readers.clear();
    BOOST_TEST(find() == HRESULT_FROM_SCARD(SCARD_E_NO_READERS_AVAILABLE));
}

BOOST_AUTO_TEST_SUITE_END()
