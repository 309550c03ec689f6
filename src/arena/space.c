// SPDX-License-Identifier: MIT
// space.c: see space.h.
#include "arena/space.h"

#include "options/options.h"

static struct {
  rix_counter_t xcharged;  // bytes
} space_account;

bool rix_space_charge(size_t size) {
  const size_t limit = rix_option_bytes(ri_option_limit_address_space, 10);
  size_t used = ri_load_relaxed(&space_account.xcharged);
  do {
    if (limit != 0 && (used > limit || size > limit - used)) return false;
  } while (!ri_cas_weak_relaxed(&space_account.xcharged, &used, used + size));
  return true;
}

void rix_space_uncharge(size_t size) { rix_counter_sub(&space_account.xcharged, size); }
