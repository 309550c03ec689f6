// SPDX-License-Identifier: MIT
// limit_is_kept.c: limit_address_space was compared first and counted later, so concurrent threads
// exceeded it, and ri_reserve_os_memory and the like did not ask. What is refused or fails must not
// stay on the account either. The test that should have seen it: unit/option_effects.
#include "arena/arena.h"
#include "arena/mapping.h"
#include "../check.h"

#include <sys/mman.h>

enum { THREADS = 4, ROUNDS = 2000 };

static size_t rounds, limit;
static pthread_barrier_t barrier;

static size_t used(void) {
  return rix_arena_reserved() + rix_mapping_reserved() + rix_mapping_cached();
}

static void set_limit(size_t more) {
  limit = used() + more;
  ri_option_set(ri_option_limit_address_space, (long)(limit >> 10));
  limit = limit >> 10 << 10;
}

// Each asks for most of what is left; one at least gets it. Then it grows.
static void* maps(void* arg) {
  size_t* const worst = arg;
  for (size_t i = 0; i < rounds; i++) {
    pthread_barrier_wait(&barrier);
    rix_mapping_t m;
    const bool done = rix_mapping_claim(30 * CHECK_MIB, RIX_SLICE_SIZE, 0, false, &m);
    size_t size = m.size;
    if (done && rix_mapping_resize(m.start, m.size, m.size + 5 * CHECK_MIB)) {
      size += 5 * CHECK_MIB;
      CHECK(!rix_mapping_resize(m.start, size, size + 20 * CHECK_MIB));
    }
    *worst = rix_max(*worst, used());
    pthread_barrier_wait(&barrier);
    if (done) rix_mapping_release(m.start, size, 0, false);
  }
  return NULL;
}

static void racing(void) {
  set_limit(40 * CHECK_MIB);
  CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
  size_t worst[THREADS] = {0};
  pthread_t threads[THREADS];
  for (int t = 0; t < THREADS; t++)
    threads[t] = check_start(maps, &worst[t]);
  for (int t = 0; t < THREADS; t++) {
    check_join(threads[t]);
    CHECK_MSG(worst[t] <= limit, "%zu KiB, limit %zu", worst[t] >> 10, limit >> 10);
  }
  // Nothing stays on the account.
  rix_mapping_t m;
  CHECK(rix_mapping_claim(39 * CHECK_MIB, RIX_SLICE_SIZE, 0, false, &m));
  rix_mapping_release(m.start, m.size, 0, false);
}

static void reserving(void) {
  set_limit(40 * CHECK_MIB);
  for (int i = 0; i < 3; i++) {
    CHECK(ri_reserve_os_memory(1024 * CHECK_MIB, false, false) == ENOMEM);
    CHECK(ri_reserve_huge_os_pages_at(1, -1, 1000) == ENOMEM);
  }
  CHECK(used() <= limit && ri_reserve_os_memory(20 * CHECK_MIB, false, false) == 0);
  CHECK(used() <= limit && ri_reserve_os_memory(20 * CHECK_MIB, false, false) == ENOMEM);
  rix_mapping_t m;
  CHECK(!rix_mapping_claim(30 * CHECK_MIB, RIX_SLICE_SIZE, 0, false, &m));
  CHECK(rix_mapping_claim(15 * CHECK_MIB, RIX_SLICE_SIZE, 0, false, &m));
  ri_option_set(ri_option_limit_address_space, 1);
  CHECK(rix_mapping_resize(m.start, m.size, m.size - CHECK_MIB));  // less is never too much
  rix_mapping_release(m.start, m.size - CHECK_MIB, 0, false);
}

// Memory that the program gave is not the OS's.
static void given(void) {
  const size_t size = 8 * CHECK_MIB;
  void* const memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  set_limit(10 * CHECK_MIB);
  CHECK(ri_manage_os_memory(memory, size, true, false, true, -1));
  rix_mapping_t m;
  CHECK(rix_mapping_claim(9 * CHECK_MIB, RIX_SLICE_SIZE, 0, false, &m));
  rix_mapping_release(m.start, m.size, 0, false);
}

int main(void) {
  check_watchdog(60);
  ri_free(ri_malloc(100));
  ri_option_set(ri_option_mapping_cache, 0);
  rounds = check_scaled(ROUNDS);
  racing();
  reserving();
  given();
  return 0;
}
