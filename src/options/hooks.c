// SPDX-License-Identifier: MIT
// hooks.c: see hooks.h, and rimalloc/hooks.h for what is promised.
#include "options/hooks.h"

#include "options/report.h"
#include "os/os.h"

static struct {
  ri_deferred_free_fun* deferred;  // lock rix_report_lock
  void* deferred_arg;              // lock rix_report_lock
  ri_oom_fun* oom;                 // lock rix_report_lock
  void* oom_arg;                   // lock rix_report_lock
} hooks;

rix_hook_set_t rix_hook_xdeferred;

static __thread struct {
  bool in_deferred, in_oom;
  unsigned long long heartbeat;
} hooks_mine;

void ri_register_deferred_free(ri_deferred_free_fun* fun, void* arg) {
  rix_lock(&rix_report_lock);
  hooks.deferred = fun;
  hooks.deferred_arg = arg;
  ri_store_relaxed(&rix_hook_xdeferred, fun != NULL);
  rix_unlock(&rix_report_lock);
}

void rix_hook_run_deferred(bool force) {
  if (hooks_mine.in_deferred) return;
  rix_lock(&rix_report_lock);
  ri_deferred_free_fun* const fun = hooks.deferred;
  void* const arg = hooks.deferred_arg;
  rix_unlock(&rix_report_lock);
  if (fun == NULL) return;
  const int saved = rix_os_errno();
  hooks_mine.in_deferred = true;
  fun(force, ++hooks_mine.heartbeat, arg);
  hooks_mine.in_deferred = false;
  rix_os_set_errno(saved);
}

void ri_register_out_of_memory(ri_oom_fun* fun, void* arg) {
  rix_lock(&rix_report_lock);
  hooks.oom = fun;
  hooks.oom_arg = arg;
  rix_unlock(&rix_report_lock);
}

bool rix_hook_out_of_memory(size_t size, unsigned attempt) {
  if (hooks_mine.in_oom || attempt >= RI_OOM_RETRIES) return false;
  rix_lock(&rix_report_lock);
  ri_oom_fun* const fun = hooks.oom;
  void* const arg = hooks.oom_arg;
  rix_unlock(&rix_report_lock);
  if (fun == NULL) return false;
  const int saved = rix_os_errno();
  hooks_mine.in_oom = true;
  const ri_oom_t wish = fun(size, attempt, arg);
  hooks_mine.in_oom = false;
  if (wish == RI_OOM_ABORT) {
    rix_message("rimalloc: error: no memory for %zu bytes\n", size);
    rix_os_abort();
  }
  rix_os_set_errno(saved);
  return wish == RI_OOM_RETRY;
}
