// SPDX-License-Identifier: MIT
// fast_symbols.c: the functions that fast.h inlines, as symbols: for callers that do not include it
// and for their addresses.
#include "api/api.h"

void* ri_malloc(size_t size) { return rix_fast_malloc(rix_tls.theap, size); }

void ri_free(void* p) { rix_fast_free(p); }
