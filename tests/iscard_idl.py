#!/usr/bin/env python3
"""lib/iscard/windows/cardlatch.idl, the source of the Windows type library, from the public headers and the late binding tables.

usage: iscard_idl.py [--write]    without it: fails when the file is not what they say
"""
import sys

import iscard_headers

IDL = iscard_headers.ROOT / "lib/iscard/windows/cardlatch.idl"

# COM's own types as far as they are named. widl ships without the files that declare them; with importlib, the library refers to
# the system's.
PROLOGUE = """// Made by tests/iscard_idl.py from the public headers; do not edit.

typedef long HRESULT;
typedef wchar_t *BSTR;
typedef struct GUID { unsigned long Data1; unsigned short Data2; unsigned short Data3; unsigned char Data4[8]; } GUID;
typedef struct ULARGE_INTEGER { unsigned hyper QuadPart; } ULARGE_INTEGER;

[object, local, uuid(00000000-0000-0000-C000-000000000046), pointer_default(unique)]
interface IUnknown
{
    HRESULT QueryInterface([in] GUID *riid, [out] void **ppvObject);
    unsigned long AddRef();
    unsigned long Release();
}

[object, local, uuid(00020400-0000-0000-C000-000000000046), pointer_default(unique)]
interface IDispatch : IUnknown
{
    HRESULT GetTypeInfoCount([out] unsigned int *pctinfo);
    HRESULT GetTypeInfo([in] unsigned int iTInfo, [in] unsigned long lcid, [out] void **ppTInfo);
    HRESULT GetIDsOfNames([in] GUID *riid, [in] wchar_t **rgszNames, [in] unsigned int cNames, [in] unsigned long lcid,
                          [out] long *rgDispId);
    HRESULT Invoke([in] long dispIdMember, [in] GUID *riid, [in] unsigned long lcid, [in] unsigned short wFlags,
                   [in, out] void *pDispParams, [out] void *pVarResult, [out] void *pExcepInfo, [out] unsigned int *puArgErr);
}
"""

TYPES = """    typedef enum tagSCARD_SHARE_MODES { EXCLUSIVE = 1, SHARED = 2 } SCARD_SHARE_MODES;
    typedef enum tagSCARD_DISPOSITIONS { LEAVE = 0, RESET = 1, UNPOWER = 2, EJECT = 3 } SCARD_DISPOSITIONS;
    typedef enum tagSCARD_STATES { ABSENT = 1, PRESENT = 2, SWALLOWED = 3, POWERED = 4, NEGOTIABLEMODE = 5, SPECIFICMODE = 6 } SCARD_STATES;
    typedef enum tagSCARD_PROTOCOLS { T0 = 1, T1 = 2, RAW = 255 } SCARD_PROTOCOLS;
    typedef enum tagISO_APDU_TYPE { ISO_CASE_1 = 1, ISO_CASE_2 = 2, ISO_CASE_3 = 3, ISO_CASE_4 = 4 } ISO_APDU_TYPE;
    typedef enum REFTYPE { SC_TYPE_BY_NAME = 0, SC_TYPE_BY_ID = 1, SC_TYPE_BY_SHORT = 2, SC_TYPE_BY_ANY = 3 } REFTYPE;
    typedef enum FILETYPE { SC_TYPE_DIRECTORIES = 0, SC_TYPE_FILES = 1, SC_TYPE_ALL_FILES = 2, SC_TYPE_DIRECTORY_FILE = 3,
        SC_TYPE_TRANSPARENT_EF = 4, SC_TYPE_FIXED_EF = 5, SC_TYPE_CYCLIC_EF = 6, SC_TYPE_VARIABLE_EF = 7 } FILETYPE;
    typedef enum SEEKTYPE { SC_SEEK_FROM_BEGINNING = 0, SC_SEEK_FROM_END = 1, SC_SEEK_RELATIVE = 2 } SEEKTYPE;
    typedef struct tagSTATSTRUCT { long type; long cbSize; long grfMode; long grfLocksSupported; long grfStateBits; } STATSTRUCT;
    typedef struct tagBYTEARRAY { void *hMem; unsigned long dwSize; unsigned char *pbyData; } BYTEARRAY;
    typedef struct tagSCARDINFO { unsigned hyper hCard; unsigned hyper hContext; SCARD_PROTOCOLS ActiveProtocol;
        SCARD_SHARE_MODES ShareMode; hyper hwndOwner; hyper lpfnConnectProc; hyper lpfnCheckProc; hyper lpfnDisconnectProc; } SCARDINFO;
    typedef struct TLV_TABLE { unsigned long Tag; unsigned long Length; unsigned char Value[256]; long Valid; } TLV_TABLE;
"""

SCALARS = {
    "BYTE": "unsigned char", "WORD": "unsigned short", "DWORD": "unsigned long", "UINT": "unsigned int", "LONG": "long",
    "SCARD_FLAGS": "long", "HSCARD": "unsigned hyper", "HSCARDCONTEXT": "unsigned hyper", "HSCARD_FILE": "unsigned hyper",
    "BSTR": "BSTR", "ULARGE_INTEGER": "ULARGE_INTEGER", "TLV_TABLE": "TLV_TABLE", "ISCardAuth": "ISCardAuth",
    "ISCardFileAccess": "ISCardFileAccess", "ISCardVerify": "ISCardVerify",
}
POINTERS = {
    "LPBYTE": "unsigned char", "LPGUID": "GUID", "LPSTATSTRUCT": "STATSTRUCT", "LPBYTEARRAY": "BYTEARRAY", "LPSCARDINFO": "SCARDINFO",
    "LPTLV_TABLE": "TLV_TABLE", "LPBYTEBUFFER": "IByteBuffer", "LPSCARDCMD": "ISCardCmd", "LPSTREAM": "IUnknown", "LPUNKNOWN": "IUnknown",
}
BYTE_ARRAYS = {"ConvertByteBufferToSafeArray", "ConvertSafeArrayToByteBuffer", "CreateSafeArray"}
DIRECTIONS = {"i": "in", "z": "in", "u": "in", "b": "in, out", "o": "out", "r": "out, retval"}


def idl_type(cpp, method):
    base = cpp.rstrip("*")
    stars = len(cpp) - len(base)
    if base == "LPSAFEARRAY":
        return f"SAFEARRAY({'unsigned char' if method in BYTE_ARRAYS else 'BSTR'})" + " " + "*" * stars
    if base in POINTERS:
        return POINTERS[base] + " " + "*" * (stars + 1)
    return SCALARS.get(base, base) + " " + "*" * stars


def declaration(method, row):
    arguments = []
    for parameter, letter in zip(method.parameters, row.directions):
        direction = DIRECTIONS[letter]
        # A result has to be a pointer and the last parameter.
        if letter == "r" and parameter is not method.parameters[-1]:
            direction = "out"
        if direction == "in" and parameter.default and parameter.default not in ("nullptr",) and "*" not in parameter.type:
            direction += f", defaultvalue({parameter.default})"
        arguments.append(f"[{direction}] {idl_type(parameter.type, method.name)}{parameter.name}".replace("* ", "*"))
    attribute = {"METHOD": "", "PROPERTYGET": "propget, ", "PROPERTYPUT": "propput, "}[row.kind]
    if not row.callable:
        attribute += "restricted, "
    return f"        [{attribute}id({row.id})] HRESULT {row.name}({', '.join(arguments)});"


def idl():
    headers, tables, guids = iscard_headers.interfaces(), iscard_headers.dispatch_tables(), iscard_headers.guids()
    lines = [PROLOGUE, "[uuid(82C38704-19F1-11D3-A11F-00C04F79F800), version(1.0), helpstring(\"Cardlatch: Smart Card Base Components\")]",
             "library SCARDSSPLib", "{", "#ifdef HAVE_STDOLE", "    importlib(\"stdole2.tlb\");", "#endif", "", TYPES]
    lines += [f"    interface {name};" for name in headers] + [""]
    for name, methods in headers.items():
        lines += [f"    [odl, uuid({guids['IID_' + name]})]", f"    interface {name} : IDispatch", "    {"]
        lines += [declaration(method, row) for method, row in zip(methods, tables[name])]
        lines += ["    };", ""]
    for constant, clsid in guids.items():
        if constant.startswith("CLSID_"):
            name = constant[len("CLSID_"):]
            interface = "I" + name[1:]
            lines += [f"    [uuid({clsid})]", f"    coclass {name} {{ [default] interface {interface}; }};"]
    return "\n".join(lines + ["};", ""])


def main():
    if "--write" in sys.argv:
        IDL.write_text(idl())
    elif IDL.read_text() != idl():
        sys.exit("lib/iscard/windows/cardlatch.idl is out of date: run tests/iscard_idl.py --write")


if __name__ == "__main__":
    main()
