# SPDX-License-Identifier: MIT
"""Reads the public headers: functions, their comments, and mimalloc's names for them."""

import glob
import os
import re

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), ".."))
PUBLIC = os.path.join(ROOT, "include/rimalloc")
ATTRIBUTES = re.compile(r"\bRI_(?:EXPORT|NODISCARD|MALLOC_LIKE|NOEXCEPT)\b"
                        r"|\bRI_ALLOC_\w+\([^()]*\)|__attribute__\(\([^()]*(?:\([^()]*\))?\)\)")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def public_headers():
    """The headers whose functions are the interface, in the order of their names."""
    return sorted(path for path in glob.glob(os.path.join(PUBLIC, "*.h"))
                  if os.path.basename(path) not in ("layout.h", "fast.h", "mimalloc.h"))


class Block:
    """A comment and the declarations that follow it without an empty line between."""

    def __init__(self, header, section):
        self.header = header
        self.section = section
        self.comment = []
        self.code = []

    def text(self):
        return " ".join(self.comment)

    def declarations(self):
        """(name, declaration in one line) of each exported function."""
        found = []
        lines = [line for line in self.code if not line.lstrip().startswith("#")]
        for statement in re.split(r";", "\n".join(lines)):
            if "RI_EXPORT" not in statement:
                continue
            plain = re.sub(r"\s+", " ", ATTRIBUTES.sub(" ", statement)).strip()
            name = re.search(r"\b(ri_\w+)\s*\(", plain)
            if name:
                found.append((name.group(1), plain.replace("( ", "(").replace(" )", ")") + ";"))
        return found

    def macros(self):
        """(name, its call) of each macro with arguments."""
        return re.findall(r"^#define ((ri_\w+)\([^()]*\))", "\n".join(self.code), re.M)


def blocks(path):
    """The blocks of a header."""
    section = ""
    block = None
    result = []
    for line in read(path).splitlines():
        heading = re.match(r"// ---- (.*?) -*$", line)
        if heading:
            section = heading.group(1)
            block = None
        elif not line.strip():
            block = None
        else:
            comment = re.match(r"\s*//\s?(.*)$", line)
            if block is None or (comment and block.code):
                block = Block(os.path.basename(path), section)
                result.append(block)
            if comment:
                block.comment.append(comment.group(1))
            else:
                block.code.append(line)
    return result


def functions():
    """{name: (block, declaration)} of all exported functions, in the order of the headers."""
    result = {}
    for path in public_headers():
        last = None
        for block in blocks(path):
            declared = block.declarations()
            if declared and not block.comment and last is not None:
                block.comment = last.comment  # it goes on after an empty line
            if declared:
                last = block
            for name, declaration in declared:
                result[name] = (block, declaration)
    return result


def mimalloc_functions():
    """[(mi_ name, ours, version)] of functions.def; version: 0 both, 2 or 3."""
    text = read(os.path.join(PUBLIC, "mimalloc/functions.def"))
    rows, version = [], 0
    for line in re.sub(r",\n\s*", ", ", text).splitlines():
        if line.startswith("#if "):
            version = 3
        elif line.startswith("#else"):
            version = 2
        elif line.startswith("#endif"):
            version = 0
        row = re.match(r"MI_FUN\w*\([^,]*, (mi_\w+), (\w+),", line)
        if row:
            rows.append((row.group(1), row.group(2), version))
    return rows


def synonyms():
    """{ri_ name: what it is bound to} of the header for programs moved from mimalloc."""
    text = read(os.path.join(PUBLIC, "mimalloc/synonyms.h"))
    return dict(re.findall(r"^RIX_SYNONYM\([^,]*, (ri_\w+), (\w+),", text, re.M))


def mimalloc_options():
    """[(name, version, what it is here)] of mimalloc's options.def: ("ours", an option of ours), or
    ("kept", why it has no effect)."""
    kept = dict(strings(read(os.path.join(ROOT, "src/compat/mimalloc/kept.def")), "MI_KEPT"))
    rows, version = [], 0
    for line in read(os.path.join(PUBLIC, "mimalloc/options.def")).splitlines():
        if line.startswith("#if "):
            version = 3
        elif line.startswith("#else"):
            version = 2
        row = re.match(r"MI_OPTION(_AS|_THP|_KEPT)?\((\w+)(?:, (\w+))?\)", line)
        if row and row.group(1) == "_KEPT":
            rows.append((row.group(2), version, ("kept", kept[row.group(3)])))
        elif row:
            ours = "thp" if row.group(1) == "_THP" else row.group(3) or row.group(2)
            rows.append((row.group(2), version, ("ours", ours)))
    return rows


def strings(text, macro):
    """[(first argument, text of the last)] of each use of a macro with a number of numbers
    between."""
    plain = re.sub(r"^\s*//.*$", "", text, flags=re.M)
    found = re.findall(macro + r'\(\s*(\w+)\s*,(?:\s*-?\w+\s*,){3}(?:\s*"\w+"\s*,)?'
                       r'((?:\s*"(?:\\.|[^"\\])*")+)\s*\)', plain)
    return [(name, "".join(re.findall(r'"((?:\\.|[^"\\])*)"', parts))) for name, parts in found]


def options():
    """{name: text} of our options.def."""
    return dict(strings(read(os.path.join(PUBLIC, "options.def")), "RI_OPTION"))


def tests():
    """{path below tests/: its text} of every test."""
    result = {}
    for folder in ("api", "compat", "misuse", "override", "regress", "stress", "unit"):
        for path in sorted(glob.glob(os.path.join(ROOT, "tests", folder, "**"), recursive=True)):
            if path.endswith((".c", ".cc", ".h", ".sh")):
                result[os.path.relpath(path, os.path.join(ROOT, "tests"))] = read(path)
    return result
