# SPDX-License-Identifier: MIT
# fast_path.sh: the machine code of malloc and free is counted, because compilers change their minds
# quietly about inlining: instructions (without padding), conditional branches and calls of whole
# functions, slow exits included. More than the budget fails. No function may call (a call needs a
# frame; slow exits are jumps) or use an atomic operation.
#
# What is compiled: functions.c, which includes fast.h as programs do, in C and in C++; and the
# library's own malloc, free, operator new and delete. Each by gcc and clang with -O2 and -O3.
set -euo pipefail
: "${RIMALLOC_SOURCE:?the project}"
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

skip() {
  echo "skipped: $*" >&2
  exit 77
}

for tool in objdump readelf awk; do
  command -v $tool > /dev/null || skip "$tool is not installed"
done
[[ $(uname -m) == x86_64 ]] || skip "there are no budgets for $(uname -m)"
compilers=()
for compiler in gcc:g++ clang:clang++; do
  if command -v "${compiler%:*}" "${compiler#*:}" > "$work/found"; then compilers+=("$compiler"); fi
done
((${#compilers[@]} > 0)) || skip "neither gcc nor clang is installed"

# compiler, function, most instructions, most conditional branches. Lower them when they can be.
budgets="
  gcc    take_16     15  1
  gcc    take        19  2
  gcc    give        29  5
  gcc    _Z7take_16v 15  1
  gcc    _Z4takem    19  2
  gcc    _Z4givePv   29  5
  gcc    malloc      19  2
  gcc    free        30  5
  gcc    _Znwm       17  2
  gcc    _ZdlPv      30  5
  gcc    _ZdlPvm      1  0
  clang  take_16     12  1
  clang  take        16  2
  clang  give        30  5
  clang  _Z7take_16v 12  1
  clang  _Z4takem    16  2
  clang  _Z4givePv   30  5
  clang  malloc      16  2
  clang  free        30  5
  clang  _Znwm       15  2
  clang  _ZdlPv      30  5
  clang  _ZdlPvm      1  0
"

flags=(-DNDEBUG -Wall -Wextra -I"$RIMALLOC_SOURCE/include" -I"$RIMALLOC_SOURCE/src")
library_flags=(-fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-semantic-interposition)

# count OBJECT FUNCTION: "instructions branches calls atomics" of a function.
count() {
  local object=$1 name=$2 value size section
  read -r value size section < <(readelf -sW "$object" |
    awk -v name="$name" '$8 == name && $4 == "FUNC" { print "0x" $2, $3, $7 }')
  section=$(readelf -SW "$object" | sed 's/[][]//g' | awk -v n="$section" '$1 == n { print $2 }')
  objdump -d --no-show-raw-insn -w -j "$section" --start-address=$((value)) \
    --stop-address=$((value + size)) "$object" |
    awk -F'\t' '/^ / {
      text = $2
      if (text ~ /^(nop|data16|cs nop|xchg +%ax,%ax|int3)/) next
      n++
      if (text ~ /^(bnd )?j/ && text !~ /^(bnd )?jmp/) branches++
      if (text ~ /^(bnd )?call/) calls++
      if (text ~ /^lock|^xchg.*\(/) atomics++
    } END { print n + 0, branches + 0, calls + 0, atomics + 0 }'
}

failed=0

# judge COMPILER LEVEL OBJECT FUNCTION...
judge() {
  local compiler=$1 level=$2 object=$3 name instructions branches calls atomics most most_branches
  shift 3
  for name in "$@"; do
    read -r instructions branches calls atomics < <(count "$object" "$name")
    read -r most most_branches < <(awk -v c="$compiler" -v f="$name" \
      '$1 == c && $2 == f { n = $3; b = $4 } END { print n + 0, b + 0 }' <<< "$budgets")
    printf '%-6s %s %-11s %3d instructions of %s, %d branches of %s\n' \
      "$compiler" "$level" "$name" "$instructions" "$most" "$branches" "$most_branches"
    if ((instructions == 0 || instructions > most || branches > most_branches ||
      calls > 0 || atomics > 0)); then
      echo "failed: $compiler $level $name: over budget, or $calls calls, $atomics atomics" >&2
      failed=1
    fi
  done
}

for pair in "${compilers[@]}"; do
  compiler=${pair%:*} cxx=${pair#*:}
  for level in -O2 -O3; do
    object=$work/$compiler$level
    "$compiler" -std=c11 $level "${flags[@]}" -c "$RIMALLOC_SOURCE/tests/codegen/functions.c" \
      -o "$object.program.o"
    judge "$compiler" $level "$object.program.o" take_16 take give
    "$cxx" -x c++ -std=c++17 $level "${flags[@]}" \
      -c "$RIMALLOC_SOURCE/tests/codegen/functions.c" -o "$object.program_cxx.o"
    judge "$compiler" $level "$object.program_cxx.o" _Z7take_16v _Z4takem _Z4givePv
    "$compiler" -std=c11 $level "${flags[@]}" "${library_flags[@]}" \
      -c "$RIMALLOC_SOURCE/src/override/libc.c" -o "$object.libc.o"
    judge "$compiler" $level "$object.libc.o" malloc free
    "$cxx" -std=c++17 $level "${flags[@]}" "${library_flags[@]}" -fexceptions -fno-rtti \
      -c "$RIMALLOC_SOURCE/src/override/new.cc" -o "$object.new.o"
    judge "$compiler" $level "$object.new.o" _Znwm _ZdlPv _ZdlPvm
  done
done
exit $failed
