// SPDX-License-Identifier: MIT
// os_fake.c: an operating system for traces (src/os/os.h): one thread, no limits, time that a trace
// moves. Memory lies at fixed addresses (Eva's -absolute-valid-range), so that what the allocator
// computes from addresses is exact: where it asks for the first place for blocks, with no
// randomness, and below that for what may lie anywhere. A mapping starts as zeroes; no address is
// reused.
#include <string.h>

#include "os/os.h"

// Where rix_pagemap_map begins when rix_os_random gives 0.
#define OS_PLACE ((uintptr_t)1 << (RIX_OS_ADDRESS_BITS - 5))
#define OS_PART ((uintptr_t)EVA_MEMORY / 2)

// Wrong in a way that Eva reports, without annotations: those of src/ are meant for WP.
static void os_wrong(const char* text, int line) {
  Frama_C_show_each_wrong(text, line);
  *(volatile int*)NULL = 0;
}

static struct {
  uintptr_t placed;    // end of the mappings at places that the allocator wished
  uintptr_t anywhere;  // end of the others
  uint64_t clock_ms;
  void (*exit)(void* value);
  void* exit_value;  // of the thread that runs
} os_fake = {OS_PLACE, OS_PLACE - OS_PART, 0, NULL, NULL};

// ---- Memory -------------------------------------------------------------------------------------

size_t rix_os_page_size(void) { return 4096; }
unsigned rix_os_address_bits(void) { return RIX_OS_ADDRESS_BITS; }
bool rix_os_strict_commit(void) { return false; }
size_t rix_os_address_space_limit(void) { return EVA_MEMORY; }
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
  (void)access;
  const bool wished = (uintptr_t)hint >= os_fake.placed;
  uintptr_t* const end = wished ? &os_fake.placed : &os_fake.anywhere;
  uintptr_t at = wished ? (uintptr_t)hint : *end;
  at = (at + alignment - 1) / alignment * alignment;
  if (size > (wished ? OS_PLACE + OS_PART : OS_PLACE) - at) return NULL;
  *end = at + size;
  memset((void*)at, 0, size);
  return (void*)at;
}
void* rix_os_map(void* hint, size_t size, rix_os_access_t access) {
  return rix_os_map_aligned(hint, size, rix_os_page_size(), access);
}
bool rix_os_map_huge(void* at, size_t size, unsigned shift, int node) {
  (void)at, (void)size, (void)shift, (void)node;
  return false;
}
void rix_os_name(void* p, size_t size, unsigned number) { (void)p, (void)size, (void)number; }
void rix_os_prefer_node(void* p, size_t size, int node) { (void)p, (void)size, (void)node; }
size_t rix_os_nodes(void) { return 1; }

static bool os_zero(void* p, size_t size) {
  memset(p, 0, size);
  return true;
}
bool rix_os_unmap(void* p, size_t size) { return os_zero(p, size); }
bool rix_os_commit(void* p, size_t size) {
  (void)p, (void)size;
  return true;
}
bool rix_os_enable(void* p, size_t size) { return rix_os_commit(p, size); }
bool rix_os_seal(void* p, size_t size, bool sealed) {
  (void)p, (void)size, (void)sealed;
  return true;
}
bool rix_os_readable(void* p, size_t size) {
  (void)p, (void)size;
  return true;
}
bool rix_os_guard(void* p, size_t size) {
  (void)p, (void)size;
  return true;
}
bool rix_os_unguard(void* p, size_t size) {
  (void)p, (void)size;
  return true;
}
bool rix_os_decommit(void* p, size_t size) { return os_zero(p, size); }
bool rix_os_purge(void* p, size_t size) { return os_zero(p, size); }
bool rix_os_reset(void* p, size_t size) { return os_zero(p, size); }
bool rix_os_disable_huge(void) { return false; }
void rix_os_advise_plain(void* p, size_t size) { (void)p, (void)size; }
void rix_os_split_huge(void* p) { (void)p; }
bool rix_os_is_written(uintptr_t at) { return (void)at, false; }
const bool rix_os_is_watched = true;
bool rix_os_is_readable(uintptr_t at) { return (void)at, false; }
void rix_os_advise_huge(void* p, size_t size) { (void)p, (void)size; }
bool rix_os_move(void* from, void* to, size_t size) {
  (void)from, (void)to, (void)size;
  return false;
}
bool rix_os_resize(void* p, size_t old_size, size_t new_size) {
  (void)p;
  return new_size <= old_size;
}
void rix_os_set_hook(const rix_os_hook_t* hook) { (void)hook; }
size_t rix_os_calls_of(rix_os_call_t kind) {
  (void)kind;
  return 0;
}
size_t rix_os_calls(void) { return 0; }

// ---- Time, randomness, environment, output ------------------------------------------------------

uint64_t rix_os_clock_ms(void) { return os_fake.clock_ms; }
void rix_os_wait_ms(unsigned ms) { os_fake.clock_ms += ms; }
uint64_t rix_os_random(void) { return 0; }
const char* rix_os_env_entry(size_t i) {
  (void)i;
  return NULL;
}
bool rix_os_env_ready(void) { return true; }
// No trace does anything that the allocator would have to report.
void rix_os_write_error(const char* text, size_t length) {
  (void)length;
  os_wrong(text, __LINE__);
}
void rix_os_abort(void) {
  os_wrong("abort", __LINE__);
  while (true) {}
}
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

void rix_lock(rix_lock_t* lock) {
  if (ri_load_relaxed(&lock->xstate) != 0) os_wrong("a lock is taken twice", __LINE__);
  ri_store_relaxed(&lock->xstate, 1);
}
bool rix_lock_try(rix_lock_t* lock) {
  if (ri_load_relaxed(&lock->xstate) != 0) return false;
  ri_store_relaxed(&lock->xstate, 1);
  return true;
}
void rix_unlock(rix_lock_t* lock) { ri_store_relaxed(&lock->xstate, 0); }
bool rix_lock_held(void) { return false; }
bool rix_os_word_is(const uint32_t* word, uint32_t value) { return *word == value; }
void rix_lock_pass(bool pass) { (void)pass; }

bool rix_stress_draw(uint32_t n) {
  (void)n;
  return false;
}
void rix_stress_yield(void) {}

bool rix_os_thread_exit_init(void (*done)(void* value)) {
  os_fake.exit = done;
  return true;
}
void rix_os_thread_exit_close(void) { os_fake.exit = NULL; }
bool rix_os_thread_exit_set(void* value) {
  os_fake.exit_value = value;
  return true;
}
void rix_os_fork_init(void (*before)(void), void (*parent)(void), void (*child)(void)) {
  (void)before, (void)parent, (void)child;
}

// There is no task of our own here.
bool rix_os_is_privileged(void) { return false; }
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
