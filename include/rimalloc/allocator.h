// SPDX-License-Identifier: MIT
// allocator.h: allocators for C++ containers, from C++11 on, and memory resources from C++17 on.
//
//   ri_stl_allocator<T>               as operator new: throws std::bad_alloc, calls new handlers
//   ri_heap_stl_allocator<T>          from a heap: a fresh one, which is deleted with the last copy
//                                     of the allocator (blocks that are still live move to the
//                                     main heap), or a given one, which stays
//   ri_heap_destroy_stl_allocator<T>  the same, and freeing does nothing: the fresh heap is
//                                     destroyed with all its blocks at the end. For containers of
//                                     what needs no destructor, or that nobody destroys.
//   ri_heap_resource                  a std::pmr::memory_resource over a heap, with the same choice
//
// Over-aligned types are aligned. Any thread may use a heap; the allocators are as safe as the
// containers that use them. [M] mi_stl_allocator and relatives
#ifndef RIMALLOC_ALLOCATOR_H
#define RIMALLOC_ALLOCATOR_H

#include "rimalloc.h"
#include "stl-base.h"

struct rix_stl_api {
  typedef ri_heap_t heap_t;
  static void* new_n(std::size_t count, std::size_t size, std::size_t alignment) {
    if (alignment <= 16) return ri_new_n(count, size);
    if (count > PTRDIFF_MAX / size) rix_stl_fail();
    return ri_new_aligned(count * size, alignment);
  }
  static void* heap_new_n(heap_t* heap, std::size_t count, std::size_t size,
                          std::size_t alignment) {
    if (alignment <= 16) return ri_heap_alloc_new_n(heap, count, size);
    void* const p = count <= PTRDIFF_MAX / size
                        ? ri_heap_malloc_aligned(heap, count * size, alignment)
                        : nullptr;
    if (p == nullptr) rix_stl_fail();
    return p;
  }
  static void free(void* p) noexcept { ri_free(p); }
  static heap_t* heap_new() { return ri_heap_new(); }
  static void heap_delete(heap_t* heap) { ri_heap_delete(heap); }
  static void heap_destroy(heap_t* heap) { ri_heap_destroy(heap); }
  static void heap_collect(heap_t* heap, bool force) { ri_heap_collect(heap, force); }
};

RIX_STL_PLAIN(ri_stl_allocator, rix_stl_api)
RIX_STL_HEAP(ri_heap_stl_allocator, rix_stl_api, false)
RIX_STL_HEAP(ri_heap_destroy_stl_allocator, rix_stl_api, true)

// ---- Memory resources ---------------------------------------------------------------------------

#if defined(__has_include) && __cplusplus >= 201703L
#if __has_include(<memory_resource>)
#include <memory_resource>
#define RI_HAS_MEMORY_RESOURCE 1
#define RIX_PMR std::pmr
#elif __has_include(<experimental/memory_resource>)
#include <experimental/memory_resource>  // libc++ before 16
#define RI_HAS_MEMORY_RESOURCE 1
#define RIX_PMR std::experimental::pmr
#endif
#endif

#if defined(RI_HAS_MEMORY_RESOURCE)

// What ri_heap_resource does with its heap at its end.
enum class ri_heap_end { keep, remove, destroy };

// Allocates from a heap. By default from one of its own, which is destroyed with all blocks at the
// end of the resource; or from a given one, which is kept, deleted (blocks that are live move to
// the main heap) or destroyed then. Equal to itself, and to other resources of the same heap.
class ri_heap_resource : public RIX_PMR::memory_resource {
 public:
  ri_heap_resource() : heap_(ri_heap_new()), end_(ri_heap_end::destroy) {
    if (heap_ == nullptr) rix_stl_fail();
  }
  explicit ri_heap_resource(ri_heap_t* heap, ri_heap_end end = ri_heap_end::keep) noexcept
      : heap_(heap), end_(end) {}
  ri_heap_resource(const ri_heap_resource&) = delete;
  ri_heap_resource& operator=(const ri_heap_resource&) = delete;
  ~ri_heap_resource() override {
    if (end_ == ri_heap_end::destroy) ri_heap_destroy(heap_);
    if (end_ == ri_heap_end::remove) ri_heap_delete(heap_);
  }

  ri_heap_t* heap() const noexcept { return heap_; }

 protected:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    // A block of 8 bytes is aligned to 8, whatever type it is for.
    if (alignment <= 8) return rix_stl_api::heap_new_n(heap_, bytes, 1, alignment);
    void* const p = ri_heap_malloc_aligned(heap_, bytes, alignment);
    if (p == nullptr) rix_stl_fail();
    return p;
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    ri_free_aligned_sized(p, alignment, bytes);
  }
  bool do_is_equal(const RIX_PMR::memory_resource& other) const noexcept override {
    if (this == &other) return true;
#if defined(__cpp_rtti)
    const auto* const same = dynamic_cast<const ri_heap_resource*>(&other);
    return same != nullptr && same->heap_ == heap_;
#else
    return false;
#endif
  }

 private:
  ri_heap_t* heap_;
  ri_heap_end end_;
};

#endif

#endif
