// SPDX-License-Identifier: MIT
// stl.h: mimalloc's allocators for C++ containers; a part of its mimalloc.h.
#ifndef RIMALLOC_MIMALLOC_STL_H
#define RIMALLOC_MIMALLOC_STL_H

#include "../stl-base.h"

#define MI_HAS_HEAP_STL_ALLOCATOR 1

struct rix_mi_stl_api {
  typedef mi_heap_t heap_t;
  static void* new_n(std::size_t count, std::size_t size, std::size_t alignment) {
    if (alignment <= 16) return mi_new_n(count, size);
    if (count > PTRDIFF_MAX / size) rix_stl_fail();
    return mi_new_aligned(count * size, alignment);
  }
  static void* heap_new_n(heap_t* heap, std::size_t count, std::size_t size,
                          std::size_t alignment) {
    if (alignment <= 16) return mi_heap_alloc_new_n(heap, count, size);
    void* const p = count <= PTRDIFF_MAX / size
                        ? mi_heap_malloc_aligned(heap, count * size, alignment)
                        : nullptr;
    if (p == nullptr) rix_stl_fail();
    return p;
  }
  static void free(void* p) noexcept { mi_free(p); }
  static heap_t* heap_new() { return mi_heap_new(); }
  static void heap_delete(heap_t* heap) { mi_heap_delete(heap); }
  static void heap_destroy(heap_t* heap) { mi_heap_destroy(heap); }
  static void heap_collect(heap_t* heap, bool force) { mi_heap_collect(heap, force); }
};

RIX_STL_PLAIN(mi_stl_allocator, rix_mi_stl_api)
RIX_STL_HEAP(mi_heap_stl_allocator, rix_mi_stl_api, false)
RIX_STL_HEAP(mi_heap_destroy_stl_allocator, rix_mi_stl_api, true)

#endif
