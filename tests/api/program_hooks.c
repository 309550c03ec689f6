// SPDX-License-Identifier: MIT
// program_hooks.c: the functions that a program may register: deferred frees, lack of memory, and
// the memory of the OS. Catches: a function called again from inside itself, with the wrong
// argument or never, an allocation that does not try again or never stops, memory that the OS
// function was not told of, a refusal that leaves something behind. (Messages and errors:
// tests/api/hooks.c.)
#include "../check.h"

#include <signal.h>
#include <sys/wait.h>

static int mark;  // the argument of every function here

// ---- Deferred frees -----------------------------------------------------------------------------

enum { LATER_MAX = 100000 };
static void* later[LATER_MAX];  // to be freed by the next call
static size_t later_count, calls, forced;
static unsigned long long last_heartbeat;
static bool inside;

static void frees_later(bool force, unsigned long long heartbeat, void* arg) {
  CHECK(arg == &mark && !inside);
  inside = true;
  CHECK_MSG(heartbeat == last_heartbeat + 1, "%llu after %llu", heartbeat, last_heartbeat);
  last_heartbeat = heartbeat;
  calls++;
  forced += force;
  while (later_count > 0)
    ri_free(later[--later_count]);
  // What it allocates goes over slow paths too, without calling this again.
  void* blocks[200];
  for (size_t i = 0; i < 200; i++)
    blocks[i] = ri_malloc(3000);
  for (size_t i = 0; i < 200; i++)
    ri_free(blocks[i]);
  inside = false;
}

static void deferred_frees(void) {
  ri_register_deferred_free(frees_later, &mark);
  const size_t before = check_summary().blocks;
  for (size_t i = 0; i < 50000; i++) {
    void* const p = ri_malloc(64);
    CHECK(p != NULL);
    CHECK(later_count < LATER_MAX);
    later[later_count++] = p;
  }
  CHECK_MSG(calls > 10 && forced == 0, "%zu calls, %zu forced", calls, forced);
  CHECK_MSG(check_summary().blocks < before + 10000, "%zu blocks, %zu calls",
            check_summary().blocks, calls);
  size_t seen = calls;
  ri_free(ri_malloc(1000000));
  CHECK(calls == seen + 1);
  seen = calls;
  errno = 77;
  ri_collect(false);
  CHECK(calls == seen + 1 && forced == 0);
  ri_collect(true);
  CHECK(calls == seen + 2 && forced == 1 && errno == 77);
  CHECK(check_summary().blocks == before);
  seen = calls;
  ri_option_set(ri_option_limit_address_space, 1);
  CHECK(ri_malloc((size_t)500 << 20) == NULL);
  ri_option_set(ri_option_limit_address_space, 0);
  CHECK_MSG(calls == seen + 2 && forced == 2, "%zu %zu", calls - seen, forced);  // before it fails
  ri_register_deferred_free(NULL, NULL);
  seen = calls;
  check_workload(1000, 5);
  ri_collect(true);
  CHECK(calls == seen);
}

static ri_heap_t* small_heap;
static void* small_later;

static void frees_small(bool force, unsigned long long heartbeat, void* arg) {
  (void)heartbeat, (void)arg;
  calls++;
  forced += force;
  if (!force) return;
  ri_free(small_later);
  small_later = NULL;
}

// A heap with a quota has no more pages: first what waits to be freed is, then it fails.
static void deferred_frees_of_small_blocks(void) {
  small_heap = ri_heap_new();
  CHECK(ri_heap_set_quota(small_heap, 64 * CHECK_KIB));
  void* first = ri_heap_malloc(small_heap, 8000);
  while ((small_later = ri_heap_malloc(small_heap, 8000)) != NULL)
    first = small_later;
  small_later = first;
  ri_register_deferred_free(frees_small, NULL);
  forced = 0;
  CHECK(ri_heap_malloc(small_heap, 8000) == first && forced == 1);
  CHECK(ri_heap_malloc(small_heap, 8000) == NULL && forced == 2);
  ri_register_deferred_free(NULL, NULL);
  ri_heap_destroy(small_heap);
}

static void* counts_heartbeats(void* arg) {
  (void)arg;
  last_heartbeat = 0;  // each thread has its own
  for (size_t i = 0; i < 100; i++)
    ri_free(ri_malloc(200000));
  CHECK(last_heartbeat == 100);
  return NULL;
}

// Not in a thread whose exit hooks have run.
static void late(void* arg) {
  (void)arg;
  CHECK(ri_heap_theap(NULL) == NULL);
  const size_t seen = calls;
  ri_free(ri_malloc(100));
  ri_free(ri_malloc(200000));
  ri_collect(true);
  CHECK_MSG(calls == seen, "%zu calls", calls - seen);
}

static void* calls_function(void* arg) {
  last_heartbeat = 0;
  const size_t seen = calls;
  ri_free(ri_malloc(200000));
  CHECK(calls > seen);
  return arg;
}

// ---- Want of memory -----------------------------------------------------------------------------

static void* reserve;  // freed when there is no memory
static unsigned attempts;
static size_t asked_for;
static ri_oom_t answer;

static ri_oom_t gives_up_reserve(size_t size, unsigned attempt, void* arg) {
  CHECK(arg == &mark && attempt == attempts);
  attempts++;
  asked_for = size;
  // What is allocated here does not come back here.
  CHECK(ri_malloc(check_hide(CHECK_LARGEST - 65536)) == NULL);
  ri_free(ri_malloc(10));
  if (reserve != NULL) {
    ri_free(reserve);
    reserve = NULL;
    return RI_OOM_RETRY;
  }
  return answer;
}

// Until all that is reserved is used up.
static void small_blocks_run_out(void) {
  ri_option_set(ri_option_limit_address_space, (long)(check_summary().reserved / 1024));
  answer = RI_OOM_FAIL;
  void* list = NULL;
  void* block;
  while ((block = ri_malloc(8000)) != NULL) {
    memcpy(block, &list, sizeof(list));
    list = block;
  }
  CHECK(attempts == 1 && asked_for >= 8000 && asked_for < 16384);
  attempts = 0;
  answer = RI_OOM_RETRY;
  CHECK(ri_malloc(8000) == NULL && attempts == RI_OOM_RETRIES);
  ri_register_out_of_memory(NULL, NULL);
  attempts = 0;
  CHECK(ri_malloc(8000) == NULL && attempts == 0);
  while (list != NULL) {
    block = list;
    memcpy(&list, block, sizeof(list));
    ri_free(block);
  }
}

static void out_of_memory(void) {
  const size_t large = (size_t)500 << 20;
  check_capture_start();
  ri_register_out_of_memory(gives_up_reserve, &mark);
  ri_free(ri_malloc(100));
  CHECK(attempts == 0);
  reserve = ri_malloc(large);
  CHECK(reserve != NULL);
  ri_option_set(ri_option_limit_address_space,
                (long)(check_summary().reserved / 1024 + 100 * 1024));
  // Room comes from the reserve.
  errno = 0;
  void* p = ri_malloc(large);
  CHECK(p != NULL && attempts == 1 && asked_for == large && errno == 0);
  CHECK(check_captured()->errors == 1);  // that of the allocation inside
  // Nothing is left: it fails after one call.
  attempts = 0;
  answer = RI_OOM_FAIL;
  check_capture_reset();
  errno = 0;
  CHECK(ri_malloc(large) == NULL && attempts == 1);
  CHECK_ERRNO(ENOMEM);
  CHECK_MSG(check_captured()->errors == 2, "%zu", check_captured()->errors);
  // A function that always says "again" is not asked for ever.
  attempts = 0;
  answer = RI_OOM_RETRY;
  CHECK(ri_calloc(large, 1) == NULL && attempts == RI_OOM_RETRIES);
  attempts = 0;
  CHECK(ri_realloc(p, 3 * large) == NULL && attempts == RI_OOM_RETRIES);
  attempts = 0;
  CHECK(ri_malloc_aligned(large, 1 << 20) == NULL && attempts == RI_OOM_RETRIES);
  // Sizes that no memory can serve are not its business.
  attempts = 0;
  CHECK(ri_malloc(check_hide(SIZE_MAX)) == NULL);
  CHECK(ri_malloc(check_hide((size_t)PTRDIFF_MAX + 1)) == NULL);
  CHECK(ri_calloc(check_hide(SIZE_MAX / 2), 3) == NULL && attempts == 0);
  small_blocks_run_out();
  ri_free(p);
  ri_option_set(ri_option_limit_address_space, 0);
  check_capture_stop();
  check_heap_intact();
}

static void aborts(void) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    answer = RI_OOM_ABORT;
    attempts = 0;
    check_capture_start();
    ri_register_out_of_memory(gives_up_reserve, &mark);
    ri_option_set(ri_option_limit_address_space, 1);
    ri_free(ri_malloc(check_hide((size_t)PTRDIFF_MAX - 65536)));
    _exit(1);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %x", (unsigned)status);
}

// ---- Memory of the OS ---------------------------------------------------------------------------

static int64_t mapped;  // bytes reserved and mapped, less those unmapped
static size_t events[RI_OS_UNMAP + 1];
static size_t refuse_above = SIZE_MAX;
static bool refuse_commit;

static bool watches(ri_os_event_t event, void* p, size_t size, void* arg) {
  CHECK(arg == &mark && event >= RI_OS_RESERVE && event <= RI_OS_UNMAP);
  CHECK(check_aligned(p, check_os_page()) && size > 0 && size % check_os_page() == 0);
  const bool maps = event == RI_OS_RESERVE || event == RI_OS_MAP;
  if (maps && size > refuse_above) return false;
  if (event == RI_OS_COMMIT && refuse_commit) return false;
  events[event]++;
  if (maps) mapped += (int64_t)size;
  if (event == RI_OS_UNMAP) mapped -= (int64_t)size;
  if (event == RI_OS_MAP) *(volatile char*)p = 0;  // it is there
  errno = 99;
  return true;
}

static void os_memory(void) {
  const size_t large = (size_t)400 << 20;
  errno = 5;
  ri_collect(true);
  const size_t reserved = check_summary().reserved;
  CHECK(ri_register_os_memory(watches, &mark));
  void* p = ri_malloc(large);
  CHECK(p != NULL && errno == 5);
  CHECK_MSG(mapped >= (int64_t)large && mapped < (int64_t)large + CHECK_MIB, "%lld",
            (long long)mapped);
  void* const q = ri_realloc(p, large + large / 4);
  CHECK(q != NULL);
  CHECK_MSG(mapped >= (int64_t)(large + large / 4), "%lld", (long long)mapped);
  p = ri_realloc(q, large / 4);
  CHECK(p != NULL && mapped < (int64_t)large / 2);
  ri_free(p);
  ri_collect(true);
  CHECK(events[RI_OS_UNMAP] > 0 && errno == 5);
  CHECK_MSG(mapped == (int64_t)check_summary().reserved - (int64_t)reserved, "%lld, reserved %zu",
            (long long)mapped, check_summary().reserved - reserved);
  // Memory that goes back.
  p = ri_malloc((size_t)10 << 20);
  memset(p, 1, (size_t)10 << 20);
  ri_free(p);
  ri_collect(true);
  CHECK(events[RI_OS_PURGE] > 0 && events[RI_OS_RESET] == 0);
  ri_option_set(ri_option_purge_decommits, 0);
  ri_free(ri_malloc((size_t)10 << 20));
  ri_collect(true);
  CHECK(events[RI_OS_RESET] > 0);
  ri_option_set(ri_option_purge_decommits, 1);
  // A refusal is as one of the OS: nothing is left of it, and everything works again.
  refuse_above = large / 2;
  const int64_t before = mapped;
  check_capture_start();
  CHECK(ri_malloc(large) == NULL && mapped == before);
  CHECK_ERRNO(ENOMEM);
  CHECK(check_captured()->errors == 1);
  check_capture_stop();
  ri_free(ri_malloc(large / 4));
  refuse_above = SIZE_MAX;
  p = ri_malloc(large);
  CHECK(p != NULL);
  refuse_above = large / 8;
  const size_t space = check_address_space();
  CHECK(ri_expand(p, large + large / 4) == NULL);  // growing in place is refused too, and undone
  CHECK(check_address_space() == space);
  CHECK(ri_usable_size(p) < large + large / 4);
  refuse_above = SIZE_MAX;
  ri_free(p);
  check_heap_intact();
  CHECK(ri_register_os_memory(NULL, NULL));
  ri_collect(true);
  const size_t seen = events[RI_OS_MAP];
  ri_free(ri_malloc(large));
  ri_collect(true);
  CHECK(events[RI_OS_MAP] == seen);
}

// Arenas that are committed piece by piece, in a process that has not allocated.
static void refused_commits(void) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    ri_option_set(ri_option_arena_eager_commit, 0);
    CHECK(ri_register_os_memory(watches, &mark));
    CHECK(ri_malloc(100) != NULL && events[RI_OS_RESERVE] > 0 && events[RI_OS_COMMIT] > 0);
    refuse_commit = true;
    CHECK(ri_malloc(5000) == NULL);
    ri_stats_t_decl(s);
    CHECK(ri_stats_get(&s) && s.arena_rollback_count.total > 0);
    refuse_commit = false;
    CHECK(ri_malloc(5000) != NULL);
    check_heap_intact();
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
}

int main(void) {
  refused_commits();
  CHECK(!ri_is_redirected());  // the core library replaces no malloc
  deferred_frees();
  deferred_frees_of_small_blocks();
  ri_register_deferred_free(frees_later, &mark);
  check_in_thread(counts_heartbeats, NULL);
  check_late(calls_function, late, NULL);
  ri_register_deferred_free(NULL, NULL);
  out_of_memory();
  aborts();
  os_memory();
  return 0;
}
