#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the benchmarks and writes JSON, a markdown table and an HTML report; see bench/README.md.

Allocators take turns: each round runs every workload once under every allocator, in an order that
is drawn anew for each workload and round, so that a machine that gets slower for a minute does so
for all of them, and none always follows the same other one.
"""

import argparse
import json
import os
import pathlib
import random
import re
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))

from charts.page import Missing  # noqa: E402
from lib import allocators, build, machine, markdown, measure, report, results, suite  # noqa: E402
from real import programs  # noqa: E402


class Progress:
    """A bar on a terminal, a line per row otherwise."""

    def __init__(self, total):
        self.total = total
        self.done = 0
        self.begin = time.monotonic()
        self.live = sys.stderr.isatty()
        self.last = ""

    def show(self, round_number, rounds, row, allocator):
        if not self.live:
            line = f"round {round_number}/{rounds}: {row}"
            if line != self.last:
                print(line, file=sys.stderr)
            self.last = line
            return
        elapsed = time.monotonic() - self.begin
        share = self.done / self.total
        left = f"{elapsed / share * (1 - share):4.0f} s left" if self.done else ""
        bar = ("█" * int(share * 30)).ljust(30, "░")
        text = f"{bar} {share:4.0%} round {round_number}/{rounds}  {row} · {allocator}  {left}"
        width = os.get_terminal_size(sys.stderr.fileno()).columns
        print(f"\r\x1b[K{text[:width - 1]}", end="", file=sys.stderr, flush=True)

    def step(self):
        self.done += 1

    def end(self):
        if self.live:
            print("\r\x1b[K", end="", file=sys.stderr)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("allocators", nargs="*", metavar="NAME=path.so", help="further allocators")
    parser.add_argument("--full", action="store_true", help="all workloads and real programs")
    parser.add_argument("--rounds", type=int, help="rounds (quick: 3, full: 7)")
    parser.add_argument("--scale", type=float, help="work of each workload (quick: 0.5, full: 1)")
    parser.add_argument("--only", metavar="REGEX", help="rows whose name or group matches")
    parser.add_argument("--alloc", metavar="A,B", help="only these allocators")
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME:VARIABLE=VALUE",
        help="an environment variable for one allocator; may be repeated",
    )
    parser.add_argument("--base", help="ratios are to this one (mimalloc3 if there, else glibc)")
    parser.add_argument("--no-peers", action="store_true", help="do not look for Debian's peers")
    parser.add_argument("--no-floor", action="store_true", help="without the floor")
    parser.add_argument("--no-real", action="store_true", help="without the real programs")
    parser.add_argument(
        "--warm",
        type=int,
        default=0,
        metavar="GIB",
        help="touch so much memory first: in a virtual machine, most of what is free",
    )
    parser.add_argument("--strace", action="store_true", help="one extra run: system calls by name")
    parser.add_argument("--out", default=str(build.BENCH / "results"), help="directory of reports")
    parser.add_argument("--name", default="latest", help="name of the reports")
    parser.add_argument(
        "--build-dir",
        default=str(build.ROOT / "build" / "bench"),
        help="directory of the compiled workloads",
    )
    parser.add_argument("--from", dest="source", metavar="JSON", help="only render these results")
    parser.add_argument("--list", action="store_true", help="print the rows and end")
    return parser.parse_args()


def choose_rows(options, directory):
    rows = [row for row in suite.ROWS if row.quick or options.full or options.only]
    if (options.full or options.only) and not options.no_real:
        rows += programs.rows(directory)
    if options.only:
        pattern = re.compile(options.only, re.IGNORECASE)
        rows = [row for row in rows if pattern.search(row.name) or pattern.search(row.group)]
    return rows


def run_all(data, rows, found, runner, options):
    plan = [(r, i, row) for r in range(options.rounds) for i, row in enumerate(rows)]
    names = list(found)
    progress = Progress(len(plan) * len(names))
    for round_index, index, row in plan:
        # An order of its own each time: who ran before decides how cheap fresh memory is.
        for name in random.Random(f"{round_index} {index}").sample(names, len(names)):
            progress.show(round_index + 1, options.rounds, row.name, name)
            progress.step()
            record = data["rows"][row.name]
            if name == "floor" and not row.floor or name in record["failures"]:
                continue
            try:
                result = runner.run(row, found[name], options.scale, options.settings.get(name))
            except measure.Failure as failure:
                record["failures"][name] = str(failure)
                continue
            if round_index > 0:
                result.pop("samples", None)
            record["runs"].setdefault(name, []).append(result)
    progress.end()


def drop_unfinished(data, found):
    """After an interruption: without the rows that not every allocator has run at least once."""
    for name, record in list(data["rows"].items()):
        seen = set(record["runs"]) | set(record["failures"]) | {"floor"}
        if not set(found) <= seen:
            del data["rows"][name]


def trace_all(data, rows, found, runner, options):
    """One more run of everything under strace; slow, so the reports are written before it too."""
    progress = Progress(len(rows) * len(found))
    for row in rows:
        calls = data["rows"][row.name].setdefault("calls", {})
        for name, path in found.items():
            progress.show("strace", 1, row.name, name)
            progress.step()
            if name == "floor" and not row.floor or name in data["rows"][row.name]["failures"]:
                continue
            counts = runner.system_calls(row, path, options.scale, options.settings.get(name))
            if counts is not None:
                calls[name] = counts
    progress.end()


def write(data, options, quiet=False):
    directory = pathlib.Path(options.out)
    directory.mkdir(parents=True, exist_ok=True)
    base = results.choose_base(data, options.base)
    text = markdown.render(data, base)
    files = {"json": json.dumps(data), "md": text}
    page = directory / f"{options.name}.html"
    try:
        files["html"] = report.render(data, base)
        last = f"report: {page}"
    except Missing as missing:
        page.unlink(missing_ok=True)  # an older one would be taken for this run's
        last = f"bench: no {page.name}, only the tables above: {missing}"
    for suffix, content in files.items():
        (directory / f"{options.name}.{suffix}").write_text(content, encoding="utf-8")
    if quiet:
        return
    print(text)
    print(f"\n{last}", file=sys.stderr)


def main():
    options = parse()
    options.rounds = options.rounds or (7 if options.full else 3)
    options.scale = options.scale or (1.0 if options.full else 0.5)
    directory = pathlib.Path(options.build_dir)
    if options.source:
        data = json.loads(pathlib.Path(options.source).read_text(encoding="utf-8"))
        write(data, options)
        return
    rows = choose_rows(options, directory)
    if options.list:
        for row in rows:
            print(f"{row.group:14} {row.name:18} {row.text}")
        return
    if not rows:
        sys.exit("bench: no row matches")
    build.workloads(directory)
    floor = None if options.no_floor else build.floor(directory)
    found = allocators.collect(options.allocators, build.ROOT, floor, not options.no_peers)
    if options.alloc:
        wanted = options.alloc.split(",")
        unknown = [name for name in wanted if name not in found]
        if unknown:
            sys.exit(
                f"bench: no such allocator: {', '.join(unknown)} (there is {', '.join(found)})"
            )
        found = {name: path for name, path in found.items() if name in wanted}
    runner = measure.Runner(directory, build.launcher(directory))
    options.settings = allocators.settings(options.env, found)
    data = results.new(
        machine.describe(), found, rows, options.rounds, options.scale, options.settings
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    machine.warm(options.warm)
    try:
        run_all(data, rows, found, runner, options)
    except KeyboardInterrupt:
        print("\nbench: interrupted; the report has what was measured", file=sys.stderr)
        options.strace = False
        drop_unfinished(data, found)
    write(data, options, quiet=options.strace)
    if options.strace:
        trace_all(data, rows, found, runner, options)
        write(data, options)
    for problem in results.problems(data):
        print(f"bench: {problem}", file=sys.stderr)
    if results.is_bad(data):
        sys.exit(1)


if __name__ == "__main__":
    main()
