#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each public header can be the only one that a program includes, in C and in C++; so can each of
# those that stand for mimalloc's, of version 3 and 2, found by mimalloc's names.
set -euo pipefail
if [[ ${RIMALLOC_CXX_LIBRARY-yes} == "" ]]; then
  echo "skipped: there is no C++ library" >&2
  exit 77
fi

# Header $2 of folder $1, in the languages that it is for.
check() {
  local flags=(-Wall -Wextra -Werror -fsyntax-only "-I$1")
  case $2 in
    *allocator.h | *new-delete.h | *stl-base.h | *stl.h) ;;
    *) echo "#include <$2>" | "$CC" -std=c11 "${flags[@]}" -x c - ;;
  esac
  echo "#include <$2>" | "$CXX" -std=c++17 "${flags[@]}" -x c++ -
  headers=$((headers + 1))
}

headers=0
include=$RIMALLOC_SOURCE/include
for header in "$include"/rimalloc/*.h; do
  name=$(basename "$header")
  [[ $name == *-forms.h ]] || check "$include" "rimalloc/$name"  # forms are a part of others
done
check "$include" rimalloc/mimalloc/synonyms.h  # of ours, for programs of rimalloc
for header in "$include"/rimalloc/mimalloc{,-v2}/*.h; do
  name=$(basename "$header")
  [[ $name == stats-fields.h || $name == stl.h || $name == synonyms.h ]] || check "$(dirname "$header")" "$name"
done
((headers >= 18))
