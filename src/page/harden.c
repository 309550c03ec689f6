// SPDX-License-Identifier: MIT
// harden.c: see harden.h.
//
// Random choices are made by a hash of a secret and of what changes from one to the next. A canary
// is a hash of another secret and of its place, so that one that leaked is worth nothing elsewhere;
// its first byte is zero, so that a text that is not terminated does not lead to it, and the most
// usual overflow, of one zero byte, does no harm.
#include "page/harden.h"

#include "base/annotate.h"
#include "page/live.h"

enum {
  HARDEN_CUT = 4,  // times as many blocks as usual are cut at a time, to have a choice
  HARDEN_BLOCKS_MAX = HARDEN_CUT * RIX_EXTEND_BYTES / 16,
  HARDEN_WAITING = 64,
  HARDEN_FRESH = 0xD0,
  HARDEN_FREED = 0xDF,
  HARDEN_PADDING = 0xDE,
};

rix_harden_secrets_t rix_harden_secrets;

static ri_atomic(uint64_t) harden_xdraws;  // random numbers so far, and where they begin

// ---- Features -----------------------------------------------------------------------------------

static const uint32_t harden_levels[] = {
    0,
    RIX_HARD_CHECK,
    RIX_HARD_CHECK | RIX_HARD_RANDOM | RIX_HARD_ZERO | RIX_HARD_CANARY | RIX_HARD_DELAY |
        RIX_HARD_LARGE,
    RIX_HARD_CHECK | RIX_HARD_RANDOM | RIX_HARD_ZERO | RIX_HARD_CANARY | RIX_HARD_DELAY |
        RIX_HARD_LARGE | RIX_HARD_VERIFY | RIX_HARD_NEIGHBOURS,
};

// What an option adds to a level or takes away; -1: nothing.
static uint32_t harden_apply(uint32_t features, ri_option_t option, uint32_t feature) {
  const long value = rix_option(option);
  return value < 0 ? features : value > 0 ? features | feature : features & ~feature;
}

uint32_t rix_harden_features(long level) {
  if (RIX_ANNOTATE != 0) return 0;  // a tool sees more
  uint32_t f = harden_levels[level < 0 ? 0 : level > 3 ? 3 : level];
  f = harden_apply(f, ri_option_harden_random, RIX_HARD_RANDOM);
  f = harden_apply(f, ri_option_harden_zero, RIX_HARD_ZERO);
  f = harden_apply(f, ri_option_harden_canary, RIX_HARD_CANARY);
  f = harden_apply(f, ri_option_harden_delay, RIX_HARD_DELAY);
  f = harden_apply(f, ri_option_harden_verify, RIX_HARD_VERIFY);
  f = harden_apply(f, ri_option_harden_neighbours, RIX_HARD_NEIGHBOURS);
  f = harden_apply(f, ri_option_harden_large, RIX_HARD_LARGE);
  // Each of these needs another.
  if ((f & RIX_HARD_ZERO) == 0) f &= ~(uint32_t)RIX_HARD_VERIFY;
  if ((f & RIX_HARD_CANARY) == 0) f &= ~(uint32_t)RIX_HARD_NEIGHBOURS;
  if (rix_option_os_forbidden()) f &= ~(uint32_t)RIX_HARD_LARGE;
  if (f == 0) return 0;
  ri_store_relaxed(&rix_option_hardens, 1);
  return f | RIX_HARD_CHECK;
}

static uint64_t harden_mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
  x = (x ^ x >> 27) * 0x94D049BB133111EBu;
  return x ^ x >> 31;
}

static void harden_draw_secrets(void) {
  if (ri_load_relaxed(&rix_harden_secrets.xfactor) != 0) return;
  uint64_t none = 0;
  // Of two threads the first decides: canaries must not change.
  if (ri_cas_strong_relaxed(&rix_harden_secrets.xsecret, &none, rix_os_random() | 1))
    rix_harden_reseed();
  ri_store_relaxed(&rix_harden_secrets.xfactor,
                   harden_mix(ri_load_relaxed(&rix_harden_secrets.xsecret)) | 1);
}

rix_flag_t rix_harden_begun;

void rix_harden_begin_once(rix_heap_t* heap) {
  if (ri_exchange_relaxed(&rix_harden_begun, 1)) return;
  ri_store_relaxed(&heap->xhard, rix_harden_features(rix_option(ri_option_harden)));
}

// The list of a page has no order where blocks are cut in none, and so many of their size wait that
// they come back in none. Otherwise the last one freed would be the next handed out.
static bool harden_picks(const ri_page_t* page, uint32_t features) {
  if ((features & RIX_HARD_RANDOM) == 0) return false;
  const bool main = !ri_load_relaxed(&page->xheap)->listed;  // blocks of others do not wait
  const bool waits = main && (features & RIX_HARD_DELAY) != 0;
  return !waits || rix_page_block_size(page) * HARDEN_WAITING > rix_harden_delayed_bytes();
}

void rix_harden_enter(const ri_page_t* page, uint32_t features) {
  if (features != 0) harden_draw_secrets();
  if (harden_picks(page, features)) features |= RIX_HARD_PICK;
  const size_t first = (size_t)(page - page->arena->pages);
  for (size_t i = 0; i < page->slice_count; i++)
    ri_store_relaxed(rix_arena_hard(page->arena, first + i), (uint16_t)features);
}

// ---- Chance -------------------------------------------------------------------------------------

void rix_harden_reseed(void) { ri_fetch_add_relaxed(&harden_xdraws, rix_os_random()); }

static uint64_t harden_random(void) {
  return harden_mix(ri_fetch_add_relaxed(&harden_xdraws, 0x9E3779B97F4A7C15u));
}

static ri_block_t* harden_block(const ri_page_t* page, size_t index) {
  return (ri_block_t*)(void*)(page->start + index * rix_page_block_size(page));
}

size_t rix_harden_cut_count(const ri_page_t* page, size_t usual) {
  if ((rix_harden_of(page) & RIX_HARD_RANDOM) == 0) return usual;
  return rix_max(HARDEN_CUT * (size_t)RIX_EXTEND_BYTES / rix_page_block_size(page), usual);
}

// Makes the next n blocks a list in no order.
static void harden_cut_random(ri_page_t* page, size_t n) {
  uint16_t order[HARDEN_BLOCKS_MAX];
  for (size_t i = 0; i < n; i++)
    order[i] = (uint16_t)i;
  for (size_t i = n; i > 1; i--) {
    const size_t j = (size_t)(harden_random() % i);
    const uint16_t last = order[i - 1];
    order[i - 1] = order[j];
    order[j] = last;
  }
  for (size_t i = 0; i < n; i++) {
    ri_block_t* const block = harden_block(page, page->capacity + (size_t)order[i]);
    rix_link_set(block, page->free);
    page->free = block;
  }
  page->capacity = (uint16_t)(page->capacity + n);
}

bool rix_harden_cut(ri_page_t* page, size_t n) {
  const uint32_t features = rix_harden_of(page);
  if ((features & RIX_HARD_ZERO) != 0 && (page->flags & RIX_PAGE_ZERO) == 0) {
    __builtin_memset(harden_block(page, page->capacity), 0, n * rix_page_block_size(page));
  }
  if ((features & RIX_HARD_RANDOM) == 0 || n < 2 || n > HARDEN_BLOCKS_MAX) return false;
  harden_cut_random(page, n);
  return true;
}

// Whether a link of a free list leads to what it should.
static bool harden_is_free(const ri_page_t* page, const ri_block_t* block) {
  return rix_page_has_cut(page, block) && rix_live_is_clear(rix_live_bit(page, block));
}

void rix_harden_pick(ri_page_t* page, size_t links) {
  ri_block_t* before = NULL;
  ri_block_t* block = page->free;
  if (links == 0 || !harden_is_free(page, block)) return;
  for (; links > 0; links--) {
    ri_block_t* const next = rix_link_get(block);
    if (next == NULL || !harden_is_free(page, next)) break;
    before = block;
    block = next;
  }
  if (before == NULL || block == page->free) return;
  rix_link_set(before, rix_link_get(block));
  rix_link_set(block, page->free);
  page->free = block;
}

// ---- Canaries -----------------------------------------------------------------------------------

// Zero, too, is no damage.
static bool harden_is_intact_or_gone(const ri_page_t* page, const ri_block_t* block) {
  return ri_load_relaxed(rix_canary_of(page, block)) == 0 || rix_canary_is_intact(page, block);
}

// A neighbour. It may have been freed by another thread a moment ago, and may even be part of a
// hole.
static bool harden_is_damaged(const ri_page_t* page, const ri_block_t* block) {
  if (!rix_live_has(page, block)) return false;
  return !harden_is_intact_or_gone(page, block);
}

ri_block_t* rix_harden_look_any(const ri_page_t* page, ri_block_t* block, uint32_t features,
                                bool own) {
  if (!rix_canary_is_intact(page, block)) {
    rix_canary_put(page, block);  // whoever gets the block next must not report it again
    return block;
  }
  if (!own || (features & RIX_HARD_NEIGHBOURS) == 0) return NULL;
  const size_t size = rix_page_block_size(page);
  const size_t offset = (size_t)((const uint8_t*)block - page->start);
  for (int side = 0; side < 2; side++) {
    const size_t at = side == 0 ? offset - size : offset + size;  // modular
    if (at >= page->capacity * size) continue;
    ri_block_t* const beside = (ri_block_t*)(void*)(page->start + at);
    if (!harden_is_damaged(page, beside)) continue;
    rix_canary_put(page, beside);
    return beside;
  }
  return NULL;
}

// ---- Contents -----------------------------------------------------------------------------------

// The bytes that fill memory: those of M_PERTURB if that is set.
typedef struct harden_bytes_s {
  int fresh, freed, padding;
} harden_bytes_t;

static harden_bytes_t harden_bytes(void) {
  const int perturb = (int)rix_option(ri_option_perturb);
  const bool marks = rix_option(ri_option_fill) != 0;
  if (perturb == 0) return (harden_bytes_t){HARDEN_FRESH, HARDEN_FREED, HARDEN_PADDING};
  const int fresh = perturb ^ 0xFF;
  return (harden_bytes_t){fresh, perturb, marks ? HARDEN_PADDING : fresh};
}

void rix_harden_fill_fresh(void* block, size_t size, size_t room) {
  const harden_bytes_t bytes = harden_bytes();
  size = rix_min(size, room);
  __builtin_memset(block, bytes.fresh, size);
  __builtin_memset((uint8_t*)block + size, bytes.padding, room - size);
}

// Whether a block is as it was left when it was freed, but for its link.
static bool harden_is_zero(const ri_page_t* page, const ri_block_t* block, size_t room) {
  const uint64_t* const words = (const uint64_t*)(const void*)block;
  uint64_t seen = 0;
  for (size_t i = 1; i < room / sizeof(uint64_t); i++)
    seen |= words[i];
  const bool has_canary = room < rix_page_block_size(page);
  return seen == 0 && (!has_canary || harden_is_intact_or_gone(page, block));
}

bool rix_harden_dress_any(const ri_page_t* page, ri_block_t* block, uint32_t features, size_t size,
                          bool zero) {
  const size_t room = rix_page_block_size(page) - rix_harden_tail_of(features);
  const bool verify = (features & RIX_HARD_VERIFY) != 0;
  const bool intact = !verify || harden_is_zero(page, block, room);
  if (!intact || (zero && !verify)) __builtin_memset(block, 0, room);
  if (!zero && (features & RIX_HARD_FILL) != 0) rix_harden_fill_fresh(block, size, room);
  if (room < rix_page_block_size(page)) rix_canary_put(page, block);
  return intact;
}

void rix_harden_fill_freed(const ri_page_t* page, ri_block_t* block, uint32_t features) {
  const size_t room = rix_page_block_size(page) - rix_harden_tail_of(features);
  __builtin_memset(block, harden_bytes().freed, room);
}
