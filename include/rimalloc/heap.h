// SPDX-License-Identifier: MIT
// heap.h: first-class heaps, part of rimalloc.h.
//
// A heap is a set of blocks that a program can end as a whole. Any thread may allocate from a heap
// at any time, and any thread may free a block of it with ri_free, which does not ask for the heap.
// A thread's first allocation from a heap makes its own part of it, so that all further ones need
// no lock; a heap that nobody allocated from takes less than 1 KiB, a part about 5 KiB.
//
// Where a heap is asked for, NULL stands for the main heap: the one that ri_malloc allocates from.
// A heap may be used until ri_heap_delete or ri_heap_destroy is called for it; using it afterwards,
// or meanwhile, is undefined. What is said in rimalloc.h of threads and errors holds here as well.
#include <rimalloc/rimalloc.h>  // includes this header in its turn: before the guard
#ifndef RIMALLOC_HEAP_H
#define RIMALLOC_HEAP_H

#if defined(__cplusplus)
extern "C" {
#endif

typedef struct rix_heap_s ri_heap_t;

// ---- The life of a heap -------------------------------------------------------------------------

// A new heap; NULL and ENOMEM when there is no memory. Cost: a lock. [M]
RI_NODISCARD RI_EXPORT ri_heap_t* ri_heap_new(void) RI_NOEXCEPT;

// A new heap that is hardened as the option `harden` with the value `level` (0 to 3) says, whatever
// its present value (docs/hardening.md), but for what would need the blocks to wait: its freed
// blocks may be handed out again at once. The options harden_* hold for it too; the program is
// aborted after a report only if the options say so. EINVAL and NULL for other levels.
RI_NODISCARD RI_EXPORT ri_heap_t* ri_heap_new_hardened(int level) RI_NOEXCEPT;

// Ends the heap; its blocks stay valid, where they are, and belong to the main heap from now on,
// which allocates from their pages too, those in an exclusive arena included, but not from those
// of a heap that was hardened in another way. Other threads may
// free or resize blocks of the heap meanwhile; none may allocate from it. NULL: nothing; the main
// heap: EINVAL is reported and nothing happens. Cost: a few instructions for each page of the heap;
// waits for no other thread's allocations. [M]
RI_EXPORT void ri_heap_delete(ri_heap_t* heap) RI_NOEXCEPT;

// Ends the heap and all of its blocks, without a free for each. Every earlier use of the heap and
// its blocks, their frees included, must have happened before this call; other threads may be doing
// anything else, and may end. NULL and the main heap: as above. Cost: as a free of one block for
// each page of the heap. [M]
RI_EXPORT void ri_heap_destroy(ri_heap_t* heap) RI_NOEXCEPT;

// Releases what the calling thread keeps of the heap: collects blocks that others freed, releases
// empty pages; with `force` also returns all unused memory of the process to the OS now. [M]
RI_EXPORT void ri_heap_collect(ri_heap_t* heap, bool force) RI_NOEXCEPT;

// ---- What belongs to a heap ---------------------------------------------------------------------

// The heap that ri_malloc allocates from in the calling thread, unless ri_theap_set_default chose
// another. Never NULL. [M]
RI_NODISCARD RI_EXPORT ri_heap_t* ri_heap_main(void) RI_NOEXCEPT;

// The heap of the block that p points into, or of the page around p; NULL when p lies in no page of
// this allocator. Any pointer. Cost: a page map lookup. [M]
RI_NODISCARD RI_EXPORT ri_heap_t* ri_heap_of(const void* p) RI_NOEXCEPT;

// ri_heap_of(p) == heap. [M]
RI_NODISCARD RI_EXPORT bool ri_heap_contains(const ri_heap_t* heap, const void* p) RI_NOEXCEPT;

// ri_heap_of(p) != NULL. [M]
RI_NODISCARD RI_EXPORT bool ri_any_heap_contains(const void* p) RI_NOEXCEPT;

// ---- A limit ------------------------------------------------------------------------------------

// Limits the memory that the heap may hold to `bytes`, counted in whole pages (64 KiB and more);
// 0: no limit. An allocation that would exceed it fails with ENOMEM; blocks that exist stay. False,
// and EINVAL, for the main heap of the main sub-process, which is limited by the option
// limit_address_space. Cost: none for allocations from existing pages.
RI_EXPORT bool ri_heap_set_quota(ri_heap_t* heap, size_t bytes) RI_NOEXCEPT;
// The limit; 0 without one.
RI_NODISCARD RI_EXPORT size_t ri_heap_quota(const ri_heap_t* heap) RI_NOEXCEPT;
// Bytes of the pages that the heap holds now, free blocks included; 0 for the main heap of the main
// sub-process, whose pages are not counted.
RI_NODISCARD RI_EXPORT size_t ri_heap_held(const ri_heap_t* heap) RI_NOEXCEPT;

// ---- Allocation ---------------------------------------------------------------------------------

// As the functions of the same name without `heap`, but from the heap. Fast, as ri_malloc, after
// the calling thread's first allocation from the heap. A thread that has run its exit hooks gets a
// slice of 64 KiB for each small block. [M]
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE
    RI_ALLOC_SIZE(2) void* ri_heap_malloc(ri_heap_t* heap, size_t size) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE
    RI_ALLOC_SIZE(2) void* ri_heap_zalloc(ri_heap_t* heap, size_t size) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE2(2, 3) void* ri_heap_calloc(
    ri_heap_t* heap, size_t count, size_t size) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE2(2, 3) void* ri_heap_mallocn(
    ri_heap_t* heap, size_t count, size_t size) RI_NOEXCEPT;

// p may belong to any heap. It stays where it is, and in its heap, when it fits there or can change
// its size in place; otherwise the new block comes from `heap`. [M]
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE(3) void* ri_heap_realloc(ri_heap_t* heap, void* p,
                                                              size_t size) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE2(3, 4) void* ri_heap_reallocn(ri_heap_t* heap, void* p,
                                                                   size_t count,
                                                                   size_t size) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE(3) void* ri_heap_reallocf(ri_heap_t* heap, void* p,
                                                               size_t size) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE(3) void* ri_heap_rezalloc(ri_heap_t* heap, void* p,
                                                               size_t size) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE2(3, 4) void* ri_heap_recalloc(ri_heap_t* heap, void* p,
                                                                   size_t count,
                                                                   size_t size) RI_NOEXCEPT;

RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE char* ri_heap_strdup(ri_heap_t* heap,
                                                           const char* s) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE char* ri_heap_strndup(ri_heap_t* heap, const char* s,
                                                            size_t n) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT char* ri_heap_realpath(ri_heap_t* heap, const char* path,
                                              char* resolved) RI_NOEXCEPT;

RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(2)
    RI_ALLOC_ALIGN(3) void* ri_heap_malloc_aligned(ri_heap_t* heap, size_t size,
                                                   size_t alignment) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(2) void* ri_heap_malloc_aligned_at(
    ri_heap_t* heap, size_t size, size_t alignment, size_t offset) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(2)
    RI_ALLOC_ALIGN(3) void* ri_heap_zalloc_aligned(ri_heap_t* heap, size_t size,
                                                   size_t alignment) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(2) void* ri_heap_zalloc_aligned_at(
    ri_heap_t* heap, size_t size, size_t alignment, size_t offset) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE2(2, 3)
    RI_ALLOC_ALIGN(4) void* ri_heap_calloc_aligned(ri_heap_t* heap, size_t count, size_t size,
                                                   size_t alignment) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE2(2, 3) void* ri_heap_calloc_aligned_at(
    ri_heap_t* heap, size_t count, size_t size, size_t alignment, size_t offset) RI_NOEXCEPT;

RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE(3)
    RI_ALLOC_ALIGN(4) void* ri_heap_realloc_aligned(ri_heap_t* heap, void* p, size_t size,
                                                    size_t alignment) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE(3) void* ri_heap_realloc_aligned_at(ri_heap_t* heap, void* p,
                                                                         size_t size,
                                                                         size_t alignment,
                                                                         size_t offset) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE(3)
    RI_ALLOC_ALIGN(4) void* ri_heap_rezalloc_aligned(ri_heap_t* heap, void* p, size_t size,
                                                     size_t alignment) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE(3) void* ri_heap_rezalloc_aligned_at(
    ri_heap_t* heap, void* p, size_t size, size_t alignment, size_t offset) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE2(3, 4)
    RI_ALLOC_ALIGN(5) void* ri_heap_recalloc_aligned(ri_heap_t* heap, void* p, size_t count,
                                                     size_t size, size_t alignment) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE2(3, 4) void* ri_heap_recalloc_aligned_at(
    ri_heap_t* heap, void* p, size_t count, size_t size, size_t alignment,
    size_t offset) RI_NOEXCEPT;

// As ri_new and ri_new_n, from the heap. [M]
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(2) void* ri_heap_alloc_new(ri_heap_t* heap,
                                                                               size_t size);
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE
    RI_ALLOC_SIZE2(2, 3) void* ri_heap_alloc_new_n(ri_heap_t* heap, size_t count, size_t size);

// The type comes first: (T*)ri_heap_malloc(heap, sizeof(T)) and so on. [M]
#define ri_heap_malloc_tp(type, heap) ((type*)ri_heap_malloc(heap, sizeof(type)))
#define ri_heap_zalloc_tp(type, heap) ((type*)ri_heap_zalloc(heap, sizeof(type)))
#define ri_heap_calloc_tp(type, heap, count) ((type*)ri_heap_calloc(heap, count, sizeof(type)))
#define ri_heap_mallocn_tp(type, heap, count) ((type*)ri_heap_mallocn(heap, count, sizeof(type)))
#define ri_heap_reallocn_tp(type, heap, p, count) \
  ((type*)ri_heap_reallocn(heap, p, count, sizeof(type)))
#define ri_heap_recalloc_tp(type, heap, p, count) \
  ((type*)ri_heap_recalloc(heap, p, count, sizeof(type)))

// Whether moving p's block to another page might let its page go: the page belongs to the calling
// thread and to `heap` (NULL: to any), it is not the one that the thread allocates from, all of it
// was used once, and at most `percent` of its blocks, but not all, are live. Any pointer; false for
// blocks over 64 KiB. Cost: a page map lookup. [M]
RI_NODISCARD RI_EXPORT bool ri_unsafe_heap_page_is_under_utilized(ri_heap_t* heap, void* p,
                                                                  size_t percent) RI_NOEXCEPT;

// ---- Walking ------------------------------------------------------------------------------------

// A page of a heap: memory for blocks of one size.
typedef struct ri_heap_area_s {
  void* blocks;            // the first block
  size_t reserved;         // bytes of the page
  size_t committed;        // bytes from `blocks` on that blocks were ever cut from
  size_t used;             // blocks handed out and not freed
  size_t block_size;       // bytes of a block, all usable
  size_t full_block_size;  // the same: blocks have no header
  void* reserved1;         // NULL, but for mimalloc's mi_heap_new_ex: the tag
} ri_heap_area_t;

// Is called for each area with block == NULL, and then, if blocks are visited too, for each live
// block of it. A block that was allocated with an alignment at an offset may start before the
// pointer that the program has. False ends the visit. It may not allocate from the heap, free or
// resize blocks of it, collect, nor end it or the thread; else it may call every function. It
// returns: not by longjmp.
typedef bool(ri_block_visit_fun)(const ri_heap_t* heap, const ri_heap_area_t* area, void* block,
                                 size_t block_size, void* arg);

// Visits all areas of the heap, of all threads and of none, and with `blocks` their live blocks.
// False when the visitor ended the visit. No other thread may use the heap meanwhile; then the
// visit is exact. Cost: a walk over the heap; for the main heap over all arenas. [M]
RI_EXPORT bool ri_heap_visit_blocks(ri_heap_t* heap, bool blocks, ri_block_visit_fun* visitor,
                                    void* arg) RI_NOEXCEPT;

// As above, but only areas that a thread left behind when it ended and that no thread has taken
// over since. Other threads may go on using the heap: the visit is exact for each area at its time.
// Needs no option. [M]
RI_EXPORT bool ri_heap_visit_abandoned_blocks(ri_heap_t* heap, bool blocks,
                                              ri_block_visit_fun* visitor, void* arg) RI_NOEXCEPT;

// ---- Theaps -------------------------------------------------------------------------------------

// A theap is a thread's part of a heap: only that thread may use it, until it ends or the heap
// does.
typedef struct rix_theap_s ri_theap_t;

// The calling thread's theap of a heap (NULL: the main heap). NULL when there is no memory, and in
// a thread that has run its exit hooks. [M]
RI_NODISCARD RI_EXPORT ri_theap_t* ri_heap_theap(ri_heap_t* heap) RI_NOEXCEPT;

// The theap that ri_malloc and all functions without a heap allocate from in the calling thread;
// the main heap's at first. `set` (NULL: the main heap's) returns the one before; a theap of
// another thread is reported as EINVAL and nothing changes. The thread has to set another before
// some other thread ends the heap; when it ends the heap itself, its default becomes the main
// heap's. [M]
RI_NODISCARD RI_EXPORT ri_theap_t* ri_theap_get_default(void) RI_NOEXCEPT;
RI_EXPORT ri_theap_t* ri_theap_set_default(ri_theap_t* theap) RI_NOEXCEPT;

// As ri_heap_collect, for a theap; NULL: the default one. [M]
RI_EXPORT void ri_theap_collect(ri_theap_t* theap, bool force) RI_NOEXCEPT;

// As the functions with a heap; theap is not NULL. [M]
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE
    RI_ALLOC_SIZE(2) void* ri_theap_malloc(ri_theap_t* theap, size_t size) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE
    RI_ALLOC_SIZE(2) void* ri_theap_zalloc(ri_theap_t* theap, size_t size) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE2(2, 3) void* ri_theap_calloc(
    ri_theap_t* theap, size_t count, size_t size) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(2)
    RI_ALLOC_ALIGN(3) void* ri_theap_malloc_aligned(ri_theap_t* theap, size_t size,
                                                    size_t alignment) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE(3) void* ri_theap_realloc(ri_theap_t* theap, void* p,
                                                               size_t size) RI_NOEXCEPT;

// Guard pages: of the blocks that the calling thread allocates through a theap (NULL: the default
// one) and whose size is from `min` to `max`, one in `sample_rate` on average (0: none) ends at a
// page that nobody may access, so that a read or write past its end ends the program where it
// happens. Bounds: max < min counts as min. The same `seed` (0: none) chooses the same blocks. What
// is set here is stronger than the options guarded_*, which a theap looks at when it is made, at
// its heartbeats and when it collects. The option guarded_precise says whether the end is exact.
//
// Such a block has the size that was asked for, rounded up to 16 or not at all, as usable size: it
// may be less than ri_good_size says. Its alignment is what was asked for, or 16 (with
// guarded_precise 1). It takes at least 64 KiB of address space and 4 KiB of memory, a system call
// at its allocation and one at its free, and does not grow in place. A process has at most 8,192
// guard pages at a time, and none in memory that the program gave (arena.h), in huge pages, or
// with the option disallow_os_alloc: blocks are ordinary ones then.
// The blocks are watched ones (watch.h), so that accesses to them after the free and second frees
// are noticed too, and writes before them when they are freed; blocks beyond the option
// watch_slots, of other sub-processes and in exclusive arenas have the guard page only. Not
// noticed: reads before a block, and accesses between a block with an alignment offset and its
// guard page. While a theap samples, its allocations of these sizes take a slower path; everything
// else costs what it always does. [M]
RI_EXPORT void ri_theap_guarded_set_sample_rate(ri_theap_t* theap, size_t sample_rate,
                                                size_t seed) RI_NOEXCEPT;
RI_EXPORT void ri_theap_guarded_set_size_bound(ri_theap_t* theap, size_t min,
                                               size_t max) RI_NOEXCEPT;
// For the calling thread's theap of a heap (NULL: the main heap). [M]
RI_EXPORT void ri_heap_guarded_set_sample_rate(ri_heap_t* heap, size_t sample_rate,
                                               size_t seed) RI_NOEXCEPT;
RI_EXPORT void ri_heap_guarded_set_size_bound(ri_heap_t* heap, size_t min, size_t max) RI_NOEXCEPT;

// Visits the areas of a theap of the calling thread; NULL: the default one. Blocks over 64 KiB
// belong to the heap, not to a theap. Exact. [M]
RI_EXPORT bool ri_theap_visit_blocks(const ri_theap_t* theap, bool blocks,
                                     ri_block_visit_fun* visitor, void* arg) RI_NOEXCEPT;

#if defined(__cplusplus)
}
#endif

#endif
