// SPDX-License-Identifier: MIT
// limits.c: real limits instead of injected failures. Address space (RLIMIT_AS), from so little
// that hardly anything can be allocated; writable memory (RLIMIT_DATA), which the kernel refuses as
// it does where it overcommits nothing: mappings may be made, but not access to them; and the
// number of mappings of a process (vm.max_map_count) all but used up. Each time: a refusal is
// ENOMEM, what was obtained stays whole, and when the limit is gone or blocks are freed, everything
// can be had again.
#include "../check.h"

#include <sys/mman.h>
#include <sys/wait.h>

enum { BLOCKS = 4000, MAPS = 70000 };

static void* blocks[BLOCKS];

// As many blocks as there are, of one size; returns how many.
static size_t take(size_t size) {
  for (size_t i = 0; i < BLOCKS; i++) {
    errno = 0;
    blocks[i] = ri_malloc(size);
    if (blocks[i] == NULL) {
      CHECK_ERRNO(ENOMEM);
      return i;
    }
    check_fill(blocks[i], size < 64 ? size : 64, i);
  }
  return BLOCKS;
}

static void give(size_t size, size_t count) {
  for (size_t i = 0; i < count; i++) {
    CHECK_FILLED(blocks[i], size < 64 ? size : 64, i);
    ri_free(blocks[i]);
  }
}

static void use_up(void) {
  static const size_t sizes[] = {100, 5000, 40000, 200000, 3000000};
  for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
    const size_t count = take(sizes[k]);
    CHECK(ri_audit());
    give(sizes[k], count);
    ri_collect(true);
  }
}

// Runs f in a process of its own.
static void apart(void (*f)(size_t), size_t value) {
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    check_watchdog(60);
    f(value);
    CHECK(ri_audit());
    CHECK(check_summary().blocks == 0);
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%zu: status %x", value,
            (unsigned)status);
}

static void with_address_space(size_t more) {
  struct rlimit old;
  CHECK(getrlimit(RLIMIT_AS, &old) == 0);
  const struct rlimit limit = {check_address_space() + more, old.rlim_max};
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
  use_up();
  CHECK(setrlimit(RLIMIT_AS, &old) == 0);
  check_workload(2000, more);
  void* const p = ri_malloc((size_t)30 << 20);
  CHECK(p != NULL);
  ri_free(p);
  ri_collect(true);
}

// Bytes of the process that could be written: the sixth field of statm counts them.
static void with_data(size_t more) {
  struct rlimit old;
  CHECK(getrlimit(RLIMIT_DATA, &old) == 0);
  const struct rlimit limit = {check_statm(5) + more, old.rlim_max};
  CHECK(setrlimit(RLIMIT_DATA, &limit) == 0);
  use_up();
  CHECK(setrlimit(RLIMIT_DATA, &old) == 0);
  check_workload(2000, more);
  void* const p = ri_malloc((size_t)300 << 20);
  CHECK(p != NULL);
  ri_free(p);
  ri_collect(true);
}

// Arenas are made without access and opened piece by piece.
static void with_data_in_pieces(size_t more) {
  ri_option_set(ri_option_arena_eager_commit, 0);
  with_data(more);
}

// Uses up mappings: neighbours with different access are not joined.
static size_t use_up_mappings(uint8_t** pages, size_t left) {
  const size_t page = check_os_page();
  *pages =
      mmap(NULL, MAPS * 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(*pages != MAP_FAILED);
  size_t n = 0;
  while (n < MAPS && mprotect(*pages + 2 * n * page, page, PROT_READ) == 0)
    n++;
  if (n == MAPS) return n;
  for (size_t i = 0; i < left && i < n; i++)  // each page that is as its neighbours frees two
    CHECK(mprotect(*pages + 2 * (n - 1 - i) * page, page, PROT_NONE) == 0);
  return n;
}

static void with_mappings_left(size_t left) {
  uint8_t* pages;
  const size_t n = use_up_mappings(&pages, left);
  if (n == MAPS) {
    printf("vm.max_map_count is above %d: not reached\n", MAPS);
  } else {
    use_up();
  }
  CHECK(munmap(pages, MAPS * 2 * check_os_page()) == 0);
  check_workload(2000, left);
  void* const p = ri_malloc((size_t)300 << 20);
  CHECK(p != NULL);
  ri_free(p);
  ri_collect(true);
}

int main(void) {
  static const size_t more[] = {
      0, CHECK_MIB / 4, CHECK_MIB, 3 * CHECK_MIB, 20 * CHECK_MIB, 100 * CHECK_MIB};
  if (check_sanitized()) check_skip("a sanitizer needs more address space than any limit leaves");
  for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
    apart(with_address_space, more[i]);
    apart(with_data, more[i]);
    apart(with_data_in_pieces, more[i]);
  }
  for (size_t left = 0; left < 6; left++)
    apart(with_mappings_left, left);
  check_workload(100, 1);  // the same with an allocator that has begun already
  for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
    apart(with_address_space, more[i]);
    apart(with_data, more[i]);
  }
  apart(with_mappings_left, 0);
  return 0;
}
