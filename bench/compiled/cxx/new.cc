// SPDX-License-Identifier: MIT
// new.cc: operator new and delete of the program, of the allocator under test. One of these:
//   COMPILED_FAST       rimalloc, inline: fast.h before new-delete.h
//   COMPILED_CALLED     rimalloc, called
//   COMPILED_PREFIX=p   functions called <p>malloc, <p>posix_memalign, and COMPILED_SIZED=f: f(p, n)
// Without any, the file is empty and the C++ library's own are used.
#if defined(COMPILED_FAST)
#include <rimalloc/fast.h>
#include <rimalloc/new-delete.h>
#elif defined(COMPILED_CALLED)
#include <rimalloc/new-delete.h>
#elif defined(COMPILED_PREFIX)
#include <cstddef>
#include <new>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
extern "C" {
void* JOIN(COMPILED_PREFIX, malloc)(std::size_t size) __attribute__((malloc, alloc_size(1)));
int JOIN(COMPILED_PREFIX, posix_memalign)(void** out, std::size_t alignment, std::size_t size);
void JOIN(COMPILED_PREFIX, free)(void* p);
void COMPILED_SIZED(void* p, std::size_t size);
}

static inline void* peer_new(std::size_t size) {
  void* const p = JOIN(COMPILED_PREFIX, malloc)(size);
  if (__builtin_expect(p == nullptr, 0)) throw std::bad_alloc();
  return p;
}
static inline void* peer_new_nothrow(std::size_t size) noexcept {
  return JOIN(COMPILED_PREFIX, malloc)(size);
}
static inline void* peer_new_aligned_nothrow(std::size_t size, std::size_t alignment) noexcept {
  void* p = nullptr;
  return JOIN(COMPILED_PREFIX, posix_memalign)(&p, alignment, size) == 0 ? p : nullptr;
}
static inline void* peer_new_aligned(std::size_t size, std::size_t alignment) {
  void* const p = peer_new_aligned_nothrow(size, alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
static inline void peer_free(void* p) noexcept { JOIN(COMPILED_PREFIX, free)(p); }
static inline void peer_free_aligned(void* p, std::size_t) noexcept { peer_free(p); }

#define RIX_NEW_DELETE(name) peer_##name
#define RIX_DELETE_SIZED(p, n) COMPILED_SIZED(p, n)
#define RIX_DELETE_ALIGNED_SIZED(p, a, n) ((void)(n), peer_free_aligned(p, a))
#include <rimalloc/new-delete-forms.h>
#endif
