// SPDX-License-Identifier: MIT
// traces.c: the allocator, all of it except for the OS layer, under traces of operations that Eva
// interprets (verify/README.md). Every value on the way is one number, so an alarm is undefined
// behaviour on the trace and not an approximation; at the end of each trace its counts are shown
// and `run` compares them with what must come out.
//
// Threads take turns: the one that runs has its thread-local data in rix_tls. The first and the
// last byte of each live block carry its mark.
#include <string.h>
#include <wchar.h>

#include "sources.h"  // made by `run`: what src/rimalloc.c includes, without src/os

#include "os_fake.c"

const char* ri_conf = "arena_reserve=1024K, purge_delay=0;verbose=off";

enum { THREADS = 3, SLOTS = 48 };

static struct {
  ri_tls_t tls[THREADS];
  void* exit_value[THREADS];
  unsigned thread;  // who runs
  size_t steps;
  struct {
    uint8_t* p;
    size_t size;
    uint8_t mark;
  } slot[SLOTS];
  rix_heap_t* heap;
} trace;

#define HOLDS(e) ((e) ? (void)0 : os_wrong(#e, __LINE__))

// ---- Operations -----------------------------------------------------------------------------------

static void as(unsigned thread) {
  trace.tls[trace.thread] = rix_tls;
  trace.exit_value[trace.thread] = os_fake.exit_value;
  trace.thread = thread;
  rix_tls = trace.tls[thread];
  os_fake.exit_value = trace.exit_value[thread];
}

static void step(void) {
  trace.steps++;
  if (trace.steps % 64 == 0) HOLDS(ri_audit());
}

static void keep(size_t s, void* p, size_t size, bool zero) {
  HOLDS(p != NULL && trace.slot[s].p == NULL);
  uint8_t* const bytes = p;
  HOLDS((uintptr_t)p % (size > 8 ? 16 : 8) == 0 && ri_usable_size(p) >= size);
  HOLDS(!zero || (bytes[0] == 0 && bytes[size / 2] == 0 && bytes[size - 1] == 0));
  trace.slot[s].p = p;
  trace.slot[s].size = size;
  trace.slot[s].mark = (uint8_t)(trace.steps + 1);
  bytes[0] = bytes[size - 1] = trace.slot[s].mark;
  step();
}

static void* take(size_t s) {
  uint8_t* const p = trace.slot[s].p;
  HOLDS(p != NULL && p[0] == trace.slot[s].mark);
  HOLDS(p[trace.slot[s].size - 1] == trace.slot[s].mark);
  trace.slot[s].p = NULL;
  return p;
}

static void allocate(size_t s, size_t size) { keep(s, ri_malloc(size), size, false); }
static void zeroed(size_t s, size_t size) { keep(s, ri_calloc(1, size), size, true); }
static void in_heap(size_t s, size_t size) {
  keep(s, ri_heap_malloc(trace.heap, size), size, false);
}
static void aligned(size_t s, size_t size, size_t alignment) {
  void* const p = ri_malloc_aligned(size, alignment);
  HOLDS((uintptr_t)p % alignment == 0);
  keep(s, p, size, false);
}
static void resize(size_t s, size_t size) {
  const uint8_t mark = trace.slot[s].mark;
  uint8_t* const p = ri_realloc(take(s), size);
  HOLDS(p != NULL && p[0] == mark);
  keep(s, p, size, false);
}
static void release(size_t s) {
  ri_free(take(s));
  step();
}
static void finish(unsigned thread) {  // what the OS does when a thread ends
  as(thread);
  void* const value = os_fake.exit_value;
  os_fake.exit_value = NULL;
  if (value != NULL) os_fake.exit(value);
  as(0);
  trace.tls[thread] = (ri_tls_t){&rix_theap_empty.fast, 0, RIX_THREAD_NEW};  // another one begins
  step();
}

// Nothing is left after a trace.
static void end(void) {
  for (unsigned t = THREADS; t-- > 0;) {
    as(t);
    ri_collect(true);
  }
  HOLDS(ri_audit());
  ri_summary_t s;
  ri_summary(&s);
  HOLDS(s.blocks == 0 && rix_arena_in_use() == 0 && rix_page_abandoned_count() == 0);
}

// ---- Traces ---------------------------------------------------------------------------------------

static void trace_sizes(void) {
  static const size_t sizes[] = {1,    8,    24,    200,   1024,  1025,  5000,
                                 8192, 8193, 40000, 65536, 65537, 200000};
  enum { N = sizeof(sizes) / sizeof(sizes[0]) };
  for (size_t i = 0; i < N; i++) {
    allocate(i, sizes[i]);
    zeroed(N + i, sizes[i]);
  }
  for (size_t i = 0; i < N; i++)
    resize(i, sizes[N - 1 - i]);
  aligned(2 * N, 100, 4096);
  aligned(2 * N + 1, 3000, 131072);
  for (size_t i = 0; i < 2 * N + 2; i++)
    release((i * 5) % (2 * N + 2));
}

// A page fills, others free into it, and its owner takes the blocks back.
static void trace_remote(void) {
  for (size_t i = 0; i < 16; i++)
    allocate(i, 8000);
  as(1);
  for (size_t i = 0; i < 16; i += 2)
    release(i);
  as(0);
  for (size_t i = 0; i < 16; i += 2)
    allocate(i, 8000);
  as(1);
  for (size_t i = 0; i < 16; i++)
    release(i);
  as(0);
  ri_collect(false);
}

// A thread ends with live blocks: freed by another, its pages are adopted or released.
static void trace_exit(void) {
  as(1);
  for (size_t i = 0; i < 12; i++)
    allocate(i, i % 2 == 0 ? 20000 : 64);
  as(2);
  for (size_t i = 0; i < 4; i++)
    release(i);
  finish(1);
  as(2);
  allocate(12, 20000);
  allocate(13, 64);
  for (size_t i = 4; i < 10; i++)
    release(i);
  finish(2);
  for (size_t i = 10; i < 14; i++)
    release(i);
}

static void trace_heaps(void) {
  trace.heap = ri_heap_new();
  for (size_t i = 0; i < 6; i++)
    in_heap(i, 3000);
  as(1);
  in_heap(6, 100000);
  in_heap(7, 3000);
  release(0);
  as(0);
  ri_heap_delete(trace.heap);
  for (size_t i = 1; i < 8; i++)
    release(i);
  trace.heap = ri_heap_new();
  in_heap(0, 3000);
  as(1);
  in_heap(1, 3000);
  as(0);
  trace.slot[0].p = trace.slot[1].p = NULL;
  ri_heap_destroy(trace.heap);
  finish(1);
}

static uint32_t draw(uint32_t* state, uint32_t below) {
  *state = *state * 1664525u + 1013904223u;
  return (*state >> 16) % below;
}

// All of it mixed by a generator.
static void trace_mixed(void) {
  static const size_t sizes[] = {8, 16, 48, 500, 1024, 2000, 9000, 30000, 60000, 100000};
  uint32_t state = 1;
  for (int i = 0; i < 200; i++) {
    const size_t s = draw(&state, SLOTS), size = sizes[draw(&state, 10)];
    as(draw(&state, THREADS));
    if (trace.slot[s].p == NULL) {
      allocate(s, size);
    } else if (draw(&state, 4) == 0) {
      resize(s, size);
    } else {
      release(s);
    }
    if (draw(&state, 50) == 0) finish(1);
  }
  for (size_t s = 0; s < SLOTS; s++) {
    if (trace.slot[s].p != NULL) release(s);
  }
  finish(1);
  finish(2);
}

#define TRACE(name) \
  trace.steps = 0;  \
  trace_##name();   \
  end();            \
  Frama_C_show_each_##name(trace.steps);

int main(void) {
  for (size_t t = 0; t < THREADS; t++)
    trace.tls[t] = rix_tls;
  // Descriptors lie in OS memory from the start: an owner's id is the address of one, with flags in
  // its low bits, and Eva knows the bits of fixed addresses only.
  meta.next = rix_os_map(NULL, META_CHUNK, RIX_OS_USABLE);
  meta.end = meta.next + META_CHUNK;
  process_load();
  EVA_TRACES
  return 0;
}
