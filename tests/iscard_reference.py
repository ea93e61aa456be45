#!/usr/bin/env python3
"""docs/iscard-reference.md, and the methods that the unit tests go through, from the docstrings of the public headers.

A docstring says what the method does, then `@param NAME text` for each parameter, `@return` with every HRESULT, `Page:` with the page of Microsoft's documentation, and `Silent on` with what that leaves
open and how it is decided here.

usage: iscard_reference.py [--write]    without it: fails when the document is another, or a method lacks something
"""
import re
import sys

import iscard_headers

METHODS = iscard_headers.ROOT / "tests/unit/iscard_methods.inc"
DOCUMENT = iscard_headers.ROOT / "docs/iscard-reference.md"
DIRECTIONS = {"i": "in", "z": "in", "u": "in", "b": "in, out", "o": "out", "r": "out"}

# One name for codes that come together, as the docstrings use it.
SETS = {
    "MEM": ("whatever takes memory or calls another object", "E_OUTOFMEMORY E_UNEXPECTED"),
    "STREAM": ("a buffer: before Initialize() and put_Stream(); on a stream of the caller's, also what that answers", "E_UNEXPECTED"),
    "BUFFER": ("a buffer that is given: too long, never initialised; one of the caller's own make, also what that answers",
               "E_INVALIDARG E_UNEXPECTED"),
    "MANAGER": ("the resource manager fails; other codes of it come back unchanged as well",
                "SCARD_E_NO_SERVICE SCARD_E_SERVICE_STOPPED SCARD_E_SERVER_TOO_BUSY SCARD_E_NO_MEMORY SCARD_F_COMM_ERROR "
                "SCARD_F_INTERNAL_ERROR SCARD_F_UNKNOWN_ERROR"),
    "DATABASE": ("cards.conf is malformed or cannot be read; an ATR in it is none", "SCARD_E_INVALID_TARGET SCARD_E_INVALID_ATR"),
    "COMMAND": ("building a command", "E_POINTER E_INVALIDARG E_OUTOFMEMORY E_UNEXPECTED"),
    "DATA_COMMAND": ("building a command that makes no sense without data", "E_POINTER E_INVALIDARG E_OUTOFMEMORY E_UNEXPECTED"),
    "CARD": ("nothing attached; what the resource manager, the reader and the card's connection answer, unchanged; other codes of the "
             "resource manager come back unchanged as well",
             "SCARD_E_INVALID_HANDLE SCARD_W_RESET_CARD SCARD_W_REMOVED_CARD SCARD_W_UNPOWERED_CARD SCARD_W_UNRESPONSIVE_CARD "
             "SCARD_W_UNSUPPORTED_CARD SCARD_E_NO_SMARTCARD SCARD_E_READER_UNAVAILABLE SCARD_E_NOT_READY SCARD_E_NOT_TRANSACTED "
             "SCARD_E_SHARING_VIOLATION SCARD_E_INVALID_VALUE SCARD_E_PROTO_MISMATCH SCARD_E_UNSUPPORTED_FEATURE SCARD_E_NO_MEMORY "
             "SCARD_E_NO_SERVICE SCARD_E_SERVICE_STOPPED SCARD_E_SERVER_TOO_BUSY SCARD_F_COMM_ERROR SCARD_F_INTERNAL_ERROR "
             "SCARD_F_UNKNOWN_ERROR SCARD_E_COMM_DATA_LOST"),
    "SW": ("the card's status word, see [Status words](iscard.md#status-words)",
           "E_INVALIDARG SCARD_W_WRONG_CHV SCARD_W_CHV_BLOCKED SCARD_W_SECURITY_VIOLATION SCARD_W_EOF SCARD_E_NO_ACCESS SCARD_E_NO_FILE "
           "SCARD_E_FILE_NOT_FOUND SCARD_E_DIR_NOT_FOUND SCARD_E_WRITE_TOO_MANY SCARD_E_BAD_SEEK SCARD_E_INVALID_VALUE "
           "SCARD_E_UNSUPPORTED_FEATURE SCARD_E_CARD_UNSUPPORTED"),
}

INTRODUCTION = """# ISCard: every method

Made by `tests/iscard_reference.py` from the docstrings of the headers below `cardlatch/iscard/`; a test fails when a method lacks an
entry, a parameter or a return value. [iscard.md](iscard.md) has the rules that go for all of them.

Lengths are in bytes unless said otherwise. A pointer that must not be NULL is `E_POINTER` when it is; an `[in, out]` pointer to a NULL
that must not be one is `E_INVALIDARG`. Outputs are cleared on failure. "Slot" is the place in the vtable, "DISPID" the number for
`Invoke`. "Page" names the page of Microsoft's documentation; "silent on" says what it leaves open and what Cardlatch does. Through
`Invoke`, the codes of `IDispatch` come on top (`DISP_E_...`, [Late binding](iscard.md#late-binding)).

## Return values

Every method can return `S_OK`. These names stand for several codes in the entries:

| Name | When | Codes |
|---|---|---|
"""


def known_codes():
    """Name of an HRESULT -> its number, from the headers."""
    text = "".join((iscard_headers.HEADERS / name).read_text() for name in ("com.h", "scarderr.h"))
    return dict(re.findall(r"#define (\w+) CARDLATCH_HRESULT\((0x\w+)\)", text))


def docstring(lines):
    """Lines without `///` -> description, {parameter: text}, codes, page, silence."""
    entries = []
    for line in lines:
        if line.startswith("  ") and entries:
            entries[-1] += " " + line.strip()
        elif re.match(r"@param|@return|Page: |Silent on ", line) or not entries or re.match(r"@|Page: |Silent on ", entries[-1]):
            entries.append(line.strip())
        else:
            entries[-1] += " " + line.strip()
    said = {"what": "", "parameters": {}, "codes": "", "page": "", "silent": ""}
    for entry in entries:
        if found := re.match(r"@param (\w+) (.+)", entry):
            said["parameters"][found[1]] = found[2]
        elif entry.startswith("@return "):
            said["codes"] = entry[len("@return "):]
        elif entry.startswith("Page: "):
            said["page"] = entry[len("Page: "):]
        elif entry.startswith("Silent on "):
            said["silent"] = entry[len("Silent on "):].rstrip(".")
        else:
            said["what"] += entry
    return said


def docstrings():
    """Interface name -> (its own, {method: its docstring})."""
    found = {}
    for header in sorted(iscard_headers.HEADERS.glob("*.h")):
        interface, pending = None, []
        for line in header.read_text().splitlines():
            stripped = line.strip()
            if stripped.startswith("///"):
                pending.append(stripped[4:] if stripped.startswith("/// ") else "")
                continue
            if start := re.match(r"struct (I\w+) : public IDispatch \{", stripped):
                interface = start[1]
                found[interface] = (docstring(pending), {})
            elif (method := re.match(r"virtual HRESULT STDMETHODCALLTYPE (\w+)\(", stripped)) and interface:
                found[interface][1][method[1]] = docstring(pending)
            elif stripped == "};":
                interface = None
            pending = []
    return found


def entry(name, method, row, slot, said, codes, faults):
    where = f"{name}.{method.name}"
    lines = [f"### {name}::{method.name}", "", said["what"], ""]
    if not said["what"]:
        faults.append(f"{where}: does not say what it does")
    unknown = set(said["parameters"]) - {p.name for p in method.parameters}
    if unknown:
        faults.append(f"{where}: has no parameter {', '.join(sorted(unknown))}")
    if method.parameters:
        lines += ["| Parameter | Type | | |", "|---|---|---|---|"]
    for parameter, letter in zip(method.parameters, row.directions):
        text = said["parameters"].get(parameter.name)
        if not text:
            faults.append(f"{where}: says nothing of {parameter.name}")
        default = f" = {'NULL' if parameter.default == 'nullptr' else parameter.default}" if parameter.default else ""
        lines.append(f"| `{parameter.name}{default}` | `{parameter.type}` | {DIRECTIONS[letter]} | {(text or '').replace('|', chr(92) + '|')} |")
    if method.parameters:
        lines.append("")
    named = said["codes"].split(", ") if said["codes"] else []
    for code in named:
        if code not in codes and code not in SETS:
            faults.append(f"{where}: {code} is no HRESULT")
    if "S_OK" not in named:
        faults.append(f"{where}: no return values")
    returns = ", ".join(f"[{code}](#return-values)" if code in SETS else f"`{code}`" for code in named)
    page = said["page"]
    if not re.match(r"[a-z0-9]+-[a-z0-9-]+$|none \(", page):
        faults.append(f"{where}: no page")
    if not said["silent"]:
        faults.append(f"{where}: does not say where the page is silent")
    binding = f"DISPID {row.id}" + ("" if row.callable else ", not callable by it")
    lines += [f"Returns {returns}. Slot {slot}, {binding}. Page: {page if page.startswith('none') else f'`{page}`'}.", ""]
    if said["silent"] and said["silent"] != "nothing":
        lines += [f"Silent on {said['silent']}.", ""]
    return lines


def document():
    headers, tables, said, codes = (iscard_headers.interfaces(), iscard_headers.dispatch_tables(), docstrings(), known_codes())
    faults = []
    lines = [INTRODUCTION.rstrip("\n")]
    for name, (when, members) in SETS.items():
        for code in members.split():
            if code not in codes:
                faults.append(f"{name}: {code} is no HRESULT")
        lines.append(f"| {name} | {when} | " + ", ".join(f"`{code}`" for code in members.split()) + " |")
    lines.append("")
    for name, methods in headers.items():
        own, entries = said[name]
        lines += [f"## {name}", "", own["what"], ""]
        for at, (method, row) in enumerate(zip(methods, tables[name])):
            lines += entry(name, method, row, 7 + at, entries[method.name], codes, faults)
    return "\n".join(lines).rstrip("\n") + "\n", faults


def expanded(named):
    """The codes of an entry, those of its sets included."""
    return [code for name in named for code in (SETS[name][1].split() if name in SETS else [name])]


def method_list():
    """For the unit tests: METHOD(interface, method, directions of the parameters, whether E_POINTER is among the codes, the codes)."""
    headers, tables, said, known = (iscard_headers.interfaces(), iscard_headers.dispatch_tables(), docstrings(), known_codes())
    lines = ["// Made by tests/iscard_reference.py from the public headers; do not edit."]
    for name, methods in headers.items():
        for method, row in zip(methods, tables[name]):
            codes = said[name][1][method.name]["codes"].split(", ")
            names = expanded(codes)
            numbers = " ".join(sorted({known[code][2:] for code in names}))
            lines.append(f'METHOD({name}, {method.name}, "{row.directions}", {str("E_POINTER" in names).lower()},\n       "{numbers}")')
    return "\n".join(lines) + "\n"


def golden_faults():
    """Results in the golden files that the reference does not have for the method; those of IDispatch come on top."""
    said, known = docstrings(), known_codes()
    faults = []
    for golden, interface, member, result in iscard_headers.golden_calls():
        entries = said.get(interface, ("", {}))[1]
        method = entries.get(member) or entries.get("get_" + member)
        if method is None:
            faults.append(f"{golden}: {interface} has no {member}")
            continue
        names = expanded(method["codes"].split(", "))
        numbers = {known[code][2:] for code in names}
        if result not in names and result.upper() not in numbers and not result.startswith("DISP_E_"):
            faults.append(f"{golden}: {interface}.{member} returns {result}, which its entry does not have")
    return faults


def main():
    made, faults = document()
    faults += golden_faults()
    for path, text in ((DOCUMENT, made), (METHODS, method_list())):
        if "--write" in sys.argv:
            path.write_text(text)
        elif path.read_text() != text:
            sys.exit(f"{path.name} is out of date: run tests/iscard_reference.py --write")
    if faults:
        sys.exit("docstrings that lack something:\n" + "\n".join(faults))


if __name__ == "__main__":
    main()
