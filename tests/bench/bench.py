#!/usr/bin/env python3
"""Measures Cardlatch against pcscd's floor and stock vpcd. Run it as `./dev bench`; docs/benchmarks/README.md
explains it.

Nothing here passes or fails: machines are shared and noisy, so what is compared runs in turns and is told as
medians and as ratios within a round.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAIN_PEER = ROOT / "tests" / "support" / "plain_vpcd_card.py"
CARD = "filecard"
POLL_PERIOD_S = 0.4  # pcscd's, for drivers that offer no event
STACKS_AT_ONCE = 12
STACKS_IN_CROWD = 50
LOCK_PROCESSES = (4, 16)
LOCK_HOLDS_MS = (0, 1, 5)
MIXED_PROCESSES = 4  # every other one a plain client
MIXED_TIMES = 5  # longer than the others, because plain clients lock in bursts
SECTIONS = ("transmit", "insert", "start", "locks", "card")

# A slow stack gets fewer APDUs per round: an ordinary peer on stock vpcd takes some 40 ms for each.
FULL = {"rounds": 40, "apdus": 500, "slow_apdus": 6, "warm_up": 50, "slow_warm_up": 3, "inserts": 50,
        "starts": 20, "crowds": 5, "lock_rounds": 3, "lock_ms": 2000, "card_rounds": 31}
QUICK = {**FULL, "rounds": 8, "inserts": 8, "starts": 5, "crowds": 1, "lock_rounds": 1, "lock_ms": 700, "card_rounds": 7}


class BenchError(Exception):
    """What stops the run, in words for the user."""


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Stack:
    """A private stack with a stopwatch (stopwatch.cpp) in it, which answers orders while this is open."""

    def __init__(self, name, command, stopwatch):
        self.name = name
        self._process = subprocess.Popen([*command, "--", stopwatch], text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def order(self, text):
        with contextlib.suppress(BrokenPipeError):  # if it ended, the answer or its standard error says why
            self._process.stdin.write(text + "\n")
            self._process.stdin.flush()

    def answer(self):
        line = self._process.stdout.readline()
        if not line:
            raise BenchError(f"{self.name}: the stack ended")
        answer = json.loads(line)
        if "error" in answer:
            raise BenchError(f"{self.name}: {answer['error']}")
        return answer

    def ask(self, text):
        self.order(text)
        return self.answer()

    def measure(self, text):
        """The times that an order yields, in seconds."""
        return [ns / 1e9 for ns in self.ask(text)["ns"]]


class Bench:
    """How each kind of stack is started from one build."""

    def __init__(self, build):
        self.cardlatch = str(build / "bin" / "cardlatch")
        self.stopwatch = str(build / "bench" / "bench_stopwatch")
        self.null_stack = [str(build / "bench" / "bench_null_stack"), str(build / "bench" / "libifdnull.so")]
        self.contention = str(build / "bench" / "bench_contention")
        self.card_speed = str(build / "bench" / "bench_card_speed")
        for program in (self.cardlatch, self.stopwatch, self.contention, self.card_speed, *self.null_stack):
            if not os.path.exists(program):
                raise BenchError(f"{program} is missing; build with -DCARDLATCH_BENCH=ON, or run ./dev bench")

    def run(self, driver, card=CARD):
        return [self.cardlatch, "run", "--driver", driver, "--card", card]

    def null(self):
        return Stack("null driver", self.null_stack, self.stopwatch)

    def ours(self, name="our driver, our card"):
        return Stack(name, self.run("cardlatch"), self.stopwatch)

    def hosted(self):
        return Stack("our driver hosts our card", [*self.run("cardlatch"), "--host", "driver"], self.stopwatch)

    def contended(self):
        return Stack("our driver, our card", self.run("cardlatch"), self.contention)

    def stock(self):
        return Stack("stock vpcd, our card", self.run("vpcd"), self.stopwatch)

    @contextlib.contextmanager
    def with_plain_peer(self, name, driver):
        with Stack(name, self.run(driver, "none"), self.stopwatch) as stack:
            link = stack.ask("link")["link"]
            where = (["--unix", link.removeprefix("unix:")] if link.startswith("unix:")
                     else ["--connect", link.removeprefix("vpcd://")])
            peer = subprocess.Popen([sys.executable, str(PLAIN_PEER), *where])
            try:
                yield stack
            finally:
                peer.terminate()
                peer.wait()


def percentile(values, percent):
    """The nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def summary(times):
    return {"n": len(times), "min": min(times), "p50": statistics.median(times), "p99": percentile(times, 99),
            "max": max(times)}


def ratio(rounds, above, below):
    """How much slower `above` is than `below`, by the medians of their rounds.

    The median of what each round says, so that a slow spell of the machine weighs on both sides alike; and
    what their quietest rounds say, because a busy machine delays the side with more switches more.
    """
    return {"median": statistics.median(a / b for a, b in zip(rounds[above], rounds[below])),
            "quietest": min(rounds[above]) / min(rounds[below])}


@contextlib.contextmanager
def on_one_cpu():
    """Keeps what is started meanwhile on the last CPU: the first one often serves the interrupts."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def bench_transmit(bench, options, where):
    """One APDU's round trip in stacks that live side by side and take turns."""
    with contextlib.ExitStack() as open_stacks:
        ours_plain = bench.with_plain_peer("our driver, plain peer", "cardlatch")
        stock_plain = bench.with_plain_peer("stock vpcd, plain peer", "vpcd")
        turns = [
            ("null", open_stacks.enter_context(bench.null()), False),
            ("hosted", open_stacks.enter_context(bench.hosted()), False),
            ("ours", open_stacks.enter_context(bench.ours()), False),
            ("ours_plain", open_stacks.enter_context(ours_plain), False),
            ("stock", open_stacks.enter_context(bench.stock()), False),
            ("stock_plain", open_stacks.enter_context(stock_plain), True),
        ]
        times = {key: [] for key, _, _ in turns}
        rounds = {key: [] for key, _, _ in turns}
        for number in range(options["rounds"]):
            say(f"APDU round trips {where}: round {number + 1} of {options['rounds']}")
            start = number % len(turns)  # nobody always follows the same neighbour's start of a round
            for key, stack, slow in turns[start:] + turns[:start]:
                prefix = "slow_" if slow else ""
                sample = stack.measure(f"transmit {options[prefix + 'warm_up']} {options[prefix + 'apdus']}")
                times[key] += sample
                rounds[key].append(statistics.median(sample))
        return {
            "seconds": {key: {"name": stack.name, **summary(times[key])} for key, stack, _ in turns},
            "round_medians": rounds,
            "ratios": {
                f"{above} / {below}": ratio(rounds, above, below)
                for above, below in (("hosted", "null"), ("ours", "null"), ("stock", "null"), ("ours", "stock"),
                                     ("stock_plain", "stock"), ("stock_plain", "ours_plain"))
            },
        }


def bench_insert(bench, options):
    """From an insertion's start to the client's event, with both drivers in turns."""
    with bench.ours() as ours, bench.stock() as stock:
        times = {"ours": [], "stock": []}
        for number in range(options["inserts"]):
            if number % 10 == 0:
                say(f"insertions: {number + 1} of {options['inserts']}")
            for key, stack in (("ours", ours), ("stock", stock)):
                pause = 0.05 + random.uniform(0, POLL_PERIOD_S)
                times[key] += stack.measure(f"insert {pause * 1e6:.0f}")
        return {
            "seconds": {"ours": {"name": ours.name, **summary(times["ours"])},
                        "stock": {"name": stock.name, **summary(times["stock"])}},
            "ratios": {"stock / ours": statistics.median(times["stock"]) / statistics.median(times["ours"])},
        }


def bench_cold_start(bench, options):
    """The whole of `cardlatch run -- true`: start, card seen, command, everything taken down."""
    say(f"cold starts: {options['starts']} of each driver")
    commands = {"piv": bench.run("cardlatch", "piv"), "ours": bench.run("cardlatch"), "stock": bench.run("vpcd")}
    times = {key: [] for key in commands}
    for _ in range(options["starts"]):
        for key, command in commands.items():
            start = time.monotonic()
            subprocess.run([*command, "--", "true"], check=True)
            times[key].append(time.monotonic() - start)
    return {"seconds": {"piv": {"name": "our driver, PIV card", **summary(times["piv"])},
                        "ours": {"name": "our driver, file card", **summary(times["ours"])},
                        "stock": {"name": "stock vpcd, file card", **summary(times["stock"])}}}


def bench_crowd(bench, options):
    """Many stacks that are started at the same time: until the last one is up, and until all are gone again."""
    up, gone = [], []
    for _ in range(options["crowds"]):
        say(f"{STACKS_IN_CROWD} stacks started at once")
        command = [*bench.run("cardlatch", "piv"), "--", "sh", "-c", "echo up; read line"]
        start = time.monotonic()
        crowd = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                 for _ in range(STACKS_IN_CROWD)]
        if any(one.stdout.readline() != "up\n" for one in crowd):
            raise BenchError("a stack of many did not start")
        middle = time.monotonic()
        for one in crowd:
            one.stdin.close()
        for one in crowd:
            one.wait()
            one.stdout.close()
        up.append(middle - start)
        gone.append(time.monotonic() - middle)
    return {"stacks": STACKS_IN_CROWD, "seconds": {"up": {"name": "until all are up", **summary(up)},
                                                   "gone": {"name": "until all are gone", **summary(gone)}}}


def bench_at_once(bench, options):
    """Many stacks: the time until all have answered an APDU; then one that works while the others idle, then all."""
    say(f"{STACKS_AT_ONCE} stacks at once")
    work = f"transmit {options['warm_up']} {options['apdus']}"
    with contextlib.ExitStack() as open_stacks:
        start = time.monotonic()
        stacks = [open_stacks.enter_context(bench.ours(f"stack {i + 1}")) for i in range(STACKS_AT_ONCE)]
        for stack in stacks:
            stack.order("transmit 0 1")
        for stack in stacks:
            stack.answer()
        ready = time.monotonic() - start
        one = summary(stacks[0].measure(work))
        for stack in stacks:
            stack.order(work)
        every = summary([ns / 1e9 for stack in stacks for ns in stack.answer()["ns"]])
    return {"stacks": STACKS_AT_ONCE, "all_answered_after": ready,
            "seconds": {"one": {"name": "one works, the others idle", **one},
                        "all": {"name": "all work", **every}}}


def jain(shares):
    """Jain's index of fairness: 1 when all shares are equal, 1/n when one has everything."""
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares)) if any(shares) else 0.0


def bench_locks(bench, options):
    """Processes that want one card: this library's users and plain ones in turns, in the same stack."""
    cases = []
    with bench.contended() as stack:
        for processes in LOCK_PROCESSES:
            for hold_ms in LOCK_HOLDS_MS:
                say(f"contended locks: {processes} processes, held for {hold_ms} ms")
                kinds = {kind: {"per_s": [], "jain": [], "longest": 0.0, "hand_offs": []}
                         for kind in ("library", "plain")}
                for _ in range(options["lock_rounds"]):
                    for kind, sums in kinds.items():
                        answer = stack.ask(f"contend {kind} {processes} {hold_ms * 1000} {options['lock_ms']}")
                        sums["per_s"].append(sum(answer["locks"]) / options["lock_ms"] * 1000)
                        sums["jain"].append(jain(answer["locks"]))
                        sums["longest"] = max(sums["longest"], max(answer["longest_wait_ns"]) / 1e9)
                        sums["hand_offs"] += [ns / 1e9 for ns in answer["hand_off_ns"]]
                case = {"processes": processes, "hold": hold_ms / 1e3}
                for kind, sums in kinds.items():
                    case[kind] = {"per_s": statistics.median(sums["per_s"]), "jain": min(sums["jain"]),
                                  "longest_wait": sums["longest"],
                                  "hand_off": summary(sums["hand_offs"]) if sums["hand_offs"] else None}
                case["throughput_ratio"] = statistics.median(
                    a / b for a, b in zip(kinds["library"]["per_s"], kinds["plain"]["per_s"]))
                cases.append(case)
    return cases


def bench_mixed_locks(bench, options):
    """Library users and plain ones at once: how they share, and how long each kind waits."""
    cases = []
    with bench.contended() as stack:
        for hold_ms in LOCK_HOLDS_MS:
            say(f"contended locks: {MIXED_PROCESSES} processes of both kinds at once, held for {hold_ms} ms")
            kinds = {kind: {"locks": 0, "fewest": [], "longest_wait": 0.0} for kind in ("library", "plain")}
            milliseconds = options["lock_ms"] * MIXED_TIMES
            for _ in range(options["lock_rounds"]):
                answer = stack.ask(f"contend mixed {MIXED_PROCESSES} {hold_ms * 1000} {milliseconds}")
                for kind, first in (("library", 0), ("plain", 1)):
                    locks = answer["locks"][first::2]
                    kinds[kind]["locks"] += sum(locks)
                    kinds[kind]["fewest"].append(min(locks))
                    kinds[kind]["longest_wait"] = max(kinds[kind]["longest_wait"],
                                                      max(answer["longest_wait_ns"][first::2]) / 1e9)
            locks = sum(side["locks"] for side in kinds.values())
            cases.append({"processes": MIXED_PROCESSES, "hold": hold_ms / 1e3, "seconds": milliseconds / 1e3,
                          **{kind: {"share": side["locks"] / locks if locks else 0.0, "fewest": min(side["fewest"]),
                                    "longest_wait": side["longest_wait"]} for kind, side in kinds.items()}})
    return cases


def report_mixed_locks(cases):
    print(f"\n{MIXED_PROCESSES} processes at once, every other one a plain one; `fewest` is the locks of who had the fewest in "
          f"{cases[0]['seconds']:.0f} s\n")
    print(f"  {'hold':18}{'':9}{'share':>10}{'fewest':>10}{'longest wait ms':>17}")
    for case in cases:
        for kind in ("library", "plain"):
            side = case[kind]
            title = f"{case['hold'] * 1e3:.0f} ms" if kind == "library" else ""
            print(f"  {title:18}{kind:9}{side['share']:10.0%}{side['fewest']:10,}{side['longest_wait'] * 1e3:17,.1f}")


def report_locks(cases):
    print("\nContended locks: this library's users (Card::lock) beside plain ones (SCardBeginTransaction)\n")
    print(f"  {'processes, hold':18}{'':9}{'hand-off p50':>14}{'p99 us':>12}{'longest wait ms':>17}{'aim':>7}"
          f"{'Jain':>8}{'locks/s':>10}{'ratio':>7}")
    for case in cases:
        for kind in ("library", "plain"):
            side = case[kind]
            ours = kind == "library"
            title = f"{case['processes']:2}, {case['hold'] * 1e3:.0f} ms" if ours else ""
            hand_off = ("".join(f"{side['hand_off'][which] * 1e6:{width},.0f}"
                                for which, width in (("p50", 14), ("p99", 12)))
                        if side["hand_off"] else f"{'none seen':>26}")
            aim = f"{3e3 * case['processes'] * case['hold'] + 15:7,.0f}" if ours else " " * 7
            ratio_text = f"{case['throughput_ratio']:7.2f}" if ours else ""
            print(f"  {title:18}{kind:9}{hand_off}{side['longest_wait'] * 1e3:17,.1f}{aim}{side['jain']:8.4f}"
                  f"{side['per_s']:10,.0f}{ratio_text}")


def bench_card(bench, options):
    """Cards in one process, without reader or socket; OpenSSL's signatures beside theirs."""
    say(f"cards by themselves: {options['card_rounds']} rounds")
    command = [bench.card_speed, str(ROOT / "fixtures"), str(options["card_rounds"])]
    said = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    rounds = {key: one["rounds"] for key, one in said.items()}
    return {
        "seconds": {key: {"name": one["name"], **summary(one["rounds"])} for key, one in said.items()},
        "round_medians": rounds,
        "per_second": {key: 1 / statistics.median(rounds[key]) for key in rounds},
        "ratios": {f"{above} / {below}": ratio(rounds, above, below)
                   for above, below in (("rsa_card", "rsa_openssl"), ("ec_card", "ec_openssl"))},
    }


def report_card(card):
    print_table("Cards by themselves, in one process (medians of rounds)", card["seconds"], "us", 1e6)
    print(f"\n  {'Commands a second':40}{'median':>12}")
    for key in ("select", "read_binary", "get_data"):
        print(f"  {card['seconds'][key]['name']:40}{card['per_second'][key]:12,.0f}")
    print(f"\n  {'Ratios of the turns':40}{'median':>12}{'quietest':>12}")
    for key, text in (("rsa_card / rsa_openssl", "RSA 2048, PIV card : OpenSSL"),
                      ("ec_card / ec_openssl", "P-256, PIV card : OpenSSL")):
        value = card["ratios"][key]
        print(f"  {text:40}{value['median']:12,.3f}{value['quietest']:12,.3f}")


def output_of(*command):
    """A command's first line, empty when it cannot say."""
    try:
        text = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return text.strip().partition("\n")[0]


def package_version(package):
    return output_of("dpkg-query", "-W", "-f", "${Version}", package)


def describe_machine():
    info = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    models = [line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
        "load_before": os.getloadavg()[0],
    }


def describe_versions(bench):
    return {
        "cardlatch": output_of(bench.cardlatch, "--version"),
        "commit": output_of("git", "describe", "--always", "--dirty", "--abbrev=10"),
        "pcscd": package_version("pcscd"),
        "vsmartcard-vpcd": package_version("vsmartcard-vpcd"),
        "python": platform.python_version(),
    }


def print_table(title, rows, unit, scale):
    """Rows of {"name", "n", "min", "p50", "p99"}."""
    print(f"\n{title}\n")
    print(f"  {'':28}{'p50 ' + unit:>12}{'p99 ' + unit:>12}{'min ' + unit:>12}{'n':>8}")
    for row in rows.values():
        figures = "".join(f"{row[which] * scale:12,.1f}" for which in ("p50", "p99", "min"))
        print(f"  {row['name']:28}{figures}{row['n']:8}")


def report_transmit(where, transmit):
    print_table(f"One APDU's round trip (SCardTransmit, SELECT MF), {where}", transmit["seconds"], "us", 1e6)
    print(f"\n  {'Ratios of the turns':40}{'median':>12}{'quietest':>12}")
    for key, text, aim in (("hosted / null", "our driver hosts our card : floor", "at most 1.3"),
                           ("ours / null", "our driver : floor", "at most 1.3"),
                           ("ours / stock", "our driver : stock vpcd, our card", "at most 1"),
                           ("stock / null", "stock vpcd, our card : floor", ""),
                           ("stock_plain / stock", "stock vpcd, plain peer : our card", "at least 100"),
                           ("stock_plain / ours_plain", "plain peer, stock vpcd : our driver", "")):
        value = transmit["ratios"][key]
        print(f"  {text:40}{value['median']:12,.2f}{value['quietest']:12,.2f}{aim and '   aim: ' + aim}")


def report(results):
    machine, versions = results["machine"], results["versions"]
    print(f"{versions['cardlatch']} ({versions['commit']}), pcscd {versions['pcscd']}, "
          f"vsmartcard-vpcd {versions['vsmartcard-vpcd']}")
    print(f"{machine['cpu']}, {machine['cores']} cores, {machine['kernel']}; "
          f"load {machine['load_before']:.1f} before, {machine['load_after']:.1f} after")

    if "transmit" in results:
        report_transmit("each stack kept on one CPU", results["transmit_one_cpu"])
        report_transmit("left to the scheduler", results["transmit"])
    if "insert" in results:
        insert = results["insert"]
        print_table("Insertion to SCardGetStatusChange", insert["seconds"], "ms", 1e3)
        print(f"\n  Ratio of the medians, stock vpcd : our driver {insert['ratios']['stock / ours']:,.0f}")
    if "cold_start" in results:
        print_table("Cold start and end (cardlatch run --card ... -- true); aim for the PIV card: at most 100 ms",
                    results["cold_start"]["seconds"], "ms", 1e3)
        crowd = results["crowd"]
        print_table(f"{crowd['stacks']} stacks with a PIV card, started at once; aim: up within 2,000 ms",
                    crowd["seconds"], "ms", 1e3)
        at_once = results["at_once"]
        print_table(f"{at_once['stacks']} stacks at once, one APDU's round trip (all had answered one after "
                    f"{at_once['all_answered_after']:.2f} s)", at_once["seconds"], "us", 1e6)
    if "locks" in results:
        report_locks(results["locks"])
        report_mixed_locks(results["mixed_locks"])
    if "card" in results:
        report_card(results["card"])


def main():
    parser = argparse.ArgumentParser(prog="./dev bench",
                                     description="Measure Cardlatch beside pcscd's floor and stock vpcd.")
    parser.add_argument("--build", metavar="DIR", type=pathlib.Path, required=True,
                        help="build tree (./dev bench gives it)")
    parser.add_argument("--quick", action="store_true", help="a short run of some 25 seconds: rough figures")
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path,
                        help="write everything there as JSON, times in seconds")
    parser.add_argument("--rounds", metavar="N", type=int,
                        help=f"rounds of APDUs (default: {FULL['rounds']})")
    parser.add_argument("--inserts", metavar="N", type=int, help=f"insertions (default: {FULL['inserts']})")
    parser.add_argument("--only", metavar="SECTION", choices=SECTIONS, action="append",
                        help=f"measure this alone; may be given several times: {', '.join(SECTIONS)}")
    arguments = parser.parse_args()
    sections = arguments.only or SECTIONS
    options = dict(QUICK if arguments.quick else FULL)
    for name in ("rounds", "inserts"):
        if getattr(arguments, name) is not None:
            options[name] = max(1, getattr(arguments, name))
    try:
        bench = Bench(arguments.build.resolve())
        results = {"when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
                   "machine": describe_machine(), "versions": describe_versions(bench), "parameters": options}
        if "transmit" in sections:
            with on_one_cpu():
                results["transmit_one_cpu"] = bench_transmit(bench, options, "on one CPU")
            results["transmit"] = bench_transmit(bench, options, "on any CPU")
        if "insert" in sections:
            results["insert"] = bench_insert(bench, options)
        if "start" in sections:
            results["cold_start"] = bench_cold_start(bench, options)
            results["crowd"] = bench_crowd(bench, options)
            results["at_once"] = bench_at_once(bench, options)
        if "locks" in sections:
            results["locks"] = bench_locks(bench, options)
            results["mixed_locks"] = bench_mixed_locks(bench, options)
        if "card" in sections:
            results["card"] = bench_card(bench, options)
        results["machine"]["load_after"] = os.getloadavg()[0]
        report(results)
        if arguments.json:
            arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
            say(f"wrote {arguments.json}")
    except (BenchError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
