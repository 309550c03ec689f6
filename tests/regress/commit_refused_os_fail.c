// SPDX-License-Identifier: MIT
// commit_refused_os_fail.c: where memory is made usable piece by piece and the OS refused a piece,
// each failed allocation reserved another arena, as large as all before, and made its metadata
// usable, which is memory too. Now it just fails, and everything works again when the OS does.
#include "../check.h"
#include "../os_fail.h"

enum { BLOCK = 60 * 1024 };
static bool refuse;
static size_t refused, maps;

// Metadata is made usable, slices are not: of those a page takes one to eight.
static int os_answer(os_call_t* call) {
  maps += call->kind == OS_MAP;
  if (!refuse || call->kind != OS_PROTECT || (call->access & PROT_WRITE) == 0) return OS_PASS;
  if (call->size < (size_t)64 * CHECK_KIB || call->size > (size_t)512 * CHECK_KIB) return OS_PASS;
  refused++;
  return ENOMEM;
}

int main(void) {
  ri_option_set(ri_option_arena_eager_commit, 0);
  ri_option_set(ri_option_show_errors, 0);
  void* blocks[100] = {NULL};
  CHECK((blocks[0] = ri_malloc(BLOCK)) != NULL);
  refuse = true;
  size_t n = 1;
  while (n < 100 && (blocks[n] = ri_malloc(BLOCK)) != NULL)
    n++;
  CHECK(n < 100 && refused > 0);
  const ri_summary_t before = check_summary();
  maps = 0;
  for (int i = 0; i < 20; i++)
    CHECK(ri_malloc(BLOCK) == NULL && errno == ENOMEM);
  const ri_summary_t after = check_summary();
  CHECK_MSG(after.arenas == before.arenas && after.reserved == before.reserved && maps == 0,
            "%zu arenas of %zu bytes, before %zu of %zu; %zu mappings", after.arenas,
            after.reserved, before.arenas, before.reserved, maps);
  refuse = false;
  CHECK(ri_malloc(BLOCK) != NULL);
  for (size_t i = 0; i < n; i++)
    ri_free(blocks[i]);
  check_heap_intact();
  return 0;
}
