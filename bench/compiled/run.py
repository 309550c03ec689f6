#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares allocators compiled into programs of real code, in C++ and in Rust.

  bench/compiled/run.py [--static NAME=library.a,include-dir,prefix[,sized-free] ...]

builds one program of each language for each allocator and runs them in turn: JSON parsed and
printed, regular expressions, hash tables and trees, strings; by one and by eight threads. C++ is
compiled with -O2 -flto; a library that was itself compiled with -flto can be inlined by the linker.
Rust is compiled with lto = "fat". `sized-free` is the peer's free that is told the size. Columns:
  rimalloc          C++: new-delete.h after fast.h, inline; Rust: the crate
  rimalloc-call     C++: new-delete.h alone; Rust: the library's functions, called
  rimalloc-lto      with --lto: C++: as rimalloc, the library from its sources with -flto
  glibc             the system's malloc
A language without its libraries (nlohmann-json3-dev; librust-serde-json-dev, librust-regex-dev and
cargo) is left out. Nothing is fetched.
"""

import os
import pathlib
import shutil
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from lib import build, linked, suite  # noqa: E402

INCLUDE = f"-I{build.ROOT / 'include'}"
WORK = ["json", "regex", "maps", "strings"]
# gcc 12 warns of the library's code when it links it in.
FLAGS = [
    *["-O2", "-flto=auto", "-Wall", "-Wextra", "-Wno-maybe-uninitialized", "-pthread", INCLUDE]
]
LIBRARY_FLAGS = [
    *["-O3", "-flto=auto", "-DNDEBUG", "-fexceptions", "-fvisibility=hidden"],
    *["-ftls-model=initial-exec", *build.NO_BUILTINS, INCLUDE, f"-I{build.ROOT / 'src'}"],
]
PARTS = ["main", *WORK]
NLOHMANN = "/usr/include/nlohmann/json.hpp"
CRATES = "/usr/share/cargo/registry"


class Peer:
    def __init__(self, name, library, words):
        self.name, self.library = name, pathlib.Path(library)
        self.prefix = words[1]
        self.sized = words[2] if len(words) > 2 else f"{self.prefix}free_sized"


def rows(languages, options):
    found = []
    for language in languages:
        title = {"cxx": "C++", "rust": "Rust"}[language]
        for threads in (1, 8):
            for work in WORK:
                name = f"{title} {work}, {threads}"
                if options.only in name:
                    arguments = [f"work={work}", f"threads={threads}"]
                    found.append(suite.Row(name, title, language, arguments, cpu=True))
    return found


# ---- C++ ----------------------------------------------------------------------------------------


def cxx_objects(directory):
    """The parts that know of no allocator, compiled once."""
    directory.mkdir(parents=True, exist_ok=True)
    objects = []
    for part in PARTS:
        target = directory / f"{part}.o"
        source = HERE / "cxx" / f"{part}.cc"
        linked.run([*build.compiler(True), "-std=gnu++17", *FLAGS, "-c", source, "-o", target])
        objects.append(target)
    return objects


def cxx_library(directory):
    """rimalloc from its sources, for link-time optimisation."""
    unity, catch = directory / "rimalloc.o", directory / "catch.o"
    sources = build.ROOT / "src"
    compiler = build.compiler(False)
    linked.run(
        [*compiler, "-std=c11", *LIBRARY_FLAGS, "-c", sources / "rimalloc.c", "-o", unity]
    )
    linked.run(
        [*build.compiler(True), *LIBRARY_FLAGS, "-c", sources / "os/catch.cc", "-o", catch]
    )
    return [unity, catch]


def build_cxx(directory, options, peers):
    objects = cxx_objects(directory / "parts")
    variants = {"rimalloc": (["-DCOMPILED_FAST"], [options.rimalloc])}
    variants["rimalloc-call"] = (["-DCOMPILED_CALLED"], [options.rimalloc])
    if options.lto:
        variants["rimalloc-lto"] = (["-DCOMPILED_FAST"], cxx_library(directory / "parts"))
    for peer in peers:
        defines = [f"-DCOMPILED_PREFIX={peer.prefix}", f"-DCOMPILED_SIZED={peer.sized}"]
        variants[peer.name] = (defines, [peer.library])
    variants["glibc"] = ([], [])
    for name, (defines, libraries) in variants.items():
        (directory / name).mkdir(parents=True, exist_ok=True)
        new = HERE / "cxx" / "new.cc"
        command = [*build.compiler(True), "-std=gnu++17", *FLAGS, *defines, new, *objects]
        linked.run([*command, *libraries, "-latomic", "-o", directory / name / "cxx"])


# ---- Rust ---------------------------------------------------------------------------------------

MANIFEST = """[package]
name = "work-{name}"
version = "0.0.0"
edition = "2021"
build = "{build}"
[dependencies]
serde_json = {{ version = "1", features = ["std"] }}
regex = {{ version = "1", default-features = false, features = ["std", "unicode"] }}
{dependency}
[profile.release]
lto = "fat"
codegen-units = 1
[workspace]
"""
MAIN = """#[path = "{work}"]
mod work;
{allocator}
fn main() {{
    work::run()
}}
"""


def rust_peer(prefix, sized):
    names = [prefix + name for name in ("malloc", "calloc", "realloc", "posix_memalign")]
    return (
        f'#[path = "{HERE / "rust" / "peer.rs"}"]\n#[macro_use]\nmod peer;\n'
        f"peer!({', '.join([*names, sized])});\n"
    )


def build_rust_one(directory, name, allocator, dependency="", library=None):
    """One program: a crate of its own in the build folder, where its lock file stays."""
    crate = directory / "crates" / name
    (crate / "src").mkdir(parents=True, exist_ok=True)
    script = ""
    if library is not None:
        kind = library.name.removeprefix("lib").removesuffix(".a")
        script = (
            f'fn main() {{\n    println!("cargo:rustc-link-search=native={library.parent}");\n'
            f'    println!("cargo:rustc-link-lib=static={kind}");\n'
            '    println!("cargo:rustc-link-lib=stdc++");\n'
            '    println!("cargo:rustc-link-lib=atomic");\n'
            f'    println!("cargo:rerun-if-changed={library}");\n}}\n'
        )
    (crate / "build.rs").write_text(script or "fn main() {}\n", encoding="utf-8")
    manifest = MANIFEST.format(name=name, build="build.rs", dependency=dependency)
    (crate / "Cargo.toml").write_text(manifest, encoding="utf-8")
    main = MAIN.format(work=HERE / "rust" / "work.rs", allocator=allocator)
    (crate / "src" / "main.rs").write_text(main, encoding="utf-8")
    sources = ["source.crates-io.replace-with='system'", f"source.system.directory='{CRATES}'"]
    flags = [word for source in sources for word in ("--config", source)]
    environment = dict(os.environ, CARGO_TARGET_DIR=str(directory / "target"))
    command = ["cargo", "build", "--quiet", "--release", "--offline", *flags]
    linked.run(command, cwd=crate, env=environment)
    (directory / name).mkdir(parents=True, exist_ok=True)
    shutil.copy2(directory / "target" / "release" / f"work-{name}", directory / name / "rust")


def build_rust(directory, options, peers):
    crate = build.ROOT / "bindings" / "rust"
    ours = "#[global_allocator]\nstatic GLOBAL: rimalloc::RiMalloc = rimalloc::RiMalloc;\n"
    build_rust_one(directory, "rimalloc", ours, f'rimalloc = {{ path = "{crate}" }}')
    called = rust_peer("ri_", "ri_free_sized")
    build_rust_one(directory, "rimalloc-call", called, library=pathlib.Path(options.rimalloc))
    for peer in peers:
        allocator = rust_peer(peer.prefix, peer.sized)
        build_rust_one(directory, peer.name, allocator, library=peer.library)
    build_rust_one(directory, "glibc", "")


# ---- Both ---------------------------------------------------------------------------------------


def languages():
    found = []
    if os.path.exists(NLOHMANN):
        found.append("cxx")
    else:
        print("bench: without C++: nlohmann-json3-dev is not installed", file=sys.stderr)
    registry = pathlib.Path(CRATES)
    crates = [list(registry.glob(name)) for name in ("serde_json-*", "regex-1*")]
    if shutil.which("cargo") and all(crates):
        found.append("rust")
    else:
        print("bench: without Rust: no cargo, or librust-*-dev not installed", file=sys.stderr)
    return found


def main():
    parser = linked.parser(__doc__.splitlines()[0], "compiled")
    parser.add_argument("--lto", action="store_true", help="rimalloc from its sources, too")
    options = parser.parse_args()
    options.rimalloc = os.path.abspath(options.rimalloc)
    directory = pathlib.Path(options.build_dir).resolve()
    peers = [Peer(*words) for words in linked.peers(options)]
    found = languages()
    wanted = rows(found, options)
    if not wanted:
        sys.exit("bench: no rows")
    used = {row.program for row in wanted}
    if "cxx" in used:
        build_cxx(directory, options, peers)
    if "rust" in used:
        build_rust(directory, options, peers)
    names = ["rimalloc", "rimalloc-call", *(["rimalloc-lto"] if options.lto else [])]
    names += [peer.name for peer in peers] + ["glibc"]

    def has(row, name):
        return (directory / name / row.program).exists()

    linked.measure_rows(options, wanted, names, has)


if __name__ == "__main__":
    main()
