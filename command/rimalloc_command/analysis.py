# SPDX-License-Identifier: MIT
"""What a profile says: sites, leak suspects, pinned memory, differences; for both kinds of report.

ERRORS: an estimate is a sum over samples, so variances of disjoint stacks add up, and so do those of
two profiles that are compared. Something is significant when its 95 % interval leaves zero out.
"""

import math
import statistics

from .profile import KINDS, LIFETIMES, Estimate
from .symbols import Frame, Symbolizer

# Functions that only hand on what the program asked for. Behind them stands who asked.
ALLOCATORS = frozenset("""malloc calloc realloc reallocarray memalign aligned_alloc posix_memalign
valloc pvalloc strdup strndup""".split())
RECONCILE = [
    ("live", "live blocks", "what the program asked for and has not freed"),
    ("rounding", "rounding", "blocks are larger than what was asked for"),
    ("free_in_pages", "free in pages", "beside live blocks, in pages that cannot go back"),
    ("due", "due", "free memory that goes back soon"),
    ("cached", "cached", "freed mappings that are kept for a while"),
    ("metadata", "metadata", "the allocator's own"),
    ("other", "not ours", "code, stacks, files, other allocators"),
]


def _is_allocator(frame):
    name = frame.name.split("(", 1)[0].split("[", 1)[0].strip()
    return (frame.module.startswith(("librimalloc", "libmimalloc")) or name in ALLOCATORS
            or name.startswith(("operator new", "ri_", "rix_", "mi_")))


class Report:
    """A profile with names. `paths[i]`: the frames of stack i, the outermost first."""

    def __init__(self, profile, progress=None, tools=("llvm-symbolizer", "addr2line")):
        self.profile = profile
        names = self.names = Symbolizer(profile, progress, tools)
        self.notes = names.notes
        self.paths = []
        for stack in profile.stacks:
            frames = [frame for address in stack.frames for frame in names[address]]
            skip = 0
            while skip < len(frames) - 1 and _is_allocator(frames[skip]):
                skip += 1
            path = frames[skip:][::-1] or [Frame("(no stack)", "", 0, "")]
            if stack.truncated:
                path = [Frame("(deeper)", "", 0, "")] + path
            self.paths.append(tuple(path))
        self.total = {kind: profile.total(kind) for kind in KINDS}
        if profile.drops.get("records") or profile.drops.get("stacks"):
            self.notes.append(f"{profile.drops.get('records', 0):.0f} samples were lost, since the "
                              "tables were full: all figures are too low")

    def has(self, kind):
        return self.total[kind].bytes != 0

    def sites(self, kind):
        """[(path, estimate)] of each place that allocates, by bytes."""
        found = {}
        for path, stack in zip(self.paths, self.profile.stacks):
            one = stack[kind]
            if one.count or one.bytes:
                found.setdefault(path, Estimate()).add(one)
        return sorted(found.items(), key=lambda pair: -pair[1].bytes)

    def reconciliation(self):
        """(what, bytes, text), or None."""
        found = self.profile.reconcile
        if not found.get("resident"):
            return None
        return [(name, max(found.get(key, 0), 0), text) for key, name, text in RECONCILE]

    def pinned(self):
        """[(path, {bytes, pages, ...})] of stacks whose blocks keep memory from going back."""
        return sorted(((self.paths[one["stack"]], one) for one in self.profile.pinned
                       if one["bytes"] > 0), key=lambda pair: -pair[1]["bytes"])

    def ages(self):
        """By stack: [(age in ms, bytes that the sample stands for)]."""
        found = {}
        for stack, requested, _, weight, age, _, _ in self.profile.samples:
            found.setdefault(stack, []).append((age, requested * weight))
        return found

    def leaks(self):
        """Suspects: [{path, bytes, error, growth, growth_error, never_freed, median_age}].

        Blocks born in the last tenth of the time say nothing yet, nor do those of the first tenth,
        which are the program's start; what was born in between and still lives is growth. A suspect
        grows significantly, and most of what its stack allocated was never freed."""
        duration = self.profile.duration_ms
        suspects = {}
        for number, samples in self.ages().items():
            stack, path = self.profile.stacks[number], self.paths[number]
            one = suspects.setdefault(path, {"live": Estimate(), "allocated": Estimate(),
                                             "samples": []})
            one["live"].add(stack["live"])
            one["allocated"].add(stack["allocated"])
            one["samples"] += samples
        found = []
        for path, one in suspects.items():
            samples = one["samples"]
            oldest = duration or max(age for age, _ in samples) or 1
            middle = [size for age, size in samples if oldest * 0.1 <= age <= oldest * 0.9]
            minutes = oldest * 0.8 / 60000
            growth = sum(middle) / minutes
            error = 1.96 * math.sqrt(sum(size * size for size in middle)) / minutes
            allocated = one["allocated"].count
            never = min(one["live"].count / allocated, 1.0) if allocated > 0 else None
            suspect = growth > error and len(middle) >= 4 and (never is None or never >= 0.5)
            found.append({
                "path": path, "bytes": one["live"].bytes, "error": one["live"].error(),
                "growth": growth, "growth_error": error, "never_freed": never,
                "median_age": statistics.median(age for age, _ in samples),
                "samples": len(samples), "suspect": suspect})
        return sorted(found, key=lambda row: (not row["suspect"], -row["bytes"]))

    def lifetimes(self):
        """Blocks that were freed, by lifetime: 32 numbers; None: not known."""
        sums = [0.0] * LIFETIMES
        for stack in self.profile.stacks:
            for i, value in enumerate(stack.lifetimes):
                sums[i] += value
        return sums if any(sums) else None

    def temporary(self):
        """[(path, temporary, allocated)] of stacks whose blocks are freed at once."""
        found = {}
        for path, stack in zip(self.paths, self.profile.stacks):
            if stack["temporary"].count > 0:
                one = found.setdefault(path, (Estimate(), Estimate()))
                one[0].add(stack["temporary"])
                one[1].add(stack["allocated"])
        return sorted(((path, *pair) for path, pair in found.items()),
                      key=lambda row: -row[1].count)


def difference(before, after, kind):
    """[(path, before, after, change)] of each site, by the size of the change. Lines of files are
    left out of the comparison: an edit moves them."""
    def keyed(report):
        found = {}
        for path, one in report.sites(kind):
            key = tuple((frame.name, frame.module) for frame in path)
            known, sum_of = found.setdefault(key, (path, Estimate()))
            sum_of.add(one)
            found[key] = (known, sum_of)
        return found

    old, new = keyed(before), keyed(after)
    rows, none = [], (None, Estimate())
    for key in {**old, **new}:
        path = new.get(key, old.get(key))[0]
        first, second = old.get(key, none)[1], new.get(key, none)[1]
        rows.append((path, first, second, change(first, second)))
    return sorted(rows, key=lambda row: -abs(row[3].bytes))


def change(first, second):
    """second - first, as an estimate."""
    known = first.var_bytes is not None and second.var_bytes is not None
    return Estimate(second.count - first.count, second.bytes - first.bytes,
                    first.var_count + second.var_count if known else None,
                    first.var_bytes + second.var_bytes if known else None,
                    first.samples + second.samples)
