// SPDX-License-Identifier: MIT
// heap_ops.c: heaps that come and go, with blocks from several threads, quotas, questions about which
// heap a block belongs to; deleted heaps leave their blocks to the default one, destroyed heaps take
// them along. Against the shadow model, with a heap beside each block.
#include "shadow.h"

#include <rimalloc/heap.h>

enum { HEAPS = 6 };

static ri_heap_t* heaps[HEAPS];  // NULL: none; [0] is the main heap
static bool limited[HEAPS];      // it has a quota: allocations may be refused
static shadow_t shadow;
static unsigned home[SHADOW_SLOTS];  // the heap of each block

static unsigned index_of(const shadow_block_t* b) { return (unsigned)(b - shadow.blocks); }

static unsigned any_heap(unsigned choice) {
  choice %= HEAPS;
  return heaps[choice] != NULL ? choice : 0;
}

// ---- Blocks -------------------------------------------------------------------------------------

static void check_home(const shadow_block_t* b) {
  ri_heap_t* const heap = heaps[home[index_of(b)]];
  FUZZ_CHECK(ri_heap_of(b->p) == heap);
  FUZZ_CHECK(ri_heap_contains(heap, b->p) && ri_any_heap_contains(b->p));
  for (unsigned h = 0; h < HEAPS; h++) {
    if (heaps[h] != NULL && heaps[h] != heap) FUZZ_CHECK(!ri_heap_contains(heaps[h], b->p));
  }
}

static void* allocate_from(ri_heap_t* heap, fuzz_op_t op, shadow_wish_t* w) {
  w->align = 1;
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

static void allocate(shadow_block_t* b, fuzz_op_t op) {
  const unsigned h = any_heap(op.b / 32);
  shadow_wish_t wish = {fuzz_size(op.a, op.value), 1, 0, false};
  if (!shadow_has_room(&shadow, wish.size)) return;
  shadow.may_fail = limited[h];
  errno = SHADOW_ERRNO;
  void* const p = allocate_from(heaps[h], op, &wish);
  shadow_allocated(&shadow, b, p, wish);
  if (p == NULL) return;
  home[index_of(b)] = h;
  check_home(b);
}

// A resize may take another heap, when the block moves. (Where it stays, it stays in its heap.)
static void resize(shadow_block_t* b, fuzz_op_t op) {
  const unsigned h = any_heap(op.b / 32);
  shadow_wish_t wish = {fuzz_size(op.a, op.value), 1, 0, op.code % 2 == 0};
  if (!shadow_has_room(&shadow, wish.size)) return;
  if (b->size > FUZZ_SURE_MAX && wish.size <= PTRDIFF_MAX) return;  // a long copy
  const size_t old_usable = ri_usable_size(b->p);
  void* const old = b->p;
  shadow.may_fail = true;
  errno = SHADOW_ERRNO;
  void* const q = wish.zero ? ri_heap_rezalloc(heaps[h], old, wish.size)
                            : ri_heap_realloc(heaps[h], old, wish.size);
  shadow_resized(&shadow, b, q, old_usable, wish);
  if (q != NULL && ri_heap_of(q) == heaps[h]) home[index_of(b)] = h;
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

// ---- Heaps --------------------------------------------------------------------------------------

static void new_heap(unsigned h) {
  if (heaps[h] != NULL) return;
  heaps[h] = ri_heap_new();
  FUZZ_CHECK(heaps[h] != NULL);
  limited[h] = false;
}

static void delete_heap(unsigned h) {
  if (h == 0 || heaps[h] == NULL) return;
  ri_heap_delete(heaps[h]);
  heaps[h] = NULL;
  for (unsigned i = 0; i < SHADOW_SLOTS; i++) {
    shadow_block_t* const b = &shadow.blocks[i];
    if (b->p == NULL || home[i] != h) continue;
    home[i] = 0;
    shadow_check(b);
    check_home(b);
  }
}

static void destroy_heap(unsigned h) {
  if (h == 0 || heaps[h] == NULL) return;
  for (unsigned i = 0; i < SHADOW_SLOTS; i++) {
    shadow_block_t* const b = &shadow.blocks[i];
    if (b->p == NULL || home[i] != h) continue;
    shadow_check(b);
    shadow_freed(&shadow, b);
  }
  ri_heap_destroy(heaps[h]);
  heaps[h] = NULL;
}

static void set_quota(unsigned h, fuzz_op_t op) {
  if (h == 0 || heaps[h] == NULL) return;
  const size_t bytes = op.value % 3 == 0 ? 0 : (size_t)(op.value % 4096) << 12;
  limited[h] = true;
  if (ri_heap_set_quota(heaps[h], bytes)) FUZZ_CHECK(ri_heap_quota(heaps[h]) >= bytes);
}

static void heap_step(fuzz_op_t op) {
  const unsigned h = op.b % HEAPS;
  switch (op.code % 8) {
    case 0:
      delete_heap(h);
      break;
    case 1:
      destroy_heap(h);
      break;
    case 2:
      set_quota(h, op);
      break;
    case 3:
      if (heaps[h] != NULL) ri_heap_collect(heaps[h], op.a % 4 == 0);
      break;
    default:
      new_heap(h);
  }
}

static void step(fuzz_op_t op) {
  shadow_block_t* const b = shadow_at(&shadow, op.slot);
  if (op.code >= 200) {
    heap_step(op);
  } else if (b->p == NULL) {
    allocate(b, op);
  } else if (op.code < 80) {
    resize(b, op);
  } else {
    release(b);
  }
}

// ---- Threads ------------------------------------------------------------------------------------

static void* step_in_thread(void* arg) {
  step(*(const fuzz_op_t*)arg);
  FUZZ_CHECK(ri_audit());
  return NULL;
}

void fuzz_run(fuzz_input_t in) {
  heaps[0] = ri_heap_main();
  fuzz_op_t op;
  for (unsigned n = 1; fuzz_next(&in, &op); n++) {
    if (op.slot >= 250) {
      check_in_thread(step_in_thread, &op);
    } else if (op.slot >= 245) {
      fuzz_clock_forward(op.value % 2000);
    } else if (op.slot == 244) {
      ri_thread_done();
    } else {
      step(op);
    }
    if (n % 32 == 0) FUZZ_CHECK(ri_audit());
  }
  for (unsigned h = 1; h < HEAPS; h++) {
    if (h % 2 == 0) {
      delete_heap(h);
    } else {
      destroy_heap(h);
    }
  }
  shadow_clear(&shadow);
}
