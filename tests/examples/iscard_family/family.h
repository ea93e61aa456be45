#pragma once

// What the programs of this folder share. Each uses one interface of the family on a card, every method at
// least once: PROGRAM filecard|piv "READER NAME". Every call goes through CALL or SEND, which print what came
// of it, so that a test can tell which methods were seen to work with which card.

#include <cardlatch/scardssp.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

inline int g_failures = 0;

/// Prints one call: "yes" for success, "refused" for an expected failure. Any other result makes the program
/// fail.
inline HRESULT report(const char* method, HRESULT hr, HRESULT expected = S_OK) {
    std::printf("%s %s\n", method, hr != expected ? "failed" : hr == S_OK ? "yes" : "refused");
    if (hr != expected) {
        std::fprintf(stderr, "%s returned %08X, not %08X\n", method, static_cast<unsigned>(hr),
                     static_cast<unsigned>(expected));
        ++g_failures;
    }
    return hr;
}

#define CALL(object, interface_, method, ...) report(#interface_ "." #method, (object)->method(__VA_ARGS__))
#define CALL_EXPECT(expected, object, interface_, method, ...)                                               \
    report(#interface_ "." #method, (object)->method(__VA_ARGS__), static_cast<HRESULT>(expected))

inline void check(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "not as it should be: %s\n", what);
        ++g_failures;
    }
}

template <class T>
T* create(REFCLSID clsid, REFIID iid) {
    T* object = NULL;
    const HRESULT hr = CoCreateInstance(clsid, NULL, CLSCTX_ALL, iid, reinterpret_cast<LPVOID*>(&object));
    if (FAILED(hr)) {
        std::fprintf(stderr, "CoCreateInstance failed: %08X\n", static_cast<unsigned>(hr));
        std::exit(1);
    }
    return object;
}

/// A byte buffer that releases itself.
class Buffer {
  public:
    Buffer() {}
    explicit Buffer(const std::vector<BYTE>& bytes)
        : pointer_(create<IByteBuffer>(CLSID_CByteBuffer, IID_IByteBuffer)) {
        std::vector<BYTE> copy(bytes);
        pointer_->Initialize(static_cast<LONG>(copy.size()), copy.data());
    }
    explicit Buffer(const char* text)
        : Buffer(std::vector<BYTE>(text, text + std::strlen(text))) {}
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { reset(); }
    operator LPBYTEBUFFER() const { return pointer_; }
    LPBYTEBUFFER operator->() const { return pointer_; }
    /// For methods that store a new buffer.
    LPBYTEBUFFER* out() {
        reset();
        return &pointer_;
    }
    LPBYTEBUFFER* in_out() { return &pointer_; }
    std::vector<BYTE> bytes() const {
        STATSTRUCT stat = {};
        if (pointer_ == NULL || FAILED(pointer_->Stat(&stat, STATFLAG_NONAME))) {
            return {};
        }
        std::vector<BYTE> bytes(static_cast<std::size_t>(stat.cbSize) + 1);
        LONG count = 0;
        pointer_->Seek(0, STREAM_SEEK_SET);
        pointer_->Read(bytes.data(), stat.cbSize, &count);
        bytes.resize(static_cast<std::size_t>(count));
        return bytes;
    }

  private:
    void reset() {
        if (pointer_ != NULL) {
            pointer_->Release();
        }
        pointer_ = NULL;
    }
    LPBYTEBUFFER pointer_ = NULL;
};

class Text {
  public:
    explicit Text(const char* ascii) {
        std::vector<OLECHAR> wide(ascii, ascii + std::strlen(ascii));
        text_ = SysAllocStringLen(wide.data(), static_cast<UINT>(wide.size()));
    }
    Text(const Text&) = delete;
    Text& operator=(const Text&) = delete;
    ~Text() { SysFreeString(text_); }
    operator BSTR() const { return text_; }

  private:
    BSTR text_;
};

/// What a program is given.
struct Given {
    const char* card; ///< name of the profile
    bool piv;         ///< else the files of filecard
    BSTR reader;
};

inline const SCARD_PROTOCOLS any_protocol = static_cast<SCARD_PROTOCOLS>(T0 | T1);
/// The application of a PIV card. Source: SP 800-73-5 part 1, 2.2
inline const std::vector<BYTE> piv_aid = {0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00};

/// A card that nobody else uses meanwhile, and a command for it.
class LockedCard {
  public:
    explicit LockedCard(BSTR reader) {
        check(card->AttachByReader(reader, SHARED, any_protocol) == S_OK, "attached");
        check(card->LockSCard() == S_OK, "locked");
    }
    LockedCard(const LockedCard&) = delete;
    LockedCard& operator=(const LockedCard&) = delete;
    ~LockedCard() {
        check(card->UnlockSCard(LEAVE) == S_OK, "unlocked");
        check(card->Detach(LEAVE) == S_OK, "detached");
        command->Release();
        card->Release();
    }
    /// Sends what is in the command; returns SW1-SW2.
    WORD transact() {
        WORD status = 0;
        check(card->Transaction(&command) == S_OK, "the transaction");
        command->get_ReplyStatus(&status);
        return status;
    }
    /// The same after `built`, for a command that the card is to answer with `wanted`.
    void send(const char* method, HRESULT built, WORD wanted) {
        const WORD status = built == S_OK ? transact() : 0;
        const bool done = (status & 0xFF00) == 0x9000 || (status & 0xFF00) == 0x6100;
        std::printf("%s %s\n", method, status != wanted ? "failed" : done ? "yes" : "refused");
        if (status != wanted) {
            std::fprintf(stderr, "%s returned %08X, SW %04X, not %04X\n", method,
                         static_cast<unsigned>(built), status, wanted);
            ++g_failures;
        }
    }

    ISCard* const card = create<ISCard>(CLSID_CSCard, IID_ISCard);
    ISCardCmd* command = create<ISCardCmd>(CLSID_CSCardCmd, IID_ISCardCmd);
};

/// A command is built, sent, and answered with status word `sw`.
#define SEND(sw, locked, object, interface_, method, ...)                                                    \
    (locked).send(#interface_ "." #method, (object)->method(__VA_ARGS__), sw)

/// main() of every program.
inline int run(int argc, char* argv[], void (*use)(const Given& given)) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s filecard|piv \"READER NAME\"\n", argv[0]);
        return 1;
    }
    CoInitialize(NULL);
    {
        const Text reader(argv[2]);
        use(Given{argv[1], std::strncmp(argv[1], "piv", 3) == 0, reader});
    }
    CoUninitialize();
    return g_failures == 0 ? 0 : 1;
}
