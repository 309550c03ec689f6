# SPDX-License-Identifier: MIT
# record.sh: `rimalloc record` and `rimalloc replay`. The programs say what they called, the traces
# must say the same; replays must make those calls, and notice an allocator that is wrong.
source "$(dirname "$0")/lib.bash"
this_machine "the command runs programs of this machine"
need "$CC" python3
export RIMALLOC_PARTS=$RIMALLOC_BUILD
unset RIMALLOC_LIBRARY NO_COLOR
tool=$RIMALLOC_SOURCE/command/rimalloc
cd "$work"

# ended STATUS COMMAND...: the command must end so.
ended() {
  local wanted=$1 status=0
  shift
  "$@" > "$work/said" 2>&1 || status=$?
  [[ $status -eq $wanted ]] || fail "'$*' ended with $status: $(cat "$work/said")"
}

# sums TRACE EXPRESSION...: of what a trace has, in Python; each must be true.
sums() {
  "$RIMALLOC_BUILD/rimalloc-replay" check "$1" > "$work/sums"
  python3 - "$work/sums" "${@:2}" << 'SUMS'
import json, sys
t = json.load(open(sys.argv[1]))
for expression in sys.argv[2:]:
    if not eval(expression):
        sys.exit(f"failed: {expression} does not hold for {t}")
SUMS
}

# replays TRACE EXPRESSION...: of a replay with libc and the library.
replays() {
  "$tool" replay --json -r 2 --library "$library" "$1" > "$work/replayed"
  python3 - "$work/replayed" "${@:2}" << 'REPLAYED'
import json, sys
r = json.load(open(sys.argv[1]))
assert [one["name"] for one in r["allocators"]] == ["libc", "rimalloc"], r
t = r["trace"]
for a in r["allocators"]:
    assert len(a["seconds"]["all"]) == 2 and a["seconds"]["min"] > 0 and a["failed"] == 0, a
    for expression in sys.argv[2:]:
        if not eval(expression):
            sys.exit(f"failed: {expression} does not hold for {a} of {t}")
REPLAYED
}

cat > calls.c << 'END_C'
#define _GNU_SOURCE
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
char* volatile kept[20000];
static void work(void) {
  for (int i = 0; i < 20000; i++) kept[i] = malloc(100);
  for (int i = 0; i < 20000; i++) free(kept[i]);
}
int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  work();
  for (int i = 0; i < 300; i++) kept[i] = calloc(4, 1000);
  for (int i = 0; i < 200; i++) kept[i] = realloc(kept[i], 40 << i % 12);
  for (int i = 0; i < 200; i++) kept[i] = realloc(kept[i], 8000);
  for (int i = 0; i < 300; i++) free(kept[i]);
  for (int i = 0; i < 50; i++) kept[i] = aligned_alloc(4096, 8192);
  for (int i = 0; i < 40; i++) free(kept[i]);
  kept[0] = realloc(realloc(NULL, 3000000), 0);
  kept[0] = reallocarray(NULL, (size_t)1 << 40, (size_t)1 << 40);
  for (int i = 0; strcmp(what, "more") == 0 && i < 1000; i++) kept[i] = calloc(1, 10);
  if (strcmp(what, "kill") == 0) raise(SIGKILL);
  if (strcmp(what, "fork") == 0) {
    if (fork() == 0) {
      for (int i = 0; i < 100; i++) kept[i] = memalign(64, 1000);
      _exit(0);
    }
    if (vfork() == 0) execl(argv[0], argv[0], "more", (char*)NULL);
    while (wait(NULL) > 0) continue;
  }
  return 7;
}
END_C
"$CC" -g -w -fno-builtin calls.c -o calls

counts=("20000 <= t['malloc'] <= 20020" "t['calloc'] in range(300, 310)" "t['realloc'] == 400"
  "t['aligned'] == 50" "t['threads'] == 1" "t['unknown'] == t['missed'] == t['damaged'] == 0"
  "t['free'] in range(20341, 20360)" "t['peak_blocks'] in range(20000, 20030)"
  "t['peak_bytes'] in range(3000000, 3500000)" "t['live_blocks'] in range(10, 30)")
for way in "7 end" "137 kill" "7 fork"; do
  read -r status what <<< "$way"
  ended "$status" "$tool" record --save calls.trace "$work/calls" "$what"
  sums calls.trace "${counts[@]}"
done
[[ $(echo calls.*) == "calls.c calls.trace" ]] || fail "a child left something: $(echo calls.*)"
size=$(stat -c %s calls.trace)
((size <= 65536 * 6)) || fail "41,000 calls take $size bytes"
replays calls.trace "a['calls'] == t['calls']" "a['peak']['min'] > t['peak_bytes']" \
  "a['peak']['min'] < 40 << 20" "a['faults']['min'] > 500" "a['waits']['min'] == 0"
"$tool" replay --touch none -r 1 --library "$library" --with "$library" calls.trace > said
grep -q '^librimalloc.so .* ms .* MiB' said || fail "the table has no line for --with: $(cat said)"

# Each process of its own.
rm -f calls.*trace
ended 7 "$tool" record -f --save calls.trace "$work/calls" fork
set -- calls.*.trace
[[ $# -eq 3 ]] || fail "not three processes: $*"
found=0
for trace in "$@"; do
  "$RIMALLOC_BUILD/rimalloc-replay" check "$trace" > sums || continue
  if grep -q '"malloc":0,.*"aligned":100,.*"live_blocks":100,' sums; then found=$((found + 1)); fi
  if grep -q '"calls":4[0-9]*,.*"live_blocks":1' sums; then found=$((found + 10)); fi
done
[[ $found -eq 21 ]] || fail "the child's 100 calls, or all of the other two, are nowhere ($found)"

# Blocks that pass from one thread to another, threads that come and go.
cat > threads.c << 'END_C'
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
enum { THREADS = 4, BLOCKS = 5000, ROUNDS = 2 };
static char* _Atomic place[THREADS];
static char* left[THREADS][1000];
static void* make(void* arg) {
  const long me = (long)arg;
  for (int i = 0; i < BLOCKS; i++) {
    char* p = malloc((size_t)(16 + i % 2000));
    if (i % 3 == 0) p = realloc(p, (size_t)(32 + i % 5000));
    free(__atomic_exchange_n(&place[(me + i) % THREADS], p, __ATOMIC_ACQ_REL));
  }
  for (int i = 0; i < 1000; i++) left[me][i] = malloc(24);
  return NULL;
}
int main(void) {
  for (int r = 0; r < ROUNDS; r++) {
    pthread_t id[THREADS];
    for (long i = 0; i < THREADS; i++) pthread_create(&id[i], NULL, make, (void*)i);
    for (int i = 0; i < THREADS; i++) pthread_join(id[i], NULL);
    for (int i = 0; i < THREADS * 1000; i++) free(left[i / 1000][i % 1000]);
  }
  for (int i = 0; i < THREADS; i++) free(place[i]);
  return 0;
}
END_C
"$CC" -g -fno-builtin threads.c -o threads -pthread
ended 0 "$tool" record "$work/threads"
sums threads.trace "t['threads'] == 9" "48000 <= t['malloc'] <= 48050" "t['missed'] == 0" \
  "t['realloc'] == 13336" "t['unknown'] == t['damaged'] == 0" "t['passed'] >= 8000"
replays threads.trace "a['calls'] == t['calls']"

# One thread gets what another is about to have freed: the free comes first.
cat > meet.c << 'END_C'
#include <stddef.h>
static _Alignas(64) char room[1 << 24];
static size_t used;
static void* special;
static void* _Atomic given;
void* malloc(size_t n) {
  void* p = NULL;
  while (n == 777 && p == NULL) p = __atomic_exchange_n(&given, NULL, __ATOMIC_ACQ_REL);
  if (p == NULL) p = room + __atomic_fetch_add(&used, (n + 63) / 64 * 64, __ATOMIC_RELAXED);
  if (n == 776) special = p;
  return p;
}
void free(void* p) {
  if (p == NULL || p != special) return;
  given = p;
  while (given != NULL) continue;
}
void* calloc(size_t n, size_t m) { return malloc(n * m); }
void* realloc(void* p, size_t n) { (void)p; return malloc(n); }
END_C
cat > meets.c << 'END_C'
#include <pthread.h>
#include <stdlib.h>
static void* take(void* arg) { (void)arg; free(malloc(777) == NULL ? NULL : malloc(1)); return NULL; }
int main(void) {
  pthread_t id;
  char* p = malloc(776);
  pthread_create(&id, NULL, take, NULL);
  free(p);
  return pthread_join(id, NULL);
}
END_C
"$CC" -O1 -shared -fPIC -fno-builtin meet.c -o meet.so
"$CC" -O1 -fno-builtin meets.c -o meets -pthread -Wl,--no-as-needed ./meet.so
ended 0 "$tool" record "$work/meets"
sums meets.trace "t['threads'] == 2" "t['missed'] == t['unknown'] == 0" "t['free'] >= 2"

# C++, with sizes.
if has_cxx; then
  cat > operators.cc << 'END_C'
#include <memory>
#include <new>
#include <vector>
static volatile std::size_t huge = ~(std::size_t)0 >> 2;
struct alignas(128) Wide { char c[256]; };
static char* volatile kept;
int main() {
  for (int i = 0; i < 500; i++) {
    std::vector<int> v(1000);
    auto w = std::make_unique<Wide>();
    delete new (std::nothrow) int[7];
    try { kept = new char[huge]; } catch (const std::bad_alloc&) { continue; }
    return 1;
  }
  return 0;
}
END_C
  "$CXX" -std=c++17 -g -fno-builtin -Wno-mismatched-new-delete operators.cc -o operators
  ended 0 "$tool" record "$work/operators"
  # An exception is allocated inside of the operator, and freed outside of it.
  sums operators.trace "t['new'] == 1500" "t['delete'] == 1500" "t['unknown'] <= 500"
  replays operators.trace "a['calls'] == t['calls'] - t['unknown']"
fi

# An allocator that gives one block twice, and one that is none.
cat > twice.c << 'END_C'
#include <stddef.h>
#include <string.h>
static _Alignas(64) char room[1 << 28];
static size_t used;
void* malloc(size_t n) { char* p = room + used % (1 << 27); used += (n + 63) / 64 * 64; return p; }
void free(void* p) { (void)p; }
void* calloc(size_t n, size_t m) { return memset(malloc(n * m), 0, n * m); }
void* realloc(void* p, size_t n) { (void)p; return malloc(n); }
int posix_memalign(void** p, size_t a, size_t n) { (void)a; *p = malloc(n); return 0; }
END_C
"$CC" -shared -fPIC -fno-builtin twice.c -o twice.so
says "did not keep what was written" "$tool" replay -r 1 --library "$library" --with ./twice.so threads.trace
echo 'int nothing;' > none.c
"$CC" -shared -fPIC none.c -o none.so
says "did not replace malloc" "$tool" replay -r 1 --library "$library" --with ./none.so threads.trace
says "did not replace malloc" "$tool" replay -r 1 --library "$library" --with ./none.c threads.trace
says "there is no library" "$tool" replay --library "$library" --with ./nothing.so threads.trace

# Traces that are cut off or damaged: what is whole is replayed.
size=$(stat -c %s threads.trace)
head -c $((size / 2)) threads.trace > cut.trace
sums cut.trace "0 < t['malloc'] < 48000" "t['threads'] > 3"
replays cut.trace "a['calls'] >= t['calls'] - t['unknown']"
head -c 80000 threads.trace > cut.trace
sums cut.trace "t['calls'] > 1000" "t['damaged'] == 1" "t['threads'] == 1"
python3 - << 'END_PY'
import random
data = bytearray(open("threads.trace", "rb").read())
choice = random.Random(1)
for number in range(10):
    made = bytearray(data)
    for _ in range(200):
        made[choice.randrange(65536, len(made))] = choice.randrange(256)
    open(f"damaged.{number}", "wb").write(made)
END_PY
for number in {0..9}; do
  "$RIMALLOC_BUILD/rimalloc-replay" plan "damaged.$number" plan > sums ||
    [[ $? -eq 1 ]] || fail "damaged.$number ends the reader"
done
sums damaged.0 "t['damaged'] > 5"
says "it is no trace" "$tool" replay --library "$library" calls.c
says "it is no trace" "$tool" replay --library "$library" /dev/null
head -c 300 threads.trace > cut.trace
says "it has no calls" "$tool" replay --library "$library" cut.trace
printf 'rimatrac\x09' | dd of=threads.trace conv=notrunc 2> said
says "of another version" "$tool" replay --library "$library" threads.trace

# What cannot be done, and why.
says "there is no file" "$tool" replay --library "$library" nothing
says "exists and is no trace" "$tool" record --save calls.c "$work/calls"
says "there is no folder" "$tool" record --save nowhere/at/all "$work/calls"
says "there is no program" "$tool" record nothing
says "there is no program" "$tool" record ./nothing
"$CC" -w -static calls.c -o static
says "linked statically" "$tool" record ./static
RIMALLOC_RECORD=/dev/full LD_PRELOAD=$RIMALLOC_BUILD/librimalloc-record.so "$work/calls" 2> said ||
  [[ $? -eq 7 ]] || fail "without a file, the program ends with $?"
grep -q '^rimalloc-record: nothing is recorded in /dev/full' said || fail "no word: $(cat said)"
