// SPDX-License-Identifier: MIT
// limit_counts_mappings.c: limit_address_space was compared with arenas alone when an arena was to
// be reserved, but with arenas and mappings when a mapping was; so a process could reserve nearly
// twice as much. The test that should have seen it: unit/option_effects. Found by reading.
#include "arena/arena.h"
#include "arena/mapping.h"
#include "../check.h"

int main(void) {
  check_watchdog(30);
  ri_free(ri_malloc(100));
  void* const large = ri_malloc((size_t)300 << 20);
  if (large == NULL) check_skip("there is no address space for 300 MiB");
  CHECK(rix_mapping_reserved() >= (size_t)300 << 20);
  const size_t used = rix_arena_reserved() + rix_mapping_reserved() + rix_mapping_cached();
  const size_t limit = used + ((size_t)64 << 20);
  ri_option_set(ri_option_limit_address_space, (long)(limit >> 10));
  void* list = NULL;
  void* block;
  while ((block = ri_malloc(1000000)) != NULL) {
    memcpy(block, &list, sizeof(list));
    list = block;
  }
  CHECK(list != NULL);
  const size_t now = rix_arena_reserved() + rix_mapping_reserved() + rix_mapping_cached();
  CHECK_MSG(now <= limit, "%zu KiB, limit %zu", now >> 10, limit >> 10);
  while (list != NULL) {
    block = list;
    memcpy(&list, block, sizeof(list));
    ri_free(block);
  }
  ri_free(large);
  CHECK(ri_audit());
  return 0;
}
