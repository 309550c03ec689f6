// SPDX-License-Identifier: MIT
// early.c: malloc before anything is initialised. .preinit_array runs before the constructors of
// all libraries, so before any of the allocator; in a static program, right after relocation.
#include "ours.h"

enum { COUNT = 2000 };
static void* early[COUNT];
static void* from_constructor[COUNT];
static int stage;

static size_t size_of(size_t i) { return 1 + i * i % 9000; }

static void in_preinit(void) {
  for (size_t i = 0; i < COUNT; i++)
    early[i] = ours_malloc(size_of(i));
  for (size_t i = 0; i < COUNT; i += 3) {
    ours_free(early[i], size_of(i));
    early[i] = ours_malloc(size_of(i));
  }
  errno = 0;
  CHECK(malloc(check_hide(CHECK_LARGEST)) == NULL && errno == ENOMEM);
  void* const large = ours_malloc(3 * CHECK_MIB);
  ours_free(large, 3 * CHECK_MIB);
  stage++;
}

typedef void(initializer_t)(void);
__attribute__((section(".preinit_array"), used)) static initializer_t* const preinit = in_preinit;

// Priority 101 is the first that a program may use.
__attribute__((constructor(101))) static void in_constructor(void) {
  CHECK(stage == 1);
  for (size_t i = 0; i < COUNT; i++)
    from_constructor[i] = ours_malloc(size_of(i));
  for (size_t i = 0; i < COUNT; i += 2) {
    ours_free(early[i], size_of(i));
    early[i] = NULL;
  }
  stage++;
}

__attribute__((destructor(101))) static void in_destructor(void) {
  CHECK(stage == 3);
  for (size_t i = 1; i < COUNT; i += 2)
    ours_free(early[i], size_of(i));
  for (size_t i = 0; i < COUNT; i++)
    ours_free(from_constructor[i], size_of(i));
  void* const p = ours_malloc(100);
  ours_free(p, 100);
}

static void* in_thread(void* arg) {
  for (size_t i = 0; i < COUNT; i++) {
    if (early[i] != NULL) CHECK_FILLED(early[i], size_of(i), size_of(i));
  }
  // A block from before the constructors is freed by a thread.
  ours_free(early[1], size_of(1));
  early[1] = ours_malloc(size_of(1));
  return arg;
}

int main(void) {
  check_watchdog(30);
  CHECK(stage == 2);
  check_in_thread(in_thread, NULL);
  stage++;
  return 0;
}
