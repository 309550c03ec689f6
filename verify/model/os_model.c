// SPDX-License-Identifier: MIT
// os_model.c: an operating system for scenarios (src/os/os.h). Memory is a static array that starts
// as zeroes; nothing depends on the order of threads: each thread maps from its own part.
// Time stands still unless a scenario moves it. A message of the allocator is a failure.
#include "os_model.h"

#include <string.h>

#include "model.h"
#include "os/os.h"

enum { PART = 3 << 20, SETUP_PART = 8 << 20, ALIGNMENT = 64 * 1024 };

static __attribute__((aligned(ALIGNMENT))) uint8_t os_memory[SETUP_PART + MODEL_THREADS * PART];
static size_t os_setup_used;
static __thread size_t os_thread_used;
static __thread void* os_exit_value;
static __thread bool os_passes;
static __thread uint32_t os_held;  // levels of the locks that the thread has

os_model_t os_model;

// Mappings that were put where they were asked to: address space that nobody may touch.
enum { PLACES_MAX = 16 };
static struct {
  uint8_t* start[PLACES_MAX];  // NULL: none
  size_t size[PLACES_MAX];
} os_placed;
static uint32_t os_placed_lock;

void os_model_init(void) {
  os_model = (os_model_t){.address_space = (size_t)64 << 20};
  os_setup_used = 0;
  model_state(&os_model, sizeof(os_model));
  memset(&os_placed, 0, sizeof(os_placed));
  model_state(&os_placed, sizeof(os_placed));
  model_state(&os_setup_used, sizeof(os_setup_used));
}

void os_model_thread_exit(void) {
  void* const value = os_exit_value;
  os_exit_value = NULL;
  if (value != NULL) os_model.exit(value);
}

// ---- Memory -------------------------------------------------------------------------------------

size_t rix_os_page_size(void) { return 4096; }
unsigned rix_os_address_bits(void) { return RIX_OS_ADDRESS_BITS; }
bool rix_os_strict_commit(void) { return os_model.strict_commit; }
size_t rix_os_address_space_limit(void) { return os_model.address_space; }
void rix_os_start(void) {}
bool rix_os_group_find(rix_os_group_t* group) {
  (void)group;
  return false;
}
bool rix_os_group_read(rix_os_group_t* group) { return rix_os_group_find(group); }
bool rix_os_fits(size_t size, bool asks) {
  (void)size, (void)asks;
  return true;
}

void* rix_os_map_aligned(void* hint, size_t size, size_t alignment, rix_os_access_t access) {
  (void)hint;
  const int t = model_thread();
  size_t* const used = t < 0 ? &os_setup_used : &os_thread_used;
  uint8_t* const part = t < 0 ? os_memory : os_memory + SETUP_PART + (size_t)t * PART;
  if (alignment < 4096) alignment = 4096;
  const size_t at = (size_t)(-(uintptr_t)(part + *used)) & (alignment - 1);
  if (os_model.refuse_memory || *used + at + size > (size_t)(t < 0 ? SETUP_PART : PART))
    return NULL;
  uint8_t* const p = part + *used + at;
  *used += at + size;
  if (access == RIX_OS_RESERVED) model_forbid(p, size);
  return p;
}

// What overlaps the range; PLACES_MAX: nothing does.
static unsigned os_find_placed(const uint8_t* p, size_t size) {
  unsigned i = 0;
  while (i < PLACES_MAX &&
         (os_placed.start[i] == NULL || p >= os_placed.start[i] + os_placed.size[i] ||
          os_placed.start[i] >= p + size)) {
    i++;
  }
  return i;
}

// Not in what the model's OS has: that is taken.
static bool os_place(uint8_t* p, size_t size) {
  if (p >= os_memory && p < os_memory + sizeof(os_memory)) return false;
  model_lock(&os_placed_lock);
  const bool is_free = os_find_placed(p, size) == PLACES_MAX;
  for (unsigned i = 0; is_free && i < PLACES_MAX; i++) {
    if (os_placed.start[i] != NULL) continue;
    os_placed.start[i] = p;
    os_placed.size[i] = size;
    break;
  }
  model_unlock(&os_placed_lock);
  return is_free;
}

static bool os_unplace(const uint8_t* p, size_t size) {
  if (!os_model.places) return false;
  model_lock(&os_placed_lock);
  const unsigned i = os_find_placed(p, size);
  if (i < PLACES_MAX) os_placed.start[i] = NULL;
  model_unlock(&os_placed_lock);
  return i < PLACES_MAX;
}

void* rix_os_map(void* hint, size_t size, rix_os_access_t access) {
  if (os_model.places && hint != NULL && os_place(hint, size)) return hint;
  return rix_os_map_aligned(hint, size, ALIGNMENT, access);
}

// Content is gone, and whoever touches it at the same time is wrong.
static void os_zero(void* p, size_t size) {
  model_writes(p, size);
  memset(p, 0, size);
}

bool rix_os_unmap(void* p, size_t size) {
  if (os_unplace(p, size)) return true;
  model_permit(p, size);  // it may be reserved only
  os_zero(p, size);
  model_forbid(p, size);
  return true;
}

bool rix_os_commit(void* p, size_t size) {
  if (os_model.refuse_memory || os_model.refuse_commit) return false;
  model_permit(p, size);
  return true;
}

// Static memory: the explorer has no rights for it, unit/sealed_os_fail sees to that.
bool rix_os_seal(void* p, size_t size, bool sealed) {
  (void)p, (void)size, (void)sealed;
  return true;
}

bool rix_os_readable(void* p, size_t size) {
  model_permit(p, size);
  return true;
}

bool rix_os_enable(void* p, size_t size) { return rix_os_commit(p, size); }

bool rix_os_decommit(void* p, size_t size) {
  model_permit(p, size);  // it may be so already, which changes nothing
  os_zero(p, size);
  model_forbid(p, size);
  return true;
}

bool rix_os_is_private(void* p, size_t size) {
  (void)p, (void)size;
  return true;
}

bool rix_os_purge(void* p, size_t size) {
  os_zero(p, size);
  return true;
}

bool rix_os_reset(void* p, size_t size) { return rix_os_purge(p, size); }

void rix_os_advise_plain(void* p, size_t size) { (void)p, (void)size; }
void rix_os_split_huge(void* p) { (void)p; }
bool rix_os_is_written(uintptr_t at) { return (void)at, false; }
const bool rix_os_is_watched = true;
bool rix_os_is_readable(uintptr_t at) { return (void)at, false; }
void rix_os_advise_huge(void* p, size_t size) { (void)p, (void)size; }
bool rix_os_disable_huge(void) { return false; }

bool rix_os_move(void* from, void* to, size_t size) {
  (void)from, (void)to, (void)size;
  return false;
}

bool rix_os_resize(void* p, size_t old_size, size_t new_size) {
  (void)p;
  return new_size <= old_size;
}

size_t rix_os_calls(void) { return 0; }

// ---- Time, randomness, environment, output ------------------------------------------------------

uint64_t rix_os_clock_ms(void) { return os_model.clock_ms; }
uint64_t rix_os_random(void) { return 0x5DEECE66D; }
bool rix_os_env_ready(void) { return true; }
const char* rix_os_env_entry(size_t i) {
  (void)i;
  return NULL;
}

void rix_os_write_error(const char* text, size_t length) {
  (void)length;
  if (!os_model.messages_allowed) model_fail(text, __FILE__, __LINE__);
}

void rix_os_abort(void) { model_fail("the allocator aborts", __FILE__, __LINE__); }
char* rix_os_realpath(const char* path, char* resolved) {
  (void)path, (void)resolved;
  return NULL;
}
size_t rix_os_path_max(void) { return 4096; }
int rix_os_errno(void) { return 0; }
void rix_os_set_errno(int code) { (void)code; }
void rix_os_usage(rix_os_usage_t* usage) { memset(usage, 0, sizeof(*usage)); }

void* rix_os_find_symbol(const char* library, const char* name) {
  (void)library, (void)name;
  return NULL;
}
bool rix_os_can_catch(void) { return false; }
void* rix_os_try(void* (*call)(void* arg), void* arg) {
  (void)call, (void)arg;
  return NULL;
}

// ---- Threads ------------------------------------------------------------------------------------

// A thread may only wait for a lock of a higher level than all that it holds.
void rix_lock(rix_lock_t* lock) {
  if (os_passes) return;
  if (os_held >> lock->level != 0) model_fail("a lock is taken out of order", __FILE__, __LINE__);
  model_lock(&lock->xstate.v);
  os_held |= 1u << lock->level;
}
bool rix_lock_try(rix_lock_t* lock) {
  if (os_passes) return true;
  const bool taken = model_lock_try(&lock->xstate.v);
  if (taken) os_held |= 1u << lock->level;
  return taken;
}
void rix_unlock(rix_lock_t* lock) {
  if (os_passes) return;
  os_held &= ~(1u << lock->level);
  model_unlock(&lock->xstate.v);
}
bool rix_lock_held(void) { return os_held != 0 && !os_passes; }
bool rix_os_word_is(const uint32_t* word, uint32_t value) { return *word == value; }
void rix_lock_pass(bool pass) { os_passes = pass; }

bool rix_stress_draw(uint32_t n) {
  (void)n;
  return false;
}
void rix_stress_yield(void) {}

void os_model_on_exit(void (*done)(void* value)) { os_model.exit = done; }
void os_model_keep(void* value) { os_exit_value = value; }
void rix_os_fork_init(void (*before)(void), void (*parent)(void), void (*child)(void)) {
  os_model.fork_before = before;
  os_model.fork_parent = parent;
  os_model.fork_child = child;
}

// ---- A task of our own --------------------------------------------------------------------------

// There is none: what it does is done by the scenarios' threads, and its word has a scenario
// (scenarios/task.c) with a futex of its own.
bool rix_os_task_can(void) { return false; }
void rix_os_task_forget(void) {}
void rix_os_task_wait(void) {}
size_t rix_os_task_bytes(void) { return 0; }
uint64_t rix_os_task_us(void) { return 0; }
bool rix_os_task_is_lost(void) { return false; }
bool rix_os_is_filtered(void) { return true; }
bool rix_os_is_init(void) { return false; }
bool rix_os_is_hooked(void) { return false; }
rix_os_begun_t rix_os_task_start(void (*run)(void), const void* const* locals, bool filtered) {
  (void)run, (void)locals, (void)filtered;
  return RIX_OS_NEVER;
}
void rix_os_wait_on(ri_atomic_u32_t* word, uint32_t value, uint64_t ms) {
  (void)word, (void)value, (void)ms;
}
void rix_os_wake_all(ri_atomic_u32_t* word) { (void)word; }
