// SPDX-License-Identifier: MIT
// freed_spans_go_back.c: freed spans of an arena were not given back while the arena lived, and the
// test for it allowed so much slack that it passed. Here half of many blocks is freed while the
// other half, interleaved, keeps every arena alive; after a forced collection resident memory must
// fall by what was freed, to within 1 MiB, and system calls must be few: neighbours go together.
#include "../check.h"

enum { COUNT = 400 };
static void* blocks[COUNT];

static void half(size_t size, size_t run) {
  ri_collect(true);
  for (size_t i = 0; i < COUNT; i++) {
    blocks[i] = ri_malloc(size);
    CHECK(blocks[i] != NULL);
    memset(blocks[i], 1, size);
  }
  const size_t full = check_resident();
  size_t freed = 0;
  for (size_t i = 0; i < COUNT; i++) {
    if (i / run % 2 != 0) continue;
    freed += size;
    ri_free(blocks[i]);
    blocks[i] = NULL;
  }
  const ri_summary_t before = check_summary();
  ri_collect(true);
  const ri_summary_t after = check_summary();
  const size_t left = check_resident();
  CHECK_MSG(left + freed <= full + CHECK_MIB, "size %zu: %zu KiB freed, %zu before, %zu after",
            size, freed / 1024, full / 1024, left / 1024);
  CHECK_MSG(after.os_calls - before.os_calls <= COUNT + 40, "%zu system calls for %d blocks",
            after.os_calls - before.os_calls, COUNT);
  for (size_t i = 0; i < COUNT; i++) {
    if (blocks[i] != NULL) CHECK(((uint8_t*)blocks[i])[size - 1] == 1);
    ri_free(blocks[i]);
    blocks[i] = NULL;
  }
}

int main(void) {
  if (!check_measurable()) check_skip("resident memory is not the program's alone");
  // At once by force, and in a way that only the forced collection can give it back.
  ri_option_set(ri_option_purge_delay, 3600000);
  half((size_t)256 * CHECK_KIB, 1);
  half((size_t)256 * CHECK_KIB, 8);
  half((size_t)128 * CHECK_KIB, 1);
  half((size_t)1024 * CHECK_KIB, 5);
  CHECK(ri_audit());
  return 0;
}
