# SPDX-License-Identifier: MIT
"""What the numbers were measured on."""

import datetime
import mmap
import os
import pathlib
import platform


def describe():
    model = platform.machine()
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "date": datetime.datetime.now().strftime("%Y-%m-%d %H:%M"),
    }


def warm(gib):
    """Touches so much memory once, and gives it back.

    What a virtual machine has never used its host maps at the first touch, 4 KiB at a time: a page
    fault then costs ten times as much, and whoever is measured first pays for it.
    """
    parts = []  # all of it stays until the last is touched
    for _ in range(gib):
        part = mmap.mmap(-1, 1 << 30)
        part.madvise(mmap.MADV_HUGEPAGE)
        for offset in range(0, len(part), mmap.PAGESIZE):
            part[offset] = 1
        parts.append(part)
    for part in parts:
        part.close()
