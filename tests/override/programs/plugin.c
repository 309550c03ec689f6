// SPDX-License-Identifier: MIT
// plugin.c: a library that plugin_host.c loads and unloads. Linked with rimalloc in one way or
// another; allocates in the calling thread and in its own threads.
#include "../../check.h"

#define PLUGIN_EXPORT __attribute__((visibility("default")))

PLUGIN_EXPORT void* plugin_take(size_t size);
PLUGIN_EXPORT void plugin_give(void* p);
PLUGIN_EXPORT int plugin_uses_rimalloc(void);
PLUGIN_EXPORT void plugin_work(void);

void* plugin_take(size_t size) {
  void* const p = malloc(size);
  CHECK(p != NULL);
  check_fill(p, size, 3);
  return p;
}

void plugin_give(void* p) { free(p); }

int plugin_uses_rimalloc(void) {
  void* const p = plugin_take(100);
  const bool ours = ri_is_in_heap_region(p);
  free(p);
  return ours;
}

static void* work(void* arg) {
  uint64_t rng = 3;
  void* blocks[100] = {NULL};
  for (int i = 0; i < 3000; i++) {
    void** const slot = &blocks[check_below(&rng, 100)];
    free(*slot);
    *slot = plugin_take(check_any_size(&rng, 64 * CHECK_KIB));
  }
  for (int i = 0; i < 100; i++)
    free(blocks[i]);
  return arg;
}

void plugin_work(void) {
  (void)work(NULL);
  check_in_thread(work, NULL);
}

__attribute__((constructor)) static void loaded(void) { (void)work(NULL); }
__attribute__((destructor)) static void unloaded(void) { (void)work(NULL); }
