// SPDX-License-Identifier: MIT
// good_size_limits.c: ri_good_size rounded PTRDIFF_MAX and what lies just below it up to a size
// that no function accepts. What cannot be rounded up to an OS page is returned as it is; so every
// size that can be asked for has a good size that can be asked for, and good_size never decreases.
#include "../check.h"

int main(void) {
  const size_t page = check_os_page(), most = PTRDIFF_MAX;
  size_t last = 0;
  for (size_t size = most - 3 * page; size <= most; size++) {
    const size_t good = ri_good_size(check_hide(size));
    CHECK_MSG(good >= size && good <= most, "size %zx: %zx", size, good);
    CHECK_MSG(good - size < page && good >= last, "size %zx: %zx after %zx", size, good, last);
    CHECK_MSG(ri_good_size(good) == good, "size %zx: good %zx is not", size, good);
    last = good;
  }
  for (size_t size = most + 1; size <= most + 2 * page; size++)
    CHECK(ri_good_size(check_hide(size)) == size);
  for (size_t size = SIZE_MAX; size > SIZE_MAX - 2 * page; size--)
    CHECK(ri_good_size(check_hide(size)) == size);
  // Where the rounding changes: classes to 64 KiB, OS pages above.
  const size_t medium = 64 * (size_t)CHECK_KIB;
  CHECK(ri_good_size(medium) == medium);
  CHECK(ri_good_size(medium + 1) == medium + page);
  CHECK(ri_good_size(medium + page) == medium + page);
  CHECK(ri_good_size(0) == 8);
  return 0;
}
