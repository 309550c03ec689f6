# SPDX-License-Identifier: MIT
"""Runs one row under one allocator and returns what it cost."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile


def find_libc():
    """libc.so.6 as a preload puts it before an allocator that the program is linked to."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            path = line.split()[-1]
            if path.endswith("/libc.so.6"):
                return path
    return ""


class Failure(Exception):
    """A run that failed; the text says how."""


class Runner:
    def __init__(self, programs, launcher, interval=20):
        self.programs = programs
        self.launcher = launcher
        self.interval = interval

    def command(self, row, scale):
        if row.real:
            return [row.program, *row.args]
        return [str(self.programs / row.program), *row.args, f"scale={scale:g}"]

    def environment(self, row, preload, settings=None):
        environment = dict(os.environ)
        environment.pop("LD_PRELOAD", None)
        if row.libc_first and not preload:
            preload = find_libc()
        environment["BENCH_PRELOAD"] = preload
        environment.update(row.environment)
        environment.update(settings or {})
        return environment

    def run(self, row, preload, scale, settings=None):
        """One run; a dictionary of numbers, `ops`, `check`, `phases` and `samples`. `settings`: the
        allocator's environment variables."""
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            out = pathlib.Path(directory, "out")
            err = pathlib.Path(directory, "err")
            command = [
                str(self.launcher),
                str(self.interval),
                str(row.limit),
                str(out),
                str(err),
                *self.command(row, scale),
            ]
            environment = self.environment(row, preload, settings)
            environment["BENCH_SCRATCH"] = directory
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                raise Failure(done.stderr.strip() or f"launcher ended with {done.returncode}")
            result = json.loads(done.stdout)
            text = out.read_bytes() if out.exists() else b""
            if result["status"] != 0:
                lines = err.read_text(errors="replace").strip().splitlines() or ["no message"]
                raise Failure(f"status {result['status']}: {lines[-1][:200]}")
        if row.real:
            result["check"] = hashlib.sha256(text).hexdigest()[:16] if row.fixed_output else ""
            seen = [kib for _, kib in result["samples"] if kib > 0]
            if seen and not row.driver:
                result["final"] = seen[-1]  # an exiting process has none
        else:
            parse_output(text.decode(errors="replace"), result)
        return result

    def system_calls(self, row, preload, scale, settings=None):
        """Counts of system calls by name, from one run under strace; None without strace."""
        strace = shutil.which("strace")
        if strace is None:
            return None
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            table = pathlib.Path(directory, "calls")
            preloads = ["-E", f"LD_PRELOAD={preload}"] if preload else []
            environment = self.environment(row, "", settings)
            environment["BENCH_SCRATCH"] = directory
            command = [
                strace,
                "-f",
                "-c",
                "-U",
                "name,calls",
                "-o",
                str(table),
                *preloads,
                *self.command(row, scale),
            ]
            done = subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
                timeout=row.limit * 10,
            )
            if done.returncode != 0 or not table.exists():
                return None
            found = re.findall(r"^(\w+)\s+(\d+)$", table.read_text(), re.MULTILINE)
            return {name: int(count) for name, count in found if name != "total"}


def parse_output(text, result):
    result["phases"] = []
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["ops"] and len(words) == 4:
            result["ops"] = int(words[1])
            result["check"] = words[3]
        elif words[:1] == ["final"]:
            result["final"] = int(words[1])
        elif words[:1] == ["phase"]:
            # Name, seconds, resident KiB, and live KiB where the workload says so.
            numbers = [int(word) for word in words[3:]]
            result["phases"].append([words[1], float(words[2]), *numbers])
    if "check" not in result:
        raise Failure("the workload printed no check")
    add_over_live(result)


def add_over_live(result):
    """Resident over live memory: the mean of the phases called `steady`, else of the last one."""
    known = [phase for phase in result["phases"] if len(phase) == 4 and phase[3] > 0]
    steady = [phase for phase in known if phase[0] == "steady"] or known[-1:]
    if steady:
        result["over_live"] = sum(phase[2] / phase[3] for phase in steady) / len(steady)
