// SPDX-License-Identifier: MIT
// functions.c: what a program gets that includes fast.h; fast_path.sh counts its instructions.
#include <rimalloc/fast.h>

void* take_16(void);
void* take(size_t size);
void give(void* p);
void* make(size_t size);
void sized(void* p);

void* take_16(void) { return ri_malloc(16); }

void* take(size_t size) { return ri_malloc(size); }

void give(void* p) { ri_free(p); }

void* make(size_t size) { return ri_new(size); }

void sized(void* p) { ri_free_sized(p, 48); }
