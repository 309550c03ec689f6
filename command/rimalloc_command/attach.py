# SPDX-License-Identifier: MIT
"""`rimalloc attach` and `rimalloc dump`: the profiler of a process that is running.

To turn it on, the interval is written into the process, nothing else: its threads look at it when
they take a slow path, and make the tables. To read it, the tables are copied from outside, so that
the process may hang, or be stopped."""

import json
import os
import struct
import tempfile
import time

from . import capture, look, report, text
from . import heap as heaps_of
from .failure import Failure
from .memory import PAGE, Process, Unreadable

TRIES = 20  # to copy tables that change meanwhile
AGES = 40
PARTS = ("points", "modules", "stacks", "frames", "records")
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

class Tables:
    """A copy of a profiler's tables."""

    def __init__(self, heap, address):
        self.heap, self.address = heap, address
        self.layout = heap.layout
        self.parts = {}
        for _ in range(TRIES):
            self.head = self._head()
            self._copy()
            if self._sums(self._head()) == self._sums(self.head):
                break
        self.us = max(time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000, self.word("last_us"))

    def _head(self):
        return self.heap.memory.read(self.address, self.layout["image:size"])

    def _sums(self, head):
        """What changes when anything does: sums and parts; not the time of a free."""
        return head[self.layout["image.live"]:self.layout["image.records"] + 16]

    def word(self, field):
        return struct.unpack_from("<Q", self.head, self.layout["image." + field])[0]

    def _copy(self):
        for name in PARTS:
            at, room, used = struct.unpack_from("<QII", self.head, self.layout["image." + name])
            size = 8 if name == "frames" else self.layout[name[:-1] + ":size"]
            if used > room or at + room * size > self.word("size"):
                raise Failure(f"the profile in {self.heap.memory.name} is damaged")
            self.parts[name] = (at, self.heap.memory.read(self.address + at, used * size))

    def write(self, path):
        """As a black box, which the library reads."""
        head = bytearray(self.head)
        struct.pack_into("<Q", head, self.layout["image.last_us"], self.us)
        with open(path, "wb") as file:
            file.truncate(self.word("size"))
            file.write(head)
            for at, data in self.parts.values():
                file.seek(at)
                file.write(data)

    def records(self):
        """(address, weight, age in ms, stack) of each live sample."""
        size = self.layout["record:size"]
        pointer, weight, us, stack = (self.layout["record." + name]
                                      for name in ("pointer", "weight", "us", "stack"))
        data = self.parts["records"][1]
        for at in range(0, len(data), size):
            block, = struct.unpack_from("<Q", data, at + pointer)
            if block:
                since, = struct.unpack_from("<Q", data, at + us)
                yield (block, struct.unpack_from("<d", data, at + weight)[0],
                       max(self.us - since, 0) // 1000,
                       struct.unpack_from("<I", data, at + stack)[0])


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
        arguments.collapsed = arguments.speedscope = False
        if arguments.save and not arguments.html:
            print(f"the profile is in {path}: {text.size(len(data))}")
            return 0
        return report.command_report(arguments)
