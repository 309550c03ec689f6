// SPDX-License-Identifier: MIT
// unmap_refused_os_fail.c: a process at the OS's limit of mappings cannot unmap a part of one, as
// that would make two. A freed block with a mapping of its own stayed resident for ever then. It
// still keeps its addresses, but its memory goes back.
#include "../check.h"
#include "../os_fail.h"

static size_t refused;

static int os_answer(os_call_t* call) {
  if (call->kind != OS_UNMAP) return OS_PASS;
  refused++;
  return ENOMEM;
}

int main(void) {
  const size_t touched = 32 * (size_t)CHECK_MIB;
  for (int i = 0; i < 4; i++) {
    char* const p = ri_malloc(300 * (size_t)CHECK_MIB);
    CHECK(p != NULL);
    memset(p, 1, touched);
    const size_t before = check_resident();
    errno = 5;
    ri_free(p);
    CHECK_ERRNO(5);
    ri_collect(true);
    CHECK(refused > 0);
    const size_t after = check_resident();
    CHECK_MSG(check_sanitized() || after + touched / 2 < before, "resident: %zu KiB, before %zu",
              after / 1024, before / 1024);
    check_heap_intact();
  }
  return 0;
}
