# SPDX-License-Identifier: MIT
"""The HTML report: one file with everything inside, which asks the network for nothing.

The text and the small tables are made here. The flame graph and the table of functions are drawn
from the profile by page/flame.js and page/report.js; time line and lifetimes with the library of
tools/charts, which is left out where it is not installed: then tables stand there.
"""

import base64
import html
import importlib.util
import json
import os
import zlib

from . import analysis, text
from .failure import Failure
from .profile import KINDS

HERE = os.path.dirname(os.path.abspath(__file__))
ESCAPE = html.escape
WORDS = {"live": "live", "allocated": "allocated so far", "peak": "live at the peak",
         "temporary": "freed at once"}
ROWS = 60


def frame_of_pages():
    """tools/charts/page.py: beside the package where it is installed, or in the sources."""
    for folder in ("../charts", "../../tools/charts"):
        path = os.path.join(HERE, folder, "page.py")
        if os.path.exists(path):
            spec = importlib.util.spec_from_file_location("rimalloc_page", path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    raise Failure("the frame of HTML pages is missing: this command is not installed completely")


def read(name):
    with open(os.path.join(HERE, "page", name), encoding="utf-8") as file:
        return file.read()


# ---- The profile for the page --------------------------------------------------------------------

def packed(report, before):
    """The profile, small: words once, stacks sorted, so that each shares most of the one before."""
    merged = {}
    for number, path in enumerate(report.paths):
        merged.setdefault(path, ([], []))[0].append(number)
    if before is not None:
        for number, path in enumerate(before.paths):
            merged.setdefault(path, ([], []))[1].append(number)
    paths = sorted(merged)
    words, frames = {"": 0}, {}

    def word(value):
        return words.setdefault(value, len(words))

    shared, more, rest, last = [], [], [], ()
    for path in paths:
        for frame in path:
            frames.setdefault(frame, len(frames))
        same = 0
        while same < min(len(path), len(last)) and path[same] == last[same]:
            same += 1
        shared.append(same)
        more.append(len(path) - same)
        rest.extend(frames[frame] for frame in path[same:])
        last = path
    table = [[word(frame.name), word(frame.file), frame.line, word(frame.module)]
             for frame in frames]
    made = {"words": list(words), "frames": table, "shared": shared, "more": more, "rest": rest,
            "kinds": columns(report, [merged[path][0] for path in paths]),
            "before": None, "samples": []}
    if before is not None:
        made["before"] = columns(before, [merged[path][1] for path in paths])
    else:
        made["samples"] = samples(report, {path: i for i, path in enumerate(paths)})
    text_ = json.dumps(made, separators=(",", ":"), ensure_ascii=False)
    return base64.b64encode(zlib.compress(text_.encode("utf-8"), 9)).decode("ascii")


def short(number):
    """Four digits are more than an estimate has."""
    return int(float(f"{number:.4g}")) if abs(number) < 1e15 else float(f"{number:.4g}")


def columns(report, members):
    made = {}
    for kind in KINDS:
        sums = []
        for numbers in members:
            total = analysis.Estimate()
            for number in numbers:
                total.add(report.profile.stacks[number][kind])
            sums.append(total)
        known = all(one.var_bytes is not None for one in sums)
        made[kind] = {"bytes": [round(one.bytes) for one in sums],
                      "count": [short(one.count) for one in sums],
                      "variance": [short(one.var_bytes) for one in sums] if known else None}
    return made


def samples(report, index):
    """[stack, bytes, blocks, thread, heap, usable size, variance], added up."""
    found = {}
    for stack, requested, usable, weight, _, thread, heap in report.profile.samples:
        key = index[report.paths[stack]], thread, heap, round(usable)
        one = found.setdefault(key, [0.0, 0.0, 0.0])
        one[0] += requested * weight
        one[1] += weight
        one[2] += (weight * weight - weight) * requested * requested
    return [[stack, round(one[0]), short(one[1]), thread, heap, usable, short(max(one[2], 0))]
            for (stack, thread, heap, usable), one in found.items()]


# ---- The text ------------------------------------------------------------------------------------

def tile(value, words):
    number, sign, error = value.partition(" ± ")
    return (f"<div class=tile><b>{ESCAPE(number)}<small>{ESCAPE(sign + error)}</small></b>"
            f"<span>{ESCAPE(words)}</span></div>")


def table(heads, rows):
    """Rows of (attributes, cells); a cell is text or (text, attributes). The first is the head."""
    top = "".join(f'<th scope="col">{ESCAPE(head)}</th>' for head in heads)
    lines = []
    for attributes, cells in rows:
        made = []
        for i, cell in enumerate(cells):
            words, more = cell if isinstance(cell, tuple) else (cell, "")
            tag = 'th scope="row"' if i == 0 else "td"
            made.append(f"<{tag}{more}>{ESCAPE(words)}</{tag[:2]}>")
        lines.append(f"<tr{attributes}>{''.join(made)}</tr>")
    return (f'<div class="scroll"><table><thead><tr>{top}</tr></thead>'
            f"<tbody>{''.join(lines)}</tbody></table></div>")


def card(content):
    return f'<div class="card">{content}</div>'


def path_words(path, depth=6):
    words = [frame.name for frame in path[::-1][:depth]]
    return " ← ".join(words) + (" ← …" if len(path) > depth else "")


def margin(one):
    error = one.error()
    return f" ± {text.size(error)}" if error else ""


def tiles(report, before):
    made = []
    if before is not None:
        kind = next((kind for kind in KINDS if report.has(kind) or before.has(kind)), "live")
        one = analysis.change(before.total[kind], report.total[kind])
        made.append(tile(text.size(one.bytes, True) + margin(one), f"{WORDS[kind]}: the change"))
        rows = analysis.difference(before, report, kind)
        made.append(tile(text.count(sum(row[3].significant() for row in rows)),
                         f"of {len(rows):,} places changed by more than chance explains"))
        return '<div class="tiles">' + "".join(made) + "</div>"
    for kind in KINDS:
        one = report.total[kind]
        if one.bytes:
            made.append(tile(text.size(one.bytes) + margin(one),
                             f"{WORDS[kind]}, {text.count(one.count)} blocks"))
    return '<div class="tiles">' + "".join(made) + "</div>"


def resident(report):
    parts = report.reconciliation()
    if parts is None:
        return None
    total = report.profile.reconcile["resident"]
    whole = sum(size for _, size, _ in parts) or 1
    stripes = "".join(f'<i style="width:{100 * size / whole:.3f}%;background:var(--p{i})" '
                      f'title="{ESCAPE(name)}: {text.size(size)}"></i>'
                      for i, (name, size, _) in enumerate(parts))
    items = "".join(f'<div><i style="background:var(--p{i})"></i><span>{ESCAPE(name)}</span>'
                    f"<b>{text.size(size)}</b><small>{text.percent(size, total)}: {ESCAPE(why)}"
                    "</small></div>" for i, (name, size, why) in enumerate(parts))
    return ("resident", "Where resident memory is",
            f"The system counts {text.size(total)} of this process as resident. Only the first "
            "part is what the program itself holds.",
            card(f'<div class="whole" role="img" aria-label="parts of resident memory">{stripes}'
                 f'</div><div class="parts">{items}</div>'))


def graph(report, before):
    kinds = [kind for kind in KINDS if report.has(kind) or before is not None and before.has(kind)]
    options = "".join(f'<option value="{kind}">{WORDS[kind]}</option>' for kind in kinds)
    hidden = " hidden" if before is not None or not report.profile.samples else ""
    controls = (
        f'<div class="controls"><label>show <select id="kind">{options}</select></label>'
        f'<label{hidden}>by <select id="split"><option value="none">stacks</option>'
        '<option value="thread">threads</option><option value="heap">heaps</option>'
        '<option value="size">sizes of blocks</option></select></label>'
        '<label><input type="checkbox" id="inverted">inverted</label>'
        '<input type="search" id="search" placeholder="search: name, file, module" '
        'aria-label="search"><span id="found" aria-live="polite"></span>'
        '<button id="reset" hidden>show all again</button></div>')
    canvas = ('<div id="flame"><canvas tabindex="0" role="img" aria-label="flame graph; arrow keys '
              'walk, Enter zooms, Escape shows all; the table below has the numbers"></canvas>'
              '<div class="tip" hidden></div><span aria-live="polite" class="problem" '
              'style="position:absolute;left:-9999px"></span></div>')
    lead = ("Each box is a function; what it calls stands below it, and its width is the bytes that "
            "were allocated there or below. Click a box to look at it alone. Colours are modules; "
            "pale boxes are no more than chance explains.")
    if before is not None:
        lead = ("Red: more after than before. Blue: less. Grey: no more change than chance explains. "
                "The width is the larger of both.")
    return ("graph", "Who allocated it", lead, card(controls + canvas))


def functions(before):
    heads = ('<th scope="col">function</th><th scope="col">change</th><th scope="col">larger of '
             'both</th><th scope="col"></th>') if before is not None else (
        '<th scope="col">function</th><th scope="col"><button data-order="own">itself</button></th>'
        '<th scope="col"><button data-order="total">with what it calls</button></th>'
        '<th scope="col">of all</th><th scope="col">blocks</th><th scope="col"></th>')
    return ("functions-section", "Functions",
            "± is half of the 95 % interval; grey rows could be nothing but chance. The search above "
            "also picks rows.",
            card(f'<div class="scroll"><table><thead><tr>{heads}</tr></thead>'
                 '<tbody id="functions"></tbody></table></div><p id="functions-note"></p>'))


class Charts:
    """Charts, with tables in their place where the library is missing."""

    def __init__(self, page, there):
        self.page, self.there, self.data = page, there, {}

    def chart(self, kind, height, label, data, instead):
        if not self.there:
            return instead
        self.data[kind] = dict(data, label=label)
        return self.page.chart(kind, kind, height, label)


def timeline(report, charts):
    points = report.profile.timeline
    if len(points) < 2:
        return None
    rows = [("", [f"{ms / 1000:.2f} s", text.size(rss), text.size(live), text.size(allocated)])
            for ms, rss, live, allocated in points[::max(1, len(points) // 40)]]
    peak = report.profile.peak_ms
    data = {"points": [[ms / 1000, rss, live, allocated] for ms, rss, live, allocated in points],
            "peak": peak / 1000 if isinstance(peak, (int, float)) else None}
    label = (f"Memory over time: resident at last {text.size(points[-1][1])}, live "
             f"{text.size(points[-1][2])}")
    return ("timeline", "Over time", "Resident and live memory, and how fast it is allocated.",
            card(charts.chart("time", 300, label, data,
                              table(["after", "resident", "live", "allocated"], rows))))


def pinned(report):
    found = report.pinned()
    if not found:
        return None
    rows = [("", [path_words(path), text.size(one["bytes"]), text.count(one["pages"]),
                  text.count(one["sparse_pages"]), text.duration(one["median_age_ms"]),
                  text.size(one["abandoned"])]) for path, one in found[:ROWS]]
    total = sum(one["bytes"] for _, one in found)
    return ("pinned", "Who keeps memory from going back",
            f"A page goes back to the system only when no block in it is live. Live blocks of these "
            f"stacks keep {text.size(total)} of free memory: shares of the free bytes of the pages "
            "that they are in.",
            card(table(["blocks of", "pinned", "pages", "at most 10 % full", "median age",
                        "of threads that ended"], rows)))


def leaks(report):
    found = report.leaks() if report.profile.samples else []
    if not found:
        return None
    rows = []
    for one in found[:ROWS]:
        never = "–" if one["never_freed"] is None else f"{100 * one['never_freed']:.0f} %"
        error = f" ± {text.size(one['error'])}" if one["error"] else ""
        rows.append((
            "" if one["suspect"] else ' class="faint"',
            [path_words(one["path"]), ("suspect", ' class="suspect"') if one["suspect"] else "",
             text.size(one["bytes"]) + error,
             f"{text.size(one['growth'])} ± {text.size(one['growth_error'])}", never,
             text.duration(one["median_age"])]))
    suspects = sum(one["suspect"] for one in found)
    return ("leaks", "What stays, and grows",
            f"{suspects} suspect{'s' * (suspects != 1)}: still live of what was allocated between "
            "the first and the last tenth of the time, more than chance explains, and at least half "
            "of it never freed. A cache that fills looks the same; two profiles tell (rimalloc diff).",
            card(table(["allocated by", "", "live", "growth a minute", "never freed", "median age"],
                       rows)))


def lifetimes(report, charts):
    sums = report.lifetimes()
    found = report.temporary()
    if sums is None and not found:
        return None
    content = ""
    if sums is not None:
        last = max(i for i, value in enumerate(sums) if value)
        sums = [round(value) for value in sums[:last + 1]]
        rows = [("", [text.duration(2 ** i / 1000), text.count(value)])
                for i, value in enumerate(sums)]
        content += charts.chart("lifetimes", 260, "Freed blocks by lifetime",
                                {"counts": sums}, table(["lived less than", "blocks"], rows))
    if found:
        rows = [("", [path_words(path), text.count(one.count), text.size(one.bytes),
                      text.percent(one.count, whole.count)])
                for path, one, whole in found[:ROWS]]
        content += table(["freed before the next allocation", "blocks", "bytes",
                          "of all of this stack"], rows)
    return ("lifetimes", "How long blocks live",
            "Blocks that were freed. Those that are freed before their thread allocates again could "
            "often be on the stack, or be used again.", card(content))


def about(report, before):
    from .report import about as one_line
    lines = [one_line(report)]
    if before is not None:
        lines = ["Before: " + one_line(before), "After: " + one_line(report)]
    lines += list(dict.fromkeys(report.notes + (before.notes if before else [])))
    return "".join(f"<p>{ESCAPE(line)}</p>" for line in lines)


def render(report, before=None):
    page = frame_of_pages()
    try:
        library = page.library()
    except page.Missing:
        library = None
        report.notes.append("without time line and lifetimes as charts: the charting library is not "
                            "installed")
    charts = Charts(page, library is not None)
    sections = [graph(report, before), functions(before)]
    if before is None:
        sections = [resident(report), *sections, timeline(report, charts), pinned(report),
                    leaks(report), lifetimes(report, charts)]
    sections = [section for section in sections if section is not None]
    nav = "".join(f'<a href="#{key}">{ESCAPE(title)}</a>' for key, title, _, _ in sections)
    name = os.path.basename(report.profile.program or report.profile.path)
    title = f"Memory of {name}" + (", before and after" if before is not None else "")
    body = "".join(f'<section id="{key}"><h2>{ESCAPE(title_)}</h2><p>{ESCAPE(lead)}</p>{content}'
                   "</section>" for key, title_, lead, content in sections)
    kinds = [kind for kind in KINDS if report.has(kind) or before is not None and before.has(kind)]
    data = {"profile": packed(report, before), "kinds": kinds or ["live"], **charts.data}
    return page.render(
        title,
        f"<style>\n{read('report.css')}</style>\n<header><h1>{ESCAPE(title)}</h1>"
        f"{about(report, before)}<nav>{nav}</nav></header>\n<main>"
        "<noscript><p>The flame graph and the table of functions need JavaScript.</p></noscript>"
        f"{tiles(report, before)}{body}</main>\n<footer>Made by rimalloc report. Figures are "
        "estimates from samples; ± is half of a 95 % interval.</footer>",
        data, read("flame.js") + read("report.js"), library or "")


def write(path, report, before=None):
    made = render(report, before)
    try:
        with open(path, "w", encoding="utf-8", errors="replace") as file:
            file.write(made)
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from None
    print(f"wrote {path}, {text.size(len(made.encode('utf-8', 'replace')))}")
    return 0
