# SPDX-License-Identifier: MIT
"""`rimalloc report`, `diff` and `leaks`: profiles for people, in a terminal or as one HTML file."""

import json
import sys
import time

from . import analysis, text
from .failure import Failure
from .profile import KINDS, load

WORDS = {"live": "live", "allocated": "allocated", "peak": "live at the peak",
         "temporary": "freed at once"}


def read(path):
    progress = text.Progress(f"reading {path}")
    progress.at(0)
    profile = load(path)
    progress.end()
    return analysis.Report(profile, text.Progress("looking up names", 100))


def interval(one):
    """bytes ± half of the 95 % interval."""
    error = one.error()
    if error is None:
        return text.size(one.bytes)
    return f"{text.size(one.bytes)} ± {text.size(error)}" if error else text.size(one.bytes)


def grey(line, significant):
    return line if significant else text.paint(line, "soft")


def place(frame):
    return f"{frame.name} ({frame.file.rsplit('/', 1)[-1]}:{frame.line})" if frame.line \
        else frame.name


def callers(path, depth):
    """The innermost frames of a path, in one line."""
    return " ← ".join(place(frame) for frame in path[::-1][:depth])


def heading(words):
    return ["", text.paint(words, "bold")]


def about(report):
    profile = report.profile
    parts = [profile.program or profile.path]
    if profile.pid:
        parts.append(f"process {profile.pid}")
    if profile.time_ms:
        parts.append(time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(profile.time_ms / 1000)))
    if profile.duration_ms:
        parts.append(f"after {text.duration(profile.duration_ms)}")
    if profile.interval:
        parts.append(f"a sample each {text.size(profile.interval)}")
    return ", ".join(parts)


def reconciliation(report):
    parts = report.reconciliation()
    if parts is None:
        return []
    total = report.profile.reconcile["resident"]
    rows = [["  " + name, text.size(size), text.percent(size, total), text.bar(size, total), why]
            for name, size, why in parts]
    return heading(f"Resident: {text.size(total)}, of which") \
        + text.table(["", "", "", "", ""], rows, left=(0, 3, 4))[1:]


def sites(report, kind, limit):
    found = report.sites(kind)
    total = report.total[kind]
    lines = heading(f"{WORDS[kind].capitalize()}: {interval(total)} in {text.count(total.count)} "
                    f"blocks, {len(found):,} places")
    for path, one in found[:limit]:
        head = f"{interval(one):>24} {text.percent(one.bytes, total.bytes):>7}  "
        lines.append(grey(text.clip(head + callers(path, 4), text.width()), one.significant()))
    if len(found) > limit:
        rest = sum(one.bytes for _, one in found[limit:])
        lines.append(f"{text.size(rest):>24} {text.percent(rest, total.bytes):>7}  "
                     f"{len(found) - limit:,} more")
    return lines


def pinned(report, limit):
    found = report.pinned()
    if not found:
        return []
    rows = [[text.size(one["bytes"]), text.count(one["pages"]), text.count(one["sparse_pages"]),
             text.duration(one["median_age_ms"]), text.size(one["abandoned"]),
             text.clip(callers(path, 3), max(text.width() - 62, 20))]
            for path, one in found[:limit]]
    total = sum(one["bytes"] for _, one in found)
    return heading(f"Free memory that live blocks keep from going back: {text.size(total)}") \
        + text.table(["pinned", "pages", "nearly empty", "median age", "no owner", "held by"], rows,
                     left=(5,))


def leaks(report, limit):
    rows = []
    for one in report.leaks()[:limit]:
        never = "–" if one["never_freed"] is None else f"{100 * one['never_freed']:.0f} %"
        growth = f"{text.size(one['growth'])} ± {text.size(one['growth_error'])}"
        line = [text.paint("suspect", "red") if one["suspect"] else "", text.size(one["bytes"]),
                growth, never, text.duration(one["median_age"]),
                text.clip(callers(one["path"], 3), max(text.width() - 74, 20))]
        rows.append(line)
    if not rows:
        return []
    return heading("What stays, and grows") + text.table(
        ["", "live", "growth a minute", "never freed", "median age", "allocated by"], rows,
        left=(0, 5))


def temporary(report, limit):
    found = report.temporary()
    if not found:
        return []
    rows = [[text.count(one.count), text.size(one.bytes), text.percent(one.count, all_.count),
             text.clip(callers(path, 4), max(text.width() - 40, 20))]
            for path, one, all_ in found[:limit]]
    return heading("Freed before their thread's next allocation") + text.table(
        ["blocks", "bytes", "of the place's", "allocated by"], rows, left=(3,))


def chosen(report, wanted):
    """The kind of figures: as asked for, or the first that the profile has."""
    if wanted:
        if not report.has(wanted):
            raise Failure(f"{report.profile.path} has nothing that is {WORDS[wanted]}")
        return wanted
    return next((kind for kind in KINDS if report.has(kind)), "live")


def notes(report):
    for note in dict.fromkeys(report.notes):
        print(f"rimalloc: note: {note}", file=sys.stderr)


def command_report(arguments):
    report = read(arguments.file)
    notes(report)
    if arguments.html:
        from . import report_html
        return report_html.write(arguments.html, report)
    if arguments.collapsed:
        return collapsed(report, chosen(report, arguments.kind))
    if arguments.speedscope:
        return speedscope(report)
    if arguments.pprof:
        from . import pprof
        return pprof.write(arguments.pprof, report)
    kind, limit = chosen(report, arguments.kind), arguments.limit
    lines = [text.paint(text.clip(about(report), text.width()), "bold")]
    lines += reconciliation(report) + sites(report, kind, limit) + pinned(report, limit)
    lines += leaks(report, limit) + temporary(report, limit)
    print("\n".join(lines))
    return 0


def command_diff(arguments):
    before, after = read(arguments.before), read(arguments.after)
    notes(before)
    notes(after)
    if arguments.html:
        from . import report_html
        return report_html.write(arguments.html, after, before)
    kind = chosen(after, arguments.kind)
    rows = analysis.difference(before, after, kind)
    total = analysis.change(before.total[kind], after.total[kind])
    error = total.error()
    margin = f" ± {text.size(error)}" if error else ""
    print(text.paint(f"{WORDS[kind].capitalize()}: {text.size(before.total[kind].bytes)} before, "
                     f"{text.size(after.total[kind].bytes)} after: "
                     f"{text.size(total.bytes, True)}{margin}", "bold"))
    for path, _, _, one in rows[:arguments.limit]:
        error = one.error()
        figure = text.size(one.bytes, True) + (f" ± {text.size(error)}" if error else "")
        line = text.clip(f"{figure:>26}  {callers(path, 4)}", text.width())
        print(grey(line, one.significant()))
    steady = sum(not row[3].significant() for row in rows)
    if steady:
        print(f"{steady:,} of {len(rows):,} places changed by less than what chance explains")
    return 0


def command_leaks(arguments):
    report = read(arguments.file)
    notes(report)
    if not report.profile.samples:
        raise Failure(f"{arguments.file} has no single samples, so no ages",
                      "leaks are looked for in profiles of the library's JSON format")
    lines = leaks(report, arguments.limit)
    print("\n".join(lines[1:]))
    suspects = sum(one["suspect"] for one in report.leaks())
    print(f"\n{suspects} suspect{'s' * (suspects != 1)}")
    return 1 if suspects and arguments.fail else 0


# ---- Formats of other programs -------------------------------------------------------------------

def collapsed(report, kind):
    """One line for each stack, as flamegraph.pl reads them."""
    for path, one in report.sites(kind):
        if one.bytes >= 0.5:
            print(";".join(frame.name.replace(";", ":") for frame in path), f"{one.bytes:.0f}")
    return 0


def speedscope(report):
    frames, index, profiles = [], {}, []
    for kind in KINDS:
        if not report.has(kind):
            continue
        samples, weights = [], []
        for path, one in report.sites(kind):
            sample = []
            for frame in path:
                if frame not in index:
                    index[frame] = len(frames)
                    made = {"name": frame.name}
                    if frame.file:
                        made["file"] = frame.file
                    if frame.line:
                        made["line"] = frame.line
                    frames.append(made)
                sample.append(index[frame])
            samples.append(sample)
            weights.append(round(one.bytes))
        profiles.append({"type": "sampled", "name": WORDS[kind], "unit": "bytes", "startValue": 0,
                         "endValue": sum(weights), "samples": samples, "weights": weights})
    json.dump({"$schema": "https://www.speedscope.app/file-format-schema.json",
               "name": report.profile.program or report.profile.path, "exporter": "rimalloc",
               "activeProfileIndex": 0, "shared": {"frames": frames}, "profiles": profiles},
              sys.stdout, separators=(",", ":"))
    print()
    return 0
