# SPDX-License-Identifier: MIT
"""Charts as inline SVG: bars with spread, lines, a map of points. Colours come from page.css."""

import html
import math


def text(x, y, content, kind="", anchor="start"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">'
        f"{html.escape(str(content))}</text>"
    )


def svg(width, height, parts, label):
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(label)}">'
        + "".join(parts)
        + "</svg>"
    )


def nice_ticks(low, high, count=5):
    """Round numbers from low to at least high."""
    span = max(high - low, 1e-9)
    step = 10 ** math.floor(math.log10(span / count))
    for factor in (1, 2, 5, 10):
        if span / (step * factor) <= count:
            step *= factor
            break
    ticks = []
    at = math.ceil(low / step) * step
    while at <= high + step * 0.001:
        ticks.append(at)
        at += step
    return ticks


def number(value):
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}"


def seconds(value):
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def mebibytes(kib):
    return f"{number(kib / 1024)} MiB"


def bars(entries, label):
    """entries: name, own, is_floor, all times, peak KiB or None, is the best of the row."""
    width, row, top = 540, 21, 20
    left, bar, gap, second = 96, 200, 82, 92
    longest = max(max(entry["times"]) for entry in entries)
    # One slow outlier must not make all other bars a stump.
    ordered = sorted(min(entry["times"]) for entry in entries)
    limit = min(longest, ordered[len(ordered) // 2] * 3.2)
    most = max((entry["peak"] or 0) for entry in entries) or 1
    height = top + row * len(entries) + 4
    parts = [
        text(left, 11, "time: minimum, and each round", "head"),
        text(left + bar + gap, 11, "peak memory", "head"),
    ]
    floor = next((min(e["times"]) for e in entries if e["floor"]), None)
    if floor is not None and floor <= limit:
        x = left + bar * floor / limit
        parts.append(
            f'<line x1="{x:.1f}" y1="{top - 4}" x2="{x:.1f}" y2="{height}" '
            'stroke="var(--floor)" stroke-dasharray="2 3"/>'
        )
    for index, entry in enumerate(entries):
        parts += _bar(
            entry,
            top + row * index,
            {"left": left, "bar": bar, "gap": gap, "second": second, "limit": limit, "most": most},
        )
    return svg(width, height, parts, label)


def _bar(entry, y, shape):
    best, own = entry["best"], entry["own"]
    low, high = min(entry["times"]), max(entry["times"])
    left, limit = shape["left"], shape["limit"]
    colour = "var(--accent)" if own else "var(--floor)" if entry["floor"] else "var(--bar)"
    scale = shape["bar"] / limit
    length = min(low, limit) * scale
    tip = (
        f"<title>{html.escape(entry['name'])}: min {seconds(low)}, max {seconds(high)}, "
        f"{len(entry['times'])} rounds</title>"
    )
    opacity = ' fill-opacity="0.35"' if entry["floor"] else ""
    parts = [
        text(left - 8, y + 13, entry["name"], "own" if own else "name", "end"),
        f'<rect x="{left}" y="{y + 3}" width="{max(length, 1):.1f}" height="13" rx="2" '
        f'fill="{colour}"{opacity}>{tip}</rect>',
    ]
    for value in entry["times"]:
        x = left + min(value, limit) * scale
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y + 9.5}" r="1.8" fill="var(--ink)" fill-opacity="0.5"/>'
        )
    if low > limit:
        parts.append(text(left + shape["bar"] - 12, y + 13, "»", "name"))
    value_x = left + shape["bar"] + shape["gap"] - 18
    parts.append(text(value_x, y + 13, seconds(low), "own" if own else "", "end"))
    if best:
        parts.append(f'<circle cx="{value_x + 7}" cy="{y + 9}" r="3" fill="var(--good)"/>')
    if entry["peak"]:
        x = shape["left"] + shape["bar"] + shape["gap"]
        long = shape["second"] * entry["peak"] / shape["most"]
        parts.append(
            f'<rect x="{x}" y="{y + 5}" width="{max(long, 1):.1f}" height="9" rx="2" '
            f'fill="{colour}" fill-opacity="0.55"/>'
        )
        parts.append(text(x + long + 4, y + 13, number(entry["peak"] / 1024), "small"))
    return parts


def lines(series, label, x_label, y_label, from_zero=True, log_x=False):
    """series: name, colour, strong, points [(x, y)]."""
    width, height = 540, 250
    left, right, top, bottom = 46, 12, 16, 30
    points = [p for one in series for p in one["points"]]
    if not points:
        return ""
    shift = (lambda x: math.log2(max(x, 1e-9))) if log_x else (lambda x: x)
    x_low, x_high = min(shift(p[0]) for p in points), max(shift(p[0]) for p in points)
    y_low = 0 if from_zero else min(p[1] for p in points)
    y_high = max(p[1] for p in points) * 1.05 or 1

    def place(point):
        x = left + (width - left - right) * (shift(point[0]) - x_low) / max(x_high - x_low, 1e-9)
        y = top + (height - top - bottom) * (1 - (point[1] - y_low) / max(y_high - y_low, 1e-9))
        return x, y

    parts = []
    for tick in nice_ticks(y_low, y_high):
        y = place((points[0][0], tick))[1]
        parts.append(
            f'<line x1="{left}" x2="{width - right}" y1="{y:.1f}" y2="{y:.1f}" '
            'stroke="var(--grid)"/>'
        )
        parts.append(text(left - 6, y + 4, f"{tick:g}", "small", "end"))
    ticks = sorted({p[0] for p in points}) if log_x else nice_ticks(x_low, x_high, 6)
    for tick in ticks:
        x = place((tick, y_low))[0]
        parts.append(text(x, height - 12, f"{tick:g}", "small", "middle"))
    parts += [text(left, 10, y_label, "head"), text(width - right, height, x_label, "head", "end")]
    for one in sorted(series, key=lambda s: s["strong"]):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, one["points"]))
        thick = 2.6 if one["strong"] else 1.4
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{one["colour"]}" '
            f'stroke-width="{thick}" '
            f'stroke-linejoin="round"><title>{html.escape(one["name"])}</title></polyline>'
        )
        if log_x:
            parts += [
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{thick + 0.6}" fill="{one["colour"]}"/>'
                for x, y in map(place, one["points"])
            ]
    return svg(width, height, parts, label)


def log_map(points, label, x_label, y_label):
    """points: name, colour, strong, x, y: ratios, both axes logarithmic, 1 marked."""
    width, height = 1080, 360
    left, right, top, bottom = 60, 90, 20, 40
    low_x, high_x = min(p["x"] for p in points) / 1.08, max(p["x"] for p in points) * 1.08
    low_y, high_y = min(p["y"] for p in points) / 1.15, max(p["y"] for p in points) * 1.15

    def place(x, y):
        return (
            left + (width - left - right) * math.log(x / low_x) / math.log(high_x / low_x),
            height
            - bottom
            - (height - top - bottom) * math.log(y / low_y) / math.log(high_y / low_y),
        )

    parts = []
    for tick in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.4, 1.6, 2, 3, 5, 10):
        dash = "" if tick == 1 else ' stroke-dasharray="1 4"'
        colour = "var(--faint)" if tick == 1 else "var(--line)"
        if low_x <= tick <= high_x:
            x = place(tick, low_y)[0]
            parts.append(
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{height - bottom}" '
                f'stroke="{colour}"{dash}/>'
            )
            parts.append(text(x, height - bottom + 16, f"{tick:g}", "small", "middle"))
        if low_y <= tick <= high_y:
            y = place(low_x, tick)[1]
            parts.append(
                f'<line x1="{left}" x2="{width - right}" y1="{y:.1f}" y2="{y:.1f}" '
                f'stroke="{colour}"{dash}/>'
            )
            parts.append(text(left - 8, y + 4, f"{tick:g}", "small", "end"))
    taken = []
    for point in sorted(points, key=lambda p: not p["strong"]):
        x, y = place(point["x"], point["y"])
        size = 9 if point["strong"] else 6
        numbers = f"time {point['x']:.2f}, memory {point['y']:.2f}"
        tip = f"<title>{html.escape(point['name'])}: {numbers}</title>"
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" fill="{point["colour"]}" '
            f'stroke="var(--card)" stroke-width="2">{tip}</circle>'
        )
        label_y = y + 4
        while any(
            abs(label_y - other_y) < 13 and abs(x - other_x) < 96 for other_x, other_y in taken
        ):
            label_y += 13
        taken.append((x, label_y))
        parts.append(
            text(x + size + 5, label_y, point["name"], "own" if point["strong"] else "name")
        )
    parts += [
        text(width - right, height - 6, x_label, "head", "end"),
        text(left, 11, y_label, "head"),
    ]
    return svg(width, height, parts, label)
