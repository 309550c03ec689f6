# SPDX-License-Identifier: MIT
# own_malloc.sh: programs that bring a malloc of their own, whole or in part, with rimalloc preloaded
# or linked: every name of rimalloc's that hands out or takes a block on behalf of a name that the
# program has goes through that. Each combination runs on the C library alone first. Linked
# statically, the combination is refused: there the library comes whole or not at all. And a program
# whose malloc only adds to the next one's, which ours is.
source "$(dirname "$0")/lib.bash"
need "$CC"

# combination SOURCE [FLAG...]
combination() {
  local source=$1 program=$work/program code=0
  shift
  compile "$program" "$source" "$@" -Wl,-z,dynamic-undefined-weak
  plain "$program" || code=$?
  ((code == 33)) || fail "$source $* on the C library alone: exit code $code"
  preloaded "$program" || fail "$source $* preloaded: exit code $?"
  compile "$program" "$source" "$@" "${shared[@]}"
  plain "$program" || fail "$source $* linked shared: exit code $?"
}

# refused SOURCE
refused() {
  local way
  for way in static object full_static full_object; do
    if build $way "$work/program" "$1" 2> "$work/err"; then
      fail "$1 as $way: linked with two mallocs"
    fi
    grep -q "multiple definition of .malloc" "$work/err" || fail "$(tail -n 3 "$work/err")"
  done
}

combination own_malloc.c -no-pie
combination own_malloc.c -DOWN_ALIGNED
refused own_malloc.c
if has_cxx; then
  combination own_malloc.cc -no-pie
  combination own_malloc.cc -DOWN_ALIGNED
  combination own_malloc.cc -DOWN_NEW
  combination own_malloc.cc -DOWN_DELETE -DOWN_ALIGNED
  combination own_malloc.cc -DOWN_BY_NEW
  refused own_malloc.cc
  compile "$work/wrapped" wrapped_malloc.cc -Wl,-z,dynamic-undefined-weak -ldl
  plain "$work/wrapped" || fail "wrapped_malloc.cc on the C library alone: exit code $?"
  preloaded "$work/wrapped" || fail "wrapped_malloc.cc preloaded: exit code $?"
fi
