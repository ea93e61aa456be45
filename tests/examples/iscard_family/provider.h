#pragma once

#include "family.h"

// The service provider's programs start with a CSCardManage on the card.

struct Provider {
    explicit Provider(BSTR reader) { check(manage->AttachByIFD(reader) == S_OK, "attached"); }
    Provider(const Provider&) = delete;
    Provider& operator=(const Provider&) = delete;
    ~Provider() {
        check(manage->Detach() == S_OK, "detached");
        manage->Release();
    }
    ISCardManage* const manage = create<ISCardManage>(CLSID_CSCardManage, IID_ISCardManage);
};

/// PINs of the PIV card: eight bytes, filled up with FF. Source: SP 800-73-5 part 2, 2.4.3
inline std::vector<BYTE> piv_pin(const char* digits) {
    std::vector<BYTE> pin(digits, digits + std::strlen(digits));
    pin.resize(8, 0xFF);
    return pin;
}
