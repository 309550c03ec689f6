// SPDX-License-Identifier: MIT
// trace.h: the file that `rimalloc record` makes: which thread called malloc and its family with
// what, in which order.
//
// The file consists of slots of TRACE_CHUNK bytes. The first one has the header; each of the others
// is empty or has a chunk, calls of one thread. A chunk can be read without any other, so that a
// damaged or a missing one costs no more than its own calls; and it is mapped by the process that
// is recorded, so that what was called before a SIGKILL is there.
//
//   call := kind, order, then
//     an allocation:  address, size, [alignment]
//     a free:         address, [size], [alignment]
//     a realloc:      address, order, address, size
//
// `kind` is a byte, trace_kind_t with flags. Numbers are varints: seven bits a byte, the lowest
// first. `order` is the distance to the order of the thread's call before, in a count of all calls
// of the process: that of a free was taken before the free, that of an allocation after it, so that
// an address never has two blocks at once. A realloc takes one before and one after, the second
// being 0 for a block that stays. An address is rotated by four bits, since those are mostly 0, and
// counts from the address before, the sign in the lowest bit. An alignment is its binary logarithm.
#ifndef RIX_TRACE_H
#define RIX_TRACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  TRACE_VERSION = 1,
  TRACE_CHUNK = 1 << 16,  // a multiple of the size of OS pages
  TRACE_CALL = 64,        // bytes that no call exceeds
  TRACE_PROGRAM = 232
};

#define TRACE_MAGIC "rimatrac"
#define TRACE_CHUNK_MAGIC 0x4B4E4843u

typedef enum trace_kind_e {
  TRACE_MALLOC = 1,
  TRACE_CALLOC,
  TRACE_ALIGNED,  // aligned_alloc and the like
  TRACE_NEW,
  TRACE_REALLOC,
  TRACE_FREE,
  TRACE_DELETE,
  TRACE_KINDS
} trace_kind_t;

enum { TRACE_KIND_MASK = 15, TRACE_HAS_SIZE = 16, TRACE_HAS_ALIGNMENT = 32 };

typedef struct trace_header_s {
  char magic[8];
  uint32_t version, chunk;
  uint64_t pid;
  char program[TRACE_PROGRAM];
} trace_header_t;

typedef struct trace_chunk_s {
  uint32_t magic;
  uint32_t thread;         // a number for each thread, from 0
  uint64_t order;          // that the first call counts from
  _Atomic(uint32_t) used;  // bytes of `calls`
  uint32_t reserved;
  uint8_t calls[TRACE_CHUNK - 24];
} trace_chunk_t;

_Static_assert(sizeof(trace_chunk_t) == TRACE_CHUNK, "a chunk fills its slot");

static inline uint64_t trace_rotate(uint64_t address) { return address >> 4 | address << 60; }
static inline uint64_t trace_rotate_back(uint64_t rotated) { return rotated << 4 | rotated >> 60; }

static inline uint64_t trace_zigzag(uint64_t delta) { return delta << 1 ^ (0 - (delta >> 63)); }
static inline uint64_t trace_zigzag_back(uint64_t word) { return word >> 1 ^ (0 - (word & 1)); }

#endif
