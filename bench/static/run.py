#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares allocators linked statically: rimalloc's inline fast.h against other libraries.

  bench/static/run.py [--static NAME=library.a,include-dir,prefix ...]

compiles the same workloads with -O2 -flto once for each allocator and runs them in turn. A
library that was itself compiled with -flto is inlined by the linker; one that was not is called.
Columns:
  rimalloc-inline   fast.h and librimalloc.a
  rimalloc-call     rimalloc.h and librimalloc.a: what inlining is worth
  glibc             the system's malloc
  floor             bench/floor/floor.h, inlined
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from lib import build, machine, markdown, measure, results, suite  # noqa: E402

ROWS = [
    ("pairs 16", "pairs size=16"),
    ("pairs 64", "pairs size=64"),
    ("slots 8 to 1008", "slots"),
    ("slots tiny set", "slots slots=16 steps=40000000"),
    ("batch lifo", "batches order=lifo"),
    ("batch fifo", "batches order=fifo"),
    ("batch random", "batches order=random"),
    ("c++ map", "containers mode=map"),
    ("c++ string", "containers mode=string"),
    ("c++ vector", "containers mode=vector"),
    ("c++ hash", "containers mode=hash"),
]
FLAGS = ["-O2", "-flto=auto", "-Wall", "-Wextra", "-pthread", "-D_GNU_SOURCE", *build.NO_BUILTINS]


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--static", action="append", default=[], metavar="NAME=path.a,include,prefix"
    )
    parser.add_argument(
        "--rimalloc",
        default=str(build.ROOT / "build/release/librimalloc.a"),
        help="static library of rimalloc",
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", help="rows whose name contains this", default="")
    parser.add_argument("--base", help="ratios are to this one (the first of --static, else glibc)")
    parser.add_argument("--build-dir", default=str(build.ROOT / "build/bench/static"))
    parser.add_argument("--out", default=str(build.BENCH / "results"))
    return parser.parse_args()


def variants(options):
    """name -> (compiler flags, what is linked besides the workload)"""
    include = f"-I{build.ROOT / 'include'}"
    found = {}
    if os.path.exists(options.rimalloc):
        found["rimalloc-inline"] = (["-DSTATIC_FAST", include], [options.rimalloc])
        found["rimalloc-call"] = (["-DSTATIC_PLAIN", include], [options.rimalloc])
    else:
        print(f"bench: there is no {options.rimalloc}", file=sys.stderr)
    for word in options.static:
        name, _, rest = word.partition("=")
        parts = rest.split(",")
        if len(parts) != 3 or not os.path.exists(parts[0]):
            sys.exit(f"bench: '{word}' is not NAME=path.a,include-dir,prefix")
        library, directory, prefix = parts
        found[name] = ([f"-DSTATIC_PREFIX={prefix}", f"-I{directory}"], [os.path.abspath(library)])
    found["glibc"] = ([], [])
    found["floor"] = (
        ["-DSTATIC_FLOOR", f"-I{build.BENCH / 'floor'}"],
        [str(build.BENCH / "floor" / "floor.c")],
    )
    return found


def compile_one(source, target, flags, linked):
    cxx = source.suffix == ".cc"
    target.parent.mkdir(parents=True, exist_ok=True)
    objects = []
    for extra in linked:
        if not extra.endswith(".c"):
            objects.append(extra)
            continue
        # The floor's own file must not replace malloc for the C++ runtime: only what floor.h needs.
        made = target.parent / (pathlib.Path(extra).stem + ".o")
        run(
            [
                *build.compiler(False),
                "-std=gnu11",
                *FLAGS,
                *flags,
                "-DFLOOR_NO_OVERRIDE",
                "-c",
                extra,
                "-o",
                str(made),
            ]
        )
        objects.append(str(made))
    standard = "-std=gnu++17" if cxx else "-std=gnu11"
    run(
        [
            *build.compiler(cxx),
            standard,
            *FLAGS,
            *flags,
            "-include",
            str(HERE / "api.h"),
            str(source),
            *objects,
            "-o",
            str(target),
        ]
    )


def run(command):
    if subprocess.run(command, check=False).returncode != 0:
        sys.exit("bench: failed: " + " ".join(command))


def main():
    options = parse()
    directory = pathlib.Path(options.build_dir)
    found = variants(options)
    rows = [
        suite.Row(name, "static", command.split()[0], command.split()[1:])
        for name, command in ROWS
        if options.only in name
    ]
    programs = {row.program for row in rows}
    for name, (flags, linked) in found.items():
        for program in sorted(programs):
            source = next((build.BENCH / "workloads").glob(program + ".c*"))
            compile_one(source, directory / name / program, flags, linked)
    launcher = build.launcher(directory)
    names = list(found)
    data = results.new(
        machine.describe(), {name: "" for name in names}, rows, options.rounds, options.scale
    )
    for turn in range(options.rounds):
        for index, row in enumerate(rows):
            shift = (turn + index) % len(names)
            for name in names[shift:] + names[:shift]:
                runner = measure.Runner(directory / name, launcher, 0)
                result = runner.run(row, "", options.scale)
                data["rows"][row.name]["runs"].setdefault(name, []).append(result)
        print(f"round {turn + 1}/{options.rounds}", file=sys.stderr)
    base = options.base or (options.static[0].partition("=")[0] if options.static else "glibc")
    text = markdown.render(data, base)
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "static.md").write_text(text, encoding="utf-8")
    (out / "static.json").write_text(json.dumps(data), encoding="utf-8")
    print(text)
    if results.problems(data):
        sys.exit("\n".join(results.problems(data)))


if __name__ == "__main__":
    main()
