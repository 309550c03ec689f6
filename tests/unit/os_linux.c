// SPDX-License-Identifier: MIT
// os_linux.c: the contract of os/os.h, point by point: fresh memory is zero and writable,
// alignment, commit and decommit, purging gives zero pages back, moving and resizing keep contents,
// errno is never touched, locks exclude and wake.
#include "os/os.h"

#include "base/assert.h"
#include "base/bits.h"
#include "../check.h"

#include <signal.h>
#include <sys/wait.h>

static const size_t mib = CHECK_MIB;

static void maps(void) {
  const size_t page = rix_os_page_size();
  CHECK(page == check_os_page() && rix_is_pow2(page));
  uint8_t* const p = rix_os_map(NULL, 4 * mib, true);
  CHECK(p != NULL);
  CHECK_ZERO(p, 0, 4 * mib);
  check_fill(p, 4 * mib, 1);
  CHECK(rix_os_unmap(p, 4 * mib));
  uint8_t* const again = rix_os_map(p, 4 * mib, true);
  CHECK_MSG(again == p, "a free hint was not taken: %p, not %p", (void*)again, (void*)p);
  CHECK_ZERO(again, 0, 4 * mib);
  uint8_t* const elsewhere = rix_os_map(again, mib, true);
  CHECK(elsewhere != NULL && elsewhere != again);  // a hint must not replace what is there
  CHECK(rix_os_unmap(elsewhere, mib) && rix_os_unmap(again, 4 * mib));
  for (size_t align = page; align <= CHECK_HUGE(34) / (CHECK_SIZE_BITS == 32 ? 16 : 1);
       align *= 8) {
    const size_t before = check_address_space();
    uint8_t* const q = rix_os_map_aligned(NULL, mib, align, true);
    CHECK(q != NULL && check_aligned(q, align));
    q[0] = q[mib - 1] = 1;
    CHECK(!check_measurable() || check_address_space() <= before + mib);  // the ends went back
    CHECK(rix_os_unmap(q, mib));
  }
  CHECK(rix_os_map(NULL, check_hide(CHECK_LARGEST / 4096 * 4096), true) == NULL);
  CHECK(CHECK_SIZE_BITS == 32 ||
        rix_os_map_aligned(NULL, mib, check_hide(CHECK_HUGE(62)), true) == NULL);
  CHECK(rix_os_map_aligned(NULL, check_hide(SIZE_MAX - page + 1), mib, true) == NULL);
}

static void bounds_addresses(void) {
  const unsigned bits = rix_os_address_bits();
  CHECK(bits >= 32 && bits <= RIX_OS_ADDRESS_BITS);
  void* const p = rix_os_map(NULL, mib, RIX_OS_USABLE);
  const void* const all[] = {p, &bits, &mib, (const void*)(uintptr_t)bounds_addresses};
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
    CHECK_MSG((uint64_t)(uintptr_t)all[i] >> bits == 0, "%p has over %u bits", all[i], bits);
  CHECK(rix_os_unmap(p, mib));
}

static void commits(void) {
  uint8_t* const p = rix_os_map(NULL, 4 * mib, false);
  CHECK(p != NULL);
  CHECK(rix_os_commit(p + mib, mib));
  CHECK_ZERO(p + mib, 0, mib);
  check_fill(p + mib, mib, 1);
  CHECK(rix_os_decommit(p + mib, mib));
  CHECK(rix_os_commit(p, 2 * mib));
  CHECK_ZERO(p, 0, 2 * mib);
  // Decommitted memory must not be accessible: a child that touches it dies.
  CHECK(rix_os_decommit(p, 2 * mib));
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)close(STDERR_FILENO);
    p[100] = 1;
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(status != 0);
  CHECK(rix_os_unmap(p, 4 * mib));
}

static void purges(void) {
  uint8_t* const p = rix_os_map(NULL, 64 * mib, true);
  memset(p, 1, 64 * mib);
  const size_t full = check_resident();
  CHECK(rix_os_purge(p, 64 * mib));
  CHECK(check_sanitized() || check_resident() + 60 * mib <= full);
  CHECK_ZERO(p, 0, 64 * mib);
  p[5] = 1;
  CHECK(rix_os_unmap(p, 64 * mib));
}

static void moves_and_resizes(void) {
  uint8_t* const from = rix_os_map(NULL, 2 * mib, true);
  uint8_t* const to = rix_os_map(NULL, 8 * mib, true);
  check_fill(from, 2 * mib, 7);
  if (rix_os_move(from, to, 2 * mib)) {
    CHECK_FILLED(to, 2 * mib, 7);
    CHECK_ZERO(to, 2 * mib, 8 * mib);
    CHECK_ZERO(from, 0, 2 * mib);
    check_fill(from, 2 * mib, 9);
    CHECK(rix_os_purge(from, 2 * mib));
    CHECK_ZERO(from, 0, 2 * mib);
    from[0] = 1;
  } else {
    CHECK_FILLED(from, 2 * mib, 7);  // an older kernel: nothing has changed
  }
  check_fill(to, 8 * mib, 8);
  CHECK(rix_os_resize(to, 8 * mib, 4 * mib));
  CHECK_FILLED(to, 4 * mib, 8);
  if (rix_os_resize(to, 4 * mib, 8 * mib)) {
    CHECK_FILLED(to, 4 * mib, 8);
    CHECK_ZERO(to, 4 * mib, 8 * mib);
    CHECK(rix_os_unmap(to, 8 * mib));
  } else {
    CHECK(rix_os_unmap(to, 4 * mib));
  }
  CHECK(rix_os_unmap(from, 2 * mib));
}

static void small_things(void) {
  const uint64_t earlier = check_coarse_ms();
  const uint64_t start = rix_os_clock_ms();
  CHECK(earlier <= start && start <= check_coarse_ms() && start <= check_now_ms());
  uint64_t now = start;
  for (int i = 0; i < 1000; i++) {
    const uint64_t next = rix_os_clock_ms();
    CHECK(next >= now);
    now = next;
  }
  CHECK(setenv("RIMALLOC_TEST_WORD", "here", 1) == 0);
  CHECK(rix_os_env_ready());
  size_t entries = 0, found = 0;
  for (; rix_os_env_entry(entries) != NULL; entries++)
    found += strcmp(rix_os_env_entry(entries), "RIMALLOC_TEST_WORD=here") == 0;
  CHECK_MSG(found == 1, "%zu of %zu entries", found, entries);
  uint8_t* const soft = rix_os_map(NULL, mib, RIX_OS_USABLE);
  CHECK(soft != NULL);
  soft[0] = 7;
  CHECK(rix_os_reset(soft, mib));  // its content may stay or be zero, and it can be written
  CHECK(soft[0] == 7 || soft[0] == 0);
  soft[mib - 1] = 9;
  CHECK(soft[mib - 1] == 9 && rix_os_unmap(soft, mib));
  rix_os_usage_t usage;
  rix_os_usage(&usage);
  CHECK(usage.resident > 0 && usage.peak_resident >= usage.resident && usage.minor_faults > 0);
  const size_t calls = rix_os_calls();
  void* const p = rix_os_map(NULL, mib, true);
  CHECK(rix_os_unmap(p, mib));
  CHECK(rix_os_calls() == calls + 2);
  rix_os_set_errno(33);
  CHECK(rix_os_errno() == 33 && errno == 33);
  (void)rix_os_strict_commit();
  CHECK(rix_os_address_space_limit() >= mib);
}

// Libraries that are not loaded have no names; and this program has a C library.
static void symbols(void) {
  CHECK(rix_os_find_symbol("libnosuch.so.9", "malloc") == NULL);
  CHECK(rix_os_find_symbol("libc.so.6", "no_such_name_anywhere") == NULL);
  CHECK(rix_os_nodes() >= 1);
}

static void huge_pages_and_nodes(void) {
  uint8_t* const p = rix_os_map_aligned(NULL, 4 * mib, 2 * mib, RIX_OS_USABLE);
  rix_os_prefer_node(p, 4 * mib, -1);
  rix_os_prefer_node(p, 4 * mib, 1000);
  rix_os_prefer_node(p, 4 * mib, 0);
  memset(p, 1, 4 * mib);
  // Whether there are any or not: what was there is gone, and it can be used after a commit.
  const bool huge = rix_os_map_huge(p, 4 * mib, 21, -1);
  CHECK(huge || rix_os_commit(p, 4 * mib));
  CHECK_ZERO(p, 0, 4 * mib);
  CHECK(rix_os_unmap(p, 4 * mib));
}

// What stress builds use is there in all builds.
static void draws(void) {
  size_t hits = 0;
  for (int i = 0; i < 4000; i++)
    hits += rix_stress_draw(4);
  CHECK_MSG(hits > 700 && hits < 1300, "%zu of 4000", hits);
  rix_stress_yield();
}

static void on_abort(int signal) {
  (void)signal;
  _exit(9);
}

static void aborts(void) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK(signal(SIGABRT, on_abort) != SIG_ERR);
    (void)close(STDERR_FILENO);
    rix_assert_failed("a condition", "a_file.c", 12);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 9, "status %x", (unsigned)status);
}

// ---- Locks --------------------------------------------------------------------------------------

static rix_lock_t lock = RIX_LOCK_OPEN(RIX_LEVEL_META);
static size_t counter;  // lock
static size_t rounds;

static void* counts(void* arg) {
  (void)arg;
  for (size_t i = 0; i < rounds; i++) {
    rix_lock(&lock);
    counter++;
    rix_unlock(&lock);
  }
  return NULL;
}

static void locks(void) {
  CHECK(rix_lock_try(&lock));
  CHECK(!rix_lock_try(&lock));
  rix_unlock(&lock);
  CHECK(rix_lock_try(&lock));
  rix_unlock(&lock);
  rounds = check_scaled(100000);
  pthread_t threads[4];
  for (size_t t = 0; t < 4; t++)
    threads[t] = check_start(counts, NULL);
  for (size_t t = 0; t < 4; t++)
    check_join(threads[t]);
  CHECK(counter == 4 * rounds);
}

int main(void) {
  check_watchdog(60);
  errno = 4242;
  maps();
  bounds_addresses();
  commits();
  purges();
  moves_and_resizes();
  CHECK_ERRNO(4242);  // through successes and failures alike
  small_things();
  symbols();
  huge_pages_and_nodes();
  draws();
  aborts();
  locks();
  return 0;
}
