// SPDX-License-Identifier: MIT
// shadow.c: see shadow.h.
#include "shadow.h"

#include <sys/mman.h>

shadow_block_t* shadow_at(shadow_t* s, unsigned slot) { return &s->blocks[slot % SHADOW_SLOTS]; }

bool shadow_has_room(const shadow_t* s, size_t size) {
  if (size > FUZZ_SURE_MAX) return true;  // touched at a few places only
  return s->live_bytes + size <= SHADOW_LIVE_MAX;
}

// ---- Contents -----------------------------------------------------------------------------------
//
// The pattern fills [0, 2 KiB) and beyond that 64 bytes at some places, the same for every size, so
// that what a resize keeps can be checked; and the last 64 bytes before `written`.

enum { PLACE = 64, WHOLE = 2048, POISONED_MAX = 50000 };

// The place after `at`, four in each doubling.
static size_t next_place(size_t at) {
  const size_t step = ((size_t)1 << (63 - __builtin_clzll(at))) / 4;
  return at + step;
}

static size_t tail_of(size_t written) {
  return written < PLACE ? 0 : (written - PLACE) & ~(size_t)7;
}

// Words that follow from the key and their place; `from` is a multiple of 8.
static void fill(uint8_t* p, size_t from, size_t to, uint64_t key) {
  for (; from < to; from += 8) {
    const uint64_t word = check_word(key, from);
    memcpy(p + from, &word, to - from < 8 ? to - from : 8);
  }
}

static void check_filled(const uint8_t* p, size_t from, size_t to, uint64_t key) {
  uint64_t differences = 0;
  for (; from + 8 <= to; from += 8) {
    uint64_t word;
    memcpy(&word, p + from, 8);
    differences |= word ^ check_word(key, from);
  }
  const uint64_t last = check_word(key, from);
  for (size_t i = 0; from + i < to; i++)
    differences |= (uint64_t)(p[from + i] ^ ((const uint8_t*)&last)[i]);
  FUZZ_CHECK(differences == 0);
}

void shadow_write(shadow_block_t* b, size_t count) {
  b->written = count < b->size ? count : b->size;
  b->tail = tail_of(b->written);
  if (b->dirty < b->written) b->dirty = b->written;
  fill(b->p, 0, b->written < WHOLE ? b->written : WHOLE, b->key);
  for (size_t at = WHOLE; at + PLACE <= b->written; at = next_place(at))
    fill(b->p, at, at + PLACE, b->key);
  fill(b->p, b->tail, b->written, b->key);
}

static void check_pattern(const shadow_block_t* b) {
  const size_t whole = b->written < WHOLE ? b->written : WHOLE;
  check_filled(b->p, 0, whole, b->key);
  for (size_t at = WHOLE; at + PLACE <= b->written; at = next_place(at))
    check_filled(b->p, at, at + PLACE, b->key);
  if (b->tail < b->written) {
    const size_t end = b->tail + PLACE < b->written ? b->tail + PLACE : b->written;
    check_filled(b->p, b->tail, end, b->key);
  }
}

static void check_zero_range(const uint8_t* p, size_t from, size_t to) {
  if (to <= from) return;
  if (to - from <= WHOLE) {
    FUZZ_CHECK(check_nonzero(p, from, to) == SIZE_MAX);
    return;
  }
  const size_t step = ((to - from) / 15 + 4096) & ~(size_t)7;
  for (size_t at = from; at + PLACE < to; at += step)
    FUZZ_CHECK(check_nonzero(p, at, at + PLACE) == SIZE_MAX);
  FUZZ_CHECK(check_nonzero(p, to - PLACE, to) == SIZE_MAX);
}

// ---- Poison -------------------------------------------------------------------------------------

int __asan_address_is_poisoned(void const volatile* at) __attribute__((weak));

// errno stays what the allocator left in it.
static bool is_mapped(const uint8_t* p) {
  const int saved = errno;
  unsigned char resident;
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  uint8_t* const start = (uint8_t*)(uintptr_t)p - (uintptr_t)p % page;
  const bool mapped = mincore(start, page, &resident) == 0;
  errno = saved;
  return mapped;
}

// A block is followed by bytes that nobody may touch, and may not be touched itself once it is
// freed. A block alone in its page may be returned to the OS, and, if it is large, its addresses
// reused.
static void check_poisoned(const shadow_block_t* b, const uint8_t* p) {
  if (FUZZ_POISONED == 0 || b->size + b->align + b->offset > POISONED_MAX) return;
  FUZZ_CHECK(__asan_address_is_poisoned(p) != 0 || !is_mapped(p));
}

void shadow_check(const shadow_block_t* b) {
  check_pattern(b);
  check_zero_range(b->p, b->dirty, b->zero);
  FUZZ_CHECK(ri_usable_size(b->p) >= b->size);
  FUZZ_CHECK((((uintptr_t)b->p + b->offset) & (b->align - 1)) == 0);
  FUZZ_CHECK(ri_is_in_heap_region(b->p));
  check_poisoned(b, b->p + ri_usable_size(b->p));
}

// ---- Blocks -------------------------------------------------------------------------------------

static void check_no_overlap(const shadow_t* s, const shadow_block_t* b) {
  const uintptr_t start = (uintptr_t)b->p, end = start + (b->size > 0 ? b->size : 1);
  for (size_t i = 0; i < SHADOW_SLOTS; i++) {
    const shadow_block_t* const o = &s->blocks[i];
    if (o == b || o->p == NULL) continue;
    const uintptr_t other = (uintptr_t)o->p, other_end = other + (o->size > 0 ? o->size : 1);
    FUZZ_CHECK(end <= other || other_end <= start);
  }
}

static bool is_pow2(size_t x) { return x != 0 && (x & (x - 1)) == 0; }

// A refusal is allowed for what the OS may refuse, and must say why.
static void check_refusal(const shadow_t* s, shadow_wish_t wish) {
  if (!is_pow2(wish.align)) {
    FUZZ_CHECK(errno == EINVAL || (wish.size > PTRDIFF_MAX && errno == ENOMEM));
    return;
  }
  FUZZ_CHECK(s->may_fail || wish.size > FUZZ_SURE_MAX || wish.align > FUZZ_SURE_MAX);
  FUZZ_CHECK(errno == ENOMEM);
}

static size_t counted(const shadow_block_t* b) { return b->size > FUZZ_SURE_MAX ? 0 : b->size; }

static void enter(shadow_t* s, shadow_block_t* b, void* p, shadow_wish_t wish) {
  FUZZ_CHECK(errno == SHADOW_ERRNO);
  FUZZ_CHECK(wish.size <= PTRDIFF_MAX && is_pow2(wish.align));
  // A block that was asked for at an odd offset may stay where it is.
  const bool stays = p == b->p;
  b->p = p;
  b->size = wish.size;
  b->align = wish.align;
  b->offset = wish.offset;
  s->live_bytes += counted(b);
  const size_t natural = wish.size > 8 ? 16 : 8;
  if (wish.offset == 0 && !stays) FUZZ_CHECK(((uintptr_t)p & (natural - 1)) == 0);
  check_no_overlap(s, b);
}

void shadow_allocated(shadow_t* s, shadow_block_t* b, void* p, shadow_wish_t wish) {
  if (p == NULL) {
    check_refusal(s, wish);
    return;
  }
  enter(s, b, p, wish);
  b->key = ++s->keys;
  b->written = b->tail = b->dirty = 0;
  b->zero = wish.zero ? ri_usable_size(p) : 0;
  shadow_check(b);
  shadow_write(b, b->size - (b->key % 4 == 0 ? b->size / 3 : 0));
}

void shadow_resized(shadow_t* s, shadow_block_t* b, void* q, size_t old_usable,
                    shadow_wish_t wish) {
  if (q == NULL) {
    check_refusal(s, wish);
    shadow_check(b);
    return;
  }
  s->live_bytes -= counted(b);
  const size_t old_size = b->size;
  if (q != b->p) check_poisoned(b, b->p);
  const bool all_zero = b->zero >= old_usable;
  enter(s, b, q, wish);
  const size_t kept = old_size < wish.size ? old_size : wish.size;
  const size_t usable = ri_usable_size(q);
  if (b->written > kept) b->written = kept;
  if (b->dirty > usable) b->dirty = usable;
  if (wish.zero) {
    check_zero_range(q, old_usable, wish.size);
    if (all_zero) b->zero = usable;
  }
  if (!(wish.zero && all_zero) && b->zero > kept) b->zero = kept;
  shadow_check(b);
  if (wish.size % 2 == 0) shadow_write(b, wish.size);
}

void shadow_freed(shadow_t* s, shadow_block_t* b) {
  check_poisoned(b, b->p);
  shadow_forget(s, b);
}

void shadow_forget(shadow_t* s, shadow_block_t* b) {
  s->live_bytes -= counted(b);
  b->p = NULL;
}

void shadow_clear(shadow_t* s) {
  for (size_t i = 0; i < SHADOW_SLOTS; i++) {
    shadow_block_t* const b = &s->blocks[i];
    if (b->p == NULL) continue;
    shadow_check(b);
    ri_free(b->p);
    shadow_freed(s, b);
  }
}
