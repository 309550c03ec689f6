// SPDX-License-Identifier: MIT
// out.h: text and bytes on their way to a file, through a buffer on the stack of who writes; with
// the frame of gzip around them if that is wanted. An error is kept until the end.
#ifndef RIX_OBSERVE_OUT_H
#define RIX_OBSERVE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "options/report.h"

enum { RIX_OUT_ROOM = 4096 };

typedef struct rix_out_s {
  int file;
  int error;  // errno of the first failure; 0: none
  bool gzip;
  uint32_t crc, length;  // of what was added, for gzip
  size_t used;
  uint8_t buffer[RIX_OUT_ROOM];
} rix_out_t;

RIX_INTERNAL void rix_out_begin(rix_out_t* out, int file, bool gzip);
RIX_INTERNAL void rix_out_bytes(rix_out_t* out, const void* bytes, size_t size);
RIX_INTERNAL void rix_out_text(rix_out_t* out, const char* text);
// At most 255 characters.
RIX_INTERNAL RIX_PRINTF(2, 3) void rix_out_format(rix_out_t* out, const char* format, ...);
// A string of JSON with its quotes, of text that need not be UTF-8.
RIX_INTERNAL void rix_out_quoted(rix_out_t* out, const char* text);
// Writes what is left. 0, or errno.
RIX_INTERNAL int rix_out_end(rix_out_t* out);

#endif
