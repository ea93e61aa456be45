#!/usr/bin/env python3
"""The table of docs/iscard.md: interface x method x (implemented, tested with bytes, tested against a card).

Methods come from the public headers, "implemented" from the late binding tables and the sources, "bytes" from what the unit tests
check (the golden file with a call of the method that succeeds, which is run line by line, or the first test case of
tests/unit/iscard_*_test.cpp with a check that it succeeds), the cards' columns from fixtures/iscard/card.calls, which the integration test compares with what its
programs did on the emulator's cards.

The late binding tables are compared with the headers as well: every method, in the order of the vtable, with its DISPID and a letter
for each of its parameters.

usage: iscard_table.py [--write]    without it: fails when the table in the document is another, or has a blank
"""
import re
import sys

import iscard_headers
from iscard_headers import ROOT

BEGIN, END = "<!-- table: tests/iscard_table.py --write -->", "<!-- end of table -->"


def interfaces():
    """Interface name -> its own methods in vtable order."""
    return {name: [method.name for method in methods] for name, methods in iscard_headers.interfaces().items()}


def late_binding_faults():
    """What the rows of dispatch_tables.cpp say otherwise than the headers."""
    faults = []
    headers, tables = iscard_headers.interfaces(), iscard_headers.dispatch_tables()
    if set(headers) != set(tables):
        faults.append(f"interfaces: {sorted(headers)} in the headers, {sorted(tables)} in the tables")
    for name in set(headers) & set(tables):
        methods, rows = headers[name], tables[name]
        if [m.name for m in methods] != [r.method for r in rows]:
            faults.append(f"{name}: {[m.name for m in methods]} in the header, {[r.method for r in rows]} in the table")
            continue
        names = []
        for method, row in zip(methods, rows):
            prefix = {"PROPERTYGET": "get_", "PROPERTYPUT": "put_", "METHOD": ""}[row.kind]
            if method.name != prefix + row.name or (not prefix and re.match("(get|put)_", method.name)):
                faults.append(f"{name}.{method.name}: is {row.kind} {row.name} in the table")
            if row.name not in names:
                names.append(row.name)
            if row.id != names.index(row.name) + 1:
                faults.append(f"{name}.{method.name}: DISPID {row.id}, not {names.index(row.name) + 1}")
            if len(row.directions) != len(method.parameters) or set(row.directions) - set("izubor"):
                faults.append(f"{name}.{method.name}: {len(method.parameters)} parameters, {row.directions!r} in the table")
            for parameter, letter in zip(method.parameters, row.directions):
                # An output goes through a pointer; a parameter with a default may be left out.
                if letter in "or" and not parameter.type.endswith("*") and not parameter.type.startswith("LP"):
                    faults.append(f"{name}.{method.name}: {parameter.name} is {parameter.type}, and an output in the table")
                if parameter.default and letter == "i" and row.kind == "METHOD":
                    faults.append(f"{name}.{method.name}: {parameter.name} has a default, and has to be given in the table")
    return faults


def implemented(name, method):
    """The method has a body in the class that implements the interface."""
    for source in (ROOT / "lib/iscard/src").glob("*.cpp"):
        text = source.read_text()
        if re.search(r"DispatchObject<\w+, " + name + r",", text):
            return re.search(r"STDMETHODCALLTYPE\s+" + method + r"\([^;{]*\)\s*noexcept override\s*\{", text) is not None
    return False


def golden_calls():
    """(interface, method or property) -> the golden file in which it succeeds."""
    called = {}
    for golden, interface, member, result in iscard_headers.golden_calls():
        if result == "S_OK":
            called.setdefault((interface, member), golden)
    return called


# Variables of the unit tests by interface.
VARIABLES = {
    "ISCard": ("card",), "ISCardCmd": ("command", "cmd"), "ISCardISO7816": ("iso",), "ISCardTypeConv": ("conv",),
    "ISCardDatabase": ("object",), "ISCardLocate": ("locate",), "ISCardManage": ("manage",), "ISCardAuth": ("auth",),
    "ISCardFileAccess": ("files",), "ISCardVerify": ("pin",),
    "IByteBuffer": ("buffer", "clone", "copy", "other", "second", "source", "target", "empty", "to", "from"),
}


def unit_cases():
    """Name of each test case, "suite/case" -> its source text."""
    cases = {}
    for path in sorted((ROOT / "tests/unit").glob("iscard_*_test.cpp")):
        suites, case = [], None
        for line in path.read_text().splitlines():
            if start := re.match(r"BOOST_\w*TEST_SUITE\((\w+)", line):
                suites.append(start[1])
            elif start := re.match(r"BOOST_\w*TEST_CASE\((\w+)", line):
                case = "/".join(suites + [start[1]])
            elif line.startswith("BOOST_AUTO_TEST_SUITE_END"):
                suites.pop()
            if case:
                cases[case] = cases.get(case, "") + line + "\n"
            if line == "}":
                case = None
    return cases


def unit_case(name, method, cases):
    """The first test case with a check that the method succeeds."""
    call = re.compile(r"BOOST_\w+\([^;]*\b(?:%s)(?:\(\))?->%s\([^;]*S_OK\)" % ("|".join(VARIABLES[name]), method))
    return next((case for case, text in cases.items() if call.search(text)), "")


def table():
    golden, cases = golden_calls(), unit_cases()
    met = dict(line.rsplit(" ", 1) for line in (ROOT / "fixtures/iscard/card.calls").read_text().splitlines())
    lines = ["| Interface | Method | Implemented | Bytes | filecard | PIV |", "|---|---|---|---|---|---|"]
    blanks = []
    for name, methods in interfaces().items():
        for method in methods:
            plain = re.sub(r"^get_", "", method)
            cells = ["yes" if implemented(name, method) else "",
                     golden.get((name, plain)) or unit_case(name, method, cases),
                     met.get(f"filecard {name}.{method}", ""), met.get(f"piv {name}.{method}", "")]
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
    if faults := late_binding_faults():
        sys.exit("late binding and headers differ:\n" + "\n".join(faults))


if __name__ == "__main__":
    main()
