// SPDX-License-Identifier: MIT
// heap_ops.c: heaps that come and go, in arenas and sub-processes that come and go too, with blocks
// from several threads, quotas, default theaps, visits, and questions about which heap a block
// belongs to; deleted heaps leave their blocks to the main one of their sub-process, destroyed
// heaps and sub-processes take them along. Against the shadow model, with a heap beside each block,
// and world.h.
#include "world.h"

static shadow_t shadow;
static unsigned home[SHADOW_SLOTS];  // the heap of each block

static unsigned index_of(const shadow_block_t* b) { return (unsigned)(b - shadow.blocks); }

// ---- Blocks -------------------------------------------------------------------------------------

static void check_home(const shadow_block_t* b) {
  const unsigned h = home[index_of(b)];
  ri_heap_t* const heap = world.heaps[h].heap;
  FUZZ_CHECK(ri_heap_of(b->p) == heap);
  FUZZ_CHECK(ri_heap_contains(heap, b->p) && ri_any_heap_contains(b->p));
  for (unsigned o = 0; o < WORLD_HEAPS; o++) {
    ri_heap_t* const other = world.heaps[o].heap;
    if (other != NULL && other != heap) FUZZ_CHECK(!ri_heap_contains(other, b->p));
  }
  world_check_place(b->p, h);
}

static void* allocate_from(ri_heap_t* heap, fuzz_op_t op, shadow_wish_t* w) {
  switch (op.code % 6) {
    case 0:
      w->zero = true;
      return ri_heap_zalloc(heap, w->size);
    case 1:
      w->zero = true;
      return ri_heap_calloc(heap, 1, w->size);
    case 2:
      w->align = (size_t)1 << op.b % 20;
      return ri_heap_malloc_aligned(heap, w->size, w->align);
    case 3:
      w->align = (size_t)1 << op.b % 12;
      w->offset = op.value % 100;
      w->zero = true;
      return ri_heap_zalloc_aligned_at(heap, w->size, w->align, w->offset);
    default:
      return ri_heap_malloc(heap, w->size);
  }
}

static void* allocate_by_theap(ri_heap_t* heap, fuzz_op_t op, shadow_wish_t* w) {
  ri_theap_t* const theap = ri_heap_theap(heap);
  FUZZ_CHECK(theap != NULL);
  w->zero = op.code % 3 == 0;
  if (op.code % 3 == 1) w->align = (size_t)1 << op.b % 12;
  if (op.code % 3 == 1) return ri_theap_malloc_aligned(theap, w->size, w->align);
  return w->zero ? ri_theap_zalloc(theap, w->size) : ri_theap_malloc(theap, w->size);
}

// From the default theap.
static void* allocate_plain(fuzz_op_t op, shadow_wish_t* w) {
  w->zero = op.code % 2 == 0;
  return w->zero ? ri_zalloc(w->size) : ri_malloc(w->size);
}

// A heap with a quota takes no more than that, whatever it had.
static void check_quota(unsigned h, size_t before) {
  const size_t held = ri_heap_held(world.heaps[h].heap);
  const size_t quota = world.heaps[h].quota;
  FUZZ_CHECK(quota == 0 || held <= quota || held <= before);
}

static void allocate(shadow_block_t* b, fuzz_op_t op) {
  const unsigned way = op.value >> 28;
  const unsigned h = way == 0 ? world.thread.chosen : world_heap(op.b / 16);
  ri_heap_t* const heap = world.heaps[h].heap;
  shadow_wish_t wish = {fuzz_size(op.a, op.value), 1, 0, false};
  if (!shadow_has_room(&shadow, wish.size)) return;
  const size_t held = ri_heap_held(heap);
  shadow.may_fail = world_may_refuse(h);
  errno = SHADOW_ERRNO;
  void* const p = way == 0   ? allocate_plain(op, &wish)
                  : way <= 3 ? allocate_by_theap(heap, op, &wish)
                             : allocate_from(heap, op, &wish);
  shadow_allocated(&shadow, b, p, wish);
  check_quota(h, held);
  if (p == NULL) return;
  home[index_of(b)] = h;
  check_home(b);
}

// A resize may take another heap, when the block moves. (Where it stays, it stays in its heap.)
static void resize(shadow_block_t* b, fuzz_op_t op) {
  const unsigned h = world_heap(op.b / 16);
  shadow_wish_t wish = {fuzz_size(op.a, op.value), 1, 0, op.code % 2 == 0};
  if (!shadow_has_room(&shadow, wish.size)) return;
  if (b->size > FUZZ_SURE_MAX && wish.size <= PTRDIFF_MAX) return;  // a long copy
  const size_t old_usable = ri_usable_size(b->p);
  void* const old = b->p;
  shadow.may_fail = world_may_refuse(h);
  errno = SHADOW_ERRNO;
  void* const q = wish.zero ? ri_heap_rezalloc(world.heaps[h].heap, old, wish.size)
                            : ri_heap_realloc(world.heaps[h].heap, old, wish.size);
  shadow_resized(&shadow, b, q, old_usable, wish);
  if (q != NULL && q != old) home[index_of(b)] = h;
  check_home(b);
}

static void release(shadow_block_t* b) {
  shadow_check(b);
  check_home(b);
  errno = SHADOW_ERRNO;
  ri_free(b->p);
  FUZZ_CHECK(errno == SHADOW_ERRNO);
  shadow_freed(&shadow, b);
}

static void block_step(fuzz_op_t op) {
  shadow_block_t* const b = shadow_at(&shadow, op.slot);
  if (b->p == NULL) {
    allocate(b, op);
  } else if (op.code < 80) {
    resize(b, op);
  } else {
    release(b);
  }
}

// ---- Visits -------------------------------------------------------------------------------------

typedef struct visit_s {
  unsigned heap;
  size_t used;  // as the areas say
  size_t seen;  // blocks
  size_t left;  // calls after which the visitor says no; 0: never
  bool slots[SHADOW_SLOTS];
} visit_t;

// The block of the shadow that [start, start + size) holds.
static unsigned block_in(const uint8_t* start, size_t size, unsigned heap) {
  for (unsigned i = 0; i < SHADOW_SLOTS; i++) {
    const uint8_t* const p = shadow.blocks[i].p;
    if (p != NULL && home[i] == heap && p >= start && p < start + size) return i;
  }
  return SHADOW_SLOTS;
}

static bool on_visit(const ri_heap_t* heap, const ri_heap_area_t* area, void* block, size_t size,
                     void* arg) {
  visit_t* const v = arg;
  FUZZ_CHECK(heap == world.heaps[v->heap].heap && size == area->block_size);
  FUZZ_CHECK(area->committed <= area->reserved && area->used * size <= area->committed);
  if (block == NULL) {
    v->used += area->used;
    world_check_place(area->blocks, v->heap);
  } else {
    const unsigned i = block_in(block, size, v->heap);
    FUZZ_CHECK(i < SHADOW_SLOTS && !v->slots[i]);
    v->slots[i] = true;
    v->seen++;
  }
  return v->left == 0 || --v->left > 0;
}

static size_t live_in(unsigned heap) {
  size_t n = 0;
  for (unsigned i = 0; i < SHADOW_SLOTS; i++)
    n += shadow.blocks[i].p != NULL && home[i] == heap;
  return n;
}

// All blocks of the heap and no others, each once; or those that threads left, or those of the
// theap, which are some of them. Now and then the visitor stops.
static void visit(unsigned h, fuzz_op_t op) {
  ri_heap_t* const heap = world.heaps[h].heap;
  if (heap == NULL) return;
  visit_t v = {.heap = h, .left = op.value % 8 == 0 ? 1 + op.value / 8 % 8 : 0};
  const bool counted = v.left > 0;
  bool whole;
  switch (op.a % 4) {
    case 0:
      whole = ri_heap_visit_abandoned_blocks(heap, true, on_visit, &v);
      break;
    case 1:
      if (world.heaps[h].subproc != world.thread.subproc) return;
      whole = ri_theap_visit_blocks(ri_heap_theap(heap), true, on_visit, &v);
      break;
    default:
      whole = ri_heap_visit_blocks(heap, true, on_visit, &v);
      if (whole) FUZZ_CHECK(v.seen == live_in(h));
  }
  FUZZ_CHECK(whole == (!counted || v.left > 0));
  if (whole) FUZZ_CHECK(v.used == v.seen);
}

// ---- Heaps --------------------------------------------------------------------------------------

static void delete_heap(unsigned h) {
  if (!world_may_end(h)) return;
  const unsigned to = world.heaps[h].subproc;
  ri_heap_delete(world.heaps[h].heap);
  world_ended(h);
  for (unsigned i = 0; i < SHADOW_SLOTS; i++) {
    shadow_block_t* const b = &shadow.blocks[i];
    if (b->p == NULL || home[i] != h) continue;
    home[i] = to;
    shadow_check(b);
    FUZZ_CHECK(ri_heap_of(b->p) == world.heaps[to].heap);
  }
}

// The blocks of a heap are about to go with it.
static void forget_blocks(unsigned h) {
  for (unsigned i = 0; i < SHADOW_SLOTS; i++) {
    shadow_block_t* const b = &shadow.blocks[i];
    if (b->p == NULL || home[i] != h) continue;
    shadow_check(b);
    shadow_forget(&shadow, b);
  }
}

static void destroy_heap(unsigned h) {
  if (!world_may_end(h)) return;
  forget_blocks(h);
  ri_heap_destroy(world.heaps[h].heap);
  world_ended(h);
}

static void destroy_subproc(unsigned s) {
  for (unsigned h = 0; h < WORLD_HEAPS; h++) {
    if (world.heaps[h].heap != NULL && world.heaps[h].subproc == s) forget_blocks(h);
  }
  world_end_subproc(s);
}

// What the statistics of a heap say is what is there.
static void count_blocks(unsigned h) {
  static ri_stats_t stats;
  ri_heap_t* const heap = world.heaps[h].heap;
  if (heap == NULL) return;
  ri_stats_init(&stats);
  FUZZ_CHECK(ri_heap_stats_get(heap, &stats));
  int64_t blocks = 0;
  for (size_t bin = 0; bin < RI_STAT_BINS; bin++)
    blocks += stats.malloc_bins[bin].current;
  FUZZ_CHECK((size_t)blocks == live_in(h));
}

static void heap_step(fuzz_op_t op) {
  const unsigned h = op.b % WORLD_HEAPS;
  switch (op.code % 8) {
    case 0:
      delete_heap(h);
      break;
    case 1:
      destroy_heap(h);
      break;
    case 2:
      world_set_limit(h, op);
      break;
    case 3:
      if (world.heaps[h].heap != NULL) ri_heap_collect(world.heaps[h].heap, op.a % 4 == 0);
      break;
    case 4:
      visit(h, op);
      break;
    default:
      world_new_heap(op);
  }
}

static void world_step(fuzz_op_t op) {
  switch (op.code % 10) {
    case 0:
    case 1:
      world_new_subproc(op);
      break;
    case 2:
      world_join(op);
      break;
    case 3:
      if (world_doomed(op) != 0) destroy_subproc(world_doomed(op));
      break;
    case 4:
    case 5:
      world_give_memory(op);
      break;
    case 6:
      world_reserve(op);
      break;
    case 7:
      fuzz_change_option(op);
      break;
    case 8:
      world_choose(world_heap(op.b));
      break;
    default:
      count_blocks(op.b % WORLD_HEAPS);
  }
}

static void step(fuzz_op_t op) {
  if (op.slot >= 240) {
    if (op.slot == 244) world_leave();
    if (op.slot != 244) fuzz_clock_forward(op.value % 2000);
  } else if (op.slot >= 192) {
    world_step(op);
  } else if (op.code >= 200) {
    heap_step(op);
  } else {
    block_step(op);
  }
}

// ---- Threads ------------------------------------------------------------------------------------

// Blocks of other threads are given back to their pages, which stay where they are.
static void release_some(fuzz_op_t op) {
  for (unsigned i = 0; i < op.b % 16; i++) {
    shadow_block_t* const b = shadow_at(&shadow, op.code + i);
    if (b->p != NULL) release(b);
  }
}

static void* step_in_thread(void* arg) {
  fuzz_op_t op = *(const fuzz_op_t*)arg;
  world.thread = (world_thread_t){0, 0};
  if (op.a % 4 == 0) world_join((fuzz_op_t){.a = op.a / 4});
  op.slot = (uint8_t)(op.value >> 20);
  if (op.a % 4 == 1) release_some(op);
  if (op.a % 4 != 1) step(op);
  FUZZ_CHECK(ri_audit());
  return NULL;
}

static void in_thread(fuzz_op_t op) {
  world.waits = world.thread;
  check_in_thread(step_in_thread, &op);
  world.thread = world.waits;
  world.waits = (world_thread_t){0, 0};
}

static void end_everything(void) {
  if (world.thread.subproc != 0) world_leave();
  (void)ri_theap_set_default(NULL);
  world.thread.chosen = 0;
  for (unsigned h = WORLD_SUBPROCS; h < WORLD_HEAPS; h++) {
    if (h % 2 == 0) {
      delete_heap(h);
    } else {
      destroy_heap(h);
    }
  }
  for (unsigned s = 1; s < WORLD_SUBPROCS; s++) {
    if (world.subprocs[s]._ri_subproc_id != NULL) destroy_subproc(s);
  }
  shadow_clear(&shadow);
}

void fuzz_run(fuzz_input_t in) {
  world_begin();
  fuzz_op_t op;
  for (unsigned n = 1; fuzz_next(&in, &op); n++) {
    if (op.slot >= 250) {
      in_thread(op);
    } else {
      step(op);
    }
    if (n % 32 == 0) FUZZ_CHECK(ri_audit());
  }
  end_everything();
}
