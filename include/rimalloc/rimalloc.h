// SPDX-License-Identifier: MIT
// rimalloc.h: the public C interface of rimalloc, a general-purpose memory allocator.
//
// Every function may be called by any thread at any time: before constructors, in destructors, in
// the child of a fork; not from a signal handler that interrupts an allocation (as with malloc,
// POSIX does not list these functions as async-signal-safe). A block may be freed by any thread.
// Sizes are bytes. A function that cannot provide memory returns NULL and sets errno to ENOMEM
// (EINVAL for a bad alignment) and has changed nothing; it leaves errno alone when it succeeds.
// "Fast" means a dozen instructions without atomic operations or locks when the calling thread has
// a free block at hand. Origins: [C] the C standard, [P] POSIX, [G] the GNU C library,
// [B] the BSDs, [W] Windows, [M] the mimalloc interface.
#ifndef RIMALLOC_H
#define RIMALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RI_VERSION_MAJOR 0
#define RI_VERSION_MINOR 1
#define RI_VERSION_PATCH 0
#define RI_VERSION (RI_VERSION_MAJOR * 10000 + RI_VERSION_MINOR * 100 + RI_VERSION_PATCH)

#define RI_SMALL_SIZE_MAX 1024  // the largest size that has the inline fast path

#define RI_EXPORT __attribute__((visibility("default")))
#define RI_NODISCARD __attribute__((warn_unused_result))
#define RI_MALLOC_LIKE __attribute__((malloc))
#define RI_ALLOC_SIZE(n) __attribute__((alloc_size(n)))
#define RI_ALLOC_SIZE2(n, m) __attribute__((alloc_size(n, m)))
#define RI_ALLOC_ALIGN(n) __attribute__((alloc_align(n)))
#if defined(__cplusplus)
#define RI_NOEXCEPT noexcept
extern "C" {
#else
#define RI_NOEXCEPT
#endif

// ---- Allocation ---------------------------------------------------------------------------------

// Returns a block of at least `size` bytes, aligned to 16 (to 8 when size <= 8); a block of the
// smallest class when size is 0. Contents are undefined. NULL and ENOMEM when there is no memory or
// size exceeds PTRDIFF_MAX. Fast up to 1,024 bytes, nearly as fast to 64 KiB. [C] malloc
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(1) void* ri_malloc(size_t size) RI_NOEXCEPT;

// Releases p, which may be NULL (nothing happens) and may come from any thread and from any
// allocating function here. errno is unchanged. Fast for blocks of the calling thread; one atomic
// operation for others. [C] free
// A pointer that is no live block is reported through the output hook and ignored: with the option
// `check` always, as long as its memory is a page of blocks that were allocated with it on. Without
// it: a pointer outside of all pages; one into a block, but not at its start; in a page of the
// calling thread, one to where no block was ever handed out; a large block (over 64 KiB) that was
// freed, until its place is used again; and a small one that is the last that was freed in its
// page, or whose page is gone. Not noticed, and a mistake that hands the same memory out twice, are
// other double frees of small blocks.
RI_EXPORT void ri_free(void* p) RI_NOEXCEPT;

// As ri_malloc(count * size), with the memory set to zero; ENOMEM when the product overflows.
// Memory that is known to be zero is not written. [C] calloc
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE2(1, 2) void* ri_calloc(size_t count,
                                                                           size_t size) RI_NOEXCEPT;

// As ri_malloc, with the whole block (to its usable size) set to zero. [M] mi_zalloc
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(1) void* ri_zalloc(size_t size) RI_NOEXCEPT;

// As ri_malloc(count * size); ENOMEM when the product overflows. [M] mi_mallocn
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE2(1,
                                                     2) void* ri_mallocn(size_t count,
                                                                         size_t size) RI_NOEXCEPT;

// The type comes first: (T*)ri_malloc(sizeof(T)) and so on. [M]
#define ri_malloc_tp(type) ((type*)ri_malloc(sizeof(type)))
#define ri_zalloc_tp(type) ((type*)ri_zalloc(sizeof(type)))
#define ri_calloc_tp(type, count) ((type*)ri_calloc(count, sizeof(type)))
#define ri_mallocn_tp(type, count) ((type*)ri_mallocn(count, sizeof(type)))
#define ri_reallocn_tp(type, p, count) ((type*)ri_reallocn(p, count, sizeof(type)))
#define ri_recalloc_tp(type, p, count) ((type*)ri_recalloc(p, count, sizeof(type)))

// Stores blocks of at least `size` bytes in out[0 .. count) as ri_malloc would give them, and
// returns how many: fewer than `count` only when there is no memory (errno ENOMEM). Cheaper than as
// many calls for up to 1,024 bytes: whole runs of a free list are taken at once.
RI_NODISCARD RI_EXPORT size_t ri_malloc_batch(size_t size, size_t count, void** out) RI_NOEXCEPT;

// ---- Allocation that tells the size of the block ------------------------------------------------

// As the functions without the u; *block_size is set to the usable size of the result, or to 0 when
// there is none. block_size may be NULL. ri_urealloc also stores the usable size that p had. [M]
// mi_umalloc and relatives
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE
    RI_ALLOC_SIZE(1) void* ri_umalloc(size_t size, size_t* block_size) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE2(1, 2) void* ri_ucalloc(
    size_t count, size_t size, size_t* block_size) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE(2) void* ri_urealloc(void* p, size_t size,
                                                          size_t* block_size_before,
                                                          size_t* block_size_after) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(1)
    RI_ALLOC_ALIGN(2) void* ri_umalloc_aligned(size_t size, size_t alignment,
                                               size_t* block_size) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(1)
    RI_ALLOC_ALIGN(2) void* ri_uzalloc_aligned(size_t size, size_t alignment,
                                               size_t* block_size) RI_NOEXCEPT;

// As ri_free; *block_size is set to the usable size that p had, 0 for NULL and for no live block.
RI_EXPORT void ri_ufree(void* p, size_t* block_size) RI_NOEXCEPT;

// ---- Reallocation -------------------------------------------------------------------------------

// Returns a block of at least `size` bytes that begins with the contents of p (as many bytes as
// both have) and releases p. p == NULL allocates. A block that grows and is small gets up to a
// quarter more than it had; a large one may move without copying. The result is p itself when
// `size` fits and little would be wasted: up to half of a block below 1 KiB, up to 5/16 of others.
// A block above 64 KiB shrinks in place; a smaller one that would waste more moves, so no old
// pointer to it may be used: C promises no more. When there is no memory for the smaller block, p
// stays, and the call does not fail. size == 0 returns a smallest block [M] (the malloc override
// returns NULL and releases p, as glibc does). On failure p is untouched. A pointer that is no live
// block: NULL, EINVAL. [C] realloc
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE(2) void* ri_realloc(void* p, size_t size) RI_NOEXCEPT;

// As ri_realloc(p, count * size); NULL, ENOMEM and p untouched when the product overflows.
// [B] reallocarray, [M] mi_reallocn
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE2(2, 3) void* ri_reallocn(void* p, size_t count,
                                                              size_t size) RI_NOEXCEPT;

// As ri_realloc, but releases p on failure too. [B] reallocf
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE(2) void* ri_reallocf(void* p, size_t size) RI_NOEXCEPT;

// As ri_realloc and ri_reallocn; bytes beyond the old usable size are zero. So a block that was
// allocated zeroed and only ever resized by these is zero in all bytes never written. [M]
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE(2) void* ri_rezalloc(void* p, size_t size) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE2(2, 3) void* ri_recalloc(void* p, size_t count,
                                                              size_t size) RI_NOEXCEPT;

// p if its block holds `size` bytes where it is (large blocks may grow in place), otherwise NULL
// with nothing changed and errno untouched. [M] mi_expand
RI_NODISCARD RI_EXPORT void* ri_expand(void* p, size_t size) RI_NOEXCEPT;

// As ri_expand, with errno ENOMEM when it returns NULL. [W] _expand
RI_NODISCARD RI_EXPORT void* ri__expand(void* p, size_t size) RI_NOEXCEPT;

// Resizes p's block in place, to size + extra bytes if possible, otherwise to as much as it can, at
// least trying for `size`; returns the usable size that it then has, which is below `size` when it
// could not grow that far. Blocks over 64 KiB also shrink, to no less than that; smaller ones do
// not. 0 for NULL and for a pointer that is no live block. Never moves and never fails otherwise;
// errno is unchanged.
RI_NODISCARD RI_EXPORT size_t ri_xallocx(void* p, size_t size, size_t extra) RI_NOEXCEPT;

// As ri_reallocn with errno EOVERFLOW on overflow, and in the form of NetBSD: *(void**)p is
// replaced; returns 0, or EINVAL, ENOMEM, EOVERFLOW with *p untouched. errno is unchanged. A
// count or size of 0 frees and stores NULL. [B] reallocarr, [M]
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE2(2, 3) void* ri_reallocarray(void* p, size_t count,
                                                                  size_t size) RI_NOEXCEPT;
RI_EXPORT int ri_reallocarr(void* p, size_t count, size_t size) RI_NOEXCEPT;

// ---- Alignment ----------------------------------------------------------------------------------

// A block of `size` bytes aligned to `alignment`, any power of two (EINVAL otherwise). Aligned
// blocks are released and resized like all others. Fast where a size class is naturally aligned,
// that is up to 64 KiB. The argument order is mimalloc's: size first. [M]
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(1)
    RI_ALLOC_ALIGN(2) void* ri_malloc_aligned(size_t size, size_t alignment) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(1)
    RI_ALLOC_ALIGN(2) void* ri_zalloc_aligned(size_t size, size_t alignment) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE2(1, 2)
    RI_ALLOC_ALIGN(3) void* ri_calloc_aligned(size_t count, size_t size,
                                              size_t alignment) RI_NOEXCEPT;

// As above, with (address + offset) aligned rather than the address. [M]
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(1) void* ri_malloc_aligned_at(
    size_t size, size_t alignment, size_t offset) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(1) void* ri_zalloc_aligned_at(
    size_t size, size_t alignment, size_t offset) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE2(1, 2) void* ri_calloc_aligned_at(
    size_t count, size_t size, size_t alignment, size_t offset) RI_NOEXCEPT;

// As ri_realloc, ri_rezalloc and ri_recalloc; the result is aligned as asked, whatever p was. [M]
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE(2)
    RI_ALLOC_ALIGN(3) void* ri_realloc_aligned(void* p, size_t size, size_t alignment) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE(2) void* ri_realloc_aligned_at(void* p, size_t size,
                                                                    size_t alignment,
                                                                    size_t offset) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE(2)
    RI_ALLOC_ALIGN(3) void* ri_rezalloc_aligned(void* p, size_t size, size_t alignment) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE(2) void* ri_rezalloc_aligned_at(void* p, size_t size,
                                                                     size_t alignment,
                                                                     size_t offset) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE2(2, 3)
    RI_ALLOC_ALIGN(4) void* ri_recalloc_aligned(void* p, size_t count, size_t size,
                                                size_t alignment) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE2(2, 3) void* ri_recalloc_aligned_at(void* p, size_t count,
                                                                         size_t size,
                                                                         size_t alignment,
                                                                         size_t offset) RI_NOEXCEPT;

// The classic forms. ri_posix_memalign: alignment a power of two and a multiple of sizeof(void*),
// else EINVAL; returns the error, errno unchanged, *out untouched on error [P]. ri_aligned_alloc
// and ri_memalign: any power of two [C, G]. ri_valloc: page aligned; ri_pvalloc: and the size
// rounded up to whole OS pages, 0 to one page [G].
RI_NODISCARD RI_EXPORT int ri_posix_memalign(void** out, size_t alignment, size_t size) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(2)
    RI_ALLOC_ALIGN(1) void* ri_aligned_alloc(size_t alignment, size_t size) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(2)
    RI_ALLOC_ALIGN(1) void* ri_memalign(size_t alignment, size_t size) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(1) void* ri_valloc(size_t size) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE void* ri_pvalloc(size_t size) RI_NOEXCEPT;

// ---- Release with what the caller knows ---------------------------------------------------------

// As ri_free. `size` and `alignment` must be those that were requested; any size from the requested
// to the usable one will do. With a size over 64 KiB the owner of the block is not looked up. A
// size beyond the block is a mistake that is reported (EINVAL), and the block freed all the same.
// So is an alignment that p does not have, in debug builds and for blocks that were allocated while
// the option `check` was on. errno is unchanged. [C23] free_sized, free_aligned_sized.
// ri_free_aligned: with an alignment alone. [M]
RI_EXPORT void ri_free_sized(void* p, size_t size) RI_NOEXCEPT;
RI_EXPORT void ri_free_aligned_sized(void* p, size_t alignment, size_t size) RI_NOEXCEPT;
RI_EXPORT void ri_free_aligned(void* p, size_t alignment) RI_NOEXCEPT;

// As ri_free, but a pointer outside of this allocator's memory is ignored without a report. [M]
RI_EXPORT void ri_cfree(void* p) RI_NOEXCEPT;

// As ri_free for each of blocks[0 .. count), NULL among them or not. Cheaper than as many calls
// where neighbours in the array lie in one page: they are put back as one list.
RI_EXPORT void ri_free_batch(void* const* blocks, size_t count) RI_NOEXCEPT;

// ---- Strings ------------------------------------------------------------------------------------

// Copies in new blocks; NULL and ENOMEM when there is no memory, NULL for NULL. ri_realpath: as
// realpath(3), the result from this allocator when `resolved` is NULL; errno as realpath's. [P]
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE char* ri_strdup(const char* s) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE char* ri_strndup(const char* s, size_t n) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT char* ri_realpath(const char* path, char* resolved) RI_NOEXCEPT;

// As ri_strdup for strings of wide and of multibyte characters. [W] _wcsdup, _mbsdup
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE wchar_t* ri_wcsdup(const wchar_t* s) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE unsigned char* ri_mbsdup(const unsigned char* s) RI_NOEXCEPT;

// Stores a copy of the environment variable `name` in *buf and its size in characters with the
// final zero in *size, which may be NULL; NULL and 0 when it is not set. Returns 0, EINVAL when
// `buf` or `name` is NULL, ENOMEM; *buf is NULL then, if it can be. The wide form converts by the
// locale of the calling thread: EILSEQ when that cannot be done. errno is unchanged. Not safe while
// another thread changes the environment, as getenv. [W] _dupenv_s, _wdupenv_s
RI_EXPORT int ri_dupenv_s(char** buf, size_t* size, const char* name) RI_NOEXCEPT;
RI_EXPORT int ri_wdupenv_s(wchar_t** buf, size_t* size, const wchar_t* name) RI_NOEXCEPT;

// ---- Allocation as operator new does it ---------------------------------------------------------

// As ri_malloc and relatives, and as C++ has it when there is no memory: the new handler is called
// and the allocation tried again, until it works or there is no handler; then std::bad_alloc is
// thrown. The nothrow forms return NULL for whatever is thrown. What no handler can cure throws at
// once: an overflow (EOVERFLOW to the error hook), a bad alignment, a p that is no block (EINVAL).
// In a program without C++ there is neither handler nor exception: the failure is reported (ENOMEM)
// and the process aborted; the nothrow forms return NULL. p is released by ri_new_realloc only when
// that succeeds. errno is undefined afterwards. [M] mi_new and relatives
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(1) void* ri_new(size_t size);
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(1)
    RI_ALLOC_ALIGN(2) void* ri_new_aligned(size_t size, size_t alignment);
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(1) void* ri_new_nothrow(size_t size)
    RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE(1)
    RI_ALLOC_ALIGN(2) void* ri_new_aligned_nothrow(size_t size, size_t alignment) RI_NOEXCEPT;
RI_NODISCARD RI_EXPORT RI_MALLOC_LIKE RI_ALLOC_SIZE2(1, 2) void* ri_new_n(size_t count,
                                                                          size_t size);
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE(2) void* ri_new_realloc(void* p, size_t size);
RI_NODISCARD RI_EXPORT RI_ALLOC_SIZE2(2, 3) void* ri_new_reallocn(void* p, size_t count,
                                                                  size_t size);

// ---- What a block is ----------------------------------------------------------------------------

// Bytes that may be used in p's block from p on; 0 for NULL and, as far as can be told, for a
// pointer that is no live block. Cost: a page map lookup. [G] malloc_usable_size
RI_NODISCARD RI_EXPORT size_t ri_usable_size(const void* p) RI_NOEXCEPT;

// The usable size that ri_malloc(size) would give, except for blocks with a guard page (heap.h),
// which have less; `size` itself when it cannot be allocated. [B]
RI_NODISCARD RI_EXPORT size_t ri_good_size(size_t size) RI_NOEXCEPT;

// The usable size that ri_malloc_aligned(size, alignment) would give, except for guard pages as
// with ri_good_size; 0 when it would fail however much memory there is: when `alignment` is no
// power of two, or the size beyond PTRDIFF_MAX.
RI_NODISCARD RI_EXPORT size_t ri_nallocx(size_t size, size_t alignment) RI_NOEXCEPT;

// Whether p points into memory that this allocator manages now. [M] mi_is_in_heap_region
RI_NODISCARD RI_EXPORT bool ri_is_in_heap_region(const void* p) RI_NOEXCEPT;

// ---- Process ------------------------------------------------------------------------------------

// Releases what the calling thread keeps: collects blocks freed by others, releases empty pages;
// with `force` also returns all unused memory of the process to the OS now, and what holds no live
// block inside pages in use: those of the calling thread, and those that exited threads left. Its
// cost is then that of a walk over all free blocks of these pages. [M] mi_collect
RI_EXPORT void ri_collect(bool force) RI_NOEXCEPT;

// As ri_collect(true); then, while the calling thread's pages hold more than `bytes`, abandons
// pages with live blocks, full ones first: any thread may then allocate from them and release them.
// [M] mi_collect_reduce
RI_EXPORT void ri_collect_reduce(size_t bytes) RI_NOEXCEPT;

// What ri_purge_all did. Bytes are those of the whole process meanwhile.
typedef struct ri_purge_report_s {
  size_t slices;    // bytes given back of memory that is in no page
  size_t mappings;  // of freed large blocks that had mappings of their own
  size_t holes;     // inside of pages in use
  size_t
      unreached;  // bytes that are in no page and may still be resident: they are not due yet, time
                  // was up, or the OS did not take them
  size_t next_ms;  // until more is due; 0: nothing is. With `more`: 1
  bool more;       // time was up before all was done
} ri_purge_report_t;

enum {
  RI_PURGE_UNUSED =
      0,             // all that is unused, as ri_collect(true), but no function of the program is
                     // called
  RI_PURGE_DUE = 1,  // what is due: what the scavenger would return now, and parts of the calling
                     // thread's pages
};

// Gives memory back to the OS, for at most about `ms` milliseconds (0: as long as it takes; the
// clock is looked at after every few MiB). For programs that forbid the scavenger, or run where
// there is none: called with RI_PURGE_DUE when the program is idle, and again after next_ms, it
// does the same work, and more: the calling thread's own pages are within its reach. `report` may
// be NULL. Returns whether anything was given back. errno stays.
RI_EXPORT bool ri_purge_all(unsigned flags, size_t ms, ri_purge_report_t* report) RI_NOEXCEPT;

// The scavenger is a task of the library's own that returns memory while the program sleeps (option
// `scavenger`; docs/memory.md says when there is one, and what of it can be noticed).
// From when ri_scavenger_stop returns there is none, until ri_scavenger_allow is called: not even
// for what counts the threads of a process (unshare, setns, sandboxes). It waits for one that runs,
// for a few milliseconds at most. Do not call it in the deferred-free or other functions of the
// program that the library calls with its locks held (ri_register_os_memory, ri_manage_memory).
RI_EXPORT void ri_scavenger_stop(void) RI_NOEXCEPT;
// Allows it again; and, in a program that has the functions of this library but not its malloc, for
// the first time: such a program says by that call that it will install no filter for system calls
// that kills for clone, rt_sigprocmask, futex, madvise, exit, openat, read or close.
RI_EXPORT void ri_scavenger_allow(void) RI_NOEXCEPT;

// The version as RI_VERSION at the time the library was built. [M] mi_version
RI_NODISCARD RI_EXPORT int ri_version(void) RI_NOEXCEPT;

// Starts and ends the use of the allocator by a thread or by the process. Never necessary: both
// happen by themselves. ri_process_done returns what it can and, the first time, prints the
// statistics if the option show_stats is on. Allocation goes on working after it, and after
// ri_thread_done. [M]
RI_EXPORT void ri_process_init(void) RI_NOEXCEPT;
RI_EXPORT void ri_process_done(void) RI_NOEXCEPT;
RI_EXPORT void ri_thread_init(void) RI_NOEXCEPT;
RI_EXPORT void ri_thread_done(void) RI_NOEXCEPT;

// Tells that the calling thread runs tasks of others: from now on its frees do not take over pages
// of exited threads (option page_reclaim_on_free), so that it does not gather what it will not use.
// [M] mi_thread_set_in_threadpool
RI_EXPORT void ri_thread_set_in_threadpool(void) RI_NOEXCEPT;

// Whether malloc, as this program calls it, is this allocator: preloaded, or linked in its place.
// Cost: an allocation. [M] mi_is_redirected
RI_NODISCARD RI_EXPORT bool ri_is_redirected(void) RI_NOEXCEPT;

// ---- Messages -----------------------------------------------------------------------------------

// Receives each message of the allocator (errors, warnings, statistics), in whole or in parts. May
// be called in any thread and from any function of this interface, malloc and free included, so
// with locks of the caller held, but with none of the allocator's: it may call every function
// except those that end the thread's heaps (ri_thread_done, ri_subproc_add_current_thread).
// Messages that it causes are sent to it again.
typedef void(ri_output_fun)(const char* message, void* arg);

// Sends messages to `out` instead of standard error; NULL restores standard error. As with all
// functions that are registered: any thread, not from signal handlers; two system calls once the
// process has started; where the OS refuses them nothing changes and a warning says so. [M]
RI_EXPORT void ri_register_output(ri_output_fun* out, void* arg) RI_NOEXCEPT;

// Called once for each error with its errno code: EINVAL (foreign or bad pointer), EAGAIN (double
// free), EFAULT (corrupted memory), ENOMEM (no memory, or a size over PTRDIFF_MAX), EOVERFLOW (a
// product or a sum of sizes that overflows). It may call every function, as one for messages. [M]
// mi_register_error
typedef void(ri_error_fun)(int code, void* arg);
RI_EXPORT void ri_register_error(ri_error_fun* fun, void* arg) RI_NOEXCEPT;

// ---- Checking -----------------------------------------------------------------------------------

// Checks every structure of the calling thread's heaps, and of the arenas when no other thread has
// heaps and the process was not forked; true when all invariants hold. Reports the first that does
// not. For tests; cost: a walk over all blocks.
RI_NODISCARD RI_EXPORT bool ri_audit(void) RI_NOEXCEPT;

#if defined(__cplusplus)
}
#endif

#include <rimalloc/hooks.h>
#include <rimalloc/options.h>
#include <rimalloc/heap.h>
#include <rimalloc/limits.h>
#include <rimalloc/arena.h>
#include <rimalloc/stats.h>
#include <rimalloc/watch.h>

#endif
