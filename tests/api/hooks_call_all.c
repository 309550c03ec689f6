// SPDX-License-Identifier: MIT
// hooks_call_all.c: each function that a program may register or hand over calls each function of
// the interface, from each place that it is called from: messages while arenas, statistics, options
// and errors are told, errors of a heap whose owner has ended, deferred frees, lack of memory,
// visitors. docs/lifecycle.md promises that no lock is held then. Catches: a hook that is called
// under a lock, which hangs it (the watchdog names the pair) or fails an assertion.
#include "calls.h"

#include <signal.h>

static const char* place;        // where the hook is called from
static const calls_one_t* call;  // what it does
static size_t hook_calls;
static bool acted;

static void say(const char* text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0) _exit(2);
}

static void hangs(int signal) {
  (void)signal;
  say(place);
  say(": hangs in: ");
  say(call->name);
  say("\n");
  _exit(1);
}

// The link of a free block that a test overwrote, and what it was.
static uint8_t* link_at;
static void* link_was;

// Once for each: its messages come back here, and an arena that it makes is printed as well.
static void act(void) {
  hook_calls++;
  if (acted) return;
  acted = true;
  if (link_at != NULL) memcpy(link_at, &link_was, sizeof(link_was));
  call->make();
}

static void output(const char* message, void* arg) {
  (void)message, (void)arg;
  if (strcmp(place, "message") == 0) act();
}
static void error(int code, void* arg) {
  (void)code, (void)arg;
  if (strcmp(place, "error") == 0) act();
}
static void deferred(bool force, unsigned long long heartbeat, void* arg) {
  (void)force, (void)heartbeat, (void)arg;
  act();
}
static ri_oom_t no_memory(size_t size, unsigned attempt, void* arg) {
  (void)size, (void)attempt, (void)arg;
  act();
  return RI_OOM_FAIL;
}
static bool block_visitor(const ri_heap_t* heap, const ri_heap_area_t* area, void* block,
                          size_t size, void* arg) {
  (void)heap, (void)area, (void)block, (void)size, (void)arg;
  act();
  return true;
}
static bool heap_visitor(ri_heap_t* heap, void* arg) {
  (void)heap, (void)arg;
  act();
  return true;
}

// Does `from` for each call of the list but some kinds; the hook must have come each time.
static void walk(const char* name, unsigned without, void (*from)(void)) {
  place = name;
  for (size_t i = 0; i < CALLS_COUNT; i++) {
    call = &calls_all[i];
    if ((call->kind & without) != 0) continue;
    const size_t before = hook_calls;
    acted = false;
    (void)alarm(check_sanitized() || check_emulated() ? 120 : 30);
    from();
    CHECK_MSG(hook_calls > before, "%s: not called", name);
  }
}

// ---- Where they are called from -----------------------------------------------------------------

static void from_arenas(void) { ri_arenas_print(); }
static void from_statistics(void) {
  ri_stats_print_out(NULL, NULL);
  ri_heap_stats_print_out(NULL, NULL, NULL);
  ri_subproc_heap_stats_print_out(ri_subproc_main(), NULL, NULL);
  ri_thread_stats_print_out(NULL, NULL);
}
static void from_options(void) { ri_options_print(); }
static void from_warning(void) { ri_option_set(ri_option_check, 1000000); }
static void from_errors(void) {
  ri_option_set(ri_option_check, 0);
  calls_wrong();
  void* const p = ri_malloc(100);
  ri_free_sized(p, 100000);
  ri_heap_delete(ri_heap_main());
}

// A thread without heap overwrites the link of a free block, and the heartbeat of the heap that all
// such threads share looks (option check).
static void late(void* arg) {
  (void)arg;
  void* blocks[6];
  for (size_t i = 0; i < 6; i++)
    blocks[i] = ri_malloc(1000);
  uint8_t* last = blocks[0];
  for (size_t i = 1; i < 6; i++) {
    if ((uint8_t*)blocks[i] > last) last = blocks[i];
  }
  link_at = last + ri_usable_size(last);
  void* const wrong = last + 8;
  memcpy(&link_was, link_at, sizeof(link_was));
  memcpy(link_at, &wrong, sizeof(wrong));
  static void* many[3000];
  for (size_t i = 0; i < 3000; i++)
    many[i] = ri_malloc(20000 + i % 7 * 3000);
  for (size_t i = 0; i < 3000; i++)
    ri_free(many[i]);
  for (size_t i = 0; i < 6; i++)
    ri_free(blocks[i]);
}
static void* starts(void* arg) {
  ri_free(ri_malloc(1));
  return arg;
}
// In a process of its own, whose threads have left nothing there yet.
static void from_orphans(void) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    (void)alarm(30);
    const size_t before = hook_calls;
    ri_option_set(ri_option_check, 2);
    check_late(starts, late, NULL);
    _exit(hook_calls > before ? 5 : 6);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 5, "%s: %x", call->name, (unsigned)status);
  hook_calls++;
}

static void from_allocations(void) {
  ri_free(ri_malloc(200000));
  ri_collect(true);
}

static ri_heap_t* small;
static void from_want(void) {
  CHECK(ri_heap_malloc(small, (size_t)1 << 20) == NULL);
  void* blocks[300];
  size_t n = 0;
  while (n < 300 && (blocks[n] = ri_heap_malloc(small, 8000)) != NULL)
    n++;
  CHECK(n < 300);
  while (n > 0)
    ri_free(blocks[--n]);
}

static void* leaves_blocks(void* heap) {
  for (size_t i = 0; i < 20; i++)
    CHECK(ri_heap_malloc(heap, 100 * (i + 1)) != NULL);
  return NULL;
}
static void from_visits(void) { CHECK(ri_heap_visit_blocks(small, true, block_visitor, NULL)); }
static void from_abandoned(void) {
  CHECK(ri_heap_visit_abandoned_blocks(small, true, block_visitor, NULL));
}
static void from_theap(void) {
  CHECK(ri_theap_visit_blocks(ri_heap_theap(small), true, block_visitor, NULL));
}
static void from_heaps(void) {
  CHECK(ri_subproc_visit_heaps(ri_subproc_main(), heap_visitor, NULL));
}

int main(void) {
  (void)signal(SIGALRM, hangs);
  void* const live = ri_malloc(100);
  ri_option_set(ri_option_max_warnings, 1000000);
  ri_option_set(ri_option_max_errors, 1000000);
  ri_register_output(output, NULL);
  ri_register_error(error, NULL);
  walk("message", 0, from_arenas);
  walk("message", 0, from_statistics);
  walk("message", 0, from_options);
  walk("message", 0, from_warning);
  walk("message", 0, from_errors);
  walk("error", 0, from_errors);
  if (RIX_DEBUG < 2 && !check_sanitized()) {  // an audit would find it first, and abort
    walk("error", CALLS_COLLECTS | CALLS_PROCESS, from_orphans);
  }
  small = ri_heap_new();
  CHECK(small != NULL && ri_heap_set_quota(small, (size_t)256 * CHECK_KIB));
  place = "nothing";
  ri_register_deferred_free(deferred, NULL);
  walk("deferred free", CALLS_HEAPS, from_allocations);
  ri_register_deferred_free(NULL, NULL);
  ri_register_out_of_memory(no_memory, NULL);
  walk("lack of memory", 0, from_want);
  ri_register_out_of_memory(NULL, NULL);
  CHECK(ri_heap_set_quota(small, 0));
  check_in_thread(leaves_blocks, small);
  walk("visitor of left blocks", CALLS_COLLECTS, from_abandoned);
  leaves_blocks(small);
  walk("visitor of blocks", CALLS_COLLECTS, from_visits);
  walk("visitor of a theap", CALLS_COLLECTS, from_theap);
  walk("visitor of heaps", 0, from_heaps);
  ri_heap_destroy(small);
  ri_free(live);
  ri_register_output(NULL, NULL);
  ri_register_error(NULL, NULL);
  CHECK(ri_audit());
  return 0;
}
