// SPDX-License-Identifier: MIT
// hardened.c: hardened heaps, and processes with each level and each feature of the option `harden`
// alone: everything works as without, blocks have the size that they say, and what is written
// behind or after them is reported. A hardened heap that is deleted leaves its pages to nobody.
// (What attacks come to at each level: misuse/hardened.c.)
#include "../check.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { COUNT = 400, CANARY = 8 };

static volatile uint8_t* bytes_of(const void* p) { return check_hide_pointer((uintptr_t)p); }

static void* block(ri_heap_t* heap, size_t size, uint64_t key) {
  void* const p = ri_heap_malloc(heap, size);
  CHECK(p != NULL && ri_usable_size(p) >= size);
  check_fill(p, ri_usable_size(p), key);
  return p;
}

static void* frees(void* p) {
  ri_free(p);
  return NULL;
}

// By the owner of the page and by another thread.
static void overflow_is_reported(ri_heap_t* heap) {
  for (int other = 0; other < 2; other++) {
    void* const keep = block(heap, 100, 1);
    void* const p = block(heap, 100, 2);
    bytes_of(p)[ri_usable_size(p) + 3] ^= 1;
    if (other) {
      check_in_thread(frees, p);
    } else {
      ri_free(p);
    }
    check_reported(EFAULT, "overflow", p);
    ri_free(keep);
    check_nothing_reported();
  }
}

static void freed_is_zero(ri_heap_t* heap) {
  void* const keep = block(heap, 300, 1);
  uint8_t* const p = block(heap, 300, 2);
  ri_free(p);
  for (size_t i = sizeof(void*); i < 300; i++)
    CHECK_MSG(bytes_of(p)[i] == 0, "byte %zu", i);
  ri_free(keep);
}

static void all_kinds(ri_heap_t* heap) {
  for (size_t size = 0; size < 200000; size += 3 + size / 2) {
    void* p = block(heap, size, size);
    p = ri_heap_realloc(heap, p, size + size / 2 + 1);
    CHECK_FILLED(p, size, size);
    ri_free(p);
    p = ri_heap_calloc(heap, 1, size);
    CHECK_ZERO(p, 0, ri_usable_size(p));
    ri_free(p);
    for (size_t align = 16; align <= 65536; align *= 4) {
      p = ri_heap_malloc_aligned(heap, size, align);
      CHECK(check_aligned(p, align) && ri_usable_size(p) >= size);
      check_fill(p, ri_usable_size(p), align);
      uint8_t* const q = ri_heap_malloc_aligned_at(heap, size, align, 8);
      CHECK(check_aligned(q + 8, align) && ri_usable_size(q) >= size);
      check_fill(q, ri_usable_size(q), align + 1);
      CHECK_FILLED(p, size, align);
      ri_free(p);
      ri_free(q);
    }
  }
  check_nothing_reported();
}

typedef struct seen_s {
  size_t blocks;
  bool usable;  // each is as long as ri_usable_size says
} seen_t;

static bool see(const ri_heap_t* heap, const ri_heap_area_t* area, void* p, size_t size,
                void* arg) {
  (void)heap;
  (void)area;
  seen_t* const seen = arg;
  if (p == NULL) return true;
  seen->blocks++;
  seen->usable &= ri_usable_size(p) == size;
  return true;
}

static void is_visited(ri_heap_t* heap) {
  void* blocks[COUNT];
  for (size_t i = 0; i < COUNT; i++)
    blocks[i] = block(heap, 10 + i, i);
  for (size_t i = 0; i < COUNT; i += 2)
    ri_free(blocks[i]);
  seen_t seen = {0, true};
  CHECK(ri_heap_visit_blocks(heap, true, see, &seen));
  CHECK_MSG(seen.blocks == COUNT / 2 && seen.usable, "%zu blocks", seen.blocks);
  for (size_t i = 1; i < COUNT; i += 2) {
    CHECK_FILLED(blocks[i], 10 + i, i);
    ri_free(blocks[i]);
  }
}

// The main heap, which is not hardened, must not take blocks that a canary ends.
static void is_deleted(void) {
  ri_heap_t* const heap = ri_heap_new_hardened(2);
  void *left[COUNT], *mine[4 * COUNT];
  for (size_t i = 0; i < COUNT; i++)
    left[i] = block(heap, 200, i);
  for (size_t i = 0; i < COUNT; i += 2)
    ri_free(left[i]);
  ri_heap_delete(heap);
  for (size_t i = 0; i < 4 * COUNT; i++) {
    mine[i] = ri_malloc(208);
    CHECK(ri_usable_size(mine[i]) == ri_good_size(208));
    check_fill(mine[i], ri_usable_size(mine[i]), 1000 + i);
  }
  CHECK(ri_audit());
  for (size_t i = 1; i < COUNT; i += 2) {
    CHECK_FILLED(left[i], 200, i);
    CHECK(ri_heap_of(left[i]) == ri_heap_main());
    if (i == 1) bytes_of(left[i])[ri_usable_size(left[i])] ^= 0xFF;
    ri_free(left[i]);
    if (i == 1) check_reported(EFAULT, "overflow", left[i]);
  }
  for (size_t i = 0; i < 4 * COUNT; i++) {
    CHECK_FILLED(mine[i], 208, 1000 + i);
    ri_free(mine[i]);
  }
  ri_collect(true);
  CHECK(check_summary().blocks == 0 && ri_audit());
  check_nothing_reported();
}

static void is_destroyed(int level) {
  ri_heap_t* const heap = ri_heap_new_hardened(level);
  for (size_t i = 0; i < COUNT; i++) {
    void* const p = block(heap, 1 + i * 37, i);
    if (i % 3 == 0) ri_free(p);
  }
  ri_heap_destroy(heap);
  CHECK(check_summary().blocks == 0);
  check_heap_intact();
}

static void writes_are_reported(void) {
  ri_heap_t* const heap = ri_heap_new_hardened(3);
  void* const keep = block(heap, 100, 1);
  void* const p = block(heap, 100, 2);
  ri_free(p);
  bytes_of(p)[50] = 1;
  for (int i = 0; i < 10000 && check_captured()->errors == 0; i++) {
    void* const q = ri_heap_malloc(heap, 100);
    if (q == p) CHECK_ZERO(q, 0, 100);
  }
  check_reported(EFAULT, "write after free", p);
  ri_free(keep);
  ri_heap_destroy(heap);
}

static void heaps(void) {
  check_capture_start();
  errno = 0;
  CHECK(ri_heap_new_hardened(4) == NULL && errno == EINVAL);
  CHECK(ri_heap_new_hardened(-1) == NULL);
  for (int level = 0; level < 4; level++) {
    ri_heap_t* const heap = ri_heap_new_hardened(level);
    CHECK(heap != NULL);
    all_kinds(heap);
    is_visited(heap);
    if (level >= 2) overflow_is_reported(heap);
    if (level >= 2) freed_is_zero(heap);
    ri_heap_destroy(heap);
    is_destroyed(level);
  }
  writes_are_reported();
  is_deleted();
}

// ---- Processes ----------------------------------------------------------------------------------

static void* shared[COUNT];

static void* frees_shared(void* arg) {
  (void)arg;
  for (size_t i = 0; i < COUNT; i += 2)
    ri_free(shared[i]);
  check_workload(check_scaled(2000), 3);
  return NULL;
}

static void* leaves_blocks(void* arg) {
  (void)arg;
  for (size_t i = 0; i < COUNT; i++)
    shared[i] = ri_malloc(1 + i * 11);
  return NULL;
}

static void works(void) {
  check_capture_start();
  is_visited(ri_heap_main());
  check_workload(check_scaled(6000), 1);
  for (size_t i = 0; i < COUNT; i++)
    shared[i] = ri_malloc(1 + i * 11);
  check_in_thread(frees_shared, NULL);
  for (size_t i = 1; i < COUNT; i += 2)
    ri_free(shared[i]);
  check_in_thread(leaves_blocks, NULL);
  for (size_t i = 0; i < COUNT; i++)
    ri_free(shared[i]);
  check_workload(check_scaled(2000), 2);
  all_kinds(ri_heap_main());
  ri_collect(true);
  CHECK_MSG(check_summary().blocks == 0, "%zu blocks wait", check_summary().blocks);
  check_heap_intact();
  check_nothing_reported();
}

typedef struct setting_s {
  ri_option_t option;
  long value;
} setting_t;

static int child(setting_t first, setting_t second, void (*run)(void)) {
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    ri_option_set(first.option, first.value);
    if (second.option != first.option) ri_option_set(second.option, second.value);
    run();
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  return status;
}

static void frees_twice(void) {
  check_capture_start();
  void* const p = ri_malloc(50);
  ri_free(p);
  ri_free(check_hide_pointer((uintptr_t)p));
}

static void* leaves_equal_blocks(void* arg) {
  (void)arg;
  for (size_t i = 0; i < COUNT; i++)
    shared[i] = ri_malloc(64);
  return NULL;
}

// Blocks of a page that has no owner are freed and wait; then the page becomes this thread's.
static void waits_for_its_page(void) {
  check_capture_start();
  ri_free(ri_malloc(1));  // blocks wait in threads that have allocated
  check_in_thread(leaves_equal_blocks, NULL);
  for (size_t i = 0; i < COUNT; i += 10)
    ri_free(shared[i]);
  for (size_t i = 0; i < 4 * COUNT; i++)
    CHECK(ri_malloc(64) != NULL);
  ri_collect(true);
  for (size_t i = 0; i < 4 * COUNT; i++)
    CHECK(ri_malloc(64) != NULL);
  check_nothing_reported();
}

// ---- Forked children ----------------------------------------------------------------------------

enum { DRAWS = 24, WAITING = 3000 };

// What chance decides: in which order a fresh page is cut, which block of a list is taken, and
// which of those that wait leaves.
typedef struct chances_s {
  uintptr_t cut[DRAWS], picked[DRAWS], left[DRAWS];
} chances_t;

static ri_heap_t* forked_heap;

static void draws_all(chances_t* c) {
  for (int i = 0; i < DRAWS; i++)
    c->cut[i] = (uintptr_t)ri_malloc(700);
  for (int i = 0; i < DRAWS; i++)
    c->picked[i] = (uintptr_t)ri_heap_malloc(forked_heap, 100);
  for (int i = 0; i < COUNT; i++)
    ri_free(shared[i]);
  for (int i = 0; i < DRAWS; i++)
    c->left[i] = (uintptr_t)ri_malloc(64);
}

static void children_differ(void) {
  chances_t* const both =
      mmap(NULL, 2 * sizeof(chances_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(both != MAP_FAILED);
  forked_heap = ri_heap_new();
  CHECK(ri_heap_malloc(forked_heap, 100) != NULL);
  // All that is cut is in use or waits: what is allocated next was freed.
  for (int i = 0; i < COUNT; i++)
    shared[i] = ri_malloc(64);
  for (int i = 0; i < WAITING; i++)
    ri_free(ri_malloc(64));
  for (int i = 0; i < 2; i++) {
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
      draws_all(&both[i]);
      _exit(0);
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  }
  CHECK(memcmp(both[0].cut, both[1].cut, sizeof(both->cut)) != 0);
  CHECK(memcmp(both[0].picked, both[1].picked, sizeof(both->picked)) != 0);
  CHECK(memcmp(both[0].left, both[1].left, sizeof(both->left)) != 0);
}

int main(void) {
  if (check_sanitized()) check_skip("a sanitizer finds these mistakes itself");
  check_watchdog(120);
  const setting_t none = {ri_option_check, 0};
  CHECK(child(none, none, heaps) == 0);
  for (long level = 1; level < 4; level++)
    CHECK_MSG(child((setting_t){ri_option_harden, level}, none, works) == 0, "level %ld", level);
  const ri_option_t each[] = {ri_option_harden_random, ri_option_harden_zero,
                              ri_option_harden_canary, ri_option_harden_delay,
                              ri_option_harden_large};
  for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
    const setting_t on = {each[i], 1}, off = {each[i], 0};
    CHECK_MSG(child(on, none, works) == 0, "feature %zu", i);
    CHECK_MSG(child((setting_t){ri_option_harden, 3}, off, works) == 0, "without %zu", i);
  }
  CHECK(child((setting_t){ri_option_harden, 2}, none, waits_for_its_page) == 0);
  CHECK(child((setting_t){ri_option_harden, 2}, none, children_differ) == 0);
  // Reports end the program from level 1 on, unless it was said that they should not.
  const setting_t hard = {ri_option_harden, 1};
  CHECK(child(none, none, frees_twice) == 0);
  CHECK(WTERMSIG(child(hard, none, frees_twice)) == SIGABRT);
  CHECK(child(hard, (setting_t){ri_option_abort_on_error, 0}, frees_twice) == 0);
  return 0;
}
