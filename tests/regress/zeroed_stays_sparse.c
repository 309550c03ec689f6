// SPDX-License-Identifier: MIT
// zeroed_stays_sparse.c: a zeroed allocation of 2 GiB became resident, because memory that had been
// used before was written with zeroes although the OS could have handed back zero pages. Here large
// blocks are allocated, touched in places, freed and asked for again as zeroed memory, from arenas
// and from mappings of their own. On that bug resident memory grows by the whole block.
#include "../check.h"

static void again(size_t size, int how) {
  ri_collect(true);
  uint8_t* p = ri_malloc(size);
  CHECK(p != NULL);
  for (size_t at = 0; at < size; at += size / 16)
    p[at] = 0xFF;
  ri_free(p);
  const size_t before = check_resident();  // what was touched, in small pages or in huge ones
  switch (how) {
    case 0:
      p = ri_calloc(1, size);
      break;
    case 1:
      p = ri_zalloc_aligned(size, 4096);
      break;
    case 2:
      p = ri_rezalloc(NULL, size);
      break;
    case 3:
      p = ri_rezalloc(ri_calloc(1, size / 3), size);
      break;
    default:
      p = ri_rezalloc(ri_calloc(1, 1000), size);
      break;
  }
  CHECK(p != NULL);
  const size_t after = check_resident();
  for (size_t at = 0; at < size; at += size / 16)
    CHECK(p[at] == 0);
  CHECK_MSG(after <= before + size / 4 + CHECK_MIB, "size %zu, way %d: %zu KiB, before %zu", size,
            how, after / 1024, before / 1024);
  ri_free(p);
}

int main(void) {
  if (!check_measurable()) check_skip("resident memory is not the program's alone");
  for (int how = 0; how < 10; how++) {
    ri_option_set(ri_option_thp, how / 5);
    again((size_t)16 * CHECK_MIB, how % 5);
    again((size_t)64 * CHECK_MIB, how % 5);
    if (CHECK_SIZE_BITS == 32) continue;  // nothing has room to grow there
    again((size_t)250 * CHECK_MIB, how % 5);
    again((size_t)300 * CHECK_MIB, how % 5);
    again(check_hide(CHECK_HUGE(31)), how % 5);
  }
  CHECK(ri_audit());
  return 0;
}
