// SPDX-License-Identifier: MIT
// limit_reached.c: a heap that could not get memory from where it was bound asked for more in an
// endless loop while memory grew. Here the address space for blocks is limited by option: when the
// limit is reached allocation must say ENOMEM, at once and again and again, without growing; and
// when blocks are freed it must work again. On that bug the watchdog ends the test, or the reserved
// address space passes the limit.
#include "../check.h"

enum { LIMIT_KIB = 96 * 1024, BLOCKS = 200000 };
static void* blocks[BLOCKS];

static void until_full(size_t size) {
  const size_t limit = (size_t)LIMIT_KIB * 1024;
  size_t count = 0;
  while (count < BLOCKS) {
    errno = 0;
    blocks[count] = ri_malloc(size);
    if (blocks[count] == NULL) break;
    memset(blocks[count], 1, size < 64 ? size : 64);
    count++;
  }
  CHECK_MSG(count < BLOCKS, "size %zu never ends", size);
  CHECK_ERRNO(ENOMEM);
  CHECK_MSG(count * size >= limit / 4, "size %zu: only %zu blocks", size, count);
  ri_summary_t s = check_summary();
  CHECK_MSG(s.reserved <= limit, "reserved %zu", s.reserved);
  const size_t space = check_address_space();
  const size_t calls = s.os_calls;
  for (int i = 0; i < 100; i++) {
    errno = 0;
    CHECK(ri_malloc(size) == NULL);
    CHECK_ERRNO(ENOMEM);
    errno = 0;
    CHECK(ri_realloc(blocks[0], (size_t)LIMIT_KIB * 1024) == NULL);
    CHECK_ERRNO(ENOMEM);
  }
  s = check_summary();
  CHECK_MSG(s.reserved <= limit, "reserved %zu", s.reserved);
  CHECK_MSG(check_address_space() <= space + CHECK_MIB, "address space grows");
  CHECK_MSG(s.os_calls <= calls + 100 * 40, "%zu system calls for 200 refusals",
            s.os_calls - calls);
  ri_free(blocks[--count]);
  blocks[count] = ri_malloc(size);
  CHECK(blocks[count] != NULL);
  count++;
  while (count > 0)
    ri_free(blocks[--count]);
  CHECK(ri_audit());
}

int main(void) {
  check_watchdog(60);
  ri_option_set(ri_option_limit_address_space, LIMIT_KIB);
  until_full(1000);
  until_full(60000);
  until_full(8000);
  until_full(300000);
  until_full((size_t)9 * CHECK_MIB);
  errno = 0;
  CHECK(ri_malloc((size_t)LIMIT_KIB * 2048) == NULL);
  CHECK_ERRNO(ENOMEM);
  errno = 0;
  CHECK(ri_malloc((size_t)300 * CHECK_MIB) == NULL);
  CHECK_ERRNO(ENOMEM);
  ri_collect(true);
  check_workload(2000, 3);
  CHECK(ri_audit());
  return 0;
}
