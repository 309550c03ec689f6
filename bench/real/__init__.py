# SPDX-License-Identifier: MIT
"""Real programs with fixed inputs; see bench/README.md."""
