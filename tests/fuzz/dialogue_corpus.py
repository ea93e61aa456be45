#!/usr/bin/env python3
"""Writes inputs for the card fuzz targets (card_targets.cpp has the format) from dialogues and lists of commands.

    tests/fuzz/dialogue_corpus.py FOLDER FILE...

FILE is a dialogue (fixtures/apdu) or has its syntax without answers; FOLDER gets one input for each.
"""

import pathlib
import re
import sys


def command(text):
    # Masked bytes are the answer to a challenge, which no input can compute.
    text = re.sub(r"([0-9A-Fa-f]{2})\*(\d+)", lambda m: m[1] * int(m[2]), text.split("#")[0].replace("??", "00"))
    return bytes.fromhex(text)


def steps(lines):
    for line in map(str.strip, lines):
        if line.startswith(">"):
            apdu = command(line[1:])
            yield bytes([len(apdu)]) + apdu if len(apdu) < 0xFE else b"\xfe" + len(apdu).to_bytes(2, "big") + apdu
        elif line == "reset":
            yield b"\x00"
        elif line == "power":
            yield b"\xff"


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in map(pathlib.Path, sys.argv[2:]):
        (folder / name.stem).write_bytes(b"".join(steps(name.read_text().splitlines())))


if __name__ == "__main__":
    main()
