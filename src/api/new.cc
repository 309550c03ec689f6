// SPDX-License-Identifier: MIT
// new.cc: ri_new and its relatives: allocation that calls the new handler and throws. new.h says
// how this works without a C++ library, and when there is one out of scope.
//
//   ri_new(n) -- ri_malloc -- NULL --> new_retry: handler, again; no handler: std::bad_alloc
//   ri_new_nothrow(n) -- the same, and NULL for whatever is thrown
//
// Why C++: the nothrow forms must catch what a handler throws, and C cannot catch.
#include "api/new.h"

#include <dlfcn.h>
#include <errno.h>
#include <new>

extern "C" {
#include "base/bits.h"
#include "options/report.h"
}

// What this file and the compiler's code for catch take from other libraries, all weak. The
// assembler's directive is for names that clang makes itself and so does not see as declared here.
extern "C" {
void* __cxa_begin_catch(void*) noexcept __attribute__((weak));
__typeof__(dlsym) dlsym __attribute__((weak));
}
namespace std {
new_handler get_new_handler() noexcept __attribute__((weak));
void __throw_bad_alloc() __attribute__((weak, noreturn));
}  // namespace std
__asm__(
    ".weak __gxx_personality_v0\n"
    ".weak __cxa_begin_catch\n"
    ".weak __cxa_end_catch\n"
    ".weak _ZSt9terminatev\n");

// dlopen is looked up as well: linkers warn of every static program that names it.
void* rix_new_find(const char* name) RI_NOEXCEPT {
  if (dlsym == nullptr) return nullptr;  // a static program
  auto* const open = reinterpret_cast<decltype(&dlopen)>(dlsym(RTLD_DEFAULT, "dlopen"));
  if (open == nullptr) return nullptr;
  void* const library = open("libstdc++.so.6", RTLD_NOLOAD | RTLD_LAZY);
  if (library == nullptr) return nullptr;
  return dlsym(library, name);  // the handle is kept: it is in use from now on
}

bool rix_new_can_catch(void) RI_NOEXCEPT { return __cxa_begin_catch != nullptr; }

void rix_new_throw(size_t size) {
  using function_t = void();
  function_t* raise = std::__throw_bad_alloc;
  if (raise == nullptr) {
    raise = reinterpret_cast<function_t*>(rix_new_find("_ZSt17__throw_bad_allocv"));
  }
  if (raise != nullptr) raise();
  rix_error(ENOMEM, "operator new: no memory for %zu bytes, and no C++ library to say so", size);
  rix_os_abort();
}

void rix_new_out_of_memory(size_t size) {
  using function_t = std::new_handler() noexcept;
  function_t* get = std::get_new_handler;
  if (get == nullptr) {
    get = reinterpret_cast<function_t*>(rix_new_find("_ZSt15get_new_handlerv"));
  }
  const std::new_handler handler = get != nullptr ? get() : nullptr;
  if (handler == nullptr) rix_new_throw(size);
  handler();
}

namespace {

// An alignment of 0 asks for none in particular.
void* new_block(size_t size, size_t alignment) {
  return alignment == 0 ? ri_malloc(size) : ri_malloc_aligned(size, alignment);
}

RIX_SLOW void* new_retry(size_t size, size_t alignment) {
  for (;;) {
    void* const p = new_block(size, alignment);
    if (p != nullptr) return p;
    rix_new_out_of_memory(size);
  }
}

RIX_SLOW void* new_retry_nothrow(size_t size, size_t alignment) noexcept {
  if (!rix_new_can_catch()) return nullptr;
  try {
    return new_retry(size, alignment);
  } catch (...) {
    return nullptr;
  }
}

RIX_SLOW void* new_retry_realloc(void* p, size_t size) {
  for (;;) {
    void* const q = ri_realloc(p, size);
    if (q != nullptr) return q;
    rix_new_out_of_memory(size);
  }
}

}  // namespace

void* ri_new(size_t size) {
  void* const p = ri_malloc(size);
  return RIX_LIKELY(p != nullptr) ? p : new_retry(size, 0);
}

void* ri_new_aligned(size_t size, size_t alignment) {
  if (RIX_UNLIKELY(!rix_is_pow2(alignment))) rix_new_throw(size);  // no handler can help
  void* const p = ri_malloc_aligned(size, alignment);
  return RIX_LIKELY(p != nullptr) ? p : new_retry(size, alignment);
}

void* ri_new_nothrow(size_t size) RI_NOEXCEPT {
  void* const p = ri_malloc(size);
  return RIX_LIKELY(p != nullptr) ? p : new_retry_nothrow(size, 0);
}

void* ri_new_aligned_nothrow(size_t size, size_t alignment) RI_NOEXCEPT {
  if (RIX_UNLIKELY(!rix_is_pow2(alignment))) return nullptr;
  void* const p = ri_malloc_aligned(size, alignment);
  return RIX_LIKELY(p != nullptr) ? p : new_retry_nothrow(size, alignment);
}

void* ri_new_n(size_t count, size_t size) {
  size_t total;
  if (RIX_UNLIKELY(rix_mul_overflows(count, size, &total))) rix_new_throw(SIZE_MAX);
  return ri_new(total);
}

void* ri_new_realloc(void* p, size_t size) {
  void* const q = ri_realloc(p, size);
  return RIX_LIKELY(q != nullptr) ? q : new_retry_realloc(p, size);
}

void* ri_new_reallocn(void* p, size_t count, size_t size) {
  size_t total;
  if (RIX_UNLIKELY(rix_mul_overflows(count, size, &total))) rix_new_throw(SIZE_MAX);
  return ri_new_realloc(p, total);
}
