# SPDX-License-Identifier: MIT
"""The allocator in gdb, for running processes and core files:

    (gdb) source .../share/rimalloc/gdb.py
    (gdb) rimalloc heap           what there is, by size of blocks
    (gdb) rimalloc page ADDRESS   the page that an address lies in
    (gdb) rimalloc block ADDRESS  the block that an address lies in, and whether it is live

ADDRESS is any expression. Nothing in the process is called or changed, and neither symbols nor
debug information are needed.
"""

import os
import re
import sys

import gdb

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from rimalloc_command import heap as heaps_of
from rimalloc_command import look as looks
from rimalloc_command import text
from rimalloc_command.failure import Failure
from rimalloc_command.memory import Mapping, Unreadable

LINE = re.compile(r"^\s*(0x[0-9a-f]+)\s+(0x[0-9a-f]+)\s+0x[0-9a-f]+\s+0x[0-9a-f]+\s+(.*)$")


class Inferior:
    """The memory of what gdb looks at."""

    pid = None

    def __init__(self):
        self.inferior = gdb.selected_inferior()
        if not self.inferior.is_valid() or not self.inferior.threads():
            raise Failure("there is no process: start one, or load a core file")
        self.name = f"process {self.inferior.pid}"
        self.program = gdb.current_progspace().filename or ""
        self.mappings = list(self._mappings())

    def _mappings(self):
        try:
            lines = gdb.execute("info proc mappings", to_string=True).splitlines()
        except gdb.error as error:
            raise Failure(f"gdb does not know what is mapped: {error}") from None
        for line in lines:
            match = LINE.match(line)
            if match:
                words = match[3].split()
                path = words[-1] if words and words[-1].startswith("/") else ""
                yield Mapping(int(match[1], 16), int(match[2], 16), path)

    def read(self, address, size):
        try:
            return self.inferior.read_memory(address, size).tobytes()
        except (gdb.MemoryError, OverflowError):
            raise Unreadable(address) from None

    def resident(self, _start, _end):
        return None

    def status(self):
        return {"resident": 0, "peak": 0, "threads": len(self.inferior.threads())}


def found_heaps():
    """From the symbol, if there is one: quicker. Otherwise by looking for the table."""
    memory = Inferior()
    try:
        address = int(gdb.parse_and_eval("(unsigned long)&rix_layout"))
        heap = heaps_of.Heap(memory, address)
        if heap.used():
            return memory, [heap]
    except (gdb.error, Unreadable):
        pass
    return memory, heaps_of.heaps(memory)


def address_of(words, usage):
    if not words:
        raise Failure(f"usage: {usage}")
    return int(gdb.parse_and_eval(f"(unsigned long)({' '.join(words)})"))


def page_of(heaps, address):
    for heap in heaps:
        page = heap.find_page(address)
        if page is not None:
            return heap, page
    raise Failure(f"{address:#x} is not in memory of rimalloc's")


def show_heap():
    memory, heaps = found_heaps()
    look = looks.Look(memory, heaps)
    rows = [[text.count(one.block_size) if one.block_size else "larger", text.count(one.blocks),
             text.size(one.live), text.count(one.pages), text.size(one.bytes),
             text.percent(one.blocks, one.room)] for one in look.sorted_classes()]
    print("\n".join(text.table(["block size", "blocks", "live", "pages", "in pages", "occupied"],
                               rows, left=())))
    print(f"{look.blocks:,} live blocks of {text.size(look.live)} in {look.pages:,} pages of "
          f"{text.size(look.claimed)}; {text.size(look.committed)} committed, "
          f"{text.size(look.reserved)} reserved, {look.threads} threads with a heap")


def show_page(words):
    address = address_of(words, "rimalloc page ADDRESS")
    heap, page = page_of(found_heaps()[1], address)
    lines = [("page", f"{page.start:#x}, {text.size(page.bytes)}, kind {page.kind}"),
             ("descriptor", f"{page.address:#x}"),
             ("block size", f"{page.block_size:,}"),
             ("blocks", f"{page.live:,} live, {page.remote:,} freed by other threads, "
                        f"{page.capacity:,} of {page.reserved:,} cut")]
    if page.holes:
        lines.append(("holes", f"{page.holes} OS pages went back, {page.out:,} blocks with them"))
    if page.kind not in ("single", "mapped"):
        lines.append(("owner", "none: abandoned" if page.abandoned else f"thread {page.owner:#x}"))
    lines.append(("heap", f"{page.heap:#x}, number "
                          f"{heap.word(page.heap + heap.layout['heap.xseq'])}"))
    print("\n".join(f"{name:<12}{value}" for name, value in lines))


def show_block(words):
    address = address_of(words, "rimalloc block ADDRESS")
    heap, page = page_of(found_heaps()[1], address)
    index = heap.index_of(page, address)
    if index is None:
        print(f"{address:#x} is in the page {page.start:#x}, but in no block of it")
        return
    start = heap.first_block(page) + index * page.block_size
    print(f"{'block':<12}{start:#x}, number {index} of the page {page.start:#x}\n"
          f"{'offset':<12}{address - start:,} of {page.block_size:,} bytes\n"
          f"{'state':<12}{heap.block_state(page, index)}")


class Command(gdb.Command):
    """rimalloc heap | page ADDRESS | block ADDRESS: what the allocator has."""

    def __init__(self):
        super().__init__("rimalloc", gdb.COMMAND_DATA)

    def complete(self, text_before, word):
        if text_before.strip() == word:
            return [name for name in ("heap", "page", "block") if name.startswith(word)]
        return gdb.COMPLETE_EXPRESSION

    def invoke(self, argument, _from_tty):
        words = argument.split()
        actions = {"heap": lambda: show_heap(), "page": lambda: show_page(words[1:]),
                   "block": lambda: show_block(words[1:])}
        if not words or words[0] not in actions:
            raise gdb.GdbError("usage: rimalloc heap | page ADDRESS | block ADDRESS")
        try:
            actions[words[0]]()
        except Unreadable as error:
            raise gdb.GdbError(f"no memory at {error.args[0]:#x}") from None
        except Failure as failure:
            hint = f" ({failure.hint})" if failure.hint else ""
            raise gdb.GdbError(f"{failure}{hint}") from None


Command()
