// SPDX-License-Identifier: MIT
#include "../coherence.h"

void* je_malloc(size_t size);
void je_free(void* p);
void* allocator_malloc(size_t size) { return je_malloc(size); }
void allocator_free(void* p) { je_free(p); }
