// SPDX-License-Identifier: MIT
// meta.c: arena/meta.h: structures are aligned, zero at first, apart from each other, used again
// for their own type only, and what a structure held survives being given back except for its link.
#include "arena/meta.h"

#include "../check.h"

enum { COUNT = 3000 };
typedef struct thing_s {
  uint64_t kept;
  void* link;  // free for the pool's use
  uint64_t after[20];
} thing_t;
static rix_meta_pool_t things = {sizeof(thing_t), offsetof(thing_t, link), NULL};
static rix_meta_pool_t others = {40000, 0, NULL};

static void* churn(void* arg) {
  uint64_t rng = (uint64_t)(uintptr_t)arg;
  thing_t* held[50] = {NULL};
  for (size_t i = 0; i < check_scaled(20000); i++) {
    thing_t** const at = &held[check_below(&rng, 50)];
    if (*at != NULL) {
      CHECK((*at)->after[0] == (uintptr_t)*at + (uintptr_t)arg);
      rix_meta_give(&things, *at);
    }
    *at = rix_meta_take(&things);
    CHECK(*at != NULL);
    (*at)->after[0] = (uintptr_t)*at + (uintptr_t)arg;
  }
  for (size_t i = 0; i < 50; i++) {
    if (held[i] != NULL) rix_meta_give(&things, held[i]);
  }
  return NULL;
}

int main(void) {
  static thing_t* all[COUNT];
  const size_t before = rix_meta_reserved();
  for (size_t i = 0; i < COUNT; i++) {
    all[i] = rix_meta_take(&things);
    CHECK(all[i] != NULL && check_aligned(all[i], RI_CACHE_LINE));
    CHECK_ZERO(all[i], 0, sizeof(thing_t));
    check_fill(all[i], sizeof(thing_t), i);
  }
  for (size_t i = 0; i < COUNT; i++)
    CHECK_FILLED(all[i], sizeof(thing_t), i);
  const size_t full = rix_meta_reserved();
  CHECK(full - before >= (COUNT - 1) * sizeof(thing_t) / 2);
  CHECK_MSG(full <= COUNT * 256 + 200000, "%zu bytes for %d things", full, COUNT);
  const uint64_t kept = all[7]->kept;
  for (size_t i = 0; i < COUNT; i++)
    rix_meta_give(&things, all[i]);
  CHECK(all[7]->kept == kept);
  void* const other = rix_meta_take(&others);
  for (size_t i = 0; i < COUNT; i++) {
    CHECK_MSG((uint8_t*)all[i] + sizeof(thing_t) <= (uint8_t*)other ||
                  (uint8_t*)other + 40000 <= (uint8_t*)all[i],
              "memory of one type went to another");
  }
  const size_t again = rix_meta_reserved();
  for (size_t i = 0; i < COUNT; i++) {
    thing_t* const t = rix_meta_take(&things);
    CHECK(t != NULL);
    t->kept = i;
    all[i] = t;
  }
  CHECK(rix_meta_reserved() == again);  // all came from the list
  for (size_t i = 0; i < COUNT; i++)
    CHECK(all[i]->kept == i);  // and none twice
  rix_meta_give(&others, other);
  CHECK(rix_meta_take(&others) == other);
  pthread_t threads[3];
  for (size_t t = 0; t < 3; t++)
    threads[t] = check_start(churn, (void*)((t + 1) << 24));
  for (size_t t = 0; t < 3; t++)
    check_join(threads[t]);
  return 0;
}
