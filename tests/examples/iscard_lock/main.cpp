// ISCard as Microsoft's documentation uses it: attach by reader name, lock, one command, unlock, detach.
// Beside the include line and the library, nothing here knows Cardlatch. Usage: iscard_lock "READER NAME"

#include <cardlatch/scardssp.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

int fail(const char* what, HRESULT hr) {
    std::fprintf(stderr, "%s failed: 0x%08X\n", what, static_cast<unsigned>(hr));
    return 1;
}

HRESULT print_bytes(const char* label, LPBYTEBUFFER pBuffer) {
    STATSTRUCT stat;
    HRESULT hr = pBuffer->Stat(&stat, STATFLAG_NONAME);
    if (FAILED(hr)) {
        return hr;
    }
    std::printf("%s:", label);
    for (LONG i = 0; i < stat.cbSize; ++i) {
        BYTE byte = 0;
        hr = pBuffer->Read(&byte, 1);
        if (FAILED(hr)) {
            break;
        }
        std::printf(" %02X", byte);
    }
    std::printf("\n");
    return hr;
}

HRESULT print_atr(ISCard* pCard) {
    LPBYTEBUFFER pAtr = NULL;
    HRESULT hr = pCard->get_Atr(&pAtr);
    if (SUCCEEDED(hr)) {
        hr = print_bytes("ATR", pAtr);
        pAtr->Release();
    }
    return hr;
}

// SELECT the master file: 00 A4 00 00 02 3F 00 00.
HRESULT build_select(ISCardCmd* pCmd) {
    IByteBuffer* pData = NULL;
    HRESULT hr = CoCreateInstance(CLSID_CByteBuffer, NULL, CLSCTX_ALL, IID_IByteBuffer,
                                  reinterpret_cast<LPVOID*>(&pData));
    if (FAILED(hr)) {
        return hr;
    }
    BYTE file[] = {0x3F, 0x00};
    LONG lLe = 0;
    hr = pData->Initialize(sizeof(file), file);
    if (SUCCEEDED(hr)) {
        hr = pCmd->BuildCmd(0x00, 0xA4, 0x00, 0x00, pData, &lLe);
    }
    pData->Release();
    return hr;
}

// What is done while nobody else has the card.
int talk(ISCard* pCard, ISCardCmd* pCmd) {
    HRESULT hr = build_select(pCmd);
    if (FAILED(hr)) {
        return fail("BuildCmd", hr);
    }
    hr = print_atr(pCard);
    if (FAILED(hr)) {
        return fail("get_Atr", hr);
    }
    hr = pCard->Transaction(&pCmd);
    if (FAILED(hr)) {
        return fail("Transaction", hr);
    }
    WORD wStatus = 0;
    hr = pCmd->get_ReplyStatus(&wStatus);
    if (FAILED(hr)) {
        return fail("get_ReplyStatus", hr);
    }
    std::printf("SELECT 3F00: SW %04X\n", wStatus);
    return 0;
}

int use(ISCard* pCard, ISCardCmd* pCmd, BSTR bstrReader) {
    HRESULT hr = pCard->AttachByReader(bstrReader, SHARED, static_cast<SCARD_PROTOCOLS>(T0 | T1));
    if (FAILED(hr)) {
        return fail("AttachByReader", hr);
    }
    hr = pCard->LockSCard();
    if (FAILED(hr)) {
        pCard->Detach(LEAVE);
        return fail("LockSCard", hr);
    }
    int result = talk(pCard, pCmd);
    hr = pCard->UnlockSCard(LEAVE);
    if (FAILED(hr)) {
        result = fail("UnlockSCard", hr);
    }
    hr = pCard->Detach(LEAVE);
    if (FAILED(hr)) {
        result = fail("Detach", hr);
    }
    return result;
}

int run(BSTR bstrReader) {
    ISCard* pCard = NULL;
    HRESULT hr =
        CoCreateInstance(CLSID_CSCard, NULL, CLSCTX_ALL, IID_ISCard, reinterpret_cast<LPVOID*>(&pCard));
    if (FAILED(hr)) {
        return fail("CoCreateInstance(CLSID_CSCard)", hr);
    }
    ISCardCmd* pCmd = NULL;
    hr = CoCreateInstance(CLSID_CSCardCmd, NULL, CLSCTX_ALL, IID_ISCardCmd, reinterpret_cast<LPVOID*>(&pCmd));
    int result = 1;
    if (FAILED(hr)) {
        result = fail("CoCreateInstance(CLSID_CSCardCmd)", hr);
    } else {
        result = use(pCard, pCmd, bstrReader);
        pCmd->Release();
    }
    pCard->Release();
    return result;
}

} // namespace

int main(int argc, char* argv[]) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s \"READER NAME\"\n", argv[0]);
        return 1;
    }
    std::setlocale(LC_ALL, ""); // the argument is in the user's encoding
    std::vector<wchar_t> name(std::mbstowcs(NULL, argv[1], 0) + 1);
    if (name.empty()) {
        std::fprintf(stderr, "the reader name is not text in this locale\n");
        return 1;
    }
    std::mbstowcs(name.data(), argv[1], name.size());
    HRESULT hr = CoInitialize(NULL);
    if (FAILED(hr)) {
        return fail("CoInitialize", hr);
    }
    BSTR bstrReader = SysAllocString(name.data());
    const int result = run(bstrReader);
    SysFreeString(bstrReader);
    CoUninitialize();
    return result;
}
