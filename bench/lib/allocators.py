# SPDX-License-Identifier: MIT
"""Which allocators take part: those named, this project's own build, and Debian's peers."""

import glob
import os
import sys

# Name in the tables, file of Debian's package, package.
PEERS = [
    ("jemalloc-deb", "libjemalloc.so.2", "libjemalloc2"),
    ("tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
    ("tbb", "libtbbmalloc_proxy.so.2", "libtbbmalloc2"),
    ("mimalloc-deb", "libmimalloc.so.2.0", "libmimalloc2.0"),
]


def find_library(name):
    for pattern in ("/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib"):
        for directory in sorted(glob.glob(pattern)):
            path = os.path.join(directory, name)
            if os.path.exists(path):
                return path
    return None


def own_build(root):
    for directory in ("build/release", "build/bench", "build"):
        path = root / directory / "librimalloc.so"
        if path.exists():
            return str(path)
    return None


def named(words):
    """NAME=path.so words as a dictionary."""
    found = {}
    for word in words:
        name, separator, path = word.partition("=")
        if not separator or not name:
            sys.exit(f"bench: '{word}' is not NAME=path.so")
        if path and not os.path.exists(path):
            sys.exit(f"bench: {path} does not exist")
        found[name] = os.path.abspath(path) if path else ""
    return found


def settings(words, found):
    """NAME:VARIABLE=VALUE words as name -> variables; the names must be those of allocators."""
    given = {}
    for word in words:
        name, colon, rest = word.partition(":")
        variable, equals, value = rest.partition("=")
        if not colon or not equals or not variable:
            sys.exit(f"bench: '{word}' is not NAME:VARIABLE=VALUE")
        if name not in found:
            sys.exit(f"bench: --env for {name}, which is not there")
        given.setdefault(name, {})[variable] = value
    return given


def collect(words, root, floor, peers=True):
    """All allocators in the order of the tables: name -> path; glibc has the empty path."""
    found = {}
    given = named(words)
    own = own_build(root)
    if "rimalloc" in given:
        found["rimalloc"] = given.pop("rimalloc")
    elif own is not None:
        found["rimalloc"] = own
    else:
        print("bench: no librimalloc.so in build/release: only the others run", file=sys.stderr)
    found.update(given)
    if peers:
        for name, file, package in PEERS:
            path = find_library(file)
            if name in found:
                continue
            if path is None:
                print(f"bench: no {file} ({package} is not installed)", file=sys.stderr)
            else:
                found[name] = path
    found.setdefault("glibc", "")
    if floor is not None:
        found["floor"] = str(floor)
    return found
