# SPDX-License-Identifier: MIT
"""`rimalloc profile`: runs a program with the profiler on, then shows the profile. And black boxes:
profiles that are a mapped file while the program runs, so that nothing is lost if it is killed."""

import os
import subprocess
import sys
import tempfile

from . import run, text
from .failure import Failure

# In a process that has the library, which alone can read its tables.
CONVERT = """
import ctypes, os, sys
library = ctypes.CDLL(None)
file = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
error = library.ri_profile_convert(os.fsencode(sys.argv[1]), file, 0)
os.close(file)
print(os.strerror(error) if error else "", end="")
sys.exit(error != 0)
"""


def has_profiler(library):
    with open(library, "rb") as file:
        return b"ri_profile_convert" in file.read()


def convert(path, library=None):
    """The profile in a black box, as JSON."""
    library = run.find_library(library or os.environ.get("RIMALLOC_LIBRARY"))
    if not has_profiler(library):
        raise Failure(f"{library} has no profiler, and only the library can read {path}")
    with tempfile.TemporaryDirectory() as folder:
        made = os.path.join(folder, "profile.json")
        environment = run.environment(library, {})
        environment.pop("RIMALLOC_PROFILE", None)
        environment.pop("RIMALLOC_PROFILE_FILE", None)
        done = subprocess.run([sys.executable, "-c", CONVERT, path, made], env=environment,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            reason = done.stdout or done.stderr.strip().rpartition("\n")[2]
            raise Failure(f"{path} cannot be read: {reason}",
                          "it may be cut off, or of another version of the library")
        with open(made, "rb") as file:
            return file.read()


def bytes_of(word):
    """512K, 1M or a number."""
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    number, unit = (word[:-1], units[word[-1].upper()]) if word[-1:].upper() in units else (word, 1)
    if not number.isdigit() or not 1 <= int(number) * unit <= 1000000000:
        raise Failure(f"'{word}' is no interval: 1 to 1000000000 bytes, as in 512K")
    return int(number) * unit


def command_profile(arguments):
    from . import report
    library = run.find_library(arguments.library)
    if not has_profiler(library):
        raise Failure(f"{library} has no profiler")
    path = run.find_program(arguments.program)
    interval = bytes_of(arguments.interval)
    options = dict(run.option(word) for word in arguments.option)
    options["profile"] = interval
    ending = "rip" if arguments.black_box else "json"
    with tempfile.TemporaryDirectory(prefix="rimalloc-") as folder:
        options["profile_file"] = os.path.join(folder, f"%p.{ending}")
        pid, status = run.to_its_end(arguments, path, run.environment(library, options))
        found = os.path.join(folder, f"{pid}.{ending}")
        if not os.path.exists(found):
            raise Failure(f"{arguments.program} left no profile; it ended with "
                          + (f"signal {-status}" if status < 0 else f"exit code {status}"),
                          "a program that is killed, or ends by _exit, leaves one with --black-box")
        others = len(os.listdir(folder)) - 1
        if others:
            print(f"rimalloc: note: {others} other processes of it were not looked at",
                  file=sys.stderr)
        if arguments.save:
            data = convert(found, library) if arguments.black_box else open(found, "rb").read()
            try:
                with open(arguments.save, "wb") as file:
                    file.write(data)
            except OSError as error:
                raise Failure(f"{arguments.save}: {error.strerror}") from None
        arguments.file, arguments.kind, arguments.limit = found, None, 20
        arguments.collapsed = arguments.speedscope = arguments.pprof = None
        os.environ["RIMALLOC_LIBRARY"] = library
        report.command_report(arguments)
    if arguments.save:
        print(text.paint(f"the profile is in {arguments.save}", "soft"))
    return status if status >= 0 else 128 - status
