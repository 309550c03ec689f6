// SPDX-License-Identifier: MIT
// limits.c: hard and soft limits of the process and of heaps: what is refused and what is not, how
// often the program is told, that nothing is lost, and that everything can be had again when there
// is room. Catches: a limit that is passed by large blocks, growing ones, or holes that are filled
// again; memory that a refused claim keeps; a function that is called for ever, or never again.
#include "../check.h"

#include <setjmp.h>
#include <sys/wait.h>

enum { BLOCKS = 200000, LIMIT = 40 };

static void* blocks[BLOCKS];
static size_t hard;  // bytes above what was used at the start

static size_t oom_calls, pressure_calls, last_used, last_limit;
static int last_level;
static ri_heap_t* last_heap;

static ri_oom_t no_memory(size_t size, unsigned attempt, void* arg) {
  (void)size, (void)attempt, (void)arg;
  oom_calls++;
  return RI_OOM_FAIL;
}

static void pressure(int level, size_t used, size_t limit, ri_heap_t* heap, void* arg) {
  pressure_calls++;
  last_level = level;
  last_used = used;
  last_limit = limit;
  last_heap = heap;
  if (arg != NULL) ((void (*)(void))arg)();
}

static void check_used(void) {
  CHECK_MSG(hard == 0 || ri_limit_used() <= hard, "%zu used, limit %zu", ri_limit_used(), hard);
}

static void limit_to(size_t soft, size_t more) {
  ri_collect(true);
  const size_t used = ri_limit_used();
  hard = more == 0 ? 0 : (used + more) >> 10 << 10;
  ri_limit_set(soft == 0 ? 0 : used + soft, hard);
  size_t s = 1, h = 1;
  ri_limit_get(&s, &h);
  CHECK(h == hard && s == (soft == 0 ? 0 : (used + soft) >> 10 << 10));
}

// Blocks of a size until there are no more; each is written to.
static size_t fill(size_t size, size_t most) {
  for (size_t i = 0; i < most; i++) {
    errno = 0;
    blocks[i] = ri_malloc(size);
    if (blocks[i] == NULL) {
      CHECK_ERRNO(ENOMEM);
      return i;
    }
    check_fill(blocks[i], size < 64 ? size : 64, i);
    check_used();
  }
  return most;
}

static void empty(size_t size, size_t from, size_t count, size_t step) {
  for (size_t i = from; i < count; i += step) {
    CHECK_FILLED(blocks[i], size < 64 ? size : 64, i);
    ri_free(blocks[i]);
  }
}

static void hard_limit(void) {
  static const size_t sizes[] = {500, 5000, 60000, 200000, (size_t)3 << 20};
  ri_register_out_of_memory(no_memory, NULL);
  for (size_t k = 0; k < 5; k++) {
    limit_to(0, LIMIT * CHECK_MIB);
    const size_t before = oom_calls;
    const size_t count = fill(sizes[k], BLOCKS);
    CHECK_MSG(count < BLOCKS && oom_calls == before + 1, "%zu blocks, %zu calls", count,
              oom_calls - before);
    CHECK_MSG(count * sizes[k] > LIMIT * CHECK_MIB * 3 / 4, "%zu of %zu", count, sizes[k]);
    check_used();
    CHECK(ri_audit());
    // Larger ones neither, of any kind; what exists can be resized in place.
    CHECK(ri_malloc((size_t)LIMIT << 20) == NULL && ri_malloc((size_t)300 << 20) == NULL);
    CHECK(ri_realloc(blocks[0], (size_t)LIMIT << 20) == NULL);
    check_used();
    // Some go, and others come in their place.
    empty(sizes[k], 0, count, 2);
    void* const again = ri_malloc(sizes[k]);
    CHECK(again != NULL);
    check_used();
    empty(sizes[k], 1, count, 2);
    ri_free(again);
    void* const large = ri_malloc(LIMIT * CHECK_MIB * 3 / 4);
    CHECK_MSG(large != NULL, "after blocks of %zu", sizes[k]);
    ri_free(large);
    check_used();
    CHECK(ri_audit());
  }
  ri_limit_set(0, 0);
  void* const p = ri_malloc((size_t)300 << 20);
  CHECK(p != NULL);
  ri_free(p);
  ri_register_out_of_memory(NULL, NULL);
}

// Nineteen of twenty go, the rest stays everywhere; then others need the memory, and back: holes
// are made and filled.
static void holes(void) {
  limit_to(0, LIMIT * CHECK_MIB);
  enum { SMALL = 1000 };
  const size_t count = fill(SMALL, BLOCKS);
  for (size_t i = 0; i < count; i++) {
    if (i % 20 != 0) ri_free(blocks[i]);
  }
  enum { LARGE = 24000, MOST = 2000 };
  static void* large[MOST];
  size_t n = 0;
  while (n < MOST && (large[n] = ri_malloc(LARGE)) != NULL) {
    memset(large[n++], 1, LARGE);
    check_used();
  }
  CHECK_MSG(n * LARGE > LIMIT * CHECK_MIB / 2, "%zu of %zu bytes", n, (size_t)LARGE);
  CHECK(ri_audit());
  // The small ones again: into holes, as far as the limit has room.
  static void* more[BLOCKS];
  size_t m = 0;
  while (m < BLOCKS && (more[m] = ri_malloc(SMALL)) != NULL) {
    memset(more[m++], 1, SMALL);
    check_used();
  }
  CHECK(m < BLOCKS && ri_audit());
  for (size_t i = 0; i < n; i++)
    ri_free(large[i]);
  const size_t before = m;
  while (m < BLOCKS && (more[m] = ri_malloc(SMALL)) != NULL)
    memset(more[m++], 1, SMALL);
  CHECK_MSG((m - before) * SMALL > LIMIT * CHECK_MIB / 2, "%zu", m - before);
  check_used();
  for (size_t i = 0; i < m; i++)
    ri_free(more[i]);
  for (size_t i = 0; i < count; i += 20)
    CHECK_FILLED(blocks[i], 64, i);
  for (size_t i = 0; i < count; i += 20)
    ri_free(blocks[i]);
  CHECK(ri_audit());
  ri_limit_set(0, 0);
}

// A soft limit refuses nothing; the program is told when nothing else helps, and not all the time.
static void soft_limit(void) {
  enum { SIZE = 3000 };
  limit_to(20 * CHECK_MIB, 0);
  ri_register_pressure(pressure, NULL);
  pressure_calls = 0;
  CHECK(ri_limit_level() == 0 || ri_limit_used() > 16 * CHECK_MIB);
  size_t soft;
  ri_limit_get(&soft, NULL);
  const size_t count = 2 * soft / SIZE;
  size_t first_used = 0;
  for (size_t i = 0; i < count; i++) {
    CHECK((blocks[i] = ri_malloc(SIZE)) != NULL);
    if (pressure_calls == 1 && first_used == 0) first_used = last_used;
  }
  CHECK_MSG(first_used >= soft - soft / 20 && first_used < soft + soft / 20, "%zu of %zu",
            first_used, soft);
  CHECK(last_level == 2 && last_limit == soft && last_heap == NULL && ri_limit_level() == 2);
  // To twice the limit in steps of a twentieth: about 20.
  CHECK_MSG(pressure_calls >= 5 && pressure_calls <= 24, "%zu calls", pressure_calls);
  // Freed memory goes back at once.
  for (size_t i = 0; i < count; i++)
    ri_free(blocks[i]);
  pressure_calls = 0;
  for (size_t i = 0; i < 2000; i++)
    CHECK((blocks[i] = ri_malloc(SIZE)) != NULL);
  CHECK_MSG(pressure_calls == 0 && ri_limit_used() < soft / 2, "%zu, %zu", pressure_calls,
            ri_limit_used());
  CHECK(ri_limit_level() == 0);
  for (size_t i = 0; i < 2000; i++)
    ri_free(blocks[i]);
  // The level is reached again: so is the program.
  for (size_t i = 0; i < count; i++)
    CHECK((blocks[i] = ri_malloc(SIZE)) != NULL);
  CHECK(pressure_calls >= 1);
  for (size_t i = 0; i < count; i++)
    ri_free(blocks[i]);
  ri_register_pressure(NULL, NULL);
  ri_limit_set(0, 0);
}

// What the function may do: free, allocate, collect, set limits, jump away.
static void* cache[64];
static void drop_cache(void) {
  for (size_t i = 0; i < 64; i++) {
    ri_free(cache[i]);
    cache[i] = NULL;
  }
  ri_free(ri_malloc(100000));
  ri_collect(true);
}
// Nothing that it does calls it again, although its blocks take another half of the limit.
static void* more_blocks[200];
static void take_more(void) {
  static bool inside;
  CHECK(!inside);
  inside = true;
  for (size_t i = 0; i < 200; i++) {
    if (more_blocks[i] == NULL) more_blocks[i] = ri_malloc(50000);
  }
  inside = false;
}
static void lift(void) { ri_limit_set(0, 0); }
static jmp_buf away;
static void jump(void) { longjmp(away, 1); }

static void call_function(void (*act)(void), size_t mib) {
  pressure_calls = 0;
  union {
    void (*f)(void);
    void* p;
  } as = {act};
  ri_register_pressure(pressure, as.p);
  static volatile size_t n;
  for (n = 0; n < mib; n++) {
    if (setjmp(away) != 0) continue;
    CHECK_MSG((blocks[n] = ri_malloc(CHECK_MIB)) != NULL, "%zu", n);
  }
  CHECK_MSG(pressure_calls >= 1, "not called");
  for (size_t i = 0; i < mib; i++) {
    ri_free(blocks[i]);
    blocks[i] = NULL;
  }
  ri_register_pressure(NULL, NULL);
  ri_limit_set(0, 0);
}

static void with_function(void (*act)(void), size_t mib) {
  limit_to(0, 20 * CHECK_MIB);
  call_function(act, mib);
}

static void with_soft_function(void (*act)(void), size_t mib) {
  limit_to(20 * CHECK_MIB, 0);
  call_function(act, mib);
}

static void functions(void) {
  for (size_t i = 0; i < 64; i++)
    CHECK((cache[i] = ri_malloc(200000)) != NULL);
  limit_to(0, 0);
  with_function(lift, 60);
  memset(blocks, 0, 100 * sizeof(blocks[0]));
  with_function(jump, 20);
  with_function(drop_cache, 20);
  with_soft_function(take_more, 20);
  for (size_t i = 0; i < 200; i++)
    ri_free(more_blocks[i]);
  CHECK(cache[0] == NULL && ri_audit());
}

static void of_heaps(void) {
  CHECK(!ri_heap_limit_set(NULL, 1, 1) && errno == EINVAL);
  ri_heap_t* const heap = ri_heap_new_with_limit(4 * CHECK_MIB, 8 * CHECK_MIB);
  CHECK(heap != NULL && ri_heap_quota(heap) == 8 * CHECK_MIB);
  size_t soft = 0, most = 0;
  ri_heap_limit_get(heap, &soft, &most);
  CHECK(soft == 4 * CHECK_MIB && most == 8 * CHECK_MIB);
  ri_heap_limit_get(NULL, &soft, NULL);
  CHECK(soft == 0);
  ri_register_pressure(pressure, NULL);
  pressure_calls = 0;
  size_t n = 0, told_at = 0;
  while ((blocks[n] = ri_heap_malloc(heap, 2000)) != NULL) {
    n++;
    if (pressure_calls == 1 && told_at == 0) told_at = ri_heap_held(heap);
  }
  CHECK(ri_heap_held(heap) <= 8 * CHECK_MIB && ri_heap_held(heap) > 7 * CHECK_MIB);
  CHECK_MSG(told_at >= 4 * CHECK_MIB / 20 * 19 && told_at <= 5 * CHECK_MIB, "%zu", told_at);
  CHECK(last_heap == heap && last_limit == 4 * CHECK_MIB && last_used <= 8 * CHECK_MIB);
  CHECK_MSG(pressure_calls <= 24, "%zu", pressure_calls);
  for (size_t i = 0; i < n; i++)
    ri_free(blocks[i]);
  pressure_calls = 0;
  for (size_t i = 0; i < 500; i++)
    CHECK((blocks[i] = ri_heap_malloc(heap, 2000)) != NULL);
  CHECK(pressure_calls == 0);
  ri_heap_destroy(heap);
  ri_register_pressure(NULL, NULL);
  // A later heap in the same place has none.
  ri_heap_t* const next = ri_heap_new();
  ri_heap_limit_get(next, &soft, &most);
  CHECK(soft == 0 && most == 0);
  ri_heap_delete(next);
}

// A child has the limit and the count of its parent.
static void forked(void) {
  limit_to(0, LIMIT * CHECK_MIB);
  const size_t count = fill(30000, 500);
  const size_t used = ri_limit_used();
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    size_t most;
    ri_limit_get(NULL, &most);
    CHECK(most == hard && ri_limit_used() == used);
    const size_t more = fill(200000, BLOCKS);  // what the parent has stays
    CHECK(more < BLOCKS && more * 200000 > (LIMIT - 25) * CHECK_MIB);
    CHECK(ri_audit());
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  empty(30000, 0, count, 1);
  ri_limit_set(0, 0);
}

static void statistics(void) {
  limit_to(10 * CHECK_MIB, 20 * CHECK_MIB);
  ri_stats_t_decl(s);
  CHECK(ri_stats_get(&s));
  const int64_t hits = s.limit_hits.total, reliefs = s.limit_reliefs.total;
  size_t soft;
  ri_limit_get(&soft, NULL);
  CHECK((size_t)s.limit_hard.current == hard && (size_t)s.limit_soft.current <= soft);
  const size_t count = fill(10000, BLOCKS);
  CHECK(ri_stats_get(&s));
  CHECK(s.limit_hits.total > hits && s.limit_reliefs.total > reliefs);
  CHECK(s.limit_level.current == 2 && (size_t)s.limit_used.current == ri_limit_used());
  empty(10000, 0, count, 1);
  ri_limit_set(0, 0);
  size_t least;
  ri_limit_set(1, 1);  // not nothing
  ri_limit_get(&least, NULL);
  CHECK(least == 1024 && ri_malloc(100000000) == NULL);
  ri_limit_set(0, 0);
}

int main(void) {
  check_watchdog(100);
  ri_register_output(check_capture_output, NULL);
  CHECK(ri_audit());
  hard_limit();
  holes();
  soft_limit();
  functions();
  of_heaps();
  forked();
  statistics();
  check_heap_intact();
  return 0;
}
