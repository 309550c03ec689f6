#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the instructions of the single-thread workloads and compares them with a stored budget.

  bench/instructions.py [librimalloc.so]            fails when a workload needs 1 % more than stored
  bench/instructions.py --update [librimalloc.so]   stores what is counted now
  bench/instructions.py --with NAME=path.so ...     also counts others, for comparison

Time on a shared machine is noise; instructions under valgrind's callgrind are not, so CI can rely
on them. Only the functions bench_work* of each workload are counted, with all that they call.
Callgrind replaces nothing: malloc is the preloaded one. Two things could still make counts differ,
and are taken away: memory is never purged by the clock (RIMALLOC_PURGE_DELAY=-1), and the
environment is empty.

The budget belongs to a compiler: another version inlines differently. bench/instructions.json says
which one it was made with; on another one the comparison is skipped, with a message, and exits
with 77.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from lib import allocators, build, measure  # noqa: E402

BUDGET = HERE / "instructions.json"
TOLERANCE = 0.01
SKIPPED = 77
ROWS = {
    "pairs 64": "pairs size=64 scale=0.002",
    "pairs 16K": "pairs size=16384 scale=0.002",
    "batch lifo": "batches order=lifo scale=0.004",
    "batch random": "batches order=random scale=0.004",
    "slots small": "slots slots=2000 steps=100000",
    "slots to 64K": "slots slots=500 low=8 high=65536 shape=log steps=100000",
    "replace 200": "replace mib=4 steps=100000",
    "replace mixed": "replace low=16 high=1000 mib=4 steps=100000",
    "realloc append": "realloc steps=50000",
    "realloc double": "realloc mode=double buffers=50 limit=100000 steps=100000",
    "calloc": "calloc slots=500 scale=0.01",
    "aligned": "aligned slots=1000 scale=0.01",
    "c++ all": "containers mode=all scale=0.02",
    "holes": "holes steps=5000",
    "holes aligned": "holes steps=5000 large=1000 align=131072",
    "heaps 300": "heaps count=300",
    "heaps 3000": "heaps count=3000",
    "heaps deleted": "heaps count=3000 end=delete",
    "heaps left pages": "heaps mode=left pages=1000 scale=0.02",
}


def count(directory, command, preload):
    """Instructions of bench_work and operations of the workload."""
    program, *args = command.split()
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        out = pathlib.Path(scratch, "callgrind.out")
        environment = {"RIMALLOC_PURGE_DELAY": "-1", "PATH": "/usr/bin:/bin"}
        if preload:
            environment["LD_PRELOAD"] = preload
        done = subprocess.run(
            [
                "valgrind",
                "--tool=callgrind",
                "--toggle-collect=bench_work*",
                f"--callgrind-out-file={out}",
                str(directory / program),
                *args,
            ],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise measure.Failure(f"'{command}' with {preload} failed under callgrind")
        total = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE)
    result = {}
    measure.parse_output(done.stdout, result)
    if total is None or int(total.group(1)) == 0:
        raise measure.Failure(f"callgrind counted nothing in bench_work of '{command}'")
    return {"instructions": int(total.group(1)), "ops": result["ops"]}


def compiler_version():
    text = subprocess.run(
        [*build.compiler(False), "--version"], capture_output=True, text=True, check=True
    ).stdout
    return text.splitlines()[0]


def library(options):
    path = options.library or allocators.own_build(build.ROOT)
    if path is None or not pathlib.Path(path).exists():
        sys.exit("bench: there is no librimalloc.so; build it or name it")
    return str(pathlib.Path(path).resolve())


def count_all(directory, found):
    table = {}
    for name, command in ROWS.items():
        table[name] = {}
        for allocator, path in found.items():
            try:
                table[name][allocator] = count(directory, command, path)
            except measure.Failure as failure:
                if allocator == "rimalloc":
                    sys.exit(f"bench: {failure}")
                print(f"bench: {failure}", file=sys.stderr)  # a peer that valgrind cannot run
                table[name][allocator] = None
    return table


def show(table, stored):
    names = list(next(iter(table.values())))
    print("| instructions for each operation | " + " | ".join(names) + " | budget |")
    print("|---" * (len(names) + 2) + "|")
    for row, counts in table.items():
        cells = [f"{c['instructions'] / c['ops']:.2f}" if c else "–" for c in counts.values()]
        limit = stored.get(row)
        budget = f"{limit / counts['rimalloc']['ops']:.2f}" if limit else "none"
        print(f"| {row} | " + " | ".join(cells) + f" | {budget} |")


def compare(table, stored):
    """Prints what grew; returns whether anything did or has no budget."""
    bad = False
    for row, counts in table.items():
        now = counts["rimalloc"]["instructions"]
        limit = stored.get(row)
        if limit is None:
            print(
                f"{row}: no budget is stored: run bench/instructions.py --update", file=sys.stderr
            )
            bad = True
        elif now > limit * (1 + TOLERANCE):
            print(
                f"{row}: {now} instructions, the budget is {limit}: {now / limit - 1:+.2%}",
                file=sys.stderr,
            )
            bad = True
        elif now < limit * (1 - TOLERANCE):
            print(f"{row}: {now / limit - 1:+.2%}; store it with --update to keep the gain")
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", nargs="?", help="librimalloc.so (build/release)")
    parser.add_argument("--update", action="store_true", help="store the counts as the budget")
    parser.add_argument(
        "--with", dest="others", action="append", default=[], metavar="NAME=path.so"
    )
    parser.add_argument("--build-dir", default=str(build.ROOT / "build" / "bench"))
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("bench: skipped: valgrind is not installed")
        sys.exit(SKIPPED)
    directory = build.workloads(pathlib.Path(options.build_dir))
    found = {"rimalloc": library(options), "floor": str(build.floor(directory).resolve())}
    found.update(allocators.named(options.others))
    budget = json.loads(BUDGET.read_text(encoding="utf-8")) if BUDGET.exists() else {}
    version = compiler_version()
    if budget and not options.update and budget["compiler"] != version:
        print(f"bench: skipped: the budget is for {budget['compiler']}, this is {version}")
        sys.exit(SKIPPED)
    table = count_all(directory, found)
    stored = budget.get("instructions", {})
    show(table, stored)
    if options.update:
        counts = {row: c["rimalloc"]["instructions"] for row, c in table.items()}
        text = json.dumps({"compiler": version, "instructions": counts}, indent=2)
        BUDGET.write_text(text + "\n", encoding="utf-8")
        print(f"stored in {BUDGET.name}")
    elif compare(table, stored):
        sys.exit(1)


if __name__ == "__main__":
    main()
