// SPDX-License-Identifier: MIT
// layout.h: where things are in memory, for readers from outside (layout.c).
#ifndef RIX_OBSERVE_LAYOUT_H
#define RIX_OBSERVE_LAYOUT_H

#include "base/compiler.h"

enum {
  RIX_LAYOUT_NAMES_MAX = 2032,
  RIX_LAYOUT_VALUES_MAX = 96,
};

// A reader finds it by its first 16 bytes, at a multiple of 8. All of it lies in memory that a core
// file has, since some values are addresses.
typedef struct rix_layout_s {
  char magic[16];
  char names[RIX_LAYOUT_NAMES_MAX];           // separated by spaces, in the order of the values
  const void* values[RIX_LAYOUT_VALUES_MAX];  // offsets, sizes, numbers, addresses; the rest: 0
} rix_layout_t;

RIX_INTERNAL extern const rix_layout_t rix_layout;

#endif
