// SPDX-License-Identifier: MIT
// nodes_os_fake.c: huge pages of the system and NUMA nodes, which few machines have, on an OS that
// says that it has them: what it is asked for, and what becomes of the memory, which is ordinary.
#include "../check.h"
#include "../os_fake.h"

#include "arena/arena.h"
#include "arena/pagemap.h"
#include "heap/heap.h"

#include <sys/prctl.h>
#include <sys/wait.h>

// ---- The OS -------------------------------------------------------------------------------------

enum { NODES = 4, BINDS_MOST = 64 };

typedef struct bind_s {
  uint8_t* start;
  size_t size;
  unsigned long nodes;  // a set
  bool populated;       // the memory was there already: too late
} bind_t;

static struct {
  long huge_left;    // huge pages, of both sizes
  size_t huge_size;  // of the last one that was asked for
  size_t huge_calls;
  uint8_t* populated;  // the last memory that was touched on request
  unsigned node;       // where all threads run
  size_t node_calls;
  uint64_t ms_for_page;  // that the OS takes for one huge page
  bind_t binds[BINDS_MOST];
  size_t bind_count;
  char name[32];
  size_t names;
  bool started;
} fake;

// How many huge pages there are before main.
static void fake_start(void) {
  if (fake.started) return;
  fake.started = true;
  const char* const pages = getenv("FAKE_HUGE_PAGES");
  if (pages != NULL) fake.huge_left = strtol(pages, NULL, 10);
}

static int fake_map_huge(os_call_t* call) {
  fake_start();
  const unsigned flags = (unsigned)call->flags;
  const unsigned shift = flags >> 26;
  fake.huge_calls++;
  fake.huge_size = (size_t)1 << shift;
  os_ahead_ms += fake.ms_for_page;
  const long pages = (long)(call->size >> shift);
  CHECK(check_aligned(call->at, fake.huge_size) && call->size % fake.huge_size == 0);
  if (pages > fake.huge_left) return ENOMEM;
  fake.huge_left -= pages;
  const unsigned ours = (63u << 26) | (unsigned)(MAP_HUGETLB | MAP_POPULATE);
  if ((flags & MAP_POPULATE) != 0) fake.populated = call->at;
  call->flags = (int)(flags & ~ours) | MAP_NORESERVE;
  return OS_PASS;
}

static int os_answer(os_call_t* call) {
  if (call->kind == OS_MAP && (call->flags & MAP_HUGETLB) != 0) return fake_map_huge(call);
  if (call->kind != OS_ADVISE || call->advice != 23) return OS_PASS;
  fake.populated = call->at;
  return OS_DONE;
}

static long fake_name(long p, long size, const char* name) {
  CHECK(p % (long)check_os_page() == 0 && size > 0);
  snprintf(fake.name, sizeof(fake.name), "%s", name);
  fake.names++;
  return 0;
}

static long fake_bind(uint8_t* start, long size, long mode, const void* mask, long bits) {
  CHECK(mode == 1 && bits > NODES);  // prefer
  unsigned long nodes;
  memcpy(&nodes, mask, sizeof(nodes));
  CHECK(fake.bind_count < BINDS_MOST);
  fake.binds[fake.bind_count++] = (bind_t){start, (size_t)size, nodes, fake.populated == start};
  return 0;
}

long OS_WRAP(call)(long number, long a, long b, long c, long d, long e, long f) {
  if (number == SYS_mbind) return fake_bind((uint8_t*)a, b, c, (const void*)d, e);
  if (number == SYS_prctl && a == 0x53564d41 && b == 0) return fake_name(c, d, (const char*)e);
  if (number == SYS_getcpu) {
    fake.node_calls++;
    memcpy((void*)b, &fake.node, sizeof(fake.node));
    return 0;
  }
  const char* const online = "/sys/devices/system/node/online";
  if (number == SYS_openat && strcmp((const char*)b, online) == 0) return os_file("0-3\n");
  return OS_REAL(call)(number, a, b, c, d, e, f);
}

// ---- Huge pages of 2 MiB ------------------------------------------------------------------------

static void* block_in(ri_arena_id_t arena, size_t size) {
  ri_heap_t* const heap = ri_heap_new_in_arena(arena);
  CHECK(heap != NULL);
  void* const p = ri_heap_malloc(heap, size);
  CHECK(p != NULL && ri_arena_contains(arena, p));
  memset(p, 1, size);
  return p;
}

static void two_mib(void) {
  fake.huge_left = 8;
  ri_arena_id_t arena;
  CHECK(ri_reserve_os_memory_ex((size_t)16 << 20, false, true, true, &arena) == 0);
  const rix_arena_t* const a = arena;
  CHECK(fake.huge_calls == 1 && fake.huge_size == (size_t)2 << 20 && fake.huge_left == 0);
  CHECK(fake.populated == a->base && a->pinned);
  CHECK(rix_bitmap_count_run(&a->committed, 0, a->slice_count) == a->slice_count);
  CHECK(a->slice_count * RIX_SLICE_SIZE == (size_t)16 << 20);
  // What is free there stays: it could not be given back in small pieces.
  void* const p = block_in(arena, (size_t)3 << 20);
  ri_option_set(ri_option_purge_delay, 0);
  const size_t purged = check_summary().purged;
  ri_free(p);
  ri_collect(true);
  CHECK(check_summary().purged == purged);
  // And no guard page lies in it.
  ri_heap_t* const heap = ri_heap_new_in_arena(arena);
  ri_heap_guarded_set_sample_rate(heap, 1, 0);
  void* const q = ri_heap_malloc(heap, 100);
  CHECK(ri_usable_size(q) == ri_good_size(100));
  ri_free(q);
  // No more of them: ordinary memory instead.
  CHECK(ri_reserve_os_memory_ex((size_t)4 << 20, true, true, true, &arena) == 0);
  CHECK(fake.huge_calls == 2 && !((const rix_arena_t*)arena)->pinned);
  ri_free(block_in(arena, (size_t)3 << 20));
  CHECK(ri_audit());
}

// Nor where everybody's blocks lie: the block that was to have one is an ordinary one.
static void no_guard_pages_there(void) {
  fake.huge_left = 8;
  CHECK(ri_reserve_os_memory((size_t)16 << 20, true, true) == 0 && fake.huge_left == 0);
  ri_theap_guarded_set_sample_rate(NULL, 1, 0);
  for (size_t size = 1; size < 200000; size = size * 3 / 2 + 1) {
    uint8_t* const p = ri_zalloc(size);
    CHECK(rix_pagemap_find(p)->arena == rix_arena_at(0) && rix_arena_at(0)->pinned);
    CHECK_MSG(ri_usable_size(p) == ri_good_size(size), "%zu", size);
    CHECK_ZERO(p, 0, size);
    memset(p, 1, size);
    ri_free(p);
  }
  CHECK(check_summary().blocks == 0 && ri_audit());
}

// ---- Huge pages of 1 GiB ------------------------------------------------------------------------

#define GIB ((size_t)1 << 30)

static size_t pages_of(ri_arena_id_t arena) {
  size_t size;
  CHECK(ri_arena_area(arena, &size) != NULL);
  return (size + GIB - 1) / GIB;
}

static void one_gib(void) {
  fake.huge_left = 2;
  ri_arena_id_t arena;
  // Of three there are two.
  CHECK(ri_reserve_huge_os_pages_at_ex(3, 1, 0, true, &arena) == 0);
  CHECK(fake.huge_calls == 3 && fake.huge_size == GIB && pages_of(arena) == 2);
  // The node was told for each before anything was touched.
  CHECK(fake.bind_count == 2);
  for (size_t i = 0; i < 2; i++) {
    CHECK(fake.binds[i].nodes == 1ul << 1 && fake.binds[i].size == GIB);
    CHECK(!fake.binds[i].populated);
  }
  CHECK(fake.binds[1].start == fake.binds[0].start + GIB);
  CHECK(fake.populated == fake.binds[1].start);
  CHECK(((const rix_arena_t*)arena)->pinned && ((const rix_arena_t*)arena)->node == 2);
  void* const p = block_in(arena, 100000);
  ri_free(p);
  const size_t reserved = check_summary().reserved;
  CHECK(ri_reserve_huge_os_pages_at_ex(1, 0, 0, false, &arena) == ENOMEM && arena == NULL);
  CHECK(check_summary().reserved == reserved);
  fake.huge_left = 2;
  size_t got = 0;
  CHECK(ri_reserve_huge_os_pages(2, 10.0, &got) == 0 && got == 2);
  CHECK(ri_reserve_huge_os_pages(2, 10.0, &got) == ENOMEM && got == 0);
  CHECK(ri_audit());
}

static void in_time(void) {
  fake.huge_left = 100;
  fake.ms_for_page = 2000;
  ri_arena_id_t arena;
  CHECK(ri_reserve_huge_os_pages_at_ex(6, -1, 5000, true, &arena) == 0);
  CHECK_MSG(pages_of(arena) == 3, "%zu pages", pages_of(arena));
  CHECK(fake.bind_count == 0);
}

static void over_all_nodes(void) {
  fake.huge_left = 100;
  CHECK(ri_reserve_huge_os_pages_interleave(6, 0, 0) == 0);
  CHECK(rix_arena_count() == NODES && fake.bind_count == 6);
  size_t pages[NODES] = {0};
  for (size_t i = 0; i < fake.bind_count; i++)
    pages[__builtin_ctzl(fake.binds[i].nodes)]++;
  CHECK(pages[0] == 2 && pages[1] == 2 && pages[2] == 1 && pages[3] == 1);
  // More nodes than there are count as all.
  CHECK(ri_reserve_huge_os_pages_interleave(NODES, 99, 0) == 0 && fake.bind_count == 6 + NODES);
  fake.huge_left = 1;
  CHECK(ri_reserve_huge_os_pages_interleave(4, 2, 0) == ENOMEM);  // the second node has none
  CHECK(ri_reserve_huge_os_pages_interleave(0, 2, 0) == EINVAL);
  ri_free(ri_malloc(1000));
  CHECK(ri_audit());
}

// ---- Nodes of heaps and threads -----------------------------------------------------------------

static const rix_arena_t* arena_of(const void* p) { return rix_pagemap_find(p)->arena; }

static void heaps_have_nodes(void) {
  ri_heap_t* const heap = ri_heap_new();
  ri_free(ri_malloc(1000));
  CHECK(fake.bind_count == 0);
  ri_heap_set_numa_affinity(heap, 2);
  void* const p = ri_heap_malloc(heap, 1000);
  CHECK(arena_of(p)->node == 3 && fake.bind_count == 1 && fake.binds[0].nodes == 1ul << 2);
  CHECK(fake.binds[0].start <= (uint8_t*)p &&
        (uint8_t*)p < fake.binds[0].start + fake.binds[0].size);
  ri_free(p);
  ri_heap_destroy(heap);
}

static void threads_have_nodes(void) {
  ri_option_set(ri_option_purge_delay, -1);
  void* const first = ri_malloc(100000);
  CHECK(fake.node_calls == 0 && arena_of(first)->node == RIX_NODE_ANY);
  ri_option_set(ri_option_arena_is_numa_local, 1);
  void* blocks[3];
  for (unsigned node = 0; node < 3; node++) {
    fake.node = node;
    blocks[node] = ri_malloc(100000);
    CHECK(arena_of(blocks[node])->node == (int)node + 1);
    CHECK(fake.bind_count == node + 1 && fake.binds[node].nodes == 1ul << node);
  }
  // Each node has its arena now.
  const size_t arenas = rix_arena_count();
  for (unsigned node = 0; node < 3; node++) {
    fake.node = node;
    void* const p = ri_malloc(100000);
    CHECK(arena_of(p) == arena_of(blocks[node]) && rix_arena_count() == arenas);
    ri_free(p);
    ri_free(blocks[node]);
  }
  // A heap's own node is stronger.
  ri_heap_t* const heap = ri_heap_new();
  ri_heap_set_numa_affinity(heap, 1);
  fake.node = 2;
  void* const p = ri_heap_malloc(heap, 100000);
  CHECK(arena_of(p)->node == 2);
  ri_heap_destroy(heap);
  ri_free(first);
  CHECK(ri_audit());
}

static void memory_has_a_name(void) {
  ri_free(ri_malloc(100));
  CHECK(fake.names == 0);
  ri_option_set(ri_option_os_tag, 7);
  ri_free(ri_malloc((size_t)300 << 20));
  CHECK_MSG(fake.names == 1 && strcmp(fake.name, "rimalloc-007") == 0, "%s", fake.name);
  ri_option_set(ri_option_os_tag, 255);
  ri_free(ri_malloc((size_t)600 << 20));
  CHECK(fake.names == 2 && strcmp(fake.name, "rimalloc-255") == 0);
}

// ---- At the start -------------------------------------------------------------------------------

static int reserved_at_the_start(void) {
  CHECK(rix_arena_count() == 2 && fake.huge_calls == 3 && fake.bind_count == 3);
  CHECK(fake.binds[0].nodes == 1 && fake.binds[1].nodes == 1 && fake.binds[2].nodes == 2);
  void* const p = ri_malloc(1000);
  CHECK(arena_of(p) == rix_arena_at(0) && rix_arena_count() == 2);
  ri_free(p);
  return 0;
}

static int reserved_at_one_node(void) {
  CHECK(rix_arena_count() == 1 && fake.huge_calls == 2 && fake.bind_count == 2);
  CHECK(fake.binds[0].nodes == 8 && fake.binds[1].nodes == 8);
  return 0;
}

static void again(const char* argument, const char* variable, const char* value,
                  const char* pages) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    setenv("FAKE_HUGE_PAGES", "10", 1);
    setenv("RIMALLOC_RESERVE_HUGE_OS_PAGES", pages, 1);
    setenv(variable, value, 1);
    check_become(argument);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG(status == 0, "%s: status %x", argument, (unsigned)status);
}

static void (*const cases[])(void) = {
    two_mib,          no_guard_pages_there, one_gib,          in_time, over_all_nodes,
    heaps_have_nodes, threads_have_nodes,   memory_has_a_name};

int main(int argc, char** argv) {
  if (CHECK_SIZE_BITS == 32) check_skip("pages of 1 GiB leave no address space");
  if (argc > 1 && strcmp(argv[1], "all") == 0) return reserved_at_the_start();
  if (argc > 1) return reserved_at_one_node();
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      check_watchdog(30);
      cases[i]();
      _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_MSG(status == 0, "case %zu: status %x", i, (unsigned)status);
  }
  again("all", "RIMALLOC_USE_NUMA_NODES", "2", "3");
  again("one", "RIMALLOC_RESERVE_HUGE_OS_PAGES_AT", "3", "2");
  return 0;
}
