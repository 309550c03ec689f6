// SPDX-License-Identifier: MIT
// directory.c: for each line of memory which CPUs have it, as a directory of the MESI protocol knows:
//
//   nobody                    invalid everywhere
//   one CPU, owner            modified, if it wrote, or exclusive
//   any number, no owner      shared
//
// A write needs to be the only one; whoever takes a line from another, or makes others drop it, has
// missed for reasons of coherence. So has a reader of a line that its owner wrote to, or that the
// reader had and lost. The first read of a line that nobody writes to is only cold. A line that is on
// its way from one cache to another serves nobody else meanwhile.
#include <stdlib.h>
#include <string.h>

#include "coherence.h"

typedef struct set_s {
  uint64_t bits[CO_CPUS_MAX / 64];
} set_t;

typedef struct line_s {
  uintptr_t number;  // address >> CO_LINE_SHIFT; 0: a free place of the table
  set_t have;        // these CPUs have it
  set_t had;         // and these had it once
  int16_t owner;     // the only one, which may write; -1: none
  bool written;      // by its owner, since it has it
  uint64_t busy;     // on its way until then
} line_t;

static struct {
  line_t* lines;
  size_t capacity, count;
} directory;

static bool set_has(const set_t* s, unsigned i) { return (s->bits[i / 64] >> (i % 64) & 1) != 0; }
static void set_add(set_t* s, unsigned i) { s->bits[i / 64] |= (uint64_t)1 << (i % 64); }
static unsigned set_count(const set_t* s) {
  unsigned count = 0;
  for (size_t i = 0; i < CO_CPUS_MAX / 64; i++)
    count += (unsigned)__builtin_popcountll(s->bits[i]);
  return count;
}

static line_t* directory_place(line_t* lines, size_t capacity, uintptr_t number) {
  size_t i = (size_t)((number * 0x9E3779B97F4A7C15u) >> 20) & (capacity - 1);
  while (lines[i].number != 0 && lines[i].number != number)
    i = (i + 1) & (capacity - 1);
  return &lines[i];
}

static void directory_grow(void) {
  const size_t capacity = directory.capacity == 0 ? (size_t)1 << 16 : directory.capacity * 2;
  line_t* const lines = calloc(capacity, sizeof(line_t));
  if (lines == NULL) co_fail("no memory for the directory");
  for (size_t i = 0; i < directory.capacity; i++) {
    const line_t* const old = &directory.lines[i];
    if (old->number != 0) *directory_place(lines, capacity, old->number) = *old;
  }
  free(directory.lines);
  directory.lines = lines;
  directory.capacity = capacity;
}

static line_t* directory_find(uintptr_t address) {
  if (directory.count * 2 >= directory.capacity) directory_grow();
  const uintptr_t number = address >> CO_LINE_SHIFT;
  line_t* const line = directory_place(directory.lines, directory.capacity, number);
  if (line->number == 0) {
    line->number = number;
    line->owner = -1;
    directory.count++;
  }
  return line;
}

static bool line_hits(const line_t* line, unsigned cpu, co_use_t use) {
  return use == CO_READ ? set_has(&line->have, cpu) : line->owner == (int)cpu;
}

static void line_read(line_t* line, unsigned cpu, co_cost_t* cost) {
  const bool lost = set_has(&line->had, cpu) || (line->owner >= 0 && line->written);
  const bool anybody = set_count(&line->have) > 0;
  cost->miss = anybody && lost;
  cost->cold = !cost->miss;
  line->owner = anybody ? -1 : (int16_t)cpu;
  line->written = false;
}

static void line_write(line_t* line, unsigned cpu, co_cost_t* cost) {
  const unsigned others = set_count(&line->have) - (set_has(&line->have, cpu) ? 1 : 0);
  cost->miss = others > 0;
  cost->cold = others == 0 && !set_has(&line->have, cpu);
  cost->invalidated = others;
  line->have = (set_t){{0}};
  line->owner = (int16_t)cpu;
}

co_cost_t directory_access(unsigned cpu, uintptr_t address, co_use_t use, uint64_t now) {
  line_t* const line = directory_find(address);
  co_cost_t cost = {.end = now + CO_CYCLES_HIT + (use == CO_LOCKED ? CO_CYCLES_LOCKED : 0)};
  if (!line_hits(line, cpu, use)) {
    if (use == CO_READ) {
      line_read(line, cpu, &cost);
    } else {
      line_write(line, cpu, &cost);
    }
    if (cost.miss) {
      const uint64_t begin = now > line->busy ? now : line->busy;
      cost.stalled = begin - now;
      cost.end += cost.stalled + CO_CYCLES_TRANSFER;
      line->busy = begin + CO_CYCLES_TRANSFER;
    } else if (cost.cold) {
      cost.end += CO_CYCLES_COLD;
    }
  }
  set_add(&line->have, cpu);
  set_add(&line->had, cpu);
  line->written = line->written || use != CO_READ;
  return cost;
}
