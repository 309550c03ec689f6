// SPDX-License-Identifier: MIT
// synonyms.h: names of mimalloc's, beginning with ri_, for functions that have another name here. A
// program that was moved from mimalloc by putting ri_ for mi_ includes this file; new code needs
// none of them. The library does not export them: each is bound to the function that it stands for.
#ifndef RIMALLOC_MIMALLOC_SYNONYMS_H
#define RIMALLOC_MIMALLOC_SYNONYMS_H

#include <rimalloc/rimalloc.h>

#if defined(__cplusplus)
extern "C" {
#endif

#define RIX_SYNONYM(type, name, target, parameters) \
  RI_EXPORT type name parameters RI_NOEXCEPT __asm__(#target);

// There is no faster way for small blocks than the usual one.
RIX_SYNONYM(void*, ri_malloc_small, ri_malloc, (size_t size))
RIX_SYNONYM(void*, ri_zalloc_small, ri_zalloc, (size_t size))
RIX_SYNONYM(void*, ri_umalloc_small, ri_umalloc, (size_t size, size_t* block_size))
RIX_SYNONYM(void*, ri_heap_malloc_small, ri_heap_malloc, (ri_heap_t * heap, size_t size))
RIX_SYNONYM(void*, ri_heap_zalloc_small, ri_heap_zalloc, (ri_heap_t * heap, size_t size))
RIX_SYNONYM(void*, ri_theap_malloc_small, ri_theap_malloc, (ri_theap_t * theap, size_t size))
RIX_SYNONYM(void*, ri_theap_zalloc_small, ri_theap_zalloc, (ri_theap_t * theap, size_t size))
RIX_SYNONYM(void, ri_free_small, ri_free, (void* p))

// The same under names of Windows, of the BSDs and of C libraries.
RIX_SYNONYM(void*, ri_aligned_recalloc, ri_recalloc_aligned,
            (void* p, size_t count, size_t size, size_t alignment))
RIX_SYNONYM(void*, ri_aligned_offset_recalloc, ri_recalloc_aligned_at,
            (void* p, size_t count, size_t size, size_t alignment, size_t offset))
RIX_SYNONYM(size_t, ri_malloc_size, ri_usable_size, (const void* p))
RIX_SYNONYM(size_t, ri_malloc_usable_size, ri_usable_size, (const void* p))
RIX_SYNONYM(size_t, ri_malloc_good_size, ri_good_size, (size_t size))

// Older names.
RIX_SYNONYM(void, ri_free_size, ri_free_sized, (void* p, size_t size))
RIX_SYNONYM(void, ri_free_size_aligned, rix_mi_free_size_aligned,
            (void* p, size_t size, size_t alignment))
RIX_SYNONYM(void*, ri_uzalloc_small, rix_mi_uzalloc_small, (size_t size, size_t* block_size))
RIX_SYNONYM(bool, ri_check_owned, ri_is_in_heap_region, (const void* p))
RIX_SYNONYM(void, ri_debug_show_arenas, ri_arenas_print, (void))

#undef RIX_SYNONYM

#if defined(__cplusplus)
}
#endif

#endif
