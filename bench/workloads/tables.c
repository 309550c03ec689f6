// SPDX-License-Identifier: MIT
// tables: hash tables and vectors that grow and shrink by turns.
//
// Stresses: fragmentation by memory whose size follows its contents. Half of the tables are hash
// tables with a node for each entry and an array of lists, which is allocated anew at twice or half
// the size; the others are vectors that grow by half and give up a half with realloc. In each wave
// a third of them gets a new number of entries to reach, from sixteen to 32 Ki, and every other
// wave is a quarter as large. All go there in eight steps, in turn, so that what one gives up is
// taken by others in other sizes.
//
// Why it is here: indices, symbol tables, queues and game worlds breathe like this, and arrays that
// double leave gaps in which the next one does not fit.
//
// `phase steady` lines have resident and live memory (nodes, and arrays as allocated) after each
// wave of the second half; 200 ms pass between waves, and `final` is after the last. Compare CPU,
// not wall time.
//
// A bad result means: resident memory at the highest wave for ever, gaps that nobody uses, and time
// that goes to growing arrays in fresh memory.
//
// Arguments: tables (256), waves (16), most (32768 entries).
#include "bench.h"

typedef struct node_s {
  struct node_s* next;
  uint64_t key;
  uint64_t value;
} node_t;

typedef struct table_s {
  bool is_hash;
  size_t count;
  size_t room;  // lists of a hash table, entries of a vector
  size_t from;
  size_t to;
  node_t** lists;
  uint64_t* entries;
} table_t;

static size_t live;
static uint64_t check;
static uint64_t ops;

static uint64_t value_of(uint64_t key) { return key * UINT64_C(0x9E3779B97F4A7C15) ^ 1; }

static node_t** list_of(const table_t* table, uint64_t key) {
  return &table->lists[value_of(key) >> 20 & (table->room - 1)];
}

static void hash_resize(table_t* table, size_t room) {
  const table_t old = *table;
  table->room = room;
  table->lists = (node_t**)calloc(room, sizeof *table->lists);
  if (table->lists == NULL) bench_fail("calloc returned NULL");
  for (size_t i = 0; i < old.room; i++) {
    for (node_t* node = old.lists[i]; node != NULL;) {
      node_t* const next = node->next;
      node_t** const list = list_of(table, node->key);
      node->next = *list;
      *list = node;
      node = next;
    }
  }
  free(old.lists);
  live += (room - old.room) * sizeof *table->lists;
  ops += 2;
}

static void hash_push(table_t* table) {
  if (table->count >= table->room) hash_resize(table, table->room < 16 ? 16 : 2 * table->room);
  const uint64_t key = table->count++;
  node_t** const list = list_of(table, key);
  node_t* const node = (node_t*)bench_malloc(sizeof *node);
  *node = (node_t){.next = *list, .key = key, .value = value_of(key)};
  *list = node;
  live += sizeof *node;
  ops++;
}

static void hash_pop(table_t* table) {
  const uint64_t key = --table->count;
  node_t** at = list_of(table, key);
  while (*at != NULL && (*at)->key != key)
    at = &(*at)->next;
  node_t* const node = *at;
  if (node == NULL || node->value != value_of(key)) bench_fail("an entry was lost");
  check += node->value;
  *at = node->next;
  free(node);
  live -= sizeof *node;
  ops++;
  if (table->room > 16 && table->count < table->room / 4) hash_resize(table, table->room / 2);
}

static void vector_resize(table_t* table, size_t room) {
  table->entries = (uint64_t*)realloc(table->entries, room * sizeof *table->entries);
  if (table->entries == NULL) bench_fail("realloc returned NULL");
  live += (room - table->room) * sizeof *table->entries;
  table->room = room;
  ops++;
}

static void vector_push(table_t* table) {
  if (table->count >= table->room) vector_resize(table, table->room + table->room / 2 + 8);
  table->entries[table->count] = value_of(table->count);
  table->count++;
}

static void vector_pop(table_t* table) {
  const uint64_t key = --table->count;
  if (table->entries[key] != value_of(key)) bench_fail("an entry was overwritten");
  check += table->entries[key];
  if (table->room > 16 && table->count < table->room / 4) vector_resize(table, table->room / 2);
}

static void move_to(table_t* table, size_t count) {
  while (table->count < count)
    (table->is_hash ? hash_push : vector_push)(table);
  while (table->count > count)
    (table->is_hash ? hash_pop : vector_pop)(table);
}

// 16 to `most` entries, every doubling equally likely; vectors have eight times as many.
static size_t draw(const table_t* table, bench_rng_t* rng, size_t most, bool low) {
  unsigned doublings = 4;
  while (((size_t)1 << (doublings + 1)) < most)
    doublings++;
  const size_t count = bench_log_size(rng, 4, doublings) >> (low ? 2 : 0);
  return table->is_hash ? count : 8 * count;
}

static void wave(table_t* tables, size_t count, bench_rng_t* rng, size_t most, bool low) {
  for (size_t i = 0; i < count; i++) {
    table_t* const table = &tables[i];
    table->from = table->count;
    if (bench_below(rng, 3) == 0) table->to = draw(table, rng, most, low);
  }
  for (size_t step = 1; step <= 8; step++) {
    for (size_t i = 0; i < count; i++) {
      const table_t* const table = &tables[i];
      move_to(&tables[i], (table->from * (8 - step) + table->to * step) / 8);
    }
  }
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t count = bench_scaled(bench_arg("tables", 256)) + 1;
  const size_t waves = bench_arg("waves", 16);
  const size_t most = bench_arg("most", 32768);
  table_t* const tables = (table_t*)bench_table(count * sizeof *tables);
  bench_rng_t rng = bench_seed(91);
  for (size_t i = 0; i < count; i++) {
    tables[i].is_hash = i % 2 == 0;
    tables[i].to = draw(&tables[i], &rng, most, false);
  }
  for (size_t i = 0; i < waves; i++) {
    wave(tables, count, &rng, most, i % 2 != 0);
    bench_phase_live(i < waves / 2 ? "warm" : "steady", live);
    bench_rest(0.2);
  }
  const size_t final = bench_resident();
  for (size_t i = 0; i < count; i++) {
    move_to(&tables[i], 0);
    free(tables[i].lists);
    free(tables[i].entries);
  }
  return bench_finish_at(ops, check, final);
}
