// What the methods that reach a card return when the resource manager or the card turns them down: a code
// that the reference has for the method, and cleared outputs.

#include "fake_winscard.hpp"
#include "iscard_method_list.hpp"

#include <boost/test/unit_test.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

using cardlatch::Bytes;
using cardlatch::ByteView;

namespace {

/// Pointers to outputs that hold something before the call.
class Outputs {
  public:
    template <class T>
    T* make() {
        auto filled = std::make_shared<Filled<T*>>();
        finishers_.emplace_back([filled](bool failed) { return filled->finish('o', failed); });
        return filled->pass('o');
    }
    /// How many a failed call left as they were; frees what a successful one gave.
    int finish(bool failed) {
        int left = 0;
        for (const auto& finisher : finishers_) {
            left += finisher(failed);
        }
        return left;
    }

  private:
    std::vector<std::function<int(bool)>> finishers_;
};

SAFEARRAY* list_of(const wchar_t* text) {
    auto* const list = SafeArrayCreateVector(VT_BSTR, 0, 1);
    *static_cast<BSTR*>(list->pvData) = SysAllocString(text);
    return list;
}

const auto k_any = static_cast<SCARD_PROTOCOLS>(T0 | T1);

/// The whole family, attached and locked, with an open file.
struct Family {
    Family() {
        BOOST_REQUIRE_EQUAL(card->AttachByReader(reader.value, SHARED, k_any), S_OK);
        BOOST_REQUIRE_EQUAL(card->LockSCard(), S_OK);
        BOOST_REQUIRE_EQUAL(card->UnlockSCard(LEAVE), S_OK);
        BOOST_REQUIRE_EQUAL(command->BuildCmd(0x00, 0xA4), S_OK);
        BOOST_REQUIRE_EQUAL(manage->AttachByIFD(reader.value), S_OK);
        BOOST_REQUIRE_EQUAL(manage->CreateFileAccess(files.out()), S_OK);
        BOOST_REQUIRE_EQUAL(manage->CreateCardAuth(auth.out()), S_OK);
        BOOST_REQUIRE_EQUAL(manage->CreateCHVerification(pin.out()), S_OK);
        BOOST_REQUIRE_EQUAL(files->Open(SC_TYPE_BY_ID, path.value, &file), S_OK);
        auto* const names = list_of(L"PIV");
        BOOST_REQUIRE_EQUAL(locate->ConfigureCardNameSearch(names), S_OK);
        SafeArrayDestroy(names);
        properties[0].Tag = 0x80;
        properties[0].Length = 1;
    }
    Family(const Family&) = delete;
    Family& operator=(const Family&) = delete;
    ~Family() = default;

    Text reader{L"Fake Reader 00 00"};
    Text path{L"5001"};
    Ref<ISCard> card{create<ISCard>(CLSID_CSCard, IID_ISCard)};
    Ref<ISCardCmd> command{create<ISCardCmd>(CLSID_CSCardCmd, IID_ISCardCmd)};
    Ref<ISCardDatabase> database{create<ISCardDatabase>(CLSID_CSCardDatabase, IID_ISCardDatabase)};
    Ref<ISCardLocate> locate{create<ISCardLocate>(CLSID_CSCardLocate, IID_ISCardLocate)};
    Ref<ISCardManage> manage{create<ISCardManage>(CLSID_CSCardManage, IID_ISCardManage)};
    Ref<ISCardFileAccess> files;
    Ref<ISCardAuth> auth;
    Ref<ISCardVerify> pin;
    Ref<IByteBuffer> bytes{buffer_of("01020304")};
    HSCARD_FILE file = 0;
    LONG number = 0;
    TLV_TABLE properties[2] = {};
    LPTLV_TABLE table = properties;
    LPSCARDCMD raw_command = command.get();
    LPBYTEBUFFER raw_bytes = bytes.get();
};

#ifdef _WIN32
constexpr std::size_t k_step = 7; // each turn at a card is a thread there: a part of the codes has to do
#else
constexpr std::size_t k_step = 1;
#endif

struct Reaches {
    std::string_view method;
    HRESULT (*call)(Family& use, Outputs& out);
};
const Reaches k_reaches[] = {
    {"ISCard.get_Atr",
     [](auto& use, auto& out) { return use.card->get_Atr(out.template make<LPBYTEBUFFER>()); }},
    {"ISCard.get_Protocol",
     [](auto& use, auto& out) { return use.card->get_Protocol(out.template make<SCARD_PROTOCOLS>()); }},
    {"ISCard.get_Status",
     [](auto& use, auto& out) { return use.card->get_Status(out.template make<SCARD_STATES>()); }},
    {"ISCard.AttachByHandle",
     [](auto& use, auto& /*out*/) {
         HSCARD handle = 0;
         use.card->get_CardHandle(&handle);
         return use.card->AttachByHandle(handle);
     }},
    {"ISCard.AttachByReader",
     [](auto& use, auto& /*out*/) { return use.card->AttachByReader(use.reader.value, SHARED, k_any); }},
    {"ISCard.Detach", [](auto& use, auto& /*out*/) { return use.card->Detach(RESET); }},
    {"ISCard.LockSCard", [](auto& use, auto& /*out*/) { return use.card->LockSCard(); }},
    {"ISCard.ReAttach", [](auto& use, auto& /*out*/) { return use.card->ReAttach(SHARED, RESET); }},
    {"ISCard.Transaction", [](auto& use, auto& /*out*/) { return use.card->Transaction(&use.raw_command); }},
    {"ISCard.UnlockSCard",
     [](auto& use, auto& /*out*/) {
         const auto hr = use.card->LockSCard(); // which has the same codes
         return FAILED(hr) ? hr : use.card->UnlockSCard(RESET);
     }},
    {"ISCardDatabase.ListReaders",
     [](auto& use, auto& out) { return use.database->ListReaders(0, out.template make<LPSAFEARRAY>()); }},
    {"ISCardLocate.FindCard",
     [](auto& use, auto& out) {
         return use.locate->FindCard(SHARED, k_any, SC_DLG_NO_UI, out.template make<LPSCARDINFO>());
     }},
    {"ISCardManage.AttachByHandle",
     [](auto& use, auto& /*out*/) {
         HSCARD handle = 0;
         use.card->get_CardHandle(&handle);
         return use.manage->AttachByHandle(handle);
     }},
    {"ISCardManage.AttachByIFD",
     [](auto& use, auto& /*out*/) { return use.manage->AttachByIFD(use.reader.value); }},
    {"ISCardManage.Detach", [](auto& use, auto& /*out*/) { return use.manage->Detach(); }},
    {"ISCardManage.Reconnect", [](auto& use, auto& /*out*/) { return use.manage->Reconnect(); }},
    {"ISCardManage.SCardLock", [](auto& use, auto& /*out*/) { return use.manage->SCardLock(); }},
    {"ISCardManage.SCardUnlock",
     [](auto& use, auto& /*out*/) {
         const auto hr = use.manage->SCardLock();
         return FAILED(hr) ? hr : use.manage->SCardUnlock(RESET);
     }},
    {"ISCardManage.Status",
     [](auto& use, auto& out) {
         return use.manage->Status(out.template make<SCARD_STATES>(), out.template make<SCARD_PROTOCOLS>());
     }},
    {"ISCardAuth.APP_Auth",
     [](auto& use, auto& /*out*/) { return use.auth->APP_Auth(0, nullptr, use.bytes.get()); }},
    {"ISCardAuth.GetChallenge",
     [](auto& use, auto& /*out*/) { return use.auth->GetChallenge(0, 8, nullptr, &use.raw_bytes); }},
    {"ISCardAuth.ICC_Auth",
     [](auto& use, auto& /*out*/) { return use.auth->ICC_Auth(0, nullptr, &use.raw_bytes); }},
    {"ISCardAuth.User_Auth",
     [](auto& use, auto& /*out*/) { return use.auth->User_Auth(0, nullptr, use.bytes.get()); }},
    {"ISCardFileAccess.ChangeDir",
     [](auto& use, auto& /*out*/) { return use.files->ChangeDir(SC_TYPE_BY_ID, use.path.value); }},
    {"ISCardFileAccess.Create",
     [](auto& use, auto& /*out*/) {
         return use.files->Create(SC_TYPE_BY_ID, use.path.value, TLV_TABLE{}, SC_FL_PREALLOCATED,
                                  use.bytes.get());
     }},
    {"ISCardFileAccess.Delete",
     [](auto& use, auto& /*out*/) { return use.files->Delete(SC_TYPE_BY_ID, use.path.value, 0); }},
    {"ISCardFileAccess.Directory",
     [](auto& use, auto& out) {
         return use.files->Directory(SC_TYPE_DIRECTORIES, out.template make<LPSAFEARRAY>());
     }},
    {"ISCardFileAccess.GetProperties",
     [](auto& use, auto& /*out*/) {
         return use.files->GetProperties(SC_TYPE_BY_ID, use.path.value, 0, &use.table);
     }},
    {"ISCardFileAccess.Invalidate",
     [](auto& use, auto& /*out*/) { return use.files->Invalidate(use.path.value, 0); }},
    {"ISCardFileAccess.Open",
     [](auto& use, auto& out) {
         return use.files->Open(SC_TYPE_BY_ID, use.path.value, out.template make<HSCARD_FILE>());
     }},
    {"ISCardFileAccess.Read",
     [](auto& use, auto& out) {
         return use.files->Read(use.file, &use.number, 0, out.template make<LPBYTEBUFFER>());
     }},
    {"ISCardFileAccess.Rehabilitate",
     [](auto& use, auto& /*out*/) { return use.files->Rehabilitate(use.path.value, 0); }},
    {"ISCardFileAccess.SetProperties",
     [](auto& use, auto& /*out*/) {
         return use.files->SetProperties(SC_TYPE_BY_ID, use.path.value, 0, use.properties);
     }},
    {"ISCardFileAccess.Write",
     [](auto& use, auto& /*out*/) { return use.files->Write(use.file, use.bytes.get(), 0); }},
    {"ISCardVerify.ChangeCode",
     [](auto& use, auto& /*out*/) { return use.pin->ChangeCode(use.bytes.get(), use.bytes.get(), 0, 1); }},
    {"ISCardVerify.ResetSecurityState",
     [](auto& use, auto& /*out*/) { return use.pin->ResetSecurityState(); }},
    {"ISCardVerify.Unblock",
     [](auto& use, auto& /*out*/) { return use.pin->Unblock(use.bytes.get(), use.bytes.get(), 0, 1); }},
    {"ISCardVerify.Verify", [](auto& use, auto& /*out*/) { return use.pin->Verify(use.bytes.get(), 0, 1); }},
};

const Method& method_of(std::string_view name) {
    const auto* const found = std::find_if(std::begin(k_methods), std::end(k_methods),
                                           [&](const Method& method) { return name == method.name; });
    BOOST_REQUIRE_MESSAGE(found != std::end(k_methods), name);
    return *found;
}

/// A world whose card has one transparent file and answers 9000; its n-th answer from `start()` on can be
/// another.
struct Fixture {
    Fixture() {
        fake::World::get().reset();
        set_environment("CARDLATCH_CARDS", nullptr);
        fake::World::get().readers[fake::k_reader].atr =
            cardlatch::from_hex("3B8D0180FBA0000003080000100001004D").value(); // PIV, for FindCard()
    }
    void start(int number, Bytes other) {
        auto left = std::make_shared<int>(number);
        fake::World::get().card = [left, other = std::move(other)](ByteView command) {
            if (--*left == 0) {
                return other;
            }
            return command[1] == 0xA4 ? cardlatch::from_hex("6207820101800200809000").value()
                                      : Bytes{0x90, 0x00};
        };
    }
    void stop() {
        fake::World::get().failures.clear();
        fake::World::get().card = [](ByteView) { return Bytes{0x90, 0x00}; };
    }
    void judge(const Method& method, HRESULT hr, Outputs& out, const std::string& when) {
        BOOST_TEST(method.returns(hr),
                   method.name << " after " << when << ": " << std::hex << hr << " is not in the reference");
        BOOST_TEST(out.finish(FAILED(hr)) == 0, method.name << " after " << when << ": an output was left");
    }
    Com com;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(codes, Fixture)

BOOST_AUTO_TEST_CASE(failures_of_the_resource_manager_are_in_the_reference) {
    const LONG codes[] = {
        SCARD_E_INVALID_HANDLE, SCARD_W_RESET_CARD,          SCARD_W_REMOVED_CARD,
        SCARD_W_UNPOWERED_CARD, SCARD_W_UNRESPONSIVE_CARD,   SCARD_W_UNSUPPORTED_CARD,
        SCARD_E_NO_SMARTCARD,   SCARD_E_READER_UNAVAILABLE,  SCARD_E_NOT_READY,
        SCARD_E_NOT_TRANSACTED, SCARD_E_SHARING_VIOLATION,   SCARD_E_INVALID_VALUE,
        SCARD_E_PROTO_MISMATCH, SCARD_E_UNSUPPORTED_FEATURE, SCARD_E_NO_MEMORY,
        SCARD_E_NO_SERVICE,     SCARD_E_SERVICE_STOPPED,     SCARD_E_SERVER_TOO_BUSY,
        SCARD_F_COMM_ERROR,     SCARD_F_INTERNAL_ERROR,      SCARD_F_UNKNOWN_ERROR,
        SCARD_E_COMM_DATA_LOST,
    };
    for (const auto& reaches : k_reaches) {
        const auto& method = method_of(reaches.method);
        int failed = 0;
        for (const std::string function : {"SCardConnect", "SCardReconnect", "SCardDisconnect",
                                           "SCardBeginTransaction", "SCardEndTransaction", "SCardStatus",
                                           "SCardGetStatusChange", "SCardTransmit", "SCardListReaders"}) {
            for (std::size_t i = 0; i < std::size(codes); i += k_step) {
                const auto code = codes[i];
                // No card has a part in the list of readers.
                if (function == "SCardListReaders" &&
                    !method_of("ISCardDatabase.ListReaders").returns(HRESULT_FROM_SCARD(code))) {
                    continue;
                }
                start(0, {});
                Family use;
                Outputs out;
                fake::World::get().fail_next(function, code);
                const auto hr = reaches.call(use, out);
                stop();
                failed += FAILED(hr) ? 1 : 0;
                std::ostringstream when;
                when << std::hex << HRESULT_FROM_SCARD(code) << " from " << function;
                judge(method, hr, out, when.str());
            }
        }
        // Except for what asks nobody, something came through.
        BOOST_TEST((failed > 0 || reaches.method == "ISCard.get_Protocol"), reaches.method);
    }
}

BOOST_AUTO_TEST_CASE(status_words_are_in_the_reference) {
    std::vector<Bytes> words = {{}, {0x90}}; // no answer, and half of one
    for (const char* const word :
         {"0000", "6100", "6200", "6281", "6282", "6283", "6284", "6285", "6300", "6381", "63C0", "63C1",
          "63FF", "6400", "6581", "6700", "6800", "6881", "6882", "6900", "6981", "6982", "6983", "6984",
          "6985", "6986", "6987", "6988", "6A00", "6A80", "6A81", "6A82", "6A83", "6A84", "6A85", "6A86",
          "6A87", "6A88", "6A89", "6A8A", "6B00", "6C00", "6C10", "6D00", "6E00", "6F00"}) {
        words.push_back(cardlatch::from_hex(word).value());
    }
    for (const auto& reaches : k_reaches) {
        const auto& method = method_of(reaches.method);
        for (std::size_t i = 0; i < words.size(); i += k_step) {
            const auto& word = words[i];
            for (int number = 1; number <= 3; ++number) {
                start(0, {});
                Family use;
                Outputs out;
                start(number, word);
                const auto hr = reaches.call(use, out);
                stop();
                judge(method, hr, out, cardlatch::to_hex(word) + " as answer " + std::to_string(number));
            }
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
