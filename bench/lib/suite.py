# SPDX-License-Identifier: MIT
"""The list of workloads: what is run, under which name, in which group, and how it is read.

A row is one line of every table. `cpu` rows have a wall time that is fixed by their sleeping, so
user plus system time stands for their time. `floor=False` marks rows where memory moves between
threads for ever: the floor never balances its lists, so it is no floor there. `series` and `x`
put rows in the charts of scaling. `quick` rows make `make bench`; all rows make `make bench-
full`.
"""

from dataclasses import dataclass, field


@dataclass
class Row:
    name: str
    group: str
    program: str
    args: list = field(default_factory=list)
    text: str = ""
    quick: bool = True
    cpu: bool = False
    floor: bool = True
    series: str = ""
    x: int = 0
    environment: dict = field(default_factory=dict)
    real: bool = False  # a program of the system rather than a workload of ours
    limit: float = 120.0
    fixed_output: bool = True  # what a real program prints must not depend on the allocator
    driver: bool = False  # a script that starts the program: its own memory over time means nothing
    libc_first: bool = False  # preload libc when nothing else: the program links an allocator


def _row(name, group, command, text, **more):
    program, *args = command.split()
    return Row(name, group, program, args, text, **more)


GROUPS = {
    "one thread": "The fast paths, the layout of memory, and nothing else.",
    "threads": "Blocks that move between threads, and threads that come and go.",
    "large and OS": "What the allocator asks of the kernel.",
    "memory": "How much is kept, and for how long.",
    "real programs": "Programs of the system with fixed inputs.",
}

# Name, arguments, text, quick.
ASLEEP = (
    ("all freed", "", "260 MB freed, then two seconds without any call", False),
    ("1 in 20", "keep=20", "one block of 1,000 bytes in twenty stays", True),
    ("1 in 100", "keep=100", "one in a hundred stays", False),
    ("by main", "threads=200", "200 threads sleep; the main thread freed their blocks", False),
    (
        "by threads",
        "threads=200 by=self keep=20",
        "200 threads each freed 19 of 20 blocks and sleep",
        False,
    ),
)

ROWS = [
    # ---- one thread ----
    _row(
        "pairs 16",
        "one thread",
        "pairs size=16",
        "malloc and free of one block of 16 bytes",
        quick=False,
    ),
    _row("pairs 64", "one thread", "pairs size=64", "malloc and free of one block of 64 bytes"),
    _row("pairs 1024", "one thread", "pairs size=1024", "the same, 1,024 bytes", quick=False),
    _row("pairs 16K", "one thread", "pairs size=16384", "the same, 16 KiB"),
    _row(
        "batch lifo",
        "one thread",
        "batches order=lifo",
        "1,000 blocks of 32 bytes, freed backwards",
    ),
    _row(
        "batch fifo",
        "one thread",
        "batches order=fifo",
        "freed in the order of allocation",
        quick=False,
    ),
    _row("batch random", "one thread", "batches order=random", "freed in random order"),
    _row(
        "batch 20K mixed",
        "one thread",
        "batches order=random count=20000 size=16 spread=240",
        "20,000 blocks of 16 to 256 bytes, freed in random order",
        quick=False,
    ),
    _row(
        "slots small",
        "one thread",
        "slots",
        "random replacement, 10,000 blocks of 8 to 1,008 bytes",
    ),
    _row(
        "slots to 64K",
        "one thread",
        "slots slots=2000 low=8 high=65536 shape=log",
        "2,000 blocks of 8 bytes to 64 KiB",
    ),
    _row("slots tiny set", "one thread", "slots slots=16 steps=40000000", "16 live blocks"),
    _row(
        "slots huge set",
        "one thread",
        "slots slots=1000000 low=16 high=128 steps=4000000",
        "a million live blocks of 16 to 128 bytes",
    ),
    _row(
        "replace 64",
        "one thread",
        "replace low=64 high=64 mib=100",
        "a full cache: 100 MiB of 64 bytes, one replaced at random",
        quick=False,
    ),
    _row("replace 200", "one thread", "replace", "the same, 30 MiB of 200 bytes"),
    _row(
        "replace mixed",
        "one thread",
        "replace low=16 high=1000 mib=100",
        "the same, 100 MiB of 16 to 1,000 bytes",
        quick=False,
    ),
    _row("beside", "one thread", "beside", "64 bytes beside 20,000 pages half free", quick=False),
    _row("realloc append", "one thread", "realloc mode=append", "500 buffers grow by small steps"),
    _row(
        "realloc double",
        "one thread",
        "realloc mode=double buffers=200 limit=200000 steps=20000000",
        "200 buffers grow by half to 200 KB",
    ),
    _row("calloc", "one thread", "calloc", "zeroed blocks of 16 bytes to 64 KiB"),
    _row("aligned", "one thread", "aligned", "alignments of 32 bytes to 4 KiB"),
    _row("c++ map", "one thread", "containers mode=map", "std::map of strings", quick=False),
    _row(
        "c++ string",
        "one thread",
        "containers mode=string",
        "strings built by appending",
        quick=False,
    ),
    _row("c++ vector", "one thread", "containers mode=vector", "vectors of vectors", quick=False),
    _row("c++ hash", "one thread", "containers mode=hash", "std::unordered_map", quick=False),
    _row("c++ all", "one thread", "containers mode=all", "map, string, vector and hash in turn"),
    _row("heaps", "one thread", "heaps", "20,000 heaps of three blocks, used twice and destroyed"),
    _row(
        "heaps left pages",
        "one thread",
        "heaps mode=left",
        "a thread left 10,000 pages in a heap; the main heap goes on",
        quick=False,
    ),
    # ---- threads ----
    _row(
        "larson 1",
        "threads",
        "larson threads=1",
        "server with hand-over, 1 thread",
        quick=False,
        series="larson",
        x=1,
    ),
    _row(
        "larson 2",
        "threads",
        "larson threads=2",
        "server with hand-over, 2 threads",
        series="larson",
        x=2,
    ),
    _row(
        "larson 4",
        "threads",
        "larson threads=4",
        "the same, 4 threads",
        quick=False,
        series="larson",
        x=4,
    ),
    _row("larson 8", "threads", "larson threads=8", "the same, 8 threads", series="larson", x=8),
    _row(
        "producers 2+2",
        "threads",
        "producers producers=2 consumers=2",
        "two threads allocate, two free",
        floor=False,
    ),
    _row(
        "producers 1+1",
        "threads",
        "producers producers=1 consumers=1",
        "one thread allocates, one frees",
        floor=False,
        quick=False,
    ),
    _row("pipe", "threads", "pipe", "messages one by one between two threads", floor=False),
    _row("ring 4", "threads", "ring threads=4", "four threads free their neighbour's blocks"),
    _row(
        "transfers 1",
        "threads",
        "transfers threads=1",
        "random exchange, 1 thread",
        quick=False,
        series="transfers",
        x=1,
    ),
    _row(
        "transfers 2",
        "threads",
        "transfers threads=2",
        "random exchange over thread generations, 2 threads",
        series="transfers",
        x=2,
    ),
    _row(
        "transfers 4",
        "threads",
        "transfers threads=4",
        "the same, 4 threads",
        quick=False,
        series="transfers",
        x=4,
    ),
    _row(
        "transfers 16",
        "threads",
        "transfers threads=16",
        "the same, 16 threads",
        series="transfers",
        x=16,
    ),
    _row(
        "random 16K, 1",
        "threads",
        "threads_random threads=1",
        "8 bytes to 16 KiB, 1 thread",
        quick=False,
        series="random to 16K",
        x=1,
    ),
    _row(
        "random 16K, 2",
        "threads",
        "threads_random threads=2",
        "8 bytes to 16 KiB, a tenth freed by a neighbour, 2 threads",
        series="random to 16K",
        x=2,
    ),
    _row(
        "random 16K, 4",
        "threads",
        "threads_random threads=4",
        "the same, 4 threads",
        quick=False,
        series="random to 16K",
        x=4,
    ),
    _row(
        "random 16K, 8",
        "threads",
        "threads_random threads=8",
        "the same, 8 threads",
        quick=False,
        series="random to 16K",
        x=8,
    ),
    _row(
        "short threads",
        "threads",
        "short_threads",
        "2,000 threads that live a millisecond",
        floor=False,
    ),
    _row(
        "sharing active",
        "threads",
        "false_sharing mode=active",
        "do neighbours share a cache line?",
    ),
    _row(
        "sharing passive",
        "threads",
        "false_sharing mode=passive",
        "the same for blocks handed out by one thread",
    ),
    _row(
        "late free",
        "threads",
        "late_free",
        "data of an ended thread, freed slowly by others",
        floor=False,
    ),
    _row(
        "late free, kept",
        "threads",
        "late_free keep=1",
        "the builder sleeps instead of ending",
        floor=False,
        quick=False,
    ),
    # ---- large and OS ----
    _row("5-25 MiB", "large and OS", "large", "20 live blocks of 5 to 25 MiB, every page touched"),
    _row(
        "1-4 MiB",
        "large and OS",
        "large low=1 high=4 slots=40 steps=4000",
        "40 live blocks of 1 to 4 MiB",
        quick=False,
    ),
    _row("frames", "large and OS", "frames", "four zeroed blocks of 1 MiB, replaced in turn"),
    _row(
        "frames sparse",
        "large and OS",
        "frames touched=0 steps=100000",
        "the same, hardly touched",
        quick=False,
    ),
    _row("vectors 1", "large and OS", "vectors", "four vectors grow in turn to 1 MiB"),
    _row(
        "vectors 4",
        "large and OS",
        "vectors threads=4 rounds=200",
        "the same in four threads",
        quick=False,
    ),
    _row("huge realloc", "large and OS", "huge_realloc rounds=4", "one buffer grows to 256 MiB"),
    _row("first touch", "large and OS", "first_touch", "1 GiB in blocks of 64 KiB, touched once"),
    _row("holes", "large and OS", "holes", "blocks that fit in none of 15,000 holes"),
    _row(
        "holes aligned",
        "large and OS",
        "holes large=1000 align=131072",
        "the same, with an alignment of 128 KiB",
        quick=False,
    ),
    # ---- memory ----
    _row("swiss cheese", "memory", "swiss_cheese", "free a random half, refill with another size"),
    _row("burst", "memory", "burst", "peaks of 200 MiB, then a small steady state", cpu=True),
    _row(
        "idle, all freed", "memory", "idle keep=0", "200 MiB freed, then two idle seconds", cpu=True
    ),
    _row("idle, 1 in 20", "memory", "idle keep=20", "one block in twenty stays, spread", cpu=True),
    _row(
        "idle, clustered",
        "memory",
        "idle keep=clustered",
        "a twentieth stays, in one piece",
        cpu=True,
        quick=False,
    ),
    _row("sparse", "memory", "sparse place=last", "2,000 blocks to 1 MiB, 64 bytes touched in each"),
    _row(
        "sparse buffers",
        "memory",
        "sparse count=100 low=5120 high=25600",
        "100 blocks of 5 to 25 MiB, replaced, their start touched",
        quick=False,
    ),
    _row("tiny process", "memory", "tiny", "300 processes of a hundred blocks each"),
    _row("200 idle threads", "memory", "idle_threads", "threads that hold a little and sleep"),
    *(
        _row(
            f"asleep, {name}", "memory", f"asleep {args}", text, cpu=True, floor=False, quick=quick
        )
        for name, args, text, quick in ASLEEP
    ),
    *(
        _row(
            f"trim, {name}",
            "memory",
            f"asleep {args} sleep=0 trim=1",
            f"{text}; malloc_trim instead of sleep",
            cpu=True,
            floor=False,
            quick=False,
        )
        for name, args, text, _ in ASLEEP
    ),
    _row(
        "thread bursts 8K",
        "memory",
        "thread_bursts",
        "nine bursts of 300 threads with 500 KiB each, in blocks to 8 KiB",
        cpu=True,
        floor=False,
    ),
    _row(
        "thread bursts 64K",
        "memory",
        "thread_bursts high=65536",
        "the same in blocks to 64 KiB",
        cpu=True,
        floor=False,
        quick=False,
    ),
    _row(
        "shrink",
        "memory",
        "shrink",
        "realloc from 256 MiB to 1 MiB, then two seconds of sleep",
        cpu=True,
        quick=False,
    ),
    _row(
        "shrink many",
        "memory",
        "shrink count=64 from=4096 to=64",
        "64 buffers from 4 MiB to 64 KiB",
        cpu=True,
        quick=False,
    ),
    _row(
        "falls",
        "memory",
        "falls",
        "from 2 GiB live to 50 MiB, then ten seconds of light work",
        cpu=True,
        floor=False,
        quick=False,
    ),
    _row(
        "falls, spread",
        "memory",
        "falls spread=100",
        "the same; what stays lies spread over all that was",
        cpu=True,
        floor=False,
        quick=False,
    ),
    _row(
        "cache phases",
        "memory",
        "cache_phases",
        "a full cache whose entries change in size",
        cpu=True,
        quick=False,
    ),
    _row(
        "requests",
        "memory",
        "requests",
        "16 threads: pools of requests, sessions, a load that comes and goes",
        cpu=True,
        floor=False,
        quick=False,
    ),
    _row(
        "tables",
        "memory",
        "tables",
        "hash tables and vectors that grow and shrink by turns",
        cpu=True,
        quick=False,
    ),
]
