# SPDX-License-Identifier: MIT
"""The shape of the results and the numbers that the reports are made of."""

import math
import statistics


def new(machine, found, rows, rounds, scale, settings=None):
    data = {
        "machine": machine,
        "allocators": dict(found),
        "settings": settings or {},
        "rounds": rounds,
        "scale": scale,
        "rows": {},
    }
    for row in rows:
        data["rows"][row.name] = {
            "group": row.group,
            "text": row.text,
            "cpu": row.cpu,
            "series": row.series,
            "x": row.x,
            "real": row.real,
            "runs": {},
            "failures": {},
        }
    return data


def choose_base(data, wanted):
    names = list(data["allocators"])
    for name in (wanted, "mimalloc3", "glibc"):
        if name in names:
            return name
    return names[0]


def subject(data):
    """The allocator that the report is about: ours, in whichever form; None when not there."""
    return next((name for name in data["allocators"] if name.startswith("rimalloc")), None)


def seconds(row, run):
    return run["user"] + run["sys"] if row["cpu"] else run["wall"]


def times(row, name):
    return [seconds(row, run) for run in row["runs"].get(name, [])]


def values(row, name, measure):
    if measure == "time":
        return times(row, name)
    return [run.get(measure, 0) for run in row["runs"].get(name, [])]


def value(row, name, measure, reduce=min):
    """min or median of a measure over the rounds; None where there is none."""
    found = values(row, name, measure)
    if not found:
        return None
    return min(found) if reduce is min else statistics.median(found)


def ratio(row, name, base, measure, reduce=min):
    mine = value(row, name, measure, reduce)
    other = value(row, base, measure, reduce)
    if mine is None or not other:
        return None
    return mine / other


def geometric_mean(numbers):
    numbers = [number for number in numbers if number]
    if not numbers:
        return None
    return math.exp(sum(math.log(number) for number in numbers) / len(numbers))


def mean_ratio(data, name, base, measure, reduce=min, names=None):
    """Geometric mean of the ratios over rows that both have; None unless both have most of them."""
    rows = [row for key, row in data["rows"].items() if names is None or key in names]
    found = [ratio(row, name, base, measure, reduce) for row in rows]
    return geometric_mean(found) if sum(1 for r in found if r) * 2 > len(found) else None


def best(data, row, measure, reduce=min):
    """The best allocator of a row, the floor not counted."""
    candidates = [
        (value(row, name, measure, reduce), name)
        for name in data["allocators"]
        if name != "floor" and value(row, name, measure, reduce) is not None
    ]
    return min(candidates)[1] if candidates else None


def _disagrees(row):
    return (
        len({(run.get("ops"), run.get("check")) for runs in row["runs"].values() for run in runs})
        > 1
    )


def is_bad(data):
    """Whether the measurement itself is wrong: rimalloc failed a run, or work differs. A peer that
    fails a workload is reported and has no number there; it does not fail the whole."""
    return any(_disagrees(row) or subject(data) in row["failures"] for row in data["rows"].values())


def problems(data):
    """Failed runs, and rows in which the allocators did not all do the same work."""
    found = []
    for key, row in data["rows"].items():
        for name, text in row["failures"].items():
            found.append(f"{key} under {name}: {text}")
        if _disagrees(row):
            found.append(f"{key}: the runs disagree on what was done")
    return found
