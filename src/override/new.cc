// SPDX-License-Identifier: MIT
// new.cc: operator new and delete in all 20 forms.
//
//   new(n), new(n, align) --> rimalloc; when there is no memory: the new handler, again and again;
//                             std::bad_alloc when there is none
//   new(n, nothrow)       --> new(n), and NULL for whatever that or the handler throws
//   new[](...)            --> new(...)                       delete[](p, ...) --> delete(p, ...)
//   delete(p), delete(p, align) --> rimalloc                 delete(p, size)  --> delete(p)
//
// Where the program brings a malloc of its own but not these, that is where new takes from and
// where delete gives back, as the C++ library's do: the program may free what new made, and count
// it. Only the slow paths know: in such a process no page has blocks for the inline path, except
// where a thread also calls ri_malloc or the like; blocks that new takes then, delete recognises by
// the page map. A malloc that ends here, such as one that counts and calls the next, is not one of
// its own. No test of addresses can tell (own.h), so the first slow new asks for a block and looks
// whose it is.
//
// Why C++: nothrow forms must catch what a new handler throws, and C cannot catch. Why it needs no
// C++ library: api/new.h. In its case 2 the nothrow forms go to that library's own, which catch.
//
// CONCURRENCY: as malloc and free.
#include <new>
#include <type_traits>

#include "os/catch.h"

extern "C" {
#include <rimalloc/fast.h>

#include "api/new.h"
#include "base/bits.h"
#include "os/os.h"
#include "override/own.h"
}

#define NEW_FORM __attribute__((weak, visibility("default")))

namespace {

using align_t = std::align_val_t;
using nothrow_t = std::nothrow_t;

// The letter of std::size_t in mangled names.
constexpr bool size_is_long = std::is_same<std::size_t, unsigned long>::value;

// Whether malloc is another allocator's. Found out once; every thread gets the same answer.
enum origin_t : uint32_t { ORIGIN_UNKNOWN, ORIGIN_HERE, ORIGIN_PROGRAM };
ri_atomic(uint32_t) xorigin;
// The program's malloc may itself use new when it is called first.
thread_local bool asking __attribute__((tls_model("initial-exec")));

RIX_SLOW bool origin_ask() {
  if (asking) return false;
  asking = true;
  const bool here = ri_is_redirected();
  ri_store_relaxed(&xorigin, here ? ORIGIN_HERE : ORIGIN_PROGRAM);
  asking = false;
  return !here;
}

bool origin_is_program() {
  const uint32_t origin = ri_load_relaxed(&xorigin);
  if (RIX_LIKELY(origin == ORIGIN_HERE)) return false;
  return origin == ORIGIN_UNKNOWN ? origin_ask() : true;
}

// What ri_malloc and ri_malloc_aligned are where malloc is another allocator's. That may have no
// blocks of 0 bytes; and its aligned_alloc may want what C11 wanted, a multiple of the alignment.
void* program_malloc(std::size_t size) { return malloc(size != 0 ? size : 1); }

void* program_malloc_aligned(std::size_t size, std::size_t alignment) {
  if (!rix_is_pow2(alignment)) return ri_malloc_aligned(size, alignment);
  if (alignment < sizeof(void*)) alignment = sizeof(void*);
  if (size > SIZE_MAX - alignment) return ri_malloc_aligned(size, alignment);  // fails
  if (size == 0) size = 1;
  return aligned_alloc(alignment, rix_align_up(size, alignment));
}

void* new_malloc(std::size_t size) {
  return RIX_UNLIKELY(origin_is_program()) ? program_malloc(size) : ri_malloc(size);
}

void* new_malloc_aligned(std::size_t size, std::size_t alignment) {
  return RIX_UNLIKELY(origin_is_program()) ? program_malloc_aligned(size, alignment)
                                           : ri_malloc_aligned(size, alignment);
}

RIX_SLOW void* new_retry(std::size_t size, std::size_t alignment) {
  if (!origin_is_program()) return rix_new_retry(size, alignment);
  for (;;) {
    rix_new_out_of_memory(size);
    void* const p = alignment == 0 ? program_malloc(size) : program_malloc_aligned(size, alignment);
    if (p != nullptr) return p;
  }
}

// All of new(size) that the fast path does not do. A function of its own, so that the path there is
// a tail call and needs no frame.
RIX_SLOW void* new_generic(std::size_t size) {
  void* const p = new_malloc(size);
  return RIX_LIKELY(p != nullptr) ? p : new_retry(size, 0);
}

using local_new_t = void*(std::size_t, const nothrow_t&) noexcept;
using local_new_aligned_t = void*(std::size_t, align_t, const nothrow_t&) noexcept;

// The nothrow forms of cases 2 and 3.
RIX_SLOW void* new_local(std::size_t size, const nothrow_t& tag) {
  void* const p = new_malloc(size);
  if (p != nullptr) return p;
  auto* const form = reinterpret_cast<local_new_t*>(
      rix_new_find(size_is_long ? "_ZnwmRKSt9nothrow_t" : "_ZnwjRKSt9nothrow_t"));
  return form != nullptr ? form(size, tag) : nullptr;
}

RIX_SLOW void* new_local_aligned(std::size_t size, align_t alignment, const nothrow_t& tag) {
  void* const p = new_malloc_aligned(size, static_cast<std::size_t>(alignment));
  if (p != nullptr) return p;
  auto* const form = reinterpret_cast<local_new_aligned_t*>(rix_new_find(
      size_is_long ? "_ZnwmSt11align_val_tRKSt9nothrow_t" : "_ZnwjSt11align_val_tRKSt9nothrow_t"));
  return form != nullptr ? form(size, alignment, tag) : nullptr;
}

// delete of what the page map does not know at once: NULL, a very large block, a foreign one. Also
// of a block that was just deleted.
RIX_SLOW void delete_generic(void* p) {
  const bool foreign = p != nullptr && origin_is_program() && !ri_is_in_heap_region(p);
  if (foreign) {
    free(p);
  } else {
    rix_free_generic(p);
  }
}

}  // namespace

// ---- new ----------------------------------------------------------------------------------------

NEW_FORM void* operator new(std::size_t size) {
  void* const p = rix_fast_pop(rix_tls.theap, size);
  return RIX_LIKELY(p != nullptr) ? p : new_generic(size);
}

NEW_FORM void* operator new(std::size_t size, align_t alignment) {
  const std::size_t bytes = static_cast<std::size_t>(alignment);
  void* const p = new_malloc_aligned(size, bytes);
  if (RIX_LIKELY(p != nullptr)) return p;
  if (!rix_is_pow2(bytes)) rix_new_throw(size);  // no handler can help
  return new_retry(size, bytes);
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

NEW_FORM void operator delete(void* p) noexcept { rix_fast_free_or(p, delete_generic); }

NEW_FORM void operator delete(void* p, align_t) noexcept { rix_fast_free_or(p, delete_generic); }

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
