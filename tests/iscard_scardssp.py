#!/usr/bin/env python3
"""The seven published interfaces against scardssp.h: methods in the order of the vtable, types and names of their parameters, default
arguments, enumerators, structures, IIDs and CLSIDs.

fixtures/iscard/scardssp.txt lists what MinGW-w64's scardssp.h and scardssp_i.c (public domain) say, so that our headers are compared
everywhere; where MinGW-w64 is installed, the list is compared with its files as well.

usage: iscard_scardssp.py [FOLDER [--write]]    FOLDER has scardssp.h: the list is compared with it, or written from it
"""
import pathlib
import re
import sys

import iscard_headers
from iscard_headers import HEADERS, ROOT

LIST = ROOT / "fixtures/iscard/scardssp.txt"
ENUMERATIONS = ("ISO_APDU_TYPE", "SCARD_SHARE_MODES", "SCARD_DISPOSITIONS", "SCARD_STATES", "SCARD_PROTOCOLS")
STRUCTURES = ("BYTEARRAY", "STATSTRUCT", "SCARDINFO")
# Other spellings of one type.
SPELLINGS = {"__LONG32": "LONG", "LPWORD": "WORD*", "LPBYTE": "BYTE*"}


def type_of(text):
    base = text.rstrip("*")
    return SPELLINGS.get(base, base) + "*" * (len(text) - len(base))


def default_of(text):
    """A BSTR cannot be initialised with a literal in C++20, and an empty one is NULL all the same."""
    return "NULL" if text in ("0", "NULL", "nullptr", 'L""') else text


def line_of(interface, method):
    parameters = []
    for p in method.parameters:
        default = default_of(p.default) if p.default else None
        if default == "NULL" and not ("*" in p.type or p.type in ("LPBYTEBUFFER", "LPSAFEARRAY", "BSTR")):
            default = "0"
        parameters.append(f"{type_of(p.type)} {p.name}" + (f" = {default}" if default else ""))
    return f"{interface}.{method.name}({', '.join(parameters)})"


def enumerators(text):
    found = []
    for name in ENUMERATIONS:
        body = re.search(r"enum tag" + name + r"[^{;]*\{([^}]*)\}", text).group(1)
        for enumerator, value in re.findall(r"(\w+)\s*=\s*(\w+)", body):
            found.append(f"{name} {enumerator} = {int(value, 0)}")
    return found


def structures(text):
    found = []
    for name in STRUCTURES:
        body = re.search(r"struct (?:tag|_)" + name + r"\s*\{([^}]*)\}", text).group(1)
        members = re.findall(r"(\w+)\s*(\**)\s*(\w+);", body)
        found.append(f"struct {name}: " + ", ".join(f"{type_of(kind + stars)} {member}" for kind, stars, member in members))
    return found


def theirs(folder):
    """The lines for scardssp.h and scardssp_i.c of `folder`."""
    text = (folder / "scardssp.h").read_text()
    lines = []
    for interface, body in re.findall(r"struct (\w+) : public IDispatch \{(.*?)\n  \};", text, re.S):
        for name, inside in re.findall(r"virtual HRESULT WINAPI (\w+)\((.*?)\) = 0;", body):
            parameters = "" if inside == "void" else inside
            lines.append(line_of(interface, iscard_headers.Method(
                name, tuple(iscard_headers.parameter(p) for p in parameters.split(",") if p.strip()))))
    lines += enumerators(text) + structures(text)
    for kind, name, numbers in re.findall(r"MIDL_DEFINE_GUID\((IID|CLSID),(\w+),([^)]*)\);", (folder / "scardssp_i.c").read_text()):
        n = [int(x, 16) for x in numbers.split(",")]
        lines.append(f"{name} = {n[0]:08X}-{n[1]:04X}-{n[2]:04X}-{n[3]:02X}{n[4]:02X}-" + "".join(f"{x:02X}" for x in n[5:]))
    return lines


def ours(published):
    """The same lines for our headers, as far as the interfaces are published."""
    text = "".join(iscard_headers.plain(path.read_text()) for path in sorted(HEADERS.glob("*.h")))
    headers = iscard_headers.interfaces()
    lines = [line_of(name, method) for name in published for method in headers[name]]
    lines += enumerators(text) + structures(text)
    guids = iscard_headers.guids()
    library = re.search(r"\[uuid\(([0-9A-F-]+)\), version", (ROOT / "lib/iscard/windows/cardlatch.idl").read_text()).group(1)
    names = ["IID_" + name for name in published] + ["LIBID_SCARDSSPLib"] + ["CLSID_C" + re.sub("^I", "", name) for name in published]
    return lines + [f"{name} = {library if name.startswith('LIBID') else guids[name]}" for name in names]


def compare(what, found, wanted):
    if found == wanted:
        return
    for line in [f"- {line}" for line in wanted if line not in found] + [f"+ {line}" for line in found if line not in wanted]:
        print(line)
    sys.exit(f"{what} and {LIST.name} differ" + (" in order only" if sorted(found) == sorted(wanted) else ""))


def main():
    arguments = [a for a in sys.argv[1:] if a != "--write"]
    if arguments:
        lines = theirs(pathlib.Path(arguments[0]))
        if "--write" in sys.argv:
            LIST.write_text("\n".join(lines) + "\n")
        compare("scardssp.h", lines, LIST.read_text().splitlines())
    wanted = LIST.read_text().splitlines()
    published = list(dict.fromkeys(re.findall(r"^(I\w+)\.", "\n".join(wanted), re.M)))
    compare("our headers", ours(published), wanted)


if __name__ == "__main__":
    main()
