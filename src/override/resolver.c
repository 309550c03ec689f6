// SPDX-License-Identifier: MIT
// resolver.c: malloc while the loader still relocates. Resolvers of functions that a program has in
// several versions (IFUNC) run then, and may allocate. Thread-local variables exist by then, but
// are all zero: their initial values are copied when everything is relocated, and fast.h relies on
// them.
//
// So this library has such a function too, which nobody calls. Its resolver runs at the end of the
// library's own relocation, so before the program's, and gives rix_tls values with which the slow
// path serves everything from the orphan theap, as for threads that have exited. The copy then
// makes this thread a new one.
//
// Not in static programs: they resolve before they have thread-local variables at all, and malloc
// in a resolver is fatal there with glibc's malloc too. Nor for libraries that are relocated before
// this one, which are those that come after it in the order of loading.
//
// CONCURRENCY: one thread; where the library comes by dlopen, that thread has not used it yet.
#include <rimalloc/layout.h>

#include "heap/theap.h"

typedef void resolver_t(void);

static void resolver_target(void) {}

__attribute__((used)) static resolver_t* resolver_run(void) {
  rix_tls = (ri_tls_t)RIX_TLS_OF_NOBODY(RIX_THREAD_DEAD);
  return resolver_target;
}

// Hidden instead of static: clang exports a static function of this kind.
resolver_t rix_resolver_function __attribute__((ifunc("resolver_run"), visibility("hidden")));
static resolver_t* const resolver_wanted __attribute__((used)) = rix_resolver_function;
