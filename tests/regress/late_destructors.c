// SPDX-License-Identifier: MIT
// late_destructors.c: in late destructors a thread no longer knew its own pages, because its id was
// the address of a thread-local that had been made again. Here destructors run in all rounds that
// POSIX promises, before and after the allocator's own, and allocate, resize and free both new
// blocks and blocks of the thread's earlier life. On that bug contents are lost, blocks stay
// counted, or the audit of the main thread fails on pages with two owners.
#include "../check.h"

enum { KEYS = 8, BLOCKS = 100 };
static pthread_key_t keys[KEYS];

typedef struct life_s {
  void* blocks[BLOCKS];
  int rounds;
} life_t;

static void step(life_t* life) {
  for (size_t i = 0; i < BLOCKS; i++) {
    const size_t size = 16 + i * 40;
    CHECK_FILLED(life->blocks[i], size, i);
    if (i % 3 == 0) {
      ri_free(life->blocks[i]);
      life->blocks[i] = ri_malloc(size);
    } else if (i % 3 == 1) {
      life->blocks[i] = ri_realloc(life->blocks[i], size * 3);
    }
    CHECK(life->blocks[i] != NULL);
    check_fill(life->blocks[i], size, i);
  }
  void* const big = ri_calloc(1, 200000);
  CHECK(big != NULL);
  CHECK_ZERO(big, 0, 200000);
  ri_free(big);
}

static void destructor(void* arg) {
  life_t* const life = arg;
  step(life);
  if (++life->rounds < KEYS * 3) {
    // Asks for another round of destructors, as long as POSIX grants them.
    CHECK(pthread_setspecific(keys[life->rounds % KEYS], life) == 0);
    return;
  }
}

static void* run(void* arg) {
  life_t* const life = arg;
  for (size_t i = 0; i < BLOCKS; i++) {
    life->blocks[i] = ri_malloc(16 + i * 40);
    check_fill(life->blocks[i], 16 + i * 40, i);
  }
  CHECK(pthread_setspecific(keys[0], life) == 0);
  return NULL;
}

static life_t lives[4];

int main(void) {
  check_watchdog(60);
  // Half of the keys come before the allocator's first use, half after it.
  for (int i = 0; i < KEYS / 2; i++)
    CHECK(pthread_key_create(&keys[i], destructor) == 0);
  ri_free(ri_malloc(1));
  for (int i = KEYS / 2; i < KEYS; i++)
    CHECK(pthread_key_create(&keys[i], destructor) == 0);
  const ri_summary_t before = check_summary();
  const size_t rounds = check_scaled(40);
  for (size_t round = 0; round < rounds; round++) {
    pthread_t threads[4];
    memset(lives, 0, sizeof(lives));
    for (size_t i = 0; i < 4; i++)
      threads[i] = check_start(run, &lives[i]);
    for (size_t i = 0; i < 4; i++)
      check_join(threads[i]);
    for (size_t i = 0; i < 4; i++) {
      CHECK_MSG(lives[i].rounds >= 3, "%d rounds of destructors", lives[i].rounds);
      for (size_t b = 0; b < BLOCKS; b++) {
        CHECK_FILLED(lives[i].blocks[b], 16 + b * 40, b);
        ri_free(lives[i].blocks[b]);
      }
    }
    CHECK(ri_audit());
  }
  const ri_summary_t after = check_summary();
  CHECK_MSG(after.blocks == before.blocks, "%zu blocks, before %zu", after.blocks, before.blocks);
  CHECK_MSG(after.threads == before.threads, "%zu threads, before %zu", after.threads,
            before.threads);
  CHECK_MSG(after.in_use == before.in_use, "%zu bytes, before %zu", after.in_use, before.in_use);
  return 0;
}
