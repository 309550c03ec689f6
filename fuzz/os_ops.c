// SPDX-License-Identifier: MIT
// os_ops.c: allocation while the OS misbehaves. The input says which of its calls fail and when, and
// where new mappings lie. Every refusal must be ENOMEM and must have changed nothing; and when the
// OS recovers, so must the allocator. As `os_strict` it runs with the OS counting every writable
// byte (overcommit_memory 2), where arenas are reserved first and committed in pieces.
#include "shadow.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef FUZZ_STRICT
#define FUZZ_STRICT 0
#endif

// ---- The OS -------------------------------------------------------------------------------------

void* __real_mmap(void* at, size_t size, int access, int flags, int fd, off_t offset);
int __real_munmap(void* p, size_t size);
int __real_mprotect(void* p, size_t size, int access);
int __real_madvise(void* p, size_t size, int advice);
void* __real_mremap(void* p, size_t old_size, size_t new_size, int flags, ...);
long __real_syscall(long number, ...);
int __real_pthread_setspecific(pthread_key_t key, const void* value);
void* __wrap_mmap(void* at, size_t size, int access, int flags, int fd, off_t offset);
int __wrap_munmap(void* p, size_t size);
int __wrap_mprotect(void* p, size_t size, int access);
int __wrap_madvise(void* p, size_t size, int advice);
void* __wrap_mremap(void* p, size_t old_size, size_t new_size, int flags, void* to);
long __wrap_syscall(long number, long a0, long a1, long a2, long a3, long a4, long a5);
int __wrap_pthread_setspecific(pthread_key_t key, const void* value);

enum { LEFT_OVER_MAX = 1000 };
enum { OS_MAP, OS_UNMAP, OS_PROTECT, OS_ADVISE, OS_MOVE, OS_RESIZE, OS_KEY, OS_CALLS };

static struct {
  uint8_t pass[OS_CALLS];  // so many calls are let through before
  uint8_t fail[OS_CALLS];  // so many fail
  uint8_t place;           // where mappings go: 0 as asked
  uint8_t places;          // so many of them, UINT8_MAX: all
} os;

static bool fails(int call) {
  if (os.fail[call] == 0) return false;
  if (os.pass[call] > 0) {
    os.pass[call]--;
    return false;
  }
  if (os.fail[call] < UINT8_MAX) os.fail[call]--;  // 255: for as long as the input does not say
  errno = ENOMEM;
  return true;
}

// An address that the allocator did not ask for: low, odd, or above its window. Seldom for long:
// the allocator then looks at many places, and all of the time would go into that.
static void* place(void* at) {
  if (os.places == 0) return at;
  if (os.places < UINT8_MAX) os.places--;
  switch (os.place % 5) {
    case 1:
      return (void*)(uintptr_t)0x10001000;
    case 2:
      return (void*)(uintptr_t)0x700000003000;
    case 3:
      return (void*)((uintptr_t)at + 4096);
    case 4:
      return NULL;
    default:
      return at;
  }
}

void* __wrap_mmap(void* at, size_t size, int access, int flags, int fd, off_t offset) {
  if (fails(OS_MAP)) return MAP_FAILED;
  void* const there = (flags & MAP_FIXED) != 0 ? at : place(at);
  return __real_mmap(there, size, access, flags, fd, offset);
}

// What was not unmapped is forgotten by the allocator, and would be resident for ever.
static struct {
  void* start;
  size_t size;
} left_over[LEFT_OVER_MAX];
static size_t left_over_count;

int __wrap_munmap(void* p, size_t size) {
  if (left_over_count == LEFT_OVER_MAX || !fails(OS_UNMAP)) return __real_munmap(p, size);
  left_over[left_over_count].start = p;
  left_over[left_over_count++].size = size;
  return -1;
}

static void unmap_left_over(void) {
  while (left_over_count > 0) {
    left_over_count--;
    FUZZ_CHECK(__real_munmap(left_over[left_over_count].start, left_over[left_over_count].size) ==
               0);
  }
}

int __wrap_mprotect(void* p, size_t size, int access) {
  return fails(OS_PROTECT) ? -1 : __real_mprotect(p, size, access);
}

int __wrap_madvise(void* p, size_t size, int advice) {
  return fails(OS_ADVISE) ? -1 : __real_madvise(p, size, advice);
}

// `to` is only there, and only looked at, with MREMAP_FIXED.
void* __wrap_mremap(void* p, size_t old_size, size_t new_size, int flags, void* to) {
  if (fails((flags & MREMAP_FIXED) != 0 ? OS_MOVE : OS_RESIZE)) return MAP_FAILED;
  return __real_mremap(p, old_size, new_size, flags, to);
}

// All arguments of a system call are words.
long __wrap_syscall(long number, long a0, long a1, long a2, long a3, long a4, long a5) {
  const bool asked = FUZZ_STRICT != 0 && number == SYS_openat &&
                     strcmp((const char*)a1, "/proc/sys/vm/overcommit_memory") == 0;
  if (!asked) return __real_syscall(number, a0, a1, a2, a3, a4, a5);
  const int fd = memfd_create("overcommit", MFD_CLOEXEC);
  FUZZ_CHECK(fd >= 0 && write(fd, "2\n", 2) == 2 && lseek(fd, 0, SEEK_SET) == 0);
  return fd;
}

int __wrap_pthread_setspecific(pthread_key_t key, const void* value) {
  return fails(OS_KEY) ? ENOMEM : __real_pthread_setspecific(key, value);
}

static void misbehave(fuzz_op_t op) {
  const unsigned call = op.a % (OS_CALLS + 1);
  if (call == OS_CALLS) {
    os.place = op.b;
    os.places = op.value % 64 == 0 ? UINT8_MAX : (uint8_t)(op.value >> 8) % 16;
    return;
  }
  os.pass[call] = op.value % 4 == 0 ? (uint8_t)(op.value >> 8) % 16 : 0;
  os.fail[call] = op.b % 8 == 0 ? UINT8_MAX : op.b % 8;
}

// ---- Operations ---------------------------------------------------------------------------------

static shadow_t shadow;

static void allocate(shadow_block_t* b, fuzz_op_t op) {
  const size_t size = fuzz_size(op.a, op.value);
  const size_t align = (size_t)1 << op.b % 23;
  const size_t offset = op.value % 200;
  if (!shadow_has_room(&shadow, size)) return;
  void* p;
  shadow_wish_t wish = {size, 1, 0, false};
  errno = SHADOW_ERRNO;
  switch (op.code % 6) {
    case 0:
      wish = (shadow_wish_t){size, align, 0, false};
      p = ri_malloc_aligned(size, align);
      break;
    case 1:
      wish = (shadow_wish_t){size, align, offset, true};
      p = ri_zalloc_aligned_at(size, align, offset);
      break;
    case 2:
    case 3:
      wish.zero = true;
      p = ri_zalloc(size);
      break;
    default:
      p = ri_malloc(size);
  }
  shadow_allocated(&shadow, b, p, wish);
}

static void resize(shadow_block_t* b, fuzz_op_t op) {
  const size_t size = fuzz_size(op.a, op.value);
  if (!shadow_has_room(&shadow, size)) return;
  if (b->size > FUZZ_SURE_MAX && size < FUZZ_SURE_MAX) return;  // a long copy
  const size_t old_usable = ri_usable_size(b->p);
  const bool zero = op.code % 4 == 0;
  errno = SHADOW_ERRNO;
  void* const q = zero ? ri_rezalloc(b->p, size) : ri_realloc(b->p, size);
  shadow_resized(&shadow, b, q, old_usable, (shadow_wish_t){size, 1, 0, zero});
}

enum { CROWD = 100 };

// Many blocks of one size at once, so that pages fill up and the arenas grow.
static void crowd(fuzz_op_t op) {
  static void* blocks[CROWD];
  const size_t size = 1 + op.value % 20000;
  for (size_t i = 0; i < CROWD; i++) {
    errno = SHADOW_ERRNO;
    blocks[i] = ri_malloc(size);
    FUZZ_CHECK(blocks[i] != NULL || errno == ENOMEM);
    if (blocks[i] != NULL)
      memcpy(blocks[i], &blocks[i], size < sizeof(void*) ? size : sizeof(void*));
  }
  for (size_t i = 0; i < CROWD; i++) {
    const void* const p = blocks[i];
    FUZZ_CHECK(p == NULL ||
               memcmp(p, &blocks[i], size < sizeof(void*) ? size : sizeof(void*)) == 0);
    ri_free(blocks[i]);
  }
}

static void step(fuzz_op_t op) {
  shadow_block_t* const b = shadow_at(&shadow, op.slot);
  switch (op.code >> 5) {
    case 0:
      misbehave(op);
      return;
    case 1:
      if (op.code % 8 == 0) ri_thread_done();
      if (op.code % 8 == 1) ri_collect(true);
      if (op.code % 8 == 2) ri_collect(false);
      if (op.code % 8 == 3) fuzz_clock_forward(op.value % 3000);
      if (op.code % 8 == 4) crowd(op);
      if (op.code % 8 == 5) fuzz_set_option(ri_option_purge_delay, (long)(op.value % 3) * 100);
      return;
    case 2:
      if (b->p == NULL) return;
      shadow_check(b);
      errno = SHADOW_ERRNO;
      ri_free(b->p);
      FUZZ_CHECK(errno == SHADOW_ERRNO);
      shadow_freed(&shadow, b);
      return;
    default:
      if (b->p == NULL) {
        allocate(b, op);
      } else {
        resize(b, op);
      }
  }
}

void fuzz_run(fuzz_input_t in) {
  shadow.may_fail = true;
  fuzz_op_t op;
  for (unsigned n = 1; fuzz_next(&in, &op); n++) {
    step(op);
    if (n % 64 == 0) FUZZ_CHECK(ri_audit());
  }
  memset(&os, 0, sizeof(os));
  unmap_left_over();
  // Well again: a thread that could not register its end does so at its next heartbeat or start.
  shadow_clear(&shadow);
  FUZZ_CHECK(ri_audit());
  void* const p = ri_malloc(100);
  void* const q = ri_malloc(FUZZ_SURE_MAX);
  FUZZ_CHECK(p != NULL && q != NULL);
  ri_free(p);
  ri_free(q);
}
