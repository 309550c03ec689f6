// SPDX-License-Identifier: MIT
// mutator.c: changes inputs operation by operation, so that the others keep their meaning.
#include "fuzz.h"

typedef struct mutation_s {
  uint8_t* ops;
  size_t count, most;
  uint64_t rng;
} mutation_t;

static void random_bytes(mutation_t* m, size_t at) {
  const uint64_t word = check_rng(&m->rng);
  memcpy(m->ops + at * FUZZ_OP_BYTES, &word, FUZZ_OP_BYTES);
}

// Makes room for `n` operations at a place and returns it; SIZE_MAX when there is none.
static size_t insert(mutation_t* m, size_t n) {
  if (m->count + n > m->most) return SIZE_MAX;
  const size_t at = check_below(&m->rng, m->count + 1);
  memmove(m->ops + (at + n) * FUZZ_OP_BYTES, m->ops + at * FUZZ_OP_BYTES,
          (m->count - at) * FUZZ_OP_BYTES);
  m->count += n;
  return at;
}

static void erase(mutation_t* m) {
  const size_t at = check_below(&m->rng, m->count);
  const size_t n = 1 + check_below(&m->rng, m->count - at);
  memmove(m->ops + at * FUZZ_OP_BYTES, m->ops + (at + n) * FUZZ_OP_BYTES,
          (m->count - at - n) * FUZZ_OP_BYTES);
  m->count -= n;
}

// A run of operations once more, elsewhere.
static void repeat(mutation_t* m) {
  const size_t from = check_below(&m->rng, m->count);
  size_t n = 1 + check_below(&m->rng, m->count - from < 8 ? m->count - from : 8);
  uint8_t copy[8 * FUZZ_OP_BYTES];
  memcpy(copy, m->ops + from * FUZZ_OP_BYTES, n * FUZZ_OP_BYTES);
  const size_t at = insert(m, n);
  if (at != SIZE_MAX) memcpy(m->ops + at * FUZZ_OP_BYTES, copy, n * FUZZ_OP_BYTES);
}

static void change_byte(mutation_t* m) {
  const size_t at = check_below(&m->rng, m->count * FUZZ_OP_BYTES);
  m->ops[at] = (uint8_t)check_rng(&m->rng);
}

static void mutate_once(mutation_t* m) {
  const size_t choice = m->count == 0 ? 0 : check_below(&m->rng, 8);
  if (choice <= 1) {
    const size_t at = insert(m, 1);
    if (at != SIZE_MAX) random_bytes(m, at);
  } else if (choice == 2) {
    erase(m);
  } else if (choice <= 4) {
    repeat(m);
  } else {
    change_byte(m);
  }
}

size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  size_t most = max_size / FUZZ_OP_BYTES;
  if (most > FUZZ_OPS_MAX) most = FUZZ_OPS_MAX;
  if (most == 0) return size;
  mutation_t m = {data, size / FUZZ_OP_BYTES, most, seed};
  if (m.count > most) m.count = most;
  for (size_t n = 1 + check_below(&m.rng, 4); n > 0; n--)
    mutate_once(&m);
  if (m.count == 0) {
    m.count = 1;
    random_bytes(&m, 0);
  }
  return m.count * FUZZ_OP_BYTES;
}
