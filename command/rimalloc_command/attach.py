# SPDX-License-Identifier: MIT
"""`rimalloc attach` and `rimalloc dump`: the profiler of a process that is running.

To turn it on, the interval is written into the process, nothing else: its threads look at it when
they take a slow path, and make the tables. To read it, the tables are copied from outside, so that
the process may hang, or be stopped."""

import json
import os
import struct
import tempfile

from . import capture, look, report, text
from . import heap as heaps_of
from .failure import Failure
from .memory import PAGE, Process, Unreadable
from .tables import Tables

AGES = 40
SPARSE = 10  # pages of which at most so many hundredths are in use


def process(word):
    if not word.isdigit():
        raise Failure(f"'{word}' is no process: its number is wanted, as `pidof PROG` prints it")
    return Process(int(word))


# ---- attach -------------------------------------------------------------------------------------

def interval_of(heap):
    return struct.unpack("<Q", heap.memory.read(heap.layout["profile_interval"], 8))[0]


def write_interval(heap, interval):
    memory = heap.memory
    try:
        file = os.open(f"/proc/{memory.pid}/mem", os.O_RDWR | os.O_CLOEXEC)
        try:
            os.pwrite(file, struct.pack("<Q", interval), heap.layout["profile_interval"])
        finally:
            os.close(file)
    except PermissionError:
        raise Failure(*memory.denied()) from None
    except OSError as error:
        raise Failure(f"{memory.name} cannot be written to: {error.strerror}") from None


def command_attach(arguments):
    interval = 0 if arguments.off else capture.bytes_of(arguments.interval)
    memory = process(arguments.pid)
    found = heaps_of.heaps(memory)
    before = max(interval_of(heap) for heap in found)
    for heap in found:
        write_interval(heap, interval)
    if arguments.off:
        print(f"{memory.name}: the profiler is off" if before
              else f"{memory.name}: the profiler was off already")
    elif before:
        print(f"{memory.name}: a sample in {text.size(interval)}, before in {text.size(before)}")
    else:
        print(f"{memory.name}: a sample in {text.size(interval)}, beginning with its next "
              f"allocations; `rimalloc dump {memory.pid}` shows them")
    return 0


# ---- The tables ---------------------------------------------------------------------------------

def tables(memory):
    """Those of the library in the process that has some."""
    on = False
    for heap in heaps_of.heaps(memory):
        address = heap.word(heap.layout["profile_image"])
        on = on or interval_of(heap) != 0
        if address:
            return Tables(heap, address)
    if on:
        raise Failure(f"{memory.name} has allocated nothing since the profiler was turned on",
                      "try again later; a thread that frees all that it allocates at once may "
                      "never notice")
    raise Failure(f"{memory.name} is not profiled", f"`rimalloc attach {memory.pid}` begins that")


# ---- What the library itself would add ----------------------------------------------------------

def pinned(found):
    """Free memory of the pages that samples are in, by stack: as src/observe/profile.c."""
    heap, pages, made = found.heap, {}, {}
    for block, weight, age, stack in found.records():
        number = block // heap.slice
        if number not in pages:
            try:
                pages[number] = heap.find_page(block)
            except Unreadable:
                pages[number] = None
        page = pages[number]
        if page is None or page.kind in ("single", "mapped"):
            continue
        live = max(page.live, 1)
        share = weight / live
        free = max(page.bytes - live * page.block_size - page.holes * PAGE, 0) * share
        one = made.setdefault(stack, {"stack": stack, "bytes": 0.0, "pages": 0.0,
                                      "sparse_pages": 0.0, "abandoned": 0.0, "ages": [0.0] * AGES})
        one["bytes"] += free
        one["pages"] += share
        one["sparse_pages"] += share if live * page.block_size * 100 <= page.bytes * SPARSE else 0
        one["abandoned"] += free if page.abandoned else 0
        one["ages"][min(age.bit_length(), AGES - 1)] += free
    for one in made.values():
        one["median_age_ms"] = median(one.pop("ages"))
    return [made[stack] for stack in sorted(made) if made[stack]["bytes"] > 0]


def median(ages):
    """The age below which half of the bytes are: within a factor of 2, the middle of that."""
    half, age = sum(ages) / 2, 0
    for part in ages:
        if half <= part:
            break
        half -= part
        age = 1.5 if age == 0 else 2 * age
    return round(age)


def reconciled(profile, seen):
    """The parts of the resident memory."""
    parts = {name: size for name, size, _ in seen.reconcile() or ()}
    if not parts:
        return {}
    live = profile["totals"]["live"]
    asked = min(live["bytes"] / live["usable"], 1) if live["usable"] else 1
    inside = parts["live blocks"]
    resident = max(seen.status["resident"], sum(parts.values()))
    return {"resident": resident, "live": round(inside * asked),
            "rounding": inside - round(inside * asked), "free_in_pages": parts["free in pages"],
            "due": parts["kept for reuse"], "cached": 0, "metadata": parts["metadata"],
            "other": resident - sum(parts.values()) + parts["not ours"]}


def profile_of(memory):
    """The profile of a running process, as JSON."""
    try:
        found = tables(memory)
        with tempfile.TemporaryDirectory(prefix="rimalloc-") as folder:
            path = os.path.join(folder, "dump.rip")
            found.write(path)
            profile = json.loads(capture.convert(path))
        profile["reason"] = "dump"
        profile["pinned"] = pinned(found)
        profile["reconcile"] = reconciled(profile, look.Look(memory, [found.heap]))
    except Unreadable:
        raise Failure(f"{memory.name} has ended, or its memory cannot be read") from None
    return json.dumps(profile).encode()


def command_dump(arguments):
    memory = process(arguments.pid)
    if arguments.library:
        os.environ["RIMALLOC_LIBRARY"] = arguments.library
    data = profile_of(memory)
    with tempfile.TemporaryDirectory(prefix="rimalloc-") as folder:
        path = arguments.save or os.path.join(folder, "profile.json")
        try:
            with open(path, "wb") as file:
                file.write(data)
        except OSError as error:
            raise Failure(f"{path}: {error.strerror}") from None
        arguments.file = path
        arguments.collapsed = arguments.speedscope = arguments.pprof = None
        if arguments.save and not arguments.html:
            print(f"the profile is in {path}: {text.size(len(data))}")
            return 0
        return report.command_report(arguments)
