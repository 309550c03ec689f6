// SPDX-License-Identifier: MIT
// frames_stay_cheap_os_fake.c: zeroed blocks of a megabyte that are written to all over and
// replaced in turn cost a fault for each of their OS pages for as long as new places were used, and
// four system calls each to look whether they had been written. From the second block on they come
// in huge pages, and of those that are alike one in eight is looked at. When the program changes
// and hardly touches such blocks, they cost what is touched again.
#include "../os_fake.h"

#include <sys/resource.h>

enum { LIVE = 4, FRAMES = 400, SIZE = 1 << 20, TABLES = 64, LOOKS = 4 };

enum { CMP_REQUEUE = 4, PRIVATE = 128 };  // linux/futex.h is not there for every libc

static size_t looks;

static int os_answer(os_call_t* call) { return (void)call, OS_PASS; }
long OS_WRAP(call)(long number, long a, long b, long c, long d, long e, long f) {
  if (number == SYS_futex && ((int)b & ~PRIVATE) == CMP_REQUEUE) looks++;
  return OS_REAL(call)(number, a, b, c, d, e, f);
}

static size_t faults(void) {
  struct rusage usage;
  CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
  return (size_t)usage.ru_minflt;
}

static bool huge_pages(void) {
  char mode[64] = "";
  FILE* const f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
  if (f == NULL) return false;
  const bool read = fgets(mode, sizeof(mode), f) != NULL;
  fclose(f);
  return read && strstr(mode, "[never]") == NULL;
}

static uint8_t* zeroed(size_t size) {
  uint8_t* const p = ri_calloc(1, size);
  CHECK(p != NULL);
  for (size_t at = 0; at < size; at += 512)
    CHECK_MSG(p[at] == 0, "byte %zu of %p", at, (void*)p);
  return p;
}

static void replace_in_turn(void) {
  uint8_t* frames[LIVE] = {NULL};
  const size_t before = faults();
  for (size_t i = 0; i < FRAMES; i++) {
    ri_free(frames[i % LIVE]);
    const size_t size = SIZE + (i * 2654435761U >> 7) % (SIZE / 4);
    frames[i % LIVE] = zeroed(size);
    memset(frames[i % LIVE], 1, size);
  }
  const size_t used = faults() - before, seen = looks;
  for (size_t i = 0; i < LIVE; i++)
    ri_free(frames[i]);
  if (check_measurable() && huge_pages()) {
    CHECK_MSG(used <= 2 * 2 * SIZE / check_os_page() + 100, "%zu faults", used);
  }
  CHECK_MSG(seen <= FRAMES / 8 * LOOKS + 150, "%zu places were looked at", seen);
}

// Tables of which one place is used.
static void sparse(void) {
  ri_collect(true);
  static uint8_t* tables[TABLES];
  const size_t before = check_resident();
  for (size_t i = 0; i < TABLES; i++) {
    tables[i] = ri_calloc(1, SIZE);
    CHECK(tables[i] != NULL && tables[i][SIZE / 2] == 0);
    tables[i][SIZE / 2] = 1;
  }
  const size_t now = check_resident();
  if (check_measurable()) {
    CHECK_MSG(now <= before + 8 * CHECK_MIB, "%zu KiB", (now - before) / 1024);
  }
  for (size_t i = 0; i < TABLES; i++)
    ri_free(tables[i]);
}

int main(void) {
  replace_in_turn();
  sparse();
  CHECK(ri_audit());
  return 0;
}
