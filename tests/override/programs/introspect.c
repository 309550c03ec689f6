// SPDX-License-Identifier: MIT
// introspect.c FILE: what the allocator says of itself through libc's names. Writes malloc_info's
// output to FILE, for a parser to read.
#include <malloc.h>

#include "ours.h"

#pragma weak ri_is_redirected

static void mallinfo2_counts(void) {
  static const size_t sizes[] = {1000, 50000, 300000, 5 * CHECK_MIB, 300 * CHECK_MIB};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    const size_t size = sizes[i];
    const struct mallinfo2 before = mallinfo2();
    void* const p = malloc(size);
    CHECK(p != NULL && ours(p));
    const struct mallinfo2 with = mallinfo2();
    CHECK_MSG(with.uordblks + with.hblkhd >= before.uordblks + before.hblkhd + size,
              "size %zu: uordblks %zu -> %zu", size, before.uordblks, with.uordblks);
    CHECK_MSG(with.arena + with.hblkhd >= with.uordblks + with.hblkhd, "arena %zu", with.arena);
    CHECK(with.arena == with.uordblks + with.fordblks && with.keepcost <= with.fordblks);
    if (size >= 300 * CHECK_MIB) {  // it has a mapping of its own
      CHECK(with.hblks == before.hblks + 1 && with.hblkhd >= before.hblkhd + size);
    } else {
      CHECK(with.hblks == before.hblks && with.hblkhd == before.hblkhd);
    }
    free(p);
    const struct mallinfo2 after = mallinfo2();
    CHECK_MSG(after.uordblks + after.hblkhd == before.uordblks + before.hblkhd,
              "size %zu: uordblks %zu -> %zu -> %zu", size, before.uordblks, with.uordblks,
              after.uordblks);
  }
}

static void many_small_blocks_count(void) {
  enum { COUNT = 10000, SIZE = 48 };
  static void* blocks[COUNT];
  const size_t before = mallinfo2().uordblks;
  for (int i = 0; i < COUNT; i++)
    blocks[i] = ours_malloc(SIZE);
  const size_t with = mallinfo2().uordblks;
  CHECK_MSG(with >= before + COUNT * SIZE && with < before + 2 * COUNT * SIZE, "%zu -> %zu", before,
            with);
  for (int i = 0; i < COUNT; i += 2)
    ours_free(blocks[i], SIZE);
  CHECK(mallinfo2().ordblks >= COUNT / 2);
  const size_t half = mallinfo2().uordblks;
  CHECK_MSG(half >= before + COUNT / 2 * SIZE && half < with, "%zu -> %zu -> %zu", before, with,
            half);
  for (int i = 1; i < COUNT; i += 2)
    ours_free(blocks[i], SIZE);
  const size_t after = mallinfo2().uordblks;
  CHECK_MSG(after == before, "%zu before, %zu after", before, after);
}

// mallinfo under a name that is not deprecated.
struct mallinfo mallinfo_narrow(void) __asm__("mallinfo");

// The old form has ints; what does not fit is the largest int and not a negative number.
static void mallinfo_saturates(void) {
  void* const p = malloc(10 * CHECK_MIB);
  const struct mallinfo2 wide = mallinfo2();
  struct mallinfo narrow = mallinfo_narrow();
  CHECK(narrow.uordblks >= 0 && (size_t)narrow.uordblks == wide.uordblks);
  free(p);
  void* const large = malloc((size_t)3000 * CHECK_MIB);
  if (large == NULL) return;  // no such address space here: nothing to see
  narrow = mallinfo_narrow();
  CHECK_MSG(narrow.hblkhd == INT32_MAX && narrow.hblks == 1, "hblkhd %d hblks %d", narrow.hblkhd,
            narrow.hblks);
  free(large);
}

// `moved`: a block that grew, which has a mapping of its own then.
static void trim_gives_back(bool moved) {
  const size_t size = 64 * CHECK_MIB;
  char* p = malloc(moved ? CHECK_MIB : size);
  void* const wall = malloc(CHECK_MIB);
  if (moved) p = realloc(p, size);
  CHECK(p != NULL && wall != NULL);
  memset(p, 1, size);
  (void)malloc_trim(0);  // all but p
  const size_t used = check_resident();
  free(p);
  CHECK(malloc_trim(0) == 1);
  const size_t left = check_resident();
  CHECK_MSG(left + size / 2 < used, "resident: %zu in use, %zu after free and trim", used, left);
  free(wall);
}

static void small_blocks_trimmed(void) {
  enum { COUNT = 300000 };
  static void* blocks[COUNT];
  for (int i = 0; i < COUNT; i++)
    blocks[i] = ours_malloc(100);
  const size_t used = check_resident();
  for (int i = 0; i < COUNT; i++)
    ours_free(blocks[i], 100);
  CHECK(malloc_trim(0) == 1);
  const size_t left = check_resident();
  CHECK_MSG(left + 20 * (size_t)CHECK_MIB < used, "resident: %zu in use, %zu after trim", used,
            left);
  CHECK(malloc_trim(0) == 0);  // nothing left to give
}

// One block in twenty is live: what lies between goes back, of this thread and of one that ended.
enum { SPARSE = 200000, SPARSE_SIZE = 1000 };
static void* sparse[SPARSE];
static void* makes_sparse(void* arg) {
  (void)arg;
  for (int i = 0; i < SPARSE; i++)
    sparse[i] = ours_malloc(SPARSE_SIZE);
  return NULL;
}

static void sparse_pages_trimmed(bool other) {
  if (other) {
    check_in_thread(makes_sparse, NULL);
  } else {
    makes_sparse(NULL);
  }
  const size_t used = check_resident();
  for (int i = 0; i < SPARSE; i++)
    if (i % 20 != 0) ours_free(sparse[i], SPARSE_SIZE);
  CHECK(malloc_trim(0) == 1);
  const size_t left = check_resident();
  if (check_os_page() == 4096) {
    CHECK_MSG(left + 130 * (size_t)CHECK_MIB < used, "%zu in use, %zu after trim", used, left);
  }
  CHECK(malloc_trim(0) == 0);
  for (int i = 0; i < SPARSE; i += 20)
    ours_free(sparse[i], SPARSE_SIZE);
}

static void info_is_written(const char* path) {
  FILE* const file = fopen(path, "w");
  CHECK(file != NULL);
  CHECK(malloc_info(1, file) == EINVAL);
  CHECK(malloc_info(-1, file) == EINVAL);
  CHECK(ftell(file) == 0);
  CHECK(malloc_info(0, file) == 0);
  CHECK(fclose(file) == 0);
}

static void mallopt_is_truthful(void) {
  CHECK(mallopt(M_ARENA_MAX, 1) == 1);
  CHECK(mallopt(M_ARENA_TEST, 1) == 1);
  CHECK(mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1);
  CHECK(mallopt(M_MMAP_MAX, 0) == 1);
  CHECK(mallopt(M_TOP_PAD, 4096) == 1);
  CHECK(mallopt(M_TRIM_THRESHOLD, 1 << 20) == 1);
  CHECK(mallopt(M_MXFAST, 0) == 1);
  CHECK(mallopt(M_MXFAST, 1000) == 0);
  CHECK(mallopt(M_PERTURB, 0) == 1);
  free(malloc(200));  // there is a page of that size
  CHECK(mallopt(M_PERTURB, 0xAA) == 1);
  unsigned char* const perturbed = malloc(200);
  CHECK(perturbed[0] == 0x55 && perturbed[199] == 0x55);
  free(perturbed);
  CHECK(((volatile unsigned char*)perturbed)[100] == 0xAA);
  CHECK(mallopt(M_PERTURB, 0) == 1);
  CHECK(mallopt(12345, 1) == 0);
  CHECK(mallopt(M_CHECK_ACTION, 1) == 1);
  // Memory goes back at once when the threshold is 0.
  CHECK(mallopt(M_TRIM_THRESHOLD, 0) == 1);
  const size_t size = 64 * CHECK_MIB;
  char* const p = malloc(size);
  CHECK(p != NULL);
  memset(p, 1, size);
  const size_t used = check_resident();
  free(p);
  const size_t left = check_resident();
  CHECK_MSG(left + size / 2 < used, "resident: %zu in use, %zu after free", used, left);
}

int main(int argc, char** argv) {
  check_watchdog(60);
  CHECK(argc == 2);
  CHECK(ours(ours_malloc(1)));
  CHECK(ri_is_redirected == NULL || ri_is_redirected());
  mallinfo2_counts();
  many_small_blocks_count();
  mallinfo_saturates();
  trim_gives_back(false);
  trim_gives_back(true);
  small_blocks_trimmed();
  sparse_pages_trimmed(false);
  sparse_pages_trimmed(true);
  info_is_written(argv[1]);
  mallopt_is_truthful();
  malloc_stats();
  return 0;
}
