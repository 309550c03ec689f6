# SPDX-License-Identifier: MIT
# command.sh: the command `rimalloc` with running processes and core files, and in gdb. The programs
# say themselves what they have; the command, which looks from outside, must say the same.
source "$(dirname "$0")/lib.bash"
this_machine "the command looks at programs of this machine"
need "$CC" python3
unset RIMALLOC_LIBRARY NO_COLOR
tool=$RIMALLOC_SOURCE/command/rimalloc

cat > "$work/program.c" << 'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
enum { COUNT = 3000 };
char* keep[COUNT];
char* gone;
char* large;
int main(void) {
  for (int i = 0; i < COUNT; i++) {
    keep[i] = malloc(1200);
    memset(keep[i], 1, 1200);
  }
  gone = keep[17];
  free(gone);
  large = malloc(3 << 20);
  memset(large, 1, 3 << 20);
  printf("%p %p %p\n", (void*)keep[5], (void*)gone, (void*)large);
  fflush(stdout);
  return getchar() == EOF;
}
END
"$CC" -g "$work/program.c" -o "$work/program"
strip -o "$work/stripped.so" "$library"

# begin LIBRARY PROGRAM: starts it; sets pid and the addresses that it prints.
begin() {
  mkfifo "$work/in" "$work/out"
  "$tool" run --quiet --library "$1" "$2" < "$work/in" > "$work/out" &
  pid=$!
  exec 8> "$work/in" 9< "$work/out"
  read -r live gone large <&9
  rm "$work/in" "$work/out"
}
finish() {
  echo >&8
  exec 8>&- 9<&-
  wait "$pid" || fail "the program ended with $?"
}

# numbers FILE [MORE]: of JSON, what must be known of the program; MORE blocks of the C library's.
numbers() {
  python3 - "$1" "${2:-0}" << 'END'
import json, sys
look = json.load(open(sys.argv[1]))
classes = {one["block_size"]: one for one in look["classes"]}
blocks = classes[1280]["blocks"]
assert 2999 <= blocks <= 2999 + int(sys.argv[2]), classes[1280]
assert classes[1280]["live_bytes"] == blocks * 1280
assert classes[0]["blocks"] == 1 and classes[0]["live_bytes"] == 3 << 20
assert look["live_bytes"] >= 2999 * 1280 + (3 << 20)
assert look["page_bytes"] >= look["live_bytes"] and look["committed"] <= look["reserved"]
if look["reconcile"] is not None:
    assert sum(look["reconcile"].values()) == look["resident"], look["reconcile"]
    assert look["reconcile"]["live_blocks"] == look["live_bytes"]
    assert classes[0]["resident"] >= 3 << 20
END
}

for file in "$library" "$work/stripped.so"; do
  begin "$file" "$work/program"
  "$tool" stat --json "$pid" > "$work/look.json"
  numbers "$work/look.json"
  "$tool" stat "$pid" > "$work/said"
  grep -q '^ *1,280  *2,999 ' "$work/said" || fail "stat has no line for 1,280 bytes"
  "$tool" stat --openmetrics "$pid" > "$work/metrics"
  grep -qx 'rimalloc_class_live_bytes{block_size="1280"} 3838720' "$work/metrics" ||
    fail "the metrics lack the class of 1,280 bytes"
  [[ $(tail -n 1 "$work/metrics") == "# EOF" ]] || fail "the metrics have no end"
  "$tool" heap-map "$pid" > "$work/map"
  grep -q '█' "$work/map" || fail "the picture has no full slices"
  "$tool" heap-map --svg "$work/map.svg" "$pid" > "$work/said"
  python3 -c 'import sys, xml.dom.minidom as dom
squares = dom.parse(sys.argv[1]).getElementsByTagName("rect")
assert sum("blocks of 1,280 bytes" in s.toxml() for s in squares) >= 58, len(squares)' "$work/map.svg"
  if command -v gdb > /dev/null && command -v gcore > /dev/null; then
    gcore -o "$work/core" "$pid" > "$work/said" 2>&1 || fail "gcore: $(cat "$work/said")"
    "$tool" stat --json "$work/core.$pid" > "$work/look.json"
    numbers "$work/look.json"
    for from in "-p $pid" "$work/program $work/core.$pid"; do
      # The last command fails, so gdb may: what it has said is looked at.
      # shellcheck disable=SC2086  # two words
      gdb -q -nx -batch -ex "source $RIMALLOC_SOURCE/command/gdb.py" -ex 'rimalloc heap' \
        -ex "rimalloc block $live+7" -ex "rimalloc block $gone" -ex "rimalloc page $large" \
        -ex 'rimalloc block 16' $from > "$work/said" 2>&1 || status=$?
      for words in '1,280   2,999' "block       $live, number" 'offset      7 of 1,280' \
        'state       live' 'state       free' "page        $large, 3.00 MiB" \
        '0x10 is not in memory'; do
        grep -qF "$words" "$work/said" || fail "gdb $from does not say '$words': $(cat "$work/said")"
      done
    done
    head -c 100000 "$work/core.$pid" > "$work/cut"
    says "is cut off" "$tool" stat "$work/cut"
    rm "$work/core.$pid"
  else
    echo "without gdb: no core files"
  fi
  "$tool" stat --json --watch 0.01 "$pid" > "$work/watched" &
  watching=$!
  until [[ $(wc -l < "$work/watched") -ge 3 ]]; do kill -0 "$watching"; done
  finish
  wait "$watching" || fail "watching ended with $?"
  tail -n 1 "$work/watched" | grep -q "process $pid has ended" || fail "the end was not noticed"
done

# Linked into the program, without symbols.
"$CC" -static -s "$work/program.c" -o "$work/static" "$RIMALLOC_BUILD/librimalloc.a" -pthread
mkfifo "$work/in" "$work/out"
"$work/static" < "$work/in" > "$work/out" &
pid=$!
exec 8> "$work/in" 9< "$work/out"
read -r live <&9
"$tool" stat --json "$pid" > "$work/look.json"
numbers "$work/look.json" 2
finish
rm "$work/in" "$work/out"

# Profiles: of a program that ends, and of one that is killed.
cat > "$work/keeps.c" << 'END'
#include <signal.h>
#include <stdlib.h>
__attribute__((noinline)) char* keeps(void) { return malloc(3000); }
char* volatile kept[2000];
int main(int argc, char** argv) {
  (void)argv;
  for (int i = 0; i < 2000; i++) kept[i] = keeps();
  if (argc > 1) raise(SIGKILL);
  return 3;
}
END
"$CC" -g "$work/keeps.c" -o "$work/keeps"
status=0
"$tool" profile -i 1 --save "$work/kept.json" --library "$library" "$work/keeps" > "$work/said" ||
  status=$?
[[ $status -eq 3 ]] || fail "profile ends with $status, the program with 3"
grep -q '5.72 MiB .*keeps' "$work/said" || fail "2,000 blocks are missing: $(cat "$work/said")"
"$tool" report --collapsed "$work/kept.json" > "$work/said"
grep -q 'main;keeps 6000000$' "$work/said" || fail "not 6,000,000 bytes: $(cat "$work/said")"
status=0
"$tool" profile -i 1 --black-box --library "$library" "$work/keeps" kill > "$work/said" || status=$?
[[ $status -eq 137 ]] || fail "profile ends with $status, the program was killed"
grep -q '5.72 MiB .*keeps' "$work/said" || fail "killed, it left too little: $(cat "$work/said")"
says "left no profile" "$tool" profile --library "$library" "$work/keeps" kill
says "is no interval" "$tool" profile -i 0 --library "$library" "$work/keeps"
printf 'rimaprof' > "$work/cut.rip"
RIMALLOC_LIBRARY=$library says "cannot be read" "$tool" report "$work/cut.rip"

# What cannot be done, and why.
says "there is no process 4000000000" "$tool" stat 4000000000
says "process $$ " "$tool" stat $$
says "does not use rimalloc" "$tool" heap-map $$
says "no core file" "$tool" stat "$work/program.c"
says "a program or a library, not a core file" "$tool" stat "$work/program"
says "No such file" "$tool" stat "$work/nothing"
says "there is no program" "$tool" run "$work/nothing"
says "not executable" "$tool" run "$work/program.c"
says "linked statically" "$tool" run --library "$library" "$work/static"
says "there is no library" "$tool" run --library "$work/nothing" true
says "is no option of the library" "$tool" run --library "$library" -o nothing true
if [[ $(id -u) -eq 0 ]] && command -v setpriv > /dev/null; then
  mkfifo "$work/in"
  "$tool" run --quiet --library "$library" cat < "$work/in" &
  pid=$!
  exec 8> "$work/in"
  cp -r "$RIMALLOC_SOURCE/command" "$work/command"
  chmod 755 "$work"
  says "process $pid is another user's" \
    setpriv --reuid 65534 --clear-groups "$work/command/rimalloc" stat "$pid"
  exec 8>&-
  wait "$pid"
fi
status=0
"$tool" stat 2> "$work/said" || status=$?
[[ $status -eq 2 ]] || fail "without its argument, stat ends with $status"

# Statistics at the end, and options.
"$tool" run --library "$library" -o verbose=1 "$work/program" < /dev/null > "$work/said" 2>&1 ||
  [[ $? -eq 1 ]]
grep -q "^rimalloc: " "$work/said" || fail "run prints no statistics: $(cat "$work/said")"
