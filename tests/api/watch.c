// SPDX-License-Identifier: MIT
// watch.c: watched blocks, as rimalloc/watch.h promises: what each mistake with one is reported as,
// with who allocated and freed the block; that the program goes on; that other faults go where they
// went before; and that all that one can do with a block can be done with these.
#include "../check.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

static ri_watch_report_t last;
static volatile int reports;

static void note(const ri_watch_report_t* report, void* arg) {
  CHECK(arg == &last);
  last = *report;
  reports++;
}

static void expect(ri_watch_kind_t kind, const void* address, const void* block, size_t size) {
  CHECK_MSG(reports == 1, "%d reports", reports);
  reports = 0;
  CHECK_MSG(last.kind == kind, "kind %d, not %d", (int)last.kind, (int)kind);
  CHECK(last.block == block && last.size == size);
  CHECK_MSG(last.address == address, "%p, not %p", last.address, address);
  CHECK(last.here.thread == (uintptr_t)pthread_self() && last.allocated.thread != 0);
  if (check_measurable()) CHECK(last.allocated.count > 0 && last.here.count > 0);
  const bool freed = kind == RI_WATCH_USE_AFTER_FREE || kind == RI_WATCH_DOUBLE_FREE;
  CHECK(freed == (last.freed.thread != 0));
}

static uint8_t* watched(size_t size) {
  uint8_t* const p = ri_malloc(size);
  ri_watch_report_t r;
  CHECK(p != NULL && ri_watch_find(p, &r) && r.block == p && r.size == (size == 0 ? 1 : size));
  CHECK(size == 0 || r.kind == RI_WATCH_NOTHING);
  CHECK(ri_usable_size(p) == r.size);
  check_fill(p, size, size);
  return p;
}

static bool at_end(const uint8_t* p, size_t size) {
  return ((uintptr_t)p + size + 15) / 16 * 16 % check_os_page() == 0;
}

static const size_t sizes[] = {1,    7,    8,    9,    16,    24,    100,    1000,   1024,
                               4095, 4096, 4097, 8000, 65536, 65537, 200000, 1 << 20};
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static void write_to(volatile uint8_t* at) { *at = (uint8_t)(*at + 1); }

// ---- Mistakes -----------------------------------------------------------------------------------

// The byte after the rounded end, and the byte before the start: at once at the end that the block
// lies at, at the free at the other.
static void around(size_t size, bool after) {
  uint8_t* const p = watched(size);
  const size_t rounded = (size + 15) / 16 * 16;
  uint8_t* const at = check_hide_pointer((uintptr_t)(after ? p + rounded : p - 1));
  const bool whole = rounded % check_os_page() == 0;
  const bool at_once = whole || at_end(p, size) == after;
  const ri_watch_kind_t kind = after ? RI_WATCH_OVERFLOW : RI_WATCH_UNDERFLOW;
  write_to(at);
  if (at_once) {
    expect(kind, at, p, size);
    CHECK(!last.late);
    write_to(at);  // it goes on
  }
  CHECK(reports == 0);
  ri_free(p);
  if (!at_once) {
    expect(kind, at, p, size);
    CHECK(last.late && last.write);
    CHECK(strstr(check_captured()->text, after ? "overflow" : "underflow") != NULL);
  }
  CHECK(reports == 0);
  check_capture_reset();
}

// Bytes up to the next multiple of 16 do not fault, and show when the block is freed.
static void in_the_rest(size_t size) {
  uint8_t* const p = watched(size);
  uint8_t* const at = check_hide_pointer((uintptr_t)p + size);
  if ((uintptr_t)at % 16 == 0 || (uintptr_t)at % check_os_page() == 0) {
    ri_free(p);
    return;
  }
  write_to(at);
  CHECK(reports == 0);
  ri_free(p);
  expect(RI_WATCH_OVERFLOW, at, p, size);
  check_reported(EFAULT, "buffer overflow", at);
}

static void after_free(size_t size) {
  uint8_t* const p = watched(size);
  ri_free(p);
  uint8_t* const at = check_hide_pointer((uintptr_t)p + size / 2);
  write_to(at);
  expect(RI_WATCH_USE_AFTER_FREE, at, p, size);
  CHECK(last.freed.thread == (uintptr_t)pthread_self() && !last.late);
  write_to(at);
  CHECK(reports == 0);
}

static void read_after_free(void) {
  uint8_t* const p = watched(100);
  ri_free(p);
  CHECK(*(volatile uint8_t*)check_hide_pointer((uintptr_t)p) == 0);
  expect(RI_WATCH_USE_AFTER_FREE, p, p, 100);
}

static void freed_wrongly(size_t size) {
  uint8_t* const p = watched(size);
  if (size > 1) {
    ri_free(check_hide_pointer((uintptr_t)p + 1));
    expect(RI_WATCH_INVALID_FREE, p + 1, p, size);
    check_reported(EINVAL, "invalid pointer", p + 1);
  }
  CHECK_FILLED(p, size, size);
  ri_free(p);
  ri_free(check_hide_pointer((uintptr_t)p));
  expect(RI_WATCH_DOUBLE_FREE, p, p, size);
  check_reported(EAGAIN, "double free", p);
  CHECK(ri_realloc(check_hide_pointer((uintptr_t)p), 10) == NULL);
  expect(RI_WATCH_DOUBLE_FREE, p, p, size);
  check_reported(EAGAIN, "double free", p);
}

static void* frees(void* p) {
  ri_free(p);
  return NULL;
}

static void freed_by_another(void) {
  uint8_t* const p = watched(100);
  check_in_thread(frees, p);
  write_to(check_hide_pointer((uintptr_t)p));
  expect(RI_WATCH_USE_AFTER_FREE, p, p, 100);
  CHECK(last.allocated.thread == (uintptr_t)pthread_self() &&
        last.freed.thread != last.allocated.thread);
}

// ---- Other faults -------------------------------------------------------------------------------

static sigjmp_buf back;
static volatile int others;

static void other_handler(int number, siginfo_t* info, void* context) {
  CHECK(number == SIGSEGV && context != NULL);
  CHECK(info->si_code <= 0 || info->si_addr == (void*)16);
  others++;
  if (info->si_code > 0) siglongjmp(back, 1);
}

static void other_faults_go_on(void) {
  if (sigsetjmp(back, 1) == 0) write_to(check_hide_pointer(16));
  CHECK(others == 1 && reports == 0);
  CHECK(raise(SIGSEGV) == 0 && others == 2);
}

// ---- What one can do with them ------------------------------------------------------------------

static void used(void) {
  for (size_t i = 0; i < SIZES; i++) {
    uint8_t* p = ri_calloc(1, sizes[i]);
    CHECK(p != NULL && check_nonzero(p, 0, sizes[i]) == SIZE_MAX && check_aligned(p, 8));
    check_fill(p, sizes[i], i);
    p = ri_realloc(p, 2 * sizes[i]);
    CHECK(p != NULL);
    CHECK_FILLED(p, sizes[i], i);
    p = ri_realloc(p, 1);
    CHECK_FILLED(p, 1, i);
    ri_free_sized(p, 1);
    for (size_t align = 1; align <= 65536; align *= 4) {
      uint8_t* const q = ri_malloc_aligned_at(sizes[i], align, 8);
      CHECK(q != NULL && check_aligned(q + 8, align) && ri_usable_size(q) >= sizes[i]);
      check_fill(q, sizes[i], align);
      ri_free(q);
      uint8_t* const s = ri_zalloc_aligned(sizes[i], align);
      CHECK(s != NULL && check_aligned(s, align));
      CHECK(check_nonzero(s, 0, sizes[i]) == SIZE_MAX);
      ri_free_aligned_sized(s, align, sizes[i]);
    }
  }
  CHECK(ri_audit() && reports == 0);
}

static void ends_with_its_heap(void) {
  ri_heap_t* const heap = ri_heap_new();
  uint8_t* const p = ri_heap_malloc(heap, 100);
  ri_watch_report_t r;
  CHECK(ri_watch_find(p, &r) && r.kind == RI_WATCH_NOTHING);
  ri_heap_destroy(heap);
  CHECK(ri_watch_find(p, &r) && r.kind == RI_WATCH_USE_AFTER_FREE);
  write_to(check_hide_pointer((uintptr_t)p));
  expect(RI_WATCH_USE_AFTER_FREE, p, p, 100);
  ri_heap_t* const other = ri_heap_new();
  uint8_t* const q = ri_heap_malloc(other, 100);
  ri_heap_delete(other);
  CHECK(ri_heap_of(q) == ri_heap_main());
  ri_free(q);
}

static size_t mappings(void) {
  FILE* const file = fopen("/proc/self/maps", "r");
  CHECK(file != NULL);
  size_t n = 0;
  for (int c; (c = getc(file)) != EOF;)
    n += c == '\n';
  fclose(file);
  return n;
}

// Where the kernel can mark memory, guards are no mappings.
static void many(void) {
  enum { COUNT = 100000 };
  void* const one = ri_malloc(100);
  const size_t before = mappings();
  void** const blocks =
      mmap(NULL, COUNT * sizeof(void*), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(blocks != MAP_FAILED);
  const size_t count = check_scaled(COUNT);
  for (size_t i = 0; i < count; i++)
    blocks[i] = ri_malloc(100);
  const size_t after = mappings();
  ri_watch_report_t r;
  CHECK(ri_watch_find(blocks[count - 1], &r) && ri_watch_find(blocks[0], &r));
  CHECK_MSG(after < before + 100, "%zu mappings, before %zu", after, before);
  for (size_t i = 0; i < count; i++)
    ri_free(blocks[i]);
  ri_free(one);
  CHECK(munmap(blocks, COUNT * sizeof(void*)) == 0 && ri_audit());
}

static bool can_mark(void) {
  void* const p =
      mmap(NULL, check_os_page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool can = madvise(p, check_os_page(), 102) == 0;  // MADV_GUARD_INSTALL
  munmap(p, check_os_page());
  return can;
}

int main(void) {
  if (check_sanitized()) check_skip("a sanitizer sees more");
  check_watchdog(60);
  struct sigaction other = {.sa_sigaction = other_handler, .sa_flags = SA_SIGINFO};
  CHECK(sigaction(SIGSEGV, &other, NULL) == 0);
  ri_option_set(ri_option_watch_rate, 1);
  ri_option_set(ri_option_watch_report, 1);
  ri_option_set(ri_option_max_errors, 0);
  ri_register_watch(note, &last);
  ri_free(ri_malloc(1));
  ri_collect(false);
  ri_option_set(ri_option_max_errors, 1000000);
  check_capture_start();
  for (size_t i = 0; i < SIZES; i++) {
    ri_option_set(ri_option_show_errors, 1);
    for (int round = 0; round < 6; round++)
      around(sizes[i], round % 2 == 0);
    in_the_rest(sizes[i]);
    freed_wrongly(sizes[i]);
    after_free(sizes[i]);
    check_capture_reset();
  }
  read_after_free();
  freed_by_another();
  other_faults_go_on();
  check_capture_reset();
  used();
  ends_with_its_heap();
  if (can_mark() && check_measurable()) many();
  check_nothing_reported();
  ri_register_watch(NULL, NULL);
  return 0;
}
