#!/usr/bin/env python3
"""Plays a card that lies to the reader of a live pcscd: frames of the link, mutated, and a ring in which it scribbles.

    cardlatch run --card none -- /usr/bin/python3 tests/fuzz/mutate_frames.py [FRAMES [SEED]]

A client (pyscard) sends commands to the card all the time. Ends with 0 when pcscd still serves a proper card afterwards, and says
how many frames were sent, how many commands went into the ring and how much memory pcscd gained. Run by hand: a million frames
take minutes.
"""

import json
import mmap
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time

from smartcard import scard

ATR = bytes.fromhex("3B80800101")


def control(method, **params):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(os.environ["CARDLATCH_CONTROL"])
        s.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
        return json.loads(s.makefile().readline())["result"]


def pcscd_of(link):
    """The process that listens on the link: pcscd, with the driver in it."""
    inode = next(line.split()[6] for line in open("/proc/net/unix") if line.rstrip().endswith(link))
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                if os.readlink(f"/proc/{pid}/fd/{fd}") == f"socket:[{inode}]":
                    return int(pid)
        except OSError:
            continue
    raise SystemExit("no process listens on the link")


def resident_kib(pid):
    return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS"))


def frame(kind, payload=b""):
    return (1 + len(payload)).to_bytes(4, "big") + bytes([kind]) + payload


def plain(payload):
    return len(payload).to_bytes(2, "big") + payload


def mutate(message, rng):
    """Some bytes changed, cut, doubled or added; often nothing, so that later states are reached too."""
    data = bytearray(message)
    for _ in range(rng.choice((0, 0, 1, 1, 2, 5))):
        how = rng.randrange(5)
        at = rng.randrange(len(data) + 1)
        if how == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif how == 1 and at < len(data):
            data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif how == 2:
            del data[at:at + rng.randrange(1, 4)]
        elif how == 3:
            data[at:at] = rng.randbytes(rng.randrange(1, 8))
        else:
            data += data[:at]
    return bytes(data)


class Client(threading.Thread):
    """Sends commands to whatever card there is."""

    def __init__(self):
        super().__init__(daemon=True)
        self.answers = 0
        self.over = False

    def run(self):
        _, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
        _, readers = scard.SCardListReaders(context, [])
        while not self.over:
            code, card, protocol = scard.SCardConnect(context, readers[0], scard.SCARD_SHARE_SHARED,
                                                      scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1)
            while code == scard.SCARD_S_SUCCESS and not self.over:
                code, _ = scard.SCardTransmit(card, protocol, [0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00])
                self.answers += code == scard.SCARD_S_SUCCESS
            if card:
                scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)


class Ring:
    """The memory that came with a hello (docs/protocol.md, "The ring"), and somebody who does not keep to it."""

    BOX = 17 * 4096
    LENGTHS = (0, 1, 2, 3, 256, 65538, 65539, BOX, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
    commands = 0

    def __init__(self, memory):
        self._memory = mmap.mmap(memory, 2 * self.BOX)
        os.close(memory)

    def close(self):
        self._memory.close()

    def _word(self, at):
        return struct.unpack_from("=I", self._memory, at)[0]

    def scribble(self, rng):
        """Waits for a command, mostly, and answers it, mostly wrongly."""
        if rng.random() < 0.8:
            struct.pack_into("=I", self._memory, 0, 1)
        for _ in range(20):
            if self._word(0) == 3:
                Ring.commands += 1
                break
            time.sleep(0.0001)
        for _ in range(rng.randrange(1, 4)):
            box = rng.choice((0, self.BOX))
            struct.pack_into("=I", self._memory, box + 4, rng.choice((2, 2, rng.choice(self.LENGTHS))))
            struct.pack_into("=I", self._memory, box, rng.choice((0, 1, 2, 3, 3, 3, 4, 5, 0xFFFFFFFF)))
        if rng.random() < 0.5:
            struct.pack_into("=HI", self._memory, self.BOX + 16, 0x0090, 0)
            struct.pack_into("=II", self._memory, self.BOX, 3, 2)


def conversations(rng):
    """What a card says, as one of the kinds of peers there are, for as long as the reader listens."""
    if rng.random() < 0.3:
        yield plain(ATR)
        while True:
            yield plain(ATR)
            yield plain(b"\x90\x00")
    version = rng.choice((1, 2, 3, 4, 4, 5))
    yield plain(b"CLX" + bytes([version]))
    if version >= 2:
        yield frame(0x92)
    while True:
        yield frame(0x81, ATR)
        yield rng.choice((frame(0x90, b"\x90\x00"), frame(0xA0, b"\x00\x10"), frame(0x82), frame(0x93, b"\x02"), frame(0x94),
                          frame(0x91, b"\x00\x041234")))


def main():
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else 20000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    rng = random.Random(seed)
    link = control("status")["slots"][0]["link"].removeprefix("unix:")
    pid = pcscd_of(link)
    sent = links = 0
    client = Client()
    client.start()
    started = time.monotonic()
    before = None
    while sent < frames:
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(0.01)  # the driver may wait for the rest of a frame that is not coming
            s.connect(link)
            links += 1
            ring = None
            lies = rng.choice((0.0, 1.0))  # through the socket; who never lies there comes as far as commands
            try:
                for message in conversations(rng):
                    s.sendall(mutate(message, rng) if rng.random() < lies else message)
                    sent += 1
                    answer, memory, _, _ = socket.recv_fds(s, 4096, 1)
                    if memory:
                        ring = Ring(memory[0])
                    elif ring:
                        for _ in range(rng.randrange(10)):
                            ring.scribble(rng)
                            sent += 1
                    if rng.random() < 0.1 or not answer:
                        break
            except (BrokenPipeError, ConnectionResetError, socket.timeout):
                pass
            if ring:
                ring.close()
        if before is None and sent > frames // 10:
            before = resident_kib(pid)
    after = resident_kib(pid)
    client.over = True
    print(f"{client.answers} answers to a client, {Ring.commands} commands in the ring; {sent} frames and scribbles on {links} links in {time.monotonic() - started:.0f} s, seed {seed}; "
          f"pcscd's memory {before} KiB after a tenth, {after} KiB at the end")
    deadline = time.monotonic() + 30
    while control("status")["slots"][0]["state"] != "empty":  # the last liar's removal
        if time.monotonic() > deadline:
            raise SystemExit("the reader did not become empty")
        time.sleep(0.01)
    control("insert", slot=0, profile="filecard")
    subprocess.run(["opensc-tool", "--atr"], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
