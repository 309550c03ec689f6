// SPDX-License-Identifier: MIT
// sys_linux.c: see sys.h. Each CPU has one instruction for a system call and its own registers for
// number, arguments and result; a result from -4095 to -1 is an error number.
//
// CONCURRENCY: any thread; the only state is where the clock is, which is written once, or several
// times with the same value.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // mremap, syscall
#endif
#include "os/sys.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/atomic.h"

#if defined(RIX_SYS_APART)

// Compiled on its own, beside a unity build whose tests put themselves in between.

#elif RIX_SYS_LIBC

void rix_sys_start(uintptr_t vdso) { RIX_UNUSED(vdso); }

void* rix_sys_mmap(void* at, size_t size, int access, int flags, int fd, long offset) {
  return mmap(at, size, access, flags, fd, offset);
}

int rix_sys_munmap(void* p, size_t size) { return munmap(p, size); }

int rix_sys_mprotect(void* p, size_t size, int access) { return mprotect(p, size, access); }

int rix_sys_madvise(void* p, size_t size, int advice) { return madvise(p, size, advice); }

void* rix_sys_mremap(void* p, size_t old_size, size_t new_size, int flags, void* to) {
  return mremap(p, old_size, new_size, flags, to);
}

int rix_sys_clock_gettime(clockid_t clock, struct timespec* t) { return clock_gettime(clock, t); }

long rix_sys_call(long number, long a, long b, long c, long d, long e, long f) {
  return syscall(number, a, b, c, d, e, f);
}

#else

// ---- One system call ----------------------------------------------------------------------------

#if defined(__x86_64__)

RIX_INLINE long sys_raw(long number, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "+a"(number)
                   : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return number;
}

#elif defined(__aarch64__)

RIX_INLINE long sys_raw(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory", "cc");
  return x0;
}

#elif defined(__riscv)

RIX_INLINE long sys_raw(long number, long a, long b, long c, long d, long e, long f) {
  register long a7 __asm__("a7") = number;
  register long a0 __asm__("a0") = a;
  register long a1 __asm__("a1") = b;
  register long a2 __asm__("a2") = c;
  register long a3 __asm__("a3") = d;
  register long a4 __asm__("a4") = e;
  register long a5 __asm__("a5") = f;
  __asm__ volatile("ecall"
                   : "+r"(a0)
                   : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
                   : "memory");
  return a0;
}

#else

// The sixth argument goes where frame pointers are kept, which no operand can name.
static RIX_NOINLINE long sys_raw(long number, long a, long b, long c, long d, long e, long f) {
  __asm__ volatile(
      "pushl %[f]\n\t"
      "pushl %%ebp\n\t"
      "movl 4(%%esp), %%ebp\n\t"
      "int $0x80\n\t"
      "popl %%ebp\n\t"
      "addl $4, %%esp"
      : "+a"(number)
      : "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), [f] "m"(f)
      : "memory", "cc");
  return number;
}

#endif

// As the C library reports it.
static long sys_result(long result) {
  if (RIX_LIKELY((unsigned long)result <= -4096UL)) return result;
  errno = (int)-result;
  return -1;
}

long rix_sys_call(long number, long a, long b, long c, long d, long e, long f) {
  return sys_result(sys_raw(number, a, b, c, d, e, f));
}

// ---- Memory -------------------------------------------------------------------------------------

#if defined(SYS_mmap2)
enum { SYS_NUMBER_MMAP = SYS_mmap2, SYS_OFFSET_SHIFT = 12 };
#else
enum { SYS_NUMBER_MMAP = SYS_mmap, SYS_OFFSET_SHIFT = 0 };
#endif

void* rix_sys_mmap(void* at, size_t size, int access, int flags, int fd, long offset) {
  return (void*)sys_result(sys_raw(SYS_NUMBER_MMAP, (long)at, (long)size, access, flags, fd,
                                   offset >> SYS_OFFSET_SHIFT));
}

int rix_sys_munmap(void* p, size_t size) {
  return (int)sys_result(sys_raw(SYS_munmap, (long)p, (long)size, 0, 0, 0, 0));
}

int rix_sys_mprotect(void* p, size_t size, int access) {
  return (int)sys_result(sys_raw(SYS_mprotect, (long)p, (long)size, access, 0, 0, 0));
}

int rix_sys_madvise(void* p, size_t size, int advice) {
  return (int)sys_result(sys_raw(SYS_madvise, (long)p, (long)size, advice, 0, 0, 0));
}

void* rix_sys_mremap(void* p, size_t old_size, size_t new_size, int flags, void* to) {
  return (void*)sys_result(
      sys_raw(SYS_mremap, (long)p, (long)old_size, (long)new_size, flags, (long)to, 0));
}

// ---- The clock ----------------------------------------------------------------------------------

// As the kernel sees it, where the C library may have more bits for the seconds.
typedef struct sys_time_s {
  long seconds, nanoseconds;
} sys_time_t;

typedef int sys_clock_fun_t(clockid_t clock, sys_time_t* t);

static ri_atomic(sys_clock_fun_t*) sys_xclock;

#if defined(__aarch64__)
#define SYS_CLOCK_NAME "__kernel_clock_gettime"
#else
#define SYS_CLOCK_NAME "__vdso_clock_gettime"
#endif

// What is needed of the image that the kernel mapped: a shared library, in memory as in its file.
typedef struct sys_image_s {
  uintptr_t bias;  // from its addresses to those in memory
  const char* strings;
  const ElfW(Sym) * symbols;
  const uint32_t* hash;      // DT_HASH, or
  const uint32_t* gnu_hash;  // DT_GNU_HASH: newer images have that alone
} sys_image_t;

static void sys_read_dynamic(sys_image_t* image, const ElfW(Dyn) * entry) {
  for (; entry->d_tag != DT_NULL; entry++) {
    const void* const p = (const void*)(image->bias + (uintptr_t)entry->d_un.d_ptr);
    if (entry->d_tag == DT_STRTAB) image->strings = p;
    if (entry->d_tag == DT_SYMTAB) image->symbols = p;
    if (entry->d_tag == DT_HASH) image->hash = p;
    if (entry->d_tag == DT_GNU_HASH) image->gnu_hash = p;
  }
}

static sys_image_t sys_open_image(uintptr_t base) {
  sys_image_t image = {0, NULL, NULL, NULL, NULL};
  const ElfW(Ehdr)* const header = (const ElfW(Ehdr)*)base;
  const ElfW(Phdr)* const parts = (const ElfW(Phdr)*)(base + (uintptr_t)header->e_phoff);
  const ElfW(Phdr)* dynamic = NULL;
  bool loads = false;
  for (size_t i = 0; i < header->e_phnum; i++) {
    const ElfW(Phdr)* const part = &parts[i];
    if (part->p_type == PT_DYNAMIC) dynamic = part;
    if (part->p_type == PT_LOAD && !loads) {
      image.bias = base + (uintptr_t)part->p_offset - (uintptr_t)part->p_vaddr;
      loads = true;
    }
  }
  if (loads && dynamic != NULL) {
    sys_read_dynamic(&image, (const ElfW(Dyn)*)(base + (uintptr_t)dynamic->p_offset));
  }
  return image;
}

// How many symbols there are. Of the newer table it is the end of the last chain.
static size_t sys_symbol_count(const sys_image_t* image) {
  if (image->hash != NULL) return image->hash[1];
  if (image->gnu_hash == NULL) return 0;
  const uint32_t* const table = image->gnu_hash;
  const uint32_t* const buckets = table + 4 + table[2] * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
  const uint32_t* const chains = buckets + table[0];
  uint32_t last = 0;
  for (uint32_t i = 0; i < table[0]; i++)
    last = buckets[i] > last ? buckets[i] : last;
  if (last < table[1]) return table[1];
  while ((chains[last - table[1]] & 1) == 0)
    last++;
  return (size_t)last + 1;
}

static bool sys_same(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) {
    a++;
    b++;
  }
  return *a == *b;
}

void rix_sys_start(uintptr_t vdso) {
  if (vdso == 0) return;
  const sys_image_t image = sys_open_image(vdso);
  if (image.symbols == NULL || image.strings == NULL) return;
  const size_t count = sys_symbol_count(&image);
  for (size_t i = 0; i < count; i++) {
    const ElfW(Sym)* const symbol = &image.symbols[i];
    if (symbol->st_shndx == SHN_UNDEF) continue;
    if (!sys_same(image.strings + symbol->st_name, SYS_CLOCK_NAME)) continue;
    const uintptr_t address = image.bias + (uintptr_t)symbol->st_value;
    ri_store_relaxed(&sys_xclock, (sys_clock_fun_t*)address);
    return;
  }
}

int rix_sys_clock_gettime(clockid_t clock, struct timespec* t) {
  sys_time_t read = {0, 0};
  sys_clock_fun_t* const fun = ri_load_relaxed(&sys_xclock);
  long result = RIX_LIKELY(fun != NULL) ? fun(clock, &read) : -1;
  // The image may not know the clock.
  if (result != 0) result = sys_raw(SYS_clock_gettime, clock, (long)&read, 0, 0, 0, 0);
  *t = (struct timespec){.tv_sec = read.seconds, .tv_nsec = read.nanoseconds};
  return (int)sys_result(result);
}

// ---- Tasks --------------------------------------------------------------------------------------

#if RIX_SYS_TASKS

// The new task comes back from the same instruction, with the registers of the caller but for the
// stack and the result, 0: it must not return from here, where its stack has nothing.
static RIX_NOINLINE long sys_raw_clone(unsigned long flags, void* stack, uint32_t* id,
                                       void* pointer, void (*run)(void)) {
#if defined(__x86_64__)
  long result = SYS_clone;
  register uint32_t* r10 __asm__("r10") = id;
  register void* r8 __asm__("r8") = pointer;
  register void (*r12)(void) __asm__("r12") = run;
  __asm__ volatile(
      "syscall\n\t"
      "testq %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xorl %%ebp, %%ebp\n\t"
      "call *%%r12\n\t"
      "ud2\n"
      "1:"
      : "+a"(result)
      : "D"(flags), "S"(stack), "d"(id), "r"(r10), "r"(r8), "r"(r12)
      : "rcx", "r11", "memory", "cc");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = SYS_clone;
  register unsigned long x0 __asm__("x0") = flags;
  register void* x1 __asm__("x1") = stack;
  register uint32_t* x2 __asm__("x2") = id;
  register void* x3 __asm__("x3") = pointer;
  register uint32_t* x4 __asm__("x4") = id;
  register void (*x9)(void) __asm__("x9") = run;
  __asm__ volatile(
      "svc 0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, xzr\n\t"
      "blr x9\n\t"
      "brk 0\n"
      "1:"
      : "+r"(x0)
      : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x9)
      : "memory", "cc", "x30");
  return (long)x0;
#else
  register long a7 __asm__("a7") = SYS_clone;
  register unsigned long a0 __asm__("a0") = flags;
  register void* a1 __asm__("a1") = stack;
  register uint32_t* a2 __asm__("a2") = id;
  register void* a3 __asm__("a3") = pointer;
  register uint32_t* a4 __asm__("a4") = id;
  register void (*t3)(void) __asm__("t3") = run;
  __asm__ volatile(
      "ecall\n\t"
      "bnez a0, 1f\n\t"
      "mv s0, zero\n\t"
      "jalr t3\n\t"
      "ebreak\n"
      "1:"
      : "+r"(a0)
      : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(t3)
      : "memory", "ra");
  return (long)a0;
#endif
}

long rix_sys_clone(void (*run)(void), void* stack, void* pointer, uint32_t* id) {
  const unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                              CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |
                              CLONE_CHILD_CLEARTID;
  return sys_result(sys_raw_clone(flags, stack, id, pointer, run));
}

uintptr_t rix_sys_thread_pointer(void) {
  uintptr_t pointer;
#if defined(__x86_64__)
  __asm__("movq %%fs:0, %0" : "=r"(pointer));
#elif defined(__aarch64__)
  __asm__("mrs %0, tpidr_el0" : "=r"(pointer));
#else
  __asm__("mv %0, tp" : "=r"(pointer));
#endif
  return pointer;
}

#endif
#endif

#if !RIX_SYS_TASKS && !defined(RIX_SYS_APART)

long rix_sys_clone(void (*run)(void), void* stack, void* pointer, uint32_t* id) {
  (void)run, (void)stack, (void)pointer, (void)id;
  errno = ENOSYS;
  return -1;
}

uintptr_t rix_sys_thread_pointer(void) { return 0; }

#endif
