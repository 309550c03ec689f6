// SPDX-License-Identifier: MIT
// huge_pages_os_fail.c: arenas in huge pages of the system (rimalloc/arena.h) where there are some:
// the test's mmap hands out as many as it says, in ordinary memory. All, fewer than asked for,
// none; evenly over nodes; until a time is over; at the start, as options say. Catches: an arena
// larger than its pages, memory of huge pages that is given back piece by piece, pages that are
// lost when fewer come than asked for, memory of an earlier sub-process that reads as zero.
#include "../check.h"
#include "../os_fail.h"

#include <sys/wait.h>

#define GIB ((size_t)1 << 30)
enum { HUGE_SIZE_BITS = 63 << 26 };

static size_t huge_left;        // pages that mmap still hands out
static uint64_t huge_takes_ms;  // each
static size_t refuse_from = SIZE_MAX;
static const uint8_t* purged;  // where madvise was asked for something last

// The first calls come before main: what they find is in the environment.
static void from_environment(void) {
  static bool known;
  if (known) return;
  known = true;
  const char* const pages = getenv("TEST_HUGE_PAGES");
  if (pages != NULL) huge_left = strtoul(pages, NULL, 10);
  const char* const size = getenv("TEST_REFUSE_FROM");
  if (size != NULL) refuse_from = strtoul(size, NULL, 10);
}

static int map_answer(os_call_t* call) {
  from_environment();
  if ((call->flags & MAP_HUGETLB) == 0) return call->size < refuse_from ? OS_PASS : ENOMEM;
  const uint64_t start = huge_takes_ms == 0 ? 0 : check_coarse_ms();
  while (huge_takes_ms != 0 && check_coarse_ms() < start + huge_takes_ms) {}  // to clear the page
  if (huge_left == 0) return ENOMEM;
  huge_left--;
  call->flags &= ~(MAP_HUGETLB | MAP_POPULATE | HUGE_SIZE_BITS);
  call->flags |= MAP_NORESERVE;
  return OS_PASS;
}

static int os_answer(os_call_t* call) {
  enum { POPULATE_WRITE = 23 };  // a GiB that nobody looks at need not be there
  if (call->kind == OS_MAP) return map_answer(call);
  if (call->kind != OS_ADVISE) return OS_PASS;
  if (call->advice == POPULATE_WRITE) return OS_DONE;
  purged = call->at;
  return OS_PASS;
}

// The arena has so many pages, and memory of it is never given back.
static void use(ri_arena_id_t id, size_t pages) {
  size_t size = 0;
  CHECK(ri_arena_area(id, &size) != NULL);
  CHECK_MSG(size > pages * GIB - CHECK_MIB && size <= pages * GIB, "%zu", size);
  ri_heap_t* const heap = ri_heap_new_in_arena(id);
  uint8_t* const p = ri_heap_zalloc(heap, GIB / 2);
  uint8_t* const q = ri_heap_malloc(heap, 100);
  CHECK(ri_arena_contains(id, p) && ri_arena_contains(id, q));
  CHECK(p[0] == 0 && p[GIB / 2 - 1] == 0);
  CHECK(ri_heap_malloc(heap, pages * GIB) == NULL);
  p[12345] = 1;
  ri_free(p);
  ri_free(q);
  ri_heap_collect(heap, true);
  CHECK(!ri_arena_contains(id, purged));
  uint8_t* const again = ri_heap_zalloc(heap, GIB / 2);
  CHECK(again == p && again[12345] == 0);
  ri_heap_destroy(heap);
}

static void at_a_node(void) {
  ri_arena_id_t id = NULL;
  huge_left = 2;
  CHECK(ri_reserve_huge_os_pages_at_ex(2, 0, 0, true, &id) == 0 && huge_left == 0);
  use(id, 2);
  huge_left = 1;
  CHECK(ri_reserve_huge_os_pages_at_ex(3, -1, 100000, true, &id) == 0);  // fewer than asked for
  use(id, 1);
  const size_t reserved = check_summary().reserved;
  CHECK(ri_reserve_huge_os_pages_at(3, 0, 0) == ENOMEM && check_summary().reserved == reserved);
  huge_left = 10;
  huge_takes_ms = 30;
  CHECK(ri_reserve_huge_os_pages_at_ex(5, 0, 1, true, &id) == 0);
  CHECK_MSG(huge_left >= 8, "%zu left of 10", huge_left);
  use(id, 10 - huge_left);
  huge_takes_ms = 0;
}

static void over_nodes(void) {
  huge_left = 3;
  CHECK(ri_reserve_huge_os_pages_interleave(3, 0, 0) == 0 && huge_left == 0);
  huge_left = 3;
  CHECK(ri_reserve_huge_os_pages_interleave(3, 1, 1000) == 0 && huge_left == 0);
  CHECK(ri_reserve_huge_os_pages_interleave(1, 70000, 1000) == ENOMEM);
  size_t got = 9;
  huge_left = 2;
  CHECK(ri_reserve_huge_os_pages(2, 1.0, &got) == 0 && got == 2);
  huge_left = 1;
  CHECK(ri_reserve_huge_os_pages(2, 1e9, NULL) == 0 && huge_left == 0);
}

static ri_subproc_id_t subproc;

// Huge pages of 2 MiB; their memory serves the next sub-process with what the last one left in it.
static void* in_large_pages(void* first) {
  ri_subproc_add_current_thread(subproc);
  ri_arena_id_t id = NULL;
  huge_left = 1;
  CHECK(ri_reserve_os_memory_ex((size_t)4 * CHECK_MIB, true, true, true, &id) == 0);
  CHECK(huge_left == (first != NULL ? 0 : 1));  // the others use the arena of the first
  ri_heap_t* const heap = ri_heap_new_in_arena(id);
  uint8_t* const p = ri_heap_zalloc(heap, (size_t)3 * CHECK_MIB);
  CHECK_ZERO(p, 0, (size_t)3 * CHECK_MIB);
  memset(p, 0xA5, (size_t)3 * CHECK_MIB);
  return NULL;
}

static void large_pages(void) {
  for (int i = 0; i < 3; i++) {
    subproc = ri_subproc_new();
    check_in_thread(in_large_pages, i == 0 ? &subproc : NULL);
    ri_subproc_destroy(subproc);
  }
}

// This program again, with what the environment says in its first allocation.
static void started_with(const char* expected, const char* const* variables) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    for (; *variables != NULL; variables += 2)
      CHECK(setenv(variables[0], variables[1], 1) == 0);
    dup2(ends[1], STDERR_FILENO);
    check_become("child");
  }
  close(ends[1]);
  char text[4096];
  size_t length = 0;
  ssize_t n;
  while ((n = read(ends[0], text + length, sizeof(text) - 1 - length)) > 0)
    length += (size_t)n;
  text[length] = '\0';
  close(ends[0]);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x: %s", (unsigned)status, text);
  CHECK_MSG(strstr(text, expected) != NULL, "no '%s' in: %s", expected, text);
}

static void at_the_start(void) {
  static const char* const node[] = {"RIMALLOC_RESERVE_HUGE_OS_PAGES",
                                     "2",
                                     "RIMALLOC_RESERVE_HUGE_OS_PAGES_AT",
                                     "0",
                                     "TEST_HUGE_PAGES",
                                     "2",
                                     NULL};
  static const char* const all[] = {"RIMALLOC_RESERVE_HUGE_OS_PAGES", "1", "TEST_HUGE_PAGES", "1",
                                    NULL};
  static const char* const none[] = {"RIMALLOC_RESERVE_HUGE_OS_PAGES", "1", NULL};
  static const char* const memory[] = {"RIMALLOC_RESERVE_OS_MEMORY", "64M", "TEST_REFUSE_FROM",
                                       "50000000", NULL};
  started_with("2048 MiB", node);
  started_with("1024 MiB", all);
  started_with("no huge pages of 1 GiB", none);
  started_with("no memory to reserve", memory);
}

int main(int argc, char** argv) {
  check_watchdog(60);
  (void)argv;
  if (CHECK_SIZE_BITS == 32) check_skip("no address space for pages of 1 GiB");
  if (argc > 1) {
    ri_arenas_print();
    ri_free(ri_malloc(100));
    CHECK(ri_audit());
    return 0;
  }
  at_a_node();
  over_nodes();
  large_pages();
  at_the_start();
  check_workload(1000, 1);
  CHECK(ri_audit());
  return 0;
}
