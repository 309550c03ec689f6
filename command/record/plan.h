// SPDX-License-Identifier: MIT
// plan.h: what is replayed of a trace. A trace has addresses; the plan has slots instead, places for
// one block each, which are used again when their block was freed. Each call has a turn: how many
// calls there were on its slot before. A thread that replays it waits until that many have been, so
// the order is the recorded one where a block passes from one thread to another, and no other is
// kept. Each wait is for a call that comes before in the trace, so it ends.
//
//   header, a plan_thread_t for each thread, the calls of the first thread, of the second, ...
#ifndef RIX_PLAN_H
#define RIX_PLAN_H

#include "reader.h"

#define PLAN_MAGIC "rimaplan"

enum { PLAN_VERSION = 1, PLAN_START = 0 /* instead of a trace_kind_t: a thread begins */ };

typedef struct plan_header_s {
  char magic[8];
  uint32_t version, threads;
  uint64_t slots, calls;
} plan_header_t;

typedef struct plan_thread_s {
  uint64_t first, count;  // of its calls
} plan_thread_t;

typedef struct plan_call_s {
  uint64_t size : 48;
  uint64_t kind : 4;
  uint64_t has_size : 1;
  uint64_t alignment : 6;  // its binary logarithm; 0: none
  uint64_t reserved : 5;
  uint32_t slot;  // or the thread that begins
  uint32_t turn;
} plan_call_t;

_Static_assert(sizeof(plan_call_t) == 16, "small");

// What is in a trace.
typedef struct plan_sums_s {
  uint64_t kinds[TRACE_KINDS];  // calls
  uint64_t unknown;             // frees of blocks that were not recorded, left out
  uint64_t missed;              // frees that were not recorded, made up
  uint64_t passed;              // frees by another thread than the one that allocated
  uint64_t blocks, most_blocks, bytes, most_bytes;  // live, and at most
  uint64_t slots;
} plan_sums_t;

// Writes the plan into a file; `path` NULL: only counts. NULL, or what went wrong.
const char* plan_make(reader_t* reader, const char* path, plan_sums_t* sums);

#endif
