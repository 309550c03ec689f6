# SPDX-License-Identifier: MIT
"""Finds places in the sources by what they are called, for planted bugs, mutants and proofs.

A place is the name of a function, or of a variable with an initialiser, at file scope in src/ or
include/, and a text in its definition; or, for what stands in no definition, the path of a file and a
text in it. A function that base/list.h makes for a list is found in the file of the list. Texts are
compared as C's tokens: line breaks, indentation, comments and contracts mean nothing. So renaming a
file, moving a function or formatting it leaves every place where it was; a text that is gone, or is
there twice, is an error that says which.
"""

import glob
import os
import re

TOKEN = re.compile(
    r"""(?P<skip>\s+|//(?:[^\n\\]|\\.|\\\n)*|/\*.*?\*/)
    |(?P<token>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[A-Za-z_]\w*|\.?\d(?:[\w.]|[eEpP][+-])*
    |\.\.\.|<<=|>>=|->|\+\+|--|<<|>>|[-+*/%&|^<>=!]=|&&|\|\||\#\#|.)""",
    re.S | re.X,
)
LIST = re.compile(r"#\s*define\s+RIX_LIST\s+(\w+)")  # what a file calls a list of base/list.h
DIRECTIVE = re.compile(r"#(?:[^\n\\]|\\.|\\\n)*", re.S)
PATTERNS = ("src/**/*.h", "src/**/*.c", "src/**/*.cc", "include/**/*.h")


class NoPlace(Exception):
    """A place that is not there, or not once; the text says which."""


def tokens(text):
    """[(token, start, end)] without space and comments; a directive of the preprocessor is one."""
    found, at, fresh = [], 0, True
    while at < len(text):
        match = DIRECTIVE.match(text, at) if fresh else None
        if match is not None:
            found.append((match.group(), at, match.end()))
            at = match.end()
            continue
        match = TOKEN.match(text, at)
        if match.lastgroup == "token":
            found.append((match.group(), at, match.end()))
            fresh = False
        elif "\n" in match.group():
            fresh = True
        at = match.end()
    return found


def name_of(words):
    """The name that a definition with these words before its body or initialiser defines."""
    depth, name, previous = 0, None, ""
    for word in words:
        if word in ("=", "[") and depth == 0:
            return previous if re.match(r"[A-Za-z_]\w*$", previous) else None
        if word == "(":
            # Attributes and macros that stand for them are no names of functions.
            if depth == 0 and re.match(r"[a-z]\w*$", previous) and previous != "__attribute__":
                name = previous
            depth += 1
        elif word == ")":
            depth -= 1
        previous = word
    return name


def definitions(file):
    """{name: [(first token, token after the last)]} of a list of tokens."""
    found, begin, at = {}, 0, 0
    while at < len(file):
        word = file[at][0]
        if word.startswith("#") or word in (";", "}"):
            begin = at + 1
        elif word == "{":
            words = [token[0] for token in file[begin:at]]
            if words[:1] == ["extern"] and len(words) == 2:  # extern "C" {
                begin = at + 1
            else:
                depth, end = 1, at + 1
                while end < len(file) and depth > 0:
                    depth += (file[end][0] == "{") - (file[end][0] == "}")
                    end += 1
                if end < len(file) and file[end][0] == ";":
                    end += 1
                name = name_of(words)
                if name is not None:
                    found.setdefault(name, []).append((begin, end))
                at = end - 1
                begin = end
        at += 1
    return found


class Places:
    """The definitions of one tree."""

    def __init__(self, root):
        self.root = root
        self.files = {}    # name of a file: (its text, its tokens)
        self.defined = {}  # name of a definition: [(file, first token, token after the last)]
        self.lists = []    # (name of a list, its file)
        for pattern in PATTERNS:
            for path in sorted(glob.glob(os.path.join(root, pattern), recursive=True)):
                with open(path, encoding="utf-8") as stream:
                    self.add(os.path.relpath(path, root), stream.read())

    def add(self, file, text):
        if file in self.files:
            return
        read = tokens(text)
        self.files[file] = (text, read)
        for name, spans in definitions(read).items():
            self.defined.setdefault(name, []).extend((file, *span) for span in spans)
        self.lists.extend((found.group(1), file) for word, _, _ in read
                          if (found := LIST.match(word)))

    def file_of(self, name):
        """The file that defines `name`."""
        files = sorted({file for file, _, _ in self.defined.get(name, ())} or
                       {file for prefix, file in self.lists if name.startswith(prefix + "_") and
                        "rix_list" + name[len(prefix):] in self.defined})
        if not files:
            raise NoPlace(f"nothing in src/ or include/ defines {name}")
        if len(files) > 1:
            raise NoPlace(f"{name} is defined in {' and in '.join(files)}")
        return files[0]

    def spans(self, name):
        """Where the text of a place may be: [(file, first token, token after the last)]."""
        if "/" in name:
            if name not in self.files:
                raise NoPlace(f"there is no {name}")
            return [(name, 0, len(self.files[name][1]))]
        if name not in self.defined:
            raise NoPlace(f"nothing in src/ or include/ defines {name}")
        return self.defined[name]

    def find(self, name, text):
        """(file, start, end) of the only place in the definition of `name` that reads `text`."""
        wanted = [token[0] for token in tokens(text)]
        if not wanted:
            raise NoPlace(f"no text is given for {name}")
        spans = self.spans(name)
        found = []
        for file, begin, end in spans:
            read = self.files[file][1]
            words = [token[0] for token in read[begin:end]]
            for at in range(len(words) - len(wanted) + 1):
                if words[at] == wanted[0] and words[at:at + len(wanted)] == wanted:
                    last = begin + at + len(wanted) - 1
                    found.append((file, read[begin + at][1], read[last][2]))
        if len(found) != 1:
            times = f"this text {len(found)} times" if found else "no such text"
            where = "" if name in self.files else f" ({spans[0][0]})"
            raise NoPlace(f"{name}{where} has {times}: {' '.join(text.split())}")
        return found[0]

    def edited(self, name, old, new):
        """(file, its text with `new` in the place of `old`)."""
        file, start, end = self.find(name, old)
        text = self.files[file][0]
        if "//" in new.rpartition("\n")[2]:
            new += "\n"
        return file, text[:start] + new + text[end:]

    def lines(self, name, old):
        """(file, first line, last line) of a place, counted from 1."""
        file, start, end = self.find(name, old)
        text = self.files[file][0]
        return file, text.count("\n", 0, start) + 1, text.count("\n", 0, end) + 1
