// SPDX-License-Identifier: MIT
// far_inside.c: every address of a block belongs to it, for those who ask: also far inside of a
// block of many GiB, after it grew, shrank and moved, and no longer when it is gone. Such blocks
// were known by their first 64 KiB only. To know them costs little.
#include "../check.h"

#define GIB ((size_t)1 << 30)

static bool known(const char* p) {
  const bool is = ri_is_in_heap_region(p);
  CHECK(ri_is_in_heap_region(p) == is && ri_any_heap_contains(p) == is);
  CHECK(ri_heap_contains(ri_heap_main(), p) == is);
  CHECK((ri_heap_of(p) != NULL) == is);
  return is;
}

static void all_known(const char* p, size_t size) {
  for (size_t at = 0; at < size; at += 37 * CHECK_MIB + 4321)
    CHECK_MSG(known(p + at), "%zu MiB of %zu", at / CHECK_MIB, size / CHECK_MIB);
  for (size_t at = GIB; at < size; at += GIB) {
    const size_t to_stride = (size_t)(0 - (uintptr_t)p) & (GIB - 1);
    for (size_t near = at - CHECK_MIB; near < at + CHECK_MIB; near += 32768)
      CHECK(near + to_stride >= size || known(p + to_stride + near));
  }
  CHECK(known(p + size - 1));
  CHECK(ri_usable_size(p) >= size);
}

// What is behind it may be others', so it is looked at when nothing else is there.
static void none_known(const char* p, size_t from, size_t size) {
  for (size_t at = from; at < size; at += 7 * CHECK_MIB)
    CHECK_MSG(!known(p + at), "%zu MiB of %zu", at / CHECK_MIB, size / CHECK_MIB);
}

static void* large(size_t size) {
  void* const p = ri_malloc(size);
  if (p == NULL) check_skip("the OS has no promise for blocks of some GiB");
  return p;
}

static void sizes(void) {
  static const size_t tenths[] = {5, 10, 11, 15, 20, 25, 31, 50, 77};
  for (size_t i = 0; i < sizeof(tenths) / sizeof(tenths[0]); i++) {
    const size_t size = GIB / 10 * tenths[i];
    char* const p = large(size);
    all_known(p, size);
    CHECK(!known(p - 1));
    ri_free(p);
    ri_collect(true);
    none_known(p, 0, size);
  }
}

static void resized(void) {
  char* p = large(3 * GIB);
  p[0] = 1;
  static const size_t gibs[] = {4, 6, 5, 2, 1, 7, 1, 3};
  for (size_t i = 0; i < sizeof(gibs) / sizeof(gibs[0]); i++) {
    const size_t old = i == 0 ? 3 * GIB : gibs[i - 1] * GIB;
    const size_t size = gibs[i] * GIB;
    char* const q = ri_realloc(p, size);
    if (q == NULL) check_skip("the OS has no promise for blocks of some GiB");
    CHECK(q[0] == 1);
    all_known(q, size);
    if (q != p) none_known(p, 0, old);
    if (ri_usable_size(q) < old) none_known(q, ri_usable_size(q), old);
    p = q;
  }
  ri_free(p);
  ri_collect(true);
  none_known(p, 0, 3 * GIB);
}

static void heaps(void) {
  ri_heap_t* const heap = ri_heap_new();
  CHECK(heap != NULL);
  char* const p = ri_heap_malloc(heap, 5 * GIB);
  if (p == NULL) check_skip("the OS has no promise for blocks of some GiB");
  CHECK(ri_heap_of(p + 4 * GIB + 12345) == heap && ri_heap_contains(heap, p + 5 * GIB - 1));
  CHECK(!ri_heap_contains(ri_heap_main(), p + 3 * GIB));
  ri_heap_delete(heap);
  CHECK(ri_heap_of(p + 4 * GIB + 12345) == ri_heap_main());
  ri_free(p);
}

// A pointer into it is no pointer of a block to free, and is one where it was asked for.
static void interior(void) {
  char* const p = large(4 * GIB);
  check_capture_start();
  for (uint64_t at = 8; at < (uint64_t)4 * GIB; at += GIB / 2 + 8)
    ri_free(p + at);
  CHECK_MSG(check_captured()->errors == 8, "%zu errors", check_captured()->errors);
  check_capture_stop();
  all_known(p, 4 * GIB);
  ri_free(p);
  char* const q = ri_malloc_aligned_at(4 * GIB, 65536, 4096);
  if (q == NULL) check_skip("the OS has no promise for blocks of some GiB");
  CHECK(known(q) && known(q + 3 * GIB + 99999));
  ri_free(q);
  ri_collect(true);
  none_known(q, 0, 4 * GIB);
}

static void cost(void) {
  const size_t resident = check_resident();
  for (int i = 0; i < 100; i++)
    ri_free(large(7 * GIB));
  CHECK_MSG(check_sanitized() || check_resident() <= resident + CHECK_MIB, "%zu KiB, before %zu",
            check_resident() / 1024, resident / 1024);
}

int main(void) {
  if (CHECK_SIZE_BITS == 32) check_skip("blocks of some GiB are a matter of 64 bits");
  if (check_sanitized()) check_skip("a sanitizer has no memory for blocks of some GiB");
  if (check_emulated()) check_skip("an emulator takes minutes for blocks of some GiB");
  check_watchdog(60);
  sizes();
  resized();
  heaps();
  interior();
  cost();
  CHECK(ri_audit());
  return 0;
}
