// SPDX-License-Identifier: MIT
// heap_statistics.c: what the statistics of heaps and sub-processes say, against a count that the
// test keeps. Threads of two sub-processes allocate from four heaps each, resize, pass blocks on to
// threads of either and free them, at random. Between two rounds a heap is deleted, its blocks
// move, and a new one takes its place. Whenever all threads rest, blocks and bytes of every size
// class are those of the test: of each heap, of each sub-process, of the process.
#include "../check.h"

enum { SUBPROCS = 2, HEAPS = 4, THREADS = 4, ROUNDS = 9, SLOTS = 300, SHARED = 256 };
enum { BINS = RI_STAT_BINS };

typedef struct shadow_s {
  int64_t blocks[BINS];
  int64_t large_bytes;
} shadow_t;

typedef struct worker_s {
  void* slots[SLOTS];
  shadow_t shadow[SUBPROCS][HEAPS];  // what it allocated less what it freed, perhaps below zero
  uint64_t rng;
  size_t subproc, operations;
} worker_t;

static worker_t workers[THREADS];
static void* shared[SHARED];
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static ri_subproc_id_t subprocs[SUBPROCS];
static ri_heap_t* heaps[SUBPROCS][HEAPS];  // the first of each is the main one
static size_t bin_sizes[BINS];

static size_t bin_of(size_t usable) {
  for (size_t i = 0; i + 1 < BINS; i++)
    if (bin_sizes[i] == usable) return i;
  return BINS - 1;
}

static shadow_t* shadow_of(worker_t* w, const ri_heap_t* heap) {
  for (size_t s = 0; s < SUBPROCS; s++) {
    for (size_t h = 0; h < HEAPS; h++)
      if (heaps[s][h] == heap) return &w->shadow[s][h];
  }
  CHECK_MSG(false, "heap %p of nobody", (const void*)heap);
  return NULL;
}

static void count(worker_t* w, const void* p, int64_t sign) {
  if (p == NULL) return;
  const size_t usable = ri_usable_size(p);
  const size_t bin = bin_of(usable);
  shadow_t* const shadow = shadow_of(w, ri_heap_of(p));
  shadow->blocks[bin] += sign;
  if (bin == BINS - 1) shadow->large_bytes += sign * (int64_t)usable;
}

static size_t any_size(uint64_t* rng) {
  const size_t kind = check_below(rng, 60);
  return check_below(rng, kind == 0 ? 1 << 20 : kind < 4 ? 80000 : 2000);
}

static void* made(worker_t* w) {
  ri_heap_t* const heap = heaps[w->subproc][check_below(&w->rng, HEAPS)];
  const size_t size = any_size(&w->rng);
  switch (check_below(&w->rng, 4)) {
    case 0:
      return ri_malloc(size);
    case 1:
      return ri_heap_malloc_aligned(heap, size, (size_t)1 << check_below(&w->rng, 12));
    default:
      return ri_heap_malloc(heap, size);
  }
}

static void exchange(worker_t* w, void** slot) {
  pthread_mutex_lock(&shared_lock);
  void** const other = &shared[check_below(&w->rng, SHARED)];
  void* const p = *other;
  *other = *slot;
  *slot = p;
  pthread_mutex_unlock(&shared_lock);
}

static void step(worker_t* w) {
  void** const slot = &w->slots[check_below(&w->rng, SLOTS)];
  const size_t kind = check_below(&w->rng, 6);
  if (kind == 0) {
    exchange(w, slot);
    return;
  }
  count(w, *slot, -1);
  if (kind == 1) {
    *slot = ri_realloc(*slot, any_size(&w->rng));
  } else if (kind == 2) {
    ri_heap_t* const heap = heaps[w->subproc][check_below(&w->rng, HEAPS)];
    *slot = ri_heap_realloc(heap, *slot, any_size(&w->rng));
  } else {
    ri_free(*slot);
    *slot = kind == 3 ? NULL : made(w);
  }
  CHECK(*slot != NULL || kind == 3);
  count(w, *slot, 1);
}

static void* work(void* arg) {
  worker_t* const w = arg;
  if (w->subproc != 0) ri_subproc_add_current_thread(subprocs[w->subproc]);
  for (size_t i = 0; i < w->operations; i++)
    step(w);
  return NULL;
}

static void* find_main(void* arg) {
  ri_subproc_add_current_thread(*(ri_subproc_id_t*)arg);
  return ri_heap_main();
}

static void* new_heap(void* arg) {
  ri_subproc_add_current_thread(*(ri_subproc_id_t*)arg);
  return ri_heap_new();
}

static ri_heap_t* heap_in(size_t s) {
  return s == 0 ? ri_heap_new() : check_in_thread(new_heap, &subprocs[s]);
}

// ---- At rest ------------------------------------------------------------------------------------

static void add(shadow_t* sum, const shadow_t* part) {
  for (size_t i = 0; i < BINS; i++)
    sum->blocks[i] += part->blocks[i];
  sum->large_bytes += part->large_bytes;
}

static void agrees(const char* what, const ri_stats_t* s, const shadow_t* expected) {
  int64_t blocks = 0, bytes = 0;
  for (size_t i = 0; i < BINS; i++) {
    CHECK_MSG(s->malloc_bins[i].current == expected->blocks[i], "%s: bin of %zu: %lld, not %lld",
              what, bin_sizes[i], (long long)s->malloc_bins[i].current,
              (long long)expected->blocks[i]);
    CHECK(s->page_bins[i].current > 0 || expected->blocks[i] == 0);
    blocks += expected->blocks[i];
    bytes += expected->blocks[i] * (int64_t)bin_sizes[i];
  }
  CHECK_MSG(s->blocks.current == blocks && s->malloc_normal.current == bytes, "%s", what);
  CHECK_MSG(s->malloc_huge.current == expected->large_bytes, "%s: %lld, not %lld", what,
            (long long)s->malloc_huge.current, (long long)expected->large_bytes);
  CHECK(s->malloc_requested.current == bytes + expected->large_bytes);
  CHECK(s->page_committed.current >= s->malloc_requested.current);
}

static void all_agree(void) {
  shadow_t process = {{0}, 0};
  ri_stats_t_decl(s);
  int64_t reserved = 0, committed = 0, pages = 0;
  for (size_t i = 0; i < SUBPROCS; i++) {
    shadow_t subproc = {{0}, 0};
    int64_t heap_pages = 0;
    for (size_t h = 0; h < HEAPS; h++) {
      shadow_t heap = {{0}, 0};
      for (size_t t = 0; t < THREADS; t++)
        add(&heap, &workers[t].shadow[i][h]);
      CHECK(ri_heap_stats_get(heaps[i][h], &s));
      agrees("heap", &s, &heap);
      add(&subproc, &heap);
      heap_pages += s.pages.current;
    }
    CHECK(ri_subproc_stats_get(subprocs[i], &s));
    agrees("sub-process", &s, &subproc);
    CHECK(s.heaps.current == HEAPS && s.pages.current == heap_pages);
    CHECK(s.committed.current + s.holes.current >= s.page_committed.current);
    CHECK(s.reserved.current >= s.committed.current);
    add(&process, &subproc);
    reserved += s.reserved.current;
    committed += s.committed.current;
    pages += s.pages.current;
  }
  CHECK(ri_stats_get(&s));
  agrees("process", &s, &process);
  CHECK(s.pages.current == pages && s.heaps.current == (int64_t)SUBPROCS * HEAPS);
  CHECK_MSG(s.reserved.current == reserved && s.committed.current == committed,
            "reserved %lld and %lld, committed %lld and %lld", (long long)s.reserved.current,
            (long long)reserved, (long long)s.committed.current, (long long)committed);
}

// The blocks of a heap become the main heap's, or are gone with it.
static void end_heap(size_t s, size_t h) {
  ri_heap_delete(heaps[s][h]);
  for (size_t t = 0; t < THREADS; t++) {
    add(&workers[t].shadow[s][0], &workers[t].shadow[s][h]);
    workers[t].shadow[s][h] = (shadow_t){{0}, 0};
  }
  heaps[s][h] = heap_in(s);
}

static void forget_foreign(void** slot) {
  if (*slot == NULL) return;
  for (size_t h = 0; h < HEAPS; h++)
    if (ri_heap_of(*slot) == heaps[1][h]) *slot = NULL;
}

int main(void) {
  check_watchdog(110);
  for (size_t i = 0; i < BINS; i++)
    bin_sizes[i] = ri_stats_get_bin_size(i);
  ri_option_set(ri_option_purge_delay, 5);
  ri_option_set(ri_option_arena_max_object_size, 512);  // some blocks are mapped
  subprocs[0] = ri_subproc_main();
  subprocs[1] = ri_subproc_new();
  for (size_t s = 0; s < SUBPROCS; s++) {
    heaps[s][0] = s == 0 ? ri_heap_main() : check_in_thread(find_main, &subprocs[s]);
    for (size_t h = 1; h < HEAPS; h++)
      heaps[s][h] = heap_in(s);
  }
  all_agree();
  for (size_t round = 0; round < ROUNDS; round++) {
    // Blocks of this thread, which does not end: what others free of them it does not collect.
    for (size_t i = 0; i < SHARED; i += 2) {
      if (shared[i] != NULL) continue;
      shared[i] = ri_heap_malloc(heaps[0][i / 2 % HEAPS], any_size(&workers[0].rng));
      CHECK(shared[i] != NULL);
      count(&workers[0], shared[i], 1);
    }
    pthread_t threads[THREADS];
    for (size_t t = 0; t < THREADS; t++) {
      workers[t].rng = round * 100 + t;
      workers[t].subproc = t % SUBPROCS;
      workers[t].operations = check_scaled(12000);
      threads[t] = check_start(work, &workers[t]);
    }
    for (size_t t = 0; t < THREADS; t++)
      check_join(threads[t]);
    all_agree();
    end_heap(round % SUBPROCS, 1 + round % (HEAPS - 1));
    all_agree();
    if (round % 3 == 1) ri_collect(true);
    all_agree();
  }
  // The second sub-process ends with all of its blocks, wherever the test has them.
  for (size_t i = 0; i < SHARED; i++)
    forget_foreign(&shared[i]);
  for (size_t t = 0; t < THREADS; t++) {
    for (size_t i = 0; i < SLOTS; i++)
      forget_foreign(&workers[t].slots[i]);
  }
  ri_subproc_destroy(subprocs[1]);
  for (size_t i = 0; i < SHARED; i++)
    ri_free(shared[i]);
  for (size_t t = 0; t < THREADS; t++) {
    for (size_t i = 0; i < SLOTS; i++)
      ri_free(workers[t].slots[i]);
  }
  ri_stats_t_decl(s);
  CHECK(ri_stats_get(&s) && s.blocks.current == 0 && s.malloc_requested.current == 0);
  CHECK(ri_subproc_stats_get(subprocs[0], &s) && s.blocks.current == 0);
  CHECK(ri_audit());
  return 0;
}
