// SPDX-License-Identifier: MIT
// locations.c: the places in memory that are accessed atomically. A place is atomic for a whole
// scenario: a thread that writes to it plainly is reported, because the explorer keeps the values
// of atomic places in the graph and not in memory while the threads run.
#include <string.h>

#include "explorer.h"

enum { SLOTS = 1024 };

static struct {
  uintptr_t address[SLOTS];  // 0: empty
  uint16_t location[SLOTS];
  uintptr_t low, high;  // bounds of all
  bool counters;
} table;

static unsigned location_slot(uintptr_t address) {
  unsigned h = (unsigned)(address * 0x9E3779B97F4A7C15u >> 40) % SLOTS;
  while (table.address[h] != 0 && table.address[h] != address)
    h = (h + 1) % SLOTS;
  return h;
}

static bool location_overlaps(const location_t* l, uintptr_t a, size_t size) {
  return a < l->address + l->size && l->address < a + size;
}

static unsigned location_make(uintptr_t a, unsigned size, unsigned slot) {
  for (unsigned l = 0; l < ex.locations; l++) {
    if (!ex.location[l].counter && location_overlaps(&ex.location[l], a, size)) {
      explorer_fail("atomic accesses of different sizes to %s", trace_what(a));
    }
  }
  if (ex.locations == LOCATIONS_MAX) explorer_fail("too many atomic locations");
  ex.location[ex.locations] =
      (location_t){a, size, threads_read_memory((void*)a, size), false, false};
  table.address[slot] = a;
  table.location[slot] = (uint16_t)ex.locations;
  if (table.low == 0 || a < table.low) table.low = a;
  if (a + size > table.high) table.high = a + size;
  return ex.locations++;
}

unsigned location_of(const op_t* op) {
  const uintptr_t a = (uintptr_t)op->address;
  const unsigned slot = location_slot(a);
  if (table.address[slot] == 0) return location_make(a, op->size, slot);
  const unsigned l = table.location[slot];
  if (ex.location[l].size != op->size) {
    explorer_fail("atomic accesses of different sizes to %s", trace_what(a));
  }
  return l;
}

const location_t* location_counter(const op_t* op) {
  if (!table.counters) return NULL;
  const uintptr_t a = (uintptr_t)op->address;
  for (unsigned l = 0; l < ex.locations; l++) {
    const location_t* const c = &ex.location[l];
    if (!c->counter || !location_overlaps(c, a, op->size)) continue;
    if (!c->statistic && op->kind != OP_ADD && op->kind != OP_SUB) {
      explorer_fail("%s is no counter: a thread looks at it", trace_what(a));
    }
    return c;
  }
  return NULL;
}

static void locations_add_counter(const void* p, size_t size, bool statistic) {
  if (ex.locations == LOCATIONS_MAX) explorer_fail("too many atomic locations");
  ex.location[ex.locations++] = (location_t){(uintptr_t)p, (unsigned)size, 0, true, statistic};
  table.counters = true;
}

void model_counter(const void* p, size_t size) { locations_add_counter(p, size, false); }

void model_statistic(const void* p, size_t size) { locations_add_counter(p, size, true); }

void location_check_plain_write(uintptr_t a, size_t size) {
  if (a >= table.high || a + size <= table.low) return;
  for (unsigned l = 0; l < ex.locations; l++) {
    if (!ex.location[l].counter && location_overlaps(&ex.location[l], a, size)) {
      explorer_fail("%s is written plainly by a thread, and atomically elsewhere", trace_what(a));
    }
  }
}

void location_forget(void) {
  memset(&table, 0, sizeof(table));
  ex.locations = 0;
}
