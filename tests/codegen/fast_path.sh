# SPDX-License-Identifier: MIT
# fast_path.sh: the machine code of malloc and free is counted, because compilers change their minds
# quietly about inlining: instructions (without padding), conditional branches, and operations that
# are atomic or order others, of whole functions, slow exits included. More than the budget fails. No
# function may call: a call needs a frame; slow exits are jumps.
#
# What is compiled: functions.c, which includes fast.h as programs do, in C and in C++; and the
# library's own malloc, free, operator new and delete. Each by gcc and clang with -O2 and -O3, for
# each CPU that there are compilers for (tools/install-deps cross): nothing is run.
set -euo pipefail
: "${RIMALLOC_SOURCE:?the project}"
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

skip() {
  echo "skipped: $*" >&2
  exit 77
}

has() {
  command -v "$@" > "$work/found"
}

if ! has readelf || ! has awk; then skip "readelf or awk is not installed"; fi

# CPU, compiler, function, most instructions, most conditional branches, atomics. Lower them when they
# can be. free reads the end of the page map with acquire: an ldar, a fence.
budgets="
  x86_64   gcc    take_16     13  1  0
  x86_64   gcc    take        16  2  0
  x86_64   gcc    give        35  7  0
  x86_64   gcc    make        16  2  0
  x86_64   gcc    sized       41  8  0
  x86_64   gcc    _Z7take_16v 13  1  0
  x86_64   gcc    _Z4takem    16  2  0
  x86_64   gcc    _Z4givePv   35  7  0
  x86_64   gcc    _Z4makem    16  2  0
  x86_64   gcc    _Z5sizedPv  41  8  0
  x86_64   gcc    malloc      16  2  0
  x86_64   gcc    free        36  7  0
  x86_64   gcc    _Znwm       15  2  0
  x86_64   gcc    _ZdlPv      35  7  0
  x86_64   gcc    _ZdlPvm      1  0  0
  x86_64   clang  take_16     12  1  0
  x86_64   clang  take        15  2  0
  x86_64   clang  give        36  7  0
  x86_64   clang  make        15  2  0
  x86_64   clang  sized       40  8  0
  x86_64   clang  _Z7take_16v 12  1  0
  x86_64   clang  _Z4takem    15  2  0
  x86_64   clang  _Z4givePv   36  7  0
  x86_64   clang  _Z4makem    15  2  0
  x86_64   clang  _Z5sizedPv  40  8  0
  x86_64   clang  malloc      15  2  0
  x86_64   clang  free        36  7  0
  x86_64   clang  _Znwm       15  2  0
  x86_64   clang  _ZdlPv      36  7  0
  x86_64   clang  _ZdlPvm      1  0  0
  aarch64  gcc    take_16     15  1  0
  aarch64  gcc    take        19  2  0
  aarch64  gcc    give        47  7  1
  aarch64  gcc    make        19  2  0
  aarch64  gcc    sized       51  8  1
  aarch64  gcc    _Z7take_16v 15  1  0
  aarch64  gcc    _Z4takem    19  2  0
  aarch64  gcc    _Z4givePv   47  7  1
  aarch64  gcc    _Z4makem    19  2  0
  aarch64  gcc    _Z5sizedPv  51  8  1
  aarch64  gcc    malloc      19  2  0
  aarch64  gcc    free        47  7  1
  aarch64  gcc    _Znwm       20  2  0
  aarch64  gcc    _ZdlPv      47  7  1
  aarch64  gcc    _ZdlPvm      1  0  0
  aarch64  clang  take_16     15  1  0
  aarch64  clang  take        19  2  0
  aarch64  clang  give        44  7  1
  aarch64  clang  make        19  2  0
  aarch64  clang  sized       48  8  1
  aarch64  clang  _Z7take_16v 15  1  0
  aarch64  clang  _Z4takem    19  2  0
  aarch64  clang  _Z4givePv   44  7  1
  aarch64  clang  _Z4makem    19  2  0
  aarch64  clang  _Z5sizedPv  48  8  1
  aarch64  clang  malloc      19  2  0
  aarch64  clang  free        44  7  1
  aarch64  clang  _Znwm       19  2  0
  aarch64  clang  _ZdlPv      44  7  1
  aarch64  clang  _ZdlPvm      1  0  0
  riscv64  gcc    take_16     16  1  0
  riscv64  gcc    take        21  2  0
  riscv64  gcc    give        47  7  1
  riscv64  gcc    make        21  2  0
  riscv64  gcc    sized       50  8  1
  riscv64  gcc    _Z7take_16v 16  1  0
  riscv64  gcc    _Z4takem    21  2  0
  riscv64  gcc    _Z4givePv   47  7  1
  riscv64  gcc    _Z4makem    21  2  0
  riscv64  gcc    _Z5sizedPv  50  8  1
  riscv64  gcc    malloc      21  2  0
  riscv64  gcc    free        47  7  1
  riscv64  gcc    _Znwm       22  2  0
  riscv64  gcc    _ZdlPv      47  7  1
  riscv64  gcc    _ZdlPvm      3  0  0
  riscv64  clang  take_16     16  1  0
  riscv64  clang  take        21  2  0
  riscv64  clang  give        45  7  1
  riscv64  clang  make        21  2  0
  riscv64  clang  sized       49  8  1
  riscv64  clang  _Z7take_16v 16  1  0
  riscv64  clang  _Z4takem    21  2  0
  riscv64  clang  _Z4givePv   45  7  1
  riscv64  clang  _Z4makem    21  2  0
  riscv64  clang  _Z5sizedPv  49  8  1
  riscv64  clang  malloc      21  2  0
  riscv64  clang  free        45  7  1
  riscv64  clang  _Znwm       21  2  0
  riscv64  clang  _ZdlPv      45  7  1
  riscv64  clang  _ZdlPvm      2  0  0
"

flags=(-DNDEBUG -Wall -Wextra -I"$RIMALLOC_SOURCE/include" -I"$RIMALLOC_SOURCE/src")
library_flags=(-fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-semantic-interposition)

# What of the text of an instruction tells its kind: padding, conditional branches, calls, and what is
# atomic or orders other accesses.
kinds() {
  case $1 in
    x86_64)
      nops='^(nop|data16|cs nop|xchg +%ax,%ax|int3)'
      branches='^(bnd )?j([^m]|m[^p])' calls='^(bnd )?call' atomics='^lock|^xchg.*\\(|fence'
      ;;
    aarch64)
      nops='^(nop|udf)' branches='^(b\\.|cbn?z|tbn?z)' calls='^blr?[ \t]'
      atomics='^(lda|ldx|stl|stx|dmb|dsb|isb|cas|swp|ldadd|ldclr|ldset|ldeor)'
      ;;
    riscv64)
      nops='^(nop|unimp)' branches='^b' calls='^jal' atomics='^(fence|lr\\.|sc\\.|amo)'
      ;;
  esac
}

# count CPU OBJECT FUNCTION: "instructions branches calls atomics" of a function.
count() {
  local cpu=$1 object=$2 name=$3 value size section nops branches calls atomics
  kinds "$cpu"
  read -r value size section < <(readelf -sW "$object" |
    awk -v name="$name" '$8 == name && $4 == "FUNC" { print "0x" $2, $3, $7 }')
  section=$(readelf -SW "$object" | sed 's/[][]//g' | awk -v n="$section" '$1 == n { print $2 }')
  "$(tool "$cpu" objdump)" -d --no-show-raw-insn -w -j "$section" \
    --start-address=$((value)) --stop-address=$((value + size)) "$object" |
    awk -F'\t' -v nops="$nops" -v b="$branches" -v c="$calls" -v a="$atomics" '/^ / {
      text = $2 "\t" $3
      if (text ~ nops) next
      n++
      branches += text ~ b
      calls += text ~ c
      atomics += text ~ a
    } END { print n + 0, branches + 0, calls + 0, atomics + 0 }'
}

failed=0

# judge CPU COMPILER LEVEL OBJECT FUNCTION...
judge() {
  local cpu=$1 compiler=$2 level=$3 object=$4 name instructions branches calls atomics most
  local most_branches most_atomics
  shift 4
  for name in "$@"; do
    read -r instructions branches calls atomics < <(count "$cpu" "$object" "$name")
    read -r most most_branches most_atomics < <(awk -v p="$cpu" -v c="$compiler" -v f="$name" \
      '$1 == p && $2 == c && $3 == f { n = $4; b = $5; a = $6 } END { print n + 0, b + 0, a + 0 }' \
      <<< "$budgets")
    printf '%-7s %-5s %s %-11s %2d instructions of %s, %d branches of %s, %d atomics of %s\n' \
      "$cpu" "$compiler" "$level" "$name" "$instructions" "$most" "$branches" "$most_branches" \
      "$atomics" "$most_atomics"
    if ((instructions == 0 || instructions > most || branches > most_branches ||
      calls > 0 || atomics > most_atomics)); then
      echo "failed: $cpu $compiler $level $name: over budget, or $calls calls" >&2
      failed=1
    fi
  done
}

# tool CPU NAME: a program of binutils for it.
tool() {
  if [[ $1 == "$(uname -m)" ]]; then echo "$2"; else echo "$1-linux-gnu-$2"; fi
}

# compilers CPU COMPILER: the commands for C and for C++; false when they are not installed.
compilers() {
  local cpu=$1 compiler=$2
  cc=("$compiler") cxx=("${compiler/gcc/g}++")
  if [[ $cpu != "$(uname -m)" ]]; then
    has "$cpu-linux-gnu-objdump" && has "$cpu-linux-gnu-g++" || return 1
    if [[ $compiler == clang ]]; then
      cc+=("--target=$cpu-linux-gnu") cxx+=("--target=$cpu-linux-gnu")
    else
      cc=("$cpu-linux-gnu-gcc") cxx=("$cpu-linux-gnu-g++")
    fi
  fi
  has "${cc[0]}" && has "${cxx[0]}" && has "$(tool "$cpu" objdump)"
}

# measure CPU COMPILER
measure() {
  local cpu=$1 compiler=$2 level object
  for level in -O2 -O3; do
    object=$work/$cpu.$compiler$level
    "${cc[@]}" -std=c11 $level "${flags[@]}" -c "$RIMALLOC_SOURCE/tests/codegen/functions.c" \
      -o "$object.program.o"
    judge "$cpu" "$compiler" $level "$object.program.o" take_16 take give make sized
    "${cxx[@]}" -x c++ -std=c++17 $level "${flags[@]}" \
      -c "$RIMALLOC_SOURCE/tests/codegen/functions.c" -o "$object.program_cxx.o"
    judge "$cpu" "$compiler" $level "$object.program_cxx.o" _Z7take_16v _Z4takem _Z4givePv \
      _Z4makem _Z5sizedPv
    "${cc[@]}" -std=c11 $level "${flags[@]}" "${library_flags[@]}" \
      -c "$RIMALLOC_SOURCE/src/override/libc.c" -o "$object.libc.o"
    judge "$cpu" "$compiler" $level "$object.libc.o" malloc free
    "${cxx[@]}" -std=c++17 $level "${flags[@]}" "${library_flags[@]}" -fexceptions -fno-rtti \
      -c "$RIMALLOC_SOURCE/src/override/new.cc" -o "$object.new.o"
    judge "$cpu" "$compiler" $level "$object.new.o" _Znwm _ZdlPv _ZdlPvm
  done
}

measured=0
for cpu in x86_64 aarch64 riscv64; do
  for compiler in gcc clang; do
    if compilers $cpu $compiler; then
      measure $cpu $compiler
      measured=$((measured + 1))
    else
      echo "without $compiler for $cpu, which is not installed"
    fi
  done
done
((measured > 0)) || skip "there is no compiler for any of the CPUs"
exit $failed
