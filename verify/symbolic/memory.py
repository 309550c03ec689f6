# SPDX-License-Identifier: MIT
"""Memory of the symbolic machine: objects at fixed addresses with gaps in between, one value for
each byte. A byte that was never written is poison. Objects of a function end with it."""

import bisect

import z3

from values import POISON, Partial, mask, plain, vector

GAP = 256


class Object:
    def __init__(self, start, size, name, constant=False):
        self.start, self.size, self.name, self.constant = start, size, name, constant


class Memory:
    def __init__(self):
        self.bytes = {}
        self.starts, self.objects = [], []
        self.next = 0x100000

    def copy(self):
        other = Memory()
        other.bytes = dict(self.bytes)
        other.starts, other.objects = list(self.starts), list(self.objects)
        other.next = self.next
        return other

    def allocate(self, size, name, alignment=16, constant=False):
        start = -(-self.next // alignment) * alignment
        self.next = start + size + GAP
        self.starts.append(start)
        self.objects.append(Object(start, size, name, constant))
        return start

    def free(self, start):
        at = self.starts.index(start)
        for i in range(self.objects[at].size):
            self.bytes.pop(start + i, None)
        del self.starts[at], self.objects[at]

    def find(self, address):
        """The object that the address points into, or just behind."""
        at = bisect.bisect_right(self.starts, address) - 1
        if at < 0:
            return None
        found = self.objects[at]
        return found if address <= found.start + found.size else None

    def problem(self, address, size, unit, store):
        """What is wrong with an access; None when nothing is."""
        found = self.find(address)
        word = "write" if store else "read"
        if found is None or address + size > found.start + found.size:
            where = f" ({found.name} has {found.size} bytes)" if found else ""
            return f"a {word} of {size} bytes outside of all objects, at {address:#x}{where}"
        if address % unit != 0:
            return f"a {word} at {address:#x}, which is not a multiple of {unit}"
        if store and found.constant:
            return f"a write to the constant {found.name}"
        return None

    def load(self, address, size):
        parts = [self.bytes.get(address + i, POISON) for i in range(size)]
        if any(p is POISON for p in parts):
            return POISON if all(p is POISON for p in parts) else Partial(parts)
        if all(isinstance(p, int) for p in parts):
            return sum(p << 8 * i for i, p in enumerate(parts))
        if size == 1:
            return parts[0]
        return plain(z3.Concat(*[vector(p, 8) for p in reversed(parts)]))

    def store(self, address, value, size):
        for i in range(size):
            if value is POISON:
                part = POISON
            elif isinstance(value, Partial):
                part = value.parts[i]
            elif isinstance(value, int):
                part = mask(value >> 8 * i, 8)
            else:
                part = plain(z3.Extract(8 * i + 7, 8 * i, value))
            self.bytes[address + i] = part

    def move(self, to, source, size):
        parts = [self.bytes.get(source + i, POISON) for i in range(size)]
        for i, part in enumerate(parts):
            self.bytes[to + i] = part
