// SPDX-License-Identifier: MIT
// slice_has_one_owner.c: two threads owned one slice, because a claim of several slices scanned the
// bitmap and then took the run blindly; a claim of one slice, or a purge, fits in between. Here
// threads claim runs of 1 to 40 slices in one small arena that is nearly full, so that they fight
// for the same words, across word borders, and stamp every slice they own. On that bug a stamp is
// another thread's. (Explored exhaustively in verify/model; this is the real thing under load.)
#include "../check.h"

enum { THREADS = 4, HELD = 16, SLICE = 65536 };
static size_t rounds;

static void stamp(uint8_t* p, size_t size, uintptr_t who) {
  for (size_t at = 0; at + sizeof(who) <= size; at += SLICE)
    memcpy(p + at, &who, sizeof(who));
  memcpy(p + size - sizeof(who), &who, sizeof(who));
}

static void verify(const uint8_t* p, size_t size, uintptr_t who) {
  uintptr_t found;
  for (size_t at = 0; at + sizeof(who) <= size; at += SLICE) {
    memcpy(&found, p + at, sizeof(found));
    CHECK_MSG(found == who, "%p + %zu: %zx, not %zx", (const void*)p, at, found, who);
  }
  memcpy(&found, p + size - sizeof(found), sizeof(found));
  CHECK_MSG(found == who, "end of %p: %zx, not %zx", (const void*)p, found, who);
}

static void* run(void* arg) {
  const uintptr_t self = (uintptr_t)arg;
  uint64_t rng = self;
  uint8_t* held[HELD] = {NULL};
  size_t sizes[HELD] = {0};
  for (size_t i = 0; i < rounds; i++) {
    const size_t at = check_below(&rng, HELD);
    if (held[at] != NULL) verify(held[at], sizes[at], self * 1000 + at);
    ri_free(held[at]);
    const size_t slices = check_below(&rng, 3) == 0 ? 1 : 1 + check_below(&rng, 40);
    sizes[at] = slices * SLICE - check_below(&rng, SLICE / 2) + (slices == 1 ? SLICE / 2 : 0);
    sizes[at] &= ~(size_t)7;  // so that the stamp at the end covers no other in part
    held[at] = ri_malloc(sizes[at]);
    CHECK(held[at] != NULL);
    stamp(held[at], sizes[at], self * 1000 + at);
  }
  for (size_t i = 0; i < HELD; i++) {
    if (held[i] != NULL) verify(held[i], sizes[i], self * 1000 + i);
    ri_free(held[i]);
  }
  return NULL;
}

int main(void) {
  check_watchdog(60);
  rounds = check_scaled(20000);
  ri_option_set(ri_option_arena_reserve, 64 * 1024);
  ri_option_set(ri_option_purge_delay, 1);
  ri_free(ri_malloc(1));
  const ri_summary_t before = check_summary();
  pthread_t threads[THREADS];
  for (size_t t = 0; t < THREADS; t++)
    threads[t] = check_start(run, (void*)(t + 1));
  for (size_t t = 0; t < THREADS; t++)
    check_join(threads[t]);
  const ri_summary_t after = check_summary();
  CHECK(after.blocks == before.blocks && after.in_use == before.in_use);
  CHECK(ri_audit());
  return 0;
}
