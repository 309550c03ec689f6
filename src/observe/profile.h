// SPDX-License-Identifier: MIT
// profile.h: profiles as files. All formats are written from an image of the tables
// (profile/table.h), which may be of another process, and damaged: nothing outside of it is read.
#ifndef RIX_OBSERVE_PROFILE_H
#define RIX_OBSERVE_PROFILE_H

#include <rimalloc/profile.h>

#include "observe/out.h"
#include "profile/table.h"

enum { RIX_PINNED_AGES = 40 };

// Free memory that blocks of a stack hold, by being in the same page.
typedef struct rix_pinned_s {
  double bytes, abandoned;      // of these, in pages that no thread owns
  double pages, sparse;         // of these, those of which at most a tenth is in use
  float ages[RIX_PINNED_AGES];  // bytes by the binary logarithm of the blocks' age in ms
} rix_pinned_t;

// Where the resident memory of the process is, in bytes. All but `resident` add up to it.
typedef struct rix_reconciled_s {
  double resident, live, rounding, free_in_pages, due, cached, metadata, other;
} rix_reconciled_t;

// What is only known in the process itself.
typedef struct rix_profile_extra_s {
  rix_reconciled_t reconciled;
  rix_pinned_t* pinned;  // of each stack; NULL: no memory to find that out
  size_t size;           // of that
} rix_profile_extra_t;

// A copy of the tables, as rix_profile_copy; and what is only known now, if it is wanted. NULL:
// there are none, or no memory.
RIX_INTERNAL rix_image_t* rix_profile_take(rix_profile_extra_t* extra);
RIX_INTERNAL void rix_profile_drop(rix_image_t* image, rix_profile_extra_t* extra);

// Writes an image. extra: NULL where it is of another process. 0, or errno.
RIX_INTERNAL int rix_profile_write(const rix_image_t* image, const rix_profile_extra_t* extra,
                                   int file, ri_profile_format_t format, const char* reason);
// One for each format.
RIX_INTERNAL void rix_profile_write_json(rix_out_t* out, const rix_image_t* image,
                                         const rix_profile_extra_t* extra, const char* reason);
RIX_INTERNAL bool rix_profile_write_pprof(rix_out_t* out, const rix_image_t* image);
RIX_INTERNAL void rix_profile_write_heap(rix_out_t* out, const rix_image_t* image);
RIX_INTERNAL void rix_profile_write_collapsed(rix_out_t* out, const rix_image_t* image);
RIX_INTERNAL bool rix_profile_write_speedscope(rix_out_t* out, const rix_image_t* image);

// ---- Reading an image ---------------------------------------------------------------------------

RIX_INLINE const rix_image_stack_t* rix_image_stack(const rix_image_t* image, uint32_t i) {
  return RIX_IMAGE_PART(const rix_image_stack_t, image, stacks) + i;
}
// The frames of a stack, the innermost first; *depth: how many.
RIX_INTERNAL const uint64_t* rix_image_frames(const rix_image_t* image, const rix_image_stack_t* s,
                                              size_t* depth);
// The mapping that contains an address; NULL: it is not known.
RIX_INTERNAL const rix_image_module_t* rix_image_module(const rix_image_t* image, uint64_t pc);
// The name of a mapped file without its folders; terminated.
RIX_INTERNAL const char* rix_image_name(const rix_image_module_t* module);
// A frame without symbols: file+0xoffset, or the address.
RIX_INTERNAL void rix_image_frame_text(const rix_image_t* image, uint64_t pc, char text[300]);

// Numbers the different addresses of all frames from 1 on, for formats that have each once.
typedef struct rix_places_s {
  uint64_t* keys;  // the table, and behind it the number of each entry
  uint32_t* numbers;
  uint64_t* order;  // addresses by their numbers - 1
  size_t room, used, size;
} rix_places_t;
RIX_INTERNAL bool rix_places_make(rix_places_t* places, const rix_image_t* image);
RIX_INTERNAL uint32_t rix_places_of(const rix_places_t* places, uint64_t pc);
RIX_INTERNAL void rix_places_drop(rix_places_t* places);

#endif
