// SPDX-License-Identifier: MIT
// quarantine.h: freed blocks that wait before they can be handed out again, so that what still
// points to them finds nothing new there for a while, and nobody can tell when it does: when too
// much waits, one of those that do leaves, at random.
//
// A block that waits is no longer live (page/live.h), so a second free of it is reported; its page
// still counts it as live, so nothing happens to that. Only blocks of the default heap wait, which
// cannot be destroyed under them.
//
// INVARIANT: bytes == sum of the sizes of the first `count` blocks
// CONCURRENCY: each thread has its own, made when it first frees such a block.
#ifndef RIX_HEAP_QUARANTINE_H
#define RIX_HEAP_QUARANTINE_H

#include "arena/pagemap.h"
#include "heap/heap.h"
#include "page/harden.h"

enum {
  RIX_QUARANTINE_SLOTS = 1024,
  RIX_QUARANTINE_PART = 8,  // a block of more than this part of what may wait does not
};
#define RIX_QUARANTINE_REMOTE ((uintptr_t)1)  // freed by a thread that was not its owner

typedef struct rix_quarantine_s {
  struct rix_quarantine_s* next;  // of the pool
  size_t bytes;
  uint64_t random;
  size_t count;
  uintptr_t slots[RIX_QUARANTINE_SLOTS];  // blocks, each with RIX_QUARANTINE_REMOTE or without
} rix_quarantine_t;

// The thread's; NULL: there is no memory.
RIX_INTERNAL RIX_SLOW rix_quarantine_t* rix_quarantine_open(rix_tld_t* tld);
RIX_INLINE rix_quarantine_t* rix_quarantine_of(rix_tld_t* tld) {
  return RIX_LIKELY(tld->quarantine != NULL) ? tld->quarantine : rix_quarantine_open(tld);
}

// Whether some have to leave before another comes, where at most `limit` bytes may wait.
RIX_INLINE bool rix_quarantine_is_full(const rix_quarantine_t* q, size_t limit) {
  return q->bytes > limit || q->count == RIX_QUARANTINE_SLOTS;
}

// Lets a block wait that the calling thread freed. It is not full. `remote`: the page was another's
// then.
RIX_INLINE void rix_quarantine_put(rix_quarantine_t* q, const ri_block_t* block, size_t bytes,
                                   bool remote) {
  q->slots[q->count++] = (uintptr_t)block | (remote ? RIX_QUARANTINE_REMOTE : 0);
  q->bytes += bytes;
}

// One of those that wait, which leaves, and its page, which may have another owner by now, but is
// the same.
RIX_INLINE uintptr_t rix_quarantine_take(rix_quarantine_t* q, ri_page_t** page) {
  q->random = q->random * 0x5851F42D4C957F2Du + 0x14057B7EF767814Fu;
  uintptr_t* const slot = &q->slots[(q->random >> 32) * q->count >> 32];
  const uintptr_t taken = *slot;
  *slot = q->slots[--q->count];
  *page = rix_pagemap_find((const void*)taken);
  RI_ASSERT(*page != NULL);
  q->bytes -= rix_page_block_size(*page);
  return taken;
}

// Frees all blocks that wait; true if there ever were some (hard_free.c).
RIX_INTERNAL bool rix_free_waiting(rix_tld_t* tld);
// None waits any more, and none will.
RIX_INTERNAL void rix_quarantine_close(rix_tld_t* tld);
// Other random numbers than so far, for a forked child.
RIX_INTERNAL void rix_quarantine_reseed(rix_tld_t* tld);

#endif
