#!/usr/bin/env python3
"""The table of docs/iscard.md: interface x method x (implemented, tested with bytes, tested against a card).

Methods come from the public headers, "implemented" from the late binding tables and the sources, "bytes" from what the unit tests
call (fixtures/iscard/*.golden, which are run line by line, and calls in tests/unit/iscard_*_test.cpp), "card" from
fixtures/iscard/card.calls, which the integration test compares with what its programs did on the emulator's cards.

usage: iscard_table.py [--write]    without it: fails when the table in the document is another, or has a blank
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- table: tests/iscard_table.py --write -->", "<!-- end of table -->"


def interfaces():
    """Interface name -> its own methods in vtable order."""
    found = {}
    for header in sorted((ROOT / "lib/iscard/include/cardlatch/iscard").glob("*.h")):
        for name, body in re.findall(r"struct (I\w+) : public IDispatch \{(.*?)\n  protected", header.read_text(), re.S):
            found[name] = re.findall(r"virtual HRESULT STDMETHODCALLTYPE (\w+)\(", body)
    return found


def implemented(name, method):
    """The method has a body in the class that implements the interface."""
    for source in (ROOT / "lib/iscard/src").glob("*.cpp"):
        text = source.read_text()
        if re.search(r"DispatchObject<\w+, " + name + r",", text):
            return re.search(r"STDMETHODCALLTYPE\s+" + method + r"\([^;{]*\)\s*noexcept override\s*\{", text) is not None
    return False


def golden_calls():
    """(interface, method or property) that a golden file calls."""
    called = set()
    for golden in (ROOT / "fixtures/iscard").glob("*.golden"):
        kinds = {}
        for line in golden.read_text().splitlines():
            words = line.split()
            if not words or words[0] in (";", "card"):
                continue
            if words[0] == "new":
                kinds[words[1]] = words[2]
                continue
            target = words[3] if words[0] == "let" else words[0]
            if words[0] == "let":
                kinds[words[1]] = words[2]
            owner, member = target.split(".", 1)
            put = member.endswith(":=")
            called.add((kinds.get(owner), ("put_" if put else "") + member.rstrip(":=")))
    return called


# Variables of the unit tests by interface.
VARIABLES = {
    "ISCard": ("card",), "ISCardCmd": ("command", "cmd"), "ISCardISO7816": ("iso",), "ISCardTypeConv": ("conv",),
    "ISCardDatabase": ("object",), "ISCardLocate": ("locate",), "ISCardManage": ("manage",), "ISCardAuth": ("auth",),
    "ISCardFileAccess": ("files",), "ISCardVerify": ("pin",),
    "IByteBuffer": ("buffer", "clone", "copy", "other", "source", "target", "empty", "to", "from"),
}


def unit_calls(name, method, texts):
    variables = "|".join(VARIABLES[name])
    return re.search(r"\b(?:%s)(?:\(\))?->%s\(" % (variables, method), texts) is not None


def table():
    golden = golden_calls()
    texts = "\n".join(p.read_text() for p in (ROOT / "tests/unit").glob("iscard_*_test.cpp"))
    card = {tuple(line.split(".")) for line in (ROOT / "fixtures/iscard/card.calls").read_text().split()}
    lines = ["| Interface | Method | Implemented | Bytes | Card |", "|---|---|---|---|---|"]
    blanks = []
    for name, methods in interfaces().items():
        for method in methods:
            plain = re.sub(r"^get_", "", method)
            cells = ["yes" if implemented(name, method) else "",
                     "golden" if (name, plain) in golden else "unit" if unit_calls(name, method, texts) else "",
                     "yes" if (name, method) in card else ""]
            if "" in cells:
                blanks.append(f"{name}.{method}: {cells}")
            lines.append(f"| {name} | `{method}` | " + " | ".join(cells) + " |")
    return "\n".join(lines), blanks


def main():
    made, blanks = table()
    path = ROOT / "docs/iscard.md"
    text = path.read_text()
    before, rest = text.split(BEGIN, 1)
    old, after = rest.split(END, 1)
    if "--write" in sys.argv:
        path.write_text(before + BEGIN + "\n\n" + made + "\n\n" + END + after)
    elif old.strip() != made:
        sys.exit("the table in docs/iscard.md is out of date: run tests/iscard_table.py --write")
    if blanks:
        sys.exit("blanks in the table:\n" + "\n".join(blanks))


if __name__ == "__main__":
    main()
