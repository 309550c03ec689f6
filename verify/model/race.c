// SPDX-License-Identifier: MIT
// race.c: two accesses to one byte, one of them a write, one of them plain, neither of which
// happens before the other. Exact to the byte. Each thread's last access of a kind to a byte is
// enough: if that one happens before another access, so do all before it.
//
// Memory is looked at in words of 8 bytes, each with a chain of records; large accesses are kept in
// a list of their own.
#include <string.h>

#include "explorer.h"

enum { CELLS = 1 << 14, RECORDS = 1 << 16, LARGE = 256, LARGE_MAX = 128 };

typedef struct record_s {
  const void* pc;
  uint32_t next;   // in the chain; 0: the last
  uint16_t stamp;  // the thread had done so many events
  uint8_t thread, access, mask;
} record_t;

typedef struct cell_s {
  uintptr_t word;
  uint32_t generation, first;
} cell_t;

typedef struct large_s {
  uintptr_t start;
  size_t size;
  record_t record;
} large_t;

static struct {
  cell_t cell[CELLS];
  record_t record[RECORDS];
  uint32_t records, generation, cells;
  large_t large[LARGE_MAX];
  unsigned larges;
} race;

void race_clear(void) {
  race.generation++;
  race.records = 1;
  race.cells = 0;
  race.larges = 0;
}

static cell_t* race_cell(uintptr_t word) {
  for (uint32_t h = (uint32_t)((word >> 3) * 0x9E3779B97F4A7C15u >> 40);; h++) {
    cell_t* const c = &race.cell[h % CELLS];
    if (c->generation != race.generation) {
      if (++race.cells > CELLS / 2) explorer_fail("too much memory is touched");
      *c = (cell_t){word, race.generation, 0};
    }
    if (c->word == word) return c;
  }
}

static const char* race_says(unsigned access) {
  static const char* const text[] = {"plain read", "plain write", "atomic read", "atomic write"};
  return text[access];
}

static bool race_conflicts(unsigned a, unsigned b) {
  const bool one_writes = a % 2 == 1 || b % 2 == 1;
  const bool one_is_plain = a <= ACCESS_WRITE || b <= ACCESS_WRITE;
  return one_writes && one_is_plain;
}

static void race_check(const record_t* old, uintptr_t address, unsigned access) {
  if (old->thread == ex.current || !race_conflicts(old->access, access)) return;
  if (ex.thread[ex.current].hb.count[old->thread] > old->stamp) return;
  char where[200];
  strncpy(where, trace_where(old->pc), sizeof(where) - 1);
  where[sizeof(where) - 1] = '\0';
  explorer_fail("data race at %s: %s of thread %d, and %s of thread %d (%s)", trace_what(address),
                race_says(access), ex.current, race_says(old->access), old->thread, where);
}

static void race_word(uintptr_t word, uint8_t mask, access_t access, const void* pc) {
  cell_t* const c = race_cell(word);
  const unsigned position = ex.thread[ex.current].position;
  const record_t fresh = {pc, 0, (uint16_t)position, (uint8_t)ex.current, (uint8_t)access, mask};
  record_t* mine = NULL;
  for (uint32_t i = c->first; i != 0; i = race.record[i].next) {
    record_t* const r = &race.record[i];
    if ((r->mask & mask) != 0)
      race_check(r, word + (unsigned)__builtin_ctz(r->mask & mask), access);
    if (r->thread == ex.current && r->access == access && (r->mask & ~mask) == 0) mine = r;
  }
  if (mine == NULL) {
    if (race.records == RECORDS) explorer_fail("too much memory is touched");
    mine = &race.record[race.records++];
    mine->next = c->first;
    c->first = (uint32_t)(mine - race.record);
  }
  const uint32_t next = mine->next;
  *mine = fresh;
  mine->next = next;
}

static bool race_overlaps(uintptr_t a, size_t a_size, uintptr_t b, size_t b_size) {
  return a < b + b_size && b < a + a_size;
}

static void race_large(uintptr_t address, size_t size, access_t access, const void* pc) {
  for (unsigned h = 0; h < CELLS; h++) {
    const cell_t* const c = &race.cell[h];
    if (c->generation != race.generation || !race_overlaps(c->word, 8, address, size)) continue;
    for (uint32_t i = c->first; i != 0; i = race.record[i].next)
      race_check(&race.record[i], c->word, access);
  }
  if (race.larges == LARGE_MAX) explorer_fail("too many large accesses");
  race.large[race.larges++] = (large_t){address,
                                        size,
                                        {pc, 0, (uint16_t)ex.thread[ex.current].position,
                                         (uint8_t)ex.current, (uint8_t)access, 0xFF}};
}

void race_access(uintptr_t address, size_t size, access_t access, const void* pc) {
  if (ex.current < 0 || size == 0 || !memory_tracked(address)) return;
  if (access <= ACCESS_WRITE) memory_check_permitted(address, size);
  for (unsigned i = 0; i < race.larges; i++) {
    const large_t* const l = &race.large[i];
    if (race_overlaps(l->start, l->size, address, size)) race_check(&l->record, address, access);
  }
  if (size >= LARGE) {
    race_large(address, size, access, pc);
    return;
  }
  for (uintptr_t word = address & ~(uintptr_t)7; word < address + size; word += 8) {
    const uintptr_t first = word < address ? address - word : 0;
    const uintptr_t end = address + size - word < 8 ? address + size - word : 8;
    race_word(word, (uint8_t)(0xFFu << first & 0xFFu >> (8 - end)), access, pc);
  }
}
