# SPDX-License-Identifier: MIT
"""What benchmarks of statically linked allocators share: flags, peers by path, rounds, report."""

import argparse
import json
import os
import pathlib
import subprocess
import sys

from . import build, machine, markdown, measure, results


def parser(text, name):
    """The flags that all have; `name` is that of the results and of the folder for programs."""
    found = argparse.ArgumentParser(description=text)
    found.add_argument(
        "--static", action="append", default=[], metavar="NAME=path.a,include,prefix"
    )
    found.add_argument(
        "--rimalloc",
        default=str(build.ROOT / "build/release/librimalloc.a"),
        help="static library of rimalloc",
    )
    found.add_argument("--rounds", type=int, default=5)
    found.add_argument("--scale", type=float, default=1.0)
    found.add_argument("--only", help="rows whose name contains this", default="")
    found.add_argument("--base", help="ratios are to this one (the first of --static, else glibc)")
    found.add_argument("--build-dir", default=str(build.ROOT / "build/bench" / name))
    found.add_argument("--out", default=str(build.BENCH / "results"))
    found.set_defaults(name=name)
    return found


def peers(options):
    """(name, library, words after it) for each --static."""
    for word in options.static:
        name, _, rest = word.partition("=")
        library, *others = rest.split(",")
        if len(others) < 2 or not os.path.exists(library):
            sys.exit(f"bench: '{word}' is not NAME=path.a,include-dir,prefix")
        yield name, os.path.abspath(library), others


def run(command, **more):
    if subprocess.run(command, check=False, **more).returncode != 0:
        sys.exit("bench: failed: " + " ".join(str(word) for word in command))


def measure_rows(options, rows, names, has=lambda row, name: True):
    """Each row under each name in turn, of programs in build-dir/NAME; prints the report."""
    directory = pathlib.Path(options.build_dir)
    launcher = build.launcher(directory)
    data = results.new(
        machine.describe(), {name: "" for name in names}, rows, options.rounds, options.scale
    )
    for turn in range(options.rounds):
        for index, row in enumerate(rows):
            shift = (turn + index) % len(names)
            for name in names[shift:] + names[:shift]:
                if not has(row, name):
                    continue
                runner = measure.Runner(directory / name, launcher, 0)
                result = runner.run(row, "", options.scale)
                data["rows"][row.name]["runs"].setdefault(name, []).append(result)
        print(f"round {turn + 1}/{options.rounds}", file=sys.stderr)
    base = options.base or (options.static[0].partition("=")[0] if options.static else "glibc")
    text = markdown.render(data, base)
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{options.name}.md").write_text(text, encoding="utf-8")
    (out / f"{options.name}.json").write_text(json.dumps(data), encoding="utf-8")
    print(text)
    if results.problems(data):
        sys.exit("\n".join(results.problems(data)))
