// SPDX-License-Identifier: MIT
// config.h: every compile-time knob. Lines with @@ are knobs: always defined, always a number, set
// by -D. Code tests them with `if`, not `#if`, so that every setting keeps compiling.
#ifndef RIX_BASE_CONFIG_H
#define RIX_BASE_CONFIG_H

// @@ 0: release. 1: cheap assertions. 2: audit of whole structures at every slow operation.
#ifndef RIX_DEBUG
#define RIX_DEBUG 0
#endif

// @@ Size classes per doubling, as a shift: 3 gives 8 steps (waste under 12.5 %), 2 gives 4 (25 %).
#ifndef RIX_CLASS_STEP_SHIFT
#define RIX_CLASS_STEP_SHIFT 3
#endif

// @@ Tests only: a page is extended by one block at a time, so that slow paths become common.
#ifndef RIX_TEST_EXTEND_ONE
#define RIX_TEST_EXTEND_ONE 0
#endif

// @@ 1: AddressSanitizer, 2: Valgrind's memcheck, 3: MemorySanitizer is told of every block
// (annotate.h). 0: none of them.
#ifndef RIX_ANNOTATE
#define RIX_ANNOTATE 0
#endif

// Options that this build begins with, "name=value,name=value" (CMake: RIMALLOC_CONF).
#ifndef RIX_CONF
#define RIX_CONF ""
#endif

// @@ Stress builds only, 0 or n: rare events happen about once in n times, so that the windows
// between threads open wide. The preset `stress` sets them; tests/stress/windows.c is their driver.
#ifndef RIX_STRESS_YIELD  // a thread yields before an atomic operation that orders something
#define RIX_STRESS_YIELD 0
#endif
#ifndef RIX_STRESS_CAS  // a weak compare-and-swap fails
#define RIX_STRESS_CAS 0
#endif
#ifndef RIX_STRESS_EMPTY  // a slow allocation finds nothing in the thread's own pages
#define RIX_STRESS_EMPTY 0
#endif
#ifndef RIX_STRESS_ABANDON  // a slow allocation first abandons all pages of the thread
#define RIX_STRESS_ABANDON 0
#endif

// Constants that follow from the design, in one place.
enum {
  RIX_SLICE_SIZE = 64 * 1024,          // unit of arenas and of the page map
  RIX_SMALL_BLOCK_MAX = 8 * 1024,      // blocks up to here live in pages of one slice
  RIX_MEDIUM_BLOCK_MAX = 64 * 1024,    // blocks up to here live in pages of 8 slices
  RIX_MEDIUM_SLICES = 8,               //
  RIX_MEDIUM_FIRST = 2,                // blocks that a thread's first such page has room for
  RIX_EXTEND_BYTES = 4096,             // a fresh page becomes blocks in steps of this size
  RIX_MOVE_MIN = 256 * 1024,           // realloc moves pages instead of copying from here,
  RIX_MOVE_ALWAYS = 4 * 1024 * 1024,   // below here not if blocks that grew were freed lately
  RIX_MAPPINGS_MAX = 16384,            // blocks with a mapping of their own (OS limit: 65,530)
  RIX_GUARDS_MAX = 8192,               // guard pages: two mappings each to the OS
  RIX_HEARTBEAT = 256,                 // slow allocations between two looks at the whole heap
  RIX_KEEP_PART = 4,                   // empty pages that a thread keeps: at most one in N
  RIX_KEEP_MAX = 8 * 1024 * 1024,      // of its bytes in pages, and this many; where they are the
  RIX_KEEP_LONE = 512 * 1024,          // only ones of their classes, so many of all threads, or
                                       // this of each
  RIX_SPARSE_ALL = 1024 * 1024,        // pages with room for more that the threads of a process
                                       // keep, if that is more than what each of them may:
  RIX_SPARSE_OWN = 16,                 // one in N of its bytes
  RIX_SPARSE_RUN = 4,                  // so many pages come back to a thread that only frees before
  RIX_SPARSE_RUN_ALONE = 32,           // it gives any up, and to one that is the only thread
  RIX_LOOK_CALLS = 64,                 // slow allocations between two looks at the clock
  RIX_LOOK_EMPTIED = 8,                // and pages that frees emptied
  RIX_LOW_PART = 8,                    // the low mark: one in N of what the owner took (page.h)
  RIX_SPARSE_PART = 4,                 // a page is sparse when one in N of its blocks is free,
  RIX_SPARSE_DONE = 8,                 // or of one whose owner has freed what he took
  RIX_ADOPTIONS = 16,                  // pages a thread's frees may take over between two of its
                                       // slow allocations: one that only frees must not hoard
  RIX_DENSE_MIN = 8 * 1024 * 1024,     // a process with this much in use gets memory in huge
  RIX_DENSE_PAGES = 4,                 // pages for a class of which a thread has this many;
  RIX_DENSE_MEDIUM = 4 * 1024 * 1024,  // with this much already for a class of medium blocks,
  RIX_DENSE_BLOCK = 512 * 1024,        // and for blocks this large,
  RIX_DENSE_ZEROED = 1024 * 1024,      // with this much already if they are wanted zeroed;
  RIX_DENSE_LARGE = 4 * 1024 * 1024,   // any process for such blocks; all but small ones when
                                       // memory of the kind was used as a whole (density.h),
  RIX_DENSE_FIRST_MAX = 32 * 1024 * 1024,  // and the first large one, if it is no larger
  RIX_LOOSE_MAX = 4,                       // free blocks with which a full page goes to the queue,
  RIX_LOOSE_PART = 8,                      // or one in N of its blocks
  RIX_LOOSE_LOOK = 64,                     // used-up pages that one slow allocation looks at
  RIX_EXTENDABLE_LOOK = 8,                 // used-up pages with holes that one passes by
  RIX_HARD_LARGE_MAX = 4 * 1024 * 1024,    // of a hardened heap, larger blocks are not watched,
  RIX_HARD_LARGE_SLOTS = 1024,             // and no more of them at a time, freed ones among them
  RIX_SWEEP_MAX = 32,                      // full pages looked at in one slow allocation
};

#endif
