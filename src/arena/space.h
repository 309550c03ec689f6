// SPDX-License-Identifier: MIT
// space.h: the account of all address space that mappings and arenas have from the OS for blocks.
//
// CONCURRENCY: any thread.
#ifndef RIX_ARENA_SPACE_H
#define RIX_ARENA_SPACE_H

#include "base/atomic.h"

// More is charged before the OS is asked for it, and what was not obtained is uncharged; false: the
// option limit_address_space forbids it.
RIX_INTERNAL bool rix_space_charge(size_t size);
RIX_INTERNAL void rix_space_uncharge(size_t size);

#endif
