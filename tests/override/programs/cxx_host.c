// SPDX-License-Identifier: MIT
// cxx_host.c PLUGIN | cxx_host.c: a C program. With a plugin: loads it with RTLD_LOCAL, so that the
// C++ library is in the process but not in the scope of rimalloc. Without: there is no C++ library
// at all; operator new works, its nothrow forms return NULL, and the others end the process.
#include <dlfcn.h>

#include "ours.h"

typedef void* new_fun(size_t size);
typedef void* new_nothrow_fun(size_t size, const void* tag);
typedef void delete_fun(void* p);
typedef int check_fun(void);

static void* symbol(void* library, const char* name) {
  void* const p = dlsym(library, name);
  CHECK_MSG(p != NULL, "%s", dlerror());
  return p;
}

int main(int argc, char** argv) {
  check_watchdog(30);
  new_fun* new_it;
  new_nothrow_fun* new_nothrow;
  delete_fun* delete_it;
  const bool is_long = sizeof(size_t) == 8;
  *(void**)&new_it = symbol(RTLD_DEFAULT, is_long ? "_Znwm" : "_Znwj");
  *(void**)&new_nothrow =
      symbol(RTLD_DEFAULT, is_long ? "_ZnwmRKSt9nothrow_t" : "_ZnwjRKSt9nothrow_t");
  *(void**)&delete_it = symbol(RTLD_DEFAULT, "_ZdlPv");
  CHECK_MSG(dlsym(RTLD_DEFAULT, "__cxa_begin_catch") == NULL, "a C++ library came along");
  if (argc == 2) {
    void* const library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    CHECK_MSG(library != NULL, "%s", dlerror());
    check_fun* run;
    *(void**)&run = symbol(library, "plugin_check");
    CHECK(run() == 1);
    return 0;
  }
  const char tag = 0;
  void* const p = new_it(100);
  CHECK(p != NULL && ours(p));
  delete_it(p);
  CHECK(new_nothrow(CHECK_LARGEST, &tag) == NULL);
  printf("before\n");
  fflush(stdout);
  (void)new_it(CHECK_LARGEST);  // nobody to throw to: a message and SIGABRT
  printf("after\n");
  return 0;
}
