# SPDX-License-Identifier: MIT
"""Values of the symbolic machine: Python integers where they are known, Z3 bit vectors otherwise,
tuples for structures in registers, and POISON for bytes that nobody wrote. Anything but moving a
poison value around is reported as undefined behaviour."""

import z3

SOLVER_SECONDS = 60


class GaveUp(Exception):
    """The tool cannot decide; the property counts as not proved."""


class Poison:
    def __repr__(self):
        return "poison"


POISON = Poison()


class Partial:
    """A word of which only some bytes were written: it may be copied, as padding is."""

    def __init__(self, parts):
        self.parts = parts


def is_poison(value):
    return value is POISON or isinstance(value, Partial)


def mask(value, bits):
    return value & ((1 << bits) - 1)


def signed(value, bits):
    return value - (1 << bits) if value >> (bits - 1) & 1 else value


def vector(value, bits):
    return z3.BitVecVal(value, bits) if isinstance(value, int) else value


def plain(expression):
    """Simplified, and as an integer if it is one."""
    expression = z3.simplify(expression)
    return expression.as_long() if z3.is_bv_value(expression) else expression


def flag(condition):
    """A Z3 condition as a value of one bit."""
    condition = z3.simplify(condition)
    if z3.is_true(condition):
        return 1
    if z3.is_false(condition):
        return 0
    return z3.If(condition, z3.BitVecVal(1, 1), z3.BitVecVal(0, 1))


def select(condition, yes, no, bits):
    if isinstance(condition, int):
        return yes if condition else no
    if is_poison(yes) or is_poison(no):
        raise GaveUp("a choice between a value and a poison value")
    return plain(z3.If(condition == 1, vector(yes, bits), vector(no, bits)))


def extend(value, old, new, with_sign):
    if isinstance(value, int):
        return mask(signed(value, old), new) if with_sign else mask(value, new)
    if new <= old:
        return plain(z3.Extract(new - 1, 0, value)) if new < old else value
    return plain((z3.SignExt if with_sign else z3.ZeroExt)(new - old, value))


# ---- Arithmetic ---------------------------------------------------------------------------------

def arithmetic(name, a, b, bits):
    if isinstance(a, int) and isinstance(b, int):
        whole = {"add": lambda: a + b, "sub": lambda: a - b, "mul": lambda: a * b,
                 "and": lambda: a & b, "or": lambda: a | b, "xor": lambda: a ^ b,
                 "shl": lambda: a << b, "lshr": lambda: a >> b,
                 "ashr": lambda: signed(a, bits) >> b, "udiv": lambda: a // b,
                 "urem": lambda: a % b}.get(name)
        if whole is not None:
            return mask(whole(), bits)
    x, y = vector(a, bits), vector(b, bits)
    return plain({"add": lambda: x + y, "sub": lambda: x - y, "mul": lambda: x * y,
                  "and": lambda: x & y, "or": lambda: x | y, "xor": lambda: x ^ y,
                  "shl": lambda: x << y, "lshr": lambda: z3.LShR(x, y), "ashr": lambda: x >> y,
                  "udiv": lambda: z3.UDiv(x, y), "urem": lambda: z3.URem(x, y),
                  "sdiv": lambda: x / y, "srem": lambda: z3.SRem(x, y)}[name]())


def undefined(name, flags, a, b, bits):
    """Pairs of what would be undefined and its condition, for an operation with its flags."""
    x, y = vector(a, bits), vector(b, bits)
    found = []
    if name in ("shl", "lshr", "ashr"):
        found.append((f"a shift of {bits} bits by as many or more", z3.UGE(y, bits)))
    if name in ("udiv", "urem", "sdiv", "srem"):
        found.append(("a division by zero", y == 0))
    if name in ("sdiv", "srem"):
        found.append(("a signed division that overflows",
                      z3.And(x == 1 << (bits - 1), y == mask(-1, bits))))
    if "nsw" in flags and name in ("add", "sub", "mul", "shl"):
        found.append((f"a signed overflow ({name})", signed_overflow(name, x, y, bits)))
    if "nuw" in flags and name in ("add", "sub", "mul", "shl"):
        found.append((f"an overflow that must not happen ({name} nuw)",
                      unsigned_overflow(name, x, y, bits)))
    if "exact" in flags:
        lost = {"udiv": lambda: z3.URem(x, y) != 0, "sdiv": lambda: z3.SRem(x, y) != 0,
                "lshr": lambda: z3.LShR(x, y) << y != x, "ashr": lambda: (x >> y) << y != x}[name]()
        found.append((f"a division that is not exact ({name})", lost))
    return found


def signed_overflow(name, x, y, bits):
    if name == "shl":
        return (x << y) >> y != x
    wide = bits * 2 if name == "mul" else bits + 1
    return wide_result(name, z3.SignExt(wide - bits, x), z3.SignExt(wide - bits, y)) != \
        z3.SignExt(wide - bits, wide_result(name, x, y))


def unsigned_overflow(name, x, y, bits):
    if name == "shl":
        return z3.LShR(x << y, y) != x
    if name == "sub":
        return z3.ULT(x, y)
    wide = bits * 2 if name == "mul" else bits + 1
    return z3.Extract(wide - 1, bits, wide_result(name, z3.ZeroExt(wide - bits, x),
                                                  z3.ZeroExt(wide - bits, y))) != 0


def wide_result(name, x, y):
    return {"add": x + y, "sub": x - y, "mul": x * y}[name]


def compare(name, a, b, bits):
    x, y = vector(a, bits), vector(b, bits)
    return flag({"eq": lambda: x == y, "ne": lambda: x != y, "ult": lambda: z3.ULT(x, y),
                 "ule": lambda: z3.ULE(x, y), "ugt": lambda: z3.UGT(x, y),
                 "uge": lambda: z3.UGE(x, y), "slt": lambda: x < y, "sle": lambda: x <= y,
                 "sgt": lambda: x > y, "sge": lambda: x >= y}[name]())


# ---- What the compiler's built-in functions compute -----------------------------------------------

def count_bits(value, bits):
    total = z3.BitVecVal(0, bits)
    for i in range(bits):
        total = total + z3.ZeroExt(bits - 1, z3.Extract(i, i, vector(value, bits)))
    return plain(total)


def count_zeros(value, bits, leading):
    x = vector(value, bits)
    result = z3.BitVecVal(bits, bits)
    for i in range(bits) if leading else range(bits - 1, -1, -1):
        result = z3.If(z3.Extract(i, i, x) == 1,
                       z3.BitVecVal(bits - 1 - i if leading else i, bits), result)
    return plain(result)


def with_overflow(name, a, b, bits):
    """llvm.uadd.with.overflow and its kin: (result, whether it overflowed)."""
    x, y = vector(a, bits), vector(b, bits)
    over = (signed_overflow if name[0] == "s" else unsigned_overflow)(name[1:], x, y, bits)
    return plain(wide_result(name[1:], x, y)), flag(over)


def of_two(name, a, b, bits):
    x, y = vector(a, bits), vector(b, bits)
    condition = {"umax": lambda: z3.UGT(x, y), "umin": lambda: z3.ULT(x, y),
                 "smax": lambda: x > y, "smin": lambda: x < y}[name]()
    return plain(z3.If(condition, x, y))
