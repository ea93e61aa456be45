#!/usr/bin/env python3
"""pcscd under valgrind, with our driver in it: what it does wrong, and what it leaves when it ends.

    valgrind_shutdown.py STRESS_READERS [--interrupt] [--verbose]

Clients use readers whose cards come and go; then pcscd is ended as a service manager does it (SIGTERM: it leaves at once), or, with
--interrupt, as Ctrl-C does it (SIGINT: it closes every reader and unloads the driver). Errors, and definite or possible leaks, in
which the driver has a part are failures. What pcscd does without it is counted, no more. Ends with 77 where there is no valgrind.

--interrupt is for a person: pcscd 1.9.9 takes its readers from its own clients' threads then, and does not always live to its end.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

WRAPPER = """#!/bin/sh
case "$*" in *--help*) exec /usr/sbin/pcscd "$@" ;; esac
exec valgrind --leak-check=full --show-leak-kinds=definite,possible --keep-debuginfo=yes --read-inline-info=no --fair-sched=yes \\
    --num-callers=40 --log-file="{folder}/valgrind.log" /usr/sbin/pcscd "$@"
"""


def run(stress, options):
    """One life of pcscd; returns valgrind's words."""
    with tempfile.TemporaryDirectory() as folder:
        wrapper = os.path.join(folder, "pcscd")
        with open(wrapper, "w") as f:
            f.write(WRAPPER.format(folder=folder))
        os.chmod(wrapper, 0o755)
        result = subprocess.run([stress, "--pcscd", wrapper, "--readers", "3", "--clients", "6", "--seconds", "8", *options], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=580)
        with open(os.path.join(folder, "valgrind.log"), errors="replace") as f:
            text = f.read()
        if result.returncode != 0 or "ERROR SUMMARY" not in text:
            sys.exit(f"{result.stdout}\n{text}\nthe clients ended with {result.returncode}")
        return text, result.stdout


def judge(text):
    """The errors and leaks with a part of ours, and how many there are without."""
    ours, others = [], 0
    for block in re.split(r"\n==\d+== *\n", text):
        if not re.search(r"(at|by) 0x", block):
            continue
        if "driver.so" in block or "ifdcardlatch" in block or "cardlatch::" in block:
            ours.append(block)
        else:
            others += 1
    return ours, others


def main():
    if shutil.which("valgrind") is None:
        print("SKIPPED: there is no valgrind here (apt-get install valgrind)")
        return 77
    failed = False
    for signal, options in [("SIGINT", ["--interrupt"])] if "--interrupt" in sys.argv else [("SIGTERM", [])]:
        started = time.monotonic()
        text, told = run(sys.argv[1], options)
        ours, others = judge(text)
        lost = re.search(r"definitely lost: (.*)", text)
        print(f"{signal}: {len(ours)} errors and leaks with the driver in them, {others} of pcscd alone; definitely lost in all: "
              f"{lost.group(1) if lost else 'nothing'} ({time.monotonic() - started:.0f} s)\n  {told.splitlines()[0]}")
        for block in ours:
            print(block)
        if "--verbose" in sys.argv:
            print(text)
        failed = failed or bool(ours)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
