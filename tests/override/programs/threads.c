// SPDX-License-Identifier: MIT
// threads.c COUNT: threads that come, allocate, leave blocks behind for others, and go. Neither
// resident memory nor the number of mappings may grow with the number of threads that ever were.
#include <malloc.h>

#include "ours.h"

enum { AT_ONCE = 8, BLOCKS = 40, WARM_UP = 400 };

static void* left_behind[AT_ONCE][BLOCKS];

static size_t size_of(size_t i) { return 16 + i * 97; }

static void* visitor(void* arg) {
  const size_t lane = (size_t)(uintptr_t)arg;
  for (size_t i = 0; i < BLOCKS; i++) {
    // what the visitor before left, checked and freed here
    if (left_behind[lane][i] != NULL) ours_free(left_behind[lane][i], size_of(i));
    left_behind[lane][i] = ours_malloc(size_of(i));
    void* const p = ours_malloc(size_of(i) * 8);
    ours_free(p, size_of(i) * 8);
  }
  void* const large = ours_malloc(300 * CHECK_KIB);
  ours_free(large, 300 * CHECK_KIB);
  return NULL;
}

static size_t mappings(void) {
  size_t lines = 0;
  char text[4096];
  const int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  CHECK(fd >= 0);
  for (;;) {
    const ssize_t n = read(fd, text, sizeof(text));
    CHECK(n >= 0);
    if (n == 0) break;
    for (ssize_t i = 0; i < n; i++)
      lines += text[i] == '\n';
  }
  close(fd);
  return lines;
}

static size_t peak_resident(void) {
  struct rusage usage;
  CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
  return (size_t)usage.ru_maxrss * CHECK_KIB;
}

static void visits(size_t count) {
  for (size_t done = 0; done < count; done += AT_ONCE) {
    pthread_t threads[AT_ONCE];
    for (size_t i = 0; i < AT_ONCE; i++)
      threads[i] = check_start(visitor, (void*)i);
    for (size_t i = 0; i < AT_ONCE; i++)
      check_join(threads[i]);
  }
}

int main(int argc, char** argv) {
  check_watchdog(100);
  CHECK(argc == 2);
  visits(WARM_UP);
  (void)malloc_trim(0);
  const size_t maps_before = mappings(), resident_before = check_resident();
  const size_t used_before = mallinfo2().uordblks;
  visits(check_scaled((size_t)atoi(argv[1])));
  (void)malloc_trim(0);
  const size_t maps_after = mappings(), resident_after = check_resident();
  const size_t used_after = mallinfo2().uordblks;
  CHECK_MSG(maps_after <= maps_before + 8, "%zu mappings, then %zu", maps_before, maps_after);
  CHECK_MSG(resident_after <= resident_before + 4 * (size_t)CHECK_MIB,
            "resident %zu KiB, then %zu KiB", resident_before / CHECK_KIB,
            resident_after / CHECK_KIB);
  // All threads together allocate several gigabytes; what is in use at a time is a few megabytes.
  CHECK_MSG(peak_resident() <= 80 * (size_t)CHECK_MIB, "peak %zu KiB", peak_resident() / CHECK_KIB);
  CHECK_MSG(used_after <= used_before + 64 * (size_t)CHECK_KIB, "%zu bytes in use, then %zu",
            used_before, used_after);
  for (size_t lane = 0; lane < AT_ONCE; lane++) {
    for (size_t i = 0; i < BLOCKS; i++)
      ours_free(left_behind[lane][i], size_of(i));
  }
  return 0;
}
