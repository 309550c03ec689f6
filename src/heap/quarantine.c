// SPDX-License-Identifier: MIT
// quarantine.c: see quarantine.h. A ring of blocks: the oldest leaves first, but each that comes
// changes places with another, at random.
//
// INVARIANT, for a ring: bytes == sum of the sizes of the `count` blocks from slots[first] on
#include "heap/quarantine.h"

#include "arena/meta.h"
#include "arena/pagemap.h"
#include "page/harden.h"

enum {
  QUARANTINE_SLOTS = 1024,
  QUARANTINE_PART = 8,  // a block of more than this part of what may wait does not
};

typedef struct rix_quarantine_s {
  struct rix_quarantine_s* next;  // of the pool
  size_t bytes;
  uint64_t random;
  uint32_t first, count;
  ri_block_t* slots[QUARANTINE_SLOTS];
} rix_quarantine_t;

static rix_meta_pool_t quarantine_pool = {sizeof(rix_quarantine_t),
                                          offsetof(rix_quarantine_t, next), NULL};

static rix_quarantine_t* quarantine_open(rix_tld_t* tld) {
  if (tld->quarantine != NULL) return tld->quarantine;
  rix_quarantine_t* const q = rix_meta_take(&quarantine_pool);
  if (q == NULL) return NULL;
  q->bytes = 0;
  q->first = q->count = 0;
  q->random = rix_os_random();
  tld->quarantine = q;
  return q;
}

static ri_block_t** quarantine_slot(rix_quarantine_t* q, uint32_t i) {
  return &q->slots[(q->first + i) % QUARANTINE_SLOTS];
}

bool rix_quarantine_put(rix_tld_t* tld, ri_block_t* block, size_t bytes) {
  if (bytes > rix_harden_delayed_bytes() / QUARANTINE_PART) return false;
  rix_quarantine_t* const q = quarantine_open(tld);
  if (q == NULL || q->count == QUARANTINE_SLOTS) return false;
  q->random = q->random * 0x5851F42D4C957F2Du + 0x14057B7EF767814Fu;
  ri_block_t** const other = quarantine_slot(q, (uint32_t)((q->random >> 33) % (q->count + 1)));
  ri_block_t** const last = quarantine_slot(q, q->count++);
  *last = *other;
  *other = block;
  q->bytes += bytes;
  return true;
}

ri_block_t* rix_quarantine_take(rix_tld_t* tld, bool all) {
  rix_quarantine_t* const q = tld->quarantine;
  if (q == NULL || q->count == 0) return NULL;
  const bool much = q->count == QUARANTINE_SLOTS || q->bytes > rix_harden_delayed_bytes();
  if (!all && !much) return NULL;
  ri_block_t* const block = *quarantine_slot(q, 0);
  q->first = (q->first + 1) % QUARANTINE_SLOTS;
  q->count--;
  const ri_page_t* const page = rix_pagemap_find(block);
  RI_ASSERT(page != NULL);
  q->bytes -= rix_page_block_size(page);
  return block;
}

void rix_quarantine_close(rix_tld_t* tld) {
  rix_quarantine_t* const q = tld->quarantine;
  tld->quarantine = NULL;
  if (q != NULL) rix_meta_give(&quarantine_pool, q);
}
