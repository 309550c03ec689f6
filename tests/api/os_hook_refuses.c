// SPDX-License-Identifier: MIT
// os_hook_refuses.c: the function for the memory of the OS (rimalloc/hooks.h) refuses at each place
// in turn: the n-th time it may, or from then on. What was asked for is obtained all the same, or
// is NULL with ENOMEM and nothing has changed; when it refuses no more, everything works, and what
// the function was told of adds up to what the process has mapped. Catches: a refusal that leaves a
// range mapped, or told of and not there, a block or an arena that is lost, a structure half made.
#include "../check.h"

#include <sys/wait.h>

typedef struct hook_s {
  size_t asked;        // times that it might have refused
  size_t first, last;  // those that it refuses
  bool commits_only;   // of those only what was to become usable
  size_t refused;
  int64_t mapped;  // bytes: what it agreed to, less what was unmapped
} hook_t;

static hook_t hook;

static bool agrees(ri_os_event_t event, void* p, size_t size, void* arg) {
  CHECK(arg == &hook && check_aligned(p, check_os_page()) && size > 0);
  if (event == RI_OS_UNMAP) hook.mapped -= (int64_t)size;
  if (event > RI_OS_COMMIT) return true;
  const size_t n = ++hook.asked;
  errno = 99;
  const bool may = event == RI_OS_COMMIT || !hook.commits_only;
  if (may && n >= hook.first && n <= hook.last) {
    hook.refused++;
    return false;
  }
  if (event != RI_OS_COMMIT) hook.mapped += (int64_t)size;
  return true;
}

static void* allocated(void* p) {
  CHECK_ERRNO(p != NULL ? 0 : ENOMEM);
  errno = 0;
  return p;
}

static void resizes(size_t size) {
  uint8_t* p = allocated(ri_malloc(size));
  if (p == NULL) return;
  check_fill_sparse(p, size, size);
  uint8_t* const q = allocated(ri_realloc(p, 3 * size));
  if (q != NULL) p = q;
  CHECK(check_differs(p, 0, 64, size) == SIZE_MAX);
  if (q == NULL) CHECK_FILLED_SPARSE(p, size, size);
  CHECK(ri_usable_size(p) >= (q != NULL ? 3 * size : size));
  ri_free(p);
}

static void* in_a_thread(void* arg) {
  (void)arg;
  errno = 0;
  ri_free(allocated(ri_malloc(100)));
  ri_free(allocated(ri_zalloc(100000)));
  return NULL;
}

// An arena stays.
static void reserves(void) {
  errno = 0;
  ri_arena_id_t id = &id;
  const ri_summary_t before = check_summary();
  const int error = ri_reserve_os_memory_ex((size_t)8 << 20, true, false, true, &id);
  CHECK((error == 0 && id != NULL) || (error == ENOMEM && id == NULL));
  CHECK(check_summary().arenas == before.arenas + (error == 0));
  if (error != 0) CHECK(check_summary().reserved == before.reserved);
  ri_heap_t* const inside = error == 0 ? allocated(ri_heap_new_in_arena(id)) : NULL;
  if (inside != NULL) ri_free(allocated(ri_heap_malloc(inside, 1000)));
  ri_heap_destroy(inside);
}

static void uses_much(void) {
  static const size_t sizes[] = {10, 5000, 60000, 300000, CHECK_MIB, 5 * CHECK_MIB};
  enum { SIZES = sizeof(sizes) / sizeof(sizes[0]), EACH = 2 };
  void* blocks[SIZES * EACH];
  errno = 0;
  for (size_t i = 0; i < SIZES * EACH; i++) {
    const size_t size = sizes[i / EACH];
    blocks[i] = allocated(i % 2 == 0 ? ri_malloc(size) : ri_malloc_aligned(size, 4096));
    if (blocks[i] != NULL) check_fill_sparse(blocks[i], size, i);
  }
  resizes(300000);
  resizes((size_t)8 << 20);
  ri_heap_t* const heap = allocated(ri_heap_new());
  if (heap != NULL) {
    ri_free(allocated(ri_heap_malloc(heap, 100)));
    (void)!allocated(ri_heap_malloc(heap, 1000000));
    ri_heap_destroy(heap);
  }
  const ri_subproc_id_t subproc = ri_subproc_new();
  errno = 0;
  ri_subproc_destroy(subproc);
  check_in_thread(in_a_thread, NULL);
  for (size_t i = 0; i < SIZES * EACH; i++) {
    if (blocks[i] != NULL) CHECK_FILLED_SPARSE(blocks[i], sizes[i / EACH], i);
    ri_free(blocks[i]);
  }
  CHECK_ERRNO(0);
}

static void* nothing(void* arg) { return arg; }

// Whether anything was refused.
static bool refuses(size_t first, size_t last, bool eager) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    check_watchdog(30);
    ri_register_output(check_capture_output, check_captured());
    ri_option_set(ri_option_arena_eager_commit, eager);
    ri_option_set(ri_option_arena_max_object_size, 2048);  // larger ones have mappings of their own
    CHECK(ri_register_os_memory(agrees, &hook));
    // The C library keeps what it takes for a thread and for messages.
    check_in_thread(nothing, NULL);
    free(malloc(1));
    const size_t space = check_address_space();
    hook.first = first;
    hook.last = last;
    uses_much();
    reserves();
    hook.first = SIZE_MAX;
    CHECK_MSG(check_summary().blocks == 0, "%zu blocks", check_summary().blocks);
    // Well again.
    uses_much();
    reserves();
    CHECK(ri_malloc((size_t)9 << 20) != NULL && ri_malloc(100) != NULL);
    CHECK(check_summary().blocks == 2);
    check_heap_intact();
    ri_collect(true);
    // Sanitizers map memory of their own.
    const int64_t grown = (int64_t)check_address_space() - (int64_t)space;
    CHECK_MSG(!check_measurable() || hook.mapped == grown, "told of %lld, grown by %lld",
              (long long)hook.mapped, (long long)grown);
    _exit(hook.refused > 0 ? 0 : 3);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3),
            "%zu to %zu: status %x", first, last, (unsigned)status);
  return WEXITSTATUS(status) == 0;
}

// On a NUMA node without an arena: it asks for one.
static void uses_heap_on_node(ri_heap_t* heap) {
  if (heap == NULL) return;
  ri_heap_set_numa_affinity(heap, 5);
  errno = 0;
  ri_free(allocated(ri_heap_malloc(heap, 300000)));
}

// What is refused again and again takes no more memory each time.
static void again_and_again(bool commits_only, bool used) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    check_watchdog(30);
    ri_register_output(check_capture_output, check_captured());
    ri_option_set(ri_option_arena_eager_commit, 0);
    ri_option_set(ri_option_mapping_cache, 0);
    ri_option_set(ri_option_arena_max_object_size, 2048);  // larger ones have mappings of their own
    CHECK(ri_register_os_memory(agrees, &hook));
    if (used) uses_much();
    ri_heap_t* const heap = used ? ri_heap_new() : NULL;
    hook = (hook_t){.first = 1, .last = SIZE_MAX, .commits_only = commits_only};
    int64_t twice = 0;  // the pools of small structures may have grown
    for (int i = 0; i < 5; i++) {
      uses_much();
      uses_heap_on_node(heap);
      if (i == 1) twice = hook.mapped;
    }
    CHECK(hook.refused > 0 || used);  // what is there may do
    CHECK_MSG(hook.mapped == twice, "%lld, not %lld", (long long)hook.mapped, (long long)twice);
    hook.first = hook.last = 0;
    check_heap_intact();
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
}

int main(void) {
  for (unsigned i = 0; i < 4; i++)
    again_and_again(i % 2 != 0, i / 2 != 0);
  for (int eager = 0; eager < 2; eager++) {
    size_t n = 1;
    while (refuses(n, n, eager != 0))
      n += check_stride(4);
    CHECK_MSG(n > 10, "%zu places", n);
    for (n = 1; refuses(n, SIZE_MAX, eager != 0); n += 2 * check_stride(4)) {}
  }
  return 0;
}
