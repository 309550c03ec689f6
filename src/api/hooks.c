// SPDX-License-Identifier: MIT
// hooks.c: registering a function for the memory of the OS, and who malloc is.
#include <stdlib.h>

#include "api/api.h"
#include "arena/meta.h"

// A function and its argument are one object that never changes, because system calls are made
// with locks held: nobody could wait there for a change.
static rix_meta_pool_t hooks_os_pool = {sizeof(rix_os_hook_t), 0, NULL};

bool ri_register_os_memory(ri_os_fun* fun, void* arg) {
  rix_os_hook_t* hook = NULL;
  if (fun != NULL) {
    hook = rix_meta_take(&hooks_os_pool);
    if (hook == NULL) return false;
    *hook = (rix_os_hook_t){fun, arg};
  }
  rix_os_set_hook(hook);
  return true;
}

bool ri_is_redirected(void) {
  char* const p = malloc(1);
  if (p == NULL) return false;
  *p = 0;  // or the compiler warns that a look-up could read it
  const bool ours = rix_pagemap_find(p) != NULL;
  free(p);
  return ours;
}
