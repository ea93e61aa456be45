#!/usr/bin/env python3
"""A plain vpcd card: the other end of any vpcd reader, written from docs/protocol.md alone.

It shares no code with the rest of the tree and does what an ordinary card does: read a whole message, then
answer it. It sets no socket option, so that on stock vpcd it shows what an ordinary card costs there.

What it does not model: files, security, response data that has to be fetched, more than one logical channel.
"""

import argparse
import os
import signal
import socket
import struct
import sys
import time

POWER_OFF, POWER_ON, RESET, REQUEST_ATR = 0x00, 0x01, 0x02, 0x04

SELECT, GET_CHALLENGE, ECHO = 0xA4, 0x84, 0xEE
OK = b"\x90\x00"
WRONG_LENGTH = b"\x67\x00"
UNKNOWN_INS = b"\x6d\x00"
LONGEST = 0xFFFF  # what a message can carry

DEFAULT_ATR = "3B80800101"  # T=0 and T=1, no historical bytes


def split_apdu(apdu):
    """The data field and Ne of a command APDU; None when its lengths contradict each other.

    Source: ISO/IEC 7816-4 §5.1.
    """
    body = apdu[4:]
    if len(apdu) < 4:
        return None
    if not body:
        return b"", 0
    if len(body) == 1:
        return b"", body[0] or 256
    if body[0] != 0:
        length_size, le_size = 1, 1
        count = body[0]
    elif len(body) == 3:
        return b"", struct.unpack(">H", body[1:])[0] or 65536
    else:
        length_size, le_size = 3, 2
        count = struct.unpack(">H", body[1:3])[0]
    data, le = body[length_size:length_size + count], body[length_size + count:]
    if len(data) != count or count == 0 or len(le) not in (0, le_size):
        return None
    if not le:
        return data, 0
    return data, int.from_bytes(le, "big") or 256 ** le_size


def answer(apdu):
    """The response APDU to a command APDU."""
    parts = split_apdu(apdu)
    if parts is None:
        return WRONG_LENGTH
    data, expected = parts
    ins = apdu[1]
    if ins == SELECT:
        return OK
    if ins == GET_CHALLENGE:
        return os.urandom(expected) + OK if 0 < expected <= LONGEST - len(OK) else WRONG_LENGTH
    if ins == ECHO:
        return data + OK
    return UNKNOWN_INS


def read_exactly(stream, size):
    """`size` bytes, or None when the connection ended first."""
    data = b""
    while len(data) < size:
        more = stream.recv(size - len(data))
        if not more:
            return None
        data += more
    return data


def read_message(stream):
    header = read_exactly(stream, 2)
    return None if header is None else read_exactly(stream, struct.unpack(">H", header)[0])


def write_message(stream, message):
    stream.sendall(struct.pack(">H", len(message)) + message)


def serve(stream, atr):
    """Is the card until the reader hangs up."""
    while (message := read_message(stream)) is not None:
        if len(message) == 1:
            if message[0] == REQUEST_ATR:
                write_message(stream, atr)
            # Power off, power on and reset have no answer, and this card keeps nothing that they could clear.
        else:
            write_message(stream, answer(message))


def host_and_port(text):
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def connect(open_connection, patience_s):
    """Connects, trying again while the reader does not listen yet."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return open_connection()
        except (ConnectionRefusedError, FileNotFoundError):
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.02)


def connect_unix(path):
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        stream.connect(path)
    except OSError:
        stream.close()
        raise
    return stream


def listen_on(address):
    """The first reader that connects. Says on standard output where it listens: port 0 means any free one."""
    with socket.create_server(address) as listener:
        host, port = listener.getsockname()[:2]
        print(f"listening on {host}:{port}", flush=True)
        return listener.accept()[0]


def main():
    parser = argparse.ArgumentParser(
        description="A plain vpcd card. It answers SELECT (A4), GET CHALLENGE (84) and ECHO (EE: the data field "
        "comes back), and 6D00 to everything else. It ends when the reader hangs up.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--connect", metavar="HOST:PORT", type=host_and_port,
                       help="connect to a vpcd reader that listens on TCP")
    where.add_argument("--unix", metavar="PATH", help="connect to a vpcd reader that listens on a unix socket")
    where.add_argument("--listen", metavar="HOST:PORT", type=host_and_port,
                       help="wait for a vpcd reader that connects; port 0 means any free one")
    parser.add_argument("--atr", metavar="HEX", type=bytes.fromhex, default=DEFAULT_ATR,
                        help="default: %(default)s")
    parser.add_argument("--patience", metavar="SECONDS", type=float, default=0.0,
                        help="try as long for a reader that does not listen yet (default: %(default)s)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        if options.listen:
            stream = listen_on(options.listen)
        elif options.unix:
            stream = connect(lambda: connect_unix(options.unix), options.patience)
        else:
            stream = connect(lambda: socket.create_connection(options.connect), options.patience)
        with stream:
            serve(stream, options.atr)
    except KeyboardInterrupt:
        pass
    except OSError as error:
        sys.exit(f"plain_vpcd_card: {error}")


if __name__ == "__main__":
    main()
