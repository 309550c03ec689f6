# SPDX-License-Identifier: MIT
"""The markdown report: tables of ratios to the base."""

import statistics

from . import results


def render(data, base):
    machine = data["machine"]
    parts = [
        "# Benchmarks\n",
        f"{machine['date']}, {machine['cpu']}, {machine['cores']} cores, "
        f"Linux {machine['kernel']}; "
        f"{data['rounds']} interleaved rounds, scale {data['scale']:g}. Ratios to **{base}**; "
        "lower is "
        f"better; bold is the best of the row (the floor apart).{_settings(data)}\n",
        _table(data, base, "time", min, "Time, minimum of the rounds"),
        _table(data, base, "time", statistics.median, "Time, median of the rounds"),
        _table(data, base, "peak", min, "Peak resident memory"),
        _table(data, base, "final", min, "Final resident memory"),
        _over_live(data),
        _absolute(data, base),
    ]
    problems = results.problems(data)
    if problems:
        parts.append("## Problems\n\n" + "\n".join(f"- {problem}" for problem in problems) + "\n")
    return "\n".join(parts)


def _cell(number, bold):
    if number is None:
        return "–"
    text = f"{number:.2f}" if number < 10 else f"{number:.1f}"
    return f"**{text}**" if bold else text


def _table(data, base, measure, reduce, title):
    names = list(data["allocators"])
    lead = results.subject(data) or base
    with_floor = measure == "time" and "floor" in names
    head = ["workload", *names, *([f"{lead} / floor"] if with_floor else [])]
    lines = [f"## {title}\n", "| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    group = None
    for key, row in data["rows"].items():
        if row["group"] != group:
            group = row["group"]
            lines.append("| *" + group + "* |" + " |" * (len(head) - 1))
        top = results.best(data, row, measure, reduce)
        cells = []
        for name in names:
            number = results.ratio(row, name, base, measure, reduce)
            cells.append("failed" if name in row["failures"] else _cell(number, name == top))
        if with_floor:
            cells.append(_cell(results.ratio(row, lead, "floor", measure, reduce), False))
        lines.append("| " + " | ".join([key, *cells]) + " |")
    means = [results.mean_ratio(data, name, base, measure, reduce) for name in names]
    extra = [results.mean_ratio(data, lead, "floor", measure, reduce)] if with_floor else []
    cells = [_cell(number, False) for number in means + extra]
    lines.append("| **geometric mean** | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _settings(data):
    found = [
        f" {name}: `{variable}={value}`."
        for name, variables in data.get("settings", {}).items()
        for variable, value in variables.items()
    ]
    return "".join(found)


def _over_live(data):
    """Resident over live memory, not a ratio to another allocator, of the rows that say it."""
    names = [name for name in data["allocators"] if name != "floor"]
    lines = []
    for key, row in data["rows"].items():
        numbers = {name: results.value(row, name, "over_live") for name in names}
        if any(numbers.values()):
            top = results.best(data, row, "over_live")
            cells = [_cell(numbers[name] or None, name == top) for name in names]
            lines.append("| " + " | ".join([key, *cells]) + " |")
    if not lines:
        return ""
    head = ["| " + " | ".join(["workload", *names]) + " |", "|---" * (len(names) + 1) + "|"]
    return "\n".join(["## Resident over live memory\n", *head, *lines]) + "\n"


def _absolute(data, base):
    """What the base needed, so that ratios can be turned back into numbers."""
    lines = [
        f"## {base} in numbers\n",
        "| workload | seconds | user | sys | ns/op | peak MiB | final MiB | faults | switches |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for key, row in data["rows"].items():
        runs = row["runs"].get(base)
        if not runs:
            continue
        run = min(runs, key=lambda r: results.seconds(row, r))
        ops = run.get("ops")
        per = f"{results.seconds(row, run) * 1e9 / ops:.1f}" if ops else "–"
        final = f"{run['final'] / 1024:.1f}" if "final" in run else "–"
        lines.append(
            f"| {key} | {results.seconds(row, run):.3f} | {run['user']:.3f} "
            f"| {run['sys']:.3f} | {per} "
            f"| {run['peak'] / 1024:.1f} | {final} | {run['minor']} "
            f"| {run['voluntary'] + run['involuntary']} |"
        )
    return "\n".join(lines) + "\n"
