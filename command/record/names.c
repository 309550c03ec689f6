// SPDX-License-Identifier: MIT
// names.c: malloc and its family, written down and passed on. See record.h.
//
// The next allocator's functions are looked up at the first call; what the look-up itself allocates
// comes from a small array, and is never freed. Prototypes are here and not taken from libc's
// headers, which differ in what they declare.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "record.h"

RECORD_EXPORT void* malloc(size_t size);
RECORD_EXPORT void* calloc(size_t count, size_t size);
RECORD_EXPORT void free(void* p);
RECORD_EXPORT void free_sized(void* p, size_t size);
RECORD_EXPORT void free_aligned_sized(void* p, size_t alignment, size_t size);
RECORD_EXPORT void* realloc(void* p, size_t size);
RECORD_EXPORT void* reallocarray(void* p, size_t count, size_t size);
RECORD_EXPORT void* aligned_alloc(size_t alignment, size_t size);
RECORD_EXPORT void* memalign(size_t alignment, size_t size);
RECORD_EXPORT int posix_memalign(void** p, size_t alignment, size_t size);
RECORD_EXPORT void* valloc(size_t size);
RECORD_EXPORT void* pvalloc(size_t size);

enum { NAMES_FIRST = 1 << 15 };

static struct {
  _Atomic(bool) xready;
  void* (*malloc)(size_t);
  void* (*calloc)(size_t, size_t);
  void* (*realloc)(void*, size_t);
  void (*free)(void*);
  void* (*memalign)(size_t, size_t);
  void* (*aligned_alloc)(size_t, size_t);
  int (*posix_memalign)(void**, size_t, size_t);
} names;

// ---- Before the functions are known -------------------------------------------------------------

static _Alignas(64) char names_first[NAMES_FIRST];
static _Atomic(size_t) names_xfirst;

static void* names_from_first(size_t size) {
  const size_t need = (size + 63) / 64 * 64;
  const size_t at = atomic_fetch_add_explicit(&names_xfirst, need, memory_order_relaxed);
  return at + need <= NAMES_FIRST ? names_first + at : NULL;
}

static bool names_is_first(const void* p) {
  return (uintptr_t)p - (uintptr_t)names_first < NAMES_FIRST;
}

static void* names_move_first(const void* p, size_t size) {
  void* const to = malloc(size);
  const size_t most = (size_t)(names_first + NAMES_FIRST - (const char*)p);
  if (to != NULL) memcpy(to, p, size < most ? size : most);
  return to;
}

// A pointer to an object becomes one to a function.
#define NAMES_FIND(name) (*(void**)(void*)& names.name = record_next(#name))

static bool names_look_up(void) {
  static _Thread_local bool looking __attribute__((tls_model("initial-exec")));
  if (looking) return false;
  looking = true;
  const int saved = errno;
  const bool found = NAMES_FIND(malloc) != NULL && NAMES_FIND(calloc) != NULL &&
                     NAMES_FIND(realloc) != NULL && NAMES_FIND(free) != NULL;
  (void)NAMES_FIND(memalign);
  (void)NAMES_FIND(aligned_alloc);
  (void)NAMES_FIND(posix_memalign);
  errno = saved;
  looking = false;
  if (!found) __builtin_trap();
  // Pairs with the acquire in names_ready. Several threads may find the same.
  atomic_store_explicit(&names.xready, true, memory_order_release);
  return true;
}

static bool names_ready(void) {
  return atomic_load_explicit(&names.xready, memory_order_acquire) || names_look_up();
}

// ---- What programs call -------------------------------------------------------------------------

void* malloc(size_t size) {
  if (!names_ready()) return names_from_first(size);
  RECORD_SCOPE(entered);
  void* const p = names.malloc(size);
  if (entered) record_allocated(TRACE_MALLOC, p, size, 0);
  return p;
}

void* calloc(size_t count, size_t size) {
  if (!names_ready()) return names_from_first(count * size);
  RECORD_SCOPE(entered);
  void* const p = names.calloc(count, size);
  if (entered) record_allocated(TRACE_CALLOC, p, count * size, 0);
  return p;
}

void free(void* p) {
  if (p == NULL || names_is_first(p) || !names_ready()) return;
  RECORD_SCOPE(entered);
  if (entered) record_freed(TRACE_FREE, p, 0, 0);
  names.free(p);
}

void free_sized(void* p, size_t size) {
  (void)size;
  free(p);
}

void free_aligned_sized(void* p, size_t alignment, size_t size) {
  (void)alignment;
  (void)size;
  free(p);
}

void* realloc(void* p, size_t size) {
  if (p == NULL) return malloc(size);
  if (names_is_first(p)) return names_move_first(p, size);
  if (!names_ready()) return NULL;
  RECORD_SCOPE(entered);
  if (!entered) return names.realloc(p, size);
  const uint64_t order = record_order();
  void* const moved = names.realloc(p, size);
  if (moved != NULL) {
    record_reallocated(p, order, moved, size);
  } else if (size == 0) {
    record_freed(TRACE_FREE, p, 0, 0);
  }
  return moved;
}

void* reallocarray(void* p, size_t count, size_t size) {
  size_t all;
  if (!__builtin_mul_overflow(count, size, &all)) return realloc(p, all);
  errno = ENOMEM;
  return NULL;
}

void* aligned_alloc(size_t alignment, size_t size) {
  if (!names_ready() || names.aligned_alloc == NULL) return NULL;
  RECORD_SCOPE(entered);
  void* const p = names.aligned_alloc(alignment, size);
  if (entered) record_allocated(TRACE_ALIGNED, p, size, alignment);
  return p;
}

void* memalign(size_t alignment, size_t size) {
  if (!names_ready() || names.memalign == NULL) return NULL;
  RECORD_SCOPE(entered);
  void* const p = names.memalign(alignment, size);
  if (entered) record_allocated(TRACE_ALIGNED, p, size, alignment);
  return p;
}

int posix_memalign(void** p, size_t alignment, size_t size) {
  if (!names_ready() || names.posix_memalign == NULL) return ENOMEM;
  RECORD_SCOPE(entered);
  const int error = names.posix_memalign(p, alignment, size);
  if (entered && error == 0) record_allocated(TRACE_ALIGNED, *p, size, alignment);
  return error;
}

void* valloc(size_t size) { return memalign((size_t)sysconf(_SC_PAGESIZE), size); }

void* pvalloc(size_t size) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const size_t whole = size > SIZE_MAX - page ? size : (size + page - 1) / page * page;
  return memalign(page, whole == 0 ? page : whole);
}
