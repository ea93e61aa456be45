#!/usr/bin/env python3
"""Takes what is signed on a PIV card out of what `cardlatch card show --json --secrets` printed, for openssl to check.

    take_piv_signatures.py < SHOWN

Writes into the current folder: chuid.content and chuid.signature (CMS, detached), security.signature (CMS). Checks that
the security object's mapping names the containers of all objects that are there and have no signature of their own, and
that their hashes are in it. Source: SP 800-73-5 part 1 §3.1.7, table 2.
"""

import hashlib
import json
import sys

CONTAINERS = {"5FC102": 0x3000, "5FC107": 0xDB00, "5FC109": 0x3001, "5FC10C": 0x6050}


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
    mapping = {int.from_bytes(security[0xBA][at + 1:at + 3], "big"): security[0xBA][at]
               for at in range(0, len(security[0xBA]), 3)}
    wanted = {tag: number for tag, number in CONTAINERS.items() if tag in objects}
    if set(mapping) != set(wanted.values()) or sorted(mapping.values()) != list(range(1, len(mapping) + 1)):
        sys.exit("the mapping is " + security[0xBA].hex())
    for tag, container in wanted.items():
        # DataGroupHash: SEQUENCE of INTEGER and OCTET STRING. Source: ICAO Doc 9303 part 10.
        digest = hashlib.sha256(objects[tag]).digest()
        if bytes([0x30, 0x25, 0x02, 0x01, mapping[container], 0x04, 0x20]) + digest not in security[0xBB]:
            sys.exit(tag + " is not what the security object has the hash of")


if __name__ == "__main__":
    main()
