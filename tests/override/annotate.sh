# SPDX-License-Identifier: MIT
# annotate.sh: a program on this allocator, built with its annotations (src/base/annotate.h), gets the
# reports of AddressSanitizer, of Valgrind's memcheck and of MemorySanitizer for planted mistakes, and
# none when it makes no mistake.
source "$(dirname "$0")/lib.bash"
this_machine "the tools are this machine's"
need "$CC" "$CXX"

# library TOOL COMPILER FLAG...: rimalloc.TOOL.o, told to annotate for it.
library() {
  local tool=$1 compiler=$2
  shift 2
  "$compiler" -std=gnu11 -O1 -g -ftls-model=initial-exec -fno-builtin-malloc -fno-builtin-free \
    -fno-builtin-calloc -fno-builtin-realloc -I"$RIMALLOC_SOURCE/include" -I"$RIMALLOC_SOURCE/src" \
    -DRIX_ANNOTATE="$tool" "$@" -c "$RIMALLOC_SOURCE/src/rimalloc.c" -o "$work/library.$tool.o"
  "$CXX" -O1 -fexceptions -I"$RIMALLOC_SOURCE/include" -I"$RIMALLOC_SOURCE/src" \
    -c "$RIMALLOC_SOURCE/src/os/catch.cc" -o "$work/catch.o"
}

# program TOOL COMPILER FLAG...
program() {
  local tool=$1 compiler=$2
  shift 2
  "$compiler" -std=gnu11 -O1 -g -fno-builtin -I"$RIMALLOC_SOURCE/include" "$@" \
    "$programs/planted.c" "$work/library.$tool.o" "$work/catch.o" -lstdc++ -pthread \
    -o "$work/planted.$tool"
}

# finds WORDS COMMAND...: the command reports WORDS.
finds() {
  local words=$1
  shift
  "$@" > "$work/out" 2>&1 && true
  grep -q "$words" "$work/out" || fail "$*: no '$words' in: $(head -20 "$work/out")"
}

clean() {
  "$@" > "$work/out" 2>&1 || fail "$*: $(head -30 "$work/out")"
  if grep -qE '^==[0-9]+== (Invalid|Use|Cond|.*definitely lost: [1-9])|rimalloc: error' "$work/out"; then
    fail "$*: $(head -30 "$work/out")"
  fi
}

tried=
if echo 'int main(void) { return 0; }' |
  "$CC" -fsanitize=address -x c - -o "$work/try" 2> "$work/err"; then
  tried+=" AddressSanitizer"
  library 1 "$CC"
  program 1 "$CC" -fsanitize=address
  clean "$work/planted.1" nothing
  for size in 10 1000 30000 100000 5000000; do
    finds use-after-poison "$work/planted.1" after_free "$size"
    finds use-after-poison "$work/planted.1" overflow "$size"
    finds use-after-poison "$work/planted.1" freed_by_realloc "$size"
  done
fi
if command -v valgrind > /dev/null && [[ -f /usr/include/valgrind/memcheck.h ]]; then
  tried+=" memcheck"
  library 2 "$CC"
  program 2 "$CC"
  memcheck=(valgrind --leak-check=full)
  clean "${memcheck[@]}" "$work/planted.2" nothing
  for size in 10 1000 100000; do
    finds 'Invalid read of size 1' "${memcheck[@]}" "$work/planted.2" after_free "$size"
    finds 'is 0 bytes after a block of size' \
      "${memcheck[@]}" "$work/planted.2" overflow "$size"
    finds 'Invalid write of size 1' "${memcheck[@]}" "$work/planted.2" freed_by_realloc "$size"
    finds 'depends on uninitialised value' \
      "${memcheck[@]}" "$work/planted.2" uninitialised "$size"
  done
  finds 'definitely lost: 77 bytes\|definitely lost: 154 bytes' \
    "${memcheck[@]}" "$work/planted.2" leak
fi
if command -v clang > /dev/null && echo 'int main(void) { return 0; }' |
  clang -fsanitize=memory -x c - -o "$work/try" 2> "$work/err"; then
  tried+=" MemorySanitizer"
  library 3 clang -fsanitize=memory
  program 3 clang -fsanitize=memory
  clean "$work/planted.3" nothing
  for size in 10 1000 100000; do
    finds use-of-uninitialized-value "$work/planted.3" uninitialised "$size"
  done
fi
[[ -n $tried ]] || skip "there is no sanitizer and no valgrind"
echo "tried:$tried"
