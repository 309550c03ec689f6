// SPDX-License-Identifier: MIT
// The library as one file, as it ships.
#include "../../../src/rimalloc.c"

#include "../coherence.h"

void* allocator_malloc(size_t size) { return ri_malloc(size); }
void allocator_free(void* p) { ri_free(p); }
