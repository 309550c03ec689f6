// SPDX-License-Identifier: MIT
// process.h: two words of the process that os.h promises functions for, on top of calls of the OS
// and of the program. Separate from them, so that the explorer can run it with calls of its own
// (verify/model/scenarios/process.c).
//
//   exit key  how the OS reports a thread's end. Threads may make it together: each gets a key
//             from the OS, one of them stays. Labels: K1 release publishes a key that was made,
//             K2 acquire of who uses it or gives it back.
//   OS hook   a function of the program that is notified of mappings. Labels: T1
//             release publishes an object that is filled in, T2 acquire of who calls it.
#ifndef RIX_OS_PROCESS_H
#define RIX_OS_PROCESS_H

#include "os/os.h"

typedef ri_atomic(uint64_t) rix_exit_key_t;  // the key + 1; 0: none
typedef bool rix_exit_key_make_fun(uint64_t* key, void (*done)(void* value));
typedef void rix_exit_key_drop_fun(uint64_t key);

// False: the OS has no key.
RIX_INLINE bool rix_exit_key_open(rix_exit_key_t* word, void (*done)(void* value),
                                  rix_exit_key_make_fun* make, rix_exit_key_drop_fun* drop) {
  if (ri_load_relaxed(word) != 0) return true;
  uint64_t key;
  if (!make(&key, done)) return false;
  uint64_t none = 0;
  if (!ri_cas_strong_release(word, &none, key + 1)) drop(key);  // K1 pairs K2
  return true;
}

RIX_INLINE void rix_exit_key_close(rix_exit_key_t* word, rix_exit_key_drop_fun* drop) {
  const uint64_t key = ri_exchange_acquire(word, 0);  // K2 pairs K1
  if (key != 0) drop(key - 1);
}

// False: there is none.
RIX_INLINE bool rix_exit_key_get(rix_exit_key_t* word, uint64_t* key) {
  const uint64_t seen = ri_load_acquire(word);  // K2 pairs K1
  *key = seen - 1;
  return seen != 0;
}

typedef ri_atomic(const rix_os_hook_t*) rix_os_hook_slot_t;

RIX_INLINE void rix_os_hook_put(rix_os_hook_slot_t* slot, const rix_os_hook_t* hook) {
  ri_store_release(slot, hook);  // T1 pairs T2
}

// NULL: none.
RIX_INLINE const rix_os_hook_t* rix_os_hook_get(rix_os_hook_slot_t* slot) {
  return ri_load_acquire(slot);  // T2 pairs T1
}

#endif
