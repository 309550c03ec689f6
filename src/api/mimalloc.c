// SPDX-License-Identifier: MIT
// mimalloc.c: what the header and the library for mimalloc's programs need besides names: its
// numbers of options, and version 2's default heap of a thread as a heap. Statistics are in
// mimalloc_stats.c. include/rimalloc/mimalloc/functions.def says which mi_ function ends where;
// rix_mi_ is version 3, rix_mi2_ version 2.
#include "api/api.h"
#include "os/os.h"

RI_EXPORT int rix_mi_version(void);
RI_EXPORT int rix_mi2_version(void);

int rix_mi_version(void) { return 30403; }

int rix_mi2_version(void) { return 20401; }

// ---- Options ------------------------------------------------------------------------------------

#define MI_OPTION(name) ri_option_##name,
#define MI_OPTION_NONE(name) ri_option_last_,

static const ri_option_t mimalloc_options[] = {
#define RIMALLOC_MI_VERSION 3
#include <rimalloc/mimalloc/options.def>
#undef RIMALLOC_MI_VERSION
};

static const ri_option_t mimalloc2_options[] = {
#define RIMALLOC_MI_VERSION 2
#include <rimalloc/mimalloc/options.def>
#undef RIMALLOC_MI_VERSION
};

#define MIMALLOC_COUNT(table) (sizeof(table) / sizeof((table)[0]))

// Ours for mimalloc's number; one that does not exist for a number that does not either.
static ri_option_t mimalloc_option(int number) {
  if (number < 0 || (size_t)number >= MIMALLOC_COUNT(mimalloc_options)) return ri_option_last_;
  return mimalloc_options[number];
}

static ri_option_t mimalloc2_option(int number) {
  if (number < 0 || (size_t)number >= MIMALLOC_COUNT(mimalloc2_options)) return ri_option_last_;
  return mimalloc2_options[number];
}

#define MIMALLOC_OPTION_FUNCTIONS(prefix, translate)                                              \
  RI_EXPORT long prefix##_option_get(int option);                                                 \
  RI_EXPORT long prefix##_option_get_clamp(int option, long low, long high);                      \
  RI_EXPORT size_t prefix##_option_get_size(int option);                                          \
  RI_EXPORT bool prefix##_option_is_enabled(int option);                                          \
  RI_EXPORT void prefix##_option_set(int option, long value);                                     \
  RI_EXPORT void prefix##_option_set_default(int option, long value);                             \
  RI_EXPORT void prefix##_option_enable(int option);                                              \
  RI_EXPORT void prefix##_option_disable(int option);                                             \
  RI_EXPORT void prefix##_option_set_enabled(int option, bool enable);                            \
  RI_EXPORT void prefix##_option_set_enabled_default(int option, bool enable);                    \
  long prefix##_option_get(int option) { return ri_option_get(translate(option)); }               \
  long prefix##_option_get_clamp(int option, long low, long high) {                               \
    return ri_option_get_clamp(translate(option), low, high);                                     \
  }                                                                                               \
  size_t prefix##_option_get_size(int option) { return ri_option_get_size(translate(option)); }   \
  bool prefix##_option_is_enabled(int option) { return ri_option_is_enabled(translate(option)); } \
  void prefix##_option_set(int option, long value) { ri_option_set(translate(option), value); }   \
  void prefix##_option_set_default(int option, long value) {                                      \
    ri_option_set_default(translate(option), value);                                              \
  }                                                                                               \
  void prefix##_option_enable(int option) { ri_option_enable(translate(option)); }                \
  void prefix##_option_disable(int option) { ri_option_disable(translate(option)); }              \
  void prefix##_option_set_enabled(int option, bool enable) {                                     \
    ri_option_set_enabled(translate(option), enable);                                             \
  }                                                                                               \
  void prefix##_option_set_enabled_default(int option, bool enable) {                             \
    ri_option_set_enabled_default(translate(option), enable);                                     \
  }

MIMALLOC_OPTION_FUNCTIONS(rix_mi, mimalloc_option)
MIMALLOC_OPTION_FUNCTIONS(rix_mi2, mimalloc2_option)

// ---- The default heap of a thread ---------------------------------------------------------------

RI_EXPORT ri_heap_t* rix_mi_heap_get_default(void);
RI_EXPORT ri_heap_t* rix_mi_heap_set_default(ri_heap_t* heap);

ri_heap_t* rix_mi_heap_get_default(void) {
  const ri_theap_t* const theap = ri_theap_get_default();
  return theap != NULL ? theap->heap : ri_heap_main();
}

// NULL, and nothing set, when the heap is NULL or there is no memory for the thread's part of it.
ri_heap_t* rix_mi_heap_set_default(ri_heap_t* heap) {
  ri_theap_t* const theap = heap != NULL ? ri_heap_theap(heap) : NULL;
  if (theap == NULL) return NULL;
  ri_heap_t* const old = rix_mi_heap_get_default();
  ri_theap_set_default(theap);
  return old;
}
