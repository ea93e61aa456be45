#!/usr/bin/python3
"""Draws the pictures of docs/locking.md, each from a real run: who waits for a card and who holds it.

    docs/pictures/contention.py BUILD-FOLDER

The clients call winscard.h (pyscard), or ISCard, whose LockSCard stands in the library's queue. What is drawn is what the
processes say of themselves, on one clock.

contention.svg: four processes on a private stack, first of the one kind, then of the other. Each locks, sends five commands with
4 ms of its own work before each, unlocks, does 20 ms of other work, four times.

death.svg: process A locks and is killed 300 ms later, while three others wait, each for one such lock.
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
KINDS = ('plain', 'library')
SCENES = ('contention', 'death')
ROUNDS, STEPS = 4, 5


def plain_client(mode, name, go, rounds):
    """A client of winscard.h that prints the same lines as tests/examples/demo/demo_client.cpp."""
    from smartcard import scard
    context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)[1]
    result, card, protocol = scard.SCardConnect(context, READER, scard.SCARD_SHARE_SHARED, scard.SCARD_PROTOCOL_ANY)
    assert result == scard.SCARD_S_SUCCESS, hex(result)

    def say(what):
        print(f'{time.clock_gettime(time.CLOCK_BOOTTIME):.4f} s {name}: {what}', flush=True)

    def begin():
        say('LockSCard ...')
        result = scard.SCardBeginTransaction(card)
        while result == scard.SCARD_W_RESET_CARD:
            scard.SCardReconnect(card, scard.SCARD_SHARE_SHARED, scard.SCARD_PROTOCOL_ANY, scard.SCARD_LEAVE_CARD)
            result = scard.SCardBeginTransaction(card)
        assert result == scard.SCARD_S_SUCCESS, hex(result)
        say('HOLDS')

    time.sleep(max(0, go - time.clock_gettime(time.CLOCK_BOOTTIME)))
    for _ in range(rounds):
        begin()
        while mode == 'hold':
            time.sleep(1)
        for _ in range(STEPS):
            time.sleep(0.004)
            scard.SCardTransmit(card, protocol, [0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00])
        scard.SCardEndTransaction(card, scard.SCARD_LEAVE_CARD)
        say('UnlockSCard')
        time.sleep(0.020)


def start(build, kind, mode, name, go, rounds):
    """A client that begins at `go`; its lines come on its standard output."""
    command = ([sys.executable, str(HERE), '--plain', mode, name, str(go), str(rounds)] if kind == 'plain' else
               [f'{build}/examples/demo_client', mode, name, str(PROCESSES.index(name) + 1), READER, str(rounds), str(STEPS)])
    return subprocess.Popen(command, env=dict(os.environ, DEMO_GO=str(go)), stdout=subprocess.PIPE, text=True)


def run_inside(build):
    """Inside a stack: both scenes with each kind of client; prints their lines."""
    for scene in SCENES:
        for kind in KINDS:
            go = time.clock_gettime(time.CLOCK_BOOTTIME) + 1
            if scene == 'contention':
                clients = [start(build, kind, 'lock', name, go, ROUNDS) for name in PROCESSES]
            else:
                clients = [start(build, kind, 'hold', 'A', go, 1)]
                clients += [start(build, kind, 'lock', name, go + 0.05, 1) for name in PROCESSES[1:]]
                time.sleep(go + 0.3 - time.clock_gettime(time.CLOCK_BOOTTIME))
                killed = time.clock_gettime(time.CLOCK_BOOTTIME)
                clients[0].kill()
                print(f'{scene} {kind} {go} {killed:.4f} s A: KILLED')
            for client in clients:
                for line in client.communicate()[0].splitlines():
                    print(f'{scene} {kind} {go} {line}')
                assert client.returncode in (0, -9)


def spans(lines, scene):
    """{kind: {process: [(state, begin, end)]}} in seconds from the start of the kind."""
    result = {kind: {p: [] for p in PROCESSES} for kind in KINDS}
    events = []
    for line in lines:
        match = re.match(scene + r' (\w+) ([\d.]+) +([\d.]+) s +(\w): (LockSCard|HOLDS|UnlockSCard|KILLED)', line)
        if match:
            kind, go, when, process, what = match.groups()
            events.append((kind, float(when) - float(go), process, what))
    now = {}  # (kind, process): what it does, and since when
    for kind, at, process, what in sorted(events, key=lambda event: event[1]):
        state, since = now.pop((kind, process), (None, at))
        if state:
            result[kind][process].append((state, since, at))
        if what in ('LockSCard', 'HOLDS'):
            now[kind, process] = ('waits' if what == 'LockSCard' else 'holds', at)
        if what == 'KILLED':
            result[kind][process].append(('killed', at, at))
    return result


def draw(result):
    row, left, width = 22, 90, 760
    colours = {'waits': '#d9d9d9', 'holds': '#1f77b4', 'killed': '#d62728'}
    longest = max(end for kinds in result.values() for rows in kinds.values() for _, _, end in rows)
    titles = {'plain': 'winscard.h: SCardBeginTransaction', 'library': 'ISCard: LockSCard, with the queue'}
    out, y = [], 30
    for kind, rows in result.items():
        kill = next((begin for spans_ in rows.values() for state, begin, _ in spans_ if state == 'killed'), None)
        waits = [(begin, end) for spans_ in rows.values() for state, begin, end in spans_ if state == 'waits']
        if kill is None:
            note = f'longest wait {max(end - begin for begin, end in waits) * 1000:.0f} ms'
        else:
            ends = sorted(end - kill for _, end in waits if end > kill)
            note = 'lock after the kill: ' + ', '.join(f'{end * 1000:.0f}' for end in ends) + ' ms'
        out.append(f'<text x="{left}" y="{y}" font-weight="bold">{titles[kind]}</text>'
                   f'<text x="{left + width}" y="{y}" text-anchor="end">{note}</text>')
        y += 10
        for process, spans_ in rows.items():
            out.append(f'<text x="{left - 8}" y="{y + row - 8}" text-anchor="end">process {process}</text>')
            for state, begin, end in spans_:
                least = 3 if state == 'killed' else 0.6
                out.append(f'<rect x="{left + begin / longest * width:.1f}" y="{y}" height="{row - 6}" '
                           f'width="{max((end - begin) / longest * width, least):.1f}" fill="{colours[state]}"/>')
            y += row
        y += 34
    for tick in range(int(longest * 10) + 1):
        x = left + tick / 10 / longest * width
        out.append(f'<text x="{x:.1f}" y="{y - 14}" text-anchor="middle" font-size="10">{tick * 100} ms</text>'
                   if tick % 2 == 0 else '')
    legend = {'waits': 'waits for the card', 'holds': 'holds it: five commands, 4 ms of work before each'}
    if any(state == 'killed' for rows in result.values() for spans_ in rows.values() for state, _, _ in spans_):
        legend['killed'] = 'is killed'
    x = left
    for state, text in legend.items():
        out.append(f'<rect x="{x}" y="{y}" width="12" height="12" fill="{colours[state]}"/>'
                   f'<text x="{x + 18}" y="{y + 11}">{text}</text>')
        x += 160 if state == 'waits' else 380
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 20}" height="{y + 24}" '
            f'font-family="sans-serif" font-size="13">\n<rect width="100%" height="100%" fill="white"/>\n'
            + '\n'.join(filter(None, out)) + '\n</svg>\n')


def main():
    if sys.argv[1:2] == ['--plain']:
        plain_client(sys.argv[2], sys.argv[3], float(sys.argv[4]), int(sys.argv[5]))
    elif sys.argv[1:2] == ['--inside']:
        run_inside(sys.argv[2])
    elif len(sys.argv) == 2:
        build = str(pathlib.Path(sys.argv[1]).resolve())
        output = subprocess.run([f'{build}/bin/cardlatch', 'run', '--card', 'filecard', '--', sys.executable, str(HERE),
                                 '--inside', build], stdout=subprocess.PIPE, text=True, check=True).stdout
        for scene in SCENES:
            HERE.with_name(f'{scene}.svg').write_text(draw(spans(output.splitlines(), scene)))
    else:
        sys.exit(__doc__)


main()
