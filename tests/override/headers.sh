#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each public header can be the only one that a program includes, in C and in C++.
set -euo pipefail
if [[ ${RIMALLOC_CXX_LIBRARY-yes} == "" ]]; then
  echo "skipped: there is no C++ library" >&2
  exit 77
fi

headers=0
for header in "$RIMALLOC_SOURCE"/include/rimalloc/*.h; do
  name=$(basename "$header")
  flags=(-Wall -Wextra -Werror -fsyntax-only "-I$RIMALLOC_SOURCE/include")
  case $name in
    *-forms.h) continue ;;  # a part of others
    allocator.h | new-delete.h | stl-base.h) ;;
    *) echo "#include <rimalloc/$name>" | "$CC" -std=c11 "${flags[@]}" -x c - ;;
  esac
  echo "#include <rimalloc/$name>" | "$CXX" -std=c++17 "${flags[@]}" -x c++ -
  headers=$((headers + 1))
done
((headers >= 10))
