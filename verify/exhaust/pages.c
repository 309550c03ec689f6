// SPDX-License-Identifier: MIT
// pages.c: pages of every class in real memory, against divisions and plain arrays:
//   every class, every offset of its pages: the stored inverse gives what a division does
//   every class, every byte from which a pointer may come: its block, or none
//   every class, every capacity: extending gives every block once, in order, inside of the slices
//   every class, every number of blocks freed by others: collecting counts and keeps each of them
//   every class of at most 12 blocks, every set of live ones: the OS pages that hold none of them go
//   back, no others, and all other blocks come back, each once, in every further step
#include "page/page.h"

#include "decide.h"
#include "page/holes.h"
#include "page/remote.h"

enum { BYTES = RIX_MEDIUM_SLICES * RIX_SLICE_SIZE, BLOCKS_MAX = RIX_SLICE_SIZE / 8 };

static __attribute__((aligned(RIX_SLICE_SIZE))) uint8_t memory[BYTES];
static size_t decided;

static bool first;  // pages as a thread gets when it has none of the class

static size_t slices_of(unsigned c) {
  const size_t size = rix_class_block_size(c);
  if (size <= RIX_SMALL_BLOCK_MAX) return 1;
  if (!first) return RIX_MEDIUM_SLICES;
  return size <= RIX_SLICE_SIZE / 2 ? 1 : 2;
}

// As create.c describes a fresh page.
static ri_page_t fresh(unsigned c) {
  ri_page_t page;
  __builtin_memset(&page, 0, sizeof(page));
  const size_t size = rix_class_block_size(c);
  ri_store_relaxed(&page.xblock_size, size);
  page.start = memory;
  page.inverse = rix_class_inverse(size);
  page.slice_count = (uint32_t)slices_of(c);
  page.reserved = (uint16_t)(slices_of(c) * RIX_SLICE_SIZE / size);
  page.class_index = (uint8_t)c;
  page.kind = size <= RIX_SMALL_BLOCK_MAX ? RIX_PAGE_SMALL : RIX_PAGE_MEDIUM;
  return page;
}

static void inverses(unsigned c) {
  const size_t size = rix_class_block_size(c);
  const uint64_t inverse = rix_class_inverse(size);
  for (size_t offset = 0; offset < BYTES; offset++, decided++) {
    HOLDS(rix_class_index_of(offset, inverse) == offset / size, "offset %zu of class %u", offset,
          c);
  }
}

static void blocks_of_bytes(unsigned c) {
  ri_page_t page = fresh(c);
  page.capacity = (uint16_t)(page.reserved / 2 + 1);
  const size_t size = rix_class_block_size(c), bytes = slices_of(c) * RIX_SLICE_SIZE;
  for (size_t offset = 0; offset < bytes; offset++, decided++) {
    const size_t index = offset / size;
    const void* const block = index < page.reserved ? memory + index * size : NULL;
    HOLDS(rix_page_block_of(&page, memory + offset) == block, "offset %zu of class %u", offset, c);
    const bool is_block = offset % size == 0 && index < page.capacity;
    HOLDS((ri_page_is_block(&page, memory + offset) != 0) == is_block, "offset %zu of class %u",
          offset, c);
  }
  HOLDS((size_t)page.reserved * size <= bytes, "class %u", c);
  HOLDS(((size_t)page.reserved + 1) * size > bytes, "class %u leaves room for a block", c);
}

// The free list is blocks [first, capacity) in the order of addresses, as `extend` makes it when
// the list was empty, and so on backwards for what was there before.
static void extending(unsigned c) {
  ri_page_t page = fresh(c);
  const size_t size = rix_class_block_size(c);
  while (rix_page_can_extend(&page)) {
    const size_t before = page.capacity;
    page.free = NULL;
    ri_store_relaxed(&page.used, (uint32_t)before);  // all handed out
    rix_page_extend(&page);
    HOLDS(page.capacity > before && page.capacity <= page.reserved, "class %u from %zu to %u", c,
          before, page.capacity);
    size_t at = before;
    for (const ri_block_t* b = page.free; b != NULL; b = rix_link_get(b), at++) {
      HOLDS((const uint8_t*)b == memory + at * size, "class %u block %zu", c, at);
      HOLDS(at < page.capacity, "class %u: more than %u blocks", c, page.capacity);
    }
    HOLDS(at == page.capacity, "class %u: %zu of %u blocks", c, at, page.capacity);
    HOLDS(rix_page_valid(&page), "class %u capacity %u", c, page.capacity);
    decided++;
  }
}

// An extension keeps what was in the list.
static void extending_keeps(unsigned c) {
  ri_page_t page = fresh(c);
  rix_page_extend(&page);
  while (rix_page_can_extend(&page)) {
    const size_t before = page.capacity;
    ri_block_t* const head = page.free;
    rix_page_extend(&page);
    const ri_block_t* b = page.free;
    for (size_t i = before; i < page.capacity; i++)
      b = rix_link_get(b);
    HOLDS(b == head, "class %u capacity %u", c, page.capacity);
    HOLDS(rix_page_valid(&page), "class %u capacity %u", c, page.capacity);
    decided++;
  }
}

// `owned` blocks in the own list and `freed` by others, of a page with all blocks cut.
static void collecting(unsigned c, size_t owned, size_t freed) {
  static uint8_t seen[BLOCKS_MAX];
  ri_page_t page = fresh(c);
  const size_t size = rix_class_block_size(c), all = page.reserved;
  page.capacity = page.reserved;
  ri_store_relaxed(&page.used, (uint32_t)all);
  for (size_t i = 0; i < owned; i++)
    rix_page_push(&page, (ri_block_t*)(void*)(memory + i * size));
  for (size_t i = owned; i < owned + freed; i++)
    HOLDS(rix_remote_push(&page, (ri_block_t*)(void*)(memory + i * size)) == RIX_REMOTE_PUSHED,
          "class %u block %zu", c, i);
  HOLDS(rix_page_valid(&page), "class %u, %zu and %zu", c, owned, freed);
  HOLDS(rix_page_collect(&page) == (owned + freed > 0), "class %u, %zu and %zu", c, owned, freed);
  HOLDS(rix_page_live(&page) == all - owned - freed, "class %u, %zu and %zu", c, owned, freed);
  HOLDS(rix_remote_count(&page) == 0 && rix_page_valid(&page), "class %u", c);
  __builtin_memset(seen, 0, all);
  size_t count = 0;
  for (const ri_block_t* b = page.free; b != NULL; b = rix_link_get(b), count++)
    seen[(size_t)((const uint8_t*)b - memory) / size]++;
  HOLDS(count == owned + freed, "class %u: %zu", c, count);
  for (size_t i = 0; i < all; i++)
    HOLDS(seen[i] == (i < owned + freed), "class %u block %zu", c, i);
  decided++;
}

static void collecting_all(unsigned c) {
  const size_t all = fresh(c).reserved, step = all <= 64 ? 1 : all / 17;
  for (size_t owned = 0; owned <= all; owned += step) {
    for (size_t freed = 0; owned + freed <= all; freed += step)
      collecting(c, owned, freed);
  }
}

enum { OS_PAGE = 4096, PUNCHED_MAX = 12 };

static rix_arena_t arena;
static rix_touched_t touched[RIX_MEDIUM_SLICES];

// Of a page whose blocks are all cut, those in the set are live. It is the only one of its arena.
static ri_page_t with_live(unsigned c, unsigned set) {
  ri_page_t page = fresh(c);
  const size_t size = rix_class_block_size(c);
  page.arena = &arena;
  arena.touched = touched;
  page.capacity = page.reserved;
  ri_store_relaxed(&page.used, page.reserved);
  for (size_t k = 0; k < slices_of(c) * RIX_SLICE_SIZE / OS_PAGE; k++)
    memory[k * OS_PAGE + 100] = 1;
  for (size_t i = 0; i < page.reserved; i++)
    if ((set >> i & 1) == 0) rix_page_push(&page, (ri_block_t*)(void*)(memory + i * size));
  return page;
}

static void punching(unsigned c, unsigned set) {
  ri_page_t page = with_live(c, set);
  arena.pages = &page;
  const size_t size = rix_class_block_size(c), bytes = slices_of(c) * RIX_SLICE_SIZE;
  rix_punch_t punch = {.all = true};
  rix_page_punch(&page, &punch);
  HOLDS(rix_page_valid(&page), "class %u set %x", c, set);
  HOLDS(punch.bytes == rix_holes_bytes(&page, rix_page_bytes(&page)), "class %u set %x", c, set);
  // A page that is all live, or has next to nothing free, is not looked at.
  const size_t room = ((size_t)page.reserved - rix_page_live(&page)) * size;
  for (size_t k = 0; k < bytes / OS_PAGE; k++, decided++) {
    bool live = false;
    for (size_t i = k * OS_PAGE / size; i < page.reserved && i * size < (k + 1) * OS_PAGE; i++)
      live = live || (set >> i & 1) != 0;
    const bool hole = (ri_load_relaxed(&page.xholes[k / 64]) >> k % 64 & 1) != 0;
    HOLDS(hole == (!live && room >= OS_PAGE), "class %u set %x OS page %zu", c, set, k);
    HOLDS((memory[k * OS_PAGE + 100] == 0) == hole || live, "class %u set %x", c, set);
  }
  while (page.free != NULL || rix_page_can_extend(&page)) {
    if (page.free == NULL) rix_page_extend(&page);
    HOLDS(page.free != NULL && rix_page_valid(&page), "class %u set %x", c, set);
    const size_t i = (size_t)((uint8_t*)rix_page_pop(&page) - memory) / size;
    HOLDS(i < page.reserved && (set >> i & 1) == 0, "class %u block %zu", c, i);
    set |= 1u << i;
  }
  HOLDS(set == (1u << page.reserved) - 1, "class %u set %x", c, set);
  HOLDS(page.capacity == page.reserved && page.out == 0, "class %u", c);
  for (size_t k = 0; k * OS_PAGE < page.reserved * size; k++)  // what is behind them stays away
    HOLDS((ri_load_relaxed(&page.xholes[k / 64]) >> k % 64 & 1) == 0, "class %u set %x", c, set);
}

static void punching_all(unsigned c) {
  const unsigned blocks = fresh(c).reserved;
  if (blocks > PUNCHED_MAX || rix_os_page_size() != OS_PAGE) return;
  for (unsigned set = 1; set < 1u << blocks; set++)
    punching(c, set);
}

int main(void) {
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    inverses(c);
    for (int i = 0; i < 2; i++) {
      first = i == 1;
      blocks_of_bytes(c);
      extending(c);
      extending_keeps(c);
      collecting_all(c);
      punching_all(c);
    }
  }
  printf("pages: %zu cases of %d classes\n", decided, (int)RIX_CLASS_COUNT);
  return 0;
}
