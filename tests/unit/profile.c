// SPDX-License-Identifier: MIT
// profile.c: the profiler against the truth. Sites allocate in all ways that there are, and what
// the profiler says of each is compared with what it did: exactly, with every block sampled, and
// without bias and within the error that it admits to, at an interval. All frees are seen: by other
// threads, in pages without owner, with heaps that are destroyed, after a fork.
#include "../check.h"

#include <rimalloc/profile.h>
#include <sys/wait.h>

#include "arena/pagemap.h"
#include "observe/profile.h"
#include "os/unwind.h"
#include "page/profiled.h"

enum { SITES = 9, KEPT = 4000, ROUNDS = 400 };

typedef struct site_s {
  uintptr_t caller;  // a return address on the stacks of its blocks
  double allocated, live;
  double sum, squares, most;  // of the errors over all runs, in standard deviations
} site_t;
static site_t sites[SITES];
static void* kept[SITES][KEPT];
static size_t kept_sizes[SITES][KEPT];
static size_t kept_count[SITES];
static bool traced;  // stacks tell the sites apart here

static uint32_t state = 99;
static uint32_t draw(uint32_t range) {
  state = state * 1664525u + 1013904223u;
  return (state >> 8) % range;
}

static void note(int i, void* p, size_t size) {
  CHECK(p != NULL);
  sites[i].allocated += (double)size;
}

static void keep(int i, void* p, size_t size) {
  note(i, p, size);
  CHECK(kept_count[i] < KEPT);
  kept_sizes[i][kept_count[i]] = size;
  kept[i][kept_count[i]++] = p;
  sites[i].live += (double)size;
}

static void free_one(int i, size_t n) {
  sites[i].live -= (double)kept_sizes[i][n];
  ri_free(kept[i][n]);
  kept_sizes[i][n] = kept_sizes[i][--kept_count[i]];
  kept[i][n] = kept[i][kept_count[i]];
}

// ---- Sites --------------------------------------------------------------------------------------

#define SITE(i) sites[i].caller = (uintptr_t)__builtin_return_address(0)
#define SITE_FUN __attribute__((noinline)) static void

SITE_FUN site_pairs(void) {
  SITE(0);
  for (int n = 0; n < 40; n++) {
    void* const p = ri_malloc(49);
    note(0, p, 49);
    ri_free(p);
  }
}

SITE_FUN site_kept(void) {  // of the same class
  SITE(1);
  for (int n = 0; n < 5; n++)
    keep(1, ri_malloc(50), 50);
}

SITE_FUN site_random(void) {
  SITE(2);
  for (int n = 0; n < 20; n++) {
    const size_t size = 1 + draw(1500);
    if (kept_count[2] > 100) free_one(2, draw((uint32_t)kept_count[2]));
    keep(2, draw(2) == 0 ? ri_malloc(size) : ri_calloc(1, size), size);
  }
}

SITE_FUN site_medium(void) {
  SITE(3);
  const size_t size = 2000 + draw(60000);
  if (kept_count[3] > 5) free_one(3, draw(5));
  keep(3, ri_malloc(size), size);
}

SITE_FUN site_large(void) {
  SITE(4);
  const size_t size = 70000 + draw(1000000);
  if (kept_count[4] > 1) free_one(4, 0);
  keep(4, ri_malloc(size), size);
}

SITE_FUN site_realloc(void) {
  SITE(5);
  void* p = NULL;
  for (size_t size = 100; size < 30000; size = size * 3 / 2 + 16) {
    p = ri_realloc(p, size);
    note(5, p, size);
  }
  for (int n = 0; n < 5; n++) {  // gets more than it asks for
    const size_t size = ri_usable_size(p) + 1;
    p = ri_realloc(p, size);
    note(5, p, size);
  }
  ri_free(p);
}

SITE_FUN site_growing(void) {  // in place, or by moving
  SITE(6);
  void* p = ri_malloc(300000);
  note(6, p, 300000);
  for (size_t size = 800000; size < 9000000; size *= 3) {
    p = ri_realloc(p, size);
    note(6, p, size);
  }
  ri_free(p);
}

SITE_FUN site_aligned(void) {  // the alignment divides the size, or that is rounded up
  SITE(7);
  void* const p = ri_malloc_aligned(512, 256);
  note(7, p, 512);
  ri_free(p);
}

SITE_FUN site_batch(void) {
  SITE(8);
  void* blocks[30];
  CHECK(ri_malloc_batch(96, 30, blocks) == 30);
  for (int n = 0; n < 30; n++)
    note(8, blocks[n], 96);
  ri_free_batch(blocks, 30);
}

// One place that calls each, so that it has one return address.
static volatile int calls;
#define CALL(name)                                          \
  __attribute__((noinline)) static void call_##name(void) { \
    site_##name();                                          \
    calls++;                                                \
  }
CALL(pairs)
CALL(kept)
CALL(random)
CALL(medium)
CALL(large)
CALL(realloc)
CALL(growing)
CALL(aligned)
CALL(batch)

static void one_round(void) {
  call_pairs();
  call_kept();
  call_random();
  call_medium();
  call_large();
  call_realloc();
  if (draw(20) == 0) call_growing();
  call_aligned();
  call_batch();
}

static void rounds(int count) {
  for (int n = 0; n < count; n++)
    one_round();
}

static void free_all(void) {
  for (int i = 0; i < SITES; i++) {
    while (kept_count[i] > 0)
      free_one(i, kept_count[i] - 1);
  }
}

static void begin(size_t interval) {
  CHECK(ri_profile_start(interval));
  CHECK(ri_profile_interval() == interval);
  ri_profile_reset();
  for (int i = 0; i < SITES; i++)
    sites[i].allocated = sites[i].live = 0;
}

// ---- What the profiler says of a site -----------------------------------------------------------

static bool passes(const rix_image_t* image, const rix_image_stack_t* s, uintptr_t caller) {
  size_t depth;
  const uint64_t* const frames = rix_image_frames(image, s, &depth);
  for (size_t n = 0; n < depth; n++)
    if (frames[n] == caller) return true;
  return false;
}

typedef struct said_s {
  double allocated, allocated_var, live, live_var;
} said_t;

// site < 0: all.
static said_t said(const rix_image_t* image, int site) {
  said_t sum = {0, 0, 0, 0};
  for (uint32_t n = 0; n < image->stacks.used; n++) {
    const rix_image_stack_t* const s = rix_image_stack(image, n);
    if (site >= 0 && !passes(image, s, sites[site].caller)) continue;
    sum.allocated += s->allocated.bytes;
    sum.allocated_var += s->allocated.var_bytes;
    sum.live += s->live.bytes;
    sum.live_var += s->live.var_bytes;
  }
  return sum;
}

static double all_live(void) {
  rix_image_t* const image = rix_profile_take(NULL);
  CHECK(image != NULL);
  const double live = image->live.bytes;
  CHECK(image->live.samples == 0 || live > 0);
  rix_profile_drop(image, NULL);
  return live;
}

static void exactly(void) {
  begin(1);
  rounds(30);
  rix_image_t* const image = rix_profile_take(NULL);
  said_t sum = said(image, -1);
  double allocated = 0;
  double live = 0;
  for (int i = 0; i < SITES; i++) {
    allocated += sites[i].allocated;
    live += sites[i].live;
    if (!traced) continue;
    const said_t s = said(image, i);
    CHECK_MSG(s.allocated == sites[i].allocated, "site %d allocated %.0f, not %.0f", i,
              sites[i].allocated, s.allocated);
    CHECK_MSG(s.live == sites[i].live, "site %d has %.0f, not %.0f", i, sites[i].live, s.live);
  }
  CHECK(sum.allocated == allocated && sum.live == live);
  CHECK(image->dropped_records == 0);
  rix_profile_drop(image, NULL);
  free_all();
  CHECK(all_live() == 0);
  CHECK(ri_audit());
}

static void judge(site_t* site, double error, double variance) {
  if (variance <= 0) return;
  const double z2 = error * error / variance;
  site->squares += z2;
  if (z2 > site->most) site->most = z2;
  double low = 0;  // the root, by halving
  double high = 100;
  for (int n = 0; n < 60; n++) {
    const double middle = (low + high) / 2;
    if (middle * middle < z2) {
      low = middle;
    } else {
      high = middle;
    }
  }
  site->sum += error < 0 ? -low : low;
}

static void without_bias(void) {
  const int runs = (int)check_scaled(60);
  for (int run = 0; run < runs; run++) {
    begin(4096);
    rounds(ROUNDS / 10);
    rix_image_t* const image = rix_profile_take(NULL);
    for (int i = 0; traced && i < SITES; i++) {
      const said_t s = said(image, i);
      judge(&sites[i], s.allocated - sites[i].allocated, s.allocated_var);
    }
    rix_profile_drop(image, NULL);
    free_all();
    CHECK(all_live() == 0);
  }
  for (int i = 0; traced && i < SITES; i++) {
    const double mean2 = sites[i].sum * sites[i].sum / runs;  // 1 on average
    printf("site %d: mean^2 * runs %.2f, variance %.2f, most^2 %.1f\n", i, mean2,
           sites[i].squares / runs, sites[i].most);
    CHECK_MSG(mean2 < 20, "site %d has a bias: %g", i, sites[i].sum / runs);
    CHECK_MSG(sites[i].squares < 2.5 * runs, "site %d errs too much: %g", i,
              sites[i].squares / runs);
    CHECK_MSG(sites[i].most < 60, "site %d erred by %g^(1/2)", i, sites[i].most);
  }
}

// ---- Who frees ----------------------------------------------------------------------------------

static void* work(void* arg) {
  void** const blocks = arg;
  for (size_t i = 0; i < KEPT; i++)
    blocks[i] = ri_malloc(10 + i % 3000);
  return NULL;
}

static void* give(void* arg) {
  void** const blocks = arg;
  for (size_t i = 0; i < KEPT; i++)
    ri_free(blocks[i]);
  return NULL;
}

static void in_thread(void* (*fun)(void*), void* arg) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, fun, arg) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
}

static void by_others(void) {
  static void* blocks[KEPT];
  double bytes = 0;
  for (size_t i = 0; i < KEPT; i++)
    bytes += (double)(10 + i % 3000);
  begin(1);
  in_thread(work, blocks);  // its pages have no owner then
  CHECK(all_live() == bytes);
  give(blocks);
  CHECK(all_live() == 0);
  work(blocks);
  CHECK(all_live() == bytes);
  in_thread(give, blocks);
  CHECK(all_live() == 0);
  in_thread(work, blocks);
  in_thread(give, blocks);
  CHECK(all_live() == 0);
  CHECK(ri_audit());
}

static void with_heaps(void) {
  begin(1);
  for (int destroy = 0; destroy < 2; destroy++) {
    ri_heap_t* const heap = ri_heap_new();
    void* blocks[100];
    double bytes = 0;
    for (size_t i = 0; i < 100; i++) {
      const size_t size = 1 + i * i * 15;
      blocks[i] = ri_heap_malloc(heap, size);
      bytes += (double)size;
    }
    CHECK(all_live() == bytes);
    if (destroy == 1) {
      ri_heap_destroy(heap);
    } else {
      ri_heap_delete(heap);
      CHECK(all_live() == bytes);
      for (size_t i = 0; i < 100; i++)
        ri_free(blocks[i]);
    }
    CHECK(all_live() == 0);
  }
}

static void of_sizes(void) {
  begin(1);
  void* const p = ri_malloc(200000);
  ri_free_sized(p, 200000);
  void* const q = ri_malloc_aligned_at(1000, 64, 24);
  CHECK(q != NULL && all_live() > 0);
  ri_free(q);
  void* const r = ri_malloc(100);
  ri_free_sized(r, 100);
  CHECK(all_live() == 0);
}

static void after_fork(void) {
  begin(1);
  void* const p = ri_malloc(1234);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK(all_live() == 1234);
    void* const q = ri_malloc(66);
    ri_free(p);
    CHECK(all_live() == 66);
    ri_free(q);
    _exit(all_live() == 0 ? 0 : 1);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(all_live() == 1234);
  ri_free(p);
  CHECK(all_live() == 0);
}

static void on_and_off(void) {
  begin(1);
  void* const p = ri_malloc(77);
  ri_profile_stop();
  CHECK(ri_profile_interval() == 0);
  void* const q = ri_malloc(88);
  CHECK(all_live() == 77);
  ri_free(p);
  ri_free(q);
  CHECK(all_live() == 0);
  void* const r = ri_malloc(99);
  CHECK(all_live() == 0);
  ri_free(r);
  errno = 0;
  CHECK(!ri_profile_start(0));
  CHECK_ERRNO(EINVAL);
}

// Many pages with a flag; the flags go away, and frees are fast again.
static void flags_go(void) {
  begin(1);
  static void* blocks[KEPT];
  work(blocks);
  give(blocks);
  ri_profile_stop();
  void* p[2] = {ri_malloc(40), ri_malloc(40)};
  ri_free(p[0]);
  CHECK(ri_audit() && !rix_page_is_profiled(rix_pagemap_find(p[1])));
  ri_free(p[1]);
}

// ---- Threads ------------------------------------------------------------------------------------

static pthread_mutex_t swap_lock = PTHREAD_MUTEX_INITIALIZER;
static void* swap[64];

// Blocks change hands while others allocate, and the profiler is read, reset and switched.
static void* exchange(void* arg) {
  uint32_t mine = (uint32_t)(uintptr_t)arg;
  const size_t steps = check_scaled(40000);
  for (size_t n = 0; n < steps; n++) {
    mine = mine * 1664525u + 1013904223u;
    void* p = ri_malloc((mine >> 8) % 5000);
    CHECK(pthread_mutex_lock(&swap_lock) == 0);
    void** const place = &swap[(mine >> 20) % 64];
    void* const other = *place;
    *place = p;
    CHECK(pthread_mutex_unlock(&swap_lock) == 0);
    ri_free(other);
  }
  return NULL;
}

static void together(void) {
  pthread_t threads[4];
  begin(2000);
  for (size_t i = 0; i < 4; i++)
    CHECK(pthread_create(&threads[i], NULL, exchange, (void*)(i * 77 + 1)) == 0);
  for (int n = 0; n < 50; n++) {
    (void)all_live();
    CHECK(ri_profile_start(n % 2 == 0 ? 500 : 5000));
  }
  for (size_t i = 0; i < 4; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);
  for (size_t i = 0; i < 64; i++) {
    ri_free(swap[i]);
    swap[i] = NULL;
  }
  CHECK(all_live() == 0);
  CHECK(ri_audit());
}

int main(void) {
  uintptr_t low;
  uintptr_t high;
  traced = rix_unwind_module((uintptr_t)&main, &low, &high) && !check_sanitized();
  exactly();
  without_bias();
  by_others();
  with_heaps();
  of_sizes();
  after_fork();
  on_and_off();
  flags_go();
  together();
  return 0;
}
