// SPDX-License-Identifier: MIT
// profile.c: the interface of the profiler: what each function returns, what each format contains,
// and that tables in a file survive the process.
#include "../check.h"

#include <rimalloc/profile.h>
#include <signal.h>
#include <sys/wait.h>

enum { TEXT = 1 << 20 };
static char text[TEXT];
static char path[256];

static size_t read_back(void) {
  const int file = open(path, O_RDONLY);
  CHECK(file >= 0);
  size_t size = 0;
  ssize_t n;
  while ((n = read(file, text + size, TEXT - 1 - size)) > 0)
    size += (size_t)n;
  CHECK(n == 0 && close(file) == 0);
  text[size] = '\0';
  return size;
}

static void before(void) {
  CHECK(ri_profile_interval() == 0);
  CHECK(ri_profile_dump(path, RI_PROFILE_JSON) == ENOENT);
  CHECK(ri_profile_dump_fd(1, RI_PROFILE_JSON) == ENOENT);
  CHECK(!ri_profile_visit(NULL, NULL));
  ri_profile_stop();
  ri_profile_reset();
  errno = 0;
  CHECK(!ri_profile_start(0));
  CHECK_ERRNO(EINVAL);
}

static void start(void) {
  CHECK(ri_profile_start(1));
  CHECK(ri_profile_interval() == 1);
  ri_profile_reset();
}

typedef struct seen_s {
  const void* block;
  size_t count, requested;
} seen_t;

static bool see(const ri_profile_sample_t* s, void* arg) {
  seen_t* const seen = arg;
  ri_free(ri_malloc(10));
  seen->count++;
  if (s->block != seen->block) return true;
  seen->requested = s->requested;
  CHECK(s->usable >= s->requested && s->weight == 1 && s->heap == 0 && s->thread != 0);
  CHECK(s->age_ms < 100000 && (s->depth == 0 || s->frames[0] != 0));
  return true;
}

static bool stop_at_once(const ri_profile_sample_t* s, void* arg) {
  (void)s;
  ++*(int*)arg;
  return false;
}

static void visits(void* const* blocks) {
  seen_t seen = {blocks[1], 0, 0};
  CHECK(ri_profile_visit(see, &seen));
  CHECK(seen.count == 3 && seen.requested == 2000);
  int calls = 0;
  CHECK(!ri_profile_visit(stop_at_once, &calls));
  CHECK(calls == 1);
}

static void formats(void) {
  errno = 0;
  CHECK(ri_profile_dump(path, RI_PROFILE_JSON) == 0);
  CHECK(read_back() > 500 && text[0] == '{');
  CHECK(strstr(text, "\"format\":\"rimalloc-profile\",\"version\":1") != NULL);
  CHECK(strstr(text, "\"interval\":1,") != NULL && strstr(text, "\"reason\":\"dump\"") != NULL);
  CHECK(strstr(text, "\"live\":{\"samples\":3,\"count\":3,\"bytes\":303000,") != NULL);
  CHECK(strstr(text, "\"reconcile\":{\"resident\":") != NULL);
  CHECK(strstr(text, "\"drops\":{\"stacks\":0,\"records\":0,\"bytes\":0}}\n") != NULL);
  CHECK(ri_profile_dump(path, RI_PROFILE_PPROF) == 0);
  CHECK(read_back() > 100 && memcmp(text, "\x1f\x8b\x08", 3) == 0);
  CHECK(ri_profile_dump(path, RI_PROFILE_HEAP) == 0);
  read_back();
  CHECK(strstr(text, "heap profile: 3: 303000 [") == text &&
        strstr(text, "] @ heap_v2/1\n") != NULL);
  CHECK(strstr(text, "\nMAPPED_LIBRARIES:\n") != NULL);
  CHECK(ri_profile_dump(path, RI_PROFILE_COLLAPSED) == 0);
  read_back();
  CHECK(ri_profile_dump(path, RI_PROFILE_SPEEDSCOPE) == 0);
  CHECK(read_back() > 100 && strstr(text, "\"endValue\":303000,") != NULL);
  const int file = open(path, O_RDWR | O_TRUNC);
  CHECK(file >= 0 && ri_profile_dump_fd(file, RI_PROFILE_HEAP) == 0 && close(file) == 0);
  CHECK(read_back() > 40);
  CHECK(ri_profile_dump(path, (ri_profile_format_t)99) == EINVAL);
  CHECK(ri_profile_dump("/no/such/folder/x", RI_PROFILE_JSON) == ENOENT);
  CHECK(ri_profile_dump_fd(-1, RI_PROFILE_JSON) == EBADF);
  const int full = open("/dev/full", O_WRONLY);
  if (full >= 0) {
    CHECK(ri_profile_dump_fd(full, RI_PROFILE_JSON) == ENOSPC);
    CHECK(close(full) == 0);
  }
  CHECK_ERRNO(0);
}

static void converts_nothing_else(void) {
  CHECK(ri_profile_convert("/no/such/file", 1, RI_PROFILE_JSON) == ENOENT);
  CHECK(ri_profile_convert(path, 1, RI_PROFILE_JSON) == EINVAL);
  const int file = open(path, O_RDWR | O_TRUNC);
  CHECK(file >= 0 && ri_profile_convert(path, 1, RI_PROFILE_JSON) == EINVAL);
  CHECK(write(file, "rimaprof", 8) == 8 && close(file) == 0);
  CHECK(ri_profile_convert(path, 1, RI_PROFILE_JSON) == EINVAL);
}

// ---- Killed -------------------------------------------------------------------------------------

static volatile pid_t child;

// This program again, with tables in a file, by the options that only the environment sets.
static int run_killed(void) {
  void* volatile p[10];
  for (int i = 0; i < 10; i++)
    p[i] = ri_malloc(5000);
  ri_free(p[0]);
  CHECK(ri_profile_interval() == 1);
  return raise(SIGKILL);
}

static void survives(const char* self) {
  char variable[300];
  snprintf(variable, sizeof(variable), "RIMALLOC_PROFILE_FILE=%s.rip", path);
  char* const environment[] = {variable, (char*)(uintptr_t) "RIMALLOC_PROFILE=1", NULL};
  char* const arguments[] = {(char*)(uintptr_t)self, (char*)(uintptr_t) "killed", NULL};
  child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    execve(self, arguments, environment);
    _exit(1);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  const int file = open(path, O_RDWR | O_TRUNC | O_CREAT, 0600);
  CHECK(file >= 0);
  const size_t length = strlen(path);
  snprintf(path + length, sizeof(path) - length, ".rip");
  CHECK(ri_profile_convert(path, file, RI_PROFILE_JSON) == 0);
  CHECK(close(file) == 0);
  const int damaged = open(path, O_RDWR);
  CHECK(damaged >= 0 && ftruncate(damaged, 100000) == 0 && close(damaged) == 0);
  CHECK(ri_profile_convert(path, 1, RI_PROFILE_JSON) == EINVAL);
  CHECK(unlink(path) == 0);
  path[strlen(path) - 4] = '\0';
  CHECK(read_back() > 500);
  CHECK(strstr(text, "\"reason\":\"blackbox\"") != NULL);
  CHECK(strstr(text, "\"bytes\":45000,") != NULL);
  CHECK(strstr(text, "\"path\":\"/") != NULL && strstr(text, "\"reconcile\":{}") != NULL);
}

int main(int count, char** arguments) {
  if (count > 1) return run_killed();
  const char* const folder = getenv("TMPDIR");
  snprintf(path, sizeof(path), "%s/rimalloc-profile-%d", folder != NULL ? folder : "/tmp",
           (int)getpid());
  before();
  start();
  void* const blocks[] = {ri_malloc(1000), ri_malloc(2000), ri_malloc(300000)};
  visits(blocks);
  formats();
  converts_nothing_else();
  for (size_t i = 0; i < 3; i++)
    ri_free(blocks[i]);
  ri_profile_stop();
  if (!check_emulated()) survives(arguments[0]);
  CHECK(unlink(path) == 0);
  return 0;
}
