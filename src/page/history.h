// SPDX-License-Identifier: MIT
// history.h: what the program did with large blocks that it freed lately, as a forecast for those
// that it allocates next.
//
//   touched   zeroed blocks that were written to all over: others of the size are zeroed by
//             writing, which is faster than faulting in zero pages of the OS one by one
//   grown     blocks that realloc had moved or copied: others are copied rather than moved, since
//             moved memory goes back to the OS and is not reused
//
// CONCURRENCY: any thread that holds a page; a few counters for the whole process, all of them
// advice.
#ifndef RIX_PAGE_HISTORY_H
#define RIX_PAGE_HISTORY_H

#include "page/page.h"

// For memory that was used before: above this size the OS provides pages of zeroes, so that the
// block also costs nothing until it is touched; below, writing zeroes is faster.
#define RIX_ZERO_BY_OS_MIN ((size_t)1 << 20)

// Whether a large block may be copied to `size` bytes rather than moved: that many bytes of such
// blocks were freed lately, so it is likely not to live long, and copying reuses memory while what
// moved goes back to the OS.
RIX_INTERNAL bool rix_history_may_copy(size_t size);
// The only block of a page was moved or copied to grow. The caller owns the block.
RIX_INTERNAL void rix_history_mark_grown(ri_page_t* page);

// Whether zeroed blocks of the size are looked at when they are freed (RIX_PAGE_WATCHED).
RIX_INTERNAL bool rix_history_watches(size_t block_size);
// Whether the next zeroed block of the size, one that is watched, will foreseeably be written to
// all over. Each freed block that was predicts one.
RIX_INTERNAL bool rix_history_take_touched(size_t block_size);
// The block of a page of one block is freed, and can still be read.
RIX_INTERNAL void rix_history_learn(const ri_page_t* page);

#endif
