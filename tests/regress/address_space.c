// SPDX-License-Identifier: MIT
// address_space.c: what used up the address space, the page map or the mappings, so that nothing
// could be allocated any more. All of it was found by attack. Each part runs in a child, because
// some of them set limits; each failed before the placement of mappings was rewritten.
#include "../check.h"

#include <pthread.h>
#include <rimalloc/layout.h>
#include <rimalloc/options.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define GIB ((size_t)1 << 30)

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static size_t count_maps(void) {
  FILE* const f = fopen("/proc/self/maps", "r");
  CHECK(f != NULL);
  size_t lines = 0;
  for (int c = getc(f); c != EOF; c = getc(f))
    lines += c == '\n';
  fclose(f);
  return lines;
}

// Small blocks, until `bytes` are live; all are freed again.
static void small_blocks(size_t bytes) {
  enum { SIZE = 4000 };
  void** const blocks = (void**)ri_malloc(bytes / SIZE * sizeof(void*));
  CHECK(blocks != NULL);
  for (size_t i = 0; i < bytes / SIZE; i++) {
    blocks[i] = ri_malloc(SIZE);
    CHECK_MSG(blocks[i] != NULL, "after %zu KiB", i * SIZE / 1024);
  }
  for (size_t i = 0; i < bytes / SIZE; i++)
    ri_free(blocks[i]);
  ri_free((void*)blocks);
}

static void limit_address_space(size_t bytes) {
  const struct rlimit limit = {bytes, bytes};
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

// A failed request moved the place of the next mapping out of the page map's window.
static void failed_request(void) {
  limit_address_space(4 * GIB);
  for (int i = 0; i < 20; i++)
    CHECK(ri_malloc(check_hide(20 * GIB)) == NULL);
  small_blocks(GIB / 2);
}

// So did blocks that grew by moving, because of the room that they were left.
static void moving_under_limit(void) {
  limit_address_space(8 * GIB);
  for (int i = 0; i < 120; i++) {
    char* p = ri_malloc(300 * CHECK_MIB);
    char* const wall = ri_malloc(300 * CHECK_MIB);
    CHECK(p != NULL && wall != NULL);
    p = ri_realloc(p, 600 * CHECK_MIB);
    CHECK(p != NULL);
    ri_free(p);
    ri_free(wall);
  }
  small_blocks(GIB / 2);
}

// Each moving reallocation used up address space for good, and with it memory of the page map.
static void moving_for_ever(void) {
  size_t resident = 0;
  for (int i = 0; i < 20000; i++) {
    char* p = ri_malloc(300000);
    char* const wall = ri_malloc(300000);
    CHECK(p != NULL && wall != NULL);
    p = ri_realloc(p, 600000);
    CHECK(p != NULL);
    ri_free(p);
    ri_free(wall);
    if (i == 2000) resident = check_resident();
  }
  CHECK_MSG(check_sanitized() || check_resident() <= resident + CHECK_MIB, "%zu KiB, before %zu",
            check_resident() / 1024, resident / 1024);
}

// The page map of a huge block became resident, and a block that the OS can never fill was given.
static void huge_block(void) {
  const size_t resident = check_resident();
  void* const p = ri_malloc(check_hide(200 * 1024 * GIB / 1024));
  CHECK(ri_malloc(check_hide((size_t)64 * 1024 * GIB)) == NULL);
  CHECK_MSG(check_sanitized() || check_resident() <= resident + CHECK_MIB, "%zu KiB, before %zu",
            check_resident() / 1024, resident / 1024);
  ri_free(p);
}

// Moved blocks were two mappings to the OS, and could not grow in place again.
static void many_vectors(void) {
  enum { COUNT = 2000 };
  static char* vectors[COUNT];
  const size_t before = count_maps();
  for (size_t size = 280000; size < 1000000; size += size / 4) {
    for (size_t i = 0; i < COUNT; i++) {
      vectors[i] = ri_realloc(vectors[i], size);
      CHECK(vectors[i] != NULL);
      CHECK(size == 280000 || vectors[i][0] == (char)i);
      vectors[i][0] = (char)i;
    }
  }
  const size_t grown = count_maps() - before;
  CHECK_MSG(grown <= COUNT + COUNT / 4, "%zu mappings for %d blocks", grown, (int)COUNT);
  for (size_t i = 0; i < COUNT; i++)
    ri_free(vectors[i]);
}

// Blocks that merely grow must leave mappings to those that need one.
static void mappings_left(void) {
  enum { COUNT = 17000 };
  static char* vectors[COUNT];
  for (size_t i = 0; i < COUNT; i++) {
    vectors[i] = ri_malloc(300000);
    CHECK(vectors[i] != NULL);
  }
  for (size_t i = 0; i < COUNT; i++) {
    vectors[i] = ri_realloc(vectors[i], 600000);
    CHECK(vectors[i] != NULL);
  }
  void* const p = ri_malloc(300 * CHECK_MIB);
  CHECK(p != NULL);
  ri_free(p);
  for (size_t i = 0; i < COUNT; i++)
    ri_free(vectors[i]);
}

// Alignments over 1 GiB were placed outside of the window.
static void huge_alignments(void) {
  for (size_t alignment = GIB; alignment != 0 && alignment <= 512 * GIB; alignment *= 2) {
    void* const p = ri_malloc_aligned(100, alignment);
    CHECK_MSG(p != NULL && check_aligned(p, alignment), "alignment %zu", alignment);
    ri_free(p);
  }
}

static void* thread_allocates(void* arg) {
  ri_free(ri_malloc(100000));
  return arg;
}

// All of the page map was reserved, 14 GiB or more: a program that limits its own address space
// after its first allocation had none left, not even for the stack of a thread.
static void limit_after_use(void) {
  ri_free(ri_malloc(100));
  CHECK_MSG(check_address_space() < GIB / 4, "%zu MiB", check_address_space() / CHECK_MIB);
  limit_address_space(GIB);
  check_in_thread(thread_allocates, NULL);
  small_blocks(GIB / 2);
}

// Blocks of arenas, of which one OS page in 16 is touched.
static void arena_blocks(size_t bytes) {
  enum { SIZE = 65536, MOST = 65536 };
  static void* blocks[MOST];
  size_t n = 0;
  for (; n < bytes / SIZE && n < MOST; n++) {
    blocks[n] = ri_malloc(SIZE);
    CHECK_MSG(blocks[n] != NULL, "block %zu", n);
  }
  while (n > 0)
    ri_free(blocks[--n]);
}

enum { SPARSE = 250 };
static void* sparse[SPARSE];

// Blocks of 900 MiB that are not touched; returns how many there are addresses for.
static size_t sparse_blocks(void) {
  size_t n = 0;
  while (n < SPARSE && (sparse[n] = ri_malloc(900 * CHECK_MIB)) != NULL)
    n++;
  for (size_t i = 0; i < n; i++)
    ri_free(sparse[i]);
  return n;
}

// The rest of the page map is reserved when it is needed.
static void table_in_parts(void) {
  CHECK(sparse_blocks() == SPARSE);
  small_blocks(GIB / 2);
}

static uint8_t* table_end(void) {
  return (uint8_t*)ri_load_relaxed(&rix_fast_pagemap.xtable) +
         ri_load_relaxed(&rix_fast_pagemap.xcount) * sizeof(void*);
}

// When something lies behind it, it moves, with all that is entered; at whatever size.
static void table_cut_off(void) {
  ri_option_set(ri_option_thp, 0);
  void* const small = ri_malloc(100);
  void* const large = ri_malloc(100 * CHECK_MIB);
  for (int i = 0; i < 6; i++) {
    (void)mmap(table_end(), check_os_page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const size_t n = sparse_blocks();
    CHECK_MSG(n == SPARSE, "%zu blocks", n);
    arena_blocks((size_t)(i + 1) * GIB / 2);
    CHECK(ri_usable_size(small) >= 100 && ri_usable_size(large) >= 100 * CHECK_MIB);
  }
  ri_free(small);
  ri_free(large);
}

enum { TAKEN = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE };

// The same after it was used far from its beginning, because what lies between is taken.
static void table_cut_off_far(void) {
  ri_option_set(ri_option_thp, 0);
  void* const small = ri_malloc(100);
  uint8_t* const table = (uint8_t*)ri_load_relaxed(&rix_fast_pagemap.xtable);
  uint8_t* const base = (uint8_t*)ri_load_relaxed(&rix_fast_pagemap.xbase);
  CHECK(mmap(table + 2 * CHECK_MIB, check_os_page(), PROT_NONE, TAKEN, -1, 0) != MAP_FAILED);
  CHECK(mmap(base + GIB / 2, 12 * GIB, PROT_NONE, TAKEN, -1, 0) != MAP_FAILED);
  char* const far = ri_malloc(900 * CHECK_MIB);  // behind the table's first gibibytes
  CHECK(far != NULL && (uint8_t*)far >= base + 12 * GIB);
  far[900 * CHECK_MIB - 1] = 1;
  const size_t n = sparse_blocks();
  CHECK_MSG(n == SPARSE, "%zu blocks", n);
  arena_blocks(GIB / 2);
  CHECK(ri_load_relaxed(&rix_fast_pagemap.xtable) != (const void*)table);
  CHECK(ri_usable_size(small) >= 100 && ri_usable_size(far) >= 900 * CHECK_MIB);
  ri_free(far);
  ri_free(small);
}

// ---- Addresses that others have -----------------------------------------------------------------

#define TIB ((uint64_t)1 << 40)

// Reserves what is free of [from, to), except for holes of `hole` bytes at the end of every piece.
static void take(uint64_t from, uint64_t to, uint64_t piece, uint64_t hole) {
  enum { FLAGS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE };
  for (uint64_t at = from; at < to; at += piece) {
    const size_t size = (size_t)(piece - hole);
    if (mmap((void*)(uintptr_t)at, size, PROT_NONE, FLAGS, -1, 0) != MAP_FAILED) continue;
    if (piece > 4 * CHECK_MIB) take(at, at + size, piece > GIB ? GIB : 4 * CHECK_MIB, 0);
  }
}

static void* uses_all_sizes(void* arg) {
  enum { COUNT = 1500 };
  static const size_t sizes[] = {40, 3000, 50000, 70000, 300000, CHECK_MIB};
  void* blocks[COUNT];
  for (size_t i = 0; i < COUNT; i++) {
    const size_t size = sizes[i % (sizeof(sizes) / sizeof(sizes[0]))] + i;
    blocks[i] = ri_malloc(size);
    CHECK_MSG(blocks[i] != NULL, "block %zu, %zu bytes", i, size);
    check_fill_sparse(blocks[i], size, i);
  }
  for (size_t i = 0; i < COUNT; i++) {
    CHECK_FILLED_SPARSE(blocks[i], sizes[i % (sizeof(sizes) / sizeof(sizes[0]))] + i, i);
    ri_free(blocks[i]);
  }
  return arg;
}

// Threads that use blocks from before, and from after; then so many large ones.
static void allocates_still(size_t large) {
  void* const before = ri_malloc(300 * CHECK_MIB);
  CHECK(before != NULL);
  pthread_t threads[3];
  for (size_t i = 0; i < 3; i++)
    threads[i] = check_start(uses_all_sizes, NULL);
  uses_all_sizes(NULL);
  for (size_t i = 0; i < 3; i++)
    check_join(threads[i]);
  char* p = ri_malloc(100000);
  for (size_t size = 100000; size < 700 * CHECK_MIB; size *= 3) {
    p = ri_realloc(p, size);
    CHECK_MSG(p != NULL, "%zu bytes", size);
    p[size - 1] = 1;
  }
  const size_t more = sparse_blocks();
  CHECK_MSG(more >= large, "%zu blocks", more);
  ri_free(p);
  ri_free(before);
}

// A runtime reserves most of the range from 4 to 20 TiB for its heap, sparing what is taken. The
// page map could then not grow any more, and nothing else could be mapped where it is.
static void range_taken(void) {
  ri_free(ri_malloc(1000));
  ri_free(ri_malloc(100000));
  take(4 * TIB, 20 * TIB, 4 * GIB, 0);
  allocates_still(100);
}

// So does one that was there first.
static void range_taken_before(void) {
  take(4 * TIB, 20 * TIB, 64 * GIB, 0);
  allocates_still(100);
}

// All that lies above is taken, except for what is near the program itself and its libraries.
static void only_the_top(void) {
  ri_free(ri_malloc(1000));
  take(4 * TIB, 84 * TIB, 64 * GIB, 0);
  allocates_still(100);
}

static void only_the_top_before(void) {
  take(4 * TIB, 84 * TIB, 64 * GIB, 0);
  allocates_still(100);
}

// Holes, each of which is smaller than an arena.
static void holes(void) {
  ri_free(ri_malloc(1000));
  const uint64_t base = ri_load_relaxed(&rix_fast_pagemap.xbase);
  take(base, base + 64 * GIB, 64 * CHECK_MIB, 8 * CHECK_MIB);
  take(base - 64 * GIB, base, 64 * CHECK_MIB, 8 * CHECK_MIB);
  allocates_still(100);
}

// Somebody maps right behind everything that is ours, again and again.
static void walls(void) {
  enum { FLAGS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE };
  for (size_t i = 0; i < 40; i++) {
    uint8_t* const p = ri_malloc((size_t)CHECK_MIB << (i % 9));
    CHECK(p != NULL);
    uint8_t* end = p;
    for (int k = 0; k < 14; k++, end += (size_t)CHECK_MIB << k)
      (void)mmap(end, check_os_page(), PROT_NONE, FLAGS, -1, 0);
    (void)mmap(table_end(), check_os_page(), PROT_NONE, FLAGS, -1, 0);
    ri_free(p);
  }
  allocates_still(100);
}

int main(void) {
  if (check_sanitized()) check_skip("a sanitizer takes the address space and chooses the places");
  if (CHECK_SIZE_BITS == 32) check_skip("there is not enough address space to waste");
  if (check_emulated()) check_skip("limits on address space are the emulator's");
  void (*const parts[])(void) = {failed_request,
                                 moving_under_limit,
                                 moving_for_ever,
                                 huge_block,
                                 many_vectors,
                                 mappings_left,
                                 huge_alignments,
                                 limit_after_use,
                                 table_in_parts,
                                 table_cut_off,
                                 table_cut_off_far,
                                 range_taken,
                                 range_taken_before,
                                 only_the_top,
                                 only_the_top_before,
                                 holes,
                                 walls};
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      check_watchdog(300);
      parts[i]();
      CHECK(ri_audit());
      _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_MSG(status == 0, "part %zu: status %x", i, (unsigned)status);
  }
  return 0;
}
