// SPDX-License-Identifier: MIT
// libc.c: the malloc family under the names of the C library, so that a program uses rimalloc
// without a change: preloaded, linked shared or static, or with rimalloc.o named first.
//
//   malloc, free ------------> the inline fast path of fast.h, ending in tail calls
//   all others --------------> one ri_ function each
//   __libc_* ----------------> aliases, for code that goes around the public names; the static
//                              glibc would otherwise pull its own allocator in for them
//
// What is here is what C libraries do not build on other public names, so neither does this: a
// program may replace any of it, and may build its malloc on its own on memalign, or calloc. What
// they do build on others is in derived.c, or not here at all: strdup, strndup, asprintf, realpath
// and so on are libc's own, which take their blocks from malloc by its public name.
//
// What the names promise where standards and libraries differ:
//   realloc(p, 0)      frees p, returns NULL, errno untouched (glibc; C17 lets us choose). With
//                      p == NULL it is malloc(0).
//   malloc(0)          a block of its own that can be freed (glibc).
//   overflow, too big  NULL, ENOMEM, nothing changed.
//   memalign           an alignment that is no power of two is rounded up to one, as glibc does;
//                      EINVAL only when that does not fit a size_t.
//   aligned_alloc      EINVAL for such an alignment (C17: an unsupported alignment shall fail;
//                      glibc since 2.38). The size need not be a multiple of it (C17).
//   posix_memalign     returns the error; errno and *out are untouched (POSIX).
//   free and relatives errno is unchanged (POSIX 2024).
//
// The definitions are strong on purpose: a program that brings a malloc of its own as well should
// fail to link rather than free blocks of one allocator in the other. Prototypes are here and not
// taken from libc's headers, which differ in what they declare.
//
// CONCURRENCY: as rimalloc.h.
#include <errno.h>
#include <rimalloc/fast.h>

#include "base/bits.h"
#include "base/compiler.h"

// A second name; with the attributes that compilers give the first one, which they compare.
#define LIBC_ALIAS(name, target) \
  extern __typeof__(target) name \
      __attribute__((alias(#target), visibility("default"), nothrow, leaf))

// ---- C ------------------------------------------------------------------------------------------

RI_EXPORT void* malloc(size_t size);
RI_EXPORT void free(void* p);
RI_EXPORT void* calloc(size_t count, size_t size);
RI_EXPORT void* realloc(void* p, size_t size);
RI_EXPORT void* aligned_alloc(size_t alignment, size_t size);

void* malloc(size_t size) { return rix_fast_malloc(rix_tls.theap, size); }

void free(void* p) { rix_fast_free(p); }

void* calloc(size_t count, size_t size) { return ri_calloc(count, size); }

void* realloc(void* p, size_t size) {
  if (RIX_UNLIKELY(size == 0) && p != NULL) {
    ri_free(p);
    return NULL;
  }
  return ri_realloc(p, size);
}

void* aligned_alloc(size_t alignment, size_t size) { return ri_aligned_alloc(alignment, size); }

// ---- POSIX --------------------------------------------------------------------------------------

RI_EXPORT int posix_memalign(void** out, size_t alignment, size_t size);

int posix_memalign(void** out, size_t alignment, size_t size) {
  return ri_posix_memalign(out, alignment, size);
}

// ---- GNU and older ------------------------------------------------------------------------------

RI_EXPORT void* memalign(size_t alignment, size_t size);
RI_EXPORT void* valloc(size_t size);
RI_EXPORT void* pvalloc(size_t size);
RI_EXPORT size_t malloc_usable_size(void* p);

// The next power of two; 0, which no function accepts, when there is none.
static size_t libc_round_alignment(size_t alignment) {
  if (alignment <= 1) return 1;
  if (alignment > SIZE_MAX / 2 + 1) return 0;
  return (size_t)2 << rix_bsr(alignment - 1);
}

void* memalign(size_t alignment, size_t size) {
  return ri_memalign(libc_round_alignment(alignment), size);
}

void* valloc(size_t size) { return ri_valloc(size); }

void* pvalloc(size_t size) { return ri_pvalloc(size); }

size_t malloc_usable_size(void* p) { return ri_usable_size(p); }

// ---- Names inside glibc -------------------------------------------------------------------------

LIBC_ALIAS(__libc_malloc, malloc) RI_MALLOC_LIKE;
LIBC_ALIAS(__libc_calloc, calloc) RI_MALLOC_LIKE;
LIBC_ALIAS(__libc_realloc, realloc);
LIBC_ALIAS(__libc_free, free);
LIBC_ALIAS(__libc_cfree, free);
LIBC_ALIAS(__libc_memalign, memalign);
LIBC_ALIAS(__libc_valloc, valloc);
LIBC_ALIAS(__libc_pvalloc, pvalloc);
LIBC_ALIAS(__posix_memalign, posix_memalign);

// ---- Names inside this library ------------------------------------------------------------------

// For own.h: what is here, whatever the program's names lead to.
#define LIBC_OWN(name, target)   \
  extern __typeof__(target) name \
      __attribute__((alias(#target), visibility("hidden"), nothrow, leaf))

LIBC_OWN(rix_own_malloc, malloc) RI_MALLOC_LIKE;
LIBC_OWN(rix_own_free, free);
LIBC_OWN(rix_own_realloc, realloc);
LIBC_OWN(rix_own_usable_size, malloc_usable_size);
LIBC_OWN(rix_own_aligned_alloc, aligned_alloc) RI_MALLOC_LIKE;
