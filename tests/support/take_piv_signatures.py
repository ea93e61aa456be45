#!/usr/bin/env python3
"""Takes what is signed on a PIV card out of what `cardlatch card show --json` printed, for openssl to check.

    take_piv_signatures.py < SHOWN

Writes into the current folder: chuid.content and chuid.signature (CMS, detached), security.signature (CMS); checks the
security object's mapping, and that the hashes of CHUID and card capability container are in it.
"""

import hashlib
import json
import sys


def parts(data):
    """Tag, whole data object and value, one after the other; all tags here have one byte."""
    while data:
        size, head = data[1], 2
        if size > 0x80:
            head += size - 0x80
            size = int.from_bytes(data[2:head], "big")
        yield data[0], data[:head + size], data[head:head + size]
        data = data[head + size:]


def write(name, data):
    with open(name, "wb") as file:
        file.write(data)


def main():
    shown = json.load(sys.stdin)["piv"]["objects"]
    objects = {one["tag"]: bytes.fromhex(one["content"]) for one in shown}
    chuid = list(parts(objects["5FC102"]))
    write("chuid.content", b"".join(whole for tag, whole, _ in chuid if tag != 0x3E))
    write("chuid.signature", next(value for tag, _, value in chuid if tag == 0x3E))
    security = {tag: value for tag, _, value in parts(objects["5FC106"])}
    write("security.signature", security[0xBB])
    if security[0xBA].hex() != "01300002db00":
        sys.exit("the mapping is " + security[0xBA].hex())
    for tag in ("5FC102", "5FC107"):
        if hashlib.sha256(objects[tag]).digest() not in security[0xBB]:
            sys.exit(tag + " is not what the security object has the hash of")


if __name__ == "__main__":
    main()
