// SPDX-License-Identifier: MIT
// quarantine.c: see quarantine.h.
#include "heap/quarantine.h"

#include "arena/meta.h"

static rix_meta_pool_t quarantine_pool = {sizeof(rix_quarantine_t),
                                          offsetof(rix_quarantine_t, next), NULL};

rix_quarantine_t* rix_quarantine_open(rix_tld_t* tld) {
  rix_quarantine_t* const q = rix_meta_take(&quarantine_pool);
  if (q == NULL) return NULL;
  q->bytes = 0;
  q->count = 0;
  q->random = rix_os_random();
  tld->quarantine = q;
  return q;
}

void rix_quarantine_close(rix_tld_t* tld) {
  rix_quarantine_t* const q = tld->quarantine;
  tld->quarantine = NULL;
  if (q != NULL) rix_meta_give(&quarantine_pool, q);
}

void rix_quarantine_reseed(rix_tld_t* tld) {
  if (tld->quarantine != NULL) tld->quarantine->random = rix_os_random();
}
