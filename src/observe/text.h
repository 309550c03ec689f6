// SPDX-License-Identifier: MIT
// text.h: text that is made for the program: into its buffer, as far as there is room, or only to
// count the characters.
#ifndef RIX_OBSERVE_TEXT_H
#define RIX_OBSERVE_TEXT_H

#include <stddef.h>

#include "base/compiler.h"

typedef struct rix_text_s {
  char* text;
  size_t size;    // of text
  size_t length;  // of all that was added, whether it fit or not
} rix_text_t;

RIX_INTERNAL RIX_PRINTF(2, 3) void rix_text_add(rix_text_t* text, const char* format, ...);

#endif
