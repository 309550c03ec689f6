// SPDX-License-Identifier: MIT
// main_heap_of_subproc.c: ri_heap_stats_get(NULL) reported on the main sub-process's main heap, in
// threads of other sub-processes too, where NULL stands for the heap that ri_malloc allocates from.
// The quota functions refused NULL there, and returned 0, but knew the same heap by its pointer.
#include "../check.h"

enum { BLOCKS = 40 };

static void* in_subproc(void* arg) {
  ri_subproc_add_current_thread(*(ri_subproc_id_t*)arg);
  for (size_t i = 0; i < BLOCKS; i++)
    CHECK(ri_heap_of(ri_malloc(900)) == ri_heap_main());
  ri_stats_t_decl(s);
  CHECK(ri_heap_stats_get(NULL, &s));
  CHECK_MSG(s.blocks.current == BLOCKS, "%lld blocks", (long long)s.blocks.current);
  char* const json = ri_heap_stats_get_json(NULL, 0, NULL);
  CHECK(json != NULL && strstr(json, "\"blocks\": {\"total\":40,") != NULL);
  ri_free(json);
  CHECK(ri_heap_held(NULL) >= BLOCKS * 900 && ri_heap_held(NULL) == ri_heap_held(ri_heap_main()));
  CHECK(ri_heap_set_quota(NULL, CHECK_MIB));
  CHECK(ri_heap_quota(NULL) == CHECK_MIB && ri_heap_quota(ri_heap_main()) == CHECK_MIB);
  errno = 0;
  CHECK(ri_malloc(check_hide(2 * CHECK_MIB)) == NULL);
  CHECK_ERRNO(ENOMEM);
  CHECK(ri_heap_set_quota(NULL, 0) && ri_heap_quota(ri_heap_main()) == 0);
  return NULL;
}

int main(void) {
  void* blocks[100];
  for (size_t i = 0; i < 100; i++)
    blocks[i] = ri_malloc(900);
  ri_subproc_id_t id = ri_subproc_new();
  CHECK(id._ri_subproc_id != NULL);
  check_in_thread(in_subproc, &id);
  ri_stats_t_decl(s);
  CHECK(ri_heap_stats_get(NULL, &s) && s.blocks.current >= 100);
  ri_subproc_destroy(id);
  for (size_t i = 0; i < 100; i++)
    ri_free(blocks[i]);
  CHECK(ri_audit());
  return 0;
}
