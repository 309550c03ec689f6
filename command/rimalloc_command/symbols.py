# SPDX-License-Identifier: MIT
"""Names for addresses: from llvm-symbolizer, from addr2line, or from the symbol tables themselves;
for code that was made at run time from /tmp/perf-PID.map.

A file is used only if it is the one that ran: it must have the same build id. Debug files are looked
for by build id in /usr/lib/debug.
"""

import bisect
import collections
import json
import os
import shutil
import struct
import subprocess

Frame = collections.namedtuple("Frame", "name file line module")
DEBUG = "/usr/lib/debug/.build-id"


class Elf:
    """The few parts of an ELF file that are needed."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        data = self.data
        if data[:4] != b"\x7fELF" or data[4] != 2 or data[5] != 1 or len(data) < 64:
            raise ValueError("no ELF file of a 64-bit little-endian machine")
        table, = struct.unpack_from("<Q", data, 32)
        count, = struct.unpack_from("<H", data, 56)
        self.loads, self.build_id = [], ""
        for at in range(table, table + 56 * count, 56):
            kind, _, offset, address, _, size, _, _ = struct.unpack_from("<IIQQQQQQ", data, at)
            if kind == 1:
                self.loads.append((offset, size, address))
            elif kind == 4:
                self._notes(data[offset:offset + size])

    def _notes(self, notes):
        at = 0
        while at + 12 <= len(notes):
            name, size, kind = struct.unpack_from("<III", notes, at)
            body = at + 12 + (name + 3) // 4 * 4
            if kind == 3 and notes[at + 12:at + 16] == b"GNU\0":
                self.build_id = notes[body:body + size].hex()
            at = body + (size + 3) // 4 * 4

    def address(self, offset):
        """Where in memory, before it was moved, a place of the file is."""
        for start, size, address in self.loads:
            if start <= offset < start + size:
                return offset - start + address
        return None

    def symbols(self):
        """Functions by address: (starts, [(start, size, name)])."""
        data, found = self.data, {}
        table, = struct.unpack_from("<Q", data, 40)
        entry, count = struct.unpack_from("<HH", data, 58)
        sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + entry * i)
                    for i in range(count)]
        for section in sections:
            if section[1] not in (2, 11):  # SHT_SYMTAB, SHT_DYNSYM
                continue
            strings = sections[section[6]]
            for at in range(section[4], section[4] + section[5], 24):
                name, info, _, index, value, size = struct.unpack_from("<IBBHQQ", data, at)
                if info & 15 in (2, 10) and index != 0:  # STT_FUNC, STT_GNU_IFUNC
                    begin = strings[4] + name
                    text = data[begin:data.index(b"\0", begin)].decode("utf-8", "replace")
                    found.setdefault(value, (value, size, text))
        ordered = [found[key] for key in sorted(found)]
        return [one[0] for one in ordered], ordered


class Symbolizer:
    """Names for the addresses of one profile. `notes`: what the reader should know."""

    def __init__(self, profile, progress=None, tools=("llvm-symbolizer", "addr2line")):
        self.profile = profile
        self.tools = tools
        self.notes = []
        self.frames = {}  # address -> [Frame], the innermost first
        self.progress = progress
        self.mappings = sorted(profile.mappings)
        self.starts = [one[0] for one in self.mappings]
        self._resolve()

    def __getitem__(self, address):
        return self.frames[address]

    def _mapping(self, address):
        at = bisect.bisect_right(self.starts, address) - 1
        if at >= 0 and address < self.mappings[at][1]:
            return self.mappings[at]
        return None

    def _resolve(self):
        wanted = collections.defaultdict(dict)  # (path, build id) -> {address: offset in the file}
        made = []
        for address in {address for stack in self.profile.stacks for address in stack.frames}:
            if address in self.profile.names:
                self.frames[address] = [Frame(name, file, line, os.path.basename(module))
                                        for name, file, line, module in
                                        self.profile.names[address]]
                continue
            # Frames are return addresses: the call lies before.
            call = address - (not self.profile.calls)
            mapping = self._mapping(call)
            if mapping is None:
                made.append(address)
            else:
                start, _, offset, path, build_id = mapping
                wanted[path, build_id][address] = call - start + offset
        for number, ((path, build_id), places) in enumerate(wanted.items()):
            if self.progress:
                self.progress.at(number * 100 // len(wanted))
            self._file(path, build_id, places)
        self._made_at_run_time(made)
        if self.progress:
            self.progress.end()

    def _unknown(self, path, places):
        module = os.path.basename(path) or "?"
        for address, offset in places.items():
            self.frames[address] = [Frame(f"{module}+{offset:#x}", "", 0, module)]

    def _file(self, path, build_id, places):
        self._unknown(path, places)
        elf = None
        for candidate in [path] + ([f"{DEBUG}/{build_id[:2]}/{build_id[2:]}.debug"]
                                   if build_id else []):
            try:
                found = Elf(candidate)
            except (OSError, ValueError, struct.error, MemoryError):
                continue
            if build_id and found.build_id and found.build_id != build_id:
                self.notes.append(f"{candidate} is another build than the one that ran")
                continue
            elf = found if elf is None or candidate == path else elf
            if candidate == path:
                break
        if elf is None:
            if path.startswith("/"):
                self.notes.append(f"no names for {os.path.basename(path)}: the file that ran is "
                                  "not here")
            return
        inside = {address: elf.address(offset) for address, offset in places.items()}
        inside = {address: place for address, place in inside.items() if place is not None}
        module = os.path.basename(path)
        missing = dict(inside)
        for tool in self.tools:
            if not missing or not shutil.which(tool):
                continue
            run = self._llvm if tool == "llvm-symbolizer" else self._addr2line
            found = run(tool, candidate, list(missing.values()), module)
            for address, place in list(missing.items()):
                if found.get(place):
                    self.frames[address] = found[place]
                    del missing[address]
        if missing:
            self._tables(elf, missing, module)

    @staticmethod
    def _run(command, text):
        try:
            done = subprocess.run(command, input=text, capture_output=True, text=True, check=False,
                                  timeout=300, errors="replace")
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout if done.returncode == 0 else ""

    def _llvm(self, tool, path, addresses, module):
        text = self._run([tool, "--output-style=JSON", "--demangle", f"--obj={path}"],
                         "".join(f"{address:#x}\n" for address in addresses))
        found = {}
        for line in text.splitlines():
            try:
                one = json.loads(line)
                frames = [Frame(symbol["FunctionName"], symbol.get("FileName", ""),
                                symbol.get("Line", 0), module)
                          for symbol in one.get("Symbol", []) if symbol.get("FunctionName")]
                found[int(one["Address"], 16)] = frames
            except (ValueError, KeyError, TypeError):
                continue
        return found

    def _addr2line(self, tool, path, addresses, module):
        text = self._run([tool, "-a", "-C", "-f", "-i", "-e", path],
                         "".join(f"{address:#x}\n" for address in addresses))
        found, frames, name = {}, None, None
        for line in text.splitlines():
            if line.startswith("0x") and " " not in line:
                frames = found.setdefault(int(line, 16), [])
                name = None
            elif name is None:
                name = line
            else:
                file, _, number = line.rpartition(":")
                number = number.split()[0] if number.split() else ""
                if name != "??" and frames is not None:
                    frames.append(Frame(name, "" if file == "??" else file,
                                        int(number) if number.isdigit() else 0, module))
                name = None
        return found

    def _tables(self, elf, missing, module):
        try:
            starts, symbols = elf.symbols()
        except (struct.error, IndexError, ValueError):
            self.notes.append(f"the symbols of {module} are damaged")
            return
        names = {}
        for address, place in missing.items():
            at = bisect.bisect_right(starts, place) - 1
            if at >= 0 and place < symbols[at][0] + max(symbols[at][1], 1):
                names[address] = symbols[at][2]
        filt = shutil.which("c++filt")
        if filt and any(name.startswith("_Z") for name in names.values()):
            order = sorted(set(names.values()))
            text = self._run([filt], "\n".join(order) + "\n").splitlines()
            if len(text) == len(order):
                plain = dict(zip(order, text))
                names = {address: plain[name] for address, name in names.items()}
        for address, name in names.items():
            self.frames[address] = [Frame(name, "", 0, module)]

    def _made_at_run_time(self, addresses):
        """Code of just-in-time compilers."""
        starts, entries = [], []
        if self.profile.pid and addresses:
            try:
                with open(f"/tmp/perf-{int(self.profile.pid)}.map", encoding="utf-8",
                          errors="replace") as file:
                    for line in file:
                        words = line.rstrip("\n").split(" ", 2)
                        if len(words) == 3:
                            entries.append((int(words[0], 16), int(words[1], 16), words[2]))
            except (OSError, ValueError):
                entries = []
            entries.sort()
            starts = [one[0] for one in entries]
        for address in addresses:
            at = bisect.bisect_right(starts, address - 1) - 1
            if at >= 0 and address - 1 < entries[at][0] + entries[at][1]:
                self.frames[address] = [Frame(entries[at][2], "", 0, "jit")]
            else:
                self.frames[address] = [Frame(f"{address:#x}", "", 0, "?")]
