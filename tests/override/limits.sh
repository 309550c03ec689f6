# SPDX-License-Identifier: MIT
# limits.sh: under limits on address space (ulimit -v), and on memory that can be written (ulimit
# -d), from 60 MB up. Reservations that are too large must give way to smaller ones, and running out
# must be an error that programs can survive.
source "$(dirname "$0")/lib.bash"
glibc "the programs call mallinfo2 or malloc_trim"
need "$CC"
[[ -z ${RIMALLOC_EMULATOR:-} ]] || skip "emulated: the limit would be the emulator's"
for way in preload full_static; do
  build "$way" "$work/limits.$way" limits.c
  for megabytes in 60 80 128 200 500; do
    kib=$((megabytes * 1024))
    (
      ulimit -v $kib
      run "$way" "$work/limits.$way" $kib
    ) || fail "limits.c as $way with $megabytes MB: exit code $?"
    (
      ulimit -d $kib
      run "$way" "$work/limits.$way" $kib data
    ) || fail "limits.c as $way with $megabytes MB of data: exit code $?"
  done
done
