# SPDX-License-Identifier: MIT
"""The profiler's tables (src/profile/table.h), copied out of a process or a core file."""

import struct
import time

from .failure import Failure
from .memory import Unreadable

TRIES = 20  # to copy tables that change meanwhile
PARTS = ("points", "modules", "stacks", "frames", "records")


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
        self.us = self.word("last_us")
        if heap.memory.pid is not None:
            self.us = max(time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000, self.us)

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


class Ages:
    """How old blocks are, by what the profiler knows of samples; `known` if it knows any."""

    def __init__(self, heaps):
        self.oldest = {}  # ms, by the address of a page's descriptor
        self.by_size = {}  # block size, 0 for blocks alone in their page: [(ms, weight)]
        for heap in heaps:
            place = heap.layout.values.get("profile_image")
            try:
                address = heap.word(place) if place else 0
                if address:
                    self._read(heap, Tables(heap, address))
            except (Unreadable, Failure):
                continue  # it has ended, or is damaged: then there are no ages
        self.known = bool(self.oldest)

    def _read(self, heap, tables):
        pages = {}
        for block, weight, age, _ in tables.records():
            number = block // heap.slice
            if number not in pages:
                pages[number] = heap.find_page(block)
            page = pages[number]
            if page is None:
                continue
            size = 0 if page.kind in ("single", "mapped") else page.block_size
            self.oldest[page.address] = max(self.oldest.get(page.address, 0), age)
            self.by_size.setdefault(size, []).append((age, weight))

    def median(self, size):
        """Half of the blocks of that size are older, in ms; None: no sample."""
        samples = sorted(self.by_size.get(size, ()))
        left = sum(weight for _, weight in samples) / 2
        for age, weight in samples:
            left -= weight
            if left <= 0:
                return age
        return None
