// SPDX-License-Identifier: MIT
// process.c: the exit key and the hook for the OS's memory (os/process.h), over keys as POSIX has
// them: one may be used only by a thread that knows that it was created and not yet deleted.
#include "os/process.h"

#include "model.h"

enum { KEYS = 4 };

static rix_exit_key_t word;
static uint32_t lock;
static bool made[KEYS];  // plain: whoever uses a key must have seen that it was made
static uint64_t keys;
static int ends;

static bool make(uint64_t* key, void (*done)(void* value)) {
  (void)done;
  model_lock(&lock);
  *key = keys++;
  model_unlock(&lock);
  MODEL_CHECK(*key < KEYS);
  made[*key] = true;
  return true;
}
static void drop(uint64_t key) {
  MODEL_CHECK(made[key]);
  made[key] = false;
}

static void opens(void) { MODEL_CHECK(rix_exit_key_open(&word, NULL, make, drop)); }
static void opens_and_uses(void) {
  opens();
  uint64_t key;
  MODEL_CHECK(rix_exit_key_get(&word, &key) && made[key]);
}
static void uses(void) {
  uint64_t key;
  if (rix_exit_key_get(&word, &key)) MODEL_CHECK(made[key]);
}
static void closes(void) { rix_exit_key_close(&word, drop); }
static void finish(void) {
  int left = 0;
  for (int i = 0; i < KEYS; i++)
    left += made[i];
  MODEL_CHECK(left == (ri_load_relaxed(&word) != 0));
  model_outcome("%d of %d", left, (int)keys);
}

// ---- The hook -----------------------------------------------------------------------------------

static rix_os_hook_slot_t slot;
static rix_os_hook_t hook[2];
static bool told_by(ri_os_event_t event, void* p, size_t size, void* arg) {
  (void)event, (void)p, (void)size;
  MODEL_CHECK(arg == &hook[0] || arg == &hook[1]);
  ends++;
  return true;
}
static void registers(void) {
  for (int i = 0; i < 2; i++) {
    hook[i] = (rix_os_hook_t){told_by, &hook[i]};
    rix_os_hook_put(&slot, &hook[i]);
  }
}
static void tells(void) {
  const rix_os_hook_t* const to = rix_os_hook_get(&slot);
  if (to != NULL) MODEL_CHECK(to->fun(RI_OS_MAP, NULL, 0, to->arg));
}

const model_scenario_t model_scenarios[] = {
    {.name = "key_open",
     .property = "one key stays, and who opened it can use it",
     .thread = {opens_and_uses, opens_and_uses, uses},
     .finish = finish},
    {.name = "key_close",
     .property = "no key is left when the process ends while a thread begins",
     .thread = {opens, closes},
     .finish = finish},
    {.name = "hook_tell",
     .property = "a hook that can be seen is whole",
     .thread = {registers, tells}},
    {.name = NULL}};
