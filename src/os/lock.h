// SPDX-License-Identifier: MIT
// lock.h: the lock that os.h promises, on top of two calls of the OS. Separate from them, so that
// the explorer can run it with calls of its own (verify/model/scenarios/futex.c).
//
//   0 open, 1 taken, 2 taken and perhaps waited for
//   wait(word, value)  sleeps while the word has the value, or returns for no reason
//   wake(word)         ends one sleep
// A thread that waits announces it by writing 2, which also takes the lock if it was open. So a
// thread that gets the lock after a wait leaves a 2 there, and will wake the next waiter, whether
// there is one or not.
// Labels: L1, the acquire of the thread that takes it, sees what L2, the release of the thread that
// had it before, publishes.
#ifndef RIX_OS_LOCK_H
#define RIX_OS_LOCK_H

#include "os/os.h"

typedef void rix_lock_wait_fun(ri_atomic_u32_t* word, uint32_t value);
typedef void rix_lock_wake_fun(ri_atomic_u32_t* word);

RIX_INLINE bool rix_lock_word_try(ri_atomic_u32_t* word) {
  uint32_t open = 0;
  return ri_cas_strong_acquire(word, &open, 1);  // L1: pairs with L2
}

RIX_INLINE void rix_lock_word_take(ri_atomic_u32_t* word, rix_lock_wait_fun* wait) {
  if (RIX_LIKELY(rix_lock_word_try(word))) return;
  while (ri_exchange_acquire(word, 2) != 0)  // L1: pairs with L2
    wait(word, 2);
}

RIX_INLINE void rix_lock_word_give(ri_atomic_u32_t* word, rix_lock_wake_fun* wake) {
  const uint32_t old = ri_exchange_release(word, 0);  // L2: pairs with L1
  if (RIX_UNLIKELY(old == 2)) wake(word);
}

#endif
