// SPDX-License-Identifier: MIT
// peak_resident_stays.c: the kernel's own peak of resident memory lags behind what is resident, by
// some pages for each processor. So the peak that ri_process_info and the statistics gave, the
// larger of the two, fell when memory was returned.
#include "../check.h"

static size_t peak_of(size_t* resident) {
  size_t peak = 0;
  ri_process_info(NULL, NULL, NULL, resident, &peak, NULL, NULL, NULL);
  CHECK(peak >= *resident);
  return peak;
}

int main(void) {
  size_t seen = 0;
  for (size_t i = 1; i <= 64; i++) {
    const size_t size = CHECK_MIB + i * 37 * check_os_page();  // more than ever before
    void* const p = ri_malloc(size);
    CHECK(p != NULL);
    memset(p, 1, size);
    size_t resident = 0;
    const size_t with = peak_of(&resident);
    CHECK_MSG(with >= seen, "%zu after %zu", with, seen);
    ri_free(p);
    ri_collect(true);
    seen = peak_of(&resident);
    CHECK_MSG(seen >= with, "%zu after %zu", seen, with);
    ri_stats_t_decl(s);
    CHECK(ri_stats_get(&s) && s.resident.peak >= (int64_t)seen);
  }
  return 0;
}
