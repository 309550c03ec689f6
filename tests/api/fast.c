// SPDX-License-Identifier: MIT
// fast.c: a program that includes fast.h, so that its mallocs and frees are inline, as are ri_new
// and ri_free_sized: they do what the functions do, with errors and misuse too, and their addresses
// are those of the library. Catches: an inline path that serves a size from the slot of another,
// that takes over another thread's block, that leaves out a report, a second copy of a function.
#include "../check.h"

#include <rimalloc/fast.h>

// What the linker knows by these names, which is nothing that is inline.
void* library_malloc(size_t size) __asm__("ri_malloc");
void library_free(void* p) __asm__("ri_free");
void* library_new(size_t size) __asm__("ri_new");
void library_free_sized(void* p, size_t size) __asm__("ri_free_sized");

static void addresses(void) {
  void* (*const volatile take)(size_t) = ri_malloc;
  void (*const volatile give)(void*) = ri_free;
  CHECK(take == library_malloc && give == library_free);
  void* (*const volatile take_new)(size_t) = ri_new;
  void (*const volatile give_sized)(void*, size_t) = ri_free_sized;
  CHECK(take_new == library_new && give_sized == library_free_sized);
  void* const p = take(100);
  CHECK(p != NULL && ri_usable_size(p) == ri_good_size(100));
  ri_free(p);
  give(ri_malloc(100));
  give_sized(ri_new(100), 100);
  ri_free_sized(take_new(100), 100);
}

static void sizes(void) {
  for (size_t size = 0; size < 200000; size += size <= RI_DIRECT_MAX ? 1 : size / 64) {
    errno = 77;
    void* const p = ri_malloc(size);
    void* const q = ri_new(size);
    CHECK(p != NULL && q != NULL && ri_usable_size(p) == ri_good_size(size));
    CHECK(ri_usable_size(q) == ri_good_size(size));
    CHECK(check_aligned(p, size <= 8 ? 8 : 16));
    check_fill(p, ri_usable_size(p), 1);
    check_fill(q, ri_usable_size(q), 2);
    CHECK_FILLED(p, ri_usable_size(p), 1);
    ri_free(p);
    CHECK_FILLED(q, ri_usable_size(q), 2);
    ri_free_sized(q, size % 2 == 0 ? size : ri_usable_size(q));
    ri_free(NULL);
    ri_free_sized(NULL, size);
    CHECK_ERRNO(77);
  }
}

#define CONSTANT(size)                                             \
  do {                                                             \
    void* const p_ = ri_malloc(size);                              \
    CHECK(p_ != NULL && ri_usable_size(p_) == ri_good_size(size)); \
    ri_free_sized(p_, size);                                       \
  } while (0)

static void constants(void) {
  CONSTANT(0);
  CONSTANT(1);
  CONSTANT(8);
  CONSTANT(9);
  CONSTANT(16);
  CONSTANT(1000);
  CONSTANT(RI_DIRECT_MAX);
  CONSTANT(RI_DIRECT_MAX + 1);
  CONSTANT(65536);
  CONSTANT(65537);
}

static void failures(void) {
  static int in_data;
  check_capture_start();
  errno = 0;
  CHECK(ri_malloc(check_hide(SIZE_MAX)) == NULL);
  CHECK_ERRNO(ENOMEM);
  CHECK(check_captured()->errors == 1 && check_captured()->codes[0] == ENOMEM);
  check_capture_reset();
  errno = 5;
  ri_free(check_hide_pointer((uintptr_t)&in_data));
  check_reported(EINVAL, "invalid pointer", &in_data);
  void* const p = ri_malloc(100);
  ri_free(p);
  ri_free(check_hide_pointer((uintptr_t)p));
  check_reported(EAGAIN, "double free", p);
  ri_free_sized(check_hide_pointer((uintptr_t)&in_data), 8);
  check_reported(EINVAL, "invalid pointer", &in_data);
  void* const q = ri_malloc(check_hide(100));
  ri_free_sized(check_hide_pointer((uintptr_t)q), 100);
  ri_free_sized(check_hide_pointer((uintptr_t)q), 100);
  check_reported(EAGAIN, "double free", q);
  // The block is freed all the same.
  void* const r = ri_malloc(check_hide(100));
  ri_free_sized(r, check_hide(1000));
  check_reported(EINVAL, "with size 1000", r);
  ri_free_sized(check_hide_pointer((uintptr_t)r), 100);
  check_reported(EAGAIN, "double free", r);
  CHECK_ERRNO(5);
  check_capture_stop();
}

enum { COUNT = 3000 };
static void* blocks[COUNT];

static void* frees_all(void* arg) {
  (void)arg;
  for (size_t i = 0; i < COUNT; i++) {
    CHECK_FILLED(blocks[i], 50, i);
    if (i % 2 == 0) {
      ri_free(blocks[i]);
    } else {
      ri_free_sized(blocks[i], 50);
    }
  }
  return NULL;
}

// A thread's first call is an inline one.
static void* allocates_all(void* arg) {
  (void)arg;
  for (size_t i = 0; i < COUNT; i++) {
    blocks[i] = ri_malloc(50);
    check_fill(blocks[i], 50, i);
  }
  return NULL;
}

static void threads(void) {
  const size_t before = check_summary().blocks;
  allocates_all(NULL);
  check_in_thread(frees_all, NULL);
  check_in_thread(allocates_all, NULL);
  frees_all(NULL);
  ri_collect(true);
  CHECK_MSG(check_summary().blocks == before, "%zu, before %zu", check_summary().blocks, before);
}

int main(void) {
  constants();
  addresses();
  sizes();
  failures();
  threads();
  check_heap_intact();
  return 0;
}
