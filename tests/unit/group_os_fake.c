// SPDX-License-Identifier: MIT
// group_os_fake.c: the control group's limit as the allocator takes it into account
// (os/group_linux.c, arena/limit.c): files of a made-up system, in chunks and with lines of any
// length; read once 16 MiB are used, or before that if somebody asks, or at the start where nobody
// would see a filter coming, and never again unless the option says so; what is left of it, what
// others have of it, what grows meanwhile. Catches: a file that a small process opens, or one that
// a large process opens again; a limit that is not seen; others' memory that counts for nothing.
#include "../check.h"
#include "../os_fake.h"

#include "arena/limit.h"
#include "heap/scavenge.h"
#include "os/os.h"

#include <sys/wait.h>

static char usage[32] = "31457280\n";  // 30 MiB
static char limit[32] = "104857600\n";
static size_t opens;
static bool gone;

// As override/prctl.c does.
__attribute__((constructor(102))) static void sees_filters(void) {
  if (getenv("CHECK_UNSEEN") == NULL) rix_scavenge_trust();
}

static int os_answer(os_call_t* call) {
  (void)call;
  return OS_PASS;
}

static long open_group(const char* path) {
  static char mounts[9000];
  errno = ENOENT;
  opens++;
  if (gone) return -1;
  if (strcmp(path, "/proc/self/cgroup") == 0) return os_file("1:cpu:/\n0::/a/b\n");
  if (strcmp(path, "/proc/self/mountinfo") == 0) {
    memset(mounts, 'x', sizeof(mounts) - 1);
    for (size_t i = 100; i < 5000; i += 1 + i / 2)
      mounts[i] = '\n';
    snprintf(mounts + 8000, sizeof(mounts) - 8000, "\n30 22 0:27 / /cg rw - cgroup2 cgroup2 rw");
    return os_file(mounts);
  }
  if (strcmp(path, "/cg/a/memory.max") == 0) return os_file(limit);
  if (strcmp(path, "/cg/a/memory.current") == 0) return os_file(usage);
  if (strcmp(path, "/cg/a/memory.stat") == 0) return os_file("anon 1\ninactive_file 10485760\n");
  return -1;
}

long OS_WRAP(call)(long number, long a, long b, long c, long d, long e, long f) {
  const char* const path = (const char*)b;
  const bool ours = number == SYS_openat &&
                    (strncmp(path, "/proc/self/", 11) == 0 || strncmp(path, "/cg/", 4) == 0);
  if (ours && strcmp(path, "/proc/self/statm") != 0) return open_group(path);
  return OS_REAL(call)(number, a, b, c, d, e, f);
}

static size_t soft(void) { return rix_limit_soft() / CHECK_MIB; }

static void allocate(void) {
  for (size_t i = 0; i < 200; i++) {
    void* const p = ri_malloc(70000);
    CHECK(p != NULL);
    ri_free(p);
  }
}

// More than 16 MiB, and one more allocation that notices.
static void grow(void) {
  static void* held[300];
  for (size_t i = 0; i < 270; i++)
    CHECK((held[i] = ri_malloc(62000)) != NULL);
  for (size_t i = 0; i < 270; i++)
    ri_free(held[i]);
}

// In a process of its own, which begins in this way.
static void in_child(const char* way) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    if (strcmp(way, "set") == 0) CHECK(setenv("RIMALLOC_LIMIT_CGROUP", "50", 1) == 0);
    if (strcmp(way, "off") == 0) CHECK(setenv("RIMALLOC_LIMIT_CGROUP", "0", 1) == 0);
    if (strcmp(way, "unseen") == 0) CHECK(setenv("CHECK_UNSEEN", "1", 1) == 0);
    check_become(way);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", way);
}

static int at_the_start(const char* way) {
  const bool set = strcmp(way, "set") == 0, off = strcmp(way, "off") == 0;
  const bool early = set || strcmp(way, "unseen") == 0;
  CHECK_MSG((opens > 0) == early, "%s", way);
  if (strcmp(way, "full") == 0) strcpy(usage, "104857600\n");
  opens = 0;
  if (off) {
    grow();
    CHECK(ri_limit_level() == 0 && opens == 0 && rix_limit_soft() == SIZE_MAX);
    return 0;
  }
  // A small process that asks is told; and later nothing is opened.
  CHECK(ri_limit_level() == 0 && (opens > 0) != early);
  // What others have they may give back, and nobody looks again: half of the share counts.
  const size_t expected = set ? 30 : strcmp(way, "full") == 0 ? 45 : 70;
  CHECK_MSG(soft() == expected, "%s: %zu", way, soft());
  opens = 0;
  grow();
  CHECK(opens == 0);
  return 0;
}

int main(int argc, char** argv) {
  check_watchdog(60);
  if (argc > 1) return at_the_start(argv[1]);
  // A small process looks for nothing.
  CHECK(opens == 0 && rix_limit_soft() == SIZE_MAX);
  allocate();
  ri_stats_t_decl(s);
  CHECK(ri_stats_get(&s) && opens == 0 && s.group_limit.current == 0);
  // One that is not small does. Of 90 MiB, 20 are used, partly by others.
  grow();
  CHECK(opens > 0 && opens < 30);
  CHECK(rix_limit_group().limit == 100 * CHECK_MIB && rix_limit_group().usage == 20 * CHECK_MIB);
  CHECK_MSG(soft() >= 70 + 16 && soft() < 70 + 19, "%zu", soft());
  CHECK(!rix_limit_is_pressed());
  opens = 0;
  allocate();
  os_ahead_ms += 100000;
  allocate();
  CHECK(opens == 0);
  CHECK(ri_stats_get(&s) && (size_t)s.group_limit.current == 100 * CHECK_MIB);
  CHECK((size_t)s.group_usage.current == 20 * CHECK_MIB && s.limit_level.current == 0);
  // Others grow: it is seen when it is looked for, once in a while.
  ri_option_set(ri_option_limit_reread, 1000);
  strcpy(usage, "94371840\n");  // 90 MiB, of which 10 are files
  allocate();
  const size_t used = rix_limit_used();
  CHECK_MSG(opens == 4, "%zu", opens);
  CHECK_MSG(soft() >= 10 && soft() <= 11 + used / CHECK_MIB, "%zu", soft());
  allocate();
  CHECK(opens == 4);
  os_ahead_ms += 2000;
  strcpy(usage, "115343360\n");  // 110
  allocate();
  CHECK_MSG(opens == 8 && rix_limit_soft() < used, "%zu, %zu", opens, rix_limit_soft());
  CHECK(rix_limit_used() <= rix_limit_soft());  // what was free went back
  os_ahead_ms += 2000;
  gone = true;
  const size_t before = rix_limit_soft();
  allocate();
  CHECK(opens > 8 && rix_limit_soft() == before);
  gone = false;
  os_ahead_ms += 2000;
  strcpy(usage, "12582912\n");
  strcpy(limit, "209715200\n");  // and the limit was raised
  allocate();
  CHECK_MSG(soft() >= 178 && ri_limit_level() == 0, "%zu", soft());
  strcpy(limit, "104857600\n");
  check_heap_intact();
  in_child("asked");
  in_child("full");
  in_child("set");
  in_child("off");
  in_child("unseen");
  return 0;
}
