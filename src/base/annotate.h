// SPDX-License-Identifier: MIT
// annotate.h: tells AddressSanitizer, Valgrind's memcheck and MemorySanitizer about blocks, so that
// programs on this allocator get their reports for blocks as well (CMake: RIMALLOC_ANNOTATE).
//
// Every block then has exactly the requested size, followed by RIX_REDZONE or more bytes that
// nobody may touch; a freed block is out of bounds until it is handed out again. All pages are
// checked pages (page/page.h), so no allocation and no free takes a fast path. Without a tool
// everything here compiles to nothing.
//
// The allocator's own lists lie in freed blocks. AddressSanitizer does not look at the library's
// code, which is compiled without it; memcheck is asked not to report between enter and leave.
#ifndef RIX_BASE_ANNOTATE_H
#define RIX_BASE_ANNOTATE_H

#include "base/compiler.h"

#define RIX_TOOL_ASAN 1
#define RIX_TOOL_MEMCHECK 2
#define RIX_TOOL_MSAN 3

#define RIX_REDZONE ((size_t)(RIX_ANNOTATE != 0 ? 16 : 0))

#if RIX_ANNOTATE == RIX_TOOL_ASAN

#include <sanitizer/asan_interface.h>

// [p, p + size) may be used by the allocator, whatever it was.
RIX_INLINE void rix_annotate_open(const void* p, size_t size) {
  __asan_unpoison_memory_region(p, size);
}
// p is handed out, a block of `room` bytes of which `size` were requested.
RIX_INLINE void rix_annotate_allocated(const void* p, size_t size, size_t room, bool zero) {
  RIX_UNUSED(zero);
  __asan_unpoison_memory_region(p, size);
  __asan_poison_memory_region((const uint8_t*)p + size, room - size);
}
// The block was freed: p is what was handed out, [block, block + room) all of it.
RIX_INLINE void rix_annotate_freed(const void* p, const void* block, size_t room) {
  RIX_UNUSED(p);
  __asan_poison_memory_region(block, room);
}
// How many bytes of the `room` from p on were requested: all bytes after them are poisoned. A
// binary search, since the tool's own search takes a step for each byte.
RIX_INLINE size_t rix_annotated_size(const void* p, size_t room) {
  size_t low = 0, high = room;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (__asan_address_is_poisoned((const uint8_t*)p + middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}
RIX_INLINE void rix_annotate_enter(void) {}
RIX_INLINE void rix_annotate_leave(void) {}

#elif RIX_ANNOTATE == RIX_TOOL_MEMCHECK

#include <valgrind/memcheck.h>

RIX_INLINE void rix_annotate_open(const void* p, size_t size) {
  VALGRIND_MAKE_MEM_UNDEFINED(p, size);
}
RIX_INLINE void rix_annotate_allocated(const void* p, size_t size, size_t room, bool zero) {
  VALGRIND_MAKE_MEM_NOACCESS(p, room);
  VALGRIND_MALLOCLIKE_BLOCK(p, size, room - size, zero);
}
RIX_INLINE void rix_annotate_freed(const void* p, const void* block, size_t room) {
  const size_t redzone = RIX_REDZONE;
  VALGRIND_FREELIKE_BLOCK(p, redzone);
  VALGRIND_MAKE_MEM_NOACCESS(block, room);
}
RIX_INLINE size_t rix_annotated_size(const void* p, size_t room) {
  VALGRIND_DISABLE_ERROR_REPORTING;
  const uintptr_t end = (uintptr_t)VALGRIND_CHECK_MEM_IS_ADDRESSABLE(p, room);
  VALGRIND_ENABLE_ERROR_REPORTING;
  return end != 0 ? (size_t)(end - (uintptr_t)p) : room;
}
RIX_INLINE void rix_annotate_enter(void) { VALGRIND_DISABLE_ERROR_REPORTING; }
RIX_INLINE void rix_annotate_leave(void) { VALGRIND_ENABLE_ERROR_REPORTING; }

#elif RIX_ANNOTATE == RIX_TOOL_MSAN

#include <sanitizer/msan_interface.h>

RIX_INLINE void rix_annotate_open(const void* p, size_t size) { __msan_unpoison(p, size); }
RIX_INLINE void rix_annotate_allocated(const void* p, size_t size, size_t room, bool zero) {
  if (zero) {
    __msan_unpoison(p, room);
  } else {
    __msan_allocated_memory(p, size);
  }
}
RIX_INLINE void rix_annotate_freed(const void* p, const void* block, size_t room) {
  RIX_UNUSED(p);
  __msan_allocated_memory(block, room);
}
RIX_INLINE size_t rix_annotated_size(const void* p, size_t room) {
  RIX_UNUSED(p);
  return room;
}
RIX_INLINE void rix_annotate_enter(void) {}
RIX_INLINE void rix_annotate_leave(void) {}

#else

RIX_INLINE void rix_annotate_open(const void* p, size_t size) {
  RIX_UNUSED(p);
  RIX_UNUSED(size);
}
RIX_INLINE void rix_annotate_allocated(const void* p, size_t size, size_t room, bool zero) {
  RIX_UNUSED(p);
  RIX_UNUSED(size);
  RIX_UNUSED(room);
  RIX_UNUSED(zero);
}
RIX_INLINE void rix_annotate_freed(const void* p, const void* block, size_t room) {
  RIX_UNUSED(p);
  RIX_UNUSED(block);
  RIX_UNUSED(room);
}
RIX_INLINE size_t rix_annotated_size(const void* p, size_t room) {
  RIX_UNUSED(p);
  return room;
}
/*@ assigns \nothing; */
RIX_INLINE void rix_annotate_enter(void) {}
/*@ assigns \nothing; */
RIX_INLINE void rix_annotate_leave(void) {}

#endif

#endif
