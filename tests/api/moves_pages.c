// SPDX-License-Identifier: MIT
// moves_pages.c: a large block that grows and has to move takes its pages along: nothing is copied,
// so the pages are not faulted in again, are all there at the new place, and no second set of them
// was ever resident. Catches: realloc that copies, or that gives the memory back and takes new.
#include "../check.h"

#include <sys/mman.h>

static size_t peak_resident(void) {
  struct rusage usage;
  CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
  return (size_t)usage.ru_maxrss * CHECK_KIB;
}

// OS pages of [p, p + size) that are resident.
static size_t resident_pages(const void* p, size_t size) {
  enum { MOST = 1 << 16 };
  static unsigned char there[MOST];
  const size_t page = check_os_page();
  const uintptr_t start = (uintptr_t)p & ~(uintptr_t)(page - 1);
  const size_t count = ((uintptr_t)p + size - start + page - 1) / page;
  CHECK(count <= MOST);
  CHECK(mincore((void*)start, count * page, there) == 0);
  size_t sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += there[i] & 1;
  return sum;
}

static void moves(size_t size) {
  const size_t pages = size / check_os_page();
  ri_collect(true);
  uint8_t* const p = ri_malloc(size);
  CHECK(p != NULL);
  check_fill(p, size, size);
  // What may lie behind it now, and it cannot grow where it is.
  void* behind[8];
  for (size_t i = 0; i < 8; i++)
    behind[i] = ri_malloc(size);
  CHECK(resident_pages(p, size) >= pages);
  const uintptr_t place = (uintptr_t)p;
  const size_t peak = peak_resident(), faults = check_minor_faults();
  uint8_t* const q = ri_realloc(p, 4 * size);
  const size_t faulted = check_minor_faults() - faults;
  const size_t risen = peak_resident() - peak;
  CHECK(q != NULL);
  CHECK_MSG((uintptr_t)q != place, "%zu grew where it was", size);
  CHECK_MSG(faulted < pages / 8 + 8, "%zu faults for %zu pages", faulted, pages);
  // The kernel counts in batches, and a peak from before this program's start stays.
  if (size >= (size_t)80 * CHECK_MIB) CHECK_MSG(risen < size / 2, "%zu more for %zu", risen, size);
  CHECK_MSG(resident_pages(q, size) >= pages, "%zu of %zu", resident_pages(q, size), pages);
  // Only now is it read; and it is the only one that was written.
  CHECK_FILLED(q, size, size);
  CHECK(check_minor_faults() - faults < pages / 8 + 8);
  for (size_t i = 0; i < 8; i++)
    ri_free(behind[i]);
  ri_free(q);
}

int main(void) {
  if (!check_measurable()) check_skip("resident memory is not the program's alone");
  if (CHECK_SIZE_BITS == 32) check_skip("the OS leaves mappings no room to grow");
  check_watchdog(60);
  // Each larger than all before, which is how the peak tells.
  moves((size_t)2 * CHECK_MIB);
  moves((size_t)10 * CHECK_MIB);
  // Where addresses are short there may be no place for four times as much, nine such blocks aside.
  if (sizeof(void*) > 4) moves((size_t)80 * CHECK_MIB);
  CHECK(ri_audit());
  return 0;
}
