// SPDX-License-Identifier: MIT
// copies_host.c LIBRARY...: several copies of rimalloc in one process: that of the program, and one
// inside each library (plugin.c). Threads use all of them together, exit, and the process forks;
// each copy frees its own blocks, and one that is given a block of another says so and leaves it
// as it is.
#include "ours.h"

#include <dlfcn.h>
#include <sys/wait.h>

typedef void* take_fun(size_t size);
typedef void give_fun(void* p);
typedef int uses_fun(void);
typedef void work_fun(void);

enum { COPIES_MAX = 8, BLOCKS = 300 };
typedef struct copy_s {
  take_fun* take;
  give_fun* give;
  work_fun* work;
} copy_t;
static copy_t copies[COPIES_MAX];
static size_t count;

static void* own_take(size_t size) {
  void* const p = ours_malloc(size);
  check_fill(p, size, 3);
  return p;
}
static void own_give(void* p) { free(p); }
static void own_work(void) { free(ours_malloc(100000)); }

static void load(const char* path) {
  CHECK(count < COPIES_MAX);
  void* const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  CHECK_MSG(library != NULL, "%s", dlerror());
  copy_t* const copy = &copies[count++];
  uses_fun* uses;
  *(void**)&copy->take = dlsym(library, "plugin_take");
  *(void**)&copy->give = dlsym(library, "plugin_give");
  *(void**)&copy->work = dlsym(library, "plugin_work");
  *(void**)&uses = dlsym(library, "plugin_uses_rimalloc");
  CHECK(copy->take != NULL && copy->give != NULL && copy->work != NULL && uses != NULL);
  CHECK(uses() == 1);
  void* const p = copy->take(100);
  CHECK_MSG(!ours(p), "%s uses the program's copy", path);
  copy->give(p);
}

static void* use_all(void* arg) {
  uint64_t rng = (uint64_t)(uintptr_t)arg;
  void* blocks[BLOCKS] = {NULL};
  size_t sizes[BLOCKS] = {0}, from[BLOCKS] = {0};
  for (int i = 0; i < 6000; i++) {
    const size_t at = check_below(&rng, BLOCKS);
    if (blocks[at] != NULL) {
      CHECK_FILLED(blocks[at], sizes[at], 3);
      copies[from[at]].give(blocks[at]);
    }
    from[at] = check_below(&rng, count);
    sizes[at] = check_any_size(&rng, 32 * CHECK_KIB);
    blocks[at] = copies[from[at]].take(sizes[at]);
  }
  for (size_t at = 0; at < BLOCKS; at++) {
    if (blocks[at] != NULL) copies[from[at]].give(blocks[at]);
  }
  return NULL;
}

// Standard error is a file: what is reported can be counted there.
static off_t reported(void) { return lseek(STDERR_FILENO, 0, SEEK_CUR); }

static void give_to_wrong_copy(void) {
  for (size_t i = 0; i < count; i++) {
    for (size_t j = 0; j < count; j++) {
      if (i == j) continue;
      void* const p = copies[i].take(200);
      const off_t before = reported();
      copies[j].give(p);
      CHECK_MSG(reported() > before, "copy %zu said nothing of a block of copy %zu", j, i);
      CHECK_FILLED(p, 200, 3);
      copies[i].give(p);
    }
  }
}

int main(int argc, char** argv) {
  check_watchdog(60);
  copies[count++] = (copy_t){own_take, own_give, own_work};
  for (int i = 1; i < argc; i++)
    load(argv[i]);
  CHECK(count >= 3);
  for (int round = 0; round < 3; round++) {
    pthread_t threads[4];
    for (size_t t = 0; t < 4; t++)
      threads[t] = check_start(use_all, (void*)(t + 1));
    const pid_t pid = fork();
    if (pid == 0) {
      use_all((void*)7);
      for (size_t i = 0; i < count; i++)
        copies[i].work();
      _exit(0);
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK_MSG(status == 0, "child: status %x", (unsigned)status);
    for (size_t t = 0; t < 4; t++)
      check_join(threads[t]);
  }
  CHECK(reported() == 0);
  give_to_wrong_copy();
  return 0;
}
