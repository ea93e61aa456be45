#!/usr/bin/env python3
"""Runs the shell examples of README.md and docs/, and follows the links between the pages.

A block between ```sh and ``` is run by `sh -eu` in a folder of its page's own, with the build's `cardlatch` first in PATH, in
the order of the page, and has to exit 0. A block ```text right behind it holds lines that have to be in its output. What cannot
be run here has `<!-- not run: REASON -->` on the line before; those are listed. An indented line that looks like a command would
escape all this and is a mistake.

usage: run_examples.py CARDLATCH [PAGE...]
"""
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
STAND_INS = pathlib.Path(__file__).resolve().parent / "stand-ins"
# Nothing here takes long; a sanitizer's build on a busy machine does.
DEADLINE_S = 120
LOOKS_LIKE_A_COMMAND = re.compile(r"^    (\$ |(sudo|apt-get|docker|podman|git|cmake|pip|\./dev) |cardlatch (?!0\.))")


@dataclasses.dataclass
class Example:
    page: str
    line: int
    script: str = ""
    output: list = dataclasses.field(default_factory=list)
    reason: str = ""


def read_examples(page):
    """The examples of a page, and its mistakes."""
    examples, mistakes = [], []
    fence, reason, behind = None, "", False
    for number, line in enumerate((ROOT / page).read_text(encoding="utf-8").splitlines(), 1):
        where = f"{page}:{number}"
        if fence is not None:
            if line.startswith("```"):
                fence = None
            elif fence == "sh":
                examples[-1].script += line + "\n"
            elif fence == "text" and behind:
                examples[-1].output.append(line)
        elif line.startswith("```"):
            fence = line[3:].strip()
            if fence in ("shell", "bash", "console"):
                mistakes.append(f"{where}: examples are ```sh")
            if fence == "sh":
                examples.append(Example(page, number, reason=reason))
                behind = True
            elif fence != "text":
                behind = False
            reason = ""
        elif match := re.fullmatch(r"<!-- not run: (.+) -->", line):
            reason = match[1]
        elif line.strip():
            behind, reason = False, ""
            if LOOKS_LIKE_A_COMMAND.match(line):
                mistakes.append(f"{where}: an indented command is not run; put it between ```sh and ```")
    return examples, mistakes


def headings(file):
    """The anchors of a page, made as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken_links(page):
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"`[^`]*`", "", text)
    broken = []
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text):
        file = (ROOT / page).parent / target if target else ROOT / page
        if not file.exists() or (anchor and anchor not in headings(file)):
            broken.append(f"{page}: the link to {target}{'#' if anchor else ''}{anchor} leads nowhere")
    return broken


def run_page(examples, path):
    """Runs a page's examples one after the other. Returns the failures."""
    failures = []
    with tempfile.TemporaryDirectory(prefix="cardlatch-docs-") as folder:
        # The programs that a page calls the reader's own, and the clone that it is read in.
        for program in STAND_INS.iterdir():
            shutil.copy(program, folder)
        for name in ("emulator", "tests"):
            os.symlink(ROOT / name, os.path.join(folder, name))
        environment = {**os.environ, "PATH": f"{path}:{folder}:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": folder}
        for name in ("PCSCLITE_CSOCK_NAME", "CARDLATCH_CONTROL"):
            environment.pop(name, None)
        for example in examples:
            where = f"{example.page}:{example.line}"
            try:
                done = subprocess.run(["sh", "-eu", "-c", example.script], cwd=folder, env=environment, text=True,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      timeout=DEADLINE_S, check=False, errors="replace")
            except subprocess.TimeoutExpired:
                failures.append(f"{where}: no end within {DEADLINE_S} s")
                continue
            if done.returncode != 0:
                failures.append(f"{where}: exit status {done.returncode}\n{example.script}{done.stdout}{done.stderr}")
            printed = [line.rstrip() for line in done.stdout.splitlines()]
            failures += [f"{where}: \"{line}\" is not in its output:\n{done.stdout}"
                         for line in example.output if line.strip() and line.rstrip() not in printed]
    return failures


def main():
    command = pathlib.Path(sys.argv[1]).resolve()
    pages = sys.argv[2:] or ["README.md"] + sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))
    failures, to_run, left_out = [], [], []
    for page in pages:
        examples, mistakes = read_examples(page)
        failures += mistakes + broken_links(page)
        left_out += [example for example in examples if example.reason]
        to_run.append([example for example in examples if not example.reason])
    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
        for result in pool.map(lambda page: run_page(page, command.parent), filter(None, to_run)):
            failures += result
    for example in left_out:
        print(f"not run: {example.page}:{example.line}: {example.reason}")
    count = sum(map(len, to_run))
    print(f"{count} examples run, {len(left_out)} not run, {len(failures)} failures")
    for failure in failures:
        print(failure, file=sys.stderr)
    if count == 0:
        print("no examples found", file=sys.stderr)
    return 1 if failures or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
