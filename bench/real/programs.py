# SPDX-License-Identifier: MIT
"""Programs of the system as rows. One that is not installed is left out, and a line says so."""

import os
import pathlib
import shutil
import subprocess
import sys

from lib.suite import Row

from . import inputs

SCRIPTS = pathlib.Path(__file__).resolve().parent / "scripts"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _compiler_proper():
    """cc1 itself: the driver would only start it, and its memory would not be seen over time."""
    driver = shutil.which("gcc", path=SYSTEM_PATH)
    if driver is None:
        return None
    found = subprocess.run(
        [driver, "-print-prog-name=cc1"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return found if os.path.isabs(found) else None


def _database(path):
    """rocksdb writes to memory where it can: the disk would be measured otherwise."""
    home = "/dev/shm" if os.path.isdir("/dev/shm") else "/tmp"
    script = (
        f"d=$(mktemp -d {home}/bench-rocksdb-XXXXXX); "
        f'trap \'rm -rf "$d"\' EXIT; {path} --db="$d" "$@"'
    )
    return [
        "-c",
        script,
        "db_bench",
        "--benchmarks=fillrandom,readrandom,overwrite,seekrandom",
        "--num=150000",
        "--reads=100000",
        "--value_size=200",
        "--threads=1",
        "--seed=1",
        "--compression_type=none",
        "--statistics=0",
        "--histogram=0",
    ]


def _table(directory):
    """name, program, arguments (a function of its path), text, further fields of Row."""
    data = directory / "inputs"
    return [
        (
            "redis",
            "redis-server",
            lambda path: [str(data / "work.redis")],
            "300,000 commands through a pipe",
            {"program": str(SCRIPTS / "redis.sh"), "libc_first": True, "driver": True},
        ),
        (
            "sqlite",
            "sqlite3",
            lambda path: [":memory:", f".read {SCRIPTS / 'work.sql'}"],
            "tables, joins and aggregates in memory",
            {},
        ),
        (
            "python",
            "/usr/bin/python3",
            lambda path: ["-S", "-B", str(SCRIPTS / "work.py")],
            "json, dictionaries, objects; every object through malloc",
            {"environment": {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"}},
        ),
        (
            "gcc",
            _compiler_proper(),
            lambda path: ["-quiet", "-O2", str(data / "work.c"), "-o", "-"],
            "cc1 -O2 on a file of 240 functions",
            {},
        ),
        (
            "ghostscript",
            "gs",
            lambda path: [
                "-q",
                "-dSAFER",
                "-dBATCH",
                "-dNOPAUSE",
                "-r60",
                "-sDEVICE=ppmraw",
                "-sOutputFile=-",
                str(SCRIPTS / "work.ps"),
            ],
            "twelve pages of paths and text",
            {},
        ),
        (
            "z3",
            "z3",
            lambda path: [str(data / "work.smt2")],
            "24 small problems of an SMT solver",
            {},
        ),
        (
            "rocksdb",
            "db_bench",
            _database,
            "fill, read, overwrite and seek",
            {"program": "/bin/sh", "fixed_output": False, "driver": True},
        ),
        (
            "ruby",
            "ruby",
            lambda path: ["--disable-gems", str(SCRIPTS / "work.rb")],
            "strings, hashes, structures",
            {"environment": {"RUBY_HASH_SEED": "0"}},
        ),
        (
            "lua",
            "lua5.4",
            lambda path: [str(SCRIPTS / "work.lua")],
            "tables, strings, coroutines",
            {},
        ),
        (
            "perl",
            "perl",
            lambda path: [str(SCRIPTS / "work.pl")],
            "hashes, arrays, regular expressions",
            {"environment": {"PERL_HASH_SEED": "0"}},
        ),
        (
            "jq",
            "jq",
            lambda path: ["-f", str(SCRIPTS / "work.jq"), str(data / "people.json")],
            "parse and group 60,000 records",
            {},
        ),
    ]


def rows(directory, quiet=False):
    inputs.make(directory / "inputs")
    found = []
    for name, program, arguments, text, more in _table(directory):
        path = shutil.which(program, path=SYSTEM_PATH) if program else None
        if path is None:
            if not quiet:
                print(
                    f"bench: {name} is left out: {program or 'its program'} is not installed",
                    file=sys.stderr,
                )
            continue
        fields = {"program": path, **more}
        found.append(
            Row(
                name,
                "real programs",
                args=arguments(path),
                text=text,
                quick=False,
                real=True,
                **fields,
            )
        )
    return found
