// SPDX-License-Identifier: MIT
// model.h: what scenarios and litmus tests may use. README.md says how to write one.
//
// A scenario is a table entry: set-up, 1 to 6 threads, and a check at the end. Set-up and check run
// alone and directly on memory. The threads run as coroutines under the explorer, which tries every
// execution that the C11 memory model allows. All state is as set-up left it at the start of each.
//
// RULES for a scenario's own code
//   it must be deterministic: no time, no addresses of the host, no order of threads seen except
//   through memory; what threads share is atomic, or ordered by atomics as in any C program
//   waiting is model_wait() in the loop that polls
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_THREADS = 6 };

typedef struct model_scenario_s {
  const char* name;
  const char* property;  // what holds in every execution
  void (*setup)(void);   // may be NULL
  void (*thread[MODEL_THREADS])(void);
  void (*finish)(void);  // may be NULL; sees the final state
  const char* fails;     // NULL: every execution must pass; else this must be reported
  const char* outcomes;  // the exact set of results, sorted, with " | " between; NULL: any
  unsigned spurious;     // failures of a weak compare-and-swap that each thread may see
  bool slow;             // not in the quick set
} model_scenario_t;

extern const model_scenario_t model_scenarios[];  // of the program; ends with an empty entry

// Ends the execution as a failure.
#define MODEL_CHECK(e) ((e) ? (void)0 : model_fail("check failed: " #e, __FILE__, __LINE__))
__attribute__((noreturn)) void model_fail(const char* why, const char* file, int line);

// In a loop that waits for memory to change: the thread goes on when the location that it read last
// has another value. A thread that nobody wakes is reported.
void model_wait(void);
// The same for the last n reads: it goes on when one of them reads something else.
void model_wait_for(unsigned n);
// From here on the thread may stop for ever before any of its writes: all places are tried.
void model_may_stop(void);
// Waits until each other thread has stopped or ended. From then on the memory is as they left it,
// and there is only this thread: it is the child of a fork.
void model_fork(void);
// One of 0 .. n-1; all of them are tried.
unsigned model_choose(unsigned n);
// In finish: this execution's result. The set of all results is printed and compared.
__attribute__((format(printf, 1, 2))) void model_outcome(const char* format, ...);
// The running thread's number; -1 in set-up and finish.
int model_thread(void);
// In set-up and finish: runs f with the thread-local variables of thread t.
void model_as(int t, void (*f)(void));

// In set-up: [p, p + size) is a counter that threads only add to without looking at the result, so
// that the order does not matter and is not explored. A thread that reads it is reported.
void model_counter(const void* p, size_t size);
// As above; threads may look at it: they see what the order of the moment gives, so nothing but
// other statistics may depend on it.
void model_statistic(const void* p, size_t size);
// In set-up: a name for traces.
void model_name(const void* p, const char* name);

// A block was handed out to this thread: nobody else may hold it. Writes all of it.
void model_take(void* p, size_t size);
// The block is about to be freed: checks that nobody wrote to it.
void model_give(void* p);
size_t model_taken(void);  // blocks that somebody holds

// Memory that nobody may touch from now on, and may again.
void model_forbid(const void* p, size_t size);
void model_permit(const void* p, size_t size);
// What the caller's next instructions do to memory, where the compiler does not say it.
void model_reads(const void* p, size_t size);
void model_writes(void* p, size_t size);

// A lock of 32 bits; zero is open.
void model_lock(uint32_t* word);
bool model_lock_try(uint32_t* word);
void model_unlock(uint32_t* word);

// Plain memory outside of the program under test that set-up fills and executions change.
void model_state(void* p, size_t size);

#endif
