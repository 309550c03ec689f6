# SPDX-License-Identifier: MIT
"""Numbers, tables and colours for terminals."""

import os
import re
import shutil
import sys

COLOURS = {"bold": "1", "soft": "2", "red": "31", "green": "32", "orange": "33"}


def coloured(stream=None):
    stream = stream or sys.stdout
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def paint(text, colour, stream=None):
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if coloured(stream) else text


def width():
    return shutil.get_terminal_size((100, 40)).columns


def size(number, signed=False):
    """Bytes as people read them."""
    if number is None:
        return "–"
    sign = "-" if number < 0 else "+" if signed else ""
    number = abs(number)
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if number >= factor:
            value = number / factor
            return f"{sign}{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {unit}"
    return f"{sign}{number:.0f} B"


def count(number):
    if number is None:
        return "–"
    return f"{number:,.0f}"


def duration(ms):
    if ms is None:
        return "–"
    for unit, factor in (("d", 86400000), ("h", 3600000), ("min", 60000), ("s", 1000)):
        if ms >= factor:
            return f"{ms / factor:.1f} {unit}"
    return f"{ms:.0f} ms" if ms >= 1 else f"{ms * 1000:.0f} µs"


def percent(part, whole):
    return "–" if not whole else f"{100 * part / whole:.1f} %"


def table(heads, rows, left=(0,)):
    """Lines of a table; columns in `left` are aligned to the left."""
    rows = [[str(cell) for cell in row] for row in rows]
    plain = [[re.sub("\x1b\\[[0-9;]*m", "", cell) for cell in row] for row in rows]
    widths = [max([len(head)] + [len(row[i]) for row in plain]) for i, head in enumerate(heads)]

    def line(cells, bare):
        made = []
        for i, cell in enumerate(cells):
            gap = " " * (widths[i] - len(bare[i]))
            made.append(cell + gap if i in left else gap + cell)
        return "  ".join(made).rstrip()

    return [paint(line(heads, heads), "bold")] + [line(row, bare)
                                                  for row, bare in zip(rows, plain)]


def bar(part, whole, cells=24):
    """A bar of eighths."""
    if not whole or part <= 0:
        return ""
    eighths = max(1, round(part / whole * cells * 8))
    full, rest = divmod(min(eighths, cells * 8), 8)
    return "█" * full + ("" if rest == 0 else " ▏▎▍▌▋▊▉"[rest])


def clip(text, most):
    return text if len(text) <= most else text[:max(most - 1, 0)] + "…"


class Progress:
    """Says on standard error, in a terminal, how far something is that takes long."""

    def __init__(self, what, total=None):
        self.what, self.total, self.shown = what, total, sys.stderr.isatty()
        self.said = None

    def at(self, done):
        if not self.shown:
            return
        part = f" {100 * done // self.total} %" if self.total else ""
        if part != self.said:
            self.said = part
            sys.stderr.write(f"\r\x1b[K{self.what} …{part}")
            sys.stderr.flush()

    def end(self):
        if self.shown and self.said is not None:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
