// SPDX-License-Identifier: MIT
// symbols.c: the functions of mimalloc's interface under the names mi_*, for the libraries that
// stand in for libmimalloc.so. Each is a jump to ours; the list is functions.def of the header.
// Compiled once for each version (RIMALLOC_MI_VERSION), whose types and numbers differ.
#define RIMALLOC_MI_ABI
#include <rimalloc/mimalloc/mimalloc-stats.h>

// In these libraries the variables of the environment are always read.
extern void rix_mi_read_environment(bool early);
extern __attribute__((visibility("hidden"))) void (*rix_option_reader)(bool early);
void (*rix_option_reader)(bool early) = rix_mi_read_environment;

#define MI_FUN(type, name, target, parameters, arguments, attributes) \
  extern type rix_to_##name parameters __asm__(#target);              \
  type name parameters { return rix_to_##name arguments; }
#define MI_FUN_THROWS MI_FUN
#define MI_FUN_STATS MI_FUN
#include <rimalloc/mimalloc/functions.def>
