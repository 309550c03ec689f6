# SPDX-License-Identifier: MIT
"""Compiles the workloads, the launcher and the floor when their sources are newer."""

import os
import pathlib
import subprocess
import sys

BENCH = pathlib.Path(__file__).resolve().parent.parent
ROOT = BENCH.parent

# A compiler that knows malloc may remove a pair of calls whose block is not looked at.
NO_BUILTINS = [
    "-fno-builtin-malloc",
    "-fno-builtin-free",
    "-fno-builtin-calloc",
    "-fno-builtin-realloc",
    "-fno-builtin-aligned_alloc",
    "-fno-builtin-posix_memalign",
]
COMMON = ["-O2", "-g", "-Wall", "-Wextra", "-pthread", "-D_GNU_SOURCE"]


def compiler(cxx):
    return os.environ.get("CXX" if cxx else "CC", "c++" if cxx else "cc").split()


def _newer(target, sources):
    if not target.exists():
        return True
    made = target.stat().st_mtime
    return any(source.stat().st_mtime > made for source in sources)


def _compile(target, source, depends, flags):
    if not _newer(target, [source, *depends]):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    cxx = source.suffix == ".cc"
    standard = "-std=gnu++17" if cxx else "-std=gnu11"
    command = [*compiler(cxx), standard, *COMMON, *flags, "-o", str(target), str(source)]
    if subprocess.run(command, check=False).returncode != 0:
        sys.exit(f"bench: cannot compile {source}")


def workloads(directory):
    """Compiles all workloads to `directory`; returns it."""
    headers = sorted((BENCH / "workloads").glob("*.h"))
    for source in sorted((BENCH / "workloads").glob("*.c*")):
        _compile(directory / source.stem, source, headers, NO_BUILTINS)
    return directory


def launcher(directory):
    target = directory / "launch"
    _compile(target, BENCH / "lib" / "launch.c", [], ["-static"])
    return target


def floor(directory):
    target = directory / "libfloor.so"
    _compile(
        target,
        BENCH / "floor" / "floor.c",
        [BENCH / "floor" / "floor.h"],
        [
            *NO_BUILTINS,
            "-O3",
            "-ftls-model=initial-exec",
            "-shared",
            "-fPIC",
            "-fvisibility=hidden",
        ],
    )
    return target
