# SPDX-License-Identifier: MIT
"""Runs one C function for all values of its inputs at once.

Inputs are bit vectors; where a branch depends on one, both ways are followed that are possible, so
a property holds when all paths have ended. A path that does not end within its limit, an operation
that this tool does not know, or a solver without an answer is a GaveUp, never a proof.

Checked on each path: the property's assertions; signed overflow, shifts, division and every other
poison that the compiler marks (nsw, nuw, exact); accesses outside of objects, misaligned, to
constants, or of memory never written; pointers that leave their object; comparisons of pointers
into different objects; unreachable code. Atomics have their sequential meaning.
"""

import re

import z3

from ir import POINTER, Unknown, parse_type, split, typed
from memory import Memory
from values import (POISON, SOLVER_SECONDS, GaveUp, arithmetic, compare, count_bits, count_zeros,
                    extend, is_poison, mask, of_two, select, undefined, vector,
                    with_overflow)

STEPS_MAX = 200000     # instructions on one path
DECISIONS_MAX = 1500   # on one path that depend on the inputs
PATHS_MAX = 60000      # of one property
ADDRESSES_MAX = 512    # values that a symbolic address may have

BINARY = {"add", "sub", "mul", "and", "or", "xor", "shl", "lshr", "ashr", "udiv", "urem", "sdiv",
          "srem"}
CASTS = {"zext", "sext", "trunc", "ptrtoint", "inttoptr", "bitcast"}


class Violation(Exception):
    """The property is wrong, or the code is; carries the inputs."""

    def __init__(self, what, where, inputs):
        super().__init__(what)
        self.what, self.where, self.inputs = what, where, inputs


class Ended(Exception):
    """This path is over."""


class Frame:
    def __init__(self, function, values, target):
        self.function, self.target = function, target
        self.values = values
        self.label, self.before, self.at = function.entry, None, 0
        self.objects = []

    def copy(self):
        other = Frame(self.function, dict(self.values), self.target)
        other.label, other.before, other.at = self.label, self.before, self.at
        other.objects = list(self.objects)
        return other


class State:
    def __init__(self):
        self.memory, self.frames = Memory(), []
        self.conditions, self.model = [], None
        self.inputs = []  # (name, C type, value)
        self.steps = self.decisions = 0

    def copy(self):
        other = State()
        other.memory = self.memory.copy()
        other.frames = [f.copy() for f in self.frames]
        other.conditions, other.model = list(self.conditions), self.model
        other.inputs, other.steps = list(self.inputs), self.steps
        other.decisions = self.decisions
        return other


class Machine:
    def __init__(self, module):
        self.module = module
        self.addresses = {}
        self.paths = self.queries = 0
        self.reached = set()  # (function, block, position) of assertions that ran
        self.work = []

    # ---- The solver ------------------------------------------------------------------------------

    def possible(self, state, *extra):
        """A model of the path's conditions and the extra ones, or None."""
        if state.model is not None and all(
                z3.is_true(state.model.eval(e, model_completion=True)) for e in extra):
            return state.model
        solver = z3.SolverFor("QF_BV")
        solver.set("timeout", SOLVER_SECONDS * 1000)
        solver.add(*state.conditions, *extra)
        self.queries += 1
        answer = solver.check()
        if answer == z3.unknown:
            raise GaveUp(f"the solver has no answer after {SOLVER_SECONDS} s")
        return solver.model() if answer == z3.sat else None

    def assume(self, state, condition, model=None):
        model = model if model is not None else self.possible(state, condition)
        if model is None:
            raise Ended
        state.conditions.append(condition)
        state.model = model

    def refute(self, state, what, condition):
        """Reports `what` if the condition can be true; goes on where it is false."""
        condition = z3.simplify(condition)
        if z3.is_false(condition):
            return
        model = self.possible(state, condition)
        if model is not None:
            self.fail(state, what, model)
        state.conditions.append(z3.Not(condition))

    def fail(self, state, what, model=None):
        model = model if model is not None else self.possible(state)
        if model is None:
            raise Ended
        known = []
        for name, kind, value in state.inputs:
            if not isinstance(value, int):
                value = model.eval(value, model_completion=True).as_long()
            known.append((name, kind, value))
        frame = state.frames[-1]
        raise Violation(what, frame.function.name[1:], known)

    def ways(self, state, value, bits):
        """The state once for each value that an address can have."""
        if isinstance(value, int):
            return [(state, value)]
        found, excluded = [], []
        while True:
            model = self.possible(state, *excluded)
            if model is None:
                break
            chosen = model.eval(value, model_completion=True).as_long()
            other = state.copy()
            other.conditions.append(value == chosen)
            other.model = model
            found.append((other, chosen))
            excluded.append(value != z3.BitVecVal(chosen, bits))
            if len(found) > ADDRESSES_MAX:
                raise GaveUp("an address has too many values")
        if not found:
            raise Ended
        return found

    # ---- Starting --------------------------------------------------------------------------------

    def prove(self, name):
        state = State()
        for symbol, text in self.module.globals.items():
            match = re.search(r"\b(global|constant) ", text)
            if not match:
                raise Unknown("global " + symbol)
            kind, _ = parse_type(text, match.end())
            self.addresses[symbol] = state.memory.allocate(
                self.module.size(kind), symbol[1:], 64, match[1] == "constant")
        for symbol in self.module.functions:
            self.addresses[symbol] = state.memory.allocate(0, symbol[1:])
        for symbol, text in self.module.globals.items():
            match = re.search(r"\b(global|constant) ", text)
            kind, i = parse_type(text, match.end())
            if not re.search(r"\bexternal\b", text[:match.start()]):
                self.initialise(state, self.addresses[symbol], kind, split(text[i:])[0])
        entry = self.module.functions["@" + name]
        state.frames.append(Frame(entry, {}, None))
        self.work = [state]
        while self.work:
            state = self.work.pop()
            try:
                while True:
                    self.step(state)
            except Ended:
                self.paths += 1
            if self.paths + len(self.work) > PATHS_MAX:
                raise GaveUp(f"more than {PATHS_MAX} paths")
        self.check_reached(entry)

    def check_reached(self, entry):
        """An assertion that no path reaches proves nothing: its assumptions exclude each other."""
        total = 0
        for label, lines in entry.blocks.items():
            for at, line in enumerate(lines):
                if "@sym_assert(" in line:
                    total += 1
                    if (entry.name, label, at) not in self.reached:
                        raise GaveUp(f"an assertion of {entry.name[1:]} was never reached")
        if total == 0:
            raise GaveUp(f"{entry.name[1:]} asserts nothing")

    def initialise(self, state, at, kind, text):
        text = text.strip()
        kind = self.module.resolve(kind)
        size = self.module.size(kind)
        if text == "zeroinitializer":
            state.memory.store(at, 0, size)
        elif text.startswith('c"'):
            raw = re.sub(rb"\\([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]),
                         text[2:-1].encode())
            for i, byte in enumerate(raw):
                state.memory.store(at + i, byte, 1)
        elif text in ("undef", "poison"):
            state.memory.store(at, POISON, size)
        elif kind[0] in "as":
            inner = text[2:-2] if text.startswith("<") else text[1:-1]
            for i, part in enumerate(split(inner)):
                field, j = parse_type(part)
                step = (i * self.module.size(kind[2]) if kind[0] == "a"
                        else self.module.offset(kind, i)[0])
                self.initialise(state, at + step, field, part[j:])
        else:
            state.memory.store(at, self.operand(state, {}, kind, text), size)

    # ---- Operands --------------------------------------------------------------------------------

    def operand(self, state, values, kind, text):
        if text[0] == "%":
            return values[text]
        if text[0] == "@":
            if text not in self.addresses:
                raise Unknown("symbol " + text)
            return self.addresses[text]
        bits = kind[1] if kind[0] == "i" else 64
        if re.fullmatch(r"-?\d+", text):
            return mask(int(text), bits)
        if text in ("true", "false"):
            return int(text == "true")
        if text in ("null", "zeroinitializer"):
            return 0
        if text in ("undef", "poison"):
            resolved = self.module.resolve(kind)
            return tuple(POISON for _ in resolved[1]) if resolved[0] == "s" else POISON
        match = re.match(r"(getelementptr|bitcast|ptrtoint|inttoptr)\s*(?:inbounds\s*)?\((.*)\)$",
                         text)
        if match and match[1] == "getelementptr":
            return self.pointer(state, values, match[2], False)
        if match:
            inner, inside = typed(match[2].rsplit(" to ", 1)[0])
            return self.operand(state, values, inner, inside)
        raise Unknown("operand " + text)

    def typed_operand(self, state, values, text):
        kind, rest = typed(text)
        return kind, self.operand(state, values, kind, rest)

    def known(self, state, value, what="a computation"):
        if is_poison(value):
            self.fail(state, f"{what} with a value that was never set")
        return value

    def used(self, state, values, kind, text):
        return self.known(state, self.operand(state, values, kind, text))

    def pointer(self, state, values, text, inbounds):
        parts = split(text)
        kind, _ = parse_type(parts[0])
        base = self.known(state, self.typed_operand(state, values, parts[1])[1])
        offset = 0
        for i, part in enumerate(parts[2:]):
            index_kind, index = self.typed_operand(state, values, part)
            index = extend(self.known(state, index), index_kind[1], 64, True)
            if i == 0:
                scale = self.module.size(kind)
            else:
                kind = self.module.resolve(kind)
                if kind[0] == "a":
                    kind = kind[2]
                    scale = self.module.size(kind)
                else:
                    index, kind = self.module.offset(kind, index)
                    scale = 1
            offset = arithmetic("add", offset, arithmetic("mul", index, scale, 64), 64)
        address = arithmetic("add", base, offset, 64)
        if inbounds:
            self.check_inbounds(state, base, address, offset)
        return address

    def check_inbounds(self, state, base, address, offset):
        found = state.memory.find(base) if isinstance(base, int) else None
        if found is not None:
            low, high = found.start, found.start + found.size
            outside = z3.Or(z3.ULT(vector(address, 64), low), z3.UGT(vector(address, 64), high))
            self.refute(state, f"a pointer that leaves {found.name} of {found.size} bytes", outside)
            return
        # A pointer made of an input: only that the address does not wrap around.
        if isinstance(base, int) and base == 0:
            self.refute(state, "arithmetic with a null pointer", vector(offset, 64) != 0)
            return
        x, d = vector(base, 64), vector(offset, 64)
        wraps = z3.If(d >= 0, z3.ULT(x + d, x), z3.UGT(x + d, x))
        self.refute(state, "pointer arithmetic that wraps around", wraps)

    # ---- Instructions ----------------------------------------------------------------------------

    def step(self, state):
        state.steps += 1
        if state.steps > STEPS_MAX:
            raise GaveUp(f"a path of more than {STEPS_MAX} instructions: a loop without end?")
        frame = state.frames[-1]
        line = frame.function.blocks[frame.label][frame.at]
        frame.at += 1
        match = re.match(r"(%[\w.$-]+) = (.*)", line)
        target, text = (match[1], match[2]) if match else (None, line)
        text = re.sub(r"^(tail|musttail|notail) ", "", text)
        word, _, rest = text.partition(" ")
        result = self.execute(state, frame, word, rest, target)
        if target is not None and result is not None:
            frame.values[target] = result

    def execute(self, state, frame, word, rest, target):
        if word in BINARY:
            return self.binary(state, frame.values, word, rest)
        if word in CASTS:
            return self.cast(state, frame.values, word, rest)
        method = getattr(self, "do_" + word, None)
        if method is None:
            raise Unknown(f"instruction {word} {rest}")
        return method(state, frame, rest, target)

    def binary(self, state, values, word, rest):
        match = re.match(r"((?:nuw |nsw |exact |disjoint )*)(.*)", rest)
        kind, i = parse_type(match[2])
        a, b = [self.used(state, values, kind, t) for t in split(match[2][i:])]
        for what, condition in undefined(word, match[1], a, b, kind[1]):
            self.refute(state, what, condition)
        return arithmetic(word, a, b, kind[1])

    def cast(self, state, values, word, rest):
        source, to = re.sub(r"^((nuw|nsw|nneg) )+", "", rest).rsplit(" to ", 1)
        kind, value = self.typed_operand(state, values, source)
        old, new = (k[1] if k[0] == "i" else 64 for k in (kind, parse_type(to)[0]))
        if is_poison(value) and word == "bitcast":
            return value
        return extend(self.known(state, value), old, new, word == "sext")

    def do_icmp(self, state, frame, rest, _):
        word, rest = rest.split(" ", 1)
        kind, i = parse_type(rest)
        a, b = [self.used(state, frame.values, kind, t) for t in split(rest[i:])]
        if kind == POINTER and word not in ("eq", "ne"):
            first, second = (state.memory.find(x) if isinstance(x, int) else None for x in (a, b))
            if first is not None and second is not None and first is not second:
                self.fail(state, "a comparison of pointers into different objects")
        return compare(word, a, b, kind[1] if kind[0] == "i" else 64)

    def do_select(self, state, frame, rest, _):
        parts = split(rest)
        condition = self.known(state, self.typed_operand(state, frame.values, parts[0])[1])
        kind, yes = self.typed_operand(state, frame.values, parts[1])
        no = self.typed_operand(state, frame.values, parts[2])[1]
        return select(condition, yes, no, kind[1] if kind[0] == "i" else 64)

    def do_freeze(self, state, frame, rest, _):
        return self.known(state, self.typed_operand(state, frame.values, rest)[1])

    def do_getelementptr(self, state, frame, rest, _):
        inbounds = "inbounds" in rest.split("%")[0]
        rest = re.sub(r"^((inbounds|nuw|nusw) )+", "", rest)
        return self.pointer(state, frame.values, rest, inbounds)

    def do_alloca(self, state, frame, rest, target):
        parts = split(rest)
        if len(parts) > 2:
            raise Unknown("alloca " + rest)
        kind, _ = parse_type(parts[0])
        unit = int(re.search(r"align (\d+)", rest)[1])
        start = state.memory.allocate(self.module.size(kind), target[1:], unit)
        frame.objects.append(start)
        return start

    def access(self, state, target, address, size, unit, action, store):
        """Calls action(state, address) for each address that is possible; checks each. Other
        states than the present one are entered into the work, with the result in `target`."""
        address = self.known(state, address, "an access through a pointer")
        alternatives = self.ways(state, address, 64)
        for other, at in alternatives[1:]:
            self.finish_access(other, target, at, size, unit, action, store)
            self.work.append(other)
        first, at = alternatives[0]
        if first is not state:
            state.conditions, state.model = first.conditions, first.model
        self.finish_access(state, target, at, size, unit, action, store)

    def finish_access(self, state, target, at, size, unit, action, store):
        problem = state.memory.problem(at, size, unit, store)
        if problem is not None:
            self.fail(state, problem)
        result = action(state, at)
        if target is not None:
            state.frames[-1].values[target] = result

    def read(self, state, at, kind):
        kind = self.module.resolve(kind)
        if kind[0] == "s":
            return tuple(self.read(state, at + self.module.offset(kind, i)[0], f)
                         for i, f in enumerate(kind[1]))
        size = self.module.size(kind)
        value = state.memory.load(at, size)
        if not is_poison(value) and kind[0] == "i" and kind[1] < 8 * size:
            value = extend(value, 8 * size, kind[1], False)
        return value

    def write(self, state, at, kind, value):
        kind = self.module.resolve(kind)
        if kind[0] == "s":
            for i, field in enumerate(kind[1]):
                self.write(state, at + self.module.offset(kind, i)[0], field, value[i])
            return
        size = self.module.size(kind)
        if not is_poison(value) and kind[0] == "i":
            value = extend(value, kind[1], 8 * size, False)
        state.memory.store(at, value, size)

    def do_load(self, state, frame, rest, target):
        parts = split(re.sub(r"^((volatile|atomic) )+", "", rest))
        kind, _ = parse_type(parts[0])
        address = self.typed_operand(state, frame.values, self.without_order(parts[1]))[1]
        unit = int(re.search(r"align (\d+)", rest)[1])
        self.access(state, target, address, self.module.size(kind), unit,
                    lambda s, at: self.read(s, at, kind), False)

    @staticmethod
    def without_order(text):
        return re.sub(r" (unordered|monotonic|acquire|release|acq_rel|seq_cst)\b.*", "", text)

    def do_store(self, state, frame, rest, _):
        parts = split(re.sub(r"^((volatile|atomic) )+", "", rest))
        kind, value = self.typed_operand(state, frame.values, parts[0])
        address = self.typed_operand(state, frame.values, self.without_order(parts[1]))[1]
        unit = int(re.search(r"align (\d+)", rest)[1])
        self.access(state, None, address, self.module.size(kind), unit,
                    lambda s, at: self.write(s, at, kind, value), True)

    def do_atomicrmw(self, state, frame, rest, target):
        word, rest = re.sub(r"^volatile ", "", rest).split(" ", 1)
        parts = split(rest)
        address = self.typed_operand(state, frame.values, parts[0])[1]
        kind, value = self.typed_operand(state, frame.values, self.without_order(parts[1]))
        bits = kind[1] if kind[0] == "i" else 64

        def change(s, at):
            old = self.known(s, self.read(s, at, kind))
            self.write(s, at, kind, value if word == "xchg" else arithmetic(word, old, value, bits))
            return old

        if word not in BINARY | {"xchg"}:
            raise Unknown("atomicrmw " + word)
        size = self.module.size(kind)
        self.access(state, target, address, size, size, change, True)

    def do_cmpxchg(self, state, frame, rest, target):
        parts = split(re.sub(r"^((weak|volatile) )+", "", rest))
        address = self.typed_operand(state, frame.values, parts[0])[1]
        kind, expected = self.typed_operand(state, frame.values, parts[1])
        new = self.typed_operand(state, frame.values, self.without_order(parts[2]))[1]
        bits = kind[1] if kind[0] == "i" else 64

        def change(s, at):
            old = self.known(s, self.read(s, at, kind))
            same = compare("eq", old, self.known(s, expected), bits)
            self.write(s, at, kind, select(same, new, old, bits))
            return old, same

        size = self.module.size(kind)
        self.access(state, target, address, size, size, change, True)

    def do_fence(self, *_):
        return None

    def do_extractvalue(self, state, frame, rest, _):
        parts = split(rest)
        value = self.typed_operand(state, frame.values, parts[0])[1]
        for index in parts[1:]:
            value = value[int(index)]
        return value

    def do_insertvalue(self, state, frame, rest, _):
        parts = split(rest)
        whole = list(self.typed_operand(state, frame.values, parts[0])[1])
        if len(parts) != 3:
            raise Unknown("insertvalue " + rest)
        whole[int(parts[2])] = self.typed_operand(state, frame.values, parts[1])[1]
        return tuple(whole)

    def do_unreachable(self, state, *_):
        self.fail(state, "code that must not be reached")

    # ---- Control ---------------------------------------------------------------------------------

    def go(self, state, frame, label):
        frame.before, frame.label, frame.at = frame.label, label, 0
        lines = frame.function.blocks[label]
        values = {}
        while (match := re.match(r"(%[\w.$-]+) = phi (.*)", lines[frame.at])):
            kind, i = parse_type(match[2])
            for value, source in re.findall(r"\[ (.+?), %([\w.$-]+) \]", match[2][i:]):
                if source == frame.before:
                    values[match[1]] = self.operand(state, frame.values, kind, value)
            frame.at += 1
        frame.values.update(values)

    def fork(self, state, condition, label):
        """Enters the way to `label` into the work if it is possible."""
        model = self.possible(state, condition)
        if model is not None:
            other = state.copy()
            other.conditions.append(condition)
            other.model = model
            self.go(other, other.frames[-1], label)
            self.work.append(other)

    def do_br(self, state, frame, rest, _):
        labels = re.findall(r"label %([\w.$-]+)", rest)
        if len(labels) == 1:
            self.go(state, frame, labels[0])
            return
        condition = self.known(state, self.typed_operand(state, frame.values, split(rest)[0])[1],
                               "a decision")
        if not isinstance(condition, int):
            state.decisions += 1
            if state.decisions > DECISIONS_MAX:
                raise GaveUp(f"a path of more than {DECISIONS_MAX} decisions: a loop without end?")
            self.fork(state, condition == 0, labels[1])
            self.assume(state, condition == 1, self.possible(state, condition == 1))
            condition = 1
        self.go(state, frame, labels[0] if condition else labels[1])

    def do_switch(self, state, frame, rest, _):
        head, _, table = rest.partition("[")
        kind, value = self.typed_operand(state, frame.values, split(head)[0])
        value = self.known(state, value, "a decision")
        default = re.search(r"label %([\w.$-]+)", head)[1]
        cases = [(mask(int(v), kind[1]), label)
                 for v, label in re.findall(r"i\d+ (-?\d+), label %([\w.$-]+)", table)]
        if isinstance(value, int):
            self.go(state, frame, dict(cases).get(value, default))
            return
        for number, label in cases:
            self.fork(state, value == number, label)
        self.assume(state, z3.And(*[value != number for number, _ in cases]))
        self.go(state, frame, default)

    def do_ret(self, state, frame, rest, _):
        value = None
        if rest != "void":
            value = self.typed_operand(state, frame.values, rest)[1]
        for start in frame.objects:
            state.memory.free(start)
        state.frames.pop()
        if not state.frames:
            raise Ended
        if frame.target is not None:
            state.frames[-1].values[frame.target] = value

    def do_call(self, state, frame, rest, target):
        match = re.match(r"(?:.*?)(@[\w.$-]+)\((.*)\)$", rest)
        if not match:
            raise Unknown("call " + rest)
        name, texts = match[1], split(match[2])
        arguments = [self.typed_operand(state, frame.values, t) for t in texts]
        if name.startswith("@sym_"):
            return self.harness(state, frame, name[5:], [v for _, v in arguments], target)
        if name.startswith("@llvm."):
            return self.intrinsic(state, name[6:], arguments)
        function = self.module.functions.get(name)
        if function is None:
            raise Unknown(f"a call of {name[1:]}, which has no body here")
        values = dict(zip(function.parameters, (v for _, v in arguments)))
        state.frames.append(Frame(function, values, target))
        return None

    # ---- The functions that a property calls ------------------------------------------------------

    def text_at(self, state, address):
        found = ""
        while (byte := state.memory.load(address, 1)) != 0:
            found += chr(byte)
            address += 1
        return found

    def harness(self, state, frame, name, arguments, target):
        match = re.fullmatch(r"u(8|16|32|64)", name)
        if match:
            bits = int(match[1])
            value = z3.BitVec(f"{len(state.inputs)}", bits)
            state.inputs.append((self.text_at(state, arguments[0]), f"uint{bits}_t", value))
            return value
        if name == "each":  # a known number below a bound: one path for each
            count, text = arguments[0], self.text_at(state, arguments[1])
            for i in range(1, count):
                other = state.copy()
                other.inputs.append((text, "unsigned", i))
                other.frames[-1].values[target] = i
                self.work.append(other)
            state.inputs.append((text, "unsigned", 0))
            return 0
        condition = self.known(state, arguments[0], "an assertion")
        if name == "assume":
            if condition == 0 and isinstance(condition, int):
                raise Ended
            if not isinstance(condition, int):
                self.assume(state, condition == 1, self.possible(state, condition == 1))
            return None
        if name == "assert":
            self.reached.add((frame.function.name, frame.label, frame.at - 1))
            self.refute(state, "the property does not hold: " +
                        self.text_at(state, arguments[1]), vector(condition, 1) == 0)
            return None
        raise Unknown("sym_" + name)

    def intrinsic(self, state, name, arguments):
        word = name.split(".")[0]
        if word in ("lifetime", "dbg", "donothing") or name.startswith("experimental.noalias"):
            return None
        kind, first = arguments[0]
        bits = kind[1] if kind[0] == "i" else 64
        if word in ("memcpy", "memmove", "memset"):
            return self.block_operation(state, word, [v for _, v in arguments])
        values = [self.known(state, v) for _, v in arguments]
        if word == "expect":
            return first
        if word in ("ctlz", "cttz"):
            if values[1] == 1:
                self.refute(state, "a count of the zeros of 0", vector(first, bits) == 0)
            return count_zeros(first, bits, word == "ctlz")
        if word == "ctpop":
            return count_bits(first, bits)
        if ".with.overflow" in name:
            return with_overflow(word, values[0], values[1], bits)
        if word in ("umax", "umin", "smax", "smin"):
            return of_two(word, values[0], values[1], bits)
        raise Unknown("intrinsic " + name)

    def block_operation(self, state, word, arguments):
        to, second, size = arguments[:3]
        if not isinstance(to, int) or not isinstance(size, int):
            raise Unknown(f"{word} with an unknown place or size")
        if size == 0:
            return None
        problem = state.memory.problem(to, size, 1, True)
        if word != "memset" and problem is None:
            if not isinstance(second, int):
                raise Unknown(f"{word} from an unknown place")
            problem = state.memory.problem(second, size, 1, False)
        if problem is not None:
            self.fail(state, problem)
        if word == "memset":
            for i in range(size):
                state.memory.store(to + i, second, 1)
        else:
            state.memory.move(to, second, size)
        return None
