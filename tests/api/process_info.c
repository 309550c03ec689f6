// SPDX-License-Identifier: MIT
// process_info.c: what ri_process_info says of the process (rimalloc/stats.h), field by field: as
// getrusage and the clock say, and as the process allocates. Catches: fields that are exchanged,
// constant or in another unit, one that is written although it was not asked for.
#include "../check.h"

static ri_stats_t stats(void) {
  ri_stats_t_decl(s);
  CHECK(ri_stats_get(&s));
  return s;
}

enum { ELAPSED, USER, SYSTEM, RESIDENT, RESIDENT_PEAK, COMMIT, COMMIT_PEAK, FAULTS, INFO_FIELDS };

// All fields of ri_process_info whose bit is set in `asked`.
static void process_info(size_t v[INFO_FIELDS], unsigned asked) {
  size_t* to[INFO_FIELDS];
  for (unsigned i = 0; i < INFO_FIELDS; i++)
    to[i] = (asked >> i & 1) != 0 ? &v[i] : NULL;
  ri_process_info(to[0], to[1], to[2], to[3], to[4], to[5], to[6], to[7]);
}

static size_t time_ms(struct timeval t) {
  return (size_t)t.tv_sec * 1000 + (size_t)t.tv_usec / 1000;
}

// What getrusage said before and says after is on both sides of it.
static void process_is_as_the_os_says(void) {
  size_t v[INFO_FIELDS];
  struct rusage before, after;
  CHECK(getrusage(RUSAGE_SELF, &before) == 0);
  process_info(v, ~0u);
  CHECK(getrusage(RUSAGE_SELF, &after) == 0);
  CHECK_MSG(v[USER] >= time_ms(before.ru_utime) && v[USER] <= time_ms(after.ru_utime), "%zu",
            v[USER]);
  CHECK_MSG(v[SYSTEM] >= time_ms(before.ru_stime) && v[SYSTEM] <= time_ms(after.ru_stime), "%zu",
            v[SYSTEM]);
  CHECK_MSG(v[RESIDENT_PEAK] >= (size_t)before.ru_maxrss * 1024, "%zu", v[RESIDENT_PEAK]);
  CHECK_MSG(v[FAULTS] >= (size_t)before.ru_majflt && v[FAULTS] <= (size_t)after.ru_majflt, "%zu",
            v[FAULTS]);
}

// Each field can be had alone, and left out alone; nothing else is written.
static void process_fields_one_by_one(void) {
  enum { UNTOUCHED = 0x5A5A5A5A };
  for (unsigned asked = 0; asked < 1u << INFO_FIELDS; asked++) {
    size_t v[INFO_FIELDS];
    for (unsigned i = 0; i < INFO_FIELDS; i++)
      v[i] = UNTOUCHED;
    errno = 77;
    process_info(v, asked);
    CHECK_ERRNO(77);
    for (unsigned i = 0; i < INFO_FIELDS; i++)
      CHECK_MSG((v[i] != UNTOUCHED) == ((asked >> i & 1) != 0), "field %u of %x", i, asked);
  }
}

static size_t cpu_ms(void) {
  struct rusage usage;
  CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
  return time_ms(usage.ru_utime) + time_ms(usage.ru_stime);
}

// Between two questions passes as much time as the clock says; the process computes meanwhile.
static void process_time_passes(void) {
  size_t first[INFO_FIELDS], second[INFO_FIELDS];
  const uint64_t before = check_coarse_ms();
  process_info(first, ~0u);
  const uint64_t after = check_coarse_ms();
  const size_t used = cpu_ms();
  uint64_t now = after;
  while (now < after + 50 || cpu_ms() < used + 10)
    now = check_coarse_ms();
  process_info(second, ~0u);
  const uint64_t last = check_coarse_ms();
  const size_t passed = second[ELAPSED] - first[ELAPSED];
  CHECK_MSG(passed >= now - after && passed <= last - before, "%zu", passed);
  CHECK(second[USER] + second[SYSTEM] >= used + 10);
  CHECK(second[ELAPSED] < 100000 && second[FAULTS] >= first[FAULTS]);
}

// A block that is touched, and given back.
static void process_memory_comes_and_goes(void) {
  const size_t size = (size_t)256 * CHECK_MIB;
  size_t before[INFO_FIELDS], with[INFO_FIELDS], after[INFO_FIELDS];
  ri_collect(true);
  process_info(before, ~0u);
  void* const p = ri_malloc(size);
  CHECK(p != NULL);
  memset(p, 1, size);
  process_info(with, ~0u);
  ri_stats_t s = stats();
  CHECK(with[COMMIT] == (size_t)s.committed.current &&
        with[COMMIT_PEAK] == (size_t)s.committed.peak);
  ri_free(p);
  ri_collect(true);
  process_info(after, ~0u);
  s = stats();
  CHECK(after[COMMIT] == (size_t)s.committed.current);
  CHECK(after[COMMIT_PEAK] == (size_t)s.committed.peak);
  CHECK_MSG(with[COMMIT] >= before[COMMIT] + size && with[COMMIT] < before[COMMIT] + 2 * size,
            "%zu, then %zu", before[COMMIT], with[COMMIT]);
  CHECK(with[COMMIT_PEAK] >= with[COMMIT] && after[COMMIT] + size <= with[COMMIT]);
  CHECK(after[COMMIT_PEAK] >= with[COMMIT]);
  CHECK(with[RESIDENT_PEAK] >= with[RESIDENT]);
  CHECK_MSG(after[RESIDENT_PEAK] >= with[RESIDENT_PEAK], "%zu, then %zu, %zu", with[RESIDENT_PEAK],
            after[RESIDENT_PEAK], with[RESIDENT]);
  if (!check_measurable()) return;
  CHECK_MSG(with[RESIDENT] > before[RESIDENT] + size / 4 * 3, "%zu, then %zu", before[RESIDENT],
            with[RESIDENT]);
  CHECK(with[RESIDENT] < before[RESIDENT] + size / 4 * 5);
  CHECK_MSG(after[RESIDENT] < with[RESIDENT] - size / 4 * 3, "%zu, then %zu", with[RESIDENT],
            after[RESIDENT]);
}

static void process_is_printed(void) {
  check_capture_start();
  ri_process_info_print();
  CHECK(strstr(check_captured()->text, "resident, peak") != NULL);
  const size_t length = check_captured()->length;
  static check_capture_t other = {PTHREAD_MUTEX_INITIALIZER, 0, 0, {0}, {0}};
  ri_process_info_print_out(check_capture_output, &other);
  CHECK(other.length > length / 2 && check_captured()->length == length);
  check_capture_stop();
}

int main(void) {
  ri_free(ri_malloc(1));
  process_is_as_the_os_says();
  process_fields_one_by_one();
  process_time_passes();
  process_memory_comes_and_goes();
  process_is_printed();
  CHECK(ri_audit());
  return 0;
}
