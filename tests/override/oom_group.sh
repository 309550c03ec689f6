#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# oom_group.sh: a control group that may use 100 MB, and a program that has 85 MB of small blocks,
# frees all but one in twenty, and needs 60 MB of others: it is not killed, since what was freed goes
# back in time, from within pages that are still in use. Where a parent has the limit, too. No claim
# takes long. Needs the right to make a memory control group.
. "$(dirname "$0")/lib.bash"
this_machine "the group would hold an emulator"

own=$(sed -n 's/^[0-9]*:[^:]*\bmemory\b[^:]*://p' /proc/self/cgroup)
if [[ -n $own ]]; then
  group=/sys/fs/cgroup/memory$own/rimalloc.$$ limit=memory.limit_in_bytes
else
  group=/sys/fs/cgroup/rimalloc.$$ limit=memory.max
fi
mkdir "$group" 2> /dev/null || skip "no right to make a control group"
# A group is busy for a moment after its last process has ended.
remove_groups() {
  for folder in "$group/part" "$group"; do
    for ((i = 0; i < 1000; i++)); do
      if [[ ! -d $folder ]] || rmdir "$folder" 2> /dev/null; then break; fi
    done
  done
}
trap 'remove_groups; rm -rf "$work"' EXIT
if [[ ! -w $group/$limit ]]; then skip "control groups have no memory controller here"; fi
echo 100000000 > "$group/$limit"
mkdir "$group/part"

compile "$work/needs" needs.c
confined() {
  bash -c 'echo $$ > "$1/cgroup.procs" && shift && exec "$@"' bash "$@"
}
for folder in "$group" "$group/part"; do
  # In version 2 a group with a controller for others has no processes of its own.
  if [[ $limit == memory.max && $folder == "$group" ]]; then continue; fi
  confined "$folder" env "LD_PRELOAD=$library" "$work/needs" > "$work/out" \
    || fail "in $folder: ended with $?"
  grep -q '^done' "$work/out" || fail "in $folder: it did not end"
done
