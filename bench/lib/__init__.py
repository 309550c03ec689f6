# SPDX-License-Identifier: MIT
"""Parts of the benchmark runner; see bench/README.md."""
