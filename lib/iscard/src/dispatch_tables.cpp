// The late binding tables, in the order of the vtables. The golden calls of fixtures/iscard go through
// them.

#include "byte_buffer.hpp"
#include "dispatch_arguments.hpp"
#include "safe_array.hpp"
#include "text.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace cardlatch::iscard {

namespace {

template <class Interface, class... Parameters>
consteval std::size_t arity(HRESULT (STDMETHODCALLTYPE Interface::* /*method*/)(Parameters...)) {
    return sizeof...(Parameters);
}

/// A row whose function brings the arguments to the method and its results back.
template <auto method>
consteval Member thunk(const wchar_t* name, DISPID id, WORD kind, const char* parameters,
                       HRESULT (*call)(void* object, Arguments& arguments)) {
    if (std::string_view(parameters).size() != arity(method)) {
        throw "a letter for each parameter"; // ends the compilation
    }
    return {name, id, kind, parameters, call};
}
/// A row that goes straight to the method.
template <auto method>
consteval Member accessor(const wchar_t* name, DISPID id, WORD kind, const char* parameters) {
    return thunk<method>(name, id, kind, parameters, &Bound<method>::call);
}
/// A row of a method whose parameters are no automation types: it has a DISPID and cannot be called by it.
template <auto method>
consteval Member not_automation(const wchar_t* name, DISPID id, WORD kind, const char* parameters) {
    return thunk<method>(name, id, kind, parameters, nullptr);
}

/// The bytes of an argument that the method wants as pointer and count: a SAFEARRAY of VT_UI1.
HRESULT bytes_argument(Arguments& arguments, std::size_t index, Bytes& out) {
    auto* const given = arguments.at(index);
    LPSAFEARRAY array = nullptr;
    if (given == nullptr) {
        return S_OK;
    }
    if (const auto hr = read_array(*given, array); FAILED(hr)) {
        return arguments.blame(index, hr);
    }
    return array == nullptr ? S_OK : take_byte_array(array, out);
}

HRESULT number_argument(Arguments& arguments, std::size_t index, std::int64_t omitted, LONG& out) {
    auto* const given = arguments.at(index);
    std::int64_t number = omitted;
    auto hr = given == nullptr ? S_OK : read_number(*given, number);
    if (SUCCEEDED(hr)) {
        hr = narrow(number, out);
    }
    return FAILED(hr) ? arguments.blame(index, hr) : S_OK;
}

HRESULT store_number(Arguments& arguments, std::size_t index, LONG value) {
    auto* const to = detail::target(arguments, index);
    return to == nullptr ? S_OK : write_number(*to, value, VT_I4);
}

/// Bytes and how many of them, as arguments 0 and 1: the array has to have as many, and without the count all
/// count. There is an address even for none.
HRESULT bytes_and_count(Arguments& arguments, Bytes& bytes, LONG& count) {
    auto hr = bytes_argument(arguments, 0, bytes);
    if (SUCCEEDED(hr)) {
        hr = number_argument(arguments, 1, static_cast<std::int64_t>(bytes.size()), count);
    }
    if (FAILED(hr)) {
        return hr;
    }
    bytes.reserve(1);
    return count < 0 || static_cast<std::size_t>(count) > bytes.size() ? E_INVALIDARG : S_OK;
}

/// Initialize(lSize, pData): the array has to have as many bytes as lSize says.
HRESULT initialize(void* object, Arguments& arguments) {
    LONG size = 0;
    Bytes data;
    auto hr = number_argument(arguments, 0, 1, size);
    if (SUCCEEDED(hr)) {
        hr = bytes_argument(arguments, 1, data);
    }
    if (FAILED(hr)) {
        return hr;
    }
    if (!data.empty() && (size < 0 || data.size() < static_cast<std::size_t>(size))) {
        return E_INVALIDARG;
    }
    return static_cast<IByteBuffer*>(object)->Initialize(size, data.empty() ? nullptr : data.data());
}

/// Read(pByte, cb, pcbRead): pByte receives a new array.
HRESULT read_bytes(void* object, Arguments& arguments) {
    LONG count = 0;
    if (const auto hr = number_argument(arguments, 1, 0, count); FAILED(hr)) {
        return hr;
    }
    auto* const to = arguments.at(0);
    if (to == nullptr || count < 0) {
        return to == nullptr ? E_POINTER : E_INVALIDARG;
    }
    // No more than there is, so that a count from a script does not decide how much memory is taken.
    STATSTRUCT stat{};
    auto* const buffer = static_cast<IByteBuffer*>(object);
    auto hr = buffer->Stat(&stat, STATFLAG_NONAME);
    if (FAILED(hr)) {
        return hr;
    }
    Bytes bytes(static_cast<std::size_t>(std::min(count, stat.cbSize)));
    bytes.reserve(1);
    LONG read = 0;
    hr = buffer->Read(bytes.data(), static_cast<LONG>(bytes.size()), &read);
    if (FAILED(hr)) {
        return hr;
    }
    Slot<LPSAFEARRAY*> array;
    hr = give_byte_array(ByteView(bytes).first(static_cast<std::size_t>(read)), &array.value);
    if (SUCCEEDED(hr)) {
        hr = array.store(to);
    }
    return FAILED(hr) ? hr : store_number(arguments, 2, read);
}

/// Write(pByte, cb, pcbWritten)
HRESULT write_bytes(void* object, Arguments& arguments) {
    Bytes bytes;
    LONG count = 0;
    auto hr = bytes_and_count(arguments, bytes, count);
    if (FAILED(hr)) {
        return hr;
    }
    LONG written = 0;
    hr = static_cast<IByteBuffer*>(object)->Write(bytes.data(), count, &written);
    return FAILED(hr) ? hr : store_number(arguments, 2, written);
}

HRESULT array_to_buffer(void* object, Arguments& arguments) {
    Bytes bytes;
    LONG count = 0;
    auto hr = bytes_and_count(arguments, bytes, count);
    if (FAILED(hr)) {
        return hr;
    }
    Slot<LPBYTEBUFFER*> buffer;
    hr = static_cast<ISCardTypeConv*>(object)->ConvertByteArrayToByteBuffer(
        bytes.data(), static_cast<DWORD>(count), buffer.pass('r'));
    auto* const to = detail::target(arguments, 2);
    return FAILED(hr) || to == nullptr ? hr : buffer.store(to);
}

/// The GUID travels as text.
HRESULT provider_card_id(void* object, Arguments& arguments) {
    BSTR name = nullptr;
    if (const auto hr = read_string(*arguments.at(0), name); FAILED(hr)) {
        return arguments.blame(0, hr);
    }
    LPGUID id = nullptr;
    const auto hr = static_cast<ISCardDatabase*>(object)->GetProviderCardId(name, &id);
    auto* const to = detail::target(arguments, 1);
    if (FAILED(hr) || to == nullptr) {
        CoTaskMemFree(id);
        return hr;
    }
    OLECHAR text[39];
    StringFromGUID2(*id, text, 39);
    CoTaskMemFree(id);
    Slot<BSTR*> out;
    out.value = SysAllocString(text);
    return out.value == nullptr ? E_OUTOFMEMORY : out.store(to);
}

HRESULT create_interface(void* object, Arguments& arguments) {
    BSTR text = nullptr;
    BSTR name = nullptr;
    if (const auto hr = read_string(*arguments.at(0), text); FAILED(hr)) {
        return arguments.blame(0, hr);
    }
    if (auto* const given = arguments.at(1); given != nullptr) {
        if (const auto hr = read_string(*given, name); FAILED(hr)) {
            return arguments.blame(1, hr);
        }
    }
    GUID guid{};
    if (SysStringLen(text) > 0 && FAILED(CLSIDFromString(text, &guid))) {
        return E_INVALIDARG;
    }
    LONG user_data = 0;
    if (const auto hr = number_argument(arguments, 2, 0, user_data); FAILED(hr)) {
        return hr;
    }
    Slot<LPUNKNOWN*> made;
    const auto hr = static_cast<ISCardManage*>(object)->CreateInterface(
        SysStringLen(text) > 0 ? &guid : nullptr, name, &user_data, made.pass('r'));
    auto* const to = detail::target(arguments, 3);
    return FAILED(hr) || to == nullptr ? hr : made.store(to);
}

constexpr std::array k_ibytebuffer = {
    accessor<&IByteBuffer::get_Stream>(L"Stream", 1, DISPATCH_PROPERTYGET, "r"),
    accessor<&IByteBuffer::put_Stream>(L"Stream", 1, DISPATCH_PROPERTYPUT, "i"),
    accessor<&IByteBuffer::Clone>(L"Clone", 2, DISPATCH_METHOD, "r"),
    accessor<&IByteBuffer::Commit>(L"Commit", 3, DISPATCH_METHOD, "i"),
    accessor<&IByteBuffer::CopyTo>(L"CopyTo", 4, DISPATCH_METHOD, "bioo"),
    thunk<&IByteBuffer::Initialize>(L"Initialize", 5, DISPATCH_METHOD, "uz", &initialize),
    accessor<&IByteBuffer::LockRegion>(L"LockRegion", 6, DISPATCH_METHOD, "iii"),
    thunk<&IByteBuffer::Read>(L"Read", 7, DISPATCH_METHOD, "oir", &read_bytes),
    accessor<&IByteBuffer::Revert>(L"Revert", 8, DISPATCH_METHOD, ""),
    accessor<&IByteBuffer::Seek>(L"Seek", 9, DISPATCH_METHOD, "iir"),
    accessor<&IByteBuffer::SetSize>(L"SetSize", 10, DISPATCH_METHOD, "i"),
    not_automation<&IByteBuffer::Stat>(L"Stat", 11, DISPATCH_METHOD, "oi"),
    accessor<&IByteBuffer::UnlockRegion>(L"UnlockRegion", 12, DISPATCH_METHOD, "iii"),
    thunk<&IByteBuffer::Write>(L"Write", 13, DISPATCH_METHOD, "izr", &write_bytes),
};

constexpr std::array k_iscard = {
    accessor<&ISCard::get_Atr>(L"Atr", 1, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCard::get_CardHandle>(L"CardHandle", 2, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCard::get_Context>(L"Context", 3, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCard::get_Protocol>(L"Protocol", 4, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCard::get_Status>(L"Status", 5, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCard::AttachByHandle>(L"AttachByHandle", 6, DISPATCH_METHOD, "i"),
    accessor<&ISCard::AttachByReader>(L"AttachByReader", 7, DISPATCH_METHOD, "iuu"),
    accessor<&ISCard::Detach>(L"Detach", 8, DISPATCH_METHOD, "z"),
    accessor<&ISCard::LockSCard>(L"LockSCard", 9, DISPATCH_METHOD, ""),
    accessor<&ISCard::ReAttach>(L"ReAttach", 10, DISPATCH_METHOD, "uz"),
    accessor<&ISCard::Transaction>(L"Transaction", 11, DISPATCH_METHOD, "b"),
    accessor<&ISCard::UnlockSCard>(L"UnlockSCard", 12, DISPATCH_METHOD, "z"),
};

constexpr std::array k_iscardcmd = {
    accessor<&ISCardCmd::get_Apdu>(L"Apdu", 1, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCardCmd::put_Apdu>(L"Apdu", 1, DISPATCH_PROPERTYPUT, "i"),
    accessor<&ISCardCmd::get_ApduLength>(L"ApduLength", 2, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCardCmd::get_ApduReply>(L"ApduReply", 3, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCardCmd::put_ApduReply>(L"ApduReply", 3, DISPATCH_PROPERTYPUT, "i"),
    accessor<&ISCardCmd::get_ApduReplyLength>(L"ApduReplyLength", 4, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCardCmd::put_ApduReplyLength>(L"ApduReplyLength", 4, DISPATCH_PROPERTYPUT, "i"),
    accessor<&ISCardCmd::get_ClassId>(L"ClassId", 5, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCardCmd::put_ClassId>(L"ClassId", 5, DISPATCH_PROPERTYPUT, "z"),
    accessor<&ISCardCmd::get_Data>(L"Data", 6, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCardCmd::put_Data>(L"Data", 6, DISPATCH_PROPERTYPUT, "i"),
    accessor<&ISCardCmd::get_InstructionId>(L"InstructionId", 7, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCardCmd::put_InstructionId>(L"InstructionId", 7, DISPATCH_PROPERTYPUT, "i"),
    accessor<&ISCardCmd::get_LeField>(L"LeField", 8, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCardCmd::get_P1>(L"P1", 9, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCardCmd::put_P1>(L"P1", 9, DISPATCH_PROPERTYPUT, "i"),
    accessor<&ISCardCmd::get_P2>(L"P2", 10, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCardCmd::put_P2>(L"P2", 10, DISPATCH_PROPERTYPUT, "i"),
    accessor<&ISCardCmd::get_P3>(L"P3", 11, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCardCmd::get_ReplyStatus>(L"ReplyStatus", 12, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCardCmd::put_ReplyStatus>(L"ReplyStatus", 12, DISPATCH_PROPERTYPUT, "i"),
    accessor<&ISCardCmd::get_ReplyStatusSW1>(L"ReplyStatusSW1", 13, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCardCmd::get_ReplyStatusSW2>(L"ReplyStatusSW2", 14, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCardCmd::get_Type>(L"Type", 15, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCardCmd::get_Nad>(L"Nad", 16, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCardCmd::put_Nad>(L"Nad", 16, DISPATCH_PROPERTYPUT, "i"),
    accessor<&ISCardCmd::get_ReplyNad>(L"ReplyNad", 17, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCardCmd::put_ReplyNad>(L"ReplyNad", 17, DISPATCH_PROPERTYPUT, "i"),
    accessor<&ISCardCmd::BuildCmd>(L"BuildCmd", 18, DISPATCH_METHOD, "iizzzz"),
    accessor<&ISCardCmd::Clear>(L"Clear", 19, DISPATCH_METHOD, ""),
    accessor<&ISCardCmd::Encapsulate>(L"Encapsulate", 20, DISPATCH_METHOD, "ii"),
    accessor<&ISCardCmd::get_AlternateClassId>(L"AlternateClassId", 21, DISPATCH_PROPERTYGET, "r"),
    accessor<&ISCardCmd::put_AlternateClassId>(L"AlternateClassId", 21, DISPATCH_PROPERTYPUT, "i"),
};

constexpr std::array k_iscardiso7816 = {
    accessor<&ISCardISO7816::AppendRecord>(L"AppendRecord", 1, DISPATCH_METHOD, "iib"),
    accessor<&ISCardISO7816::EraseBinary>(L"EraseBinary", 2, DISPATCH_METHOD, "iizb"),
    accessor<&ISCardISO7816::ExternalAuthenticate>(L"ExternalAuthenticate", 3, DISPATCH_METHOD, "iizb"),
    accessor<&ISCardISO7816::GetChallenge>(L"GetChallenge", 4, DISPATCH_METHOD, "ib"),
    accessor<&ISCardISO7816::GetData>(L"GetData", 5, DISPATCH_METHOD, "iiib"),
    accessor<&ISCardISO7816::GetResponse>(L"GetResponse", 6, DISPATCH_METHOD, "iiib"),
    accessor<&ISCardISO7816::InternalAuthenticate>(L"InternalAuthenticate", 7, DISPATCH_METHOD, "iiiib"),
    accessor<&ISCardISO7816::ManageChannel>(L"ManageChannel", 8, DISPATCH_METHOD, "iib"),
    accessor<&ISCardISO7816::PutData>(L"PutData", 9, DISPATCH_METHOD, "iiib"),
    accessor<&ISCardISO7816::ReadBinary>(L"ReadBinary", 10, DISPATCH_METHOD, "iiib"),
    accessor<&ISCardISO7816::ReadRecord>(L"ReadRecord", 11, DISPATCH_METHOD, "iiib"),
    accessor<&ISCardISO7816::SelectFile>(L"SelectFile", 12, DISPATCH_METHOD, "iizib"),
    accessor<&ISCardISO7816::SetDefaultClassId>(L"SetDefaultClassId", 13, DISPATCH_METHOD, "i"),
    accessor<&ISCardISO7816::UpdateBinary>(L"UpdateBinary", 14, DISPATCH_METHOD, "iiib"),
    accessor<&ISCardISO7816::UpdateRecord>(L"UpdateRecord", 15, DISPATCH_METHOD, "iiib"),
    accessor<&ISCardISO7816::Verify>(L"Verify", 16, DISPATCH_METHOD, "izb"),
    accessor<&ISCardISO7816::WriteBinary>(L"WriteBinary", 17, DISPATCH_METHOD, "iiib"),
    accessor<&ISCardISO7816::WriteRecord>(L"WriteRecord", 18, DISPATCH_METHOD, "iiib"),
};

constexpr std::array k_iscardtypeconv = {
    thunk<&ISCardTypeConv::ConvertByteArrayToByteBuffer>(L"ConvertByteArrayToByteBuffer", 1, DISPATCH_METHOD,
                                                         "izr", &array_to_buffer),
    not_automation<&ISCardTypeConv::ConvertByteBufferToByteArray>(L"ConvertByteBufferToByteArray", 2,
                                                                  DISPATCH_METHOD, "ir"),
    accessor<&ISCardTypeConv::ConvertByteBufferToSafeArray>(L"ConvertByteBufferToSafeArray", 3,
                                                            DISPATCH_METHOD, "ir"),
    accessor<&ISCardTypeConv::ConvertSafeArrayToByteBuffer>(L"ConvertSafeArrayToByteBuffer", 4,
                                                            DISPATCH_METHOD, "ir"),
    not_automation<&ISCardTypeConv::CreateByteArray>(L"CreateByteArray", 5, DISPATCH_METHOD, "ir"),
    accessor<&ISCardTypeConv::CreateByteBuffer>(L"CreateByteBuffer", 6, DISPATCH_METHOD, "ir"),
    accessor<&ISCardTypeConv::CreateSafeArray>(L"CreateSafeArray", 7, DISPATCH_METHOD, "ir"),
    not_automation<&ISCardTypeConv::FreeIStreamMemoryPtr>(L"FreeIStreamMemoryPtr", 8, DISPATCH_METHOD, "ii"),
    not_automation<&ISCardTypeConv::GetAtIStreamMemory>(L"GetAtIStreamMemory", 9, DISPATCH_METHOD, "ir"),
    accessor<&ISCardTypeConv::SizeOfIStream>(L"SizeOfIStream", 10, DISPATCH_METHOD, "ir"),
};

constexpr std::array k_iscarddatabase = {
    thunk<&ISCardDatabase::GetProviderCardId>(L"GetProviderCardId", 1, DISPATCH_METHOD, "ir",
                                              &provider_card_id),
    accessor<&ISCardDatabase::ListCardInterfaces>(L"ListCardInterfaces", 2, DISPATCH_METHOD, "ir"),
    accessor<&ISCardDatabase::ListCards>(L"ListCards", 3, DISPATCH_METHOD, "zzzr"),
    accessor<&ISCardDatabase::ListReaderGroups>(L"ListReaderGroups", 4, DISPATCH_METHOD, "zr"),
    accessor<&ISCardDatabase::ListReaders>(L"ListReaders", 5, DISPATCH_METHOD, "zr"),
};

constexpr std::array k_iscardlocate = {
    accessor<&ISCardLocate::ConfigureCardGuidSearch>(L"ConfigureCardGuidSearch", 1, DISPATCH_METHOD, "izzu"),
    accessor<&ISCardLocate::ConfigureCardNameSearch>(L"ConfigureCardNameSearch", 2, DISPATCH_METHOD, "izzu"),
    not_automation<&ISCardLocate::FindCard>(L"FindCard", 3, DISPATCH_METHOD, "iiir"),
};

constexpr std::array k_iscardauth = {
    accessor<&ISCardAuth::APP_Auth>(L"APP_Auth", 1, DISPATCH_METHOD, "izi"),
    accessor<&ISCardAuth::GetChallenge>(L"GetChallenge", 2, DISPATCH_METHOD, "zizb"),
    accessor<&ISCardAuth::ICC_Auth>(L"ICC_Auth", 3, DISPATCH_METHOD, "izb"),
    accessor<&ISCardAuth::User_Auth>(L"User_Auth", 4, DISPATCH_METHOD, "izi"),
};

constexpr std::array k_iscardfileaccess = {
    accessor<&ISCardFileAccess::ChangeDir>(L"ChangeDir", 1, DISPATCH_METHOD, "ii"),
    accessor<&ISCardFileAccess::Close>(L"Close", 2, DISPATCH_METHOD, "i"),
    not_automation<&ISCardFileAccess::Create>(L"Create", 3, DISPATCH_METHOD, "iiiii"),
    accessor<&ISCardFileAccess::Delete>(L"Delete", 4, DISPATCH_METHOD, "iiz"),
    accessor<&ISCardFileAccess::Directory>(L"Directory", 5, DISPATCH_METHOD, "ir"),
    accessor<&ISCardFileAccess::GetCurrentDir>(L"GetCurrentDir", 6, DISPATCH_METHOD, "r"),
    not_automation<&ISCardFileAccess::GetFileCapabilities>(L"GetFileCapabilities", 7, DISPATCH_METHOD, "bbi"),
    not_automation<&ISCardFileAccess::GetProperties>(L"GetProperties", 8, DISPATCH_METHOD, "iiib"),
    accessor<&ISCardFileAccess::Invalidate>(L"Invalidate", 9, DISPATCH_METHOD, "iz"),
    accessor<&ISCardFileAccess::Open>(L"Open", 10, DISPATCH_METHOD, "iir"),
    accessor<&ISCardFileAccess::Read>(L"Read", 11, DISPATCH_METHOD, "ibzr"),
    accessor<&ISCardFileAccess::Rehabilitate>(L"Rehabilitate", 12, DISPATCH_METHOD, "iz"),
    accessor<&ISCardFileAccess::Seek>(L"Seek", 13, DISPATCH_METHOD, "iii"),
    not_automation<&ISCardFileAccess::SetProperties>(L"SetProperties", 14, DISPATCH_METHOD, "iiii"),
    accessor<&ISCardFileAccess::Write>(L"Write", 15, DISPATCH_METHOD, "iiz"),
};

constexpr std::array k_iscardmanage = {
    accessor<&ISCardManage::AttachByHandle>(L"AttachByHandle", 1, DISPATCH_METHOD, "i"),
    accessor<&ISCardManage::AttachByIFD>(L"AttachByIFD", 2, DISPATCH_METHOD, "i"),
    accessor<&ISCardManage::CreateCardAuth>(L"CreateCardAuth", 3, DISPATCH_METHOD, "r"),
    accessor<&ISCardManage::CreateCHVerification>(L"CreateCHVerification", 4, DISPATCH_METHOD, "r"),
    accessor<&ISCardManage::CreateFileAccess>(L"CreateFileAccess", 5, DISPATCH_METHOD, "r"),
    thunk<&ISCardManage::CreateInterface>(L"CreateInterface", 6, DISPATCH_METHOD, "izzr", &create_interface),
    accessor<&ISCardManage::Detach>(L"Detach", 7, DISPATCH_METHOD, ""),
    accessor<&ISCardManage::Reconnect>(L"Reconnect", 8, DISPATCH_METHOD, ""),
    accessor<&ISCardManage::SCardLock>(L"SCardLock", 9, DISPATCH_METHOD, ""),
    accessor<&ISCardManage::SCardUnlock>(L"SCardUnlock", 10, DISPATCH_METHOD, "z"),
    accessor<&ISCardManage::Status>(L"Status", 11, DISPATCH_METHOD, "oo"),
};

constexpr std::array k_iscardverify = {
    accessor<&ISCardVerify::ChangeCode>(L"ChangeCode", 1, DISPATCH_METHOD, "zzii"),
    accessor<&ISCardVerify::ResetSecurityState>(L"ResetSecurityState", 2, DISPATCH_METHOD, ""),
    accessor<&ISCardVerify::Unblock>(L"Unblock", 3, DISPATCH_METHOD, "zzii"),
    accessor<&ISCardVerify::Verify>(L"Verify", 4, DISPATCH_METHOD, "zii"),
};
} // namespace

template <>
Table table_of<IByteBuffer>() {
    return {L"IByteBuffer", IID_IByteBuffer, k_ibytebuffer};
}
template <>
Table table_of<ISCard>() {
    return {L"ISCard", IID_ISCard, k_iscard};
}
template <>
Table table_of<ISCardCmd>() {
    return {L"ISCardCmd", IID_ISCardCmd, k_iscardcmd};
}
template <>
Table table_of<ISCardISO7816>() {
    return {L"ISCardISO7816", IID_ISCardISO7816, k_iscardiso7816};
}
template <>
Table table_of<ISCardTypeConv>() {
    return {L"ISCardTypeConv", IID_ISCardTypeConv, k_iscardtypeconv};
}
template <>
Table table_of<ISCardDatabase>() {
    return {L"ISCardDatabase", IID_ISCardDatabase, k_iscarddatabase};
}
template <>
Table table_of<ISCardLocate>() {
    return {L"ISCardLocate", IID_ISCardLocate, k_iscardlocate};
}
template <>
Table table_of<ISCardAuth>() {
    return {L"ISCardAuth", IID_ISCardAuth, k_iscardauth};
}
template <>
Table table_of<ISCardFileAccess>() {
    return {L"ISCardFileAccess", IID_ISCardFileAccess, k_iscardfileaccess};
}
template <>
Table table_of<ISCardManage>() {
    return {L"ISCardManage", IID_ISCardManage, k_iscardmanage};
}
template <>
Table table_of<ISCardVerify>() {
    return {L"ISCardVerify", IID_ISCardVerify, k_iscardverify};
}

} // namespace cardlatch::iscard
