# SPDX-License-Identifier: MIT
"""`rimalloc heap-map` and `rimalloc stat`: the memory of a process as a picture and in numbers."""

import html
import json
import sys
import time

from . import heap as heaps_of
from . import text
from .failure import Failure
from .look import Look
from .memory import Unreadable, subject
from .tables import Ages

CELLS = 2048  # of the picture in a terminal
LEVELS = "▁▂▃▄▅▆▇█"
# Colours of the 256 of a terminal and of SVG, from small blocks to large ones.
HUES = [(38, "#3a86c8"), (44, "#2aa3a3"), (35, "#3a9d5d"), (106, "#7f9f2f"), (178, "#c99a1c"),
        (208, "#d9772b"), (203, "#cf4f4a"), (170, "#a8569e")]
NAMES = ["≤ 64", "≤ 256", "≤ 1 KiB", "≤ 4 KiB", "≤ 8 KiB", "≤ 32 KiB", "≤ 64 KiB", "larger"]
BOUNDS = [64, 256, 1024, 4096, 8192, 32768, 65536]


def look_at(word, aged=False):
    memory = subject(word)
    heaps = heaps_of.heaps(memory)
    look = look_again(memory, heaps)
    look.ages = Ages(heaps if aged else [])
    return look


def look_again(memory, heaps):
    try:
        return Look(memory, heaps)
    except Unreadable as error:
        if memory.pid is None:
            raise Failure(f"{memory.name} lacks memory at {error.args[0]:#x}",
                          "it may have been written with parts left out") from None
        raise Failure(f"{memory.name} has ended") from None


def hue(page):
    size = 1 << 62 if page.kind in ("single", "mapped") else page.block_size
    return next((i for i, bound in enumerate(BOUNDS) if size <= bound), len(BOUNDS))


def occupancy(page):
    if page.kind in ("single", "mapped"):
        return 1.0 if page.live else 0.0
    return page.live * page.block_size / page.bytes if page.bytes else 0.0


# ---- The picture in a terminal -------------------------------------------------------------------

def cell(slices, colour):
    """One cell for some slices."""
    pages = [one.page for one in slices if one.page is not None]
    if not pages:
        return "·" if any(one.kept for one in slices) else " "
    share = sum(occupancy(page) for page in pages) / len(slices)
    mark = LEVELS[min(int(share * len(LEVELS)), len(LEVELS) - 1)]
    if not colour:
        return mark
    most = max((hue(page) for page in pages), key=[hue(page) for page in pages].count)
    return f"\x1b[38;5;{HUES[most][0]}m{mark}\x1b[0m"


def picture(look):
    colour = text.coloured()
    total = sum(len(slices) for _, slices in look.arenas)
    each = max(1, -(-total // CELLS))
    columns = max(16, min(128, (text.width() - 18) // 16 * 16))
    lines = [f"one character: {each * 64} KiB; its height: how much of it is live blocks; "
             "·: free, kept for reuse"]
    if colour:
        lines.append("blocks: " + "  ".join(f"\x1b[38;5;{code}m█\x1b[0m {name}" for (code, _), name
                                            in zip(HUES, NAMES)))
    for base, slices in look.arenas:
        cells = [cell(slices[i:i + each], colour) for i in range(0, len(slices), each)]
        while cells and cells[-1] == " ":
            cells.pop()
        for row in range(0, max(len(cells), 1), columns):
            address = f"{base + row * each * 65536:#014x}"
            lines.append(text.paint(address, "soft") + "  " + "".join(cells[row:row + columns]))
    return lines


def class_table(look):
    rows = []
    for one in look.sorted_classes():
        name = text.count(one.block_size) if one.block_size else "larger"
        rows.append([name, text.count(one.blocks), text.size(one.live), text.count(one.pages),
                     text.size(one.bytes), text.size(one.resident if look.known else None),
                     text.percent(one.blocks, one.room), text.count(one.abandoned)])
        if look.ages.known:
            rows[-1].append(text.duration(look.ages.median(one.block_size)))
    heads = ["block size", "blocks", "live", "pages", "in pages", "resident", "occupied",
             "no owner"] + ["median age"] * look.ages.known
    return text.table(heads, rows, left=())


def reconciliation(look):
    parts = look.reconcile()
    if parts is None:
        return ["what was resident is not known: a core file does not say"]
    total = look.status["resident"]
    lines = [text.paint(f"resident: {text.size(total)}", "bold")
             + f" (peak {text.size(look.status['peak'])}), of which"]
    rows = [["  " + name, text.size(size), text.percent(size, total), text.bar(size, total), why]
            for name, size, why in parts]
    return lines + text.table(["", "", "", "", ""], rows, left=(0, 3, 4))[1:]


def summary(look):
    head = f"{look.memory.name}: {look.memory.program or 'unknown program'}"
    lines = [text.paint(text.clip(head, text.width()), "bold")]
    lines += reconciliation(look)
    lines.append(f"{text.count(look.blocks)} live blocks of {text.size(look.live)} in "
                 f"{text.count(look.pages)} pages of {text.size(look.claimed)}; "
                 f"{text.size(look.holes)} of these went back; "
                 f"{look.threads} thread{'s' * (look.threads != 1)} with a heap")
    return lines


def command_map(arguments):
    look = look_at(arguments.subject, aged=True)
    if arguments.json:
        found = look.as_json()
        for one in found["classes"]:
            one["median_age_ms"] = look.ages.median(one["block_size"])
        json.dump(found, sys.stdout, indent=1)
        print()
        return 0
    if arguments.svg:
        try:
            with open(arguments.svg, "w", encoding="utf-8") as file:
                file.write(svg(look))
        except OSError as error:
            raise Failure(f"{arguments.svg}: {error.strerror}") from None
        print(f"wrote {arguments.svg}")
        return 0
    print("\n".join([*summary(look), "", *picture(look), "", *class_table(look)]))
    return 0


# ---- SVG -----------------------------------------------------------------------------------------

def svg(look):
    """A picture of all slices: hue by size of blocks, strength by occupancy."""
    columns, side, gap, left = 64, 12, 1, 130
    step, shapes, y = side + gap, [], 84
    for base, slices in look.arenas:
        for number, one in enumerate(slices):
            row, column = divmod(number, columns)
            if column == 0:
                shapes.append(f'<text class="soft" x="8" y="{y + row * step + 10}">'
                              f"{base + number * 65536:#x}</text>")
            x, top = left + column * step, y + row * step
            kib = one.resident // 1024
            if one.page is None:
                style = 'class="kept"' if one.kept else 'class="none"'
                what = ("free, kept for reuse" if one.kept else "free, given back or never used")
            else:
                share = occupancy(one.page)
                style = f'fill="{HUES[hue(one.page)][1]}" fill-opacity="{0.18 + 0.82 * share:.2f}"'
                what = (f"blocks of {one.page.block_size:,} bytes, {one.page.live:,} live of "
                        f"{one.page.reserved:,}, {100 * share:.0f} % occupied"
                        + (", no owner" if one.page.abandoned else ""))
                if one.page.address in look.ages.oldest:
                    what += f", oldest {text.duration(look.ages.oldest[one.page.address])}"
            shapes.append(f'<rect x="{x}" y="{top}" width="{side}" height="{side}" rx="2" {style}>'
                          f"<title>{one.address:#x}: {html.escape(what)}, {kib} KiB resident"
                          "</title></rect>")
        y += (-(-max(len(slices), 1) // columns)) * step + 12
    legend = []
    for i, name in enumerate(NAMES):
        x = left + i * 96
        legend.append(f'<rect x="{x}" y="52" width="{side}" height="{side}" rx="2" '
                      f'fill="{HUES[i][1]}"/><text x="{x + 18}" y="62">{html.escape(name)}</text>')
    title = html.escape(f"{look.memory.name}: {look.memory.program}")
    wide = left + columns * step + 12
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{y}" '
            f'viewBox="0 0 {wide} {y}" role="img" aria-label="{title}">\n<style>'
            "text{font:12px system-ui,sans-serif;fill:#1a1c20}.soft{fill:#767d89;font-size:10px}"
            "svg{background:#fff}.kept{fill:#c9cdd4}.none{fill:none;stroke:#e3e3de}"
            "@media(prefers-color-scheme:dark){text{fill:#e8e9ec}svg{background:#131518}"
            ".kept{fill:#4a515c}.none{stroke:#2e333a}}</style>\n"
            f'<text x="8" y="22" style="font-size:16px">{title}</text>'
            f'<text class="soft" x="8" y="40" style="font-size:12px">{text.size(look.live)} live in '
            f"{text.size(look.claimed)} of pages; one square is 64 KiB, its strength how much of "
            "it is live blocks; grey: free, kept for reuse</text>\n"
            + "".join(legend) + "\n" + "\n".join(shapes) + "\n</svg>\n")


# ---- rimalloc stat -------------------------------------------------------------------------------

def openmetrics(look):
    """The numbers of one look as OpenMetrics text."""
    lines = []

    def family(name, help_text, samples, unit="bytes"):
        full = f"rimalloc_{name}" + (f"_{unit}" if unit else "")
        lines.append(f"# TYPE {full} gauge")
        if unit:
            lines.append(f"# UNIT {full} {unit}")
        lines.append(f"# HELP {full} {help_text}")
        lines.extend(f"{full}{labels} {value}" for labels, value in samples)

    family("live", "Bytes of blocks in use, as large as the blocks are.", [("", look.live)])
    family("live_blocks", "Blocks in use.", [("", look.blocks)], "")
    family("pages", "Pages with blocks.", [("", look.pages)], "")
    family("page", "Bytes that pages hold.", [("", look.claimed)])
    family("committed", "Bytes that may be resident.", [("", look.committed)])
    family("reserved", "Bytes of address space.", [("", look.reserved)])
    family("holes", "Bytes inside of pages in use that went back.", [("", look.holes)])
    family("retained", "Bytes that may be resident and are in no page.", [("", look.retained)])
    family("heap_threads", "Threads that hold a heap.", [("", look.threads)], "")
    parts = look.reconcile()
    if parts is not None:
        family("resident", "Resident memory of the process, by what it is.",
               [('{part="' + name.replace(" ", "_") + '"}', size) for name, size, _ in parts])
    labels = [('{block_size="' + (str(one.block_size) if one.block_size else "larger") + '"}', one)
              for one in look.sorted_classes()]
    family("class_live", "Bytes of blocks in use, by size class.",
           [(label, one.live) for label, one in labels])
    family("class_page", "Bytes of pages, by size class.",
           [(label, one.bytes) for label, one in labels])
    return "\n".join(lines) + "\n# EOF\n"


def show_stat(arguments, look):
    if arguments.openmetrics:
        sys.stdout.write(openmetrics(look))
    elif arguments.json:
        json.dump(look.as_json(), sys.stdout, indent=None if arguments.watch else 1)
        print()
    else:
        print("\n".join([*summary(look), "", *class_table(look)]))


def command_stat(arguments):
    if not arguments.watch:
        show_stat(arguments, look_at(arguments.subject))
        return 0
    memory = subject(arguments.subject)
    if memory.pid is None:
        raise Failure("a core file does not change: there is nothing to watch")
    heaps = heaps_of.heaps(memory)
    live = text.coloured() and not (arguments.json or arguments.openmetrics)
    while True:
        try:
            look = look_again(memory, heaps)
            look.ages = Ages([])
        except Failure:
            print(f"{memory.name} has ended")
            return 0
        if live:
            sys.stdout.write("\x1b[H\x1b[2J")
        show_stat(arguments, look)
        sys.stdout.flush()
        time.sleep(arguments.watch)
