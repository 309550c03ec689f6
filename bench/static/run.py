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

import os
import pathlib
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from lib import build, linked, suite  # noqa: E402

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


def variants(options):
    """name -> (compiler flags, what is linked besides the workload)"""
    include = f"-I{build.ROOT / 'include'}"
    found = {}
    if os.path.exists(options.rimalloc):
        found["rimalloc-inline"] = (["-DSTATIC_FAST", include], [options.rimalloc])
        found["rimalloc-call"] = (["-DSTATIC_PLAIN", include], [options.rimalloc])
    else:
        print(f"bench: there is no {options.rimalloc}", file=sys.stderr)
    for name, library, (directory, prefix, *_) in linked.peers(options):
        found[name] = ([f"-DSTATIC_PREFIX={prefix}", f"-I{directory}"], [library])
    found["glibc"] = ([], [])
    found["floor"] = (
        ["-DSTATIC_FLOOR", f"-I{build.BENCH / 'floor'}"],
        [str(build.BENCH / "floor" / "floor.c")],
    )
    return found


def compile_one(source, target, flags, libraries):
    cxx = source.suffix == ".cc"
    target.parent.mkdir(parents=True, exist_ok=True)
    objects = []
    for extra in libraries:
        if not extra.endswith(".c"):
            objects.append(extra)
            continue
        # The floor's own file must not replace malloc for the C++ runtime: only what floor.h needs.
        made = target.parent / (pathlib.Path(extra).stem + ".o")
        linked.run(
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
    linked.run(
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


def main():
    options = linked.parser(__doc__.splitlines()[0], "static").parse_args()
    directory = pathlib.Path(options.build_dir)
    found = variants(options)
    rows = [
        suite.Row(name, "static", command.split()[0], command.split()[1:])
        for name, command in ROWS
        if options.only in name
    ]
    programs = {row.program for row in rows}
    for name, (flags, libraries) in found.items():
        for program in sorted(programs):
            source = next((build.BENCH / "workloads").glob(program + ".c*"))
            compile_one(source, directory / name / program, flags, libraries)
    linked.measure_rows(options, rows, list(found))


if __name__ == "__main__":
    main()
