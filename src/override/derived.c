// SPDX-License-Identifier: MIT
// derived.c: names that hand out or take blocks on behalf of others: of malloc, realloc and free.
// Where the program has its own of those, blocks must come from there and go back there: libc's
// versions of these functions call them by their public names, and so do these.
//
//   reallocarray, reallocf, reallocarr ----------------> realloc, free
//   cfree, vfree, free_sized, free_aligned_sized ------> free
//   malloc_size, malloc_good_size, _aligned_malloc ----> malloc_usable_size, malloc, aligned_alloc
//
// Names that lead here go straight to the ri_ function, which knows more than the public name does:
// a size to compare, an error to report once.
//
//   realloc to 0       frees and returns NULL, as libc.c's realloc; reallocarray and reallocf too.
//   overflow           reallocarray: ENOMEM (glibc, not the EOVERFLOW of ri_reallocarray).
//   free and relatives errno is unchanged, if the program's free keeps it.
//
// A file of its own: in libc.c, where those names are defined, the compiler would bind the calls.
//
// CONCURRENCY: as rimalloc.h.
#include <errno.h>

#include "override/own.h"

// ---- realloc ------------------------------------------------------------------------------------

RI_EXPORT void* reallocarray(void* p, size_t count, size_t size);
RI_EXPORT int reallocarr(void* p, size_t count, size_t size);
RI_EXPORT void* reallocf(void* p, size_t size);

void* reallocarray(void* p, size_t count, size_t size) {
  size_t bytes = 0;
  if (RIX_UNLIKELY(rix_mul_overflows(count, size, &bytes))) {
    errno = ENOMEM;
    return NULL;
  }
  return realloc(p, bytes);
}

static bool derived_resizes_here(void) {
  return realloc == rix_own_realloc && free == rix_own_free;
}

void* reallocf(void* p, size_t size) {
  if (!derived_resizes_here()) {
    void* const q = realloc(p, size);
    if (q == NULL && size != 0) free(p);
    return q;
  }
  if (size != 0 || p == NULL) return ri_reallocf(p, size);
  free(p);
  return NULL;
}

static int derived_reallocarr(void** slot, size_t bytes) {
  if (bytes == 0) {
    free(*slot);
    *slot = NULL;
    return 0;
  }
  void* const p = realloc(*slot, bytes);
  if (p == NULL) return ENOMEM;
  *slot = p;
  return 0;
}

int reallocarr(void* p, size_t count, size_t size) {
  size_t bytes = 0;
  const bool here = derived_resizes_here();
  if (here || p == NULL || rix_mul_overflows(count, size, &bytes)) {
    return ri_reallocarr(p, count, size);
  }
  const int saved = errno;
  const int error = derived_reallocarr(p, bytes);
  errno = saved;
  return error;
}

// ---- free ---------------------------------------------------------------------------------------

// Names that few programs expect here, from macOS, old BSDs and Windows, are weak: programs use
// such names for functions of their own.
#define DERIVED_RARE __attribute__((weak, visibility("default")))

RI_EXPORT void cfree(void* p);
RI_EXPORT void free_sized(void* p, size_t size);
RI_EXPORT void free_aligned_sized(void* p, size_t alignment, size_t size);
DERIVED_RARE void vfree(void* p);

void cfree(void* p) { free(p); }

void free_sized(void* p, size_t size) {
  if (RIX_LIKELY(free == rix_own_free)) {
    ri_free_sized(p, size);
  } else {
    free(p);
  }
}

void free_aligned_sized(void* p, size_t alignment, size_t size) {
  if (RIX_LIKELY(free == rix_own_free)) {
    ri_free_aligned_sized(p, alignment, size);
  } else {
    free(p);
  }
}

void vfree(void* p) {
  if (free == rix_own_free) {
    ri_cfree(p);
  } else {
    free(p);
  }
}

// ---- malloc -------------------------------------------------------------------------------------

RI_EXPORT size_t malloc_good_size(size_t size);
DERIVED_RARE size_t malloc_size(const void* p);
DERIVED_RARE void* _aligned_malloc(size_t size, size_t alignment);

// What another malloc adds to a size is unknown.
size_t malloc_good_size(size_t size) {
  return malloc == rix_own_malloc ? ri_good_size(size) : size;
}

size_t malloc_size(const void* p) {
  if (malloc_usable_size == rix_own_usable_size) return ri_usable_size(p);
  return malloc_usable_size((void*)(uintptr_t)p);
}

void* _aligned_malloc(size_t size, size_t alignment) { return aligned_alloc(alignment, size); }
