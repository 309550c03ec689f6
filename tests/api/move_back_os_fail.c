// SPDX-License-Identifier: MIT
// move_back_os_fail.c: realloc moves the pages of a large block into a mapping that shall grow, the
// OS lets it not grow, and not move back either: then the contents are copied back, and the block
// is as it was; or copying to a new one works.
#include "../check.h"
#include "../os_fail.h"

static bool refuse_growth, refuse_maps;
static int moves_left = 1000;
static int copied_back;

static int os_answer(os_call_t* call) {
  if (call->kind == OS_MAP) return refuse_maps && moves_left <= 0 ? ENOMEM : OS_PASS;
  if (call->kind != OS_MOVE) return OS_PASS;
  if ((call->flags & MREMAP_FIXED) == 0) {
    return call->new_size > call->size && refuse_growth ? ENOMEM : OS_PASS;
  }
  if (--moves_left >= 0) return OS_PASS;
  copied_back++;
  return ENOMEM;
}

int main(void) {
  if (check_emulated()) check_skip("an emulator moves no pages");
  const size_t size = 400000;
  void* const first = ri_malloc(size);
  void* const behind = ri_malloc(size);  // it cannot grow where it is
  check_fill(first, size, 1);
  refuse_growth = true;
  moves_left = 3;  // to see whether memory stays behind, there, and back
  void* other = ri_malloc(size);
  void* const behind_other = ri_malloc(size);
  check_fill(other, size, 3);
  other = ri_realloc(other, 3 * size);
  CHECK(other != NULL && copied_back == 0);
  CHECK_FILLED(other, size, 3);
  moves_left = 1;  // other stays: when blocks that grew were freed, others are copied
  uint8_t* p = ri_realloc(first, 3 * size);
  CHECK(p != NULL && copied_back == 1);
  CHECK_FILLED(p, size, 1);
  check_fill(p, 3 * size, 2);
  // Nor is there memory for a copy: the block stays, whole.
  void* const behind_too = ri_malloc(3 * size);
  ri_option_set(ri_option_limit_address_space, 1);
  refuse_maps = true;
  moves_left = 1;
  errno = 0;
  uint8_t* const q = ri_realloc(p, (size_t)100 * CHECK_MIB);
  CHECK(q == NULL);
  CHECK_ERRNO(ENOMEM);
  CHECK_FILLED(p, 3 * size, 2);
  refuse_maps = refuse_growth = false;
  ri_option_set(ri_option_limit_address_space, 0);
  ri_free(other);
  ri_free(behind_other);
  ri_free(p);
  ri_free(behind);
  ri_free(behind_too);
  check_heap_intact();
  return 0;
}
