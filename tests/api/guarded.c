// SPDX-License-Identifier: MIT
// guarded.c: sampled guard pages, as rimalloc/heap.h and the options guarded_* promise: an access
// past the end of such a block faults, the blocks are chosen as often as asked for and only where
// asked for, and all that one can do with a block can be done with these.
#include "../check.h"

#include <signal.h>
#include <sys/wait.h>

static size_t guarded_count(void) {
  ri_stats_t_decl(s);
  CHECK(ri_stats_get(&s));
  return (size_t)s.malloc_guarded_count.total;
}

static void sample(size_t rate, bool precise) {
  ri_option_set(ri_option_guarded_precise, precise);
  ri_theap_guarded_set_sample_rate(NULL, rate, 0);
  ri_theap_guarded_set_size_bound(NULL, 0, SIZE_MAX);
}

// As sample(1, ...) for one block, which must get its guard page.
static void* guarded_block(size_t size, bool precise) {
  sample(1, precise);
  const size_t before = guarded_count();
  uint8_t* const p = ri_malloc(size);
  CHECK(p != NULL);
  CHECK_MSG(guarded_count() == before + 1, "a block of %zu has no guard page", size);
  return p;
}

// ---- Faults -------------------------------------------------------------------------------------

typedef enum access_e { ACCESS_NONE, ACCESS_READ, ACCESS_WRITE } access_t;

static void touch(volatile uint8_t* at, access_t access) {
  if (access == ACCESS_WRITE) *at = 1;
  if (access == ACCESS_READ) (void)*at;
}

// Whether the access ends a process, by the signal for it.
static bool faults(uint8_t* at, access_t access) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGSEGV, SIG_DFL);
    touch(at, access);
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG((WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
                (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV),
            "status %x", (unsigned)status);
  return WIFSIGNALED(status);
}

static const size_t sizes[] = {0,    1,    7,    8,    16,    24,    100,    1000,   1024,
                               4095, 4096, 4097, 8000, 65536, 65537, 200000, 1 << 20};
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static size_t usable_of(size_t size, bool precise) {
  if (size == 0) size = 1;
  return precise ? size : (size + 15) / 16 * 16;
}

static void the_end_faults(bool precise) {
  for (size_t i = 0; i < SIZES; i++) {
    uint8_t* const p = guarded_block(sizes[i], precise);
    const size_t usable = ri_usable_size(p);
    CHECK_MSG(usable == usable_of(sizes[i], precise), "%zu of %zu", usable, sizes[i]);
    CHECK(precise || check_aligned(p, 16));
    CHECK(ri_heap_of(p) == ri_heap_main());
    check_fill(p, usable, i);
    CHECK(!faults(p + usable - 1, ACCESS_WRITE));
    CHECK(faults(p + usable, ACCESS_WRITE));
    CHECK(faults(p + usable, ACCESS_READ));
    CHECK(faults(p + usable + check_os_page() - 1, ACCESS_READ));
    CHECK_FILLED(p, usable, i);
    // What lies before is no block of anybody; it is documented that nobody notices.
    if (usable % check_os_page() != 0) CHECK(!faults(p - 1, ACCESS_WRITE));
    ri_free(p);
  }
  CHECK(ri_audit());
}

// Without sampling nothing is there that could fault.
static void nothing_else_faults(void) {
  sample(0, true);
  const size_t before = guarded_count();
  for (size_t i = 0; i < SIZES; i++) {
    uint8_t* const p = ri_malloc(sizes[i]);
    CHECK(p != NULL && ri_usable_size(p) == ri_good_size(sizes[i]));
    CHECK(!faults(p + ri_usable_size(p) - 1, ACCESS_WRITE));
    ri_free(p);
  }
  CHECK(guarded_count() == before);
}

// ---- How often, and which -----------------------------------------------------------------------

// The positions of the first guarded ones of `count` blocks of `size`; returns how many there are.
static size_t positions(size_t size, size_t count, size_t* out, size_t most) {
  size_t n = 0;
  for (size_t i = 0; i < count; i++) {
    void* const p = ri_malloc(size);
    CHECK(p != NULL);
    // 100 bytes: 112 in a class and before a guard page; 104 are 112 in a class and 104 precisely.
    const bool guarded = ri_usable_size(p) == size;
    if (guarded && n < most) out[n] = i;
    n += guarded;
    ri_free(p);
  }
  return n;
}

static void as_often_as_asked(void) {
  enum { RATE = 50, COUNT = 20000, MOST = 64 };
  size_t first[MOST], second[MOST], other[MOST];
  sample(0, true);
  ri_theap_guarded_set_sample_rate(NULL, RATE, 7);
  const size_t before = guarded_count();
  const size_t n = positions(104, COUNT, first, MOST);
  CHECK(guarded_count() == before + n);
  CHECK_MSG(n > COUNT / RATE * 4 / 5 && n < COUNT / RATE * 6 / 5, "%zu of %d", n, COUNT);
  CHECK(first[0] < RATE);
  for (size_t i = 1; i < MOST; i++)
    CHECK_MSG(first[i] > first[i - 1] && first[i] - first[i - 1] < 2 * RATE, "block %zu", first[i]);
  ri_theap_guarded_set_sample_rate(NULL, RATE, 7);
  CHECK(positions(104, COUNT, second, MOST) == n);
  CHECK(memcmp(first, second, sizeof(first)) == 0);
  ri_theap_guarded_set_sample_rate(NULL, RATE, 8);
  (void)positions(104, COUNT, other, MOST);
  CHECK(memcmp(first, other, sizeof(first)) != 0);
  ri_theap_guarded_set_sample_rate(NULL, 1, 0);
  CHECK(positions(104, 100, other, MOST) == 100);
}

static bool is_guarded(size_t size) {
  const size_t before = guarded_count();
  void* const p = ri_malloc(size);
  CHECK(p != NULL);
  ri_free(p);
  return guarded_count() == before + 1;
}

static void only_within_bounds(void) {
  sample(1, false);
  ri_theap_guarded_set_size_bound(NULL, 100, 3000);
  // 99 and 100 share a size class, 3000 and 3001 too: both go the slow way, one is taken.
  CHECK(!is_guarded(1) && !is_guarded(99) && is_guarded(100));
  CHECK(is_guarded(1000) && is_guarded(3000) && !is_guarded(3001) && !is_guarded(100000));
  CHECK(ri_audit());
  ri_theap_guarded_set_size_bound(NULL, 100000, 200000);
  CHECK(!is_guarded(99999) && is_guarded(100000) && is_guarded(200000) && !is_guarded(200001));
  ri_theap_guarded_set_size_bound(NULL, 500, 200);
  CHECK(is_guarded(500) && !is_guarded(499) && !is_guarded(501));
  // Blocks that do not count bring no other one nearer.
  ri_theap_guarded_set_sample_rate(NULL, 1000, 3);
  const size_t before = guarded_count();
  for (size_t i = 0; i < 5000; i++)
    ri_free(ri_malloc(499));
  CHECK(guarded_count() == before);
}

static void options_say_so(void) {
  ri_heap_t* const heap = ri_heap_new();
  CHECK(heap != NULL);
  ri_heap_guarded_set_sample_rate(heap, 0, 0);
  ri_option_set(ri_option_guarded_precise, 0);
  ri_option_set(ri_option_guarded_sample_rate, 1);
  ri_option_set(ri_option_guarded_min, 64);
  ri_option_set(ri_option_guarded_max, 128);
  ri_collect(false);  // a theap that is there already looks at them now
  CHECK(!is_guarded(63) && is_guarded(64) && is_guarded(128) && !is_guarded(129));
  const size_t before = guarded_count();
  ri_free(ri_heap_malloc(heap, 100));
  CHECK(guarded_count() == before);  // what was set for a theap is stronger
  ri_heap_t* const fresh = ri_heap_new();
  ri_free(ri_heap_malloc(fresh, 100));
  CHECK(guarded_count() == before + 1);
  ri_heap_guarded_set_size_bound(fresh, 1, 1);
  ri_free(ri_heap_malloc(fresh, 100));
  CHECK(guarded_count() == before + 1);
  ri_option_set(ri_option_guarded_sample_rate, 100);
  ri_option_set(ri_option_guarded_sample_seed, 5);
  size_t first[8], second[8];
  ri_option_set(ri_option_guarded_precise, 1);
  ri_collect(false);
  (void)positions(104, 1000, first, 8);
  ri_option_set(ri_option_guarded_sample_seed, 6);
  ri_collect(false);
  (void)positions(104, 1000, second, 8);
  CHECK(memcmp(first, second, sizeof(first)) != 0);
  ri_option_set(ri_option_guarded_sample_seed, 5);
  ri_collect(false);
  (void)positions(104, 1000, second, 8);
  CHECK(memcmp(first, second, sizeof(first)) == 0);
  ri_option_set(ri_option_guarded_sample_rate, 0);
  ri_option_set(ri_option_guarded_min, 0);
  ri_option_set(ri_option_guarded_max, 1L << 30);
  ri_collect(false);
  CHECK(!is_guarded(100));
  ri_heap_delete(heap);
  ri_heap_destroy(fresh);
}

// The theap that is named, or the one that NULL stands for, and no other: the default theap, or the
// main heap's. What one thread sets is not for another's.
static size_t guarded_in(ri_heap_t* heap, size_t size) {
  const size_t before = guarded_count();
  void* const p = ri_heap_malloc(heap, size);
  CHECK(p != NULL);
  ri_free(p);
  return guarded_count() - before;
}

static void* sees_none(void* heap) {
  CHECK(guarded_in(heap, 100) == 0 && guarded_in(NULL, 100) == 0);
  ri_heap_guarded_set_sample_rate(heap, 0, 0);  // its own: changes nothing for the other thread
  return NULL;
}

static void for_one_theap(void) {
  sample(0, false);
  ri_heap_t* const heap = ri_heap_new();
  CHECK(heap != NULL);
  ri_theap_t* const theap = ri_heap_theap(heap);
  ri_theap_t* const main_theap = ri_theap_get_default();
  errno = 77;
  ri_theap_guarded_set_sample_rate(theap, 1, 0);
  CHECK(guarded_in(heap, 100) == 1 && guarded_in(NULL, 100) == 0 && guarded_in(heap, 200000) == 1);
  check_in_thread(sees_none, heap);
  CHECK(guarded_in(heap, 100) == 1);
  ri_theap_guarded_set_size_bound(theap, 101, 102);
  CHECK(guarded_in(heap, 100) == 0 && guarded_in(heap, 101) == 1 && guarded_in(heap, 103) == 0);
  // NULL: the default theap here, the main heap's there.
  CHECK(ri_theap_set_default(theap) == main_theap);
  ri_theap_guarded_set_size_bound(NULL, 200, 200);
  CHECK(guarded_in(heap, 101) == 0 && guarded_in(heap, 200) == 1 && guarded_in(NULL, 200) == 0);
  ri_theap_guarded_set_sample_rate(NULL, 0, 0);
  CHECK(guarded_in(heap, 200) == 0);
  ri_heap_guarded_set_sample_rate(NULL, 1, 0);
  ri_heap_guarded_set_size_bound(NULL, 300, 300);
  CHECK(guarded_in(NULL, 300) == 1 && guarded_in(NULL, 200) == 0);
  CHECK(guarded_in(heap, 300) == 0 && guarded_in(heap, 200) == 0);
  CHECK(ri_theap_set_default(NULL) == theap);
  CHECK_ERRNO(77);
  sample(0, false);
  ri_heap_destroy(heap);
}

// In a thread that has no theap any more, or none of that heap, there is nothing to be set.
static void sets_late(void* value) {
  CHECK(ri_heap_theap(NULL) == NULL);
  const size_t before = guarded_count();
  ri_theap_guarded_set_sample_rate(NULL, 1, 0);
  ri_theap_guarded_set_size_bound(NULL, 0, SIZE_MAX);
  ri_heap_guarded_set_sample_rate(NULL, 1, 0);
  ri_heap_guarded_set_sample_rate(value, 1, 0);
  ri_heap_guarded_set_size_bound(value, 0, SIZE_MAX);
  ri_free(ri_malloc(100));
  ri_free(ri_malloc(200000));
  ri_free(ri_heap_malloc(value, 100));
  CHECK(guarded_count() == before);
}

static void* allocates(void* heap) {
  ri_free(ri_malloc(1));
  return heap;
}

static void without_a_theap(void) {
  ri_heap_t* const heap = ri_heap_new();
  CHECK(heap != NULL);
  check_late(allocates, sets_late, heap);
  ri_heap_destroy(heap);
  CHECK(ri_audit());
}

// ---- What one can do with them ------------------------------------------------------------------

static void resized(bool precise) {
  for (size_t i = 0; i < SIZES; i++) {
    for (size_t j = 0; j < SIZES; j++) {
      const size_t from = sizes[i], to = sizes[j];
      uint8_t* p = guarded_block(from, precise);
      check_fill(p, from, i);
      sample(j % 2, precise);  // the next one has a guard page or not
      CHECK(ri_expand(p, ri_usable_size(p)) == p);
      CHECK(ri_expand(p, ri_usable_size(p) + 1) == NULL);
      CHECK(ri_xallocx(p, from, 100) == ri_usable_size(p));
      uint8_t* const q = i % 2 == 0 ? ri_realloc(p, to) : ri_rezalloc(p, to);
      CHECK(q != NULL && ri_usable_size(q) >= to);
      CHECK_FILLED(q, from < to ? from : to, i);
      if (i % 2 == 1 && to > usable_of(from, precise)) {
        CHECK(check_nonzero(q, usable_of(from, precise), to) == SIZE_MAX);
      }
      check_fill(q, to, j);
      ri_free(q);
    }
  }
  CHECK(ri_audit());
}

static void aligned(bool precise) {
  sample(1, precise);
  for (size_t align = 1; align <= 65536; align *= 2) {
    for (size_t i = 0; i < SIZES; i++) {
      const size_t before = guarded_count();
      uint8_t* const p = ri_malloc_aligned(sizes[i], align);
      CHECK(p != NULL && check_aligned(p, align));
      CHECK(guarded_count() == before + 1);
      const size_t usable = ri_usable_size(p);
      const size_t step = align < 16 && !precise ? 16 : align;
      const size_t expected = (sizes[i] + (sizes[i] == 0) + step - 1) / step * step;
      CHECK_MSG(usable == expected, "%zu, not %zu", usable, expected);
      check_fill(p, usable, align);
      uint8_t* const q = ri_realloc_aligned(p, sizes[i] + 1, align);
      CHECK(q != NULL && check_aligned(q, align));
      CHECK_FILLED(q, sizes[i], align);
      ri_free_aligned_sized(q, align, sizes[i] + 1);
      uint8_t* const r = ri_zalloc_aligned_at(sizes[i], align, 8);
      CHECK(r != NULL && check_aligned(r + 8, align) && ri_usable_size(r) >= sizes[i]);
      CHECK_ZERO(r, 0, sizes[i]);
      check_fill(r, sizes[i], align);
      ri_free(r);
    }
  }
  const size_t before = guarded_count();
  void* const large = ri_malloc_aligned(100, (size_t)1 << 20);
  CHECK(large != NULL && check_aligned(large, (size_t)1 << 20) && guarded_count() == before);
  ri_free(large);
  void* p = NULL;
  CHECK(ri_posix_memalign(&p, 8, 13) == 0 && check_aligned(p, 8));
  ri_free(p);
  CHECK(ri_audit());
}

static void zeroed(void) {
  sample(1, true);
  for (size_t round = 0; round < 3; round++) {
    for (size_t i = 0; i < SIZES; i++) {
      uint8_t* const p = ri_calloc(1, sizes[i]);
      CHECK(p != NULL);
      CHECK_ZERO(p, 0, ri_usable_size(p));
      memset(p, 0xFF, ri_usable_size(p));
      ri_free_sized(p, sizes[i]);
    }
  }
  void* batch[20];
  const size_t before = guarded_count();
  CHECK(ri_malloc_batch(40, 20, batch) == 20);
  CHECK(guarded_count() == before + 20);
  ri_free_batch(batch, 20);
}

static size_t visited;
static void* visited_block;
static size_t visited_size;
static bool visit(const ri_heap_t* heap, const ri_heap_area_t* area, void* block, size_t size,
                  void* arg) {
  (void)heap;
  (void)arg;
  if (block == NULL) return true;
  CHECK(area->blocks == block && area->used == 1 && area->block_size == size);
  visited++;
  visited_block = block;
  visited_size = size;
  return true;
}

static void* frees(void* p) {
  ri_free(p);
  return NULL;
}

static void in_heaps_and_threads(void) {
  ri_heap_t* const heap = ri_heap_new();
  CHECK(heap != NULL);
  ri_heap_guarded_set_sample_rate(heap, 1, 0);
  ri_option_set(ri_option_guarded_precise, 1);
  uint8_t* const p = ri_heap_malloc(heap, 1001);
  CHECK(p != NULL && ri_heap_contains(heap, p) && ri_heap_of(p) == heap);
  CHECK(ri_heap_visit_blocks(heap, true, visit, NULL));
  CHECK_MSG(visited == 1 && visited_block == p && visited_size == 1001, "%zu areas, %p of %zu",
            visited, visited_block, visited_size);
  ri_stats_t_decl(s);
  CHECK(ri_heap_stats_get(heap, &s));
  CHECK(s.blocks.current == 1 && s.malloc_huge.current == 1001 && s.pages.current == 1);
  CHECK(ri_audit());
  check_in_thread(frees, p);
  CHECK(ri_heap_stats_get(heap, &s) && s.blocks.current == 0);
  void* const left = ri_heap_malloc(heap, 99);
  ri_heap_delete(heap);  // its blocks move
  CHECK(ri_heap_of(left) == ri_heap_main() && ri_usable_size(left) == 99);
  ri_free(left);
  ri_heap_t* const gone = ri_heap_new();
  ri_heap_guarded_set_sample_rate(gone, 2, 0);
  for (size_t i = 0; i < 100; i++)
    CHECK(ri_heap_malloc(gone, 10 * i) != NULL);
  ri_heap_destroy(gone);
  CHECK(check_summary().blocks == 0);
  CHECK(ri_audit());
}

// ---- What is left -------------------------------------------------------------------------------

// All memory that ever was behind a guard page can be used again.
static void memory_comes_back(void) {
  enum { COUNT = 600 };
  static void* blocks[COUNT];
  sample(1, false);
  for (size_t i = 0; i < COUNT; i++)
    blocks[i] = ri_malloc(i * 20);
  for (size_t i = 0; i < COUNT; i++)
    ri_free(blocks[i]);
  sample(0, false);
  for (size_t i = 0; i < COUNT; i++) {
    blocks[i] = ri_malloc(65536);
    CHECK(blocks[i] != NULL);
    memset(blocks[i], 1, 65536);
  }
  for (size_t i = 0; i < COUNT; i++)
    ri_free(blocks[i]);
  ri_collect(true);
  CHECK(check_summary().blocks == 0 && ri_audit());
}

// There is a limit, so that the program has mappings left; beyond it blocks are ordinary ones. The
// first few are watched, and do not count.
static void not_too_many(void) {
  enum { WATCHED = 64, MOST = 8192 + WATCHED, COUNT = MOST + 200 };
  static void* blocks[COUNT];
  sample(1, false);
  const size_t before = guarded_count();
  for (size_t i = 0; i < COUNT; i++) {
    blocks[i] = ri_zalloc(40);
    CHECK(blocks[i] != NULL);
    CHECK_ZERO(blocks[i], 0, 40);
  }
  CHECK_MSG(guarded_count() == before + MOST, "%zu", guarded_count() - before);
  ri_free(blocks[0]);
  blocks[0] = ri_malloc(40);
  CHECK(guarded_count() == before + MOST + 1);
  for (size_t i = 0; i < COUNT; i++)
    ri_free(blocks[i]);
  CHECK(check_summary().blocks == 0 && ri_audit());
}

// Memory that the program gives is its own: no guard pages there.
static bool commits(bool commit, void* start, size_t size, bool* zero, void* arg) {
  (void)commit;
  (void)start;
  (void)size;
  (void)arg;
  if (zero != NULL) *zero = false;
  return true;
}

static void not_in_memory_of_the_program(void) {
  const size_t size = (size_t)8 << 20;
  static void* memory;  // where LeakSanitizer looks: the arena keeps it, but elsewhere
  memory = aligned_alloc((size_t)1 << 16, size);
  CHECK(memory != NULL);
  ri_arena_id_t arena;
  CHECK(ri_manage_memory(memory, size, true, true, false, -1, true, commits, NULL, &arena));
  ri_heap_t* const heap = ri_heap_new_in_arena(arena);
  CHECK(heap != NULL);
  ri_heap_guarded_set_sample_rate(heap, 1, 0);
  const size_t before = guarded_count();
  for (size_t i = 0; i < 100; i++)
    ri_free(ri_heap_malloc(heap, i * 10));
  CHECK(guarded_count() == before);
  ri_heap_destroy(heap);
}

int main(void) {
  check_watchdog(60);
  options_say_so();  // first: nothing may have been set for the theap
  the_end_faults(false);
  the_end_faults(true);
  nothing_else_faults();
  as_often_as_asked();
  only_within_bounds();
  for_one_theap();
  without_a_theap();
  resized(false);
  resized(true);
  aligned(false);
  aligned(true);
  zeroed();
  in_heaps_and_threads();
  memory_comes_back();
  not_too_many();
  not_in_memory_of_the_program();
  sample(1, true);
  check_heap_intact();
  sample(3, false);
  check_heap_intact();
  return 0;
}
