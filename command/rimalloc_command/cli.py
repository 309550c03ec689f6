# SPDX-License-Identifier: MIT
"""The words of the command line. Exit codes: 0 done, 1 it could not be done, 2 wrong usage."""

import argparse
import os
import signal
import sys

from . import attach, capture, heapmap, record, report, run
from .failure import Failure
from .profile import KINDS

EPILOG = "docs/profiling.md, or `man rimalloc`, says more."


def positive(word):
    value = float(word)
    if not value > 0:
        raise argparse.ArgumentTypeError("more than 0")
    return value


def count(word):
    value = int(word)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def add_library(parser):
    parser.add_argument("--library", metavar="FILE", default=os.environ.get("RIMALLOC_LIBRARY"),
                        help="librimalloc.so, if not the one beside this command")


def add_words(parser):
    parser.add_argument("program", metavar="PROG")
    parser.add_argument("arguments", metavar="...", nargs=argparse.REMAINDER)


def add_program(parser):
    add_library(parser)
    parser.add_argument("-o", "--option", metavar="NAME=VALUE", action="append", default=[],
                        help="an option of the library (docs/options.md); may be repeated")
    add_words(parser)


def add_subject(parser):
    parser.add_argument("subject", metavar="PID|CORE",
                        help="a process that runs, or a core file")


def add_limits(parser):
    parser.add_argument("-k", "--kind", choices=KINDS,
                        help="which figures; otherwise the first of these that the profile has")
    parser.add_argument("-n", "--limit", metavar="N", type=count, default=20,
                        help="show so many places (20)")


def parser():
    main = argparse.ArgumentParser(prog="rimalloc", epilog=EPILOG, allow_abbrev=False,
                                   description="Shows what the memory of a program is.")
    commands = main.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name, function, text):
        made = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".",
                                   epilog=EPILOG, allow_abbrev=False)
        made.set_defaults(function=function)
        return made

    one = command("run", run.command_run, "run a program with the library; statistics at its end")
    one.add_argument("-q", "--quiet", action="store_true", help="without statistics")
    add_program(one)

    one = command("profile", capture.command_profile, "run a program with the profiler, then show "
                  "its profile")
    one.add_argument("-i", "--interval", metavar="BYTES", default="512K",
                     help="a sample in so many bytes, on average (512K)")
    one.add_argument("--html", metavar="FILE", help="one file, with a flame graph, for a browser")
    one.add_argument("--save", metavar="FILE", help="keep the profile, for report, diff and leaks")
    one.add_argument("--black-box", action="store_true",
                     help="sees to it that a profile is left even if the program is killed")
    add_program(one)

    one = command("stat", heapmap.command_stat, "what the memory of a process is, in numbers")
    one.add_argument("-w", "--watch", metavar="SECONDS", type=positive, nargs="?", const=1.0,
                     help="again and again, until the process or you end it")
    which = one.add_mutually_exclusive_group()
    which.add_argument("--json", action="store_true", help="for other programs")
    which.add_argument("--openmetrics", action="store_true", help="for Prometheus and its like")
    add_subject(one)

    one = command("heap-map", heapmap.command_map, "a picture of the memory of a process")
    which = one.add_mutually_exclusive_group()
    which.add_argument("--svg", metavar="FILE", help="write a picture")
    which.add_argument("--json", action="store_true", help="the numbers, for other programs")
    add_subject(one)

    one = command("report", report.command_report, "what a profile says: who has the memory, "
                  "who pins it, what leaks")
    which = one.add_mutually_exclusive_group()
    which.add_argument("--html", metavar="FILE", help="one file, with a flame graph, for a browser")
    which.add_argument("--collapsed", action="store_true", help="for flamegraph.pl and its like")
    which.add_argument("--speedscope", action="store_true", help="for speedscope")
    which.add_argument("--pprof", metavar="FILE", help="for pprof and its like, with names inside")
    add_limits(one)
    one.add_argument("file", metavar="PROFILE", help=".json of this library, or pprof's .pb.gz")

    one = command("diff", report.command_diff, "what changed between two profiles, and what of it "
                  "is more than chance")
    one.add_argument("--html", metavar="FILE", help="one file, with a flame graph, for a browser")
    add_limits(one)
    one.add_argument("before", metavar="BEFORE")
    one.add_argument("after", metavar="AFTER")

    one = command("leaks", report.command_leaks, "what of a profile stays and grows")
    one.add_argument("--fail", action="store_true", help="exit code 1 if there is a suspect")
    one.add_argument("-n", "--limit", metavar="N", type=count, default=20,
                     help="show so many places (20)")
    one.add_argument("file", metavar="PROFILE")

    one = command("attach", attach.command_attach, "turn the profiler on in a process that runs")
    which = one.add_mutually_exclusive_group()
    which.add_argument("-i", "--interval", metavar="BYTES", default="512K",
                       help="a sample in so many bytes, on average (512K)")
    which.add_argument("--off", action="store_true", help="turn it off")
    one.add_argument("pid", metavar="PID")

    one = command("dump", attach.command_dump, "the profile of a process that runs, as it is now")
    one.add_argument("--save", metavar="FILE", help="keep it, for report, diff and leaks")
    one.add_argument("--html", metavar="FILE", help="one file, with a flame graph, for a browser")
    add_limits(one)
    add_library(one)
    one.add_argument("pid", metavar="PID")

    one = command("record", record.command_record, "run a program and write down its calls of malloc "
                  "and the like")
    one.add_argument("--save", metavar="FILE", help="the trace (PROG.trace); %%p in the name is the "
                     "id of the process")
    one.add_argument("-f", "--follow-fork", action="store_true",
                     help="a trace of each process that the program starts, too")
    add_words(one)

    one = command("replay", record.command_replay, "make the calls of a trace again, with this and "
                  "other allocators")
    one.add_argument("--with", metavar="LIBRARY", dest="libraries", action="append", default=[],
                     help="another allocator, a library with malloc; may be repeated")
    one.add_argument("-r", "--rounds", metavar="N", type=count, default=5,
                     help="so often with each (5)")
    one.add_argument("--touch", choices=record.TOUCHES, default="pages",
                     help="what is written into blocks: a byte in each OS page, all, or nothing")
    one.add_argument("--json", action="store_true", help="for other programs")
    add_library(one)
    one.add_argument("file", metavar="TRACE")
    return main


def main(words=None):
    arguments = parser().parse_args(words)
    try:
        return arguments.function(arguments) or 0
    except Failure as failure:
        print(f"rimalloc: {failure}", file=sys.stderr)
        if failure.hint:
            print(f"  {failure.hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `rimalloc ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
