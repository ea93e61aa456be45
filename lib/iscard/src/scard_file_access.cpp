#include "byte_buffer.hpp"
#include "card_file.hpp"
#include "guard.hpp"
#include "limits.hpp"
#include "safe_array.hpp"
#include "scard_provider.hpp"
#include "text.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

namespace cardlatch::iscard {

namespace {

using iso7816::CommandApdu;
using iso7816::Ins;

constexpr std::size_t k_max_value = sizeof(TLV_TABLE::Value);
constexpr LONG k_max_entries = 64;
constexpr LONG k_max_position = 0x8000;

struct OpenFile {
    FilePath path;
    bool records = false;
    std::optional<LONG> size;
    LONG position = 0; ///< bytes, or records from 0
};

HRESULT check_flags(SCARD_FLAGS flags, SCARD_FLAGS allowed) {
    if ((flags & SC_FL_SECURE_MESSAGING) != 0) {
        return hresult_of(pcsc::Errc::windows_unsupported_feature);
    }
    return (flags & ~allowed) != 0 ? E_INVALIDARG : S_OK;
}

void fill(TLV_TABLE& entry, const FileProperty& property) {
    entry.Tag = property.tag;
    entry.Length = static_cast<DWORD>(property.value.size());
    entry.Valid = property.value.size() <= k_max_value ? 1 : 0;
    if (entry.Valid != 0) {
        std::copy(property.value.begin(), property.value.end(), entry.Value);
    }
}

/// Number of entries before the one with tag 0; nothing when that is missing.
std::optional<LONG> entries_of(const TLV_TABLE* table) {
    for (LONG i = 0; i <= k_max_entries; ++i) {
        if (table[i].Tag == 0) {
            return i;
        }
        if (table[i].Length > k_max_value) {
            return std::nullopt;
        }
    }
    return std::nullopt;
}

/// Until a call has done with an entry, that says nothing of the card.
void invalidate(TLV_TABLE* table, LONG count) {
    std::for_each(table, table + count, [](TLV_TABLE& entry) { entry.Valid = 0; });
}

// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and a virtual one would add vtable slots
class SCardFileAccess final : public DispatchObject<SCardFileAccess, ISCardFileAccess, IID_ISCardFileAccess> {
  public:
    explicit SCardFileAccess(CardSession session)
        : session_(std::move(session)) {}

    HRESULT STDMETHODCALLTYPE ChangeDir(REFTYPE refType, BSTR bstrNewDir) noexcept override {
        return on_file(
            refType, bstrNewDir,
            [&](const FilePath& path, const FileInformation& file) -> HRESULT {
                const bool directory = !path.sfi && file.structure().value_or(0x38) == 0x38;
                if (!directory) {
                    return hresult_of(pcsc::Errc::no_dir);
                }
                if (!file.usable) {
                    return hresult_of(pcsc::Errc::no_access);
                }
                current_ = path;
                properties_ = file.properties;
                return S_OK;
            },
            pcsc::Errc::dir_not_found);
    }

    HRESULT STDMETHODCALLTYPE Close(HSCARD_FILE hFile) noexcept override {
        return guard([&]() -> HRESULT {
            const std::lock_guard lock(mutex_);
            return files_.erase(hFile) == 1 ? S_OK : E_INVALIDARG;
        });
    }

    HRESULT STDMETHODCALLTYPE Create(REFTYPE refType, BSTR bstrPathSpec, TLV_TABLE TLV, SCARD_FLAGS flags,
                                     LPBYTEBUFFER pDataBuffer) noexcept override {
        const bool preallocated = (flags & SC_FL_PREALLOCATED) != 0;
        if (preallocated && pDataBuffer == nullptr) {
            return E_POINTER;
        }
        if (const auto hr = check_flags(flags, SC_FL_PREALLOCATED); FAILED(hr)) {
            return hr;
        }
        if (TLV.Length > k_max_value || refType == SC_TYPE_BY_NAME || refType == SC_TYPE_BY_SHORT) {
            return E_INVALIDARG; // a new file has an identifier
        }
        return guard([&]() -> HRESULT {
            Bytes data;
            if (preallocated) {
                if (const auto hr = take_bytes(pDataBuffer, k_max_data, data); FAILED(hr)) {
                    return hr;
                }
            }
            const std::lock_guard lock(mutex_);
            auto path = path_of(refType, bstrPathSpec);
            if (!path || path->sfi || path->ids.empty()) {
                return E_INVALIDARG;
            }
            const auto id = path->ids.back();
            path->ids.pop_back();
            return session_.exclusively([&]() -> HRESULT {
                FileInformation parent;
                auto hr = select_file(session_, *path, parent);
                if (hr == hresult_of(pcsc::Errc::file_not_found)) {
                    return hresult_of(pcsc::Errc::dir_not_found);
                }
                if (SUCCEEDED(hr)) {
                    hr = create_file(session_, id, TLV, data.size());
                }
                LONG written = 0;
                return FAILED(hr) || data.empty() ? hr
                                                  : update_binary(session_, std::nullopt, 0, data, written);
            });
        });
    }

    HRESULT STDMETHODCALLTYPE Delete(REFTYPE refType, BSTR bstrPathSpec,
                                     SCARD_FLAGS flags) noexcept override {
        return life_cycle(refType, bstrPathSpec, flags, Ins::delete_file, E_NOTIMPL);
    }

    HRESULT STDMETHODCALLTYPE Directory(FILETYPE fileType, LPSAFEARRAY* ppFileList) noexcept override {
        if (ppFileList == nullptr) {
            return E_POINTER;
        }
        *ppFileList = nullptr;
        if (fileType < SC_TYPE_DIRECTORIES || fileType > SC_TYPE_VARIABLE_EF) {
            return E_INVALIDARG;
        }
        if (fileType != SC_TYPE_DIRECTORIES && fileType != SC_TYPE_DIRECTORY_FILE) {
            return E_NOTIMPL; // ISO/IEC 7816-4 has no command that lists elementary files
        }
        return guard([&]() -> HRESULT {
            const std::lock_guard lock(mutex_);
            Bytes content;
            const auto hr = session_.exclusively([&] {
                FileInformation file;
                const FilePath ef_dir{
                    .name = {}, .ids = {0x2F00}, .sfi = {}}; // ISO/IEC 7816-4 §8.3.3.3 (EF.DIR)
                const auto selected = select_file(session_, ef_dir, file);
                return FAILED(selected) ? selected
                                        : read_binary(session_, std::nullopt, 0,
                                                      file.size().value_or(k_max_position), content);
            });
            return FAILED(hr) ? hr : give_strings(directories_in(content, current_), ppFileList);
        });
    }

    HRESULT STDMETHODCALLTYPE GetCurrentDir(BSTR* pbstrPathSpec) noexcept override {
        if (pbstrPathSpec == nullptr) {
            return E_POINTER;
        }
        *pbstrPathSpec = nullptr;
        return guard([&]() -> HRESULT {
            const std::lock_guard lock(mutex_);
            *pbstrPathSpec = to_bstr(current_.text());
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE GetFileCapabilities(LPTLV_TABLE* ppProperties, LONG* plProperties,
                                                  SCARD_FLAGS Flags) noexcept override {
        if (ppProperties == nullptr || plProperties == nullptr) {
            return E_POINTER;
        }
        if (const auto hr = check_flags(Flags, 0); FAILED(hr)) {
            return hr;
        }
        return guard([&]() -> HRESULT {
            const std::lock_guard lock(mutex_);
            const auto count = static_cast<LONG>(properties_.size());
            if (count == 0) {
                return hresult_of(
                    pcsc::Errc::no_file); // nothing was opened, or the card says nothing about it
            }
            if (*ppProperties != nullptr && *plProperties < count) {
                *plProperties = count;
                return hresult_of(pcsc::Errc::insufficient_buffer);
            }
            if (*ppProperties == nullptr) {
                const auto bytes = (properties_.size() + 1) * sizeof(TLV_TABLE);
                *ppProperties = static_cast<LPTLV_TABLE>(CoTaskMemAlloc(bytes));
                if (*ppProperties == nullptr) {
                    return E_OUTOFMEMORY;
                }
                std::memset(static_cast<void*>(*ppProperties), 0, bytes); // the last entry has tag 0
            }
            for (LONG i = 0; i < count; ++i) {
                fill((*ppProperties)[i], properties_[static_cast<std::size_t>(i)]);
            }
            *plProperties = count;
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE GetProperties(REFTYPE refType, BSTR bstrPathSpec, SCARD_FLAGS flags,
                                            LPTLV_TABLE* ppTLV) noexcept override {
        if (ppTLV == nullptr) {
            return E_POINTER;
        }
        const auto count = *ppTLV == nullptr ? std::nullopt : entries_of(*ppTLV);
        if (!count) {
            return E_INVALIDARG;
        }
        invalidate(*ppTLV, *count);
        if (const auto hr = check_flags(flags, 0); FAILED(hr)) {
            return hr;
        }
        return on_file(refType, bstrPathSpec, [&](const FilePath& /*path*/, const FileInformation& file) {
            for (LONG i = 0; i < *count; ++i) {
                auto& entry = (*ppTLV)[i];
                const auto tag = static_cast<std::uint32_t>(entry.Tag);
                if (const auto* const value = file.find(tag)) {
                    fill(entry, {tag, *value});
                }
            }
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE Invalidate(BSTR bstrPathSpec, SCARD_FLAGS flags) noexcept override {
        return life_cycle(SC_TYPE_BY_ANY, bstrPathSpec, flags, Ins::deactivate_file, S_OK);
    }

    HRESULT STDMETHODCALLTYPE Open(REFTYPE refType, BSTR bstrPathSpec,
                                   HSCARD_FILE* phFile) noexcept override {
        if (phFile == nullptr) {
            return E_POINTER;
        }
        *phFile = 0;
        return on_file(
            refType, bstrPathSpec, [&](const FilePath& path, const FileInformation& file) -> HRESULT {
                if (!file.usable) {
                    return hresult_of(pcsc::Errc::no_access);
                }
                OpenFile opened{
                    .path = path, .records = file.has_records(), .size = file.size(), .position = 0};
                if (path.sfi) {
                    opened.size.reset(); // what is known is about the directory
                    Bytes first;
                    const auto hr = read_binary(session_, path.sfi, 0, 1, first);
                    opened.records = hr == hresult_of(pcsc::Errc::no_file);
                    const bool there =
                        SUCCEEDED(hr) || opened.records || hr == hresult_of(pcsc::Errc::security_violation);
                    if (!there) {
                        return hr;
                    }
                } else if (file.structure().value_or(0) == 0x38) {
                    return hresult_of(pcsc::Errc::no_file);
                }
                properties_ = path.sfi ? std::vector<FileProperty>{} : file.properties;
                const auto handle = ++last_handle_;
                files_.emplace(handle, opened);
                *phFile = handle;
                return S_OK;
            });
    }

    HRESULT STDMETHODCALLTYPE Read(HSCARD_FILE hFile, LONG* lBytesToRead, SCARD_FLAGS flags,
                                   LPBYTEBUFFER* ppBuffer) noexcept override {
        if (ppBuffer != nullptr) {
            *ppBuffer = nullptr;
        }
        if (ppBuffer == nullptr || lBytesToRead == nullptr) {
            return E_POINTER;
        }
        const auto wanted = *lBytesToRead;
        *lBytesToRead = 0;
        if (wanted < 0) {
            return E_INVALIDARG;
        }
        return with_open(hFile, flags, [&](OpenFile& file) -> HRESULT {
            Bytes bytes;
            const auto rest = file.size ? std::max<LONG>(*file.size - file.position, 0) : k_max_position;
            auto hr = S_OK;
            if (file.records) {
                hr = read_record(session_, file.path.sfi, file.position + 1, bytes);
                if (SUCCEEDED(hr) && wanted > 0 && static_cast<std::size_t>(wanted) < bytes.size()) {
                    bytes.resize(static_cast<std::size_t>(wanted));
                }
            } else {
                hr = read_binary(session_, file.path.sfi, file.position,
                                 wanted == 0 ? rest : std::min(wanted, rest), bytes);
                hr = SUCCEEDED(hr) && bytes.empty() ? hresult_of(pcsc::Errc::eof) : hr;
            }
            if (SUCCEEDED(hr)) {
                hr = give_bytes(bytes, ppBuffer);
            }
            if (SUCCEEDED(hr)) {
                file.position += file.records ? 1 : static_cast<LONG>(bytes.size());
                *lBytesToRead = static_cast<LONG>(bytes.size());
            }
            return hr;
        });
    }

    HRESULT STDMETHODCALLTYPE Rehabilitate(BSTR bstrPathSpec, SCARD_FLAGS flags) noexcept override {
        return life_cycle(SC_TYPE_BY_ANY, bstrPathSpec, flags, Ins::activate_file, S_OK);
    }

    HRESULT STDMETHODCALLTYPE Seek(HSCARD_FILE hFile, SEEKTYPE* Seek, LONG lOffset) noexcept override {
        if (Seek == nullptr) {
            return E_POINTER;
        }
        const auto from = *Seek;
        return guard([&]() -> HRESULT {
            const std::lock_guard lock(mutex_);
            const auto at = files_.find(hFile);
            if (at == files_.end() || from < SC_SEEK_FROM_BEGINNING || from > SC_SEEK_RELATIVE) {
                return E_INVALIDARG;
            }
            auto& file = at->second;
            const auto bad = hresult_of(pcsc::Errc::bad_seek);
            if (lOffset < -k_max_position || lOffset > k_max_position ||
                (from == SC_SEEK_FROM_END && !file.size)) {
                return bad;
            }
            const auto base = from == SC_SEEK_FROM_BEGINNING ? 0
                              : from == SC_SEEK_FROM_END     ? *file.size
                                                             : file.position;
            const auto target = base + lOffset;
            if (target < 0 || target > file.size.value_or(k_max_position)) {
                return bad;
            }
            file.position = target;
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE SetProperties(REFTYPE refType, BSTR bstrPathSpec, SCARD_FLAGS flags,
                                            LPTLV_TABLE pTable) noexcept override {
        if (pTable == nullptr) {
            return E_POINTER;
        }
        const auto count = entries_of(pTable);
        const bool two_byte_tags = count && std::all_of(pTable, pTable + *count, [](const TLV_TABLE& entry) {
                                       return entry.Tag <= 0xFFFF;
                                   });
        if (!two_byte_tags || *count == 0) {
            return E_INVALIDARG;
        }
        invalidate(pTable, *count);
        if (const auto hr = check_flags(flags, 0); FAILED(hr)) {
            return hr;
        }
        return on_file(
            refType, bstrPathSpec, [&](const FilePath& /*path*/, const FileInformation& /*file*/) -> HRESULT {
                for (LONG i = 0; i < *count; ++i) {
                    auto& entry = pTable[i];
                    const CommandApdu command{.cla = 0,
                                              .ins = static_cast<BYTE>(Ins::put_data),
                                              .p1 = static_cast<BYTE>(entry.Tag >> 8U),
                                              .p2 = static_cast<BYTE>(entry.Tag),
                                              .data = Bytes(entry.Value, entry.Value + entry.Length),
                                              .ne = {}};
                    iso7816::ResponseApdu reply;
                    const auto hr = session_.perform(command, reply);
                    if (FAILED(hr)) {
                        return hr;
                    }
                    entry.Valid = 1;
                }
                return S_OK;
            });
    }

    HRESULT STDMETHODCALLTYPE Write(HSCARD_FILE hFile, LPBYTEBUFFER pData,
                                    SCARD_FLAGS flags) noexcept override {
        if (pData == nullptr) {
            return E_POINTER;
        }
        return guard([&]() -> HRESULT {
            Bytes bytes;
            if (const auto hr = take_bytes(pData, k_max_data, bytes); FAILED(hr) || bytes.empty()) {
                return hr;
            }
            return with_open(hFile, flags, [&](OpenFile& file) -> HRESULT {
                if (file.records) {
                    const auto hr = bytes.size() > 255
                                        ? E_INVALIDARG
                                        : put_record(session_, file.path.sfi, file.position + 1, bytes);
                    file.position += SUCCEEDED(hr) ? 1 : 0;
                    return hr;
                }
                if (file.size && static_cast<LONG>(bytes.size()) > *file.size - file.position) {
                    return hresult_of(pcsc::Errc::write_too_many); // before anything is written
                }
                LONG written = 0;
                const auto hr = update_binary(session_, file.path.sfi, file.position, bytes, written);
                file.position += written;
                return hr;
            });
        });
    }

  private:
    [[nodiscard]] std::optional<FilePath> path_of(REFTYPE type, BSTR text) const {
        const auto utf8 = to_utf8(text);
        return utf8 && !utf8->empty() ? parse_path(type, *utf8, current_) : std::nullopt;
    }

    /// Selects a file and runs `body`, while nobody else has the card.
    template <class Body>
    HRESULT on_file(REFTYPE type, BSTR text, Body&& body,
                    pcsc::Errc missing = pcsc::Errc::file_not_found) noexcept {
        return guard([&]() -> HRESULT {
            const std::lock_guard lock(mutex_);
            const auto path = path_of(type, text);
            if (!path) {
                return E_INVALIDARG;
            }
            return session_.exclusively([&]() -> HRESULT {
                FileInformation file;
                const auto hr = select_file(session_, *path, file);
                if (FAILED(hr)) {
                    return hr == hresult_of(pcsc::Errc::file_not_found) ? hresult_of(missing) : hr;
                }
                return body(*path, file);
            });
        });
    }

    template <class Body>
    HRESULT with_open(HSCARD_FILE handle, SCARD_FLAGS flags, Body&& body) noexcept {
        if (const auto hr = check_flags(flags, 0); FAILED(hr)) {
            return hr;
        }
        return guard([&]() -> HRESULT {
            const std::lock_guard lock(mutex_);
            const auto at = files_.find(handle);
            if (at == files_.end()) {
                return E_INVALIDARG;
            }
            // Selected anew each time: somebody else may have had the card in between.
            return session_.exclusively([&]() -> HRESULT {
                FileInformation file;
                const auto hr = select_file(session_, at->second.path, file);
                return FAILED(hr) ? hr : body(at->second);
            });
        });
    }

    HRESULT life_cycle(REFTYPE type, BSTR text, SCARD_FLAGS flags, Ins ins,
                       HRESULT when_unsupported) noexcept {
        if (const auto hr = check_flags(flags, 0); FAILED(hr)) {
            return hr;
        }
        return on_file(type, text, [&](const FilePath& path, const FileInformation& /*file*/) -> HRESULT {
            if (path.sfi) {
                return E_INVALIDARG; // it cannot be selected without being read
            }
            const auto hr = command_on_file(session_, ins);
            const bool unsupported = hr == hresult_of(pcsc::Errc::windows_unsupported_feature);
            return unsupported && FAILED(when_unsupported) ? when_unsupported : hr;
        });
    }

    const CardSession session_;
    std::mutex mutex_;
    FilePath current_;
    std::vector<FileProperty> properties_; ///< of the file that was selected last by Open() or ChangeDir()
    std::map<HSCARD_FILE, OpenFile> files_;
    HSCARD_FILE last_handle_ = 0;
};

} // namespace

ComPtr<ISCardFileAccess> new_scard_file_access(const CardSession& session) {
    return ComPtr<ISCardFileAccess>(new SCardFileAccess(session));
}

} // namespace cardlatch::iscard
