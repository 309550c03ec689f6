# SPDX-License-Identifier: MIT
"""The HTML report: one file without anything from outside, light and dark."""

import html
import pathlib

from . import results, suite, svg

STYLE = pathlib.Path(__file__).with_name("page.css")


def render(data, base):
    context = Context(data, base)
    sections = [
        overview(context),
        matrix(context),
        *groups(context),
        timelines(context),
        scaling(context),
        calls(context),
        problems(context),
    ]
    machine = data["machine"]
    about = html.escape(
        f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, "
        f"{machine['date']}. Interleaved rounds: {data['rounds']}, scale "
        f"{data['scale']:g}, {len(data['rows'])} workloads."
    )
    links = [
        ("overview", "Overview"),
        ("matrix", "All rows"),
        *(
            (anchor(g), g.capitalize() if g.islower() else g[0].upper() + g[1:])
            for g in context.groups
        ),
        ("timelines", "Memory over time"),
        ("scaling", "Scaling"),
        ("calls", "System calls"),
    ]
    body = "".join(sections)
    nav = "".join(f'<a href="#{key}">{title}</a>' for key, title in links if f'id="{key}"' in body)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>Allocator benchmarks</title>"
        f"<style>{STYLE.read_text(encoding='utf-8')}</style></head>"
        f"<body><header><h1>Allocator benchmarks</h1><p>{about}</p><nav>{nav}</nav></header>"
        f"<main>{body}</main>"
        "<footer>Made by bench/run.py. Every workload checks the contents of its blocks and does "
        "the same "
        "counted work under each allocator.</footer></body></html>\n"
    )


class Context:
    def __init__(self, data, base):
        self.data = data
        self.base = base
        self.names = list(data["allocators"])
        self.own = results.subject(data)
        others = [name for name in self.names if name not in (self.own, "floor")]
        self.colours = {name: f"var(--s{1 + i % 11})" for i, name in enumerate(others)}
        self.colours[self.own] = "var(--s0)"
        self.colours["floor"] = "var(--floor)"
        self.groups = list(dict.fromkeys(row["group"] for row in data["rows"].values()))

    def rows(self, group=None):
        return [
            (key, row) for key, row in self.data["rows"].items() if group in (None, row["group"])
        ]


def anchor(group):
    return group.replace(" ", "-")


def section(key, title, lead, content):
    head = f"<h2>{html.escape(title)}</h2><p>{html.escape(lead)}</p>"
    return f'<section id="{key}">{head}{content}</section>'


def tile(value, text):
    return f"<div class=tile><b>{html.escape(value)}</b><span>{html.escape(text)}</span></div>"


def shown(value):
    return "–" if value is None else f"{value:.2f}"


def tiles(context):
    data, own, base = context.data, context.own, context.base
    if own is None or own == base:
        return ""
    close = total = lean = 0
    for _, row in context.rows():
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
    if "floor" in context.names:
        lone = {key for key, row in context.rows("one thread")}
        if lone:
            made.append(
                tile(
                    shown(results.mean_ratio(data, own, "floor", "time", names=lone)) + "×",
                    "time to the floor on one thread",
                )
            )
    return '<div class="tiles">' + "".join(made) + "</div>"


def overview(context):
    data, base = context.data, context.base
    points = []
    for name in context.names:
        if name == "floor":
            continue
        x = results.mean_ratio(data, name, base, "time")
        y = results.mean_ratio(data, name, base, "peak")
        if x and y:
            points.append(
                {
                    "name": name,
                    "colour": context.colours[name],
                    "strong": name == context.own,
                    "x": x,
                    "y": y,
                }
            )
    chart = (
        svg.log_map(
            points,
            "time against memory",
            f"time, ratio to {base} →",
            f"peak memory, ratio to {base} ↑",
        )
        if len(points) > 1
        else ""
    )
    lead = (
        f"Geometric means over all rows, as ratios to {base}. Down and left is better: "
        "less memory, "
        "less time."
    )
    return section(
        "overview",
        "Time and memory at a glance",
        lead,
        tiles(context) + f'<div class="card">{chart}</div>',
    )


def shade(number):
    """Background of a ratio to the best: none at 1, warmer up to 2 and beyond."""
    if number is None or number <= 1.02:
        return ""
    strength = min((number - 1) * 34, 42)
    return f' style="background:color-mix(in srgb, var(--bad) {strength:.0f}%, transparent)"'


def matrix_table(context, measure):
    data = context.data
    heads = "".join(
        f'<th class="{"own" if name == context.own else ""}">{html.escape(name)}</th>'
        for name in context.names
    )
    lines = [f"<table><thead><tr><th>workload</th>{heads}</tr></thead><tbody>"]
    for group in context.groups:
        lines.append(
            f'<tr><td class="group" colspan="{len(context.names) + 1}">'
            f"{html.escape(group)}</td></tr>"
        )
        for key, row in context.rows(group):
            top = results.best(data, row, measure)
            cells = []
            for name in context.names:
                number = results.ratio(row, name, top, measure) if top else None
                kind = ' class="best"' if name == top else ""
                style = "" if name == "floor" else shade(number)
                word = "failed" if name in row["failures"] else shown(number)
                cells.append(f"<td{kind}{style}>{word}</td>")
            lines.append(
                f'<tr><td title="{html.escape(row["text"])}">{html.escape(key)}</td>'
                f'{"".join(cells)}</tr>'
            )
    means = []
    for name in context.names:
        found = [
            results.ratio(row, name, results.best(data, row, measure), measure)
            for _, row in context.rows()
            if results.best(data, row, measure)
        ]
        means.append(f"<td>{shown(results.geometric_mean(found))}</td>")
    lines.append(f'<tr class="mean"><td>geometric mean</td>{"".join(means)}</tr></tbody></table>')
    return '<div class="card scroll">' + "".join(lines) + "</div>"


def matrix(context):
    lead = (
        "Each number is a ratio to the best allocator of its row (minimum of the rounds): 1.00 is "
        "the best, "
        "and colour is distance from it. The floor is a stub and takes no part."
    )
    return section(
        "matrix",
        "All rows, time to the best",
        lead,
        matrix_table(context, "time")
        + "<details><summary>The same for peak memory</summary>"
        + matrix_table(context, "peak")
        + "</details><details><summary>The same for final memory</summary>"
        + matrix_table(context, "final")
        + "</details>",
    )


def bar_card(context, key, row):
    top = results.best(context.data, row, "time")
    entries = []
    for name in context.names:
        times = results.times(row, name)
        if times:
            entries.append(
                {
                    "name": name,
                    "own": name == context.own,
                    "floor": name == "floor",
                    "times": times,
                    "peak": results.value(row, name, "peak"),
                    "best": name == top,
                }
            )
    if not entries:
        return ""
    entries.sort(key=lambda entry: (entry["floor"], min(entry["times"])))
    note = " CPU time." if row["cpu"] else ""
    return (
        f'<div class="card"><h3>{html.escape(key)}</h3><p>{html.escape(row["text"])}.{note}</p>'
        + svg.bars(entries, f"{key}: time and peak memory by allocator")
        + "</div>"
    )


def groups(context):
    made = []
    for group in context.groups:
        cards = "".join(bar_card(context, key, row) for key, row in context.rows(group))
        lead = suite.GROUPS.get(group, "") + (
            " Sorted by time. The dashed line is the floor; ● is the best; "
            "numbers beside the thin bars are MiB."
        )
        title = group[0].upper() + group[1:]
        made.append(section(anchor(group), title, lead, f'<div class="cards">{cards}</div>'))
    return made


def legend(context, names):
    return (
        '<div class="legend">'
        + "".join(
            f'<span><i style="background:{context.colours[name]}"></i>{html.escape(name)}</span>'
            for name in names
        )
        + "</div>"
    )


def timelines(context):
    cards = []
    for key, row in context.rows():
        if (
            key == "tiny process"
            or row["group"] != "memory"
            and key not in ("late free", "5-25 MiB", "transfers 16")
        ):
            continue
        series = []
        for name in context.names:
            runs = row["runs"].get(name, [])
            samples = next((run["samples"] for run in runs if run.get("samples")), [])
            if len(samples) > 3 and name != "floor":
                series.append(
                    {
                        "name": name,
                        "colour": context.colours[name],
                        "strong": name == context.own,
                        "points": [(ms / 1000, kib / 1024) for ms, kib in samples if kib > 0],
                    }
                )
        if series:
            chart = svg.lines(
                series, f"{key}: resident memory over time", "seconds", "resident MiB"
            )
            cards.append(
                f'<div class="card"><h3>{html.escape(key)}</h3>'
                + legend(context, [one["name"] for one in series])
                + chart
                + "</div>"
            )
    if not cards:
        return ""
    return section(
        "timelines",
        "Memory over time",
        "Resident memory of the first round, sampled from outside " "while the program ran.",
        f'<div class="cards">{"".join(cards)}</div>',
    )


def scaling(context):
    found = {}
    for _, row in context.rows():
        if row["series"]:
            found.setdefault(row["series"], []).append(row)
    cards = []
    for title, rows in found.items():
        if len(rows) < 2:
            continue
        series = []
        for name in context.names:
            points = []
            for row in sorted(rows, key=lambda r: r["x"]):
                runs = row["runs"].get(name)
                if runs and runs[0].get("ops"):
                    points.append(
                        (row["x"], runs[0]["ops"] / results.value(row, name, "time") / 1e6)
                    )
            if points:
                series.append(
                    {
                        "name": name,
                        "colour": context.colours[name],
                        "strong": name == context.own,
                        "points": points,
                    }
                )
        chart = svg.lines(
            series,
            f"{title}: throughput by threads",
            "threads",
            "million operations a second",
            log_x=True,
        )
        cards.append(
            f'<div class="card"><h3>{html.escape(title)}</h3>'
            + legend(context, [one["name"] for one in series])
            + chart
            + "</div>"
        )
    if not cards:
        return ""
    cores = context.data["machine"]["cores"]
    return section(
        "scaling",
        "Scaling with threads",
        f"Operations a second, the same total work. The machine has "
        f"{cores} cores: beyond that, flat is good.",
        f'<div class="cards">{"".join(cards)}</div>',
    )


def calls(context):
    heads = "".join(f"<th>{html.escape(name)}</th>" for name in context.names)
    lines = []
    traced = any(row.get("calls") for _, row in context.rows())
    for key, row in context.rows():
        cells = []
        for name in context.names:
            faults = results.value(row, name, "minor")
            if faults is None:
                cells.append("<td>–</td>")
                continue
            switches = results.value(row, name, "voluntary") + results.value(
                row, name, "involuntary"
            )
            counts = row.get("calls", {}).get(name)
            tip = ", ".join(
                f"{call} {n}" for call, n in sorted((counts or {}).items(), key=lambda c: -c[1])[:8]
            )
            total = f" · {sum(counts.values()):,}" if counts else ""
            cells.append(f'<td title="{html.escape(tip)}">{faults:,} · {switches:,}{total}</td>')
        lines.append(f"<tr><td>{html.escape(key)}</td>{''.join(cells)}</tr>")
    lead = "Page faults · context switches" + (
        " · system calls (the commonest by name: point at a cell)."
        if traced
        else ". Run with --strace for system calls by name."
    )
    head = f"<thead><tr><th>workload</th>{heads}</tr></thead>"
    table = f'<table>{head}<tbody>{"".join(lines)}</tbody></table>'
    return section(
        "calls",
        "Faults, switches and system calls",
        lead,
        "<details><summary>Show the table</summary>"
        f'<div class="card scroll">{table}</div></details>',
    )


def problems(context):
    found = results.problems(context.data)
    if not found:
        return ""
    items = "".join(f'<li class="problem">{html.escape(problem)}</li>' for problem in found)
    return section(
        "problems", "Problems", "Runs that failed have no number above.", f"<ul>{items}</ul>"
    )
