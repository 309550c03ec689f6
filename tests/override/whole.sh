# SPDX-License-Identifier: MIT
# whole.sh: a program that links librimalloc.a gets all of it or nothing, in a static program, a
# static PIE, and a dynamic one: whichever name it refers to, malloc comes along and there is no
# second one. Programs that refer to no name have to tell the linker; the package's files do.
source "$(dirname "$0")/lib.bash"
need "$CC" nm

archive=$RIMALLOC_BUILD/librimalloc.a
members=$("${AR:-ar}" t "$archive" | wc -l)
((members == 1)) || fail "librimalloc.a has $members members"

# whole HOW SOURCE [FLAG...]
whole() {
  local how=$1 source=$2 program=$work/program
  shift 2
  compile "$program" "$source" "$how" "$@" "$archive"
  plain "$program" || fail "$source $how $*: exit code $?"
  if nm "$program" | grep -w _int_malloc; then fail "$source $how $*: two allocators"; fi
}

for name in malloc free calloc posix_memalign malloc_usable_size mallopt reallocf free_sized \
  ri_version ri_malloc ri_stats_print; do
  whole -static pulls.c "-DNAME=$name"
done
hows="-static -pie -no-pie"
if [[ -z ${RIMALLOC_CROSS:-} ]]; then hows+=" -static-pie"; fi  # not everywhere is there a start file
for how in $hows; do
  whole "$how" pulls.c -DNAME=ri_version
  whole "$how" pulls.c -Wl,--undefined=malloc
  if has_cxx; then whole "$how" pulls.cc; fi
done
if has_cxx; then
  # Nothing of C++ in a program in C.
  compile "$work/program" pulls.c -DNAME=malloc "$archive"
  if nm "$work/program" | grep -E ' [TtWw] .*(__cxa_throw|__gxx_personality)'; then
    fail "a C++ library in a C program"
  fi
fi
