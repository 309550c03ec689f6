// SPDX-License-Identifier: MIT
// foreign.c: pointers that never came from here: the stack, static data, code, other mappings,
// small numbers, the last addresses, addresses that no x86-64 or arm64 process can have. Each
// function that takes a pointer reports or refuses it, with and without `check`; nothing crashes.
#include "misuse.h"

#include <sys/mman.h>

static int in_data = 1;
static int in_bss;
static const int in_constants = 2;

// p cannot be resized: NULL and EINVAL, and one report.
#define REFUSED(call, p)                          \
  do {                                            \
    errno = 0;                                    \
    CHECK_MSG((call) == NULL, #call);             \
    CHECK_ERRNO(EINVAL);                          \
    check_reported(EINVAL, "invalid pointer", p); \
  } while (0)

static void resizes(void* q) {
  REFUSED(ri_realloc(q, 100), q);
  REFUSED(ri_realloc(q, 0), q);
  REFUSED(ri_reallocn(q, 10, 10), q);
  REFUSED(ri_reallocf(q, 100), q);
  REFUSED(ri_reallocarray(q, 10, 10), q);
  REFUSED(ri_rezalloc(q, 100000), q);
  REFUSED(ri_recalloc(q, 10, 10), q);
  REFUSED(ri_realloc_aligned(q, 100, 64), q);
  REFUSED(ri_realloc_aligned_at(q, 100, 64, 8), q);
  REFUSED(ri_rezalloc_aligned(q, 100, 64), q);
  REFUSED(ri_rezalloc_aligned_at(q, 100, 64, 8), q);
  REFUSED(ri_recalloc_aligned(q, 10, 10, 64), q);
  REFUSED(ri_recalloc_aligned_at(q, 10, 10, 64, 8), q);
  errno = 5;
  CHECK(ri_expand(q, 1) == NULL);
  CHECK(ri_xallocx(q, 100, 100) == 0);
  CHECK_ERRNO(5);
  CHECK(ri__expand(q, 1) == NULL);
  CHECK_ERRNO(ENOMEM);
  check_nothing_reported();
}

static void refuse(const void* p) {
  const ri_summary_t before = check_summary();
  void* const q = misuse_pointer(p);
  misuse_free_invalid(p, &before);
  CHECK(ri_usable_size(q) == 0);
  CHECK(!ri_is_in_heap_region(q));
  resizes(q);
  void* holder = q;
  errno = 5;
  CHECK(ri_reallocarr(&holder, 10, 10) == EINVAL);
  CHECK_ERRNO(5);
  CHECK(holder == q);
  check_reported(EINVAL, "invalid pointer", p);
  errno = 5;
  ri_free_aligned(q, 1);
  check_reported(EINVAL, "invalid pointer", p);
  ri_free_sized(q, 8);
  check_reported(EINVAL, "invalid pointer", p);
  ri_free_sized(q, 1 << 20);
  check_reported(EINVAL, "invalid pointer", p);
  ri_free_aligned_sized(q, 1, 8);
  check_reported(EINVAL, "invalid pointer", p);
  ri_free(q);
  check_reported(EINVAL, "invalid pointer", p);
  ri_free_batch((void* const[]){q}, 1);
  check_reported(EINVAL, "invalid pointer", p);
  ri_free_batch((void* const[]){NULL, ri_malloc(8), q, NULL, ri_malloc(8)}, 5);
  check_reported(EINVAL, "invalid pointer", p);
  size_t size = 1;
  ri_ufree(q, &size);
  CHECK(size == 0);
  CHECK_ERRNO(5);
  check_reported(EINVAL, "invalid pointer", p);
  errno = 0;
  CHECK(ri_urealloc(q, 100, &size, NULL) == NULL && size == 0);
  CHECK_ERRNO(EINVAL);
  check_reported(EINVAL, "invalid pointer", p);
  CHECK(!ri_is_in_heap_region(q) && ri_usable_size(q) == 0);
  errno = 5;
  ri_cfree(q);  // asks first whose it is
  CHECK_ERRNO(5);
  check_nothing_reported();
  const ri_summary_t after = check_summary();
  CHECK(after.blocks == before.blocks && after.in_use == before.in_use);
}

static void refuse_all(void) {
  char on_stack[256] = {0};
  refuse(on_stack);
  refuse(on_stack + 16);
  refuse(&in_data);
  refuse(&in_bss);
  refuse(&in_constants);
  refuse((const void*)(uintptr_t)refuse_all);
  for (uintptr_t small = 1; small <= 65536; small *= 4)
    refuse((const void*)small);
  refuse((const void*)16);
  for (unsigned bit = 40; bit < CHECK_SIZE_BITS; bit++)
    refuse((const void*)((uintptr_t)1 << bit));
  refuse((const void*)UINTPTR_MAX);
  refuse((const void*)(UINTPTR_MAX - 15));
  refuse((const void*)(UINTPTR_MAX & ~(uintptr_t)65535));
  refuse((const void*)0xDEADBEEFDEADBEEFu);
  refuse((const void*)0x00007FFFFFFFFFF0u);
  if (CHECK_SIZE_BITS > 32) refuse((const void*)0x0000800000000000u);
  const size_t size = (size_t)4 * CHECK_MIB;
  uint8_t* const mapped =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(mapped != MAP_FAILED);
  for (size_t at = 0; at < size; at += size / 16)
    refuse(mapped + at);
  refuse(mapped + 16);
  CHECK(munmap(mapped, size) == 0);
  refuse(mapped);
}

static void* refuse_in_thread(void* arg) {
  (void)arg;
  refuse(&in_data);  // a thread that never allocated
  return NULL;
}

int main(void) {
  misuse_begin(0);
  refuse_all();  // before anything was allocated
  misuse_intact();
  refuse_all();
  check_in_thread(refuse_in_thread, NULL);
  ri_option_set(ri_option_check, 1);
  refuse_all();
  misuse_intact();
  return 0;
}
