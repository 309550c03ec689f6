// SPDX-License-Identifier: MIT
// sys.h: the door to the kernel: every system call of the library goes through one of these
// functions, and nothing else in it knows how a CPU makes one.
//
// They go to the kernel themselves. A function of the C library can be another's: what wraps mmap,
// clock_gettime or syscall (a profiler, a library that fakes time or users) may allocate, take a
// lock or look a symbol up, and the allocator makes these calls with its locks held and before it
// is ready. The clock is read where the kernel maps code for it (vDSO), without a call.
//
// Results and errno are those of the C library's functions of the same names. None is a
// cancellation point. Tests that fake an OS put themselves in between here (ld --wrap).
#ifndef RIX_OS_SYS_H
#define RIX_OS_SYS_H

#include <time.h>

#include "base/compiler.h"

// 1: by the C library after all. Sanitizers watch its functions to know what is mapped, and other
// CPUs are served so.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || \
    __has_feature(thread_sanitizer)
#define RIX_SYS_LIBC 1
#endif
#endif
#if !defined(RIX_SYS_LIBC)
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || RIX_ANNOTATE == 1 || \
    RIX_ANNOTATE == 3
#define RIX_SYS_LIBC 1
#elif defined(__x86_64__) && !defined(__ILP32__)
#define RIX_SYS_LIBC 0
#elif defined(__i386__) || defined(__aarch64__) || (defined(__riscv) && __riscv_xlen == 64)
#define RIX_SYS_LIBC 0
#else
#define RIX_SYS_LIBC 1
#endif
#endif

// 1: there are tasks that the C library does not know. Tools that watch a program must know of all.
#if RIX_SYS_LIBC || RIX_ANNOTATE != 0 || defined(__i386__)
#define RIX_SYS_TASKS 0
#else
#define RIX_SYS_TASKS 1
#endif

// Finds the kernel's code for the clock: `vdso` is the address of the image that the auxiliary
// vector gives; 0: none. Until then the clock is a system call.
RIX_INTERNAL void rix_sys_start(uintptr_t vdso);

RIX_INTERNAL void* rix_sys_mmap(void* at, size_t size, int access, int flags, int fd, long offset);
RIX_INTERNAL int rix_sys_munmap(void* p, size_t size);
RIX_INTERNAL int rix_sys_mprotect(void* p, size_t size, int access);
RIX_INTERNAL int rix_sys_madvise(void* p, size_t size, int advice);
RIX_INTERNAL void* rix_sys_mremap(void* p, size_t old_size, size_t new_size, int flags, void* to);
RIX_INTERNAL int rix_sys_clock_gettime(clockid_t clock, struct timespec* t);
// A task that shares everything with this process: it runs `run` on the stack that ends at `stack`,
// with `pointer` for its thread-local data, and never returns from it. Its id is at *id from the
// beginning on until it uses no memory any more; then that is zero and waited for no longer.
// Its id; -1: refused, or RIX_SYS_TASKS is 0.
RIX_INTERNAL long rix_sys_clone(void (*run)(void), void* stack, void* pointer, uint32_t* id);
// By what code of the calling thread finds its thread-local data.
RIX_INTERNAL uintptr_t rix_sys_thread_pointer(void);
// Any other: SYS_... and its arguments, all of them words.
RIX_INTERNAL long rix_sys_call(long number, long a, long b, long c, long d, long e, long f);

#endif
