#!/usr/bin/env python3
"""The systemd unit for `cardlatch serve`: systemd finds nothing wrong with it, and the service does its work in its sandbox.

Usage: service_test.py CARDLATCH UNIT

Without a service manager the sandbox is built here from the unit's own lines: no capabilities, no new privileges, the
system calls of SystemCallFilter alone (as `systemd-analyze syscall-filter` lists them), no network, a read-only file
system but for the service's folders, no homes, the umask. Not built here: ProtectProc, ProcSubset, PrivateDevices, the device
and address lists, MemoryDenyWriteExecute, RestrictAddressFamilies, RestrictNamespaces.
"""

import ctypes
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

MOST_EXPOSED = 10  # tenths, as `systemd-analyze security --threshold` counts them

libc = ctypes.CDLL(None, use_errno=True)
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 24, 38, 22
CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18


def settings(unit):
    """The unit's values by key, each key's in order."""
    found = {}
    for line in open(unit, encoding="utf-8"):
        key, separator, value = line.strip().partition("=")
        if separator and not key.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def mount(source, target, kind, flags):
    check(libc.mount(source.encode(), target.encode(), kind.encode() if kind else None, flags, None), f"mount {target}")


def system_calls(names):
    """The numbers of the system calls that the unit allows."""
    listed = {}
    group = None
    for line in subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager"], check=True, capture_output=True, text=True
    ).stdout.splitlines():
        if line.startswith("@"):
            group = listed.setdefault(line.strip(), [])
        elif group is not None and line.strip() and not line.strip().startswith("#"):
            group.append(line.strip())

    def members(name):
        if not name.startswith("@"):
            return {name}
        return set().union(*(members(inner) for inner in listed[name]))

    allowed = set()
    for value in names:
        refused = value.startswith("~")
        for name in value.lstrip("~").split():
            allowed = allowed - members(name) if refused else allowed | members(name)
    header = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
    numbers = dict(re.findall(r"#define __NR_(\w+) (\d+)", open(header, encoding="ascii").read()))
    return sorted(int(numbers[name]) for name in allowed if name in numbers)


def seccomp(numbers):
    """Lets these system calls through and ends the process at any other. Source: linux/filter.h, linux/seccomp.h."""
    load, jump_equal, give = 0x20, 0x15, 0x06
    allow, kill = 0x7FFF0000, 0x80000000
    program = [(load, 0, 0, 0)]
    for number in numbers:
        program += [(jump_equal, 0, 1, number), (give, 0, 0, allow)]
    program.append((give, 0, 0, kill))
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(code)
    filter_ = struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer))
    check(libc.prctl(PR_SET_SECCOMP, 2, filter_, 0, 0), "seccomp")


def enter_sandbox(unit, writable):
    values = settings(unit)
    allowed = system_calls(values["SystemCallFilter"])
    os.umask(int(values["UMask"][0], 8))
    check(libc.unshare(CLONE_NEWNS | CLONE_NEWNET), "unshare")
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    for folder in writable:
        mount(folder, folder, None, MS_BIND)
    mount("/", "/", None, MS_BIND | MS_REMOUNT | MS_RDONLY)
    for home in ("/home", "/root"):
        if not any(folder.startswith(home + "/") for folder in writable):
            mount("none", home, "tmpfs", MS_RDONLY)
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    seccomp(allowed)


CLIENT = r"""
set -e
"$PYTHON" "$SCRIPT" --serve "$COMMAND" "$UNIT" "$FOLDER" "$LINK" & serve=$!
"$PYTHON" -c '
from smartcard.scard import *
context = SCardEstablishContext(SCARD_SCOPE_USER)[1]
reader, state = SCardListReaders(context, [])[1][0], SCARD_STATE_UNAWARE
while not state & SCARD_STATE_PRESENT:
    result, states = SCardGetStatusChange(context, 60000, [(reader, state)])
    assert result == SCARD_S_SUCCESS, hex(result)
    state = states[0][1]
'
pkcs11-tool --login --pin 123456 --list-objects --type privkey >/dev/null
"$COMMAND" remove 0 --control "$FOLDER/run/control"
"$COMMAND" insert 0 --control "$FOLDER/run/control"
kill $serve
wait $serve
basename "$FOLDER"/state/*.toml
"""


def serve_in_sandbox(command, unit, folder, link):
    # What the unit starts, with the folders that a service manager would make.
    words = settings(unit)["ExecStart"][0].split()
    given = {"--connect": link, "--state": f"{folder}/state", "--control": f"{folder}/run/control", "--card": "piv"}
    for option, value in given.items():
        words[words.index(option) + 1] = value
    enter_sandbox(unit, [f"{folder}/state", f"{folder}/run"])
    os.execv(command, [command, *words[1:]])


def main(command, unit):
    if shutil.which("systemd-analyze") is None:
        print("skipped: no systemd-analyze here (apt-get install systemd)")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        copy = f"{folder}/cardlatch.service"
        text = open(unit, encoding="utf-8").read()
        installed = re.search(r"^ExecStart=(\S+)", text, re.M).group(1)
        with open(copy, "w", encoding="utf-8") as file:
            file.write(text.replace(installed, command))
        subprocess.run(["systemd-analyze", "verify", "--man=no", copy], check=True)
        subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED}", copy],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        may_unshare = subprocess.run(["unshare", "--mount", "--net", "true"], stderr=subprocess.DEVNULL).returncode == 0
        if os.geteuid() != 0 or not may_unshare or os.uname().machine != "x86_64":
            print("skipped: the sandbox needs root with its powers, and is written for x86-64")
            return 0
        for name in ("state", "run"):
            os.mkdir(f"{folder}/{name}")
        status = subprocess.run(
            [command, "run", "--card", "none", "--", "sh", "-c", 'LINK=unix:$(dirname "$CARDLATCH_CONTROL")/link.0\nexport LINK\n' + CLIENT],
            env={**os.environ, "PYTHON": sys.executable, "SCRIPT": os.path.abspath(__file__), "COMMAND": command,
                 "UNIT": copy, "FOLDER": folder},
            stdout=subprocess.PIPE,
            text=True,
        )
        print(status.stdout, end="")
        return 0 if status.returncode == 0 and status.stdout == "0-piv.toml\n" else 1


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve_in_sandbox(*sys.argv[2:6])
    sys.exit(main(os.path.abspath(sys.argv[1]), sys.argv[2]))
