// SPDX-License-Identifier: MIT
// os.h: the contract between the allocator and an operating system. A few files implement it for an
// OS (*_linux.c); nothing else in the project makes a system call or knows a CPU.
//
// Every function may be called at any time, allocates nothing from this allocator and leaves errno
// as it was. A failing call has changed nothing. Sizes and addresses of memory are multiples of
// rix_os_page_size().
#ifndef RIX_OS_OS_H
#define RIX_OS_OS_H

#include "base/atomic.h"
#include "base/compiler.h"

// ---- Memory -------------------------------------------------------------------------------------

// Addresses of a process are below 2^RIX_OS_ADDRESS_BITS, whatever the kernel.
#if UINTPTR_MAX == UINT32_MAX
#define RIX_OS_ADDRESS_BITS 32
#elif defined(__x86_64__)
#define RIX_OS_ADDRESS_BITS 47
#else
#define RIX_OS_ADDRESS_BITS 48
#endif

// Reads what is read once: the auxiliary vector, limits, how the system accounts for memory. To be
// called with no lock held, before anything else; functions that need it call it too. Cheap once it
// is done.
RIX_INTERNAL void rix_os_start(void);

// Addresses of this process are below 2^rix_os_address_bits(): of the same program one kernel uses
// 48 bits, another 39.
RIX_INTERNAL unsigned rix_os_address_bits(void);

RIX_INTERNAL size_t rix_os_page_size(void);

// Whether reserving memory counts against a limit of the system, so that address space must be
// reserved without access and committed piece by piece.
RIX_INTERNAL bool rix_os_strict_commit(void);

// Address space, and memory that can be written, that this process may map, as far as limits were
// set at the start: the lower one; SIZE_MAX without one.
RIX_INTERNAL size_t rix_os_address_space_limit(void);
// Whether this much more address space can be mapped. Found out by mapping it, except (unless
// `asks`) where there is no limit and the OS has never refused anything: then true, whatever the
// size. So a limit that the program sets later is noticed too, at the cost of few system calls.
RIX_INTERNAL bool rix_os_fits(size_t size, bool asks);

// The limit of memory for the group of processes that this one belongs to (a control group, a
// container), and what the group uses, without what the OS takes back by itself, in bytes.
typedef struct rix_os_group_s {
  uint64_t limit, usage;
} rix_os_group_t;
// Finds both out; false: there is no limit, or it cannot be read. Opens files, as the next: one
// thread at a time.
RIX_INTERNAL bool rix_os_group_find(rix_os_group_t* group);
// Reads both again; false also before they were found.
RIX_INTERNAL bool rix_os_group_read(rix_os_group_t* group);

typedef enum rix_os_access_e {
  RIX_OS_RESERVED,  // address space only: commit before use
  RIX_OS_USABLE,    // may be used; the OS need not be able to provide all of it
  RIX_OS_PROMISED,  // may be used; the OS refuses what it can never provide
} rix_os_access_t;

// New address space, at `hint` if that is free, of memory that reads as zero. NULL when the OS
// refuses.
RIX_INTERNAL void* rix_os_map(void* hint, size_t size, rix_os_access_t access);
// As above, aligned to a power of two; unneeded ends are unmapped.
RIX_INTERNAL void* rix_os_map_aligned(void* hint, size_t size, size_t alignment,
                                      rix_os_access_t access);
RIX_INTERNAL bool rix_os_unmap(void* p, size_t size);
// Replaces a part of the caller's address space by usable memory in huge pages of 2^shift bytes,
// which are there at once, on a NUMA node if it has some (-1: any). It cannot be returned in
// smaller pieces. False when the OS has none: then the range is reserved address space.
RIX_INTERNAL bool rix_os_map_huge(void* at, size_t size, unsigned shift, int node);
// Prefers a NUMA node for memory that was not touched yet. Advisory.
RIX_INTERNAL void rix_os_prefer_node(void* p, size_t size, int node);
RIX_INTERNAL size_t rix_os_nodes(void);  // NUMA nodes, at least 1
RIX_INTERNAL int rix_os_node(void);      // that the calling thread runs on now
// Gives memory a name with a number, which the OS shows in its list of mappings. Advisory.
RIX_INTERNAL void rix_os_name(void* p, size_t size, unsigned number);

RIX_INTERNAL bool rix_os_commit(void* p, size_t size);
// The same for reserved memory that was not usable before. Where commit is not strict it is mapped
// anew, which needs no permission to change access.
RIX_INTERNAL bool rix_os_enable(void* p, size_t size);
// Takes the right to write to static memory away, or gives it back. Counted nowhere.
RIX_INTERNAL bool rix_os_seal(void* p, size_t size, bool sealed);
// Gives up access, contents and commit charge.
RIX_INTERNAL bool rix_os_decommit(void* p, size_t size);
// Returns the memory; it stays usable and reads as zero. False: its contents are unknown.
RIX_INTERNAL bool rix_os_purge(void* p, size_t size);

// Makes reserved memory that was never used readable, which commits nothing: it reads as zero.
RIX_INTERNAL bool rix_os_readable(void* p, size_t size);

// Removes all access to a part of usable memory, and returns it. Its contents are lost; given
// access again, it reads as zero. Where the OS can do so, this makes no mapping of its own of it.
RIX_INTERNAL bool rix_os_guard(void* p, size_t size);
// As above, but only by what is no mapping; no other call is made where the OS cannot.
RIX_INTERNAL bool rix_os_guard_by_mark(void* p, size_t size);
RIX_INTERNAL bool rix_os_unguard(void* p, size_t size);

// The OS takes the memory when it needs some; until then its contents may stay.
RIX_INTERNAL bool rix_os_reset(void* p, size_t size);

// Whether all of the range is private memory of this process that no file backs, so that what is
// returned is gone, reads as zero, and belonged to nobody else. Its contents may be lost. False
// when the OS does not tell.
RIX_INTERNAL bool rix_os_is_private(void* p, size_t size);

// No transparent huge pages in this process, nor in those it starts.
RIX_INTERNAL bool rix_os_disable_huge(void);

// Whether the word of 32 bits at an address, a multiple of 4, is not zero. False where it cannot be
// read: any address will do, and memory in use may be looked at.
RIX_INTERNAL bool rix_os_is_written(uintptr_t at);
// Whether it can be read; false also where the OS does not tell.
RIX_INTERNAL bool rix_os_is_readable(uintptr_t at);

#define RIX_OS_HUGE_SIZE ((size_t)2 << 20)
// Asks for huge pages in a range, which then become resident 2 MiB at a time. Advisory.
RIX_INTERNAL void rix_os_advise_huge(void* p, size_t size);
// Asks for none, from now on.
RIX_INTERNAL void rix_os_advise_plain(void* p, size_t size);
// Splits the huge page, if there is one, that contains an OS page that is not needed, so that parts
// of it count as free when they are returned. Advisory.
RIX_INTERNAL void rix_os_split_huge(void* p);

// Moves the contents of [from, from + size) to the start of the mapping [to, to + size) without
// copying; `from` stays mapped and reads as zero.
RIX_INTERNAL bool rix_os_move(void* from, void* to, size_t size);
// Changes the size of a whole mapping where it is; growing memory reads as zero.
RIX_INTERNAL bool rix_os_resize(void* p, size_t old_size, size_t new_size);

// A function of the program that is notified of the ranges that the functions above map, commit and
// return, and that may refuse (rimalloc/hooks.h). The object is never changed or freed; NULL: none.
typedef struct rix_os_hook_s {
  ri_os_fun* fun;
  void* arg;
} rix_os_hook_t;
RIX_INTERNAL void rix_os_set_hook(const rix_os_hook_t* hook);

typedef enum rix_os_call_e {
  RIX_OS_CALL_MAP,
  RIX_OS_CALL_UNMAP,
  RIX_OS_CALL_COMMIT,
  RIX_OS_CALL_PURGE,  // and decommit
  RIX_OS_CALL_RESET,
  RIX_OS_CALL_MOVE,  // or resize, or advice
  RIX_OS_CALL_COUNT,
} rix_os_call_t;
// System calls made by the functions above, of one kind and all.
RIX_INTERNAL size_t rix_os_calls_of(rix_os_call_t kind);
RIX_INTERNAL size_t rix_os_calls(void);

// ---- Time, randomness, environment, output ------------------------------------------------------

RIX_INTERNAL uint64_t rix_os_clock_ms(void);       // monotonic
RIX_INTERNAL void rix_os_wait_ms(unsigned ms);     // for about this long; no cancellation point
RIX_INTERNAL uint64_t rix_os_random(void);         // seeds only
RIX_INTERNAL void rix_os_random_after_fork(void);  // in the child: others than in its parent
// The i-th "NAME=value" of the environment; NULL after the last, and always when this program runs
// with rights that its user does not have.
RIX_INTERNAL const char* rix_os_env_entry(size_t i);
RIX_INTERNAL bool rix_os_env_ready(void);  // the environment can be read
// Whether this program runs with rights that its user does not have, or that is not known yet.
RIX_INTERNAL bool rix_os_is_privileged(void);
RIX_INTERNAL void rix_os_write_error(const char* text, size_t length);  // to standard error
RIX_INTERNAL __attribute__((noreturn)) void rix_os_abort(void);
// realpath(3) into a buffer of rix_os_path_max() bytes; sets errno as it does, on failure only.
RIX_INTERNAL char* rix_os_realpath(const char* path, char* resolved);
RIX_INTERNAL size_t rix_os_path_max(void);
RIX_INTERNAL int rix_os_errno(void);
RIX_INTERNAL void rix_os_set_errno(int code);

typedef struct rix_os_usage_s {
  size_t resident, peak_resident;  // bytes
  size_t minor_faults, major_faults;
  uint64_t user_ms, system_ms;
} rix_os_usage_t;
RIX_INTERNAL void rix_os_usage(rix_os_usage_t* usage);

// A symbol of a shared library that the process has loaded, in whatever scope; NULL without one.
// May allocate, and keeps the library loaded from then on.
RIX_INTERNAL void* rix_os_find_symbol(const char* library, const char* name);

// Opening libraries (os/rebind.c). The flag of dlopen that says that a library looks for symbols in
// libc before it looks in the program, 0 where there is none; and dlopen itself, after ours.
typedef void* rix_os_open_fun(const char* path, int mode);
RIX_INTERNAL int rix_os_deep_flag(void);
RIX_INTERNAL rix_os_open_fun* rix_os_next_open(void);
// From now on a look-up of that name in libc finds `target`. False: nothing changed.
typedef struct rix_os_binding_s {
  const char* name;
  void (*target)(void);
} rix_os_binding_t;
RIX_INTERNAL bool rix_os_rebind(const rix_os_binding_t* list, size_t count);

// Whether exceptions can be caught here: a C++ library is in the scope of this code.
RIX_INTERNAL bool rix_os_can_catch(void);
// call(arg), and NULL for whatever it throws; NULL without a call when nothing could be caught.
RIX_INTERNAL void* rix_os_try(void* (*call)(void* arg), void* arg);

// ---- Stacks and faults --------------------------------------------------------------------------

// Where the calling thread is, the innermost call first, as return addresses: at most `most`, as
// os/unwind.h finds them, without the frames of this library where it is one of its own; where that
// finds none, by rix_os_frames. Returns how many. `frame`, `at`: of an interrupted code's frame and
// place, in the handler; at == 0: of the caller.
RIX_INTERNAL size_t rix_os_stack(uintptr_t* out, size_t most, uintptr_t frame, uintptr_t at);
// The same by the chain of frame pointers as far as code keeps them. Reads nothing but memory that
// can be read. frame == 0: the caller's.
RIX_INTERNAL size_t rix_os_frames(uintptr_t* out, size_t most, uintptr_t frame, uintptr_t at);
RIX_INTERNAL uintptr_t rix_os_thread_name(void);  // what pthread_self() says and debuggers show

// The file that is mapped at an address, and the address as one of the file's. False: none, or the
// OS does not tell. Opens files; may be called by a signal handler.
RIX_INTERNAL bool rix_os_file_at(uintptr_t at, char* path, size_t capacity, uintptr_t* in_file);

// An access that the OS refused.
typedef struct rix_os_fault_s {
  uintptr_t address;
  uintptr_t at;     // where the program was
  uintptr_t frame;  // and its frame
  bool write;       // false also where the CPU does not tell
} rix_os_fault_t;
// Calls `seen` for each from now on, by a signal handler, which repeats the access when that
// returns true. Otherwise, and for signals that are no faults, the handler that was there before is
// called or what would have happened without one happens. False: the OS refuses. Not under a lock.
typedef bool rix_os_fault_fun(const rix_os_fault_t* fault);
RIX_INTERNAL bool rix_os_fault_catch(rix_os_fault_fun* seen);

// ---- Threads ------------------------------------------------------------------------------------

typedef ri_atomic(uint32_t) ri_atomic_u32_t;

// All locks, in the order in which a thread may take them. Debug builds check it at every rix_lock;
// rix_lock_try is exempt, since it never waits. In all builds a thread that would wait for itself
// prints a message and aborts.
typedef enum rix_lock_level_e {
  RIX_LEVEL_ORPHAN = 1,  // the theap for threads that have exited
  RIX_LEVEL_HEAP,        // the lists of heaps and of their theaps, the end of a theap
  RIX_LEVEL_THREAD,      // the list of threads
  RIX_LEVEL_PURGE,       // giving memory back
  RIX_LEVEL_ARENA,       // reserving an arena
  RIX_LEVEL_MAPPING,     // the table of cached mappings
  RIX_LEVEL_PAGEMAP,     // growth of the page map
  RIX_LEVEL_HEAP_PAGES,  // which pages a heap has
  RIX_LEVEL_META,        // memory for descriptors
  RIX_LEVEL_TRAP,        // the table of watched blocks
  RIX_LEVEL_SEALED,      // options, and the program's functions (options/sealed.h)
  RIX_LEVEL_PROFILE,     // the profiler's tables
  RIX_LEVELS
} rix_lock_level_t;

// A lock of the OS; the state zero is open. Not recursive.
typedef struct rix_lock_s {
  ri_atomic_u32_t xstate;  // 0 open, 1 taken, 2 taken and waited for
  uint32_t level;          // const: rix_lock_level_t
} rix_lock_t;
#define RIX_LOCK_OPEN(level) \
  { {0}, level }
RIX_INTERNAL void rix_lock(rix_lock_t* lock);
RIX_INTERNAL bool rix_lock_try(rix_lock_t* lock);
RIX_INTERNAL void rix_unlock(rix_lock_t* lock);
// Whether this thread holds a lock. Functions of the program are called without one.
RIX_INTERNAL bool rix_lock_held(void);
// To be called with all locks taken. From then on the calling thread passes through them as if they
// were open, until this is called with false; then it releases them.
RIX_INTERNAL void rix_lock_pass(bool pass);

// Whether a tool watches what this process does to its memory (a sanitizer).
RIX_INTERNAL extern const bool rix_os_is_watched;

// Whether there is a word at an aligned address, which may no longer belong to the process, and it
// has the value. True also where the OS does not tell.
RIX_INTERNAL bool rix_os_word_is(const uint32_t* word, uint32_t value);

// Calls done(value) at the exit of each thread that set a value. False: the OS cannot.
RIX_INTERNAL bool rix_os_thread_exit_init(void (*done)(void* value));
RIX_INTERNAL void rix_os_thread_exit_close(void);
RIX_INTERNAL bool rix_os_thread_exit_set(void* value);
RIX_INTERNAL void rix_os_fork_init(void (*before)(void), void (*parent)(void), void (*child)(void));

// ---- A task of our own --------------------------------------------------------------------------

// One task beside the threads of the program, of which neither the program nor the C library know:
// no thread-local data of libraries but what is told here, no signals, no end that anybody is
// notified of. What it runs may call the functions of this file, but for those about threads, and
// nothing of a library. When one may be started, and what it waits for, is in os/task.h.

// Whether this CPU, build and process can have one at all, and the calling thread start it. Never
// where the program runs with rights that its user does not have, nor in a child of vfork.
RIX_INTERNAL bool rix_os_task_can(void);
RIX_INTERNAL void rix_os_task_forget(void);  // in the child of a fork there is none
// Whether a filter for system calls works on the calling thread, or the OS does not tell. To be
// asked where it is known that none was installed later than the start of the program.
RIX_INTERNAL bool rix_os_is_filtered(void);
RIX_INTERNAL bool rix_os_is_init(void);    // the first process of its system, or container
RIX_INTERNAL bool rix_os_is_hooked(void);  // a function of the program is notified of memory
// Whether everybody in this program who looks that name up finds this function; true in a static
// program, where that is so by construction. May allocate.
RIX_INTERNAL bool rix_os_is_name_of(const char* name, void (*fun)(void));
// prctl(2), with errno; and whether what it is asked for has to do with filters for system calls.
RIX_INTERNAL int rix_os_control(int option, const unsigned long words[4]);
RIX_INTERNAL bool rix_os_control_filters(int option);
RIX_INTERNAL int rix_os_unshare(int flags);         // unshare(2), with errno
RIX_INTERNAL int rix_os_setns(int file, int type);  // setns(2), with errno
// Starts the task. `locals`: addresses of the calling thread's data of those thread-local variables
// that `run` uses, NULL at the end: all are zero in the task. `filtered`: as rix_os_is_filtered.
// Where there is none, nothing has changed. With no lock held.
typedef enum rix_os_begun_e {
  RIX_OS_BEGUN,
  RIX_OS_NOT_NOW,  // too many tasks, no memory, or the last one still has to leave
  RIX_OS_NEVER     // the OS refuses
} rix_os_begun_t;
RIX_INTERNAL rix_os_begun_t rix_os_task_start(void (*run)(void), const void* const* locals,
                                              bool filtered);
// Whether this is another process than the one that started the last task; true once.
RIX_INTERNAL bool rix_os_task_is_lost(void);
// Waits until the last task is gone, so that nobody can see it any more. It has ended its work.
RIX_INTERNAL void rix_os_task_wait(void);
RIX_INTERNAL size_t rix_os_task_bytes(void);  // mapped for it
RIX_INTERNAL uint64_t rix_os_task_us(void);   // processor time of the calling thread, in us
// Sleeps while the word has the value, for at most so long; or returns for no reason.
RIX_INTERNAL void rix_os_wait_on(ri_atomic_u32_t* word, uint32_t value, uint64_t ms);
RIX_INTERNAL void rix_os_wake_all(ri_atomic_u32_t* word);

#endif
