# SPDX-License-Identifier: MIT
"""Reading profiles: the library's JSON, and pprof's format as this library and others write it.

Every figure of a sampled profile is an estimate with a variance, so that 95 % of the intervals
`value ± 1.96 · √variance` hold the truth. pprof's format has no variances: there they follow from
the interval (each sample stands for about so many bytes), or are unknown.
"""

import gzip
import json
import math
import zlib

from .failure import Failure

KINDS = ("live", "allocated", "peak", "temporary")
LIFETIMES = 32


class Estimate:
    """How many blocks and bytes, with variances; None: not known."""

    __slots__ = ("count", "bytes", "var_count", "var_bytes", "samples")

    def __init__(self, count=0.0, size=0.0, var_count=0.0, var_bytes=0.0, samples=0):
        self.count, self.bytes = count, size
        self.var_count, self.var_bytes, self.samples = var_count, var_bytes, samples

    def add(self, other):
        self.count += other.count
        self.bytes += other.bytes
        self.samples += other.samples
        known = self.var_bytes is not None and other.var_bytes is not None
        self.var_bytes = self.var_bytes + other.var_bytes if known else None
        self.var_count = self.var_count + other.var_count if known else None

    def error(self):
        """Half of the 95 % interval of the bytes."""
        return None if self.var_bytes is None else 1.96 * math.sqrt(self.var_bytes)

    def significant(self):
        error = self.error()
        return error is None or abs(self.bytes) > error


class Stack:
    """Where blocks were allocated. `frames`: addresses, or names where the file has them; the
    innermost first."""

    def __init__(self, frames, kinds, lifetimes=(), truncated=False):
        self.frames, self.kinds = frames, kinds
        self.lifetimes, self.truncated = lifetimes, truncated

    def __getitem__(self, kind):
        return self.kinds[kind]


class Profile:
    """One file."""

    def __init__(self, path):
        self.path = path
        self.program, self.pid, self.interval, self.reason = "", None, None, ""
        self.time_ms = self.duration_ms = self.peak_ms = None
        self.mappings, self.names = [], {}
        self.calls = False  # addresses are of calls, rather than of what they return to
        self.stacks, self.ids = [], {}
        self.samples, self.pinned, self.timeline = [], [], []
        self.reconcile, self.drops = {}, {}

    def total(self, kind):
        total = Estimate()
        for stack in self.stacks:
            total.add(stack[kind])
        return total


def load(path):
    """The profile in a file, or in a pipe."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from None
    if not data:
        raise Failure(f"{path} is empty")
    if data[:8] == b"rimaprof":
        from .capture import convert
        data = convert(path)
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except EOFError:
            raise Failure(f"{path} is cut off") from None
        except (OSError, zlib.error) as error:
            raise Failure(f"{path} is damaged: {error}") from None
        if data.lstrip()[:1] != b"{":
            return _pprof(path, data)
    if data.lstrip()[:1] == b"{":
        return _json(path, data)
    if data[:1] == b"\x0a":  # pprof without compression begins with a sample type
        return _pprof(path, data)
    raise Failure(f"{path} is no profile", "profiles are .json or .pb.gz")


# ---- JSON ----------------------------------------------------------------------------------------

def _json(path, data):
    try:
        found = json.loads(data)
    except json.JSONDecodeError as error:
        if error.pos >= len(data.rstrip()) - 1 or "Unterminated" in error.msg:
            raise Failure(f"{path} is cut off") from None
        raise Failure(f"{path} is damaged at line {error.lineno}: {error.msg}") from None
    except UnicodeDecodeError as error:
        raise Failure(f"{path} is damaged at byte {error.start}: no UTF-8") from None
    except RecursionError:
        raise Failure(f"{path} is damaged: too deep") from None
    if not isinstance(found, dict) or found.get("format") != "rimalloc-profile":
        raise Failure(f"{path} is JSON, but no profile")
    if found.get("version") != 1:
        raise Failure(f"{path} is of version {found.get('version')}, which this command does not "
                      "know", "use the command that was installed with that library")
    try:
        return _from_json(path, found)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise Failure(f"{path} is damaged: {type(error).__name__}: {error}") from None


def number(value):
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return value


def _estimate(found):
    return Estimate(number(found["count"]), number(found["bytes"]),
                    max(number(found["var_count"]), 0), max(number(found["var_bytes"]), 0),
                    number(found.get("samples", 0)))


def _from_json(path, found):
    profile = Profile(path)
    profile.program = str(found.get("program", ""))
    profile.pid, profile.reason = found.get("pid"), str(found.get("reason", ""))
    profile.interval = number(found.get("interval", 0)) or None
    profile.time_ms = number(found.get("time_ms", 0)) or None
    profile.duration_ms = number(found.get("duration_ms", 0)) or None
    for one in found.get("mappings", []):
        profile.mappings.append((int(one["start"], 16), int(one["end"], 16),
                                 int(one.get("offset", "0"), 16), str(one.get("path", "")),
                                 str(one.get("build_id", ""))))
    for one in found["stacks"]:
        frames = tuple(int(word, 16) for word in one["frames"])
        kinds = {kind: _estimate(one[kind]) if kind in one else Estimate() for kind in KINDS}
        lifetimes = [number(value) for value in one.get("lifetimes", [])]
        if len(lifetimes) not in (0, LIFETIMES):
            raise ValueError(f"{len(lifetimes)} lifetimes")
        profile.ids[one["id"]] = len(profile.stacks)
        profile.stacks.append(Stack(frames, kinds, lifetimes, bool(one.get("truncated"))))
    for stack, requested, usable, weight, age, thread, heap, _ in found.get("samples", []):
        profile.samples.append((profile.ids[stack], number(requested), number(usable),
                                number(weight), number(age), int(thread), int(heap)))
    for one in found.get("pinned", []):
        profile.pinned.append({
            "stack": profile.ids[one["stack"]],
            **{key: number(one.get(key, 0))
               for key in ("bytes", "pages", "sparse_pages", "median_age_ms", "abandoned")}})
    for one in found.get("timeline", []):
        profile.timeline.append(tuple(number(one[key])
                                      for key in ("ms", "resident", "live", "allocated")))
    profile.reconcile = {str(key): number(value)
                         for key, value in (found.get("reconcile") or {}).items()}
    profile.drops = {key: number(value) for key, value in (found.get("drops") or {}).items()}
    profile.peak_ms = found.get("totals", {}).get("peak_ms")
    return profile


# ---- pprof ---------------------------------------------------------------------------------------

def _fields(data):
    """(number, value) of each field of a protobuf message: an integer or bytes."""
    at, end = 0, len(data)

    def varint(at):
        value = shift = 0
        while True:
            if at >= end or shift > 63:
                raise EOFError
            byte = data[at]
            value |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
            if byte < 128:
                return value, at

    while at < end:
        key, at = varint(at)
        kind = key & 7
        if kind == 0:
            value, at = varint(at)
        elif kind == 2:
            size, at = varint(at)
            if at + size > end:
                raise EOFError
            value, at = data[at:at + size], at + size
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            value, at = data[at:at + size], at + size
        else:
            raise ValueError(f"a field of kind {kind}")
        yield key >> 3, value


def _varints(value):
    """A repeated integer, packed or not."""
    if isinstance(value, int):
        return [value]
    found, number_, shift = [], 0, 0
    for byte in value:
        number_ |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            found.append(number_)
            number_ = shift = 0
    if shift:
        raise EOFError
    return found


def _signed(value):
    return value - (1 << 64) if value >> 63 else value


def _pprof(path, data):
    try:
        return _from_pprof(path, data)
    except EOFError:
        raise Failure(f"{path} is cut off") from None
    except (ValueError, KeyError, IndexError, TypeError, UnicodeDecodeError) as error:
        raise Failure(f"{path} is damaged: {type(error).__name__}: {error}") from None


def _message(data):
    found = {}
    for key, value in _fields(data):
        found.setdefault(key, []).append(value)
    return found


def _from_pprof(path, data):
    top = _message(data)
    strings = [value.decode("utf-8") for value in top.get(6, [])]

    def first(message, key):
        return message.get(key, [0])[0]

    types = []
    for one in top.get(1, []):
        fields = _message(one)
        types.append(strings[first(fields, 1)])
    columns = {}
    for kind, names in (("live", "inuse"), ("allocated", "alloc")):
        for what, place in (("objects", 0), ("space", 1)):
            if f"{names}_{what}" in types:
                columns[kind, place] = types.index(f"{names}_{what}")
    if ("live", 1) not in columns and ("allocated", 1) not in columns:
        raise Failure(f"{path} is a profile, but not of memory: it has {', '.join(types)}")
    functions = {}
    for one in top.get(5, []):
        fields = _message(one)
        functions[first(fields, 1)] = (strings[first(fields, 2)], strings[first(fields, 4)])
    profile = Profile(path)
    profile.calls = True
    modules = {}
    for one in top.get(3, []):
        fields = _message(one)
        name, build_id = strings[first(fields, 5)], strings[first(fields, 6)]
        modules[first(fields, 1)] = name
        profile.mappings.append((first(fields, 2), first(fields, 3), first(fields, 4), name,
                                 build_id))
        profile.program = profile.program or name
    places = {}
    for one in top.get(4, []):
        fields = _message(one)
        address = first(fields, 3)
        named = []
        for line in fields.get(4, []):
            words = _message(line)
            name, file = functions.get(first(words, 1), ("", ""))
            if name:
                named.append((name, file, _signed(first(words, 2)),
                              modules.get(first(fields, 2), "")))
        key = address or -first(fields, 1)
        places[first(fields, 1)] = key
        if named:
            profile.names[key] = named
    profile.interval = _signed(first(top, 12)) or None
    profile.time_ms = first(top, 9) // 1000000 or None
    profile.duration_ms = first(top, 10) // 1000000 or None
    for one in top.get(2, []):
        fields = _message(one)
        frames = tuple(places[number_] for part in fields.get(1, []) for number_ in _varints(part))
        values = [_signed(number_) for part in fields.get(2, []) for number_ in _varints(part)]
        kinds = {kind: Estimate() for kind in KINDS}
        for kind in ("live", "allocated"):
            count = values[columns[kind, 0]] if (kind, 0) in columns else 0
            size = values[columns[kind, 1]] if (kind, 1) in columns else 0
            kinds[kind] = _sampled(count, size, profile.interval)
        profile.stacks.append(Stack(frames, kinds))
    return profile


def _sampled(count, size, interval):
    """An estimate whose file says only how far apart samples are. A block of b bytes is sampled
    with p = 1 - e^(-b/R), and n blocks of which each is counted as 1/p have a variance of
    n · (1-p)/p."""
    if not interval or interval <= 1 or count <= 0 or size <= 0:
        return Estimate(count, size, 0.0 if interval == 1 or not size else None,
                        0.0 if interval == 1 or not size else None)
    mean = size / count
    probability = -math.expm1(-mean / interval)
    variance = count * (1 - probability) / probability
    return Estimate(count, size, variance, variance * mean * mean)
