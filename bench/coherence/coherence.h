// SPDX-License-Identifier: MIT
// coherence.h: the simulated machine: CPUs with caches of their own that a directory keeps coherent.
//
//   tsan.c       what instrumented code calls: an access, then the operation itself
//   fibers.c     logical threads, run one at a time: always the one whose clock is furthest behind
//   directory.c  who has which cache line, and what an access costs
//   libc.c       what of the C library would stop the one real thread, or differ from run to run
//   counts.c     what is counted, by kind of operation and by instruction
//   workloads.c  programs; instrumented, as the allocator is
//   main.c       runs one program on one number of CPUs and prints what was counted
//
// A CPU runs one thread after the other (a thread, then the one that it started and waits for). Its
// cache holds everything that it ever touched and nobody wrote to since: only what other CPUs do can
// take a line from it, so what is counted is communication, and no property of a particular CPU.
// The order of all steps follows from the clocks alone. So each run of a program gives the same
// numbers, which can be budgets.
#ifndef COHERENCE_H
#define COHERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CO_CPUS_MAX = 128, CO_LINE_SHIFT = 6 };

// Clock cycles. Those of a server with many cores are of this size; only their ratios matter, and
// what is counted depends on them only as far as they decide who comes first.
enum {
  CO_CYCLES_HIT = 1,
  CO_CYCLES_LOCKED = 20,     // more, of an atomic read-modify-write, or a full fence
  CO_CYCLES_COLD = 100,      // from memory: no cache has the line
  CO_CYCLES_TRANSFER = 200,  // from another cache, or to tell the others to drop it
  CO_CYCLES_CALL = 2000,     // into the kernel and back
  CO_CYCLES_PER_US = 3000,
};

// What a thread is doing, which all that it accesses is counted for.
typedef enum co_kind_e { CO_PROGRAM, CO_MALLOC, CO_FREE, CO_EXIT, CO_KINDS } co_kind_t;

typedef enum op_kind_e {
  OP_LOAD,
  OP_STORE,
  OP_EXCHANGE,
  OP_ADD,
  OP_SUB,
  OP_AND,
  OP_OR,
  OP_XOR,
  OP_NAND,
  OP_CAS,
} op_kind_t;

typedef struct co_counts_s {
  uint64_t ops;          // calls of malloc, of free; ends of threads
  uint64_t accesses;     // reads and writes of memory, of any size within a line
  uint64_t locked;       // atomic read-modify-writes
  uint64_t shared;       // of them, those that took the line from another CPU
  uint64_t misses;       // accesses to lines that another CPU had written to, or was to lose
  uint64_t invalidated;  // copies in caches of others that had to go for these
  uint64_t stalled;      // cycles that an access waited until a line had served others
  uint64_t calls;        // into the kernel for memory
  uint64_t waits;        // for a lock
} co_counts_t;

typedef struct co_fiber_s co_fiber_t;

// ---- directory.c --------------------------------------------------------------------------------

typedef enum co_use_e { CO_READ, CO_WRITE, CO_LOCKED } co_use_t;

typedef struct co_cost_s {
  bool miss;             // communication with other CPUs
  bool cold;             // from memory
  unsigned invalidated;  // copies
  uint64_t stalled;      // cycles, as in co_counts_t
  uint64_t end;          // when the access is done
} co_cost_t;

// One access within a line, begun at a time.
co_cost_t directory_access(unsigned cpu, uintptr_t address, co_use_t use, uint64_t now);

// ---- fibers.c -----------------------------------------------------------------------------------

typedef void co_fun_t(void* arg);

// Runs a function as a thread on CPU 0, and all that it starts, to the end.
void fibers_run(co_fun_t* fun, void* arg);
unsigned fibers_ended(void);  // how many threads there were
uint64_t fibers_time(void);   // cycles from the first co_measure to the end of the last thread
void fibers_access(const void* p, size_t size, co_use_t use, const void* pc);
void fibers_spend(uint64_t cycles);  // of the thread that runs; others may come first then
uint64_t fibers_clock(void);
void fibers_note(const co_counts_t* more);  // of what the thread that runs does
// The thread sleeps until somebody wakes it at that address; or wakes so many.
void fibers_sleep(const volatile void* at);
void fibers_wake(const volatile void* at, unsigned count);
// Data of the thread that runs, for pthread_setspecific; NULL outside of fibers_run.
enum { CO_KEYS_MAX = 16 };
void** fibers_specific(void);

// ---- libc.c -------------------------------------------------------------------------------------

void libc_thread_ends(void);  // runs the destructors of keys

// ---- counts.c -----------------------------------------------------------------------------------

void counts_add(co_kind_t kind, const co_counts_t* more);
void counts_add_at(co_kind_t kind, const void* pc, const co_counts_t* more);
void counts_print(void);

// ---- For workloads ------------------------------------------------------------------------------

void* co_malloc(size_t size);
void co_free(void* p);
void co_measure(void);  // the calling thread has warmed up: it, and those that it starts, count
void co_rest(void);     // the calling thread counts no longer: it cleans up
co_fiber_t* co_start(co_fun_t* fun, void* arg, unsigned cpu);
void co_join(co_fiber_t* fiber);
void co_meet(unsigned count);  // waits until so many threads have called this
// A queue between threads that costs them nothing but the time that they wait.
typedef struct co_queue_s co_queue_t;
co_queue_t* co_queue_new(unsigned depth);
void co_put(co_queue_t* queue, void* item);
void* co_take(co_queue_t* queue);
_Noreturn void co_fail(const char* what);

typedef struct co_workload_s {
  const char* name;
  unsigned cpus_min;
  void (*run)(unsigned cpus);  // as a thread on CPU 0
} co_workload_t;
extern const co_workload_t co_workloads[];  // the last has no name

// ---- Each of allocators/ ------------------------------------------------------------------------

void* allocator_malloc(size_t size);
void allocator_free(void* p);

#endif
