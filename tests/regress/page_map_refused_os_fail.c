// SPDX-License-Identifier: MIT
// page_map_refused_os_fail.c: when the OS refuses memory for the page map's table, another address
// does not help. An allocation used to try 64 of them for each size of an arena, thousands of
// system calls before it said ENOMEM.
#include "../check.h"
#include "../os_fail.h"

enum { TABLE_FIRST = 65536 };

static bool refuse;
static size_t calls, refused;

static int os_answer(os_call_t* call) {
  const bool maps = call->kind == OS_MAP;
  calls += maps || call->kind == OS_UNMAP;
  // A part of the table is made usable: mapped so, the first, or anew, or by a change of access.
  const bool first = call->size == TABLE_FIRST || (call->flags & MAP_FIXED) != 0;
  const bool enables = maps && first && call->access != PROT_NONE;
  if (!refuse || !(enables || call->kind == OS_PROTECT)) return OS_PASS;
  refused++;
  return ENOMEM;
}

int main(void) {
  refuse = true;
  CHECK(ri_malloc(100) == NULL);
  CHECK_ERRNO(ENOMEM);
  CHECK(refused > 0);
  CHECK_MSG(calls < 200, "%zu calls for nothing", calls);
  refuse = false;
  void* const p = ri_malloc(100);
  CHECK(p != NULL);
  ri_free(p);
  check_heap_intact();
  return 0;
}
