// SPDX-License-Identifier: MIT
// deleted_heap_leaves_no_empty_pages.c: pages that a thread kept empty in a heap came to the main
// heap when the heap was deleted, no longer marked as kept, so that nothing released them before a
// collection.
#include "../check.h"

enum { KEEP = 20000, GONE = 4000 };

int main(void) {
  check_watchdog(30);
  ri_heap_t* const heap = ri_heap_new();
  static void* keep[KEEP];
  static void* gone[GONE];
  for (size_t i = 0; i < KEEP; i++)
    CHECK((keep[i] = ri_heap_malloc(heap, 1000)) != NULL);
  for (size_t i = 0; i < GONE; i++)
    CHECK((gone[i] = ri_heap_malloc(heap, 700)) != NULL);
  const size_t full = check_summary().pages;
  for (size_t i = 0; i < GONE; i++)
    ri_free(gone[i]);
  const size_t kept = check_summary().pages;
  CHECK_MSG(full - kept <= 5, "%zu pages of %zu: none was kept", kept, full);
  ri_heap_delete(heap);
  CHECK_MSG(kept - check_summary().pages >= 30, "%zu pages", check_summary().pages);
  for (size_t i = 0; i < KEEP; i++)
    ri_free(keep[i]);
  CHECK_MSG(check_summary().pages <= 3, "%zu pages", check_summary().pages);
  CHECK(ri_audit());
  return 0;
}
