// SPDX-License-Identifier: MIT
// audit_without_os.c: where the OS may not be asked for memory (option disallow_os_alloc),
// descriptors lie in slices of the program's arenas. These are no pages, and ri_audit said that the
// arenas were corrupted.
#include "../check.h"

enum { HEAPS = 150 };

static uint8_t region[16 * CHECK_MIB];

int main(void) {
  ri_option_set(ri_option_disallow_os_alloc, 1);
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
  return 0;
}
