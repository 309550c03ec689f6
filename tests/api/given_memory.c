// SPDX-License-Identifier: MIT
// given_memory.c: memory of every kind that a program may give (rimalloc/arena.h): private, shared,
// of a file, of the data section; and what is refused, because the allocator has it already.
// Catches: two live blocks in the same memory, zeroed blocks that are not zero, memory that is
// given back, moved or protected although it is not the process's alone, memory of one arena in
// another.
#include "../check.h"

#include <sys/mman.h>
#include <sys/wait.h>

enum { SLICE = 64 * CHECK_KIB, SIZE = 12 * CHECK_MIB, BLOCKS = 50 };

typedef struct kind_s {
  const char* name;
  bool is_private;  // unused parts may go back to the OS
  uint8_t* start;   // SIZE bytes
  uint8_t* view;    // the same memory at another address; NULL: there is none
} kind_t;

static uint8_t* map(int flags, int fd, size_t size) {
  void* const p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
  CHECK(p != MAP_FAILED);
  return p;
}

// A file whose bytes are all 7.
static int file(void) {
  const int fd = memfd_create("given", MFD_CLOEXEC);
  CHECK(fd >= 0 && ftruncate(fd, SIZE) == 0);
  uint8_t* const p = map(MAP_SHARED, fd, SIZE);
  memset(p, 7, SIZE);
  CHECK(munmap(p, SIZE) == 0);
  return fd;
}

// ---- Use ----------------------------------------------------------------------------------------

// Blocks of a size that are used, freed, given back if that can be, and had again as zeroes.
static void zeroed_again(ri_heap_t* heap, size_t size) {
  static void* blocks[BLOCKS];
  const size_t count = size > CHECK_MIB ? 3 : BLOCKS;
  for (int round = 0; round < 2; round++) {
    for (size_t i = 0; i < count; i++) {
      blocks[i] = ri_heap_malloc(heap, size);
      CHECK(blocks[i] != NULL);
      memset(blocks[i], 0xA5, size);
    }
    for (size_t i = 0; i < count; i++)
      ri_free(blocks[i]);
    ri_heap_collect(heap, round == 0);
    for (size_t i = 0; i < count; i++) {
      blocks[i] = i % 2 == 0 ? ri_heap_calloc(heap, size, 1) : ri_heap_zalloc(heap, size);
      CHECK(blocks[i] != NULL);
      CHECK_ZERO(blocks[i], 0, size);
      check_fill_sparse(blocks[i], size, i);
    }
    for (size_t i = 0; i < count; i++) {
      CHECK_FILLED_SPARSE(blocks[i], size, i);
      ri_free(blocks[i]);
    }
  }
}

// A block that grows beyond its arena goes elsewhere, and leaves nothing of itself.
static void resized(ri_heap_t* heap, ri_arena_id_t id) {
  const size_t size = (size_t)3 * CHECK_MIB;
  uint8_t* const p = ri_heap_malloc(heap, size);
  CHECK(ri_arena_contains(id, p));
  check_fill(p, size, 1);
  void* const next = ri_heap_malloc(heap, size);  // so that it cannot grow where it is
  CHECK(ri_arena_contains(id, next));
  uint8_t* const q = ri_realloc(p, SIZE);
  CHECK(q != NULL && !ri_arena_contains(id, q));
  CHECK_FILLED(q, size, 1);
  uint8_t* const r = ri_heap_zalloc(heap, size);
  CHECK(r != NULL && ri_arena_contains(id, r));
  CHECK_ZERO(r, 0, size);
  check_fill(r, size, 2);
  CHECK_FILLED(q, size, 1);
  uint8_t* const s = ri_heap_rezalloc(heap, r, size + SLICE);
  CHECK(s != NULL && s[size] == 0);
  CHECK_FILLED(s, size, 2);
  ri_free(q);
  ri_free(s);
  ri_free(next);
}

// What the program gave has no guard pages in it.
static void guarded(ri_heap_t* heap, const kind_t* k) {
  static void* blocks[BLOCKS];
  ri_stats_t_decl(before);
  ri_stats_t_decl(after);
  CHECK(ri_stats_get(&before));
  ri_heap_guarded_set_sample_rate(heap, 1, 0);
  for (size_t i = 0; i < BLOCKS; i++)
    CHECK((blocks[i] = ri_heap_zalloc(heap, 100 + i)) != NULL);
  CHECK(ri_stats_get(&after));
  const bool some = after.malloc_guarded_count.total != before.malloc_guarded_count.total;
  CHECK_MSG(!some, "guard pages in memory of the kind %s", k->name);
  for (size_t i = 0; i < BLOCKS; i++)
    ri_free(blocks[i]);
  ri_heap_guarded_set_sample_rate(heap, 0, 0);
}

// What lies there is the program's as well, and stays while nobody allocates.
static void stays(ri_heap_t* heap, const kind_t* k) {
  const size_t size = (size_t)2 * CHECK_MIB;
  uint8_t* const p = ri_heap_malloc(heap, size);
  CHECK(p != NULL);
  check_fill(p, size, 3);
  ri_free(p);
  ri_collect(true);
  CHECK_FILLED(k->view + (p - k->start), size, 3);
}

// The memory that is resident goes back if it may.
static void goes_back(ri_heap_t* heap) {
  const size_t size = (size_t)6 * CHECK_MIB;
  uint8_t* const p = ri_heap_malloc(heap, size);
  CHECK(p != NULL);
  memset(p, 1, size);
  const size_t before = check_resident();
  ri_free(p);
  ri_collect(true);
  CHECK_MSG(check_resident() + size / 2 < before, "%zu, before %zu", check_resident(), before);
}

static void* uses(void* arg) {
  const kind_t* const k = arg;
  const ri_subproc_id_t subproc = ri_subproc_new();
  ri_subproc_add_current_thread(subproc);
  for (int way = 0; way < 2; way++) {
    ri_option_set(ri_option_purge_decommits, way == 0);
    ri_option_set(ri_option_purge_delay, way == 0 ? 0 : 500);
    ri_arena_id_t id = NULL;
    if (way == 0) {
      errno = 0;
      if (!ri_manage_os_memory_ex(k->start, SIZE, true, false, false, -1, true, &id)) {
        // In programs that do not lie where the page map reaches (rimalloc/arena.h).
        CHECK_ERRNO(ENOMEM);
        uint8_t* const reach = check_hide_pointer((uintptr_t)((uint64_t)1 << 32));
        CHECK_MSG(k->start < reach, "%s", k->name);
        return subproc._ri_subproc_id;
      }
    }
    static ri_arena_id_t arena;
    if (id != NULL) arena = id;
    ri_heap_t* const heap = ri_heap_new_in_arena(arena);
    CHECK(heap != NULL);
    zeroed_again(heap, 3000);
    zeroed_again(heap, 50000);
    zeroed_again(heap, (size_t)2 * CHECK_MIB);
    resized(heap, arena);
    guarded(heap, k);
    if (k->view != NULL) stays(heap, k);
    if (k->is_private && way == 0 && check_measurable()) goes_back(heap);
    CHECK(ri_audit());
    ri_heap_destroy(heap);
  }
  return subproc._ri_subproc_id;
}

// What the program asked of its memory stays there: a block that leaves does not take it along.
static void advice_stays(void) {
  uint8_t* const p = map(MAP_PRIVATE | MAP_ANONYMOUS, -1, SIZE);
  CHECK(madvise(p, SIZE, MADV_DONTFORK) == 0);
  ri_arena_id_t id;
  CHECK(ri_manage_os_memory_ex(p, SIZE, true, false, true, -1, true, &id));
  ri_heap_t* const heap = ri_heap_new_in_arena(id);
  const size_t size = (size_t)6 * CHECK_MIB;
  uint8_t* const q = ri_heap_malloc(heap, size);
  CHECK(q != NULL && ri_arena_contains(id, q));
  check_fill_sparse(q, size, 4);
  uint8_t* const r = ri_realloc(q, SIZE);
  CHECK(r != NULL && !ri_arena_contains(id, r));
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) _exit(check_differs_sparse(r, size, 4) == SIZE_MAX ? 0 : 1);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
  ri_free(r);
  ri_heap_destroy(heap);
}

static uint8_t data[SIZE] __attribute__((aligned(SLICE))) = {[0 ... SIZE - 1] = 7};
static uint8_t bss[SIZE] __attribute__((aligned(SLICE)));

static void kinds(void) {
  const int shared = file(), copied = file();
  kind_t all[] = {
      {"private", true, map(MAP_PRIVATE | MAP_ANONYMOUS, -1, SIZE), NULL},
      {"shared", false, map(MAP_SHARED | MAP_ANONYMOUS, -1, SIZE), NULL},
      {"shared file", false, map(MAP_SHARED, shared, SIZE), map(MAP_SHARED, shared, SIZE)},
      {"private file", false, map(MAP_PRIVATE, copied, SIZE), NULL},
      {"partly shared", false, map(MAP_PRIVATE | MAP_ANONYMOUS, -1, SIZE), NULL},
      {"data section", false, data, NULL},
      {"bss", true, bss, NULL},
  };
  // Of otherwise private memory one slice in the middle.
  CHECK(mmap(all[4].start + SIZE / 2, SLICE, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
    const ri_subproc_id_t subproc = {check_in_thread(uses, &all[i])};
    ri_subproc_destroy(subproc);
    // The program has it back, all of it accessible.
    memset(all[i].start, 9, SIZE);
    if (all[i].view != NULL) CHECK(all[i].view[0] == 9 && all[i].view[SIZE - 1] == 9);
  }
  CHECK(close(shared) == 0 && close(copied) == 0);
}

// ---- What is refused ----------------------------------------------------------------------------

static bool give(void* p, size_t size) {
  ri_arena_id_t id = &id;
  const bool done = ri_manage_os_memory_ex(p, size, true, false, true, -1, true, &id);
  CHECK(done == (id != NULL));
  return done;
}

static void refused(void* p, size_t size) {
  errno = 0;
  CHECK(!give(p, size));
  CHECK_ERRNO(EINVAL);
}

static void twice(void) {
  uint8_t* p = map(MAP_PRIVATE | MAP_ANONYMOUS, -1, SIZE + SLICE);
  p += (0 - (uintptr_t)p) & (SLICE - 1);
  uint8_t* const mine = p + SIZE / 4;
  const size_t size = SIZE / 2;
  CHECK(give(mine, size));
  const ri_summary_t before = check_summary();
  refused(mine, size);
  refused(mine + SLICE, size / 2);              // inside
  refused(p, SIZE);                             // around
  refused(p, SIZE / 4 + SLICE);                 // over its start
  refused(mine + size - SLICE, SIZE / 4);       // over its end
  refused(mine + SLICE + 1, size - 3 * SLICE);  // no boundary of slices
  CHECK(check_summary().arenas == before.arenas && check_summary().reserved == before.reserved);
  CHECK(give(p, SIZE / 4));  // beside it
  CHECK(give(mine + size, SIZE / 4));
  ri_arena_id_t id;
  CHECK(ri_reserve_os_memory_ex((size_t)8 * CHECK_MIB, true, false, true, &id) == 0);
  size_t area;
  uint8_t* const reserved = ri_arena_area(id, &area);
  refused(reserved, area);
  refused(reserved + CHECK_MIB, (size_t)2 * CHECK_MIB);
}

// The program has these blocks, but not their memory.
static void blocks(void) {
  ri_option_set(ri_option_mapping_cache, 4096);
  ri_option_set(ri_option_purge_delay, -1);
  static const size_t sizes[] = {5 * CHECK_MIB, 300 * CHECK_MIB};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    uint8_t* const p = ri_malloc(sizes[i]);
    CHECK(p != NULL);
    check_fill_sparse(p, sizes[i], i);
    refused(p, sizes[i]);
    refused(p + 1, sizes[i] - 1);
    refused(p + sizes[i] / 2, sizes[i] / 4);
    CHECK_FILLED_SPARSE(p, sizes[i], i);
    ri_free(p);
    refused(p, sizes[i]);  // it may be kept
  }
  ri_option_set(ri_option_purge_delay, 500);
}

// Of threads that give the same memory at once one does.
static pthread_barrier_t barrier;
static void* gives(void* p) {
  pthread_barrier_wait(&barrier);
  return give(p, (size_t)2 * CHECK_MIB) ? p : NULL;
}
static void at_once(void) {
  enum { THREADS = 4 };
  CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
  for (int i = 0; i < 30; i++) {
    uint8_t* const p = map(MAP_PRIVATE | MAP_ANONYMOUS, -1, (size_t)2 * CHECK_MIB);
    pthread_t threads[THREADS];
    size_t done = 0;
    for (int t = 0; t < THREADS; t++)
      threads[t] = check_start(gives, p);
    for (int t = 0; t < THREADS; t++)
      done += check_join(threads[t]) != NULL;
    CHECK_MSG(done == 1, "%zu of %d", done, THREADS);
  }
  CHECK(ri_audit());
}

// A function of the program may refuse, and may give memory too: nothing is locked meanwhile.
static bool gives_more(bool commit, void* start, size_t size, bool* is_zero, void* more) {
  (void)start, (void)size;
  *is_zero = true;
  static int asked;
  if (commit && asked++ == 0) CHECK(give(more, (size_t)2 * CHECK_MIB));
  return true;
}
static void from_within(void) {
  const size_t size = (size_t)2 * CHECK_MIB;
  uint8_t* const p = map(MAP_PRIVATE | MAP_ANONYMOUS, -1, size);
  uint8_t* const more = map(MAP_PRIVATE | MAP_ANONYMOUS, -1, size);
  ri_arena_id_t id;
  CHECK(ri_manage_memory(p, size, false, false, true, -1, true, gives_more, more, &id));
  refused(p, size);
  refused(more, size);
}

int main(void) {
  check_watchdog(100);
  kinds();
  if (!check_sanitized()) advice_stays();
  twice();
  blocks();
  at_once();
  from_within();
  check_workload(5000, 1);
  CHECK(ri_audit());
  return 0;
}
