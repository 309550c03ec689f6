# SPDX-License-Identifier: MIT
# stacks.sh: all operations on stacks of PTHREAD_STACK_MIN (16 KiB).
source "$(dirname "$0")/lib.bash"
glibc "the programs call mallinfo2 or malloc_trim"
need "$CC"
for way in preload full_object; do
  check "$way" stacks.c 2> "$work/errors"
  grep -q "rimalloc: error" "$work/errors" || fail "$way: the mistakes were not reported"
done
