// SPDX-License-Identifier: MIT
// deep_host.c: a program that opens libraries with RTLD_DEEPBIND. On the C library alone all of it
// works, and so it must on rimalloc. Arguments: the folder of deep_lib.so and deep_caller.so, and
//   bound    libc's names lead to rimalloc from then on
//   ignored  the flag does nothing
//   apart    libc's names are libc's (nothing is handed over then)
//   libc     there is no rimalloc
#include "../../check.h"

#include <dlfcn.h>

#pragma weak ri_is_in_heap_region

typedef void* open_t(const char* name, int mode);
typedef int work_t(void);
typedef void* malloc_t(size_t size);
typedef void* realloc_t(void* p, size_t size);
typedef void free_t(void* p);

static void* must(void* p, const char* what) {
  CHECK_MSG(p != NULL, "%s: %s", what, dlerror());
  return p;
}

static void* find(void* library, const char* name) { return must(dlsym(library, name), name); }

static void hand_over(void* library) {
  malloc_t* const take = (malloc_t*)find(library, "deep_malloc");
  realloc_t* const resize = (realloc_t*)find(library, "deep_realloc");
  free_t* const give = (free_t*)find(library, "deep_free");
  for (size_t size = 1; size < CHECK_MIB; size += 1 + size / 3) {
    give(take(size));
    char* p = take(size);
    check_fill(p, size, 1);
    p = realloc(p, size + 900);
    CHECK_FILLED(p, size, 1);
    free(p);
    p = malloc(size);
    check_fill(p, size, 2);
    p = resize(p, size + 900);
    CHECK_FILLED(p, size, 2);
    give(p);
  }
  char** const kept = find(library, "deep_kept");
  CHECK(*kept == NULL || strcmp(*kept, "kept") == 0);
  free(*kept);
  *kept = NULL;
  CHECK(((work_t*)find(library, "deep_work"))() == 0);
}

static void* thread(void* arg) {
  hand_over(arg);
  return NULL;
}

int main(int argc, char** argv) {
  check_watchdog(60);
  CHECK(argc == 3);
  char name[4000];
  snprintf(name, sizeof(name), "%s/deep_caller.so", argv[1]);
  void* const caller = must(dlopen(name, RTLD_NOW), name);
  open_t* const open = (open_t*)find(caller, "deep_open");
  CHECK_MSG(dlopen("deep_lib.so", RTLD_NOW) == NULL, "found without the caller's search path");
  const bool apart = strcmp(argv[2], "apart") == 0;
  void* const libc = must(dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD), "libc");
  // Before anything else, so that the library is new each time.
  void* const library = must(open("deep_lib.so", RTLD_NOW | (apart ? 0 : RTLD_DEEPBIND)), "open");
  hand_over(library);
  check_in_thread(thread, library);
  malloc_t* const of_libc = (malloc_t*)find(libc, "malloc");
  if (ri_is_in_heap_region == NULL) return strcmp(argv[2], "libc") == 0 ? 0 : 1;
  void* const p = of_libc(100);
  CHECK(ri_is_in_heap_region(p) == (strcmp(argv[2], "bound") == 0));
  CHECK(dlclose(library) == 0);
  return 0;
}
