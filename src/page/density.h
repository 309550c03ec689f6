// SPDX-License-Identifier: MIT
// density.h: whether blocks of some size are used as a whole, so that huge pages cost no memory.
//
// Stacks of coroutines, buffers for I/O and sparse tables are large blocks of which a program
// touches an OS page or two; in huge pages each of them is resident as a whole. Nothing that the
// allocator knows distinguishes them from images and columns of numbers. So huge pages are
// requested for medium and large blocks only after other memory of the same kind was seen to be
// written throughout: when a few words of it, spread evenly, are not zero. The memory looked at
// read as zero when it was handed out, and the links of free lists are skipped; so nonzero words
// come from the program. Memory that is written with zeroes counts as untouched: then fewer huge
// pages are requested than could be.
//
// Blocks in use are read through the OS, which refuses where the program took access away.
//
// CONCURRENCY: any thread; a few words for the whole process, all of them advice.
#ifndef RIX_PAGE_DENSITY_H
#define RIX_PAGE_DENSITY_H

#include "base/bits.h"

// Whether memory for another block, or page of blocks, of this size should come in huge pages;
// `otherwise` as long as the process had none of the kind.
RIX_INTERNAL bool rix_density_is_proved(size_t block_size, bool otherwise);
// The same for large blocks that the program wants zeroed, which are a kind of their own: much of
// them is often left alone.
RIX_INTERNAL bool rix_density_is_proved_zeroed(size_t block_size);
// One of them was hardly touched: it was used before, so that it was not noted.
RIX_INTERNAL void rix_density_refute_zeroed(size_t block_size);

// Whether memory of this kind was seen to be used in small part, without a look at what is not
// decided.
RIX_INTERNAL bool rix_density_is_refuted(size_t block_size);

// Memory that reads as zero goes to the program, `size` bytes of blocks of this size.
RIX_INTERNAL void rix_density_note(size_t block_size, const void* start, size_t size);
RIX_INTERNAL void rix_density_note_zeroed(size_t block_size, const void* start, size_t size);
// The program has freed all of it; `size` bytes of it were blocks.
RIX_INTERNAL void rix_density_note_freed(size_t block_size, const void* start, size_t size);

#endif
