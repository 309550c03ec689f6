// SPDX-License-Identifier: MIT
// mimalloc.h: the interface of mimalloc, for programs that were written for it. With one include
// path, .../include/rimalloc/mimalloc (version 3) or .../include/rimalloc/mimalloc-v2, their
// `#include <mimalloc.h>` finds this file; they are then linked with any library of rimalloc.
//
// Each mi_ function is declared under its own name and bound to the symbol of ours by an assembler
// label, so that there is no macro, its address can be taken, and nothing is in between. The list
// is mimalloc/functions.def; docs/parity.md says what each does here and where it is tested. Where
// mimalloc gives numbers to options and a layout to statistics, functions rix_mi_* translate.
//
// RIMALLOC_MI_VERSION  3 or 2: whose types, option numbers, macros and statistics. Version 2 has
//                      mi_arena_id_t as int, mi_subproc_id_t as void*, heaps for theaps, and the
//                      type as the last argument of the heap macros. Its functions that are gone
//                      since are declared for version 3 too.
// The environment variables MIMALLOC_<OPTION> are read in programs that include this file (and are
// linked to the library, not only run with it preloaded), and by our libraries of mimalloc's name:
// docs/parity.md says how. The object rix_option_reader makes the library do so.
//
// RIMALLOC_MI_ABI      when defined, the functions are the symbols mi_*, as in mimalloc's own
//                      library and in ours of that name (CMake option RIMALLOC_MI_SYMBOLS).
#ifndef RIMALLOC_MIMALLOC_H
#define RIMALLOC_MIMALLOC_H
#define MIMALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef RIMALLOC_MI_VERSION
#define RIMALLOC_MI_VERSION 3
#endif
#if RIMALLOC_MI_VERSION >= 3
#define MI_MALLOC_VERSION 30403
#else
#define MI_MALLOC_VERSION 20401
#endif

#define MI_SMALL_WSIZE_MAX (128)
#define MI_SMALL_SIZE_MAX (MI_SMALL_WSIZE_MAX * sizeof(void*))

// ---- What mimalloc.h calls its attributes -------------------------------------------------------

#define mi_decl_nodiscard __attribute__((warn_unused_result))
#define mi_decl_export __attribute__((visibility("default")))
#define mi_decl_restrict
#define mi_cdecl
#define mi_attr_malloc __attribute__((malloc))
#define mi_attr_alloc_size(s) __attribute__((alloc_size(s)))
#define mi_attr_alloc_size2(s1, s2) __attribute__((alloc_size(s1, s2)))
#define mi_attr_alloc_align(p) __attribute__((alloc_align(p)))
#if defined(__cplusplus)
#define mi_attr_noexcept noexcept
#else
#define mi_attr_noexcept
#endif

// The last column of functions.def. USE: the result matters. OWN: and is a block of its own. NEW:
// with the argument that is its size, or two that are multiplied. RE: the result may be an
// argument. AT: and the argument that is its alignment.
#define RIX_MI_NONE
#define RIX_MI_USE mi_decl_nodiscard
#define RIX_MI_OWN mi_decl_nodiscard mi_attr_malloc
#define RIX_MI_SIZED(n) mi_attr_alloc_size(n)
#define RIX_MI_RE(n) mi_decl_nodiscard mi_attr_alloc_size(n)
#define RIX_MI_RE2(n, m) mi_decl_nodiscard mi_attr_alloc_size2(n, m)
#define RIX_MI_RE_AT(n, a) RIX_MI_RE(n) mi_attr_alloc_align(a)
#define RIX_MI_RE2_AT(n, m, a) RIX_MI_RE2(n, m) mi_attr_alloc_align(a)
#define RIX_MI_NEW(n) RIX_MI_OWN mi_attr_alloc_size(n)
#define RIX_MI_NEW2(n, m) RIX_MI_OWN mi_attr_alloc_size2(n, m)
#define RIX_MI_NEW_AT(n, a) RIX_MI_NEW(n) mi_attr_alloc_align(a)
#define RIX_MI_NEW2_AT(n, m, a) RIX_MI_NEW2(n, m) mi_attr_alloc_align(a)

#if defined(RIMALLOC_MI_ABI)
#define RIX_MI_LABEL(target)
#else
#define RIX_MI_LABEL(target) __asm__(#target)
#endif

#if defined(__cplusplus)
extern "C" {
#endif

#if !defined(RIMALLOC_MI_ABI)
// Makes the library read MIMALLOC_<OPTION>. The linker keeps one of all definitions, and exports it
// because the library refers to it.
extern void rix_mi_read_environment(bool early);
extern __attribute__((weak, visibility("default"))) void (*rix_option_reader)(bool early);
__attribute__((weak, visibility("default"))) void (*rix_option_reader)(bool early) =
    rix_mi_read_environment;
#endif

// ---- Types --------------------------------------------------------------------------------------

struct mi_heap_s;
typedef struct mi_heap_s mi_heap_t;

#if RIMALLOC_MI_VERSION >= 3
struct mi_theap_s;
typedef struct mi_theap_s mi_theap_t;
typedef void* mi_arena_id_t;
typedef struct {
  void* _mi_subproc_id;
} mi_subproc_id_t;
#else
typedef mi_heap_t mi_theap_t;
typedef int mi_arena_id_t;
typedef void* mi_subproc_id_t;
#endif

// Memory that holds blocks of one size.
typedef struct mi_heap_area_s {
  void* blocks;            // start of the blocks
  size_t reserved;         // bytes of address space
  size_t committed;        // bytes that may be used
  size_t used;             // live blocks
  size_t block_size;       // bytes of one block
  size_t full_block_size;  // the same with all that belongs to it
#if RIMALLOC_MI_VERSION >= 3
  void* reserved1;
#else
  int heap_tag;
#endif
} mi_heap_area_t;

typedef void(mi_deferred_free_fun)(bool force, unsigned long long heartbeat, void* arg);
typedef void(mi_output_fun)(const char* msg, void* arg);
typedef void(mi_error_fun)(int err, void* arg);
typedef bool(mi_block_visit_fun)(const mi_heap_t* heap, const mi_heap_area_t* area, void* block,
                                 size_t block_size, void* arg);
typedef bool(mi_heap_visit_fun)(mi_heap_t* heap, void* arg);
typedef bool(mi_commit_fun_t)(bool commit, void* start, size_t size, bool* is_zero, void* arg);

typedef enum mi_option_e {
#define MI_OPTION(name) mi_option_##name,
#define MI_OPTION_AS(name, ours) mi_option_##name,
#define MI_OPTION_THP(name) mi_option_##name,
#define MI_OPTION_KEPT(name, id) mi_option_##name,
#include "mimalloc/options.def"
#undef MI_OPTION
#undef MI_OPTION_AS
#undef MI_OPTION_THP
#undef MI_OPTION_KEPT
  _mi_option_last,
#if RIMALLOC_MI_VERSION < 3
  mi_option_abandoned_page_reset = mi_option_abandoned_page_purge,
#endif
  mi_option_large_os_pages = mi_option_allow_large_os_pages,
  mi_option_eager_region_commit = mi_option_arena_eager_commit,
  mi_option_reset_decommits = mi_option_purge_decommits,
  mi_option_reset_delay = mi_option_purge_delay,
  mi_option_limit_os_alloc = mi_option_disallow_os_alloc
} mi_option_t;

// ---- Functions ----------------------------------------------------------------------------------

#define MI_FUN(type, name, target, parameters, arguments, attributes) \
  mi_decl_export type name parameters mi_attr_noexcept RIX_MI_LABEL(target) attributes;
#define MI_FUN_THROWS(type, name, target, parameters, arguments, attributes) \
  mi_decl_export type name parameters RIX_MI_LABEL(target) attributes;
#define MI_FUN_STATS(type, name, target, parameters, arguments, attributes)
#include "mimalloc/functions.def"
#undef MI_FUN
#undef MI_FUN_THROWS
#undef MI_FUN_STATS

#if defined(__cplusplus)
}
#endif

#define mi_malloc_tp(tp) ((tp*)mi_malloc(sizeof(tp)))
#define mi_zalloc_tp(tp) ((tp*)mi_zalloc(sizeof(tp)))
#define mi_calloc_tp(tp, n) ((tp*)mi_calloc(n, sizeof(tp)))
#define mi_mallocn_tp(tp, n) ((tp*)mi_mallocn(n, sizeof(tp)))

#if RIMALLOC_MI_VERSION >= 3

#define mi_reallocn_tp(tp, p, n) ((tp*)mi_reallocn(p, n, sizeof(tp)))
#define mi_recalloc_tp(tp, p, n) ((tp*)mi_recalloc(p, n, sizeof(tp)))
#define mi_heap_malloc_tp(tp, hp) ((tp*)mi_heap_malloc(hp, sizeof(tp)))
#define mi_heap_zalloc_tp(tp, hp) ((tp*)mi_heap_zalloc(hp, sizeof(tp)))
#define mi_heap_calloc_tp(tp, hp, n) ((tp*)mi_heap_calloc(hp, n, sizeof(tp)))
#define mi_heap_mallocn_tp(tp, hp, n) ((tp*)mi_heap_mallocn(hp, n, sizeof(tp)))
#define mi_heap_reallocn_tp(tp, hp, p, n) ((tp*)mi_heap_reallocn(hp, p, n, sizeof(tp)))
#define mi_heap_recalloc_tp(tp, hp, p, n) ((tp*)mi_heap_recalloc(hp, p, n, sizeof(tp)))

#else

#define mi_reallocn_tp(p, tp, n) ((tp*)mi_reallocn(p, n, sizeof(tp)))
#define mi_recalloc_tp(p, tp, n) ((tp*)mi_recalloc(p, n, sizeof(tp)))
#define mi_heap_malloc_tp(hp, tp) ((tp*)mi_heap_malloc(hp, sizeof(tp)))
#define mi_heap_zalloc_tp(hp, tp) ((tp*)mi_heap_zalloc(hp, sizeof(tp)))
#define mi_heap_calloc_tp(hp, tp, n) ((tp*)mi_heap_calloc(hp, n, sizeof(tp)))
#define mi_heap_mallocn_tp(hp, tp, n) ((tp*)mi_heap_mallocn(hp, n, sizeof(tp)))
#define mi_heap_reallocn_tp(hp, p, tp, n) ((tp*)mi_heap_reallocn(hp, p, n, sizeof(tp)))
#define mi_heap_recalloc_tp(hp, p, tp, n) ((tp*)mi_heap_recalloc(hp, p, n, sizeof(tp)))

#define mi_theap_get_default() mi_heap_get_default()
#define mi_theap_set_default(hp) mi_heap_set_default(hp)
#define mi_theap_collect(hp, force) mi_heap_collect(hp, force)
#define mi_theap_malloc(hp, size) mi_heap_malloc(hp, size)
#define mi_theap_zalloc(hp, size) mi_heap_zalloc(hp, size)
#define mi_theap_calloc(hp, count, size) mi_heap_calloc(hp, count, size)
#define mi_theap_malloc_small(hp, size) mi_heap_malloc_small(hp, size)
#define mi_theap_malloc_aligned(hp, size, a) mi_heap_malloc_aligned(hp, size, a)
#define mi_theap_realloc(hp, p, size) mi_heap_realloc(hp, p, size)

#endif

#if defined(__cplusplus) && __cplusplus >= 201103L
#include "mimalloc/stl.h"
#endif

#endif
