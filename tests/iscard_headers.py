"""What the public headers and the late binding tables of lib/iscard say, for the scripts beside this one."""
import pathlib
import re
from typing import NamedTuple, Optional

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADERS = ROOT / "lib/iscard/include/cardlatch/iscard"
SOURCES = ROOT / "lib/iscard/src"


class Parameter(NamedTuple):
    type: str                 # as in the header, "LONG*"
    name: str
    default: Optional[str]


class Method(NamedTuple):
    name: str
    parameters: tuple


class Member(NamedTuple):
    """One row of dispatch_tables.cpp."""
    name: str                 # of the method or property
    id: int
    kind: str                 # METHOD, PROPERTYGET, PROPERTYPUT
    directions: str           # a letter for each parameter, see dispatch.hpp
    method: Optional[str]     # of the interface; None where the row names a function of the file's own
    callable: bool


def plain(text):
    """Source text without comments, on one line."""
    return re.sub(r"\s+", " ", re.sub(r"//[^\n]*", "", text))


def parameter(text):
    text, _, default = (part.strip() for part in text.partition("="))
    kind, name = re.match(r"(.*?)\s*(\w+)$", text).groups()
    return Parameter(kind.replace(" *", "*"), name, default or None)


def interfaces():
    """Interface name -> its own methods, in vtable order."""
    found = {}
    for header in sorted(HEADERS.glob("*.h")):
        for name, body in re.findall(r"struct (I\w+) : public IDispatch \{(.*?)\n  protected", header.read_text(), re.S):
            found[name] = [
                Method(method, tuple(parameter(p) for p in inside.split(",") if p.strip()))
                for method, inside in re.findall(r"virtual HRESULT STDMETHODCALLTYPE (\w+)\((.*?)\) = 0;", plain(body))]
    return found


def dispatch_tables():
    """Interface name -> the rows of its late binding table, in order."""
    text = plain((SOURCES / "dispatch_tables.cpp").read_text())
    found = {}
    for table, name in re.findall(r"table_of<(\w+)>\(\) \{ return \{L\"\w+\", \w+, (\w+)\};", text):
        body = re.search(r"constexpr std::array " + name + r" = \{(.*?)\};", text).group(1)
        rows = re.findall(
            r"(accessor|thunk|not_automation)<&(\w+)::(\w+)>\( ?L\"(\w+)\", (\d+), DISPATCH_(\w+), \"(\w*)\"", body)
        found[table] = [Member(label, int(number), kind, directions, method if owner == table else None, how != "not_automation")
                        for how, owner, method, label, number, kind, directions in rows]
    return found


def guids():
    """Name of a constant in guids.cpp -> its text without braces."""
    text = plain((SOURCES / "guids.cpp").read_text())
    found = {}
    for name, a, b, c, rest in re.findall(
            r"const (?:IID|CLSID) (\w+) = \{ ?0x(\w+), 0x(\w+), 0x(\w+), \{([^}]*)\}", text):
        d = [int(x, 16) for x in rest.replace("0x", "").split(",")]
        found[name] = "{:0>8}-{:0>4}-{:0>4}-{:02X}{:02X}-{}".format(a, b, c, d[0], d[1], "".join(f"{x:02X}" for x in d[2:]))
    return found


def golden_calls():
    """(file, interface, method or property, HRESULT) for each call in the golden files; "put_" before a property that is written."""
    for golden in sorted((ROOT / "fixtures/iscard").glob("*.golden")):
        kinds = {}
        for line in golden.read_text().splitlines():
            words = line.split()
            if not words or words[0] in (";", "card"):
                continue
            if words[0] == "new":
                kinds[words[1]] = words[2]
                continue
            let = words[0] == "let"
            if let:
                kinds[words[1]] = words[2]
            owner, member = (words[3] if let else words[0]).split(".", 1)
            prefix = "put_" if member.endswith(":=") else ""
            yield golden.name, kinds.get(owner), prefix + member.rstrip(":="), "S_OK" if let else words[words.index("=") + 1]
