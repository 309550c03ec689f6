# SPDX-License-Identifier: MIT
# scavenger.sh: what a program gets that only has malloc from this library: memory goes back while it
# sleeps, and nothing of it can be noticed where that would do harm. The cases are in
# programs/scavenger.c.
source "$(dirname "$0")/lib.bash"
need "$CC"
this_machine "it is about time"
compile "$work/scavenger" scavenger.c -pthread
for way in asleep few nothing shrink lightly idle_traffic fork starts; do
  preloaded "$work/scavenger" $way || fail "$way: exit code $?"
done
holds() {
  local code=0
  preloaded "$work/scavenger" "$1" || code=$?
  [[ $code == 0 || $code == 77 ]] || fail "$1: exit code $code"
}
for way in filter_first filter_later no_new_privileges namespaces limited without_tasks; do
  holds $way
done
RIMALLOC_SCAVENGER=2 holds without_tasks 2> "$work/said"
[[ ! -s $work/said ]] || fail "it speaks of a refusal: $(cat "$work/said")"
RIMALLOC_SCAVENGER=0 RIMALLOC_LIMIT_CGROUP=0 holds unseen
RIMALLOC_SCAVENGER=0 preloaded "$work/scavenger" never || fail "by option: exit code $?"
for how in -static -static-pie; do
  pie=()
  if [[ $how == -static-pie ]]; then pie=(-fPIE); fi
  compile "$work/static" scavenger.c $how "${pie[@]}" "$RIMALLOC_BUILD/rimalloc.o" -pthread
  plain "$work/static" asleep || fail "$how: exit code $?"
done
# A library that takes itself away with its task at work.
compile "$work/host" plugin_host.c -ldl
compile "$work/leaving.so" plugin.c -fPIC -shared "$RIMALLOC_BUILD/librimalloc.a" \
  -Wl,--exclude-libs,ALL -Wl,-Bsymbolic
RIMALLOC_SCAVENGER=2 RIMALLOC_PURGE_DELAY=100 plain "$work/host" "$work/leaving.so" 10 1 20000 ||
  fail "dlclose: exit code $?"
# A debugger sees one more thread, and everything works.
if command -v gdb > /dev/null && gdb -q -batch -ex run -ex quit true > /dev/null 2>&1; then
  gdb -q -batch -ex "set startup-with-shell off" -ex "set environment LD_PRELOAD $library" \
    -ex "break is_alone" -ex run -ex "info threads" -ex "thread apply all backtrace" -ex continue \
    --args "$work/scavenger" starts > "$work/gdb" 2>&1 || fail "gdb: exit code $?"
  grep -q "exited normally" "$work/gdb" || fail "in gdb: $(tail -n 30 "$work/gdb")"
fi
if command -v python3 > /dev/null && python3 -c 'import sys; sys.exit(sys.version_info < (3, 12))'; then
  preloaded python3 -W error - <<'PY' || fail "python: exit code $?"
import os, time
os.environ.get("PYTHONMALLOC")
for i in range(5):
    blocks = [bytearray(1000) for _ in range(300000)]
    del blocks
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
PY
fi
