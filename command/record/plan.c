// SPDX-License-Identifier: MIT
// plan.c: see plan.h. The trace is read twice: to count the calls of each thread, and to write them
// to their places.
#include "plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
  PLAN_RUN = 64,       // slots that a thread gets at once: they share no cache lines with others'
  PLAN_OWN = 256,      // free slots that a thread keeps
  PLAN_PASSED = 4096,  // slots that wait before another thread may use them
  PLAN_NONE = -1
};

typedef struct plan_slot_s {
  uint64_t size;
  uint32_t turn;
  uint32_t thread;  // that allocated the block
  int64_t next;     // free slot; PLAN_NONE: the last
} plan_slot_t;

typedef struct plan_maker_s {
  int64_t free, free_count;  // slots that are its own
  int64_t run, run_end;      // slots that were never used
  int64_t moving;            // the slot whose block realloc moves; PLAN_NONE
  uint64_t first, count;     // calls in the plan
  bool started;
} plan_maker_t;

typedef struct plan_entry_s {
  uint64_t address;  // 0: empty
  int64_t slot;
} plan_entry_t;

static struct {
  plan_sums_t* sums;
  plan_call_t* calls;  // NULL: they are only counted
  plan_maker_t* threads;
  uint32_t last;  // the thread of the call before
  plan_slot_t* slots;
  size_t slot_count, slot_room;
  int64_t passed_first, passed_last, passed_count;  // slots that another thread has freed
  plan_entry_t* map;
  size_t map_room, map_used;
  bool failed;  // no memory
} plan;

// ---- Addresses ----------------------------------------------------------------------------------

static size_t plan_home(uint64_t address) {
  return (size_t)(address * 0x9E3779B97F4A7C15u >> 20) & (plan.map_room - 1);
}

static size_t plan_place(uint64_t address) {
  size_t i = plan_home(address);
  while (plan.map[i].address != 0 && plan.map[i].address != address)
    i = (i + 1) & (plan.map_room - 1);
  return i;
}

static bool plan_grow_map(void) {
  const plan_entry_t* const old = plan.map;
  const size_t room = plan.map_room;
  plan_entry_t* const map = calloc(room == 0 ? 1024 : 2 * room, sizeof(plan_entry_t));
  if (map == NULL) return false;
  plan.map = map;
  plan.map_room = room == 0 ? 1024 : 2 * room;
  for (size_t i = 0; i < room; i++)
    if (old[i].address != 0) map[plan_place(old[i].address)] = old[i];
  free((void*)(uintptr_t)old);
  return true;
}

static void plan_insert(uint64_t address, int64_t slot) {
  if (2 * plan.map_used >= plan.map_room && !plan_grow_map()) {
    plan.failed = true;
    return;
  }
  plan_entry_t* const e = &plan.map[plan_place(address)];
  plan.map_used += e->address == 0;
  *e = (plan_entry_t){address, slot};
}

// Takes an address out: its slot, or PLAN_NONE.
static int64_t plan_take(uint64_t address) {
  if (plan.map_room == 0) return PLAN_NONE;
  size_t hole = plan_place(address);
  if (plan.map[hole].address == 0) return PLAN_NONE;
  const int64_t slot = plan.map[hole].slot;
  const size_t mask = plan.map_room - 1;
  for (size_t i = (hole + 1) & mask; plan.map[i].address != 0; i = (i + 1) & mask) {
    if (((i - plan_home(plan.map[i].address)) & mask) < ((i - hole) & mask)) continue;
    plan.map[hole] = plan.map[i];
    hole = i;
  }
  plan.map[hole].address = 0;
  plan.map_used--;
  return slot;
}

// ---- Slots --------------------------------------------------------------------------------------

static bool plan_grow_slots(void) {
  if (plan.slot_count + PLAN_RUN <= plan.slot_room) return true;
  const size_t room = plan.slot_room == 0 ? 4096 : 2 * plan.slot_room;
  plan_slot_t* const slots = room < UINT32_MAX ? realloc(plan.slots, room * sizeof(*slots)) : NULL;
  if (slots == NULL) return false;
  memset(slots + plan.slot_room, 0, (room - plan.slot_room) * sizeof(*slots));
  plan.slots = slots;
  plan.slot_room = room;
  return true;
}

static int64_t plan_new_slot(plan_maker_t* t) {
  if (t->run == t->run_end) {
    if (!plan_grow_slots()) {
      plan.failed = true;
      return PLAN_NONE;
    }
    t->run = (int64_t)plan.slot_count;
    t->run_end = t->run + PLAN_RUN;
    plan.slot_count += PLAN_RUN;
  }
  return t->run++;
}

static int64_t plan_get_slot(plan_maker_t* t) {
  if (t->free_count > 0) {
    const int64_t slot = t->free;
    t->free = plan.slots[slot].next;
    t->free_count--;
    return slot;
  }
  if (plan.passed_count <= PLAN_PASSED) return plan_new_slot(t);
  const int64_t slot = plan.passed_first;
  plan.passed_first = plan.slots[slot].next;
  plan.passed_count--;
  return slot;
}

static void plan_put_slot(plan_maker_t* t, int64_t slot) {
  if (t->free_count < PLAN_OWN) {
    plan.slots[slot].next = t->free;
    t->free = slot;
    t->free_count++;
    return;
  }
  plan.slots[slot].next = PLAN_NONE;
  if (plan.passed_count == 0) {
    plan.passed_first = slot;
  } else {
    plan.slots[plan.passed_last].next = slot;
  }
  plan.passed_last = slot;
  plan.passed_count++;
}

// ---- Calls --------------------------------------------------------------------------------------

static void plan_write(uint32_t thread, plan_call_t call) {
  plan_maker_t* const t = &plan.threads[thread];
  if (plan.calls != NULL) plan.calls[t->first + t->count] = call;
  t->count++;
}

static void plan_call(const reader_call_t* call, unsigned kind, int64_t slot) {
  plan_call_t made = {.size = call->size & 0xFFFFFFFFFFFFu,
                      .kind = kind & 15,
                      .has_size = call->has_size,
                      .alignment = call->alignment & 63,
                      .slot = (uint32_t)slot,
                      .turn = plan.slots[slot].turn++};
  if (plan.threads[call->thread].started) {
    plan_write(call->thread, made);
    return;
  }
  // The thread that called last begins it; the first one is there.
  plan.threads[call->thread].started = true;
  if (call->thread != 0)
    plan_write(plan.last, (plan_call_t){.kind = PLAN_START, .slot = call->thread});
  plan_write(call->thread, made);
}

static void plan_resize(plan_slot_t* s, uint64_t size) {
  plan_sums_t* const sums = plan.sums;
  sums->bytes += size - s->size;
  s->size = size;
  if (sums->bytes > sums->most_bytes) sums->most_bytes = sums->bytes;
}

static void plan_freed(const reader_call_t* call, unsigned kind, int64_t slot) {
  plan_slot_t* const s = &plan.slots[slot];
  plan.sums->passed += s->thread != call->thread;
  plan.sums->blocks--;
  plan_resize(s, 0);
  plan_call(call, kind, slot);
  plan_put_slot(&plan.threads[call->thread], slot);
}

// There is a block at the address, of a free that was not recorded.
static void plan_free_missed(const reader_call_t* call, uint64_t address) {
  const int64_t slot = plan_take(address);
  if (slot == PLAN_NONE) return;
  const reader_call_t made = {.kind = TRACE_FREE, .thread = call->thread};
  plan.sums->missed++;
  plan_freed(&made, TRACE_FREE, slot);
}

static void plan_allocated(const reader_call_t* call, uint64_t address, unsigned kind) {
  plan_free_missed(call, address);
  const int64_t slot = plan_get_slot(&plan.threads[call->thread]);
  if (slot == PLAN_NONE) return;
  plan.slots[slot].thread = call->thread;
  if (++plan.sums->blocks > plan.sums->most_blocks) plan.sums->most_blocks = plan.sums->blocks;
  plan_resize(&plan.slots[slot], call->size);
  plan_call(call, kind, slot);
  plan_insert(address, slot);
}

static void plan_reallocated(const reader_call_t* call) {
  plan_maker_t* const t = &plan.threads[call->thread];
  if (call->step == READER_AFTER) {
    const int64_t moving = t->moving;
    t->moving = PLAN_NONE;
    if (moving == PLAN_NONE) {
      plan_allocated(call, call->after, TRACE_MALLOC);
    } else {
      plan_free_missed(call, call->after);
      plan_insert(call->after, moving);
    }
    return;
  }
  const int64_t slot = plan_take(call->address);
  if (call->step == READER_BEFORE) {
    t->moving = slot;
  } else if (slot == PLAN_NONE) {
    plan_allocated(call, call->address, TRACE_MALLOC);
  } else {
    plan_insert(call->address, slot);
  }
  if (slot == PLAN_NONE) return;
  plan_resize(&plan.slots[slot], call->size);
  plan_call(call, TRACE_REALLOC, slot);
}

static void plan_step(const reader_call_t* call) {
  if (call->step != READER_AFTER) plan.sums->kinds[call->kind]++;
  if (call->kind == TRACE_REALLOC) {
    plan_reallocated(call);
  } else if (call->kind < TRACE_REALLOC) {
    plan_allocated(call, call->address, call->kind);
  } else {
    const int64_t slot = plan_take(call->address);
    plan.sums->unknown += slot == PLAN_NONE;
    if (slot != PLAN_NONE) plan_freed(call, call->kind, slot);
  }
  if (plan.threads[call->thread].started) plan.last = call->thread;
}

// ---- The whole ----------------------------------------------------------------------------------

static void plan_read(reader_t* reader, plan_sums_t* sums) {
  *sums = (plan_sums_t){.slots = 0};
  plan.sums = sums;
  plan.slot_count = plan.map_used = 0;
  plan.last = 0;
  plan.passed_count = 0;
  if (plan.slots != NULL) memset(plan.slots, 0, plan.slot_room * sizeof(plan.slots[0]));
  if (plan.map != NULL) memset(plan.map, 0, plan.map_room * sizeof(plan.map[0]));
  for (uint32_t i = 0; i < reader->thread_count; i++)
    plan.threads[i] = (plan_maker_t){.moving = PLAN_NONE, .first = plan.threads[i].first};
  plan.threads[0].started = true;
  reader_rewind(reader);
  reader_call_t call;
  while (!plan.failed && reader_next(reader, &call))
    plan_step(&call);
  sums->slots = plan.slot_count;
}

// The file, with its header and threads.
static plan_header_t* plan_map(const char* path, uint32_t threads, uint64_t calls, size_t* size) {
  const size_t before = sizeof(plan_header_t) + threads * sizeof(plan_thread_t);
  if (calls > (SIZE_MAX - before) / sizeof(plan_call_t)) {
    errno = EFBIG;
    return NULL;
  }
  *size = before + (size_t)calls * sizeof(plan_call_t);
  const int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return NULL;
  const int error = posix_fallocate(file, 0, (off_t)*size);
  void* const data =
      error == 0 ? mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) : MAP_FAILED;
  if (error != 0) errno = error;
  (void)close(file);
  if (data == MAP_FAILED) return NULL;
  plan_header_t* const header = data;
  memcpy(header->magic, PLAN_MAGIC, sizeof(header->magic));
  header->version = PLAN_VERSION;
  header->threads = threads;
  header->calls = calls;
  plan_thread_t* const list = (plan_thread_t*)(void*)(header + 1);
  for (uint32_t i = 0; i < threads; i++)
    list[i] = (plan_thread_t){plan.threads[i].first, plan.threads[i].count};
  plan.calls = (plan_call_t*)(void*)(list + threads);
  return header;
}

const char* plan_make(reader_t* reader, const char* path, plan_sums_t* sums) {
  plan.threads = calloc(reader->thread_count, sizeof(plan_maker_t));
  if (plan.threads == NULL) return "no memory";
  plan_read(reader, sums);
  if (plan.failed) return "no memory";
  if (path == NULL) return NULL;
  uint64_t calls = 0;
  for (uint32_t i = 0; i < reader->thread_count; i++) {
    plan.threads[i].first = calls;
    calls += plan.threads[i].count;
  }
  size_t size;
  plan_header_t* const header = plan_map(path, reader->thread_count, calls, &size);
  if (header == NULL) return strerror(errno);
  header->slots = sums->slots;
  plan_read(reader, sums);
  (void)munmap(header, size);
  return NULL;
}
