// SPDX-License-Identifier: MIT
// pulls.c: a program that asks the library for one name, NAME, if for any, and not for malloc,
// which only libc calls for it. If the library is there, it is there whole: libc's blocks are its.
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

_Bool ri_is_in_heap_region(const void* p);  // not from the header, which has a type for each NAME
#pragma weak ri_is_in_heap_region

#if defined(NAME)
void NAME(void);
void (*volatile asked)(void) = NAME;
#endif

static int libc_is_ours(void) {
  return ri_is_in_heap_region != NULL && ri_is_in_heap_region(getcwd(NULL, 0));
}

int main(void) {
  if (!libc_is_ours()) {
    fputs("libc's blocks come from another allocator\n", stderr);
    return 1;
  }
  const pid_t child = fork();
  if (child == 0) _exit(libc_is_ours() ? 0 : 2);
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0) {
    fputs("nor in a child\n", stderr);
    return 1;
  }
  return 0;
}
