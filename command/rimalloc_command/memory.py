# SPDX-License-Identifier: MIT
"""Memory to be looked at: of a running process, or of one that left a core file.

Both have `read(address, size)`, which returns exactly that many bytes or raises Unreadable, and
`mappings`: what is mapped, and from which file. A process goes on running meanwhile.
"""

import array
import os
import struct

from .failure import Failure

PAGE = os.sysconf("SC_PAGE_SIZE")


class Unreadable(Exception):
    """There is nothing at that address, or not that much."""


class Mapping:
    """One range of addresses."""

    def __init__(self, start, end, path="", offset=0, readable=True, private=True):
        self.start, self.end = start, end
        self.path, self.offset = path, offset
        self.readable, self.private = readable, private


class Process:
    """A running process."""

    def __init__(self, pid):
        self.pid = pid
        self.name = f"process {pid}"
        try:
            self.uid = os.stat(f"/proc/{pid}").st_uid
            self.mappings = list(self._maps())
            self.file = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, ProcessLookupError):
            raise Failure(f"there is no process {pid}") from None
        except PermissionError:
            raise Failure(*self.denied()) from None
        if not self.mappings:
            raise Failure(f"process {pid} has no memory: it has ended, or is one of the kernel's")
        self.program = self._program()

    def denied(self):
        if self.uid != os.geteuid():
            return (f"process {self.pid} is another user's (user id {self.uid})",
                    "run the command as that user or as root")
        return (f"the system does not let you look into process {self.pid}",
                "this needs the right to trace it: see ptrace(2), and "
                "/proc/sys/kernel/yama/ptrace_scope")

    def _program(self):
        try:
            return os.readlink(f"/proc/{self.pid}/exe")
        except OSError:
            return ""

    def _maps(self):
        with open(f"/proc/{self.pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                words = line.split(None, 5)
                start, end = (int(word, 16) for word in words[0].split("-"))
                path = words[5].rstrip("\n") if len(words) > 5 else ""
                yield Mapping(start, end, path, int(words[2], 16), "r" in words[1],
                              "p" in words[1])

    def read(self, address, size):
        try:
            data = os.pread(self.file, size, address)
            while 0 < len(data) < size:
                more = os.pread(self.file, size - len(data), address + len(data))
                if not more:
                    break
                data += more
        except (OSError, OverflowError):
            raise Unreadable(address) from None
        if len(data) != size:
            raise Unreadable(address)
        return data

    def resident(self, start, end):
        """For each OS page whether it is resident; None where the system does not say."""
        first, count = start // PAGE, (end - start) // PAGE
        try:
            with open(f"/proc/{self.pid}/pagemap", "rb", buffering=0) as file:
                file.seek(first * 8)
                data = file.read(count * 8)
        except OSError:
            return None
        words = array.array("Q", data[: len(data) // 8 * 8])
        return [word >> 63 for word in words] + [0] * (count - len(words))

    def status(self):
        """Bytes resident and at peak, and the number of threads."""
        found = {"resident": 0, "peak": 0, "threads": 0}
        names = {"VmRSS": "resident", "VmHWM": "peak", "Threads": "threads"}
        try:
            with open(f"/proc/{self.pid}/status", encoding="utf-8", errors="replace") as file:
                for line in file:
                    name, _, rest = line.partition(":")
                    if name in names:
                        number = int(rest.split()[0])
                        found[names[name]] = number * (1024 if "kB" in rest else 1)
        except (FileNotFoundError, ProcessLookupError):
            raise Failure(f"process {self.pid} has ended") from None
        return found


class Core:
    """A core file. What it does not have of a file, is read from that file."""

    pid = None

    def __init__(self, path):
        self.name = f"core file {path}"
        self.path = path
        self.program = ""
        try:
            self.file = open(path, "rb")
        except OSError as error:
            raise Failure(f"{path}: {error.strerror}") from None
        self.size = os.fstat(self.file.fileno()).st_size
        self.segments = []
        self.files = []
        self.opened = {}
        self._parse()
        self.mappings = [Mapping(start, start + size, self._path_of(start))
                         for start, size, _, _ in self.segments if size > 0]

    def _at(self, offset, size):
        self.file.seek(offset)
        data = self.file.read(size)
        if len(data) != size:
            raise Failure(f"{self.path} is cut off: it should have {offset + size:,} bytes and has "
                          f"{self.size:,}")
        return data

    def _parse(self):
        head = self.file.read(64)
        if head[:4] != b"\x7fELF":
            raise Failure(f"{self.path} is no core file")
        if len(head) < 64:
            raise Failure(f"{self.path} is cut off")
        if head[4] != 2 or head[5] != 1:
            raise Failure(f"{self.path} is not of a 64-bit little-endian machine")
        kind, = struct.unpack_from("<H", head, 16)
        if kind != 4:
            raise Failure(f"{self.path} is a program or a library, not a core file")
        table, = struct.unpack_from("<Q", head, 32)
        entry, count = struct.unpack_from("<HH", head, 54)
        if entry != 56:
            raise Failure(f"{self.path} is damaged: program headers of {entry} bytes")
        if count == 0xFFFF:  # more than fit: the number is in the first section's sh_info
            sections, = struct.unpack_from("<Q", head, 40)
            count, = struct.unpack_from("<I", self._at(sections, 64), 44)
        data = self._at(table, entry * count)
        for number in range(count):
            kind, _, offset, address, _, in_file, in_memory, _ = struct.unpack_from(
                "<IIQQQQQQ", data, number * entry)
            if kind == 1:
                if offset + in_file > self.size:
                    raise Failure(f"{self.path} is cut off: it should have "
                                  f"{offset + in_file:,} bytes and has {self.size:,}")
                self.segments.append((address, in_memory, offset, in_file))
            elif kind == 4:
                self._notes(self._at(offset, in_file))
        self.segments.sort()

    def _notes(self, data):
        at = 0
        while at + 12 <= len(data):
            name_size, size, kind = struct.unpack_from("<III", data, at)
            body = at + 12 + (name_size + 3) // 4 * 4
            if kind == 0x46494C45:  # NT_FILE
                self._file_note(data[body:body + size])
            at = body + (size + 3) // 4 * 4

    def _file_note(self, note):
        try:
            count, unit = struct.unpack_from("<QQ", note)
            names = note[16 + 24 * count:].split(b"\0")
            for number in range(count):
                start, end, offset = struct.unpack_from("<QQQ", note, 16 + 24 * number)
                path = names[number].decode("utf-8", "surrogateescape")
                self.files.append((start, end, offset * unit, path))
        except (struct.error, IndexError):
            raise Failure(f"{self.path} is damaged: its list of files") from None
        if self.files:
            self.program = self.files[0][3]

    def _path_of(self, address):
        return next((path for start, end, _, path in self.files if start <= address < end), "")

    def _from_file(self, address, size):
        for start, end, offset, path in self.files:
            if start <= address and address + size <= end:
                try:
                    if path not in self.opened:
                        self.opened[path] = open(path, "rb")
                    file = self.opened[path]
                    file.seek(offset + address - start)
                    data = file.read(size)
                except OSError:
                    raise Unreadable(address) from None
                if len(data) == size:
                    return data
        raise Unreadable(address)

    def read(self, address, size):
        parts, wanted = [], size
        while wanted > 0:
            for start, in_memory, offset, in_file in self.segments:
                if start <= address < start + in_memory:
                    inside = address - start
                    if inside < in_file:
                        part = self._at(offset + inside, min(wanted, in_file - inside))
                    else:
                        part = self._from_file(address, min(wanted, in_memory - inside))
                    break
            else:
                raise Unreadable(address)
            parts.append(part)
            wanted -= len(part)
            address += len(part)
        return b"".join(parts)

    def resident(self, _start, _end):
        return None

    def status(self):
        return {"resident": 0, "peak": 0, "threads": 0}


def subject(word):
    """What the user named: a process by its number, or a core file."""
    if word.isdigit():
        return Process(int(word))
    return Core(word)
