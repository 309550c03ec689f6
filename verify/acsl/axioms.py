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
    from z3 import (And, BitVec, BitVecVal, Extract, Implies, Not, Solver, UGE, ULE, URem,
                    ZeroExt, unsat)
except ImportError:
    if os.environ.get("RIMALLOC_AXIOMS_AGAIN") or not os.path.exists("/usr/bin/python3"):
        print("skipped: python3 has no module z3; tools/install-deps verify")
        sys.exit(77)
    os.environ["RIMALLOC_AXIOMS_AGAIN"] = "1"
    os.execv("/usr/bin/python3", ["/usr/bin/python3"] + sys.argv)

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

x = BitVec("x", 64)
LOW = ZeroExt(32, Extract(31, 0, x))  # (uint32_t)x, for the value x as a signed 64-bit number
TWO_32 = BitVecVal(1 << 32, 64)

AXIOMS = {
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
    for name, statement in AXIOMS.items():
        solver = Solver()
        solver.add(Not(statement))
        if solver.check() != unsat:
            print(f"axioms: {name} is wrong")
            bad += 1
    print(f"axioms: {len(AXIOMS)} checked, {bad} problems")
    return 1 if bad else 0


sys.exit(main())
