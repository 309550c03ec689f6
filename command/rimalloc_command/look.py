# SPDX-License-Identifier: MIT
"""What a process's memory consists of, added up from outside, slice by slice."""

import collections

from .memory import PAGE, Unreadable

# What one slice of 64 KiB is. `page`: None, or the page that it is a part of.
Slice = collections.namedtuple("Slice", "address page resident kept")


class Class:
    """All pages with blocks of one size."""

    def __init__(self, block_size):
        self.block_size = block_size  # 0: blocks over 64 KiB, of any size
        self.pages = self.blocks = self.room = self.live = self.bytes = self.abandoned = 0
        self.resident = 0

    def add(self, page):
        self.pages += 1
        self.blocks += page.live
        self.live += page.live * page.block_size
        self.bytes += page.bytes
        self.room += 1 if page.kind in ("single", "mapped") else page.reserved
        self.abandoned += page.abandoned and page.kind not in ("single", "mapped")


class Look:
    """One look at everything. Numbers are bytes; `resident` figures are None where the system does
    not say (core files)."""

    def __init__(self, memory, heaps):
        self.memory = memory
        self.status = memory.status()
        self.classes = {}
        self.arenas = []  # (base, [Slice])
        self.mapped = []
        self.known = memory.pid is not None
        self.in_pages = self.in_kept = self.in_header = self.in_mapped = 0
        self.holes = self.pages_bytes = self.reserved = self.committed = self.claimed = 0
        self.threads = 0
        for heap in heaps:
            self._heap(heap)
        self.live = sum(one.live for one in self.classes.values())
        self.blocks = sum(one.blocks for one in self.classes.values())
        self.pages = sum(one.pages for one in self.classes.values())
        self.retained = max(self.committed + self.holes - self.claimed, 0)

    def _heap(self, heap):
        self.reserved += heap.gauge("reserved")
        self.committed += heap.gauge("committed")
        self.claimed += heap.gauge("claimed")
        self.holes += heap.gauge("holes")
        self.threads += heap.gauge("threads")
        for arena in heap.arenas():
            try:
                self._arena(heap, arena)
            except Unreadable:
                continue  # it went back while we looked
        for page in heap.mapped_pages():
            self._count(page)
            resident = self._resident(page.start, page.start + page.bytes)
            self.in_mapped += sum(resident)
            self._class_of(page).resident += sum(resident)
            self.mapped.append((page, sum(resident)))

    def _resident(self, start, end):
        """Bytes resident of each OS page."""
        found = self.memory.resident(start, end)
        if found is None:
            self.known = False
            return [0] * ((end - start) // PAGE)
        return [PAGE * one for one in found]

    def _class_of(self, page):
        size = 0 if page.kind in ("single", "mapped") else page.block_size
        if size not in self.classes:
            self.classes[size] = Class(size)
        return self.classes[size]

    def _count(self, page):
        self._class_of(page).add(page)

    def _arena(self, heap, arena):
        dirty = arena.bitmap("dirty")
        end = arena.base + arena.slices * heap.slice
        resident = self._resident(arena.base, end)
        self.in_header += sum(self._resident(*arena.tables))
        each, slices = heap.slice // PAGE, []
        for number, (page, part) in enumerate(arena.found()):
            mine = sum(resident[number * each:(number + 1) * each])
            kept = page is None and bool(dirty >> number & 1)
            slices.append(Slice(arena.base + number * heap.slice, page, mine, kept))
            if page is None:
                self.in_kept += mine
                continue
            self.in_pages += mine
            self._class_of(page).resident += mine
            if part == 0:
                self._count(page)
        self.arenas.append((arena.base, slices))

    def reconcile(self):
        """(what, bytes, text) of each part of the resident memory, largest parts of ours first;
        None for core files, of which nobody knows what was resident."""
        if not self.known:
            return None
        total = self.status["resident"]
        inside = self.in_pages + self.in_mapped
        live = min(self.live, inside)
        ours = inside + self.in_kept + self.in_header
        return [
            ("live blocks", live, "as large as the blocks are; untouched parts are not resident"),
            ("free in pages", inside - live, "beside live blocks, and what no block uses"),
            ("kept for reuse", self.in_kept, "free slices, until they are due to go back"),
            ("metadata", self.in_header, "descriptors and bitmaps of arenas"),
            ("not ours", max(total - ours, 0), "code, stacks, files, other allocators"),
        ]

    def as_json(self):
        """The same for other programs."""
        return {
            "format": "rimalloc-look", "version": 1, "subject": self.memory.name,
            "program": self.memory.program,
            "resident": self.status["resident"], "peak_resident": self.status["peak"],
            "live_bytes": self.live, "live_blocks": self.blocks, "pages": self.pages,
            "page_bytes": self.claimed, "holes": self.holes, "committed": self.committed,
            "reserved": self.reserved, "retained": self.retained, "heap_threads": self.threads,
            "reconcile": None if self.reconcile() is None else
            {name.replace(" ", "_"): size for name, size, _ in self.reconcile()},
            "classes": [{"block_size": one.block_size, "pages": one.pages, "blocks": one.blocks,
                         "room": one.room, "live_bytes": one.live, "page_bytes": one.bytes,
                         "abandoned": one.abandoned,
                         "resident": one.resident if self.known else None}
                        for one in self.sorted_classes()],
        }

    def sorted_classes(self):
        return sorted(self.classes.values(), key=lambda one: (one.block_size == 0, one.block_size))
