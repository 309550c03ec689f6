// SPDX-License-Identifier: MIT
// observe.c: what a program may set and ask at any time while others allocate: options, hooks,
// statistics (options/options.c, report.c, observe/stats.c).
#include <errno.h>

#include <rimalloc/rimalloc.h>

#include "options/hooks.h"
#include "options/report.h"
#include "world.h"

static void* block[2];
static int first, second;  // arguments of hooks

static void setup(void) {
  world_setup(2, true);
  os_model.messages_allowed = true;
  for (int i = 0; i < 2; i++)
    block[i] = world_malloc_as(i, 70000);
}

// A hook gets the argument that it was registered with, never another's.
static void hook_1(int code, void* arg) { MODEL_CHECK(code == ENOMEM && arg == &first); }
static void hook_2(int code, void* arg) { MODEL_CHECK(code == ENOMEM && arg == &second); }
static void output_1(const char* text, void* arg) { MODEL_CHECK(*text != 0 && arg == &first); }
static void output_2(const char* text, void* arg) { MODEL_CHECK(*text != 0 && arg == &second); }

static void setup_hooks(void) {
  setup();
  ri_register_error(hook_1, &first);
  ri_register_output(output_1, &first);
}
static void registers(void) {
  ri_register_error(hook_2, &second);
  ri_register_output(output_2, &second);
}
static ri_oom_t oom_1(size_t size, unsigned attempt, void* arg) {
  MODEL_CHECK(size == 10 && attempt == 0 && arg == &first);
  return RI_OOM_FAIL;
}
static ri_oom_t oom_2(size_t size, unsigned attempt, void* arg) {
  MODEL_CHECK(size == 10 && attempt == 0 && arg == &second);
  return RI_OOM_FAIL;
}
static void deferred_1(bool force, unsigned long long beat, void* arg) {
  MODEL_CHECK(!force && beat > 0 && arg == &first);
}
static void deferred_2(bool force, unsigned long long beat, void* arg) {
  MODEL_CHECK(!force && beat > 0 && arg == &second);
}
static void setup_memory_hooks(void) {
  setup();
  ri_register_deferred_free(deferred_1, &first);
  ri_register_out_of_memory(oom_1, &first);
}
static void registers_memory_hooks(void) {
  ri_register_deferred_free(deferred_2, &second);
  ri_register_out_of_memory(oom_2, &second);
  ri_register_deferred_free(NULL, NULL);
}
static void allocates_with_hooks(void) {
  world_malloc(WORLD_BLOCK);  // slowly, so that it calls the first
  MODEL_CHECK(!rix_hook_out_of_memory(10, 0));
}
static void removes(void) { ri_register_error(NULL, NULL); }
static void calls(void) {
  MODEL_CHECK(rix_out_of_memory(10) == NULL);
  const rix_output_t to = rix_output_current();
  to.out("text", to.arg);
}

static void sets_option(void) {
  ri_option_set(ri_option_purge_delay, 7);
  ri_option_set(ri_option_purge_delay, 9);
}
static void sets_default(void) { ri_option_set_default(ri_option_mapping_cache, 3); }
static void reads_option(void) {
  const long a = ri_option_get(ri_option_purge_delay);
  const long b = ri_option_get(ri_option_purge_delay);
  MODEL_CHECK((a == -1 || a == 7 || a == 9) && (b == 9 || b == 7 || b == a));
  MODEL_CHECK(!(a == 9 && b == 7));  // nobody sees an older value after a newer one
  const long c = ri_option_get(ri_option_mapping_cache);
  MODEL_CHECK(c == 3 || c == 256);
}

static void takes_0(void) { block[0] = ri_malloc(70000); }
// Without world_setup, which takes the counters of statistics out of what is explored.
static void setup_counted(void) {
  os_model_init();
  ri_option_set(ri_option_arena_reserve, 1024);
  ri_option_set(ri_option_purge_delay, -1);
  for (int t = 0; t < 2; t++)
    model_as(t, ri_thread_init);
  model_as(0, takes_0);
}
static void frees_0(void) { ri_free(block[0]); }
// No sum is of more than there can be, or below zero.
static void sums(void) {
  ri_summary_t s;
  ri_summary(&s);
  MODEL_CHECK(s.blocks <= 2 && s.pages <= 2 && s.in_use <= 2 * (size_t)131072);
  MODEL_CHECK(s.in_use <= s.reserved && s.arenas == 1 && s.threads == 2);
}

static void finish(void) { world_check(); }

const model_scenario_t model_scenarios[] = {
    {.name = "hooks",
     .property = "a hook is called with its own argument, whoever registers another meanwhile",
     .setup = setup_hooks,
     .thread = {calls, registers, removes},
     .finish = finish},
    {.name = "memory_hooks",
     .property = "so are the hooks for little and no memory",
     .setup = setup_memory_hooks,
     .thread = {allocates_with_hooks, registers_memory_hooks},
     .finish = finish},
    {.name = "options",
     .property = "an option read is one that was set, in the order in which it was set",
     .setup = setup,
     .thread = {sets_option, reads_option, sets_default},
     .finish = finish},
    {.name = "statistics",
     .property = "statistics are of what there may be, while blocks come and go",
     .setup = setup_counted,
     .thread = {frees_0, sums}},
    {.name = NULL}};
