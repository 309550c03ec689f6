// SPDX-License-Identifier: MIT
// new.cc: operator new and delete in all 20 forms.
//
//   new(n), new(n, align) --> rimalloc; when there is no memory: the new handler, again and again;
//                             std::bad_alloc when there is none
//   new(n, nothrow)       --> new(n), and NULL for whatever that or the handler throws
//   new[](...)            --> new(...)                       delete[](p, ...) --> delete(p, ...)
//   delete(p), delete(p, align) --> rimalloc                 delete(p, size)  --> delete(p)
//
// The forms call each other as the standard says, through symbols that can be replaced: a program
// that replaces only new(n) and delete(p), as it may, gets its own for all forms without alignment.
// (Passing a size straight to rimalloc would save a jump and free such a program's blocks here.)
// All definitions are weak, as those of the C++ library are, so that the program's go first.
//
// Why C++: nothrow forms must catch what a new handler throws, and C cannot catch. Why it needs no
// C++ library: api/new.h. In its case 2 the nothrow forms go to that library's own, which catch.
//
// CONCURRENCY: as malloc and free.
#include <new>
#include <type_traits>

extern "C" {
#include <rimalloc/fast.h>

#include "api/new.h"
#include "base/bits.h"
#include "os/os.h"
}

#define NEW_FORM __attribute__((weak, visibility("default")))

// For names that the compiler makes itself, see os/catch.cc.
extern "C" void* __cxa_begin_catch(void*) noexcept __attribute__((weak));
__asm__(
    ".weak __gxx_personality_v0\n"
    ".weak __cxa_begin_catch\n"
    ".weak __cxa_end_catch\n"
    ".weak _ZSt9terminatev\n");

namespace {

using align_t = std::align_val_t;
using nothrow_t = std::nothrow_t;

// The letter of std::size_t in mangled names.
constexpr bool size_is_long = std::is_same<std::size_t, unsigned long>::value;

// All of new(size) that the fast path does not do. A function of its own, so that the path there is
// a tail call and needs no frame.
RIX_SLOW void* new_generic(std::size_t size) {
  void* const p = ri_malloc(size);
  return RIX_LIKELY(p != nullptr) ? p : rix_new_retry(size, 0);
}

using local_new_t = void*(std::size_t, const nothrow_t&) noexcept;
using local_new_aligned_t = void*(std::size_t, align_t, const nothrow_t&) noexcept;

// The nothrow forms of cases 2 and 3.
RIX_SLOW void* new_local(std::size_t size, const nothrow_t& tag) {
  void* const p = ri_malloc(size);
  if (p != nullptr) return p;
  auto* const form = reinterpret_cast<local_new_t*>(
      rix_new_find(size_is_long ? "_ZnwmRKSt9nothrow_t" : "_ZnwjRKSt9nothrow_t"));
  return form != nullptr ? form(size, tag) : nullptr;
}

RIX_SLOW void* new_local_aligned(std::size_t size, align_t alignment, const nothrow_t& tag) {
  void* const p = ri_malloc_aligned(size, static_cast<std::size_t>(alignment));
  if (p != nullptr) return p;
  auto* const form = reinterpret_cast<local_new_aligned_t*>(rix_new_find(
      size_is_long ? "_ZnwmSt11align_val_tRKSt9nothrow_t" : "_ZnwjSt11align_val_tRKSt9nothrow_t"));
  return form != nullptr ? form(size, alignment, tag) : nullptr;
}

}  // namespace

// ---- new ----------------------------------------------------------------------------------------

NEW_FORM void* operator new(std::size_t size) {
  ri_fast_theap_t* const theap = rix_tls.theap;
  const bool ready = size <= RI_DIRECT_MAX && theap->direct[(size + 7) / 8]->free != nullptr;
  return RIX_LIKELY(ready) ? rix_fast_malloc(theap, size) : new_generic(size);
}

NEW_FORM void* operator new(std::size_t size, align_t alignment) {
  const std::size_t bytes = static_cast<std::size_t>(alignment);
  void* const p = ri_malloc_aligned(size, bytes);
  if (RIX_LIKELY(p != nullptr)) return p;
  if (!rix_is_pow2(bytes)) rix_new_throw(size);  // no handler can help
  return rix_new_retry(size, bytes);
}

NEW_FORM void* operator new(std::size_t size, const nothrow_t& tag) noexcept {
  if (RIX_UNLIKELY(!rix_os_can_catch())) return new_local(size, tag);
  try {
    return operator new(size);
  } catch (...) {
    return nullptr;
  }
}

NEW_FORM void* operator new(std::size_t size, align_t alignment, const nothrow_t& tag) noexcept {
  if (RIX_UNLIKELY(!rix_os_can_catch())) return new_local_aligned(size, alignment, tag);
  try {
    return operator new(size, alignment);
  } catch (...) {
    return nullptr;
  }
}

NEW_FORM void* operator new[](std::size_t size) { return operator new(size); }

NEW_FORM void* operator new[](std::size_t size, align_t alignment) {
  return operator new(size, alignment);
}

// These two catch for themselves: a program's new[](n) may throw as well.
NEW_FORM void* operator new[](std::size_t size, const nothrow_t& tag) noexcept {
  if (RIX_UNLIKELY(!rix_os_can_catch())) return new_local(size, tag);
  try {
    return operator new[](size);
  } catch (...) {
    return nullptr;
  }
}

NEW_FORM void* operator new[](std::size_t size, align_t alignment, const nothrow_t& tag) noexcept {
  if (RIX_UNLIKELY(!rix_os_can_catch())) return new_local_aligned(size, alignment, tag);
  try {
    return operator new[](size, alignment);
  } catch (...) {
    return nullptr;
  }
}

// ---- delete -------------------------------------------------------------------------------------

NEW_FORM void operator delete(void* p) noexcept { rix_fast_free(p); }

NEW_FORM void operator delete(void* p, align_t) noexcept { rix_fast_free(p); }

NEW_FORM void operator delete(void* p, std::size_t) noexcept { operator delete(p); }

NEW_FORM void operator delete(void* p, const nothrow_t&) noexcept { operator delete(p); }

NEW_FORM void operator delete(void* p, std::size_t, align_t alignment) noexcept {
  operator delete(p, alignment);
}

NEW_FORM void operator delete(void* p, align_t alignment, const nothrow_t&) noexcept {
  operator delete(p, alignment);
}

NEW_FORM void operator delete[](void* p) noexcept { operator delete(p); }

NEW_FORM void operator delete[](void* p, align_t alignment) noexcept {
  operator delete(p, alignment);
}

NEW_FORM void operator delete[](void* p, std::size_t) noexcept { operator delete[](p); }

NEW_FORM void operator delete[](void* p, const nothrow_t&) noexcept { operator delete[](p); }

NEW_FORM void operator delete[](void* p, std::size_t, align_t alignment) noexcept {
  operator delete[](p, alignment);
}

NEW_FORM void operator delete[](void* p, align_t alignment, const nothrow_t&) noexcept {
  operator delete[](p, alignment);
}
