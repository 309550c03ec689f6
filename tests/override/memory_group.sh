#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A control group that may use 128 MiB: a program that has 40 MiB live at a time, in ever different
# sizes, is not killed. Needs permission to create a memory control group.
. "$(dirname "$0")/lib.bash"
this_machine "the group would hold an emulator"

own=$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)
if [[ -n $own ]]; then
  group=/sys/fs/cgroup/memory$own/rimalloc.$$ limit=memory.limit_in_bytes
else
  group=/sys/fs/cgroup/rimalloc.$$ limit=memory.max
fi
mkdir "$group" 2> /dev/null || skip "no right to make a control group"
# A group is busy for a moment after its last process has ended.
remove_group() {
  for ((i = 0; i < 1000; i++)); do
    if rmdir "$group" 2> /dev/null; then return; fi
  done
  echo "$group stays" >&2
}
trap 'remove_group; rm -rf "$work"' EXIT
if [[ ! -w $group/$limit ]]; then skip "control groups have no memory controller here"; fi
echo $((128 << 20)) > "$group/$limit"

compile "$work/groups" groups.c
confined() {
  bash -c 'echo $$ > "$1/cgroup.procs" && shift && exec "$@"' bash "$group" "$@"
}
confined env "LD_PRELOAD=$library" "$work/groups" > "$work/out" || fail "ended with $?"
grep -q '^done$' "$work/out" || fail "it did not end"
