# SPDX-License-Identifier: MIT
# lib.bash: what the scripts here share. Source it first. A script needs in its environment
#   RIMALLOC_BUILD   the folder with librimalloc.so, librimalloc.a and rimalloc.o
#   RIMALLOC_SOURCE  the project
# and may find there CC and CXX; RIMALLOC_CROSS, the CPU or libc that the build is for when it is not
# that of this machine's programs; RIMALLOC_EMULATOR, a command that runs programs for it. It ends with 0 (held), 77 (cannot run here; says why) or another
# code (failed). `work` is a scratch folder, removed at the end.
set -euo pipefail
: "${RIMALLOC_BUILD:?the folder with librimalloc.so}" "${RIMALLOC_SOURCE:?the project}"
RIMALLOC_BUILD=$(cd "$RIMALLOC_BUILD" && pwd)
CC=${CC:-cc}
CXX=${CXX:-c++}
programs=$RIMALLOC_SOURCE/tests/override/programs
library=$RIMALLOC_BUILD/librimalloc.so
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset LD_PRELOAD
export LC_ALL=C

skip() {
  echo "skipped: $*" >&2
  exit 77
}

fail() {
  echo "failed: $*" >&2
  exit 1
}

# says WORDS COMMAND...: the command must fail with 1 and say the words.
says() {
  local words=$1 status=0
  shift
  "$@" > "$work/said" 2>&1 || status=$?
  [[ $status -eq 1 ]] || fail "'$*' ended with $status: $(cat "$work/said")"
  grep -qF -- "$words" "$work/said" || fail "'$*' does not say '$words': $(cat "$work/said")"
}

# need TOOL...: skips the script when one is missing.
need() {
  local tool
  for tool in "$@"; do
    command -v "$tool" > /dev/null || skip "$tool is not installed"
  done
}

# this_machine: skips the script when the build is not for the programs of this machine.
this_machine() {
  [[ -z ${RIMALLOC_CROSS:-} ]] || skip "the build is for $RIMALLOC_CROSS: $1"
}

# glibc WHY: skips the script where the C library is musl.
glibc() {
  [[ ${RIMALLOC_CROSS:-} != musl ]] || skip "the C library is musl: $1"
}

# has_cxx: whether programs in C++ can be linked.
has_cxx() {
  [[ ${RIMALLOC_CXX_LIBRARY-yes} != "" ]]
}

# plain COMMAND...: runs a program of the build's CPU as it is.
read -ra emulator <<< "${RIMALLOC_EMULATOR:-}"
plain() {
  "${emulator[@]}" "$@"
}

# preloaded COMMAND...: runs it with librimalloc.so in place of malloc.
preloaded() {
  if ((${#emulator[@]} > 0)); then
    "${emulator[@]}" -E "LD_PRELOAD=$library" "$@"
  else
    LD_PRELOAD=$library "$@"
  fi
}

# compile OUTPUT SOURCE [FLAG...]: one program of `programs`, C or C++ by its name. $first is an
# object to name before everything else.
first=
compile() {
  local output=$1 source=$programs/$2
  shift 2
  local -a command=("$CC" -std=gnu11)
  if [[ $source == *.cc ]]; then command=("$CXX" -std=gnu++17); fi
  if [[ -n $first ]]; then command+=("$first"); fi
  # -fno-builtin: a compiler may not remove a pair of malloc and free, or guess what they return.
  command+=(-O1 -g -Wall -fno-builtin -pthread -I"$RIMALLOC_SOURCE/include")
  "${command[@]}" "$source" -o "$output" "$@"
}

# The ways to get a program on rimalloc. The programs ask ri_is_in_heap_region whether they are;
# static libraries must be told to bring it.
ways="preload shared static object full_static full_object"
shared=("-Wl,--no-as-needed" "$library" "-Wl,-rpath,$RIMALLOC_BUILD")
keep=-Wl,--undefined=ri_is_in_heap_region

# build WAY OUTPUT SOURCE [FLAG...]
build() {
  local way=$1 output=$2 source=$3
  shift 3
  case $way in
    preload) compile "$output" "$source" "$@" -Wl,-z,dynamic-undefined-weak ;;
    shared) compile "$output" "$source" "$@" "${shared[@]}" ;;
    static) compile "$output" "$source" "$@" $keep "$RIMALLOC_BUILD/librimalloc.a" ;;
    object) first=$RIMALLOC_BUILD/rimalloc.o compile "$output" "$source" "$@" ;;
    full_static) compile "$output" "$source" "$@" -static $keep "$RIMALLOC_BUILD/librimalloc.a" ;;
    full_object) first=$RIMALLOC_BUILD/rimalloc.o compile "$output" "$source" "$@" -static ;;
    *) fail "no such way: $way" ;;
  esac
}

# run WAY PROGRAM [ARGUMENT...]
run() {
  local way=$1
  shift
  case $way in
    preload) preloaded "$@" ;;
    *) plain "$@" ;;
  esac
}

# check WAY SOURCE [ARGUMENT...]: builds and runs one program in one way.
check() {
  local way=$1 source=$2 program=$work/${2%.*}.$1
  shift 2
  build "$way" "$program" "$source"
  run "$way" "$program" "$@" || fail "$source as $way: exit code $?"
}

# both NAME COMMAND...: runs the command on the system allocator and on rimalloc, in folders of
# their own, $work/NAME.system and $work/NAME.rimalloc, with its output in the file `out` and its
# errors in `err` there. Both must succeed, with the same output, and rimalloc must have had nothing
# to report.
both() {
  local name=$1 system=$work/$1.system ours=$work/$1.rimalloc
  shift
  mkdir -p "$system" "$ours"
  (cd "$system" && "$@" > out 2> err) ||
    fail "$name on the system allocator: $(tail -5 "$system/err")"
  (cd "$ours" && preloaded "$@" > out 2> err) ||
    fail "$name on rimalloc: $(tail -20 "$ours/err")"
  quiet "$name" "$ours/err"
  cmp "$system/out" "$ours/out" || fail "$name: the output differs"
}

# quiet NAME FILE: nothing from rimalloc is in the file.
quiet() {
  if grep "^rimalloc:" "$2"; then fail "$1: see above"; fi
}
