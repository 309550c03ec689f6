# SPDX-License-Identifier: MIT
"""The allocator's structures, as they lie in memory that is looked at from outside.

The library has a table that says where everything is (src/observe/layout.c); it is found by its
first bytes, so neither symbols nor debug information are needed. The process goes on running, so
what is read of it may be of slightly different moments: each value is checked before it is used.
"""

import array
import collections
import struct

from .failure import Failure
from .memory import PAGE, Unreadable

MAGIC = b"rimalloc layout"
FORMAT = 1
NAMES = 2032
VALUES = 96
KINDS = ("small", "medium", "single", "mapped")

Page = collections.namedtuple(
    "Page", "address start kind block_size live remote reserved capacity out bytes owner heap "
    "abandoned free_list remote_list lead holes gaps idle arena")


class Layout:
    """The table of one copy of the library."""

    def __init__(self, memory, address):
        head = memory.read(address, 16 + NAMES)
        if head[:15] != MAGIC:
            raise Unreadable(address)
        if head[15] != FORMAT:
            raise Failure(f"the library in {memory.name} is of another version than this command",
                          "use the command that was installed with that library")
        self.names = head[16:].split(b"\0", 1)[0].decode("ascii", "replace").split()
        self.values = {}
        for width, letter in ((8, "Q"), (4, "I")):
            data = memory.read(address + 16 + NAMES, VALUES * width)
            values = struct.unpack(f"<{VALUES}{letter}", data)
            self.values = dict(zip(self.names, values))
            if self.values.get("#pointer") == width:
                self.width, self.letter = width, letter
                return
        raise Unreadable(address)

    def __getitem__(self, name):
        try:
            return self.values[name]
        except KeyError:
            raise Failure(f"the library says nothing of {name}",
                          "use the command that was installed with that library") from None


def find_layouts(memory):
    """The addresses of the tables in the memory: most processes have one library, some have more
    (one that is linked into another library)."""
    found = []
    for mapping in sorted(memory.mappings, key=_likely):
        if not (mapping.readable and mapping.private and mapping.path.startswith("/")):
            continue
        at, end = mapping.start, mapping.end
        while at < end:
            size = min(end - at, 1 << 22)
            try:
                data = memory.read(at, size)
            except Unreadable:
                break
            place = data.find(MAGIC)
            while place >= 0:
                if place % 4 == 0:
                    found.append(at + place)
                place = data.find(MAGIC, place + 1)
            at += size if size < 1 << 22 else size - 64
    return list(dict.fromkeys(found))


def _likely(mapping):
    return ("malloc" not in mapping.path, mapping.start)


class Heap:
    """What one copy of the library has."""

    def __init__(self, memory, address):
        self.memory = memory
        self.layout = Layout(memory, address)
        get = self.layout.__getitem__
        self.slice = get("#slice")
        self.page_size = get("page:size")
        self.field = {name[5:]: offset for name, offset in self.layout.values.items()
                      if name.startswith("page.")}
        self._map_base = self.word(get("pagemap") + get("map.xbase"))
        self._map_count = self.word(get("pagemap") + get("map.xcount"))
        self._map_table = self.word(get("pagemap") + get("map.xtable"))
        key = self.layout.values.get("link_key")  # 0: links are plain addresses
        self._link_key = self.word(key) if key else 0

    # ---- Reading --------------------------------------------------------------------------------

    def word(self, address):
        width = self.layout.width
        return struct.unpack("<" + self.layout.letter, self.memory.read(address, width))[0]

    def words(self, address, count):
        data = self.memory.read(address, count * self.layout.width)
        found = array.array(self.layout.letter)
        found.frombytes(data)
        return found

    def used(self):
        """Whether the library has served anything."""
        return self._map_table != 0

    def gauge(self, name):
        index = self.layout["#gauge_" + name]
        return self.word(self.layout["gauges"] + index * self.layout["gauge:size"])

    def entry(self, address):
        """The descriptor of the page at an address, or 0."""
        index = (address - self._map_base) // self.slice
        if not 0 <= index < self._map_count:
            return 0
        return self.word(self._map_table + index * self.layout.width)

    def entries(self, address, count):
        first = (address - self._map_base) // self.slice
        inside = max(0, min(count, self._map_count - first))
        found = self.words(self._map_table + first * self.layout.width, inside)
        found.extend([0] * (count - inside))
        return found

    # ---- Pages ----------------------------------------------------------------------------------

    def page(self, address):
        return self._page(address, self.memory.read(address, self.page_size))

    def _page(self, address, data):
        """A descriptor; None when it is not one of a page in use."""
        width, letter, field, get = (self.layout.width, self.layout.letter, self.field,
                                     self.layout.__getitem__)

        def word(name):
            return struct.unpack_from("<" + letter, data, field[name])[0]

        def short(name):
            return struct.unpack_from("<H", data, field[name])[0]

        block_size, start = word("xblock_size"), word("start")
        kind = data[field["kind"]]
        if block_size == 0 or start == 0 or kind >= len(KINDS) or width not in (4, 8):
            return None
        remote = word("xremote")
        count = (remote & get("#count_mask")) >> get("#count_shift")
        used = struct.unpack_from("<I", data, field["used"])[0] & get("#used_mask")
        low = struct.unpack_from("<I", data, field["xlow"])[0]  # or where a single block begins
        if low & get("#low_set"):
            used += low - get("#low_set")
        slices = struct.unpack_from("<I", data, field["slice_count"])[0]
        span = word("xspan")
        at = remote >> get("#head_shift")
        holes = struct.unpack_from("<QQ", data, field["xholes"])
        return Page(
            address=address, start=start, kind=KINDS[kind], block_size=block_size,
            live=max(used - count, 0), remote=count, reserved=short("reserved"),
            capacity=short("capacity"), out=short("out"),
            bytes=span if kind >= 2 else slices * self.slice,
            owner=word("xowner") & ~get("#owner_flags"), heap=word("xheap"),
            abandoned=bool(remote & get("#abandoned")), free_list=word("free"),
            remote_list=start + at * 8 - 8 if at else 0,
            lead=low if kind >= 2 else 0,
            holes=bin(holes[0]).count("1") + bin(holes[1]).count("1"),
            gaps=struct.unpack_from("<I", data, field["xgaps"])[0] if remote & get("#gaps") else 0,
            idle=data[field["idle"]], arena=word("arena"))

    def arenas(self):
        slots = self.word(self.layout["arena_slots"])
        for address in self.words(slots, self.layout["#arenas"]):
            if address == 0:
                return
            arena = Arena(self, address)
            if arena.serves:
                yield arena

    def mapped_pages(self):
        """Pages whose block has a mapping of its own."""
        arenas = [(arena.start, arena.start + arena.map_size) for arena in self.arenas()]
        step, width, seen = 1 << 16, self.layout.width, set()
        for first in range(0, self._map_count, step):
            count = min(step, self._map_count - first)
            try:
                data = self.memory.read(self._map_table + first * width, count * width)
            except Unreadable:
                continue
            if data.count(0) == len(data):
                continue
            entries = array.array(self.layout.letter)
            entries.frombytes(data)
            for index, entry in enumerate(entries):
                if entry == 0 or entry in seen:
                    continue
                address = self._map_base + (first + index) * self.slice
                if any(low <= address < high for low, high in arenas):
                    continue
                seen.add(entry)
                page = self.page(entry)
                if page is not None:
                    yield page

    # ---- Blocks ---------------------------------------------------------------------------------

    def find_page(self, address):
        entry = self.entry(address)
        return self.page(entry) if entry else None

    def first_block(self, page):
        return page.start + page.lead

    def index_of(self, page, address):
        """Which block of the page an address is in; None: in none."""
        offset = address - self.first_block(page)
        index = offset // page.block_size
        limit = 1 if page.kind in ("single", "mapped") else page.reserved
        return index if offset >= 0 and index < limit else None

    def free_blocks(self, page):
        """({free blocks of the owner's list}, {those that others freed}); which touch holes is not
        among them."""
        return (self._list(page, page.free_list, page.capacity),
                self._list(page, page.remote_list, page.remote))

    def _list(self, page, block, most):
        found = set()
        while block and len(found) < most:
            index = self.index_of(page, block)
            if index is None or index in found:
                raise Failure(f"the list of free blocks of page {page.start:#x} is damaged at "
                              f"{block:#x}", "a program that is running may just be changing it")
            found.add(index)
            link = self.word(block)
            block = link ^ block ^ self._link_key if self._link_key else link
        return found

    def in_hole(self, page, index):
        """Whether a block touches what went back to the system: a hole or a gap."""
        bits = struct.unpack("<QQ", self.memory.read(page.address + self.field["xholes"], 16))
        unit = max(PAGE, page.bytes // 32)
        return (self._touches(page, index, bits[0] | bits[1] << 64, PAGE)
                or self._touches(page, index, page.gaps, unit))

    @staticmethod
    def _touches(page, index, parts, unit):
        first = index * page.block_size // unit
        last = ((index + 1) * page.block_size - 1) // unit
        return any(parts >> part & 1 for part in range(first, last + 1))

    def block_state(self, page, index):
        """What one block is: live, free, freed by another thread, given back, or not in use yet."""
        if page.kind in ("single", "mapped"):
            return "live" if page.live > 0 else "free"
        if index >= page.capacity:
            return "not in use yet"
        if self.in_hole(page, index):
            return "free, and its memory went back to the system"
        own, remote = self.free_blocks(page)
        if index in own:
            return "free"
        return "freed by another thread, not collected yet" if index in remote else "live"


class Arena:
    """One reservation of address space."""

    def __init__(self, heap, address):
        self.heap, self.address = heap, address
        layout = heap.layout

        def word(name):
            return heap.word(address + layout["arena." + name])

        self.base, self.start = word("base"), word("start")
        self.slice_count, self.map_size = word("slice_count"), word("map_size")
        self.pages, self.mapped = word("pages"), word("xmapped")
        serves = struct.unpack("<I", heap.memory.read(address + layout["arena.xsubproc"], 4))[0]
        self.serves = serves != layout["#none"]
        before = self.base - self.start
        self.slices = max(self.mapped - before, 0) // heap.slice
        # Its tables, as addresses: elsewhere, or before the first slice.
        apart, header = word("apart"), min(before, self.mapped)
        self.tables = (address, address + apart) if apart else (self.start, self.start + header)

    def bitmap(self, name):
        heap = self.heap
        words = heap.word(self.address + heap.layout["arena." + name]
                          + heap.layout["bitmap.words"])
        data = heap.memory.read(words, (self.slice_count + 63) // 64 * 8)
        return int.from_bytes(data, "little")

    def found(self):
        """For each slice: (page or None, the number of the slice in it)."""
        heap = self.heap
        entries = heap.entries(self.base, self.slices)
        data = heap.memory.read(self.pages, self.slices * heap.page_size)
        made = {}
        for number, entry in enumerate(entries):
            index, rest = divmod(entry - self.pages, heap.page_size)
            if entry == 0 or rest or not 0 <= index <= number:
                yield None, 0
                continue
            if index not in made:
                at = index * heap.page_size
                made[index] = heap._page(entry, data[at:at + heap.page_size])
            yield made[index], number - index


def heaps(memory):
    """Each copy of the library in the memory that has served something."""
    found = []
    for address in find_layouts(memory):
        try:
            heap = Heap(memory, address)
            if heap.used():
                found.append(heap)
        except Unreadable:
            continue
    if not found:
        where = f" ({memory.program})" if memory.program else ""
        raise Failure(f"{memory.name}{where} does not use rimalloc",
                      "start the program with `rimalloc run`")
    return found
