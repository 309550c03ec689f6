// SPDX-License-Identifier: MIT
// hooks.c: registering the program's functions, and whether malloc is ours.
#include <stdlib.h>

#include "api/api.h"
#include "arena/meta.h"
#include "heap/scavenge.h"
#include "options/hooks.h"
#include "options/report.h"

void ri_register_output(ri_output_fun* out, void* arg) { rix_report_set_output(out, arg); }

void ri_register_error(ri_error_fun* fun, void* arg) { rix_report_set_error(fun, arg); }

void ri_register_deferred_free(ri_deferred_free_fun* fun, void* arg) {
  rix_hook_set_deferred(fun, arg);
}

void ri_register_out_of_memory(ri_oom_fun* fun, void* arg) { rix_hook_set_out_of_memory(fun, arg); }

// A function and its argument are one object that never changes, because system calls are made with
// locks held, where nobody could wait for a change.
static rix_meta_pool_t hooks_os_pool = {sizeof(rix_os_hook_t), 0, NULL};

bool ri_register_os_memory(ri_os_fun* fun, void* arg) {
  rix_os_hook_t* hook = NULL;
  if (fun != NULL) {
    hook = rix_meta_take(&hooks_os_pool);
    if (hook == NULL) return false;
    *hook = (rix_os_hook_t){fun, arg};
    rix_scavenge_forbid(RIX_SCAVENGE_HOOK);
  }
  rix_os_set_hook(hook);
  return true;
}

bool ri_is_redirected(void) {
  char* const p = malloc(1);
  if (p == NULL) return false;
  *p = 0;  // otherwise the compiler warns that a look-up could read it
  const bool ours = rix_pagemap_find(p) != NULL;
  free(p);
  return ours;
}
