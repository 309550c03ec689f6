// SPDX-License-Identifier: MIT
// fork.c: what the child of a fork finds: the memory as it is at that moment, and one thread. Every
// other thread has stopped somewhere for good.
//
// A thread that may stop does so before any of its writes, plain or atomic (to stop before a read
// is the same, as far as memory is concerned): each place is a choice, so all are tried. It says
// that it has stopped by a release store, as does one that ran to its end; the thread that forks
// waits until all have, by acquire loads. From then on everything that was ever written happens
// before what it does: it reads the newest value of each location, as the child does from a copy of
// the memory.
//
// Sound: the kernel copies when the other processors have been interrupted, precisely between two
// instructions, so each thread has done a prefix of its program; and which prefixes come together
// is what memory and locks allow, which the explorer tries in any case. A thread that waits for a
// lock has not taken it: the execution in which it stopped before is another one, so an execution
// in which somebody waits before the fork shows nothing, and is not a deadlock; one after it is.
#include "explorer.h"

static uint32_t fork_stopped[MODEL_THREADS];

static uint64_t fork_do(op_kind_t kind, int t, int order) {
  const op_t op = {.kind = kind,
                   .address = &fork_stopped[t],
                   .size = sizeof(fork_stopped[t]),
                   .order = order,
                   .fail_order = order,
                   .value = 1,
                   .pc = __builtin_return_address(0)};
  bool success;
  return threads_perform(&op, &success);
}

void fork_ended(void) {
  thread_t* const th = &ex.thread[ex.current];
  if (!th->may_stop) return;
  th->may_stop = false;
  fork_do(OP_STORE, ex.current, __ATOMIC_RELEASE);
}

void fork_stop_point(void) {
  thread_t* const th = &ex.thread[ex.current];
  if (!th->may_stop) return;
  th->may_stop = false;  // the choice itself is none
  const bool stops = model_choose(2) == 1;
  th->may_stop = true;
  if (!stops) return;
  fork_ended();
  threads_stop();
}

void fork_setup(void) {
  static const char* const name[MODEL_THREADS] = {"stopped 0", "stopped 1", "stopped 2",
                                                  "stopped 3", "stopped 4", "stopped 5"};
  for (int t = 0; t < MODEL_THREADS; t++)
    model_name(&fork_stopped[t], name[t]);
}

void model_may_stop(void) {
  if (ex.current < 0) explorer_fail("stopping outside of a thread");
  ex.thread[ex.current].may_stop = true;
  ex.forks = true;
}

void model_fork(void) {
  for (int t = 0; t < ex.threads; t++) {
    if (t == ex.current) continue;
    while (fork_do(OP_LOAD, t, __ATOMIC_ACQUIRE) == 0)
      model_wait();
  }
  ex.forked = true;
}
