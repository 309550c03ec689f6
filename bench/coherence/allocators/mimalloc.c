// SPDX-License-Identifier: MIT
#include "../coherence.h"

void* mi_malloc(size_t size);
void mi_free(void* p);
void* allocator_malloc(size_t size) { return mi_malloc(size); }
void allocator_free(void* p) { mi_free(p); }
