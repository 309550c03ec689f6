# SPDX-License-Identifier: MIT
"""The command `rimalloc`: looks at programs that use the allocator. Python's standard library is all
it needs, and nothing here writes into a process."""
