// SPDX-License-Identifier: MIT
// classic.c: strings, the classic aligned forms, questions about blocks, and the calls that start
// and end the use of the allocator. Catches: a string without its end, a pvalloc that does not
// round up, a region test that is true for the stack, a thread that cannot go on after its done.
#include "../check.h"

#include <limits.h>

static void strings(void) {
  static char text[70000];
  for (size_t length = 0; length < sizeof(text); length = length * 2 + 1) {
    memset(text, 'x', length);
    text[length] = '\0';
    errno = 77;
    char* const copy = ri_strdup(text);
    CHECK(copy != NULL && copy != text && strcmp(copy, text) == 0);
    CHECK_ERRNO(77);
    ri_free(copy);
    char* const part = ri_strndup(text, length / 2);
    CHECK(part != NULL && strlen(part) == length / 2);
    ri_free(part);
    char* const whole = ri_strndup(text, SIZE_MAX);
    CHECK(whole != NULL && strcmp(whole, text) == 0);
    ri_free(whole);
  }
  // No more than n bytes are read: the array has no end of string.
  const char open[4] = {'a', 'b', 'c', 'd'};
  char* const four = ri_strndup(open, 4);
  CHECK(four != NULL && strcmp(four, "abcd") == 0);
  ri_free(four);
  char* const none = ri_strndup(open, 0);
  CHECK(none != NULL && none[0] == '\0');
  ri_free(none);
  CHECK(ri_strdup(NULL) == NULL);
  CHECK(ri_strndup(NULL, 5) == NULL);
  CHECK_ERRNO(77);
}

static void realpaths(void) {
  char buffer[PATH_MAX];
  char* const root = ri_realpath("/proc/../proc/./", NULL);
  CHECK(root != NULL && strcmp(root, "/proc") == 0);
  CHECK(ri_usable_size(root) >= sizeof("/proc"));
  ri_free(root);
  CHECK(ri_realpath("/", buffer) == buffer && strcmp(buffer, "/") == 0);
  errno = 0;
  CHECK(ri_realpath("/nowhere/at/all", NULL) == NULL);
  CHECK_ERRNO(ENOENT);
  errno = 0;
  CHECK(ri_realpath("", buffer) == NULL);
  CHECK_ERRNO(ENOENT);
}

static void classic_forms(void) {
  const size_t page = check_os_page();
  for (size_t size = 0; size < 300000; size = size * 2 + 5) {
    for (size_t alignment = 1; alignment <= (size_t)1 << 20; alignment *= 4) {
      void* const p = ri_aligned_alloc(alignment, size);
      void* const q = ri_memalign(alignment, size);
      void* r = NULL;
      CHECK(ri_posix_memalign(&r, alignment < 8 ? 8 : alignment, size) == 0);
      CHECK(p != NULL && check_aligned(p, alignment) && ri_usable_size(p) >= size);
      CHECK(q != NULL && check_aligned(q, alignment) && ri_usable_size(q) >= size);
      CHECK(r != NULL && check_aligned(r, alignment) && ri_usable_size(r) >= size);
      ri_free(p);
      ri_free(q);
      ri_free(r);
    }
    void* const v = ri_valloc(size);
    CHECK(v != NULL && check_aligned(v, page) && ri_usable_size(v) >= size);
    void* const w = ri_pvalloc(size);
    const size_t whole = size == 0 ? page : (size + page - 1) / page * page;
    CHECK(w != NULL && check_aligned(w, page));
    CHECK_MSG(ri_usable_size(w) >= whole, "%zu: %zu", size, ri_usable_size(w));
    memset(w, 1, whole);
    ri_free(v);
    ri_free(w);
  }
}

static int in_data;

static void regions(void) {
  int on_stack = 0;
  CHECK(!ri_is_in_heap_region(NULL));
  CHECK(!ri_is_in_heap_region(&on_stack));
  CHECK(!ri_is_in_heap_region(&in_data));
  CHECK(!ri_is_in_heap_region(check_hide_pointer(1)));
  CHECK(!ri_is_in_heap_region(check_hide_pointer(UINTPTR_MAX)));
  CHECK(!ri_is_in_heap_region(check_hide_pointer(CHECK_HUGE(63))));
  CHECK(ri_usable_size(NULL) == 0);
  for (size_t size = 0; size < (size_t)400 * CHECK_MIB; size = size * 3 + 1) {
    uint8_t* const p = ri_malloc(size);
    CHECK(ri_is_in_heap_region(p));
    CHECK(ri_is_in_heap_region(p + ri_usable_size(p) - 1));
    CHECK(ri_is_in_heap_region(p) && ri_is_in_heap_region(p + ri_usable_size(p) - 1));
    ri_free(p);
  }
  CHECK(!ri_is_in_heap_region(NULL) && !ri_is_in_heap_region(&on_stack) &&
        !ri_is_in_heap_region(&in_data));
  // A mapping of its own is managed no more when it went back.
  void* const p = ri_malloc((size_t)400 * CHECK_MIB);
  CHECK(ri_is_in_heap_region(p));
  ri_free(p);
  ri_collect(true);
  CHECK(!ri_is_in_heap_region(check_hide_pointer((uintptr_t)p)) && ri_usable_size(p) == 0);
}

static void* thread_restarts(void* arg) {
  (void)arg;
  for (int i = 0; i < 3; i++) {
    ri_thread_init();
    void* const p = ri_malloc(100);
    void* const q = ri_malloc(100000);
    CHECK(p != NULL && q != NULL);
    check_fill(p, 100, 1);
    ri_thread_done();
    CHECK_FILLED(p, 100, 1);
    ri_free(p);  // after its end the thread may go on
    ri_free(q);
    check_workload(200, 5);
    ri_thread_done();
    ri_thread_done();
  }
  return NULL;
}

int main(void) {
  CHECK(ri_version() == RI_VERSION);
  ri_process_init();
  ri_process_init();
  const ri_summary_t before = check_summary();
  strings();
  realpaths();
  classic_forms();
  regions();
  check_in_thread(thread_restarts, NULL);
  ri_thread_init();
  const ri_summary_t after = check_summary();
  CHECK_MSG(after.blocks == before.blocks, "%zu, before %zu", after.blocks, before.blocks);
  check_heap_intact();
  return 0;
}
