// SPDX-License-Identifier: MIT
// table.h: what the profiler knows: a record of each sampled block that is live, and for each stack
// that allocated one, sums. All of it is in one image, without pointers, which can be a mapped
// file: that survives the process, and the same code reads it.
//
//   header, timeline, modules, buckets of stacks and of records, stacks, frames, records
//
// INVARIANTS
//   a record is in the list of its bucket, in the list of free ones, or not yet used
//   a stack's `live` is the sum over its records; the header's over the stacks
//   a stack's peak is `peak` if it changed since the last peak (its epoch is the header's),
//   otherwise `live`
// CONCURRENCY: everything under rix_profile_lock, but rix_image_may_have.
#ifndef RIX_PROFILE_TABLE_H
#define RIX_PROFILE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/compiler.h"
#include "os/os.h"

enum {
  RIX_IMAGE_VERSION = 1,
  RIX_IMAGE_DEPTH = 128,  // frames of a stack
  RIX_IMAGE_LIFETIMES = 32,
  RIX_IMAGE_POINTS = 512,   // of the timeline
  RIX_IMAGE_MODULES = 512,  // mappings of code
  RIX_IMAGE_PATH = 232
};

// Estimates: of blocks, of bytes that were asked for and that blocks have; with the variances of
// the first two.
typedef struct rix_sums_s {
  double samples, count, bytes, usable, var_count, var_bytes;
} rix_sums_t;

typedef struct rix_image_stack_s {
  uint32_t next;    // of the bucket, index + 1; 0: none
  uint32_t frames;  // the first one
  uint16_t depth;
  uint16_t truncated;
  uint32_t epoch;
  rix_sums_t live, allocated, peak, temporary;
  float lifetimes[RIX_IMAGE_LIFETIMES];  // freed blocks, by the binary logarithm of us
} rix_image_stack_t;

typedef struct rix_image_record_s {
  uint64_t pointer;  // 0: free
  uint64_t requested, usable;
  double weight;   // blocks that it stands for
  uint64_t us;     // when it was allocated, of the clock of the header
  uint64_t mark;   // bytes that its thread has allocated since
  uint32_t stack;  // index
  uint32_t thread;
  uint32_t heap;  // number; 0: the main heap
  uint32_t next;  // of the bucket or of the free list, index + 1; 0: none
} rix_image_record_t;

typedef struct rix_image_module_s {
  uint64_t start, end, offset;
  uint8_t id[20];  // build id
  uint32_t id_length;
  char path[RIX_IMAGE_PATH];
} rix_image_module_t;

typedef struct rix_image_point_s {
  uint64_t ms;  // since the start
  uint64_t resident;
  double live, allocated;  // bytes
} rix_image_point_t;

// An array in the image.
typedef struct rix_image_part_s {
  uint64_t at;  // bytes from the start
  uint32_t room, used;
} rix_image_part_t;

typedef struct rix_image_s {
  char magic[8];  // "rimaprof"
  uint32_t version, header_size;
  uint64_t size;      // of the image
  uint64_t interval;  // bytes
  uint64_t started_us, started_wall_ms, last_us;
  uint64_t page_size;
  uint32_t pid, epoch;
  uint32_t free_record;  // index + 1; 0: none
  uint32_t dropped_stacks, dropped_records, reserved;
  double dropped_bytes;
  uint64_t peak_us, point_step_ms;
  rix_sums_t live, allocated, peak, temporary;
  rix_image_part_t points, modules, stack_buckets, record_buckets, stacks, frames, records;
  char program[RIX_IMAGE_PATH];
} rix_image_t;

// A block that is sampled.
typedef struct rix_sampled_s {
  uintptr_t pointer;
  size_t requested, usable;
  uint64_t interval;  // at which it was sampled
  uint64_t mark;
  uint32_t thread, heap;
} rix_sampled_t;

// How many blocks it stands for.
RIX_INTERNAL double rix_sampled_weight(const rix_sampled_t* sampled);

typedef struct rix_trace_s {
  size_t depth;
  bool whole;
  uintptr_t pcs[RIX_IMAGE_DEPTH];
} rix_trace_t;

RIX_INTERNAL extern rix_lock_t rix_profile_lock;

// Lays out an empty image in `size` bytes that read as zero, at least RIX_IMAGE_SIZE_MIN.
#define RIX_IMAGE_SIZE_MIN ((size_t)1 << 20)
RIX_INTERNAL void rix_image_init(rix_image_t* image, size_t size);

// Forgets everything but what the image is of.
RIX_INTERNAL void rix_image_clear(rix_image_t* image);

// A block was allocated; true if it has a record. `us`: the time.
RIX_INTERNAL bool rix_image_add(rix_image_t* image, const rix_trace_t* trace,
                                const rix_sampled_t* s, uint64_t us);

// A block was freed, by a thread that has allocated so many bytes (0: by another thread than the
// one that allocated it). False: it was not sampled.
RIX_INTERNAL bool rix_image_remove(rix_image_t* image, uintptr_t pointer, uint32_t thread,
                                   uint64_t mark, uint64_t us);

// The program sees another size of a block.
RIX_INTERNAL void rix_image_resize(rix_image_t* image, uintptr_t pointer, size_t requested);

// The record of a block; NULL: it has none.
RIX_INTERNAL rix_image_record_t* rix_image_find(rix_image_t* image, uintptr_t pointer);

// Whether a block may have a record: no lock. False is certain, for a block that the caller may
// free.
RIX_INTERNAL bool rix_image_may_have(const rix_image_t* image, uintptr_t pointer);

// Notes a point of the timeline if it is time for one.
RIX_INTERNAL bool rix_image_wants_point(const rix_image_t* image, uint64_t us);
RIX_INTERNAL void rix_image_add_point(rix_image_t* image, uint64_t us, size_t resident);

// Copies what is in use into another image of the same size, which reads as zero.
RIX_INTERNAL void rix_image_copy(rix_image_t* to, const rix_image_t* from);

// Whether an image, which may be of a damaged file of `size` bytes, can be read: then all parts lie
// inside.
RIX_INTERNAL bool rix_image_valid(const rix_image_t* image, size_t size);

// Where the parts are.
#define RIX_IMAGE_PART(T, image, part) \
  ((T*)(void*)((uint8_t*)(uintptr_t)(image) + (image)->part.at))

// What a stack had when the whole program had most.
RIX_INLINE const rix_sums_t* rix_image_peak_of(const rix_image_t* image,
                                               const rix_image_stack_t* s) {
  return s->epoch == image->epoch ? &s->peak : &s->live;
}

#endif
