// SPDX-License-Identifier: MIT
// hooks.c: see hooks.h, and rimalloc/hooks.h for what is promised.
#include "options/hooks.h"

#include "base/assert.h"
#include "options/options.h"
#include "options/report.h"
#include "os/os.h"

rix_hook_set_t rix_hook_xdeferred;

// A call of the program's function in this thread. It may be left without returning, by longjmp or
// an exception. Nothing reports the former (the latter could be noticed, but only with a library
// that C programs do not need). So a flag would not do, since nobody might clear it. But a call
// that is under way has its frame above everything that it calls, and in the frame the words that
// it put there. A stack that was left is reused or unmapped. A buffer that is not written to may
// leave the words as they are, though: so after a number of times that a call was thought to be
// under way, the function is called all the same. From then on it takes eight times as many, for
// that call and for those inside it: a function that itself allocates that much is called inside
// itself, but only a few times. What a function calls on another stack, of a coroutine, may be
// above it: then it may be called there again, once for each stack. (Stacks grow downwards on all
// CPUs in use.)
typedef struct hooks_call_s {
  uintptr_t frame;  // 0: none
  const uint32_t* words;
  uint32_t value;    // of each
  uint32_t skipped;  // calls that were not made because this one is under way
  uint32_t wait;     // of them before one is made
} hooks_call_t;

enum { HOOKS_WORDS = 25, HOOKS_STEP = 12 };  // every STEP-th is looked at

// In the frame of the call.
typedef struct hooks_scope_s {
  hooks_call_t* call;
  hooks_call_t outer;
  bool muted;
  volatile uint32_t words[HOOKS_WORDS];
} hooks_scope_t;

enum { HOOKS_OFTEN_MAX = 4096, HOOKS_OOM_MAX = 8, HOOKS_WAIT_FACTOR = 8 };

static __thread struct {
  hooks_call_t deferred, oom, pressure;
  uint32_t calls;
  unsigned long long heartbeat;
} hooks_mine;

// Reads a word that may no longer belong to the process. What lies on the same OS page as a frame
// in use is mapped; otherwise, and where a sanitizer knows better what is in use, the OS is asked.
static bool hooks_word_is(const uint32_t* word, uint32_t value, const void* frame) {
  enum { SMALLEST_PAGE = 4096 };
  if (!rix_os_is_watched && ((uintptr_t)word ^ (uintptr_t)frame) < SMALLEST_PAGE) {
    return *(const volatile uint32_t*)word == value;
  }
  return rix_os_word_is(word, value);
}

// Whether the code at `frame` was called by the function.
static bool hooks_is_inside(hooks_call_t* call, const void* frame) {
  if (RIX_LIKELY(call->frame == 0) || (uintptr_t)frame >= call->frame) return false;
  // Where the OS may not be asked the words are not looked at.
  const bool looks = !rix_option_os_forbidden();
  for (size_t i = 0; looks && i < HOOKS_WORDS; i += HOOKS_STEP) {
    if (hooks_word_is(&call->words[i], call->value, frame)) continue;
    call->frame = 0;  // it was left
    return false;
  }
  if (++call->skipped <= call->wait) return true;
  call->skipped = 0;
  if (call->wait < UINT32_MAX / HOOKS_WAIT_FACTOR) call->wait *= HOOKS_WAIT_FACTOR;
  return false;
}

// Before the check: leaves nothing of the words of an earlier call at the same place.
static void hooks_clear(hooks_scope_t* scope) {
  for (size_t i = 0; i < HOOKS_WORDS; i++)
    scope->words[i] = 0;
}

static void hooks_begin(hooks_scope_t* scope, hooks_call_t* call, const void* frame) {
  RI_ASSERT(!rix_lock_held());
  const uint32_t value = ++hooks_mine.calls * 2654435761u ^ (uint32_t)(uintptr_t)frame;
  for (size_t i = 0; i < HOOKS_WORDS; i++)
    scope->words[i] = value;
  scope->call = call;
  scope->muted = rix_report_is_muted();
  rix_report_mute(false);  // what the function does is its own; and it may not come back
  scope->outer = *call;
  const bool rare = call == &hooks_mine.oom;
  const uint32_t first = rare ? HOOKS_OOM_MAX : HOOKS_OFTEN_MAX;
  // A record that is not above this call belongs to a call that was left, and is ignored.
  const uint32_t wait = (uintptr_t)frame < call->frame ? call->wait : first;
  *call = (hooks_call_t){(uintptr_t)frame, (const uint32_t*)scope->words, value, 0, wait};
}

static void hooks_end(hooks_scope_t* scope) {
  *scope->call = scope->outer;
  rix_report_mute(scope->muted);
  hooks_clear(scope);
}

void rix_hook_set_deferred(ri_deferred_free_fun* fun, void* arg) {
  if (!rix_report_open()) return;
  rix_sealed.deferred = fun;
  rix_sealed.deferred_arg = arg;
  ri_store_relaxed(&rix_hook_xdeferred, fun != NULL);
  rix_sealed_close();
}

void rix_hook_run_deferred(bool force) {
  const void* const frame = __builtin_frame_address(0);
  hooks_scope_t scope;
  hooks_clear(&scope);
  if (hooks_is_inside(&hooks_mine.deferred, frame)) return;
  rix_lock(&rix_sealed_lock);
  ri_deferred_free_fun* const fun = rix_sealed.deferred;
  void* const arg = rix_sealed.deferred_arg;
  rix_unlock(&rix_sealed_lock);
  if (fun == NULL) return;
  const int saved = rix_os_errno();
  hooks_begin(&scope, &hooks_mine.deferred, frame);
  fun(force, ++hooks_mine.heartbeat, arg);
  hooks_end(&scope);
  rix_os_set_errno(saved);
}

void rix_hook_set_pressure(ri_pressure_fun* fun, void* arg) {
  if (!rix_report_open()) return;
  rix_sealed.pressure = fun;
  rix_sealed.pressure_arg = arg;
  rix_sealed_close();
}

void rix_hook_run_pressure(int level, size_t used, size_t limit, ri_heap_t* heap) {
  const void* const frame = __builtin_frame_address(0);
  hooks_scope_t scope;
  hooks_clear(&scope);
  if (hooks_is_inside(&hooks_mine.pressure, frame)) return;
  rix_lock(&rix_sealed_lock);
  ri_pressure_fun* const fun = rix_sealed.pressure;
  void* const arg = rix_sealed.pressure_arg;
  rix_unlock(&rix_sealed_lock);
  if (fun == NULL) return;
  const int saved = rix_os_errno();
  hooks_begin(&scope, &hooks_mine.pressure, frame);
  fun(level, used, limit, heap, arg);
  hooks_end(&scope);
  rix_os_set_errno(saved);
}

void rix_hook_set_out_of_memory(ri_oom_fun* fun, void* arg) {
  if (!rix_report_open()) return;
  rix_sealed.oom = fun;
  rix_sealed.oom_arg = arg;
  rix_sealed_close();
}

bool rix_hook_out_of_memory(size_t size, unsigned attempt) {
  const void* const frame = __builtin_frame_address(0);
  hooks_scope_t scope;
  hooks_clear(&scope);
  if (attempt >= RI_OOM_RETRIES || hooks_is_inside(&hooks_mine.oom, frame)) return false;
  rix_lock(&rix_sealed_lock);
  ri_oom_fun* const fun = rix_sealed.oom;
  void* const arg = rix_sealed.oom_arg;
  rix_unlock(&rix_sealed_lock);
  if (fun == NULL) return false;
  const int saved = rix_os_errno();
  hooks_begin(&scope, &hooks_mine.oom, frame);
  const ri_oom_t answer = fun(size, attempt, arg);
  hooks_end(&scope);
  if (answer == RI_OOM_ABORT) {
    rix_message("rimalloc: error: no memory for %zu bytes\n", size);
    rix_os_abort();
  }
  rix_os_set_errno(saved);
  return answer == RI_OOM_RETRY;
}
