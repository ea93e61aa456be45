#pragma once

#include "family.h"

// SAFEARRAYs of BSTRs, for the programs that ask for names.

/// The name in the built-in card list.
inline const char* card_name(const Given& given) {
    return given.piv                                 ? "PIV"
           : std::strcmp(given.card, "witness") == 0 ? "Cardlatch witness"
                                                     : "Cardlatch filecard";
}

inline SAFEARRAY* list_of(BSTR text) {
    SAFEARRAY* const list = SafeArrayCreateVector(VT_BSTR, 0, 1);
    LONG at = 0;
    SafeArrayPutElement(list, &at, text);
    return list;
}

inline bool holds(SAFEARRAY* list, BSTR text) {
    LONG low = 0;
    LONG high = -1;
    bool found = false;
    SafeArrayGetLBound(list, 1, &low);
    SafeArrayGetUBound(list, 1, &high);
    for (LONG i = low; i <= high; ++i) {
        BSTR entry = NULL;
        SafeArrayGetElement(list, &i, static_cast<void*>(&entry));
        found = found || (SysStringByteLen(entry) == SysStringByteLen(text) &&
                          std::memcmp(entry, text, SysStringByteLen(text)) == 0);
        SysFreeString(entry);
    }
    return found;
}
