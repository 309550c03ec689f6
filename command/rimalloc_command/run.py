# SPDX-License-Identifier: MIT
"""`rimalloc run`: starts a program with the library."""

import os
import shutil
import signal
import stat
import subprocess

from .failure import Failure

try:
    from .place import LIBRARIES  # which the installation writes
except ImportError:
    LIBRARIES = None  # in the sources

HERE = os.path.dirname(os.path.abspath(__file__))


def find_library(given=None):
    """librimalloc.so: as told, beside this command where it is installed, or in a build of the
    sources that this is part of."""
    if given:
        if not os.path.isfile(given):
            raise Failure(f"there is no library {given}")
        return os.path.abspath(given)
    for folder in (LIBRARIES, "../../build/release"):
        found = os.path.join(HERE, folder, "librimalloc.so") if folder else ""
        if os.path.isfile(found):
            return os.path.realpath(found)
    raise Failure("there is no librimalloc.so where this command expects it",
                  "name it: --library FILE")


def find_program(name):
    """Where a program is; says what keeps the library out of it."""
    path = shutil.which(name)
    if path is None:
        if os.path.exists(name):
            raise Failure(f"{name} cannot be run: it is not executable")
        raise Failure(f"there is no program {name}")
    mode = os.stat(path).st_mode
    if mode & (stat.S_ISUID | stat.S_ISGID) and os.geteuid() != 0:
        raise Failure(f"{path} runs with another user's rights: the system loads no library into it")
    if is_static(path):
        raise Failure(f"{path} is linked statically: no library can be loaded into it",
                      "link it with librimalloc.a instead")
    return path


def is_static(path):
    """Whether a file is an ELF program without a loader."""
    try:
        with open(path, "rb") as file:
            head = file.read(64)
            if len(head) < 64 or head[:4] != b"\x7fELF" or head[4] != 2:
                return False
            table = int.from_bytes(head[32:40], "little")
            entry = int.from_bytes(head[54:56], "little")
            count = int.from_bytes(head[56:58], "little")
            file.seek(table)
            data = file.read(entry * count)
    except OSError:
        return False
    kinds = [int.from_bytes(data[at:at + 4], "little") for at in range(0, len(data), entry)]
    return 3 not in kinds  # PT_INTERP


def environment(library, options):
    """For a program that is to use the library. Its own statistics and errors go to standard
    error."""
    made = dict(os.environ)
    before = made.get("LD_PRELOAD")
    made["LD_PRELOAD"] = library if not before else f"{library}:{before}"
    made.update({"RIMALLOC_" + name.upper(): str(value) for name, value in options.items()})
    return made


def option(word):
    """NAME=VALUE."""
    name, equals, value = word.partition("=")
    if not equals or not name.replace("_", "").isalnum():
        raise Failure(f"'{word}' is no option of the library: NAME=VALUE (docs/options.md)")
    return name.lower(), value


def to_its_end(arguments, path, environment_of_it):
    """Runs the program and waits for it: its number, and how it ended (negative: by a signal)."""
    try:
        child = subprocess.Popen([arguments.program, *arguments.arguments], executable=path,
                                 env=environment_of_it)
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from None
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # that is for the program
    try:
        return child.pid, child.wait()
    finally:
        signal.signal(signal.SIGINT, before)


def command_run(arguments):
    library = find_library(arguments.library)
    path = find_program(arguments.program)
    options = {} if arguments.quiet else {"show_stats": 1}
    options.update(option(word) for word in arguments.option)
    try:
        os.execve(path, [arguments.program, *arguments.arguments],
                  environment(library, options))
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from None
