// SPDX-License-Identifier: MIT
// limit_calls.c: every kind of call at a hard limit that has no room: an error, nothing more that
// counts, and the block that was to grow as it was; again when there is room. Growing in place as
// far as there is room and no further; a limit below what is used; threads that share one. Catches:
// a way to memory that no limit sees, a block that is lost with the call that failed, memory that a
// failed call keeps.
#include "../check.h"

#include <pthread.h>

enum { TRIES = 3000, LARGE = 64 << 20, CONTENT = 4000 };

static size_t hard;

static void limit_to(size_t bytes) {
  hard = bytes >> 10 << 10;
  ri_limit_set(0, hard);
}

// No room for a slice more.
static void leave_no_room(void) {
  ri_collect(true);
  limit_to(ri_limit_used());
}

// ---- Calls for a new block ----------------------------------------------------------------------

typedef void* call_t(size_t size);

static void* call_malloc(size_t n) { return ri_malloc(n); }
static void* call_zalloc(size_t n) { return ri_zalloc(n); }
static void* call_calloc(size_t n) { return ri_calloc(n / 4, 4); }
static void* call_mallocn(size_t n) { return ri_mallocn(n / 4, 4); }
static void* call_nothing(size_t n) { return ri_realloc(NULL, n); }
static void* call_aligned(size_t n) { return ri_malloc_aligned(n, 4096); }
static void* call_far(size_t n) { return ri_malloc_aligned(n, (size_t)4 << 20); }
static void* call_zeroed(size_t n) { return ri_zalloc_aligned(n, 128); }
static void* call_at(size_t n) { return ri_malloc_aligned_at(n, 256, 24); }
static void* call_memalign(size_t n) { return ri_memalign(64, n); }
static void* call_aligned_alloc(size_t n) { return ri_aligned_alloc(512, n); }
static void* call_valloc(size_t n) { return ri_valloc(n); }
static void* call_pvalloc(size_t n) { return ri_pvalloc(n); }
static void* call_nothrow(size_t n) { return ri_new_nothrow(n); }

static void* call_posix(size_t n) {
  void* p = NULL;
  const int error = ri_posix_memalign(&p, 32, n);
  CHECK(error == 0 || (error == ENOMEM && p == NULL));
  errno = error;
  return p;
}

static void* call_batch(size_t n) {
  void* p = NULL;
  return ri_malloc_batch(n, 1, &p) == 1 ? p : NULL;
}

static void* call_heap(size_t n) {
  static ri_heap_t* heap;
  if (heap == NULL) heap = ri_heap_new();
  CHECK(heap != NULL);
  return ri_heap_malloc(heap, n);
}

static const struct {
  const char* name;
  call_t* call;
} calls[] = {
    {"malloc", call_malloc},
    {"zalloc", call_zalloc},
    {"calloc", call_calloc},
    {"mallocn", call_mallocn},
    {"realloc", call_nothing},
    {"malloc_aligned", call_aligned},
    {"far aligned", call_far},
    {"zalloc_aligned", call_zeroed},
    {"aligned_at", call_at},
    {"memalign", call_memalign},
    {"aligned_alloc", call_aligned_alloc},
    {"valloc", call_valloc},
    {"pvalloc", call_pvalloc},
    {"new_nothrow", call_nothrow},
    {"posix_memalign", call_posix},
    {"malloc_batch", call_batch},
    {"heap_malloc", call_heap},
};
enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

// Blocks until there are no more: those of pages that exist cost nothing.
static size_t use_up(size_t k, size_t size, void** blocks) {
  for (size_t i = 0; i < TRIES; i++) {
    errno = 0;
    blocks[i] = calls[k].call(size);
    CHECK_MSG(ri_limit_used() <= hard, "%s, %zu", calls[k].name, size);
    if (blocks[i] == NULL) {
      CHECK_MSG(errno == ENOMEM, "%s, %zu: errno %d", calls[k].name, size, errno);
      return i;
    }
  }
  check_failed(__FILE__, __LINE__, "a limit", "%s goes on", calls[k].name);
}

static void new_blocks(void) {
  static const size_t sizes[] = {40, 600, 5000, 40000, 300000, (size_t)3 << 20, (size_t)300 << 20};
  static void* blocks[TRIES];
  for (size_t k = 0; k < CALLS; k++) {
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
      leave_no_room();
      const size_t count = use_up(k, sizes[s], blocks);
      CHECK_MSG(count == 0 || sizes[s] < 65536, "%s, %zu", calls[k].name, sizes[s]);
      CHECK(ri_malloc(LARGE) == NULL);
      for (size_t i = 0; i < count; i++)
        ri_free(blocks[i]);
      limit_to(ri_limit_used() + sizes[s] + LARGE);
      void* const p = calls[k].call(sizes[s]);
      CHECK_MSG(p != NULL && ri_limit_used() <= hard, "%s, %zu", calls[k].name, sizes[s]);
      ri_free(p);
    }
  }
  ri_limit_set(0, 0);
  CHECK(ri_audit());
}

// ---- Calls that let one grow --------------------------------------------------------------------

typedef void* grow_t(void* p, size_t size);

static void* grow_realloc(void* p, size_t n) { return ri_realloc(p, n); }
static void* grow_reallocn(void* p, size_t n) { return ri_reallocn(p, n / 4, 4); }
static void* grow_rezalloc(void* p, size_t n) { return ri_rezalloc(p, n); }
static void* grow_recalloc(void* p, size_t n) { return ri_recalloc(p, n / 4, 4); }
static void* grow_array(void* p, size_t n) { return ri_reallocarray(p, n / 4, 4); }
static void* grow_aligned(void* p, size_t n) { return ri_realloc_aligned(p, n, 4096); }
static void* grow_zeroed(void* p, size_t n) { return ri_rezalloc_aligned(p, n, 64); }
static void* grow_at(void* p, size_t n) { return ri_realloc_aligned_at(p, n, 64, 0); }
static void* grow_here(void* p, size_t n) { return ri__expand(p, n); }

static void* grow_in_cell(void* p, size_t n) {
  void* cell = p;
  const int error = ri_reallocarr(&cell, n / 4, 4);
  CHECK(error == 0 || (error == ENOMEM && cell == p));
  errno = error;
  return error == 0 ? cell : NULL;
}

static grow_t* const grows[] = {grow_realloc, grow_reallocn, grow_rezalloc, grow_recalloc,
                                grow_array,   grow_aligned,  grow_zeroed,   grow_at,
                                grow_here,    grow_in_cell};
enum { GROWS = sizeof(grows) / sizeof(grows[0]) };

static void old_blocks(void) {
  static const size_t sizes[] = {CONTENT, 40000, 300000, (size_t)3 << 20, (size_t)270 << 20};
  for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
    void* const p = ri_zalloc_aligned(sizes[s], 4096);
    CHECK(p != NULL);
    check_fill(p, CONTENT, s);
    const size_t usable = ri_usable_size(p);
    for (size_t k = 0; k < GROWS; k++) {
      leave_no_room();
      errno = 0;
      CHECK_MSG(grows[k](p, sizes[s] + LARGE) == NULL, "way %zu, %zu", k, sizes[s]);
      CHECK_ERRNO(ENOMEM);
      CHECK(ri_limit_used() <= hard && ri_usable_size(p) == usable);
      CHECK_FILLED(p, CONTENT, s);
    }
    // It can get smaller; reallocf gives it back.
    void* const less = ri_realloc(p, CONTENT);
    CHECK(less != NULL);
    CHECK_FILLED(less, CONTENT, s);
    const size_t used = ri_limit_used();
    CHECK(ri_reallocf(less, (size_t)500 << 20) == NULL && ri_limit_used() <= used);
    ri_limit_set(0, 0);
  }
  CHECK(ri_audit());
}

// In place, in slices (mapped: in a mapping of its own): by what the limit allows and no more.
static void in_place(bool mapped) {
  const size_t from = (size_t)8 << 20, step = (size_t)2 << 20;
  const long before = ri_option_get(ri_option_arena_max_object_size);
  if (mapped) ri_option_set(ri_option_arena_max_object_size, 1024);
  void* p = ri_malloc(from);
  CHECK(p != NULL);
  check_fill(p, CONTENT, 7);
  ri_collect(true);
  limit_to(ri_limit_used() + step + 65536);
  // Less than a copy would need.
  void* const same = ri_expand(p, from + step);
  if (same != NULL) {
    CHECK(same == p && ri_limit_used() <= hard && ri_usable_size(p) >= from + step);
  } else {
    // What is behind it may be taken.
    CHECK(!mapped || check_sanitized() || CHECK_SIZE_BITS == 32);
  }
  CHECK(ri_expand(p, from + 2 * step) == NULL && ri_realloc(p, from + 2 * step) == NULL);
  CHECK(ri_limit_used() <= hard);
  CHECK_FILLED(p, CONTENT, 7);
  // What it gives back can be had by others.
  p = ri_realloc(p, from / 4);
  CHECK(p != NULL);
  CHECK_FILLED(p, CONTENT, 7);
  void* const other = ri_malloc(from / 2);
  CHECK(other != NULL && ri_limit_used() <= hard);
  ri_free(other);
  ri_free(p);
  ri_option_set(ri_option_arena_max_object_size, before);
  ri_limit_set(0, 0);
  CHECK(ri_audit());
}

// ---- A limit below what is used -----------------------------------------------------------------

static void lowered(void) {
  enum { COUNT = 300, SIZE = 100000 };
  static void* blocks[COUNT];
  void* const small = ri_malloc(100);
  ri_free(ri_malloc(100));
  for (size_t i = 0; i < COUNT; i++) {
    CHECK((blocks[i] = ri_malloc(SIZE)) != NULL);
    check_fill(blocks[i], CONTENT, i);
  }
  const size_t used = ri_limit_used();
  CHECK(used >= COUNT * SIZE);
  limit_to(10 << 20);
  CHECK(ri_limit_level() == 2 && ri_malloc(SIZE) == NULL && ri_limit_used() <= used);
  // Blocks of a page that exists.
  void* const more = ri_malloc(100);
  CHECK(more != NULL);
  ri_free(more);
  for (size_t i = 0; i < COUNT; i++)
    CHECK_FILLED(blocks[i], CONTENT, i);
  // Still too much; then little enough.
  for (size_t i = 50; i < COUNT; i++) {
    ri_free(blocks[i]);
    if (i == 150) CHECK(ri_malloc(SIZE) == NULL);
  }
  void* const again = ri_malloc(SIZE);
  CHECK(again != NULL && ri_limit_used() <= hard);
  ri_free(again);
  for (size_t i = 0; i < 50; i++)
    ri_free(blocks[i]);
  ri_free(small);
  ri_limit_set(0, 0);
  CHECK(ri_audit());
}

// ---- Threads ------------------------------------------------------------------------------------

enum { THREADS = 4, SLOTS = 4000, ROOM = 40 << 20 };

static pthread_barrier_t barrier;
static size_t given;  // bytes: written and read on two sides of the barrier

static size_t fill(void** slots, size_t size) {
  size_t n = 0;
  while (n < SLOTS && (slots[n] = ri_malloc(size)) != NULL) {
    CHECK(ri_limit_used() <= hard);
    n++;
  }
  CHECK(n < SLOTS);
  CHECK_ERRNO(ENOMEM);
  return n;
}

static void empty(void** slots, size_t n) {
  for (size_t i = 0; i < n; i++)
    ri_free(slots[i]);
}

// All at once, up to the limit; then each in turn gives back what it has, and the next takes it.
static void* in_turn(void* arg) {
  const size_t me = (size_t)(uintptr_t)arg;
  static const size_t sizes[] = {15000, 60000, 200000};
  void** const slots = calloc(SLOTS, sizeof(void*));
  CHECK(slots != NULL);
  for (size_t s = 0; s < 3; s++) {
    const size_t size = sizes[s];
    (void)pthread_barrier_wait(&barrier);
    size_t n = fill(slots, size);
    (void)pthread_barrier_wait(&barrier);
    for (size_t turn = 0; turn < THREADS; turn++) {
      if (turn == me) {
        empty(slots, n);
        ri_collect(true);  // its last page, too
        given = n * size;
        n = 0;
      }
      (void)pthread_barrier_wait(&barrier);
      if ((turn + 1) % THREADS == me) {
        void** const rest = slots + n;
        size_t got = 0;
        while (n + got < SLOTS && (rest[got] = ri_malloc(size)) != NULL)
          got++;
        // Not the last page of a class, which may be larger than what is left.
        CHECK_MSG(got * size + (1 << 20) >= given && ri_limit_used() <= hard,
                  "%zu blocks of %zu, after %zu bytes", got, size, given);
        n += got;
      }
      (void)pthread_barrier_wait(&barrier);
    }
    empty(slots, n);
  }
  free(slots);
  return NULL;
}

static void threads_share(void) {
  ri_collect(true);
  limit_to(ri_limit_used() + ROOM);
  CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
  pthread_t threads[THREADS];
  for (size_t t = 0; t < THREADS; t++)
    threads[t] = check_start(in_turn, (void*)(uintptr_t)t);
  for (size_t t = 0; t < THREADS; t++)
    check_join(threads[t]);
  ri_collect(true);
  void* const p = ri_malloc(ROOM / 4 * 3);
  CHECK(p != NULL);
  ri_free(p);
  ri_limit_set(0, 0);
  CHECK(ri_audit());
}

int main(void) {
  check_watchdog(100);
  ri_register_output(check_capture_output, NULL);
  void* const stays = ri_malloc(1);  // a limit of 0 would be none
  new_blocks();
  old_blocks();
  in_place(false);
  in_place(true);
  lowered();
  threads_share();
  ri_free(stays);
  check_heap_intact();
  return 0;
}
