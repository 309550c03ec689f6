#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks by itself every axiom that the contracts in src/ trust, with Z3 over bit vectors.

Each is stated here once more, for machine words; the axioms are about integers in the same range.
An axiom in src/ that has no line here, or the other way round, is an error.
"""

import os
import re
import sys

try:
    from z3 import (And, BitVec, BitVecVal, BoolVal, Extract, Implies, LShR, Not, Or, Solver, UDiv,
                    UGE, ULE, URem, ZeroExt, unsat)
except ImportError:
    if os.environ.get("RIMALLOC_AXIOMS_AGAIN") or not os.path.exists("/usr/bin/python3"):
        print("skipped: python3 has no module z3; tools/install-deps verify")
        sys.exit(77)
    os.environ["RIMALLOC_AXIOMS_AGAIN"] = "1"
    os.execv("/usr/bin/python3", ["/usr/bin/python3"] + sys.argv)

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

x = BitVec("x", 64)
y = BitVec("y", 64)
LOW = ZeroExt(32, Extract(31, 0, x))  # (uint32_t)x, for the value x as a signed 64-bit number
TWO_32 = BitVecVal(1 << 32, 64)

POWERS = [1 << k for k in range(64)]  # bits_power


def each_power(statement):
    """A statement of k and 2^k for each k that a word can be shifted by."""
    return [statement(k, BitVecVal(a, 64)) for k, a in enumerate(POWERS)]


def bit(word, k):
    """Whether bit k is set: bits_bit."""
    return Extract(k, k, word) == 1


def each_bit(statement):
    """A statement of k for each bit of a word."""
    return [statement(k) for k in range(64)]


HIGH = each_power(lambda k, a: x & ~(a - 1) == x - URem(x, a))

# A statement, or a list of them.
AXIOMS = {
    "bits_power_values": BoolVal([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096]
                                 == POWERS[:13]),
    "bits_power_grows": BoolVal(all(1 <= a <= b for j, b in enumerate(POWERS)
                                    for a in POWERS[:j + 1])),
    "bits_shift_left": each_power(lambda k, a: Implies(ULE(x, 2**32 - 1), x << k == x * a))[:32],
    "bits_shift_one": each_power(lambda k, a: BitVecVal(1, 64) << k == a),
    "bits_shift_right": each_power(lambda k, a: LShR(x, k) == UDiv(x, a)),
    "bits_one": Implies(x != 0, (x & (x - 1) == 0) == Or([x == a for a in POWERS])),
    "bits_low": each_power(lambda k, a: x & (a - 1) == URem(x, a)),
    "bits_high": HIGH,
    "bits_high_next": HIGH,  # of x - 1, which is any word
    "bits_not": each_bit(lambda k: bit(~x, k) == Not(bit(x, k))),
    "bits_and": each_bit(lambda k: bit(x & y, k) == And(bit(x, k), bit(y, k))),
    "bits_from": [bit(BitVecVal(2**64 - 1, 64) << s, k) == BoolVal(k >= s)
                  for s in range(64) for k in range(64)],
    "bits_outside": Implies(x & y != y,
                            Or(each_bit(lambda k: And(bit(y, k), Not(bit(x, k)))))),
    "bits_apart": (x & y == 0) == And(each_bit(lambda k: Implies(bit(y, k), Not(bit(x, k))))),
    "bits_or": each_bit(lambda k: bit(x | y, k) == Or(bit(x, k), bit(y, k))),
    "bits_none": each_bit(lambda k: Not(bit(BitVecVal(0, 64), k))),
    "bits_all": each_bit(lambda k: bit(BitVecVal(2**64 - 1, 64), k)),
    "page_used_mask": (x & 0xFFFF) == URem(x, BitVecVal(0x10000, 64)),
    "page_uint32_over": Implies(And(UGE(x, TWO_32), ULE(x, BitVecVal(0x1FFFFFFFF, 64))),
                                LOW == x - TWO_32),
    "page_uint32_under": Implies(And(x >= -TWO_32, x < 0), LOW == x + TWO_32),
}


def in_source():
    found = set()
    for folder, _, names in os.walk(os.path.join(ROOT, "src")):
        for name in names:
            if name.endswith((".c", ".h")):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    found |= set(re.findall(r"\baxiom (\w+)\s*:", file.read()))
    return found


def main():
    bad = 0
    for name in sorted(in_source() ^ set(AXIOMS)):
        print(f"axioms: {name} is not in both places")
        bad += 1
    for name, statements in AXIOMS.items():
        for statement in statements if isinstance(statements, list) else [statements]:
            solver = Solver()
            solver.add(Not(statement))
            if solver.check() != unsat:
                print(f"axioms: {name} is wrong")
                bad += 1
                break
    print(f"axioms: {len(AXIOMS)} checked, {bad} problems")
    return 1 if bad else 0


sys.exit(main())
