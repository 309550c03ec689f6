// SPDX-License-Identifier: MIT
// arena.h: memory that the program provides or reserves, and sub-processes; part of rimalloc.h.
//
// An arena is a range of memory that blocks come from. The allocator reserves arenas when it needs
// them; a program can reserve some in advance, hand over memory of its own, and keep an arena for
// the heaps that are made for it (an exclusive one). An arena serves the sub-process that the
// calling thread belongs to. Descriptors take about 1 % more, of the OS; of memory that the program
// gives, and of huge pages of 1 GiB, they take about 4 %.
#include <rimalloc/rimalloc.h>  // includes this header in its turn: before the guard
#ifndef RIMALLOC_ARENA_H
#define RIMALLOC_ARENA_H

#if defined(__cplusplus)
extern "C" {
#endif

// An arena; NULL is none. It stays valid until its sub-process is destroyed. After that it counts
// as none, as does a value that never was an arena, until the same value names another arena.
typedef void* ri_arena_id_t;

// ---- Reserving ----------------------------------------------------------------------------------

// Reserves an arena for `size` bytes of blocks. `commit`: usable at once, otherwise made usable as
// it is used. `allow_large`: in huge pages of the system (2 MiB) if it has some, otherwise it asks
// for transparent ones. `exclusive`: only for heaps of ri_heap_new_in_arena. Returns 0 and stores
// the arena in *id (if id is not NULL); or ENOMEM, or EINVAL for a size of 0, with NULL there. [M]
RI_EXPORT int ri_reserve_os_memory(size_t size, bool commit, bool allow_large) RI_NOEXCEPT;
RI_EXPORT int ri_reserve_os_memory_ex(size_t size, bool commit, bool allow_large, bool exclusive,
                                      ri_arena_id_t* id) RI_NOEXCEPT;

// Reserves an arena of `pages` huge pages of 1 GiB, on a NUMA node (-1: any), in at most `timeout`
// milliseconds (0: no limit); of fewer pages when the system has no more or the time is over.
// Returns 0 when it got at least one; ENOMEM when none, and nothing has changed then; EINVAL for 0
// pages. [M]
RI_EXPORT int ri_reserve_huge_os_pages_at(size_t pages, int node, size_t timeout) RI_NOEXCEPT;
RI_EXPORT int ri_reserve_huge_os_pages_at_ex(size_t pages, int node, size_t timeout, bool exclusive,
                                             ri_arena_id_t* id) RI_NOEXCEPT;

// The same, evenly over `nodes` NUMA nodes (0: as many as there are), one arena for each. Returns
// 0, or the first error, after which no more are reserved. [M]
RI_EXPORT int ri_reserve_huge_os_pages_interleave(size_t pages, size_t nodes,
                                                  size_t timeout) RI_NOEXCEPT;

// The same on any node; *reserved (if not NULL) is the number of pages that it got. [M], deprecated
// there: use ri_reserve_huge_os_pages_interleave.
RI_EXPORT int ri_reserve_huge_os_pages(size_t pages, double max_seconds,
                                       size_t* reserved) RI_NOEXCEPT;

// ---- Memory of the program ----------------------------------------------------------------------

// Makes [start, start + size) usable (commit), or takes back memory that nobody uses (not commit).
// *is_zero says whether usable memory reads as zero. False: refused, and nothing has changed. May
// be called in any thread, with locks of the allocator held, and must not call the allocator: a
// thread that would wait for such a lock prints a message and aborts.
typedef bool(ri_commit_fun_t)(bool commit, void* start, size_t size, bool* is_zero, void* arg);

// Makes an arena of memory that the program owns and leaves to the allocator until the sub-process
// is destroyed; its contents are lost. Only whole slices inside it are used
// (ri_arena_min_alignment).
//   is_committed  it may be accessed; otherwise commit_fun is called before a part is used, or
//                 without one the OS is asked to allow access
//   is_pinned     it is never returned while unused
//   is_zero       it reads as zero
//   node          the NUMA node that it lies on, or -1
// Any memory will do that can be read and written: mapped privately or shared, of a file, a static
// array. The allocator writes to it, and without commit_fun asks for access. Unused parts of it go
// back to the OS (madvise) only where all of it is private and anonymous, as mmap with MAP_PRIVATE
// and MAP_ANONYMOUS gives it, and as static arrays without initial values are: the OS is asked
// once, here. All other memory is treated as pinned. With a commit_fun, that function alone returns
// memory. No guard pages are placed in it, and none of its pages are moved elsewhere. Other
// processes may read shared memory; but a process that writes to it, or inherits it by fork and
// allocates, corrupts it. False, with *id NULL, and EINVAL when `start` is NULL, the size too small
// or over PTRDIFF_MAX / 2, or some of the memory already belongs to the allocator, to an arena or a
// block; ENOMEM when it cannot be used: commit_fun or the OS refuses, there are 256 arenas at most,
// 16 can be made at a time, and the address must lie in what the page map covers, above the first
// memory that the allocator took: static arrays of a program that is not position-independent do
// not. Cost: a look at each 64 KiB up to the end of what was ever used, and at each resident page.
// [M]
RI_EXPORT bool ri_manage_os_memory(void* start, size_t size, bool is_committed, bool is_pinned,
                                   bool is_zero, int node) RI_NOEXCEPT;
RI_EXPORT bool ri_manage_os_memory_ex(void* start, size_t size, bool is_committed, bool is_pinned,
                                      bool is_zero, int node, bool exclusive,
                                      ri_arena_id_t* id) RI_NOEXCEPT;
RI_EXPORT bool ri_manage_memory(void* start, size_t size, bool is_committed, bool is_pinned,
                                bool is_zero, int node, bool exclusive, ri_commit_fun_t* commit_fun,
                                void* commit_arg, ri_arena_id_t* id) RI_NOEXCEPT;

// ---- Asking arenas ------------------------------------------------------------------------------

// Where an arena lies, and in *size (if not NULL) its bytes, with the descriptors where they lie
// there. NULL and 0 for none. Cost: a look at the identity of each arena. [M]
RI_NODISCARD RI_EXPORT void* ri_arena_area(ri_arena_id_t id, size_t* size) RI_NOEXCEPT;
// Whether p points into the arena; false for none. Cost: the same. [M]
RI_NODISCARD RI_EXPORT bool ri_arena_contains(ri_arena_id_t id, const void* p) RI_NOEXCEPT;
// Memory is used in units of this many bytes, aligned to as many: 64 KiB. [M]
RI_NODISCARD RI_EXPORT size_t ri_arena_min_alignment(void) RI_NOEXCEPT;
// The size of the smallest arena, if its memory is aligned. [M]
RI_NODISCARD RI_EXPORT size_t ri_arena_min_size(void) RI_NOEXCEPT;

// Prints a line for each arena of the process through the registered output. [M]
RI_EXPORT void ri_arenas_print(void) RI_NOEXCEPT;

// ---- Heaps and arenas ---------------------------------------------------------------------------

// A heap whose blocks come from one arena only: when that is full, allocation fails with ENOMEM.
// NULL: as ri_heap_new. NULL and EINVAL for an id that is no arena of the calling thread's
// sub-process. [M]
RI_NODISCARD RI_EXPORT ri_heap_t* ri_heap_new_in_arena(ri_arena_id_t id) RI_NOEXCEPT;

// New pages of the heap (NULL: the main heap) come from arenas on a NUMA node if there are any with
// room, and new arenas that the heap needs are placed there; -1: no preference. [M]
RI_EXPORT void ri_heap_set_numa_affinity(ri_heap_t* heap, int node) RI_NOEXCEPT;

// ---- Sub-processes ------------------------------------------------------------------------------

// A sub-process has arenas and heaps of its own, and a main heap that its threads' ri_malloc uses:
// what belongs to different sub-processes never shares a page, nor memory that one of them freed.
// Threads belong to the main sub-process until they are added to another one. A thread may use
// heaps of its own sub-process; blocks may be freed by any thread. An id with NULL inside is none:
// nothing happens, a visit of its heaps sees none and is true, ri_subproc_stats_get is false, and
// what is printed or written as JSON of it is 0. An id that has ended is none until another
// sub-process has the same; to join or destroy it is reported as EINVAL.
typedef struct ri_subproc_id_s {
  void* _ri_subproc_id;
} ri_subproc_id_t;

RI_NODISCARD RI_EXPORT ri_subproc_id_t ri_subproc_main(void) RI_NOEXCEPT;
// That of the calling thread. [M]
RI_NODISCARD RI_EXPORT ri_subproc_id_t ri_subproc_current(void) RI_NOEXCEPT;
// A new sub-process; with NULL inside when there is no memory. [M]
RI_NODISCARD RI_EXPORT ri_subproc_id_t ri_subproc_new(void) RI_NOEXCEPT;

// Moves the calling thread from the main sub-process to another; what it allocated before stays
// where it is. A thread that already belongs to one other than the main one stays there, which is
// reported as EINVAL. After its exit hooks a thread belongs to the main sub-process. [M]
RI_EXPORT void ri_subproc_add_current_thread(ri_subproc_id_t subproc) RI_NOEXCEPT;

// Ends a sub-process with all of its heaps and blocks, and returns its memory: that of its arenas
// to the OS, the program's own to the program. Its threads must have ended, or must allocate and
// free nothing of it any more. Not for the main one, nor that of the calling thread: EINVAL is
// reported. [M]
RI_EXPORT void ri_subproc_destroy(ri_subproc_id_t subproc) RI_NOEXCEPT;

// Calls `visitor` for each heap of a sub-process, the oldest first, until it returns false. False
// when it did. Each heap that exists all the time is visited once, whatever begins and ends
// meanwhile: the visitor may make heaps, which are visited too, and end any; heaps that other
// threads make are not visited, and those that they end may be, but must not be used then. Cost: a
// few steps for each heap. If the visitor is left by a jump, the descriptor of the heap that it was
// called for is not used again. [M]
typedef bool(ri_heap_visit_fun)(ri_heap_t* heap, void* arg);
RI_EXPORT bool ri_subproc_visit_heaps(ri_subproc_id_t subproc, ri_heap_visit_fun* visitor,
                                      void* arg) RI_NOEXCEPT;

#if defined(__cplusplus)
}
#endif

#endif
