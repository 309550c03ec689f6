// SPDX-License-Identifier: MIT
// dlopen.c: libraries that are opened with RTLD_DEEPBIND look for malloc in libc before they look
// here, so they would free with libc what its other functions took from here, and hand out blocks
// that the program cannot free. Before the first such library is opened, libc's names are made to
// lead here (os/rebind.c): the flag then keeps its meaning for all other symbols, and the library's
// constructors run on the right malloc. Option dlopen_deepbind: 0 does not, 2 ignores the flag.
//
// Where malloc is not ours, nothing is done: such a library is then as badly off as it is on the C
// library alone. The library of another allocator between this one and libc keeps its names.
//
// libc's dlopen looks at who called it, to find the caller's search path and namespace, so it has
// to see our caller: the call is a jump. CMakeLists.txt sees to it that it is one in every build.
//
// In librimalloc.so only: a static program has one malloc.
//
// CONCURRENCY: any thread. All threads that try make the same change, and write the words below
// with the same values.
#include "options/options.h"
#include "options/report.h"
#include "os/os.h"
#include "override/own.h"

RI_EXPORT void* dlopen(const char* path, int mode);

static struct {
  ri_atomic(rix_os_open_fun*) xnext;
  ri_atomic(bool) xtried;
} deep;

// Every name of libc that leads here, with its function here, under names of their own: compilers
// know the types of the public ones.
typedef void deep_fun_t(void);
#define DEEP_DECLARE(name) extern deep_fun_t deep_##name __asm__(#name)
DEEP_DECLARE(calloc);
DEEP_DECLARE(memalign);
DEEP_DECLARE(posix_memalign);
DEEP_DECLARE(valloc);
DEEP_DECLARE(pvalloc);
DEEP_DECLARE(mallinfo);
DEEP_DECLARE(mallinfo2);
DEEP_DECLARE(mallopt);
DEEP_DECLARE(malloc_trim);
DEEP_DECLARE(malloc_stats);
DEEP_DECLARE(malloc_info);

static const rix_os_binding_t deep_names[] = {
    {"malloc", (deep_fun_t*)rix_own_malloc},
    {"free", (deep_fun_t*)rix_own_free},
    {"calloc", deep_calloc},
    {"realloc", (deep_fun_t*)rix_own_realloc},
    {"memalign", deep_memalign},
    {"posix_memalign", deep_posix_memalign},
    {"aligned_alloc", (deep_fun_t*)rix_own_aligned_alloc},
    {"valloc", deep_valloc},
    {"pvalloc", deep_pvalloc},
    {"cfree", (deep_fun_t*)rix_own_free},
    {"malloc_usable_size", (deep_fun_t*)rix_own_usable_size},
    {"__libc_malloc", (deep_fun_t*)rix_own_malloc},
    {"__libc_free", (deep_fun_t*)rix_own_free},
    {"__libc_calloc", deep_calloc},
    {"__libc_realloc", (deep_fun_t*)rix_own_realloc},
    {"__libc_memalign", deep_memalign},
    {"__libc_valloc", deep_valloc},
    {"__libc_pvalloc", deep_pvalloc},
    {"mallinfo", deep_mallinfo},
    {"mallinfo2", deep_mallinfo2},
    {"mallopt", deep_mallopt},
    {"malloc_trim", deep_malloc_trim},
    {"malloc_stats", deep_malloc_stats},
    {"malloc_info", deep_malloc_info},
};

static void deep_bind(void) {
  if (ri_load_relaxed(&deep.xtried)) return;
  const size_t count = sizeof(deep_names) / sizeof(deep_names[0]);
  const bool bound = !ri_is_redirected() || rix_os_rebind(deep_names, count);
  ri_store_relaxed(&deep.xtried, true);
  if (bound) return;
  rix_warning(
      "a library was opened with RTLD_DEEPBIND and uses libc's malloc: blocks that it hands "
      "over cannot be freed. RIMALLOC_DLOPEN_DEEPBIND=2 makes dlopen ignore that flag");
}

static RIX_SLOW int deep_mode(int mode) {
  switch (rix_option(ri_option_dlopen_deepbind)) {
    case 0:
      return mode;
    case 1:
      deep_bind();
      return mode;
    default:
      return mode & ~rix_os_deep_flag();
  }
}

static RIX_SLOW rix_os_open_fun* deep_find_next(void) {
  rix_os_open_fun* const next = rix_os_next_open();
  ri_store_relaxed(&deep.xnext, next);
  return next;
}

void* dlopen(const char* path, int mode) {
  if ((mode & rix_os_deep_flag()) != 0) mode = deep_mode(mode);
  rix_os_open_fun* next = ri_load_relaxed(&deep.xnext);
  if (next == NULL) next = deep_find_next();
  return next(path, mode);
}
