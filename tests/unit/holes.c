// SPDX-License-Identifier: MIT
// holes.c: OS pages inside of pages in use (page/holes.c). For every class and several patterns of
// live blocks: what is returned is what no live block has a byte in, live blocks keep their
// contents, a hole reads as zero, and all blocks come back, once each, until the page is full as
// before. Then what is passed by as time passes, what is refused, and lists that are damaged.
#include "page/holes.h"

#include "arena/arena.h"
#include "heap/heap.h"
#include "page/create.h"
#include "page/release.h"
#include "page/remote.h"
#include "../check.h"

enum { BLOCKS_MAX = 8192, OS_PAGES_MAX = 128 };
static ri_block_t* blocks[BLOCKS_MAX];
static bool lives[BLOCKS_MAX];

static size_t os_pages(const ri_page_t* page) { return rix_page_bytes(page) / check_os_page(); }

static bool is_hole(const ri_page_t* page, size_t k) {
  return (ri_load_relaxed(&page->xholes[k / 64]) >> k % 64 & 1) != 0;
}

// Takes every block of a fresh page and writes all over it.
static ri_page_t* full_page(unsigned c) {
  ri_page_t* const page = rix_page_create(c, RIX_PAGE_MORE, &rix_heap_default);
  CHECK(page != NULL);
  const size_t size = rix_page_block_size(page);
  for (size_t i = 0; i < page->reserved; i++) {
    if (page->free == NULL) rix_page_extend(page);
    ri_block_t* const b = rix_page_pop(page);
    const size_t at = (size_t)((uint8_t*)b - page->start) / size;
    blocks[at] = b;
    lives[at] = true;
    check_fill(b, size, at);
  }
  CHECK(!rix_page_can_extend(page) && page->free == NULL);
  return page;
}

static void give(ri_page_t* page, size_t i) {
  lives[i] = false;
  rix_page_push(page, blocks[i]);
}

static void live_blocks_keep(const ri_page_t* page) {
  const size_t size = rix_page_block_size(page);
  for (size_t i = 0; i < page->reserved; i++) {
    if (lives[i]) CHECK_FILLED(blocks[i], size, i);
  }
}

// Whether some live block has a byte in OS page k.
static bool is_needed(const ri_page_t* page, size_t k) {
  const size_t size = rix_page_block_size(page), unit = check_os_page();
  for (size_t i = 0; i < page->reserved; i++) {
    if (lives[i] && i * size < (k + 1) * unit && (i + 1) * size > k * unit) return true;
  }
  return false;
}

// All that goes back goes back, and is known to have.
static size_t punch(ri_page_t* page) {
  const size_t before = rix_holes_bytes(page, rix_page_bytes(page)), purged = rix_purged_bytes();
  const bool zero = (page->flags & RIX_PAGE_ZERO) != 0;  // what was not touched counts as a hole
  const size_t gauge = rix_gauge_now(RIX_GAUGE_HOLES);
  const size_t committed = rix_gauge_now(RIX_GAUGE_COMMITTED);
  rix_punch_t p = {.all = true};
  rix_page_punch(page, &p);
  CHECK(rix_page_valid(page));
  const size_t more = rix_holes_bytes(page, rix_page_bytes(page)) - before;
  CHECK(zero ? more >= p.bytes : more == p.bytes);
  CHECK(rix_purged_bytes() == purged + p.bytes);
  CHECK(rix_gauge_now(RIX_GAUGE_HOLES) == gauge + more);
  CHECK(rix_gauge_now(RIX_GAUGE_COMMITTED) == committed - more);
  return p.bytes;
}

static void holes_are_right(const ri_page_t* page) {
  for (size_t k = 0; k < os_pages(page); k++) {
    CHECK_MSG(is_hole(page, k) != is_needed(page, k), "blocks of %zu, OS page %zu",
              rix_page_block_size(page), k);
    if (is_hole(page, k)) CHECK_ZERO(page->start + k * check_os_page(), 0, check_os_page());
  }
}

// Allocates until the page is full again.
static void refill(ri_page_t* page) {
  const size_t size = rix_page_block_size(page);
  size_t count = rix_page_live(page);
  while (page->free != NULL || rix_page_can_extend(page)) {
    if (page->free == NULL) rix_page_extend(page);
    CHECK(page->free != NULL);
    if (count % 97 == 0) CHECK(rix_page_valid(page));
    ri_block_t* const b = rix_page_pop(page);
    const size_t at = (size_t)((uint8_t*)b - page->start) / size;
    CHECK_MSG(at < page->reserved && !lives[at] && blocks[at] == b, "blocks of %zu, %zu", size, at);
    lives[at] = true;
    check_fill(b, size, at);
    count++;
  }
  CHECK_MSG(count == page->reserved, "%zu of %u blocks of %zu", count, page->reserved, size);
  CHECK(page->out == 0 && page->capacity == page->reserved);
  // What is behind the last block stays away.
  for (size_t k = 0; k < rix_div_up(page->reserved * size, check_os_page()); k++)
    CHECK(!is_hole(page, k));
  live_blocks_keep(page);
}

static void release(ri_page_t* page) {
  ri_store_relaxed(&page->used, 0);
  page->free = NULL;
  const size_t holes = rix_holes_bytes(page, rix_page_bytes(page)),
               gauge = rix_gauge_now(RIX_GAUGE_HOLES);
  rix_page_release(page);
  CHECK(rix_gauge_now(RIX_GAUGE_HOLES) == gauge - holes);
}

// Keeps one block in `one_in`, at random, or the first of each `run` blocks only.
static void pattern(unsigned c, size_t one_in, size_t run, uint64_t seed) {
  ri_page_t* const page = full_page(c);
  size_t kept = 0;
  for (size_t i = 0; i < page->reserved; i++) {
    const bool keep = run > 0 ? i / run % one_in == 0 : check_below(&seed, one_in) == 0;
    if (!keep && (kept > 0 || i + 1 < page->reserved)) give(page, i);
    kept += lives[i];
  }
  (void)punch(page);
  holes_are_right(page);
  live_blocks_keep(page);
  CHECK(punch(page) == 0);  // there is no more
  // Some come and go, and a hole may be next to one that was there before.
  for (int round = 0; round < 3; round++) {
    for (size_t n = page->reserved / 3; n > 0 && (page->free != NULL || rix_page_can_extend(page));
         n--) {
      if (page->free == NULL) rix_page_extend(page);
      ri_block_t* const b = rix_page_pop(page);
      const size_t at = (size_t)((uint8_t*)b - page->start) / rix_page_block_size(page);
      CHECK(!lives[at]);
      lives[at] = true;
      check_fill(b, rix_page_block_size(page), at);
    }
    CHECK(rix_page_valid(page));
    for (size_t i = 0; i < page->reserved; i++)
      if (lives[i] && rix_page_live(page) > 1 && check_below(&seed, 4) != 0) give(page, i);
    CHECK(rix_page_valid(page));
    (void)punch(page);
    holes_are_right(page);
    live_blocks_keep(page);
  }
  refill(page);
  release(page);
}

static void patterns(void) {
  const unsigned step = (unsigned)check_stride(4);
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c += step) {
    for (size_t one_in = 2; one_in <= 200; one_in *= 10)
      pattern(c, one_in, 0, c + one_in);
    pattern(c, 2, rix_max(check_os_page() * 3 / rix_class_block_size(c), 1), 1);
    pattern(c, 3, 1, 1);
  }
}

// A page of 64 KiB with 1 block in so many live, of 1 KiB.
static ri_page_t* sparse_page(size_t one_in) {
  ri_page_t* const page = full_page(rix_class_of(1024));
  for (size_t i = 0; i < page->reserved; i++)
    if (i % one_in != 0) give(page, i);
  return page;
}

static size_t pass(ri_page_t* page) {
  rix_punch_t p = {.all = false};
  rix_page_punch(page, &p);
  CHECK(rix_page_valid(page));
  return p.bytes;
}

static void passes(void) {
  if (check_os_page() != 4096) return;
  ri_page_t* page = sparse_page(32);
  CHECK(pass(page) == 0);
  CHECK(pass(page) == 14 * 4096);  // the second time that it is so
  CHECK(pass(page) == 0 && pass(page) == 0);
  // What changes is looked at again, when it changes no more.
  give(page, 32);
  CHECK(pass(page) == 0);
  CHECK(pass(page) == 4096);
  CHECK(pass(page) == 0);
  // What was filled again is left alone.
  while (page->free != NULL)
    (void)rix_page_pop(page);
  while (rix_holes_bytes(page, rix_page_bytes(page)) == 15 * 4096)
    rix_page_extend(page);
  (void)rix_page_pop(page);
  for (int i = 0; i < 8; i++)
    CHECK_MSG(pass(page) == 0, "pass %d", i);
  CHECK(pass(page) == 4096);
  release(page);
  // A page so full that holes are not likely is not looked at.
  page = sparse_page(2);
  CHECK(pass(page) == 0 && pass(page) == 0);
  release(page);
}

static void what_is_not_punched(void) {
  if (check_os_page() != 4096) return;
  ri_page_t* const page = sparse_page(60);
  ri_option_set(ri_option_purge_decommits, 0);
  CHECK(punch(page) == 0);
  ri_option_set(ri_option_purge_decommits, 1);
  page->arena->pinned = true;
  CHECK(punch(page) == 0);
  page->arena->pinned = false;
  // Damaged lists are left to who finds them.
  ri_block_t* const next = rix_link_get(page->free);
  rix_punch_t p = {.all = true};
  rix_link_set(page->free, page->free);
  rix_page_punch(page, &p);
  rix_link_set(page->free, (ri_block_t*)(void*)((uint8_t*)page->free + 8));
  rix_page_punch(page, &p);
  rix_link_set(page->free, NULL);
  rix_page_punch(page, &p);
  rix_link_set(page->free, (ri_block_t*)(void*)(page->start + rix_page_bytes(page)));
  rix_page_punch(page, &p);
  CHECK(p.bytes == 0);
  rix_link_set(page->free, next);
  CHECK(punch(page) > 0);
  release(page);
}

// The checks see damage: each part of the state, broken by hand.
static void damage(void) {
  if (check_os_page() != 4096) return;
  ri_page_t* const page = sparse_page(32);
  CHECK(punch(page) == 14 * 4096);
  const uint64_t holes = ri_load_relaxed(&page->xholes[0]);
  CHECK(holes == 0xFEFE);
  page->out++;
  CHECK(!rix_page_valid(page));
  page->out--;
  ri_store_relaxed(&page->xholes[0], holes | 1);  // of a live block
  CHECK(!rix_page_valid(page));
  ri_store_relaxed(&page->xholes[0], holes & ~(uint64_t)2);
  CHECK(!rix_page_valid(page));
  ri_store_relaxed(&page->xholes[0], holes | 1 << 16);  // behind the page
  CHECK(!rix_page_valid(page));
  ri_store_relaxed(&page->xholes[0], holes);
  ri_block_t* const next = rix_link_get(page->free);
  ri_block_t* const gone = (ri_block_t*)(void*)(page->start + 4096);  // in a hole
  rix_link_set(gone, rix_link_get(next));
  rix_link_set(page->free, gone);
  CHECK(!rix_page_valid(page));
  rix_link_set(page->free, next);
  page->flags |= RIX_PAGE_ZERO;
  CHECK(!rix_page_valid(page));
  page->flags &= (uint8_t)~RIX_PAGE_ZERO;
  CHECK(rix_page_valid(page));
  release(page);
}

// Memory behind `capacity` that was never touched is not asked for.
static void untouched(void) {
  ri_page_t* const page = rix_page_create(20, RIX_PAGE_MORE, &rix_heap_default);
  rix_page_extend(page);
  (void)rix_page_pop(page);
  if ((page->flags & RIX_PAGE_ZERO) != 0) CHECK(punch(page) == 0);
  release(page);
}

int main(void) {
  check_watchdog(60);
  ri_option_set(ri_option_purge_delay, 3600000);
  untouched();
  patterns();
  passes();
  what_is_not_punched();
  damage();
  ri_collect(true);
  CHECK(ri_audit() && rix_gauge_now(RIX_GAUGE_HOLES) == 0);
  return 0;
}
