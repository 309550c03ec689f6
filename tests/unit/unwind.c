// SPDX-License-Identifier: MIT
// unwind.c: os/unwind.h against libgcc's unwinder: recursion through frames of all kinds (variable
// size, realigned, callbacks of libc), in signal handlers that interrupt code at any instruction,
// on other stacks, in threads; and the tables of exceptions, damaged at random: nothing outside of
// them is read.
#include "../check.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unwind.h>

#include "os/eh_frame.h"
#include "os/unwind.h"

enum { FRAMES = 200, INTERRUPTIONS = 300 };

static volatile size_t compared, interrupted;
static volatile int sink;
static bool exact;  // this build unwinds by tables

typedef struct trace_s {
  uintptr_t pcs[FRAMES];
  size_t n;
} trace_t;

static _Unwind_Reason_Code step(struct _Unwind_Context* context, void* arg) {
  trace_t* const s = arg;
  if (s->n == FRAMES) return _URC_END_OF_STACK;
  s->pcs[s->n++] = (uintptr_t)_Unwind_GetIP(context);
  return _URC_NO_REASON;
}

// The frames of the callers are the same.
__attribute__((noinline)) static void compare(void) {
  static __thread rix_unwind_bounds_t bounds;
  trace_t theirs = {.n = 0};
  uintptr_t ours[FRAMES];
  bool whole;
  const size_t n = rix_unwind(ours, FRAMES, &bounds, &whole);
  CHECK(n <= FRAMES);
  if (!exact) return;
  _Unwind_Backtrace(step, &theirs);
  while (theirs.n > 0 && theirs.pcs[theirs.n - 1] == 0)
    theirs.n--;
  CHECK_MSG(n == theirs.n, "%zu frames, libgcc has %zu", n, theirs.n);
  for (size_t i = 1; i < n; i++) {
    CHECK_MSG(ours[i] == theirs.pcs[i], "frame %zu: %zx, libgcc has %zx", i, (size_t)ours[i],
              (size_t)theirs.pcs[i]);
  }
  CHECK(whole == (n < FRAMES));
  compared++;
}

// ---- Frames of all kinds ------------------------------------------------------------------------

static uint32_t state = 1;
static uint32_t draw(uint32_t range) {
  state = state * 1664525u + 1013904223u;
  return (state >> 8) % range;
}

static void descend(int depth);

__attribute__((noinline)) static void frame_plain(int depth) {
  descend(depth);
  sink++;
}

__attribute__((noinline)) static void frame_variable(int depth) {
  volatile char* const p = __builtin_alloca(draw(3000) + 1);
  p[0] = 1;
  descend(depth);
  sink += p[0];
}

__attribute__((noinline)) static void frame_aligned(int depth) {
  volatile char v[64] __attribute__((aligned(64)));
  v[0] = 1;
  descend(depth);
  sink += v[0];
}

__attribute__((noinline)) static void frame_both(int depth) {
  volatile char v[64] __attribute__((aligned(128)));
  volatile char* const p = __builtin_alloca(draw(300) + 1);
  v[0] = p[0] = 1;
  descend(depth);
  sink += v[0] + p[0];
}

__attribute__((noinline)) static void frame_large(int depth) {
  volatile char v[9000];
  v[draw(sizeof(v))] = 1;
  descend(depth);
  sink += v[0];
}

static __thread int sort_depth;  // 0: the comparison goes no deeper
static int order(const void* a, const void* b) {
  const int depth = sort_depth;
  sort_depth = 0;
  if (depth > 0) descend(depth - 1);
  return *(const int*)a - *(const int*)b;
}

__attribute__((noinline)) static void frame_sort(int depth) {
  int v[20];
  for (size_t i = 0; i < 20; i++)
    v[i] = (int)draw(100);
  sort_depth = depth + 1;
  qsort(v, 20, sizeof(v[0]), order);
  sink += v[3];
}

static void descend(int depth) {
  static void (*const frames[])(int) = {frame_plain, frame_variable, frame_aligned,
                                        frame_both,  frame_large,    frame_sort};
  if (depth == 0) {
    compare();
  } else {
    frames[draw(6)](depth - 1);
  }
}

static void all_kinds(void) {
  const size_t rounds = check_scaled(2000);
  for (size_t i = 0; i < rounds; i++)
    descend((int)draw(60));
}

static void* in_thread(void* arg) {
  all_kinds();
  return arg;
}

// ---- Signals ------------------------------------------------------------------------------------

static void interrupt(int number) {
  (void)number;
  compare();
  interrupted++;
}

static void timer(suseconds_t us) {
  const struct itimerval t = {{0, us}, {0, us}};
  CHECK(setitimer(ITIMER_PROF, &t, NULL) == 0);
}

// Code that calls through stubs of the linker, with frames of its own kinds.
static void busy(void) {
  char text[200];
  int v[50];
  for (size_t i = 0; i < 50; i++)
    v[i] = (int)draw(1000);
  sort_depth = 0;
  qsort(v, 50, sizeof(v[0]), order);
  sink += snprintf(text, sizeof(text), "%d %g %s", v[0], (double)v[1] / 3, "text");
  sink += (int)strlen(text);
}

static void signals(void) {
  static char other[65536];
  const stack_t alternative = {.ss_sp = other, .ss_size = sizeof(other)};
  const size_t wanted = check_scaled(INTERRUPTIONS);
  for (int i = 0; i < 2; i++) {
    struct sigaction action = {.sa_handler = interrupt};
    action.sa_flags = SA_RESTART | (i == 1 ? SA_ONSTACK : 0);
    if (i == 1) CHECK(sigaltstack(&alternative, NULL) == 0);
    CHECK(sigaction(SIGPROF, &action, NULL) == 0);
    interrupted = 0;
    CHECK(raise(SIGPROF) == 0);
    timer(1000);
    while (interrupted < wanted)
      busy();
    timer(0);
  }
}

// ---- Damaged tables -----------------------------------------------------------------------------

// A copy of this program's tables between pages that cannot be read.
typedef struct copy_s {
  uint8_t* bytes;
  size_t size;
  rix_eh_image_t image;
} copy_t;

static copy_t make_copy(const uint8_t* from, size_t size) {
  const size_t page = check_os_page();
  const size_t room = (size + page - 1) / page * page;
  uint8_t* const p =
      mmap(NULL, room + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(p != MAP_FAILED);
  CHECK(mprotect(p, page, PROT_NONE) == 0);
  CHECK(mprotect(p + page + room, page, PROT_NONE) == 0);
  copy_t c = {p + page + room - size, size, {0, 0, 0}};  // ends at the guard
  memcpy(c.bytes, from, size);
  c.image = (rix_eh_image_t){(uintptr_t)c.bytes, (uintptr_t)c.bytes + size, (uintptr_t)c.bytes};
  return c;
}

// A header with one function of 100 bytes at `code` past its start, its CIE and its FDE.
static size_t small_table(uint8_t* t) {
  static const uint8_t header[] = {1, 0x1b, 3, 0x3b, 16, 0, 0, 0, 1, 0, 0, 0};
  static const uint8_t cie[] = {20, 0,    0,  0, 0,    0,    0, 0, 1,    'z', 'R', 0,
                                1,  0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x90, 1,   0,   0};
  static const uint8_t fde[] = {32,  0,    0,    0,  28,   0,    0,    0,    0,    0, 0,    0,
                                100, 0,    0,    0,  0,    0x41, 0x0e, 16,   0x86, 2, 0x43, 0x0d,
                                6,   0x0a, 0x02, 40, 0x0c, 7,    8,    0x0b, 0,    0, 0,    0};
  memset(t, 0, 100);
  memcpy(t, header, sizeof(header));
  const int32_t code = 4096;
  const int32_t at = 20 + (int32_t)sizeof(cie);
  memcpy(t + 12, &code, 4);
  memcpy(t + 16, &at, 4);
  memcpy(t + 20, cie, sizeof(cie));
  memcpy(t + at, fde, sizeof(fde));
  const int32_t begin = code - (at + 8);
  memcpy(t + at + 8, &begin, 4);
  return (size_t)at + sizeof(fde);
}

static void understands(void) {
  uint8_t t[200];
  const size_t size = small_table(t);
  const rix_eh_image_t image = {(uintptr_t)t, (uintptr_t)t + size, (uintptr_t)t};
  const uintptr_t code = (uintptr_t)t + 4096;
  rix_eh_rule_t r = rix_eh_find(image, code);
  CHECK(r.kind == RIX_EH_RSP && r.offset == 8 && r.rbp == RIX_EH_RBP_SAME);
  r = rix_eh_find(image, code + 1);
  CHECK(r.kind == RIX_EH_RSP && r.offset == 16 && r.rbp == -2);
  r = rix_eh_find(image, code + 4);
  CHECK(r.kind == RIX_EH_RBP && r.offset == 16 && r.rbp == -2);
  r = rix_eh_find(image, code + 44);
  CHECK(r.kind == RIX_EH_RBP);  // what was remembered
  CHECK(rix_eh_find(image, code + 100).kind == RIX_EH_UNKNOWN);
  CHECK(rix_eh_find(image, code - 1).kind == RIX_EH_UNKNOWN);
}

// Every length of a table that was cut off.
static void cut_off(void) {
  uint8_t t[200];
  const size_t size = small_table(t);
  for (size_t n = 1; n < size; n++) {
    const copy_t c = make_copy(t, n);
    for (uintptr_t pc = 4090; pc < 4200; pc++)
      (void)rix_eh_find(c.image, c.image.low + pc);
    CHECK(munmap((void*)((uintptr_t)c.bytes / check_os_page() * check_os_page()),
                 check_os_page()) == 0);
  }
}

static void damaged(void) {
  uint8_t t[200];
  const size_t size = small_table(t);
  const copy_t c = make_copy(t, size);
  size_t known = 0;
  const size_t rounds = check_scaled(200000);
  for (size_t i = 0; i < rounds; i++) {
    memcpy(c.bytes, t, size);
    for (uint32_t n = draw(4) + 1; n > 0; n--)
      c.bytes[draw((uint32_t)size)] = (uint8_t)(draw(3) == 0 ? 0xFF : draw(256));
    known += rix_eh_find(c.image, c.image.low + 4096 + draw(100)).kind != RIX_EH_UNKNOWN;
  }
  CHECK(known > 0 && known < rounds);
}

int main(void) {
  uintptr_t low = 0;
  uintptr_t high = 0;
  exact = rix_unwind_module((uintptr_t)&main, &low, &high);
  if (exact) CHECK((uintptr_t)&main >= low && (uintptr_t)&main < high);
  if (sizeof(void*) == 8) {
    understands();
    cut_off();
    damaged();
  }
  all_kinds();
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, in_thread, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  if (!check_sanitized()) signals();
  if (exact) CHECK(compared >= 2 * check_scaled(2000));
  printf("%zu stacks, equal\n", compared);
  return 0;
}
