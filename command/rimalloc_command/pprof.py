# SPDX-License-Identifier: MIT
"""`rimalloc report --pprof`: a profile in pprof's format, with names inside.

What the library writes itself has addresses and build ids only. Programs that keep profiles without
the files that ran (Pyroscope and its like) want the names in the profile; so does whoever looks at it
on another machine. The numbers of fields are those of profile.proto.
"""

import gzip

from . import text
from .failure import Failure
from .profile import KINDS

TYPES = {"allocated": "alloc", "live": "inuse", "peak": "peak", "temporary": "temporary"}
ORDER = ("allocated", "live", "peak", "temporary")  # the last type is shown first, unless one is named
DROP = "rix_.*|ri_.*|malloc|calloc|realloc|operator new.*"


def varint(value):
    value &= (1 << 64) - 1
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    made.append(value)
    return bytes(made)


def number(field, value):
    return varint(field << 3) + varint(value) if value else b""


def message(field, body):
    return varint(field << 3 | 2) + varint(len(body)) + body


def packed(field, values):
    return message(field, b"".join(varint(value) for value in values))


class Writer:
    """Numbers strings, functions and places as they come."""

    def __init__(self, report):
        self.report, self.profile = report, report.profile
        self.strings, self.functions, self.places = {"": 0}, {}, {}
        self.body = bytearray()

    def string(self, words):
        return self.strings.setdefault(words, len(self.strings))

    def type(self, field, name, unit):
        self.body += message(field, number(1, self.string(name)) + number(2, self.string(unit)))

    def function(self, frame):
        key = frame.name, frame.file
        if key not in self.functions:
            made = self.functions[key] = len(self.functions) + 1
            name = self.string(frame.name)
            self.body += message(5, number(1, made) + number(2, name) + number(3, name)
                                 + number(4, self.string(frame.file)))
        return self.functions[key]

    def place(self, address):
        """What is inlined at an address follows one another, the innermost first."""
        if address not in self.places:
            made = self.places[address] = len(self.places) + 1
            lines = b"".join(message(4, number(1, self.function(frame)) + number(2, frame.line or 0))
                             for frame in self.report.names[address])
            call = max(address - (not self.profile.calls), 0)
            self.body += message(4, number(1, made) + number(2, self.mapping(call))
                                 + number(3, call) + lines)
        return self.places[address]

    def mapping(self, address):
        for i, (start, end, *_) in enumerate(self.profile.mappings):
            if start <= address < end:
                return i + 1
        return 0

    def mappings(self):
        for i, (start, end, offset, path, build_id) in enumerate(self.profile.mappings):
            named = b"".join(number(field, 1) for field in (7, 8, 9, 10))  # all that there is
            self.body += message(3, number(1, i + 1) + number(2, start) + number(3, end)
                                 + number(4, offset) + number(5, self.string(path))
                                 + number(6, self.string(build_id)) + named)

    def write(self):
        profile = self.profile
        kinds = [kind for kind in ORDER if self.report.has(kind)] or ["live"]
        for kind in kinds:
            self.type(1, f"{TYPES[kind]}_objects", "count")
            self.type(1, f"{TYPES[kind]}_space", "bytes")
        self.mappings()
        for stack in profile.stacks:
            values = [round(value) for kind in kinds
                      for value in (stack[kind].count, stack[kind].bytes)]
            if any(values):
                places = [self.place(address) for address in stack.frames]
                self.body += message(2, packed(1, places) + packed(2, values))
        shown = next(kind for kind in KINDS if kind in kinds)
        self.body += number(7, self.string(DROP))
        self.body += number(9, int((profile.time_ms or 0) * 1000000))
        self.body += number(10, int((profile.duration_ms or 0) * 1000000))
        self.type(11, "space", "bytes")
        self.body += number(12, int(profile.interval or 0))
        self.body += number(14, self.string(f"{TYPES[shown]}_space"))
        for words in self.strings:
            self.body += message(6, words.encode("utf-8", "replace"))
        return bytes(self.body)


def write(path, report):
    made = gzip.compress(Writer(report).write(), mtime=0)
    try:
        with open(path, "wb") as file:
            file.write(made)
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from None
    print(f"wrote {path}, {text.size(len(made))}")
    return 0
