// SPDX-License-Identifier: MIT
// shadow.h: what a program may rely on, kept beside the allocator: for each live block its size,
// its alignment, its contents and which bytes must be zero. No two blocks overlap.
#ifndef RIMALLOC_FUZZ_SHADOW_H
#define RIMALLOC_FUZZ_SHADOW_H

#include "fuzz.h"

enum { SHADOW_SLOTS = 48 };
#define SHADOW_LIVE_MAX ((size_t)16 << 20)  // bytes at a time: a fuzzer shall not touch gigabytes

typedef struct shadow_block_s {
  uint8_t* p;      // NULL: empty
  size_t size;     // asked for
  size_t align;    // (p + offset) is a multiple
  size_t offset;   //
  size_t written;  // [0, written) holds the pattern of `key`, as far as it was written (below)
  size_t tail;     // the last part of the pattern begins here
  size_t dirty;    // bytes beyond this were never written by the program
  size_t zero;     // [dirty, zero) reads as zero
  uint64_t key;
} shadow_block_t;

typedef struct shadow_s {
  shadow_block_t blocks[SHADOW_SLOTS];
  size_t live_bytes;
  uint64_t keys;
  bool may_fail;  // the OS refuses things: every request may be, with ENOMEM
} shadow_t;

typedef struct shadow_wish_s {
  size_t size, align, offset;
  bool zero;
} shadow_wish_t;

// The block of a slot.
shadow_block_t* shadow_at(shadow_t* s, unsigned slot);
// Whether the size may be had now without touching too much.
bool shadow_has_room(const shadow_t* s, size_t size);
// Checks what an allocation returned and enters it in an empty slot; p may be NULL when the wish is
// one that may fail, with errno as the interface says. errno was set to SHADOW_ERRNO before.
void shadow_allocated(shadow_t* s, shadow_block_t* b, void* p, shadow_wish_t wish);
// The same for a block that was resized; q == NULL: it failed and b is untouched. old_usable is what
// it was before the call. wish.zero: bytes beyond the old usable size are zero.
void shadow_resized(shadow_t* s, shadow_block_t* b, void* q, size_t old_usable, shadow_wish_t wish);
// The block was given back; or it goes with its heap.
void shadow_freed(shadow_t* s, shadow_block_t* b);
void shadow_forget(shadow_t* s, shadow_block_t* b);
// Contents, alignment and usable size of a block.
void shadow_check(const shadow_block_t* b);
// Writes the first part of the block again.
void shadow_write(shadow_block_t* b, size_t count);
// Frees everything.
void shadow_clear(shadow_t* s);

enum { SHADOW_ERRNO = 4242 };

#endif
