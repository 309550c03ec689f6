// SPDX-License-Identifier: MIT
// stl-base.h: what the allocators for C++ containers have in common: those of allocator.h and those
// of mimalloc's header, which differ in their names and in the functions that they call. C++11 on.
//
// A parameter Api has, as static members: heap_t; new_n(count, size, alignment) and
// heap_new_n(heap, count, size, alignment), which throw; free(p); heap_new(), heap_delete(heap),
// heap_destroy(heap), heap_collect(heap, force).
#ifndef RIMALLOC_STL_BASE_H
#define RIMALLOC_STL_BASE_H

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

// Out of memory, where no function reports it. A program without exceptions ends.
[[noreturn]] inline void rix_stl_fail() {
#if defined(__cpp_exceptions)
  throw std::bad_alloc();
#else
  std::abort();
#endif
}

// The members that every allocator has.
template <class T>
struct rix_stl_types {
  typedef T value_type;
  typedef std::size_t size_type;
  typedef std::ptrdiff_t difference_type;
  typedef T& reference;
  typedef const T& const_reference;
  typedef T* pointer;
  typedef const T* const_pointer;
  typedef std::true_type propagate_on_container_copy_assignment;
  typedef std::true_type propagate_on_container_move_assignment;
  typedef std::true_type propagate_on_container_swap;

  template <class U, class... Args>
  void construct(U* p, Args&&... args) {
    ::new (static_cast<void*>(p)) U(std::forward<Args>(args)...);
  }
  template <class U>
  void destroy(U* p) noexcept {
    p->~U();
  }
  size_type max_size() const noexcept { return PTRDIFF_MAX / sizeof(T); }
  pointer address(reference x) const noexcept { return std::addressof(x); }
  const_pointer address(const_reference x) const noexcept { return std::addressof(x); }
};

// Allocates as operator new does.
template <class T, class Api>
struct rix_stl_plain : rix_stl_types<T> {
  typedef std::true_type is_always_equal;

  T* allocate(std::size_t count, const void* = nullptr) {
    return static_cast<T*>(Api::new_n(count, sizeof(T), alignof(T)));
  }
  void deallocate(T* p, std::size_t) noexcept { Api::free(p); }
};

// Allocates from a heap: a fresh one that ends with the last copy of the allocator, deleted or
// destroyed, or a given one that stays.
template <class T, class Api, bool Destroy>
struct rix_stl_heap : rix_stl_types<T> {
  typedef typename Api::heap_t heap_t;
  typedef std::false_type is_always_equal;

  T* allocate(std::size_t count, const void* = nullptr) {
    return static_cast<T*>(Api::heap_new_n(heap.get(), count, sizeof(T), alignof(T)));
  }
  // Blocks of a heap that is destroyed at its end go with it.
  void deallocate(T* p, std::size_t) noexcept {
    if (!Destroy) Api::free(p);
  }
  void collect(bool force) { Api::heap_collect(heap.get(), force); }
  template <class U>
  bool is_equal(const rix_stl_heap<U, Api, Destroy>& other) const noexcept {
    return heap == other.heap;
  }

 protected:
  rix_stl_heap() : heap(Api::heap_new(), &end) {
    if (heap.get() == nullptr) rix_stl_fail();
  }
  explicit rix_stl_heap(heap_t* given) : heap(given, [](heap_t*) {}) {}
  rix_stl_heap(const rix_stl_heap& other) noexcept : rix_stl_types<T>(), heap(other.heap) {}
  template <class U>
  explicit rix_stl_heap(const rix_stl_heap<U, Api, Destroy>& other) noexcept : heap(other.heap) {}
  rix_stl_heap& operator=(const rix_stl_heap&) = default;

 private:
  template <class U, class A, bool D>
  friend struct rix_stl_heap;

  static void end(heap_t* h) {
    if (h == nullptr) return;
    if (Destroy) {
      Api::heap_destroy(h);
    } else {
      Api::heap_delete(h);
    }
  }

  std::shared_ptr<heap_t> heap;
};

// Defines an allocator NAME<T> that allocates as operator new does, with the functions of `api`.
#define RIX_STL_PLAIN(NAME, api)                                         \
  template <class T>                                                     \
  struct NAME : rix_stl_plain<T, api> {                                  \
    template <class U>                                                   \
    struct rebind {                                                      \
      typedef NAME<U> other;                                             \
    };                                                                   \
    NAME() noexcept = default;                                           \
    NAME(const NAME&) noexcept = default;                                \
    template <class U>                                                   \
    NAME(const NAME<U>&)                                                 \
    noexcept {}                                                          \
    NAME& operator=(const NAME&) noexcept = default;                     \
    NAME select_on_container_copy_construction() const { return *this; } \
  };                                                                     \
  template <class T, class U>                                            \
  bool operator==(const NAME<T>&, const NAME<U>&) noexcept {             \
    return true;                                                         \
  }                                                                      \
  template <class T, class U>                                            \
  bool operator!=(const NAME<T>&, const NAME<U>&) noexcept {             \
    return false;                                                        \
  }

// Defines an allocator NAME<T> that allocates from a heap.
#define RIX_STL_HEAP(NAME, api, DESTROY)                                 \
  template <class T>                                                     \
  struct NAME : rix_stl_heap<T, api, DESTROY> {                          \
    typedef rix_stl_heap<T, api, DESTROY> base_t;                        \
    template <class U>                                                   \
    struct rebind {                                                      \
      typedef NAME<U> other;                                             \
    };                                                                   \
    NAME() = default;                                                    \
    NAME(typename base_t::heap_t* given) : base_t(given) {}              \
    NAME(const NAME&) noexcept = default;                                \
    template <class U>                                                   \
    NAME(const NAME<U>& other)                                           \
    noexcept : base_t(other) {}                                          \
    NAME& operator=(const NAME&) = default;                              \
    NAME select_on_container_copy_construction() const { return *this; } \
  };                                                                     \
  template <class T, class U>                                            \
  bool operator==(const NAME<T>& a, const NAME<U>& b) noexcept {         \
    return a.is_equal(b);                                                \
  }                                                                      \
  template <class T, class U>                                            \
  bool operator!=(const NAME<T>& a, const NAME<U>& b) noexcept {         \
    return !a.is_equal(b);                                               \
  }

#endif
