#pragma once

#include <cardlatch/iscard/automation.h>

#include <span>

// Late binding: a table per interface, and one Invoke() for all of them.

namespace cardlatch::iscard {

class Arguments;

/// One method or property accessor as late-bound callers see it.
struct Member {
    const wchar_t* name;
    DISPID id;
    WORD kind; ///< DISPATCH_METHOD, DISPATCH_PROPERTYGET or DISPATCH_PROPERTYPUT
    /// One letter for each parameter: i in, with a value; z in, may be omitted and is then 0 or NULL; u in,
    /// may be omitted and is then 1; b in and out; o out, may be omitted; r out, which is the result when
    /// omitted.
    const char* parameters;
    /// Calls it; NULL for a method whose parameters are no automation types.
    HRESULT (*call)(void* object, Arguments& arguments);
};

/// The members of an interface. The DISPIDs are the names' numbers in vtable order, from 1; accessors of one
/// property share theirs.
template <class Interface>
std::span<const Member> members_of();

/// IDispatch::GetIDsOfNames() on a table; names are compared without regard to ASCII case.
HRESULT dispatch_names(std::span<const Member> members, REFIID riid, LPOLESTR* names, UINT count,
                       DISPID* ids) noexcept;

/// IDispatch::Invoke() on a table. `object` points at the interface that the table describes.
HRESULT dispatch_invoke(std::span<const Member> members, void* object, DISPID id, REFIID riid, WORD flags,
                        DISPPARAMS* parameters, VARIANT* result, UINT* bad_argument) noexcept;

} // namespace cardlatch::iscard
