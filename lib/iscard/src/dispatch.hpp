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

/// An interface for late-bound callers. The DISPIDs are the names' numbers in vtable order, from 1; accessors
/// of one property share theirs.
struct Table {
    const wchar_t* name;
    const IID& iid;
    std::span<const Member> members;
};
template <class Interface>
Table table_of();

/// IDispatch::GetIDsOfNames() on a table; names are compared without regard to ASCII case.
HRESULT dispatch_names(const Table& table, REFIID riid, LPOLESTR* names, UINT count, DISPID* ids) noexcept;

/// IDispatch::Invoke() on a table. `object` points at the interface that the table describes. When the method
/// fails and `exception` is not NULL, that says which one and why, and the result is DISP_E_EXCEPTION.
HRESULT dispatch_invoke(const Table& table, void* object, DISPID id, REFIID riid, WORD flags,
                        DISPPARAMS* parameters, VARIANT* result, EXCEPINFO* exception,
                        UINT* bad_argument) noexcept;

/// IDispatch::GetTypeInfoCount(): 1 where there is a type library (Windows), else 0.
UINT type_info_count() noexcept;
/// IDispatch::GetTypeInfo(). DISP_E_BADINDEX, E_NOTIMPL where there is no type library.
HRESULT type_info(const Table& table, UINT index, LCID locale, ITypeInfo** out) noexcept;

} // namespace cardlatch::iscard
