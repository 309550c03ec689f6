// SPDX-License-Identifier: MIT
// audit_without_os.c: where the OS may not be asked for memory (option disallow_os_alloc),
// descriptors lie in slices of the program's arenas. These are no pages, and ri_audit said that the
// arenas were corrupted.
#include "../check.h"

enum { HEAPS = 150 };

static uint8_t region[16 * CHECK_MIB];

static bool refuse(bool commit, void* start, size_t size, bool* is_zero, void* arg) {
  (void)commit, (void)start, (void)size, (void)is_zero, (void)arg;
  return false;
}

// The page map has to lie in the first memory too.
static void too_little(void) {
  CHECK(!ri_manage_os_memory(region, 2 * 64 * CHECK_KIB, true, false, true, -1));
  CHECK(!ri_manage_memory(region, sizeof(region), false, false, false, -1, false, refuse, NULL,
                          NULL));
  CHECK(ri_malloc(10) == NULL && ri_malloc((size_t)300 * CHECK_MIB) == NULL);
}

int main(void) {
  ri_option_set(ri_option_disallow_os_alloc, 1);
  too_little();
  CHECK(ri_manage_os_memory(region, sizeof(region), true, false, true, -1));
  ri_heap_t* heaps[HEAPS];
  for (int i = 0; i < HEAPS; i++) {
    heaps[i] = ri_heap_new();
    CHECK(heaps[i] != NULL && ri_heap_malloc(heaps[i], 100) != NULL);
  }
  CHECK(check_summary().metadata > 64 * CHECK_KIB);
  CHECK(ri_audit());
  for (int i = 0; i < HEAPS; i++)
    ri_heap_destroy(heaps[i]);
  ri_collect(true);
  CHECK(ri_audit());
  // All slices are used up: no blocks, no descriptors.
  while (ri_malloc(60000) != NULL) {}
  while (ri_malloc(5000) != NULL) {}
  CHECK(ri_malloc((size_t)300 * CHECK_MIB) == NULL);
  size_t made = 0;
  while (made < 10000 && ri_heap_new() != NULL)
    made++;
  CHECK_MSG(made < 10000, "%zu heaps", made);
  CHECK(ri_audit());
  return 0;
}
