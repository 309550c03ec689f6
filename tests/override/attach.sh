# SPDX-License-Identifier: MIT
# attach.sh: `rimalloc attach` and `rimalloc dump`: the profiler of a process that began without it.
# The program allocates what it is told to, so what it must show is known.
source "$(dirname "$0")/lib.bash"
this_machine "the command looks at programs of this machine"
need "$CC" python3
unset RIMALLOC_LIBRARY NO_COLOR
export RIMALLOC_LIBRARY=$library
tool=$RIMALLOC_SOURCE/command/rimalloc

cat > "$work/told.c" << 'END_C'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
char* kept[100000];
static int count;
__attribute__((noinline)) char* grows(size_t n) { return malloc(n); }
__attribute__((noinline)) char* spare(size_t n) { return malloc(n); }
static void* step(void* arg) {
  free(spare(100000));  // a block of this size notices the profiler
  for (int i = atoi(arg); i > 0; i--) kept[count++] = grows(3000);
  return NULL;
}
static void reply(void) {
  puts("done");
  fflush(stdout);
}
int main(void) {
  char line[100];
  step("100");
  reply();
  while (fgets(line, sizeof(line), stdin) != NULL) {
    pthread_t id;
    if (line[0] == 't') {
      pthread_create(&id, NULL, step, line + 1);
      pthread_join(id, NULL);
    } else if (line[0] == 'f') {
      for (int i = atoi(line + 1); i > 0; i--) free(kept[--count]);
    } else {
      step(line);
    }
    reply();
  }
  return 0;
}
END_C
"$CC" -g -fno-builtin "$work/told.c" -o "$work/told" -pthread -Wl,-z,dynamic-undefined-weak
"$CC" -g -fno-builtin "$work/told.c" -o "$work/static" -static -pthread \
  -Wl,--undefined=ri_is_in_heap_region "$RIMALLOC_BUILD/librimalloc.a"

# The program may have been stopped.
pid=
trap '[[ -z $pid ]] || kill -KILL "$pid" 2> "$work/said"; rm -rf "$work"' EXIT

# begin COMMAND...: starts the program; sets pid.
begin() {
  mkfifo "$work/in" "$work/out"
  "$@" < "$work/in" > "$work/out" &
  pid=$!
  exec 8> "$work/in" 9< "$work/out"
  read -r _ <&9
  rm "$work/in" "$work/out"
}
tell() {
  echo "$1" >&8
  read -r _ <&9 || fail "the program has ended"
}
finish() {
  exec 8>&- 9<&-
  wait "$pid" || fail "the program ended with $?"
  pid=
}

# dumped BLOCKS [EXPRESSION...]: so many blocks of 3,000 bytes live; `p` is the profile.
dumped() {
  "$tool" dump --save "$work/dump.json" "$pid" > "$work/said" || fail "dump: $(cat "$work/said")"
  python3 - "$work/dump.json" "$@" << 'END_PY'
import json, sys
p = json.load(open(sys.argv[1]))
blocks = int(sys.argv[2])
live, parts = p["totals"]["live"], dict(p["reconcile"])
# Besides, the C library allocates for each thread.
assert sum(sample[1] == 3000 for sample in p["samples"]) == blocks, live
assert live["count"] == len(p["samples"]) <= blocks + 4 and p["reason"] == "dump", live
assert live["bytes"] == sum(sample[1] for sample in p["samples"]), live
assert parts.pop("resident") == sum(parts.values()) and parts["live"] >= live["bytes"], p["reconcile"]
assert parts["rounding"] > 0 and min(parts.values()) >= 0, parts
for expression in sys.argv[3:]:
    assert eval(expression), (expression, p["pinned"], p["totals"])
END_PY
}

for way in preload static; do
  if [[ $way == preload ]]; then begin env "LD_PRELOAD=$library" "$work/told"; else begin "$work/static"; fi
  says "is not profiled" "$tool" dump "$pid"
  "$tool" heap-map "$pid" > "$work/said"
  grep -q 'no owner$' "$work/said" || fail "heap-map has ages that nobody knows"
  "$tool" attach -i 1 "$pid" > "$work/said"
  grep -q "a sample in 1 B, beginning" "$work/said" || fail "attach says $(cat "$work/said")"
  says "has allocated nothing since" "$tool" dump "$pid"
  tell 2000
  dumped 2000 "p['interval'] == 1" "p['totals']['temporary']['bytes'] == 100000" \
    "sum(one['bytes'] for one in p['pinned']) > 0" "max(s[4] for s in p['samples']) < 600000"
  tell t1000
  dumped 3000 "len({s[5] for s in p['samples']}) == 2" \
    "0 < sum(one['abandoned'] for one in p['pinned']) < sum(one['bytes'] for one in p['pinned'])"
  "$tool" heap-map "$pid" > "$work/said"
  grep -q 'no owner  median age$' "$work/said" || fail "heap-map has no ages: $(cat "$work/said")"
  grep -q '^ *3,072  *3,100 .* m\?s$' "$work/said" || fail "blocks have no age: $(cat "$work/said")"
  "$tool" heap-map --json "$pid" > "$work/map.json"
  python3 - "$work/map.json" << 'END_PY'
import json, sys
ages = {one["block_size"]: one["median_age_ms"] for one in json.load(open(sys.argv[1]))["classes"]}
assert 0 <= ages[3072] < 600000 and None in ages.values(), ages
END_PY
  "$tool" heap-map --svg "$work/map.svg" "$pid" > "$work/said"
  grep -q '3,072 bytes, .* occupied, oldest [0-9.]* m\?s' "$work/map.svg" ||
    fail "squares have no ages"
  tell f500
  "$tool" dump --html "$work/dump.html" "$pid" > "$work/said"
  grep -q 'id="flame"' "$work/dump.html" || fail "there is no page"

  # A process that hangs.
  kill -STOP "$pid"
  dumped 2500
  "$tool" dump "$pid" > "$work/said"
  who='5.72 MiB .*grows (told.c'
  if [[ $way == static ]]; then who='7.15 MiB in 2,50'; fi  # its stacks need what it may not have
  grep -q "$who" "$work/said" || fail "dump does not say who: $(cat "$work/said")"
  kill -CONT "$pid"

  "$tool" attach --off "$pid" > "$work/said"
  grep -qx "process $pid: the profiler is off" "$work/said" || fail "off: $(cat "$work/said")"
  "$tool" attach --off "$pid" > "$work/said"
  grep -qx "process $pid: the profiler was off already" "$work/said" || fail "off: $(cat "$work/said")"
  tell 700
  tell t300
  dumped 2500
  "$tool" attach "$pid" > "$work/said"
  tell 1
  "$tool" attach -i 1K "$pid" > "$work/said"
  grep -qF "a sample in 1.00 KiB, before in 512 KiB" "$work/said" || fail "again: $(cat "$work/said")"
  tell 1
  "$tool" dump --save "$work/dump.json" "$pid" > "$work/said"
  grep -q '"interval": 1024' "$work/dump.json" || fail "the interval is another one"
  finish
done

# While its threads go on, what is read is whole.
begin env "LD_PRELOAD=$library" "$work/told"
"$tool" attach -i 1 "$pid" > "$work/said"
tell 1
for _ in 1 2 3; do
  echo 3000 >&8
  "$tool" dump --save "$work/dump.json" "$pid" > "$work/said"
  python3 - "$work/dump.json" << 'END_PY'
import json, sys
p = json.load(open(sys.argv[1]))
assert abs(p["totals"]["live"]["count"] - len(p["samples"])) <= 2, p["totals"]
assert len(p["samples"]) >= 1 and all(s[1] in (3000, 100000) for s in p["samples"])
END_PY
  read -r _ <&9
done
dumped 9001
finish

# What cannot be done, and why.
says "there is no process 4000000000" "$tool" attach 4000000000
says "there is no process 4000000000" "$tool" dump 4000000000
says "does not use rimalloc" "$tool" attach $$
says "does not use rimalloc" "$tool" dump $$
says "is no process: its number is wanted" "$tool" attach told
says "is no process: its number is wanted" "$tool" dump "$work/dump.json"
says "is no interval" "$tool" attach -i 0 $$
if [[ $(id -u) -eq 0 ]] && command -v setpriv > /dev/null; then
  begin env "LD_PRELOAD=$library" "$work/told"
  cp -r "$RIMALLOC_SOURCE/command" "$work/command"
  chmod 755 "$work"
  for command in attach dump; do
    says "process $pid is another user's" \
      setpriv --reuid 65534 --clear-groups "$work/command/rimalloc" "$command" "$pid"
  done
  finish
fi
