// SPDX-License-Identifier: MIT
// task.h: one word that says whether the allocator's own task runs (os.h), whether anybody forbids
// it for now, and what the task waits for. Separate from the calls of the OS, so that the explorer
// can run it with calls of its own (verify/model/scenarios/task.c).
//
//   bit 0   there is a task, or a thread is about to start it
//   bits 1  how many threads hold: while they do, none begins, and one that runs ends. A fork does,
//           an audit, the end of the process
//
//   begin    any thread: 0 -> 1; false when there is a task, or somebody holds
//   end      the task, as the last of its work, or who could not start it
//   hold     any thread: afterwards there is no task (in a moment: it still has to leave the
//   kernel) release  who holds
// The task sleeps on the word too, so that a thread that comes to hold wakes it.
//
// Labels: H1 release by who ends, of all that the task did, or lets the next begin; H2 acquire by
// who begins it, or has waited for the end of one.
#ifndef RIX_OS_TASK_H
#define RIX_OS_TASK_H

#include "os/os.h"

#define RIX_TASK_THERE 1u
#define RIX_TASK_HOLD 2u

// Waits while the word has the value; may return earlier. False: no more, whatever it has.
typedef bool rix_task_wait_fun(ri_atomic_u32_t* word, uint32_t value);
typedef void rix_task_wake_fun(ri_atomic_u32_t* word);

RIX_INLINE bool rix_task_begin(ri_atomic_u32_t* word) {
  uint32_t none = 0;
  return ri_cas_strong_acquire(word, &none, RIX_TASK_THERE);  // H2 pairs H1
}

RIX_INLINE void rix_task_end(ri_atomic_u32_t* word, rix_task_wake_fun* wake) {
  // H1 pairs H2. The bit is set, so that this clears it.
  const uint32_t before = ri_fetch_add_release(word, 0u - RIX_TASK_THERE);
  if (before != RIX_TASK_THERE) wake(word);
}

// Whether the task is to end: somebody holds.
RIX_INLINE bool rix_task_is_asked(ri_atomic_u32_t* word) {
  return ri_load_relaxed(word) != RIX_TASK_THERE;
}

RIX_INLINE void rix_task_hold(ri_atomic_u32_t* word, rix_task_wait_fun* wait,
                              rix_task_wake_fun* wake) {
  const uint32_t before = ri_fetch_add_relaxed(word, RIX_TASK_HOLD);
  if ((before & RIX_TASK_THERE) != 0) wake(word);
  uint32_t now = ri_load_acquire(word);  // H2 pairs H1
  while ((now & RIX_TASK_THERE) != 0) {
    if (!wait(word, now)) return;
    now = ri_load_acquire(word);  // H2 pairs H1
  }
}

RIX_INLINE void rix_task_release(ri_atomic_u32_t* word) {
  (void)ri_fetch_add_release(word, 0u - RIX_TASK_HOLD);  // H1 pairs H2
}

#endif
