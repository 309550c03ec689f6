# SPDX-License-Identifier: MIT
"""Reads LLVM's textual intermediate code (clang -S -emit-llvm -O0) into lists of instructions.

Knows the subset that C without floating point and vectors becomes at -O0, with typed pointers
(LLVM to 14) or opaque ones (from 15). What it does not know ends with Unknown: nothing is skipped.

Types are tuples: ('i', bits), ('p',) pointer, ('v',) void, ('a', count, type), ('s', types, packed),
('n', name) a named structure, ('f',) a function's type.
"""

import re

POINTER = ("p",)
PARAMETER = re.compile(
    r"(?:noundef|nonnull|signext|zeroext|inreg|nocapture|readonly|writeonly|readnone|noalias|"
    r"returned|immarg|nest|align \d+|dereferenceable(?:_or_null)?\(\d+\)|captures\([^)]*\)|"
    r"range\([^)]*\)|initializes\([^)]*\)|(?:sret|byval)(?:\([^)]*\))?)(?=[\s,]|$)\s*")


class Unknown(Exception):
    """A construct that the tool cannot interpret; a property that needs it is not proved."""


def split(text):
    """The parts of a list, at the commas that are not inside brackets."""
    parts, depth, begin, quoted = [], 0, 0, False
    for i, c in enumerate(text):
        if c == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif c in "([{<":
            depth += 1
        elif c in ")]}>":
            depth -= 1
        elif c == "," and depth == 0:
            parts.append(text[begin:i].strip())
            begin = i + 1
    last = text[begin:].strip()
    return parts + [last] if last else parts


def blanks(text, i):
    while i < len(text) and text[i].isspace():
        i += 1
    return i


def parse_type(text, i=0):
    """The type at text[i:] and the position after it."""
    i = blanks(text, i)
    rest = text[i:]
    match = re.match(r"i(\d+)", rest)
    if match:
        kind, i = ("i", int(match[1])), i + match.end()
    elif re.match(r"ptr\b", rest):
        kind, i = POINTER, i + 3
    elif rest.startswith("void"):
        kind, i = ("v",), i + 4
    elif rest.startswith("["):
        match = re.match(r"\[(\d+) x ", rest)
        element, i = parse_type(text, i + match.end())
        kind, i = ("a", int(match[1]), element), i + 1
    elif rest.startswith(("{", "<{")):
        packed = rest.startswith("<")
        i = blanks(text, i + (2 if packed else 1))
        fields = []
        while text[i] != "}":
            field, i = parse_type(text, i)
            fields.append(field)
            i = blanks(text, i)
            if text[i] == ",":
                i = blanks(text, i + 1)
        kind, i = ("s", tuple(fields), packed), i + (2 if packed else 1)
    else:
        match = re.match(r'%[\w.$-]+|%"[^"]+"', rest)
        if not match:
            raise Unknown("type " + rest[:60])
        kind, i = ("n", match[0]), i + match.end()
    while i < len(text) and (text[i] == "*" or text[i:i + 2] == " ("):
        if text[i] == "*":
            kind, i = POINTER, i + 1
            continue
        depth = 0  # a function's type
        while True:
            depth += {"(": 1, ")": -1}.get(text[i], 0)
            i += 1
            if depth == 0 and text[i - 1] == ")":
                break
        kind = ("f",)
    return kind, i


def typed(text):
    """`i64 noundef %x` -> (type, '%x')."""
    kind, i = parse_type(text)
    rest = text[i:].strip()
    while True:
        match = PARAMETER.match(rest)
        if not match:
            return kind, rest.strip()
        rest = rest[match.end():]


class Function:
    def __init__(self, name, parameters):
        self.name = name
        self.parameters = parameters
        self.blocks = {}
        self.entry = None


class Module:
    def __init__(self, path):
        self.structures, self.globals, self.functions = {}, {}, {}
        self.read(path)

    def read(self, path):
        function = label = None
        joined = ""
        with open(path, encoding="utf-8") as file:
            for line in file:
                line = line.rstrip("\n")
                if function is None:
                    function, label = self.read_outside(line)
                elif line == "}":
                    function = None
                else:
                    label, joined = self.read_inside(line, function, label, joined)

    def read_outside(self, line):
        match = re.match(r'(%[\w.$-]+|%"[^"]+") = type (.*)', line)
        if match:
            self.structures[match[1]] = (None if match[2] == "opaque"
                                         else parse_type(match[2])[0])
            return None, None
        match = re.match(r'(@(?:[\w.$-]+|"[^"]+")) = (.*)', line)
        if match:
            self.globals[match[1]] = match[2]
            return None, None
        match = re.match(r"define .*?(@[\w.$-]+)\((.*)\)[^()]*\{", line)
        if not match:
            return None, None
        parameters = [re.findall(r"(%[\w.$-]+)$", p) for p in split(match[2]) if p != "..."]
        function = Function(match[1], [p[0] if p else None for p in parameters])
        self.functions[match[1]] = function
        return function, None

    @staticmethod
    def read_inside(line, function, label, joined):
        match = re.match(r'([\w.$-]+|"[^"]+"):', line)
        if match or label is None:
            label = match[1].strip('"') if match else str(len(function.parameters))
            function.blocks[label] = []
            function.entry = function.entry or label
            if match:
                return label, joined
        text = re.sub(r",? ![\w.]+ .*$| ;.*$", "", line).strip()
        text = re.sub(r"( #\d+)+$", "", text)
        joined = (joined + " " + text).strip()
        if not joined or (joined.startswith("switch") and not joined.endswith("]")):
            return label, joined
        function.blocks[label].append(joined)
        return label, ""

    # ---- Sizes, as on every 64-bit target of the project ---------------------------------------

    def resolve(self, kind):
        while kind[0] == "n":
            if self.structures.get(kind[1]) is None:
                raise Unknown("type " + kind[1])
            kind = self.structures[kind[1]]
        return kind

    def alignment(self, kind):
        kind = self.resolve(kind)
        if kind[0] == "i":
            return min(16, 1 << ((kind[1] + 7) // 8 - 1).bit_length())
        if kind[0] == "a":
            return self.alignment(kind[2])
        if kind[0] == "s":
            return 1 if kind[2] else max([self.alignment(f) for f in kind[1]], default=1)
        return 8

    def size(self, kind):
        kind = self.resolve(kind)
        if kind[0] == "i":
            return 1 << ((kind[1] + 7) // 8 - 1).bit_length()
        if kind[0] == "a":
            return kind[1] * self.size(kind[2])
        if kind[0] == "s":
            end = self.offset(kind, len(kind[1]))[0]
            unit = self.alignment(kind)
            return -(-end // unit) * unit
        return 8

    def offset(self, kind, index):
        """Offset and type of a structure's field; of one past the last, where the last ends."""
        kind = self.resolve(kind)
        at = 0
        for i, field in enumerate(kind[1]):
            if not kind[2]:
                unit = self.alignment(field)
                at = -(-at // unit) * unit
            if i == index:
                return at, field
            at += self.size(field)
        return at, None
