# SPDX-License-Identifier: MIT
# profile.sh: what the options about profiles do to a program that knows nothing of them: a report
# of leaks with its exit code, files at exit in each format, one of tables.
source "$(dirname "$0")/lib.bash"
need "$CC"

# leaks WAY: exit code 23 and how much; or none.
leaks() {
  local way=$1 code=0
  build "$way" "$work/leaks.$way" profile.c
  RIMALLOC_PROFILE_LEAKS=1 run "$way" "$work/leaks.$way" 2> "$work/report" || code=$?
  [[ $code == 23 ]] || fail "$way: exit code $code"
  grep -q "not freed: about 1000000 bytes in 1000 blocks" "$work/report" ||
    fail "$way: $(cat "$work/report")"
  RIMALLOC_PROFILE_LEAKS=1 run "$way" "$work/leaks.$way" free 2> "$work/report" ||
    fail "$way without leaks: exit code $?"
  [[ ! -s $work/report ]] || fail "$way without leaks: $(cat "$work/report")"
}

leaks static
leaks full_static
leaks object

# dump NAME: the file that is written at exit.
dump() {
  RIMALLOC_PROFILE=1 RIMALLOC_PROFILE_FILE=$work/$1 run static "$work/leaks.static" ||
    fail "$1: exit code $?"
  [[ -s $work/$1 ]] || fail "$1 was not written"
}

dump p.json
grep -q '"reason":"exit"' "$work/p.json" || fail "p.json is something else"
grep -q '"live":{"samples":1000,"count":1000,"bytes":1000000,' "$work/p.json" ||
  fail "p.json does not have what is live"
dump p.pb.gz
gzip -t "$work/p.pb.gz" || fail "p.pb.gz is not in gzip"
dump p.heap
grep -q '^heap profile: 1000: 1000000 \[' "$work/p.heap" || fail "$(head -n 1 "$work/p.heap")"
dump p.speedscope.json
grep -q '"endValue":1000000,' "$work/p.speedscope.json" || fail "p.speedscope.json"
dump p.rip
[[ $(head -c 8 "$work/p.rip") == rimaprof ]] || fail "p.rip has no tables"

(cd "$work" && RIMALLOC_PROFILE=1 RIMALLOC_PROFILE_DUMP_AT_EXIT=1 run static "$work/leaks.static")
set -- "$work"/rimalloc.[0-9]*.json
[[ $# == 1 && -s $1 ]] || fail "no rimalloc.PID.json"

if [[ -z ${RIMALLOC_CROSS:-} ]] && command -v google-pprof > /dev/null; then
  google-pprof --text "$work/leaks.static" "$work/p.heap" > "$work/text" 2> /dev/null ||
    fail "google-pprof cannot read p.heap"
  grep -q "deep_site" "$work/text" || fail "google-pprof: $(cat "$work/text")"
fi

# Probes, where the library was compiled with them: gdb stops at the first sampled block and at its
# free, and prints the arguments.
if [[ -n ${RIMALLOC_CROSS:-} ]] || ! command -v gdb > /dev/null ||
  ! gdb -q -batch -ex run -ex quit true > /dev/null 2>&1; then
  echo "skipped: probes: no gdb that may trace"
elif ! readelf -n "$work/leaks.static" | grep -q otel_memory; then
  echo "skipped: probes: sys/sdt.h was not there"
else
  cat > "$work/commands" << 'END'
set startup-with-shell off
set environment RIMALLOC_PROFILE 1
break -probe-stap otel_memory:alloc
break -probe-stap otel_memory:free
run
printf "alloc %d %d %d\n", $_probe_argc, $_probe_arg1, $_probe_arg2
delete 1
continue
printf "free %d\n", $_probe_argc
END
  gdb -q -nx -batch -x "$work/commands" --args "$work/leaks.static" free > "$work/gdb" 2>&1 ||
    fail "gdb: $(cat "$work/gdb")"
  grep -qE "^alloc 3 [0-9]+ [0-9]+$" "$work/gdb" || fail "no probe alloc: $(cat "$work/gdb")"
  grep -q "^free 1$" "$work/gdb" || fail "no probe free: $(cat "$work/gdb")"
fi
