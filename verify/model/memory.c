// SPDX-License-Identifier: MIT
// memory.c: every execution starts from the same memory. Everything that the program under test
// overwrites is logged first, and restored. Also which memory may not be touched, and which blocks
// somebody holds.
#include <stdlib.h>
#include <string.h>

#include "explorer.h"

enum { FORBIDDEN_MAX = 64, BLOCKS_MAX = 256, STATES_MAX = 16, STATE_BYTES = 4096 };

typedef struct range_s {
  uintptr_t start;
  size_t size;
} range_t;

typedef struct memory_state_s {
  range_t forbidden[FORBIDDEN_MAX];
  unsigned forbidden_count;
  range_t block[BLOCKS_MAX];
  unsigned block_count;
} memory_state_t;

typedef struct undo_s {
  unsigned char* at;
  size_t size, offset;  // of its old content in `bytes`
} undo_t;

extern char __data_start[], _end[];

static struct {
  memory_state_t now, start;
  undo_t* undo;
  size_t undo_count, undo_room;
  unsigned char* bytes;
  size_t byte_count, byte_room;
  size_t mark;
  void* state[STATES_MAX];
  size_t state_size[STATES_MAX];
  unsigned char state_start[STATES_MAX][STATE_BYTES];
  unsigned states;
} memory;

bool memory_tracked(uintptr_t a) { return a >= (uintptr_t)__data_start && a < (uintptr_t)_end; }

static void* memory_grow(void* p, size_t* room, size_t needed, size_t size) {
  if (needed <= *room) return p;
  *room = needed * 2;
  p = realloc(p, *room * size);
  if (p == NULL) abort();
  return p;
}

void memory_log(const void* p, size_t size) {
  if (!memory_tracked((uintptr_t)p)) return;
  memory.undo = memory_grow(memory.undo, &memory.undo_room, memory.undo_count + 1, sizeof(undo_t));
  memory.bytes = memory_grow(memory.bytes, &memory.byte_room, memory.byte_count + size, 1);
  memcpy(memory.bytes + memory.byte_count, p, size);
  memory.undo[memory.undo_count++] = (undo_t){(unsigned char*)p, size, memory.byte_count};
  memory.byte_count += size;
}

size_t memory_mark(void) { return memory.undo_count; }

void memory_undo(size_t mark) {
  while (memory.undo_count > mark) {
    const undo_t u = memory.undo[--memory.undo_count];
    memcpy(u.at, memory.bytes + u.offset, u.size);
    memory.byte_count = u.offset;
  }
}

void model_state(void* p, size_t size) {
  for (unsigned i = 0; i < memory.states; i++)
    if (memory.state[i] == p) return;
  if (memory.states == STATES_MAX || size > STATE_BYTES) explorer_fail("too much model_state");
  memory.state[memory.states] = p;
  memory.state_size[memory.states++] = size;
}

void memory_after_setup(void) {
  memory.mark = memory.undo_count;
  memory.start = memory.now;
  for (unsigned i = 0; i < memory.states; i++)
    memcpy(memory.state_start[i], memory.state[i], memory.state_size[i]);
}

void memory_reset(void) {
  memory_undo(memory.mark);
  memory.now = memory.start;
  for (unsigned i = 0; i < memory.states; i++)
    memcpy(memory.state[i], memory.state_start[i], memory.state_size[i]);
}

void memory_forget(void) {
  memory_undo(0);
  memory.now = (memory_state_t){.forbidden_count = 0};
  memory.mark = 0;
}

// ---- Memory that nobody may touch ---------------------------------------------------------------

void memory_check_permitted(uintptr_t a, size_t size) {
  for (unsigned i = 0; i < memory.now.forbidden_count; i++) {
    const range_t r = memory.now.forbidden[i];
    if (a < r.start + r.size && r.start < a + size) {
      explorer_fail("%s is touched while nobody may", trace_what(a));
    }
  }
}

void model_forbid(const void* p, size_t size) {
  if (memory.now.forbidden_count == FORBIDDEN_MAX) explorer_fail("too many forbidden ranges");
  memory.now.forbidden[memory.now.forbidden_count++] = (range_t){(uintptr_t)p, size};
}

void model_permit(const void* p, size_t size) {
  const uintptr_t start = (uintptr_t)p, end = start + size;
  unsigned n = 0;
  const unsigned count = memory.now.forbidden_count;
  range_t left[2 * FORBIDDEN_MAX];
  for (unsigned i = 0; i < count; i++) {
    const range_t r = memory.now.forbidden[i];
    const uintptr_t r_end = r.start + r.size;
    if (r.start < start) left[n++] = (range_t){r.start, (r_end < start ? r_end : start) - r.start};
    if (r_end > end) {
      const uintptr_t from = r.start > end ? r.start : end;
      left[n++] = (range_t){from, r_end - from};
    }
  }
  if (n > FORBIDDEN_MAX) explorer_fail("too many forbidden ranges");
  memcpy(memory.now.forbidden, left, n * sizeof(range_t));
  memory.now.forbidden_count = n;
}

// ---- Blocks -------------------------------------------------------------------------------------

static unsigned char memory_pattern(const void* p) {
  return (unsigned char)((uintptr_t)p >> 3 | 1);
}

void model_take(void* p, size_t size) {
  const uintptr_t a = (uintptr_t)p;
  for (unsigned i = 0; i < memory.now.block_count; i++) {
    const range_t b = memory.now.block[i];
    if (a < b.start + b.size && b.start < a + size) {
      explorer_fail("%s is handed out twice", trace_what(a));
    }
  }
  if (memory.now.block_count == BLOCKS_MAX) explorer_fail("too many blocks");
  memory.now.block[memory.now.block_count++] = (range_t){a, size};
  tsan_plain(p, size, true, __builtin_return_address(0));
  memset(p, memory_pattern(p), size);
}

void model_give(void* p) {
  for (unsigned i = 0; i < memory.now.block_count; i++) {
    const range_t b = memory.now.block[i];
    if (b.start != (uintptr_t)p) continue;
    tsan_plain(p, b.size, true, __builtin_return_address(0));
    for (size_t k = 0; k < b.size; k++) {
      if (((unsigned char*)p)[k] != memory_pattern(p)) {
        explorer_fail("%s was written to by somebody else", trace_what(b.start));
      }
    }
    memory.now.block[i] = memory.now.block[--memory.now.block_count];
    return;
  }
  explorer_fail("%s is freed, but nobody has it", trace_what((uintptr_t)p));
}

size_t model_taken(void) { return memory.now.block_count; }

void memory_init(void) { memory_forget(); }
