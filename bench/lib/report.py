# SPDX-License-Identifier: MIT
"""The HTML report: its text and tables, and the data of its charts, which report.js draws with the
library of tools/charts. One file without anything from outside, light and dark."""

import html
import pathlib
import statistics

from charts import page

from . import results, suite

SCRIPT = pathlib.Path(__file__).with_name("report.js")
ESCAPE = html.escape

# Rows outside of the group `memory` whose memory over time says something.
TIMELINES = ("late free", "5-25 MiB", "transfers 16")


def render(data, base):
    report = Report(data, base)
    machine = data["machine"]
    about = (
        f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, "
        f"{machine['date']}. Interleaved rounds: {data['rounds']}, scale "
        f"{data['scale']:g}, {len(data['rows'])} workloads."
    )
    sections = report.sections()
    nav = "".join(f'<a href="#{key}">{ESCAPE(title)}</a>' for key, title, _, _ in sections)
    body = "".join(
        f'<section id="{key}"><h2>{ESCAPE(title)}</h2><p>{ESCAPE(lead)}</p>{content}</section>'
        for key, title, lead, content in sections
    )
    return page.render(
        "Allocator benchmarks",
        f"<header><h1>Allocator benchmarks</h1><p>{ESCAPE(about)}</p><nav>{nav}</nav></header>\n"
        "<main><noscript><p>The charts need JavaScript; the tables do not.</p></noscript>"
        f"{body}</main>\n"
        "<footer>Made by bench/run.py. Every workload checks the contents of its blocks and does "
        "the same counted work under each allocator.</footer>",
        report.charts,
        SCRIPT.read_text(encoding="utf-8"),
    )


def shown(value):
    return "–" if value is None else f"{value:.2f}"


def seconds(value):
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.3f} s"


def mebibytes(kib):
    return "–" if not kib else f"{kib / 1024:,.1f}"


def title_of(group):
    return group[0].upper() + group[1:]


def tile(value, text):
    return f"<div class=tile><b>{ESCAPE(value)}</b><span>{ESCAPE(text)}</span></div>"


def table(heads, rows, own=None):
    """A table; cells are text, or (text, attributes). The first of a row is its head."""
    kinds = [' class="own"' if own is not None and head == own else "" for head in heads]
    top = "".join(
        f'<th scope="col"{kind}>{ESCAPE(head)}</th>' for head, kind in zip(heads, kinds)
    )
    lines = []
    for attributes, cells in rows:
        made = []
        for index, cell in enumerate(cells):
            text, more = cell if isinstance(cell, tuple) else (cell, "")
            tag, scope = ("th", ' scope="row"') if index == 0 else ("td", "")
            made.append(f"<{tag}{scope}{more}>{ESCAPE(text)}</{tag}>")
        lines.append(f"<tr{attributes}>{''.join(made)}</tr>")
    return (
        f'<div class="scroll"><table><thead><tr>{top}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def folded(summary, content):
    return f"<details><summary>{ESCAPE(summary)}</summary>{content}</details>"


def card(title, text, content):
    head = f"<h3>{ESCAPE(title)}</h3>" if title else ""
    return f'<div class="card">{head}{f"<p>{ESCAPE(text)}</p>" if text else ""}{content}</div>'


def shade(number):
    """Background of a ratio to the best: none at 1, warmer up to 2 and beyond."""
    if number is None or number <= 1.02:
        return ""
    strength = min((number - 1) * 34, 42)
    return f' style="background:color-mix(in srgb, var(--warm) {strength:.0f}%, transparent)"'


class Report:
    def __init__(self, data, base):
        self.data = data
        self.base = base
        self.names = list(data["allocators"])
        self.own = results.subject(data)
        self.groups = list(dict.fromkeys(row["group"] for row in data["rows"].values()))
        others = [name for name in self.names if name != self.own]
        # How each is drawn, by number: 0 is the subject.
        self.series = {name: 1 + index for index, name in enumerate(others)}
        self.series[self.own] = 0
        self.charts = {}

    def sections(self):
        """(id, title, lead, content) of each section that has something to say."""
        found = [self.overview(), self.matrix()]
        found += [self.group(group) for group in self.groups]
        found += [self.timelines(), self.scaling(), self.calls(), self.problems()]
        return [section for section in found if section is not None]

    def rows(self, group=None):
        return [
            (key, row) for key, row in self.data["rows"].items() if group in (None, row["group"])
        ]

    def chart(self, kind, key, height, label, data):
        self.charts[key] = dict(data, label=label, own=self.own)
        return page.chart(kind, key, height, label)

    def tiles(self):
        data, own, base = self.data, self.own, self.base
        if own is None or own == base:
            return ""
        close = total = lean = 0
        for _, row in self.rows():
            mine = results.value(row, own, "time")
            top = results.best(data, row, "time")
            if mine is None or top is None:
                continue
            total += 1
            close += mine <= results.value(row, top, "time") * 1.01
            lean += results.best(data, row, "peak") == own
        made = [
            tile(
                shown(results.mean_ratio(data, own, base, "time")) + "×",
                f"time of {own} to {base}, geometric mean of minima",
            ),
            tile(
                shown(results.mean_ratio(data, own, base, "peak")) + "×",
                f"peak memory of {own} to {base}, geometric mean",
            ),
            tile(f"{close} / {total}", "rows where it is the fastest, or within 1 % of it"),
            tile(f"{lean} / {total}", "rows where it has the lowest peak"),
        ]
        lone = {key for key, row in self.rows("one thread")}
        if "floor" in self.names and lone:
            ratio = results.mean_ratio(data, own, "floor", "time", names=lone)
            made.append(tile(shown(ratio) + "×", "time to the floor on one thread"))
        return '<div class="tiles">' + "".join(made) + "</div>"

    def overview(self):
        data, base = self.data, self.base
        points = []
        for name in self.names:
            x = results.mean_ratio(data, name, base, "time")
            y = results.mean_ratio(data, name, base, "peak")
            if name == "floor" or not x or not y:
                continue
            median = results.mean_ratio(data, name, base, "time", statistics.median)
            points.append({"name": name, "series": self.series[name], "own": name == self.own,
                           "x": x, "y": y, "median": median})
        content = self.tiles()
        if len(points) > 1:
            middle = (min(p["x"] for p in points) * max(p["x"] for p in points)) ** 0.5
            label = "Time against peak memory, geometric means over all rows. " + "; ".join(
                f"{p['name']}: time {p['x']:.2f}, memory {p['y']:.2f}" for p in points
            )
            numbers = table(
                ["allocator", "time, minima", "time, medians", "peak memory"],
                [("", [p["name"], shown(p["x"]), shown(p["median"]), shown(p["y"])])
                 for p in sorted(points, key=lambda p: p["x"])],
            )
            drawn = self.chart("map", "overview", 380, label,
                               {"points": points, "base": base, "middle": middle})
            content += card("", "", drawn + folded("Numbers", numbers))
        lead = (
            f"Geometric means over all rows, as ratios to {base}. Down and left is better: "
            "less memory, less time."
        )
        return "overview", "Time and memory at a glance", lead, content

    def ratios(self, measure):
        """The table of all rows and its geometric means."""
        data = self.data
        lines = []
        for group in self.groups:
            lines.append((' class="group"', [(group, f' colspan="{len(self.names) + 1}"')]))
            for key, row in self.rows(group):
                top = results.best(data, row, measure)
                cells = [(key, f' title="{ESCAPE(row["text"])}"')]
                for name in self.names:
                    number = results.ratio(row, name, top, measure) if top else None
                    kind = ' class="best"' if name == top else ""
                    style = "" if name == "floor" else shade(number)
                    word = "failed" if name in row["failures"] else shown(number)
                    cells.append((word, kind + style))
                lines.append(("", cells))
        means = []
        for name in self.names:
            found = [
                results.ratio(row, name, results.best(data, row, measure), measure)
                for _, row in self.rows()
                if results.best(data, row, measure)
            ]
            means.append(shown(results.geometric_mean(found)))
        lines.append((' class="mean"', ["geometric mean", *means]))
        return table(["workload", *self.names], lines, self.own)

    def matrix(self):
        keys, series = [key for key, _ in self.rows()], []
        for name in self.names:
            values = []
            for _, row in self.rows():
                top = results.best(self.data, row, "time")
                values.append(results.ratio(row, name, top, "time") if top else None)
            if name != "floor":
                series.append({"name": name, "series": self.series[name], "values": values})
        drawn = self.chart(
            "rows", "rows", 70 + 17 * len(keys),
            "Time of each allocator on each row, as a ratio to the row's best; the table below "
            "has the numbers.",
            {"rows": keys, "series": series},
        )
        lead = (
            "Each number is a ratio to the best allocator of its row (minimum of the rounds): 1.00 "
            "is the best; what is off the scale stands at its end. The floor is a stub and takes "
            "no part."
        )
        content = card("", "", drawn)
        content += folded("Table: time", card("", "", self.ratios("time")))
        content += folded("Table: peak memory", card("", "", self.ratios("peak")))
        content += folded("Table: final memory", card("", "", self.ratios("final")))
        return "matrix", "All rows, time to the best", lead, content

    def bars(self, key, row):
        top = results.best(self.data, row, "time")
        entries = []
        for name in self.names:
            times = results.times(row, name)
            if times:
                entries.append({
                    "name": name, "own": name == self.own, "floor": name == "floor",
                    "best": name == top, "rounds": len(times), "min": min(times),
                    "median": statistics.median(times), "max": max(times),
                    "peak": results.value(row, name, "peak"),
                    "final": results.value(row, name, "final"),
                })
        if not entries:
            return ""
        entries.sort(key=lambda entry: (entry["floor"], entry["min"]))
        # One slow outlier must not make all other bars a stump.
        middle = entries[len(entries) // 2]["min"]
        limit = min(max(entry["max"] for entry in entries), middle * 3.2)
        label = f"{key}: time and peak memory by allocator. " + "; ".join(
            f"{e['name']} {seconds(e['min'])}" for e in entries
        )
        drawn = self.chart("bars", f"bars {key}", 26 + 22 * len(entries), label,
                           {"entries": entries, "limit": limit})
        numbers = table(
            ["allocator", "minimum", "median", "maximum", "peak MiB", "final MiB"],
            [("", [(e["name"], ' class="own"' if e["own"] else ""), seconds(e["min"]),
                   seconds(e["median"]), seconds(e["max"]), mebibytes(e["peak"]),
                   mebibytes(e["final"])]) for e in entries],
        )
        note = f"{row['text']}.{' CPU time.' if row['cpu'] else ''}"
        return card(key, note, drawn + folded("Numbers", numbers))

    def group(self, group):
        cards = "".join(self.bars(key, row) for key, row in self.rows(group))
        lead = suite.GROUPS.get(group, "") + (
            " Sorted by time. The dashed line is the floor; the green dot marks the best; » is "
            "beyond the scale."
        )
        title = title_of(group)
        return group.replace(" ", "-"), title, lead, f'<div class="cards">{cards}</div>'

    def timelines(self):
        cards = []
        for key, row in self.rows():
            if key == "tiny process" or row["group"] != "memory" and key not in TIMELINES:
                continue
            series = []
            for name in self.names:
                runs = row["runs"].get(name, [])
                samples = next((run["samples"] for run in runs if run.get("samples")), [])
                if len(samples) > 3 and name != "floor":
                    points = [[ms / 1000, round(kib / 1024, 3)] for ms, kib in samples if kib > 0]
                    series.append({"name": name, "series": self.series[name], "points": points})
            if not series:
                continue
            numbers = table(
                ["allocator", "highest MiB", "mean MiB", "last MiB"],
                [("", [one["name"], *(f"{number:,.1f}" for number in (
                    max(mib for _, mib in one["points"]),
                    statistics.fmean(mib for _, mib in one["points"]),
                    one["points"][-1][1]))]) for one in series],
            )
            drawn = self.chart("time", f"time {key}", 270, f"{key}: resident memory over time",
                               {"series": series})
            cards.append(card(key, "", drawn + folded("Numbers", numbers)))
        if not cards:
            return None
        return (
            "timelines",
            "Memory over time",
            "Resident memory of the first round, sampled from outside while the program ran. A "
            "name in the legend shows or hides its line; Ctrl and the wheel zoom.",
            f'<div class="cards">{"".join(cards)}</div>',
        )

    def scaling(self):
        found = {}
        for _, row in self.rows():
            if row["series"]:
                found.setdefault(row["series"], []).append(row)
        cards = []
        for title, rows in found.items():
            if len(rows) < 2:
                continue
            rows = sorted(rows, key=lambda row: row["x"])
            series = []
            for name in self.names:
                points = []
                for row in rows:
                    runs = row["runs"].get(name)
                    known = runs and runs[0].get("ops")
                    time = results.value(row, name, "time")
                    points.append(runs[0]["ops"] / time / 1e6 if known else None)
                if any(points):
                    series.append({"name": name, "series": self.series[name], "points": points})
            threads = [row["x"] for row in rows]
            numbers = table(
                ["allocator", *(f"{count} threads" for count in threads)],
                [("", [one["name"], *map(shown, one["points"])]) for one in series],
            )
            drawn = self.chart(
                "scaling", f"scaling {title}", 270,
                f"{title}: million operations a second by number of threads",
                {"series": series, "threads": threads},
            )
            cards.append(card(title, "", drawn + folded("Numbers", numbers)))
        if not cards:
            return None
        cores = self.data["machine"]["cores"]
        return (
            "scaling",
            "Scaling with threads",
            f"Operations a second, the same total work. The machine has {cores} cores: beyond "
            "that, flat is good.",
            f'<div class="cards">{"".join(cards)}</div>',
        )

    def calls(self):
        lines = []
        traced = any(row.get("calls") for _, row in self.rows())
        for key, row in self.rows():
            cells = [key]
            for name in self.names:
                faults = results.value(row, name, "minor")
                if faults is None:
                    cells.append("–")
                    continue
                switches = sum(results.value(row, name, kind)
                               for kind in ("voluntary", "involuntary"))
                counts = row.get("calls", {}).get(name) or {}
                commonest = sorted(counts.items(), key=lambda call: -call[1])[:8]
                tip = ", ".join(f"{call} {number}" for call, number in commonest)
                total = f" · {sum(counts.values()):,}" if counts else ""
                cells.append((f"{faults:,} · {switches:,}{total}", f' title="{ESCAPE(tip)}"'))
            lines.append(("", cells))
        lead = "Page faults · context switches" + (
            " · system calls (the commonest by name: point at a cell)."
            if traced
            else ". Run with --strace for system calls by name."
        )
        content = card("", "", table(["workload", *self.names], lines, self.own))
        return ("calls", "Faults, switches and system calls", lead,
                folded("Show the table", content))

    def problems(self):
        found = results.problems(self.data)
        if not found:
            return None
        items = "".join(f'<li class="problem">{ESCAPE(problem)}</li>' for problem in found)
        return "problems", "Problems", "Runs that failed have no number above.", f"<ul>{items}</ul>"
