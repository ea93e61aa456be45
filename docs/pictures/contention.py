#!/usr/bin/env python3
"""Draws docs/pictures/contention.svg: who waits for a card and who holds it, from a real run.

    docs/pictures/contention.py BUILD-FOLDER

Four processes want one card on a private stack: once through winscard.h (pyscard), once through ISCard, whose LockSCard
stands in the library's queue. Both do the same: lock, five commands with 4 ms of their own work before each, unlock, 20 ms of
other work, four times. What is drawn is what the processes say of themselves, on one clock.
"""

import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve()
READER = 'Cardlatch Virtual Reader 00 00'
PROCESSES = 'ABCD'
ROUNDS, STEPS = 4, 5


def plain_client(name, go):
    """A client of winscard.h that prints the same lines as tests/examples/demo/demo_client.cpp."""
    from smartcard import scard
    context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)[1]
    result, card, protocol = scard.SCardConnect(context, READER, scard.SCARD_SHARE_SHARED, scard.SCARD_PROTOCOL_ANY)
    assert result == scard.SCARD_S_SUCCESS, hex(result)

    def say(what):
        print(f'{time.clock_gettime(time.CLOCK_BOOTTIME):.4f} s {name}: {what}', flush=True)

    time.sleep(max(0, go - time.clock_gettime(time.CLOCK_BOOTTIME)))
    for _ in range(ROUNDS):
        say('LockSCard ...')
        assert scard.SCardBeginTransaction(card) == scard.SCARD_S_SUCCESS
        say('HOLDS')
        for _ in range(STEPS):
            time.sleep(0.004)
            scard.SCardTransmit(card, protocol, [0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00])
        scard.SCardEndTransaction(card, scard.SCARD_LEAVE_CARD)
        say('UnlockSCard')
        time.sleep(0.020)


def run_inside(build):
    """Inside a stack: four clients of each kind, one kind after the other; prints their lines."""
    for kind in ('plain', 'library'):
        go = time.clock_gettime(time.CLOCK_BOOTTIME) + 1
        environment = dict(os.environ, DEMO_GO=str(go))
        clients = []
        for number, name in enumerate(PROCESSES, 1):
            command = ([sys.executable, str(HERE), '--plain', name, str(go)] if kind == 'plain' else
                       [f'{build}/examples/demo_client', 'lock', name, str(number), READER, str(ROUNDS), str(STEPS)])
            clients.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
        for client in clients:
            for line in client.communicate()[0].splitlines():
                print(f'{kind} {go} {line}')
            assert client.returncode == 0


def spans(lines):
    """{kind: {process: [(state, begin, end)]}} in seconds from the start of the kind."""
    result = {'plain': {p: [] for p in PROCESSES}, 'library': {p: [] for p in PROCESSES}}
    open_since = {}
    for line in lines:
        match = re.match(r'(\w+) ([\d.]+) +([\d.]+) s +(\w): (LockSCard|HOLDS|UnlockSCard)', line)
        if not match:
            continue
        kind, go, when, process, what = match.groups()
        at = float(when) - float(go)
        if what != 'LockSCard':
            state = 'waits' if what == 'HOLDS' else 'holds'
            result[kind][process].append((state, open_since[kind, process], at))
        open_since[kind, process] = at
    return result


def draw(result):
    row, left, width, colours = 22, 90, 760, {'waits': '#d9d9d9', 'holds': '#1f77b4'}
    longest = max(end for kinds in result.values() for rows in kinds.values() for _, _, end in rows)
    titles = {'plain': 'winscard.h: SCardBeginTransaction', 'library': 'ISCard: LockSCard, with the queue'}
    out, y = [], 30
    for kind, rows in result.items():
        worst = max(end - begin for spans_ in rows.values() for state, begin, end in spans_ if state == 'waits')
        out.append(f'<text x="{left}" y="{y}" font-weight="bold">{titles[kind]}</text>'
                   f'<text x="{left + width}" y="{y}" text-anchor="end">longest wait {worst * 1000:.0f} ms</text>')
        y += 10
        for process, spans_ in rows.items():
            out.append(f'<text x="{left - 8}" y="{y + row - 8}" text-anchor="end">process {process}</text>')
            for state, begin, end in spans_:
                out.append(f'<rect x="{left + begin / longest * width:.1f}" y="{y}" height="{row - 6}" '
                           f'width="{max((end - begin) / longest * width, 0.6):.1f}" fill="{colours[state]}"/>')
            y += row
        y += 34
    for tick in range(int(longest * 10) + 1):
        x = left + tick / 10 / longest * width
        out.append(f'<text x="{x:.1f}" y="{y - 14}" text-anchor="middle" font-size="10">{tick * 100} ms</text>'
                   if tick % 2 == 0 else '')
    out.append(f'<rect x="{left}" y="{y}" width="12" height="12" fill="{colours["waits"]}"/><text x="{left + 18}" y="{y + 11}">'
               f'waits for the card</text><rect x="{left + 160}" y="{y}" width="12" height="12" fill="{colours["holds"]}"/>'
               f'<text x="{left + 178}" y="{y + 11}">holds it: five commands, 4 ms of work before each</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 20}" height="{y + 24}" '
            f'font-family="sans-serif" font-size="13">\n<rect width="100%" height="100%" fill="white"/>\n'
            + '\n'.join(filter(None, out)) + '\n</svg>\n')


def main():
    if sys.argv[1:2] == ['--plain']:
        plain_client(sys.argv[2], float(sys.argv[3]))
    elif sys.argv[1:2] == ['--inside']:
        run_inside(sys.argv[2])
    elif len(sys.argv) == 2:
        build = str(pathlib.Path(sys.argv[1]).resolve())
        output = subprocess.run([f'{build}/bin/cardlatch', 'run', '--', sys.executable, str(HERE), '--inside', build],
                                stdout=subprocess.PIPE, text=True, check=True).stdout
        HERE.with_name('contention.svg').write_text(draw(spans(output.splitlines())))
    else:
        sys.exit(__doc__)


main()
