#pragma once

#include "fake_winscard.hpp"
#include "iscard_support.hpp"

#include <string>

// A card in the resource manager in memory, and an ISCard for it.

inline HRESULT scard(LONG code) {
    return HRESULT_FROM_SCARD(code);
}

/// The reader's name, or another.
struct Name : Text {
    explicit Name(const wchar_t* text = L"Fake Reader 00 00")
        : Text(text) {}
};

inline const auto k_any = static_cast<SCARD_PROTOCOLS>(T0 | T1);

inline ISCard* new_card() {
    return create<ISCard>(CLSID_CSCard, IID_ISCard);
}

inline ISCardCmd* new_command(BYTE ins = 0xA4) {
    auto* const command = create<ISCardCmd>(CLSID_CSCardCmd, IID_ISCardCmd);
    BOOST_REQUIRE_EQUAL(command->BuildCmd(0x00, ins), S_OK);
    return command;
}

inline std::string reply_of(ISCardCmd* command) {
    Ref<IByteBuffer> buffer;
    BOOST_REQUIRE_EQUAL(command->get_ApduReply(buffer.out()), S_OK);
    return buffer.get() == nullptr ? "none" : rest_of(buffer.get());
}

struct World {
    World() { world.reset(); }
    fake::Reader& reader() const { return world.readers[fake::k_reader]; }
    Com com;
    fake::World& world = fake::World::get();
};

struct Unattached : World {
    Ref<ISCard> card{new_card()};
    Name name;
    Ref<ISCardCmd> command{new_command()};
    ISCardCmd* raw_command = command.get();
};

struct Attached : Unattached {
    Attached() { BOOST_REQUIRE_EQUAL(card->AttachByReader(name.value, SHARED, k_any), S_OK); }
};
