// SPDX-License-Identifier: MIT
// elapsed_before_start.c: ri_process_info reported the time since the system's start in a program
// that had not used the allocator yet: before any constructor has run.
#include "../check.h"

static size_t elapsed;
static bool begun;

static void in_preinit(void) {
  begun = true;
  ri_process_info(&elapsed, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
}

// A sanitizer's runtime starts after .preinit_array.
#if defined(__has_feature)
#define WITH_SANITIZER                                                    \
  (__has_feature(thread_sanitizer) || __has_feature(address_sanitizer) || \
   __has_feature(memory_sanitizer))
#elif defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define WITH_SANITIZER 1
#else
#define WITH_SANITIZER 0
#endif

typedef void(initializer_t)(void);
#if WITH_SANITIZER
__attribute__((used)) static initializer_t* const preinit = in_preinit;
#else
__attribute__((section(".preinit_array"), used)) static initializer_t* const preinit = in_preinit;
#endif

int main(void) {
  if (!begun) check_skip("nothing runs before the constructors here");
  CHECK_MSG(elapsed == 0, "%zu ms before the start", elapsed);
  size_t now = SIZE_MAX;
  ri_process_info(&now, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
  CHECK_MSG(now < 3600000, "%zu ms after it", now);
  return 0;
}
