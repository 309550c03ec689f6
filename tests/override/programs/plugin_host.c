// SPDX-License-Identifier: MIT
// plugin_host.c LIBRARY COUNT USES GROWTH: loads and unloads a plugin again and again. USES is 1
// when the plugin's malloc must be rimalloc. Threads that used the plugin end after it was
// unloaded, and the process forks: no hook may point into memory that is gone. Address space may
// grow by no more than GROWTH MiB each time, and 16 MiB in all.
#include <dlfcn.h>
#include <sys/wait.h>

#include "../../check.h"

typedef void work_fun(void);
typedef int uses_fun(void);
typedef void* take_fun(size_t size);
typedef void give_fun(void* p);

typedef struct visit_s {
  work_fun* work;
  pthread_barrier_t used, unloaded;
} visit_t;

static void* symbol(void* library, const char* name) {
  void* const p = dlsym(library, name);
  CHECK_MSG(p != NULL, "%s", dlerror());
  return p;
}

// Uses the plugin, and ends when it is gone.
static void* visitor(void* arg) {
  visit_t* const visit = arg;
  visit->work();
  pthread_barrier_wait(&visit->used);
  pthread_barrier_wait(&visit->unloaded);
  return NULL;
}

static void visit_once(const char* path, bool uses) {
  void* const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  CHECK_MSG(library != NULL, "%s", dlerror());
  uses_fun* uses_it;
  take_fun* take;
  give_fun* give;
  visit_t visit;
  *(void**)&uses_it = symbol(library, "plugin_uses_rimalloc");
  *(void**)&take = symbol(library, "plugin_take");
  *(void**)&give = symbol(library, "plugin_give");
  *(void**)&visit.work = symbol(library, "plugin_work");
  CHECK_MSG(uses_it() == (uses ? 1 : 0), "the plugin %s rimalloc", uses ? "does not use" : "uses");
  void* const p = take(1000);
  CHECK_FILLED(p, 1000, 3);
  give(p);
  visit.work();
  CHECK(pthread_barrier_init(&visit.used, NULL, 2) == 0);
  CHECK(pthread_barrier_init(&visit.unloaded, NULL, 2) == 0);
  const pthread_t thread = check_start(visitor, &visit);
  pthread_barrier_wait(&visit.used);
  CHECK(dlclose(library) == 0);
  pthread_barrier_wait(&visit.unloaded);
  check_join(thread);
  pthread_barrier_destroy(&visit.used);
  pthread_barrier_destroy(&visit.unloaded);
  const pid_t pid = fork();
  if (pid == 0) {
    free(malloc(100));
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK_MSG(status == 0, "child ended with status %d", status);
}

int main(int argc, char** argv) {
  check_watchdog(60);
  CHECK(argc == 5);
  const size_t count = (size_t)atoi(argv[2]);
  const bool uses = atoi(argv[3]) != 0;
  for (size_t i = 0; i < 5; i++)
    visit_once(argv[1], uses);
  const size_t before = check_address_space();
  for (size_t i = 0; i < count; i++)
    visit_once(argv[1], uses);
  const size_t after = check_address_space();
  const size_t growth = (size_t)atoi(argv[4]) * count + 16;
  CHECK_MSG(after <= before + growth * CHECK_MIB, "address space: %zu KiB, then %zu KiB",
            before / CHECK_KIB, after / CHECK_KIB);
  return 0;
}
