# SPDX-License-Identifier: MIT
"""`rimalloc record` and `replay`: writes down which calls a program makes of its allocator, and makes
the same calls with other allocators. command/record has the two programs that do it."""

import json
import os
import statistics
import subprocess
import sys
import tempfile

from . import run, text
from .failure import Failure

MAGIC = b"rimatrac"
TOUCHES = ("none", "pages", "all")
FIGURES = ("seconds", "cpu_seconds", "peak", "resident", "faults", "waits")


def find_part(name):
    """A file that is installed beside the library, or is in a build of the sources."""
    given = os.environ.get("RIMALLOC_PARTS")
    installed = os.path.join(run.HERE, run.LIBRARIES, "rimalloc") if run.LIBRARIES else None
    for folder in (given, installed, os.path.join(run.HERE, "../../build/release")):
        if folder and os.path.isfile(os.path.join(folder, name)):
            return os.path.realpath(os.path.join(folder, name))
    raise Failure(f"there is no {name} where this command expects it",
                  "name its folder: RIMALLOC_PARTS=FOLDER")


# ---- record -------------------------------------------------------------------------------------

def traces(path, pid):
    """(the program's own trace, those of its children)."""
    head, mark, tail = path.partition("%p")
    if not mark:
        return path, []
    folder, start = os.path.split(head)
    own, others = f"{head}{pid}{tail}", []
    for name in sorted(os.listdir(folder or ".")):
        middle = name[len(start):len(name) - len(tail)]
        found = os.path.join(folder, name)
        if name == start + middle + tail and middle.isdigit() and found != own and is_trace(found):
            others.append(found)
    return own, others


def is_trace(path):
    try:
        with open(path, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def place_for(arguments):
    """The name for the trace; nothing else is overwritten."""
    path = arguments.save or os.path.basename(arguments.program) + ".trace"
    if arguments.follow_fork and "%p" not in path:
        stem, ending = os.path.splitext(path)
        path = f"{stem}.%p{ending}"
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise Failure(f"there is no folder {folder}")
    if os.path.exists(path):
        if not is_trace(path):
            raise Failure(f"{path} exists and is no trace: it is not overwritten")
        os.unlink(path)
    return os.path.abspath(path)


def said(path):
    """What a trace has, in a line."""
    sums = ask(["check", path])
    return f"{path}: {text.size(os.path.getsize(path))}, {described(sums)}"


def described(sums):
    def many(number, what):
        return f"{text.count(number)} {what}" + ("" if number == 1 else "s")

    damaged = f", {many(sums['damaged'], 'damaged part')} left out" if sums["damaged"] else ""
    return (f"{many(sums['calls'], 'call')} of {many(sums['threads'], 'thread')}, at most "
            f"{text.size(sums['peak_bytes'])} live in {many(sums['peak_blocks'], 'block')}{damaged}")


def command_record(arguments):
    recorder = find_part("librimalloc-record.so")
    path = run.find_program(arguments.program)
    place = place_for(arguments)
    environment = run.environment(recorder, {})
    environment["RIMALLOC_RECORD"] = place
    pid, status = run.to_its_end(arguments, path, environment)
    own, others = traces(place, pid)
    if not os.path.exists(own):
        raise Failure(f"{arguments.program} left no trace",
                      "is it a script of a program that is linked statically?")
    for one in [own, *others]:
        print(said(one), file=sys.stderr)
    return status if status >= 0 else 128 - status


# ---- replay -------------------------------------------------------------------------------------

def ask(words, preload=None):
    """What rimalloc-replay says."""
    environment = dict(os.environ)
    environment.pop("LD_PRELOAD", None)
    environment.pop("RIMALLOC_RECORD", None)
    if preload:
        environment["LD_PRELOAD"] = preload
    done = subprocess.run([find_part("rimalloc-replay"), *words], env=environment,
                          capture_output=True, text=True, errors="replace", check=False)
    if done.returncode < 0:
        with_what = f" with {preload}" if preload else ""
        raise Failure(f"the replay{with_what} ended with signal {-done.returncode}")
    try:
        if done.returncode == 0:
            return json.loads(done.stdout)
    except ValueError:
        pass
    raise Failure(done.stderr.strip().rpartition("\n")[2] or "rimalloc-replay says nothing")


class Allocator:
    """One to replay with; `path` None: the C library's."""

    def __init__(self, name, path):
        self.name, self.path = name, path
        self.rounds = []

    def replay(self, plan, touch):
        result = ask(["run", plan, touch], self.path)
        used = result["allocator"]
        if self.path and os.path.realpath(used) != os.path.realpath(self.path):
            raise Failure(f"{self.path} did not replace malloc: it is of {used}",
                          "is it a library with malloc, for this machine?")
        if result["spoilt"]:
            raise Failure(f"with {self.name}, {text.count(result['spoilt'])} blocks did not keep "
                          "what was written into them")
        self.rounds.append(result)

    def least(self, figure):
        return min(one[figure] for one in self.rounds)

    def median(self, figure):
        return statistics.median(one[figure] for one in self.rounds)

    def as_json(self):
        return {"name": self.name, "library": self.path, "calls": self.rounds[0]["calls"],
                "failed": self.rounds[0]["failed"],
                **{figure: {"min": self.least(figure), "median": self.median(figure),
                            "all": [one[figure] for one in self.rounds]} for figure in FIGURES}}


def allocators(arguments):
    found = [Allocator("libc", None),
             Allocator("rimalloc", run.find_library(arguments.library))]
    for path in arguments.libraries:
        if not os.path.isfile(path):
            raise Failure(f"there is no library {path}")
        name = os.path.basename(path)
        if any(one.name == name for one in found):
            name = path
        found.append(Allocator(name, os.path.abspath(path)))
    return found


def milliseconds(seconds):
    return f"{seconds * 1000:,.1f} ms" if seconds < 10 else f"{seconds:,.2f} s"


def show(sums, found, rounds, path):
    print(f"{path}: {sums['program']}, {described(sums)}")
    base = found[0].least("seconds")
    rows = [[one.name, milliseconds(one.least("seconds")), milliseconds(one.median("seconds")),
             f"{one.least('seconds') / base:.2f}" if base else "–",
             milliseconds(one.median("cpu_seconds")), text.size(one.median("peak")),
             text.size(one.median("resident")), text.count(one.median("faults"))]
            for one in found]
    print("\n".join(text.table(("allocator", "time, least", "median", "of libc's", "CPU", "peak",
                                "at the end", "faults"), rows)))
    failed = [one for one in found if one.rounds[0]["failed"]]
    for one in failed:
        print(f"with {one.name}, {text.count(one.rounds[0]['failed'])} calls returned no memory")
    print(text.paint(f"{rounds} rounds; times of all calls as fast as they can be made", "soft"))


def command_replay(arguments):
    if not os.path.exists(arguments.file):
        raise Failure(f"there is no file {arguments.file}")
    found = allocators(arguments)
    with tempfile.TemporaryDirectory(prefix="rimalloc-") as folder:
        plan = os.path.join(folder, "plan")
        progress = text.Progress("replaying", arguments.rounds * len(found))
        progress.at(0)
        sums = ask(["plan", arguments.file, plan])
        for turn in range(arguments.rounds):
            for place, one in enumerate(found):
                one.replay(plan, arguments.touch)
                progress.at(turn * len(found) + place + 1)
        progress.end()
    if arguments.json:
        print(json.dumps({"format": "rimalloc-replay", "version": 1, "trace": sums,
                          "rounds": arguments.rounds, "touch": arguments.touch,
                          "allocators": [one.as_json() for one in found]}))
    else:
        show(sums, found, arguments.rounds, arguments.file)
    return 0
