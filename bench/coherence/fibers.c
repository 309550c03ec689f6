// SPDX-License-Identifier: MIT
// fibers.c: logical threads, as coroutines of one real thread.
//
// The thread that runs is the one whose clock is furthest behind, until it is ahead of all others by
// CO_SLACK: by one transfer of a line. Threads with equal clocks go by their age.
//
// Each coroutine needs thread-local variables of its own, at addresses of its own. A real thread is
// created for each, which only lends them: it sleeps until its coroutine has ended. While that runs,
// the thread pointer of the one thread that works is the lender's.
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "coherence.h"

enum { STACK_SIZE = 256 * 1024, CO_SLACK = CO_CYCLES_TRANSFER, FIBERS_MAX = 1024 };

typedef enum status_e { FIBER_NEW, FIBER_READY, FIBER_SLEEPS, FIBER_DONE } status_t;

struct co_fiber_s {
  co_fun_t* fun;
  void* arg;
  unsigned cpu;
  unsigned place;  // in fibers.live
  status_t status;
  bool measured;
  co_kind_t kind;
  uint64_t clock;
  const volatile void* sleeps_at;
  void* specific[CO_KEYS_MAX];
  char* stack;
  jmp_buf context;
  pthread_t lender;
  uintptr_t thread_pointer;
  sem_t lent, returned;
};

static struct {
  co_fiber_t* now;               // NULL: the scheduler, or nothing runs
  co_fiber_t* live[FIBERS_MAX];  // not done yet, by age
  uint64_t clock[FIBERS_MAX];    // theirs, but for the one that runs; UINT64_MAX: it sleeps
  unsigned live_count;
  unsigned ended;
  uint64_t limit;  // until this time the one that runs may go on
  uint64_t begin, end;
  bool has_begun;
  uintptr_t thread_pointer;
  ucontext_t first;
  jmp_buf scheduler;
  char* stacks[FIBERS_MAX];  // of fibers that have ended
  unsigned stack_count;
} fibers;

// ---- Lent thread-local data ---------------------------------------------------------------------

static uintptr_t fibers_get_pointer(void) {
  uintptr_t pointer;
  syscall(SYS_arch_prctl, ARCH_GET_FS, &pointer);
  return pointer;
}

// No function of the C library, which may look at what the pointer points to in between.
static void fibers_set_pointer(uintptr_t pointer) {
  long result = SYS_arch_prctl;
  __asm__ volatile("syscall"
                   : "+a"(result)
                   : "D"((long)ARCH_SET_FS), "S"(pointer)
                   : "rcx", "r11", "memory");
}

static void* fibers_lend(void* arg) {
  co_fiber_t* const f = arg;
  f->thread_pointer = fibers_get_pointer();
  sem_post(&f->lent);
  while (sem_wait(&f->returned) != 0)
    continue;
  return NULL;
}

static void fibers_borrow(co_fiber_t* f) {
  sem_init(&f->lent, 0, 0);
  sem_init(&f->returned, 0, 0);
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 64 * 1024);
  if (pthread_create(&f->lender, &small, fibers_lend, f) != 0)
    co_fail("no thread to lend its data");
  pthread_attr_destroy(&small);
  while (sem_wait(&f->lent) != 0)
    continue;
}

static void fibers_give_back(co_fiber_t* f) {
  sem_post(&f->returned);
  pthread_join(f->lender, NULL);
}

// ---- The one that runs next ---------------------------------------------------------------------

// Those that are ready, in the order of their clocks: the first, and how long it may run.
static co_fiber_t* fibers_next(void) {
  unsigned first = 0;
  uint64_t least = UINT64_MAX, second = UINT64_MAX;
  for (unsigned i = 0; i < fibers.live_count; i++) {
    const uint64_t clock = fibers.clock[i];
    if (clock < least) {
      second = least;
      least = clock;
      first = i;
    } else if (clock < second) {
      second = clock;
    }
  }
  fibers.limit = second;
  return least == UINT64_MAX ? NULL : fibers.live[first];
}

// By way of the scheduler, which has the stack for that, when one begins or ends.
static _Noreturn void fibers_go(co_fiber_t* next) {
  if (next != NULL && next->status == FIBER_READY) {
    fibers.now = next;
    fibers_set_pointer(next->thread_pointer);
    _longjmp(next->context, 1);
  }
  fibers_set_pointer(fibers.thread_pointer);
  _longjmp(fibers.scheduler, 1);
}

// Goes on with the one that comes first.
static void fibers_switch(void) {
  static co_fiber_t* next;  // nothing local, which the way back could not rely on
  co_fiber_t* const f = fibers.now;
  fibers.clock[f->place] = f->status == FIBER_SLEEPS ? UINT64_MAX : f->clock;
  next = f->status == FIBER_DONE ? NULL : fibers_next();
  if (next != f && _setjmp(f->context) == 0) fibers_go(next);
}

static void fibers_entry(void) {
  co_fiber_t* const f = fibers.now;
  f->fun(f->arg);
  f->kind = CO_EXIT;
  fibers_note(&(co_counts_t){.ops = 1});
  libc_thread_ends();
  f->status = FIBER_DONE;
  if (f->measured && f->clock > fibers.end) fibers.end = f->clock;
  fibers_wake(f, FIBERS_MAX);
  fibers_switch();
  abort();
}

static char* fibers_stack(void) {
  if (fibers.stack_count > 0) return fibers.stacks[--fibers.stack_count];
  char* const p =
      mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) co_fail("no memory for a stack");
  return p;
}

static void fibers_resume(co_fiber_t* f) {
  fibers.now = f;
  if (_setjmp(fibers.scheduler) == 0) {
    if (f->status == FIBER_NEW) {
      static ucontext_t fresh;
      f->status = FIBER_READY;
      f->stack = fibers_stack();
      fibers_borrow(f);
      getcontext(&fresh);
      fresh.uc_stack.ss_sp = f->stack;
      fresh.uc_stack.ss_size = STACK_SIZE;
      fresh.uc_link = NULL;
      makecontext(&fresh, fibers_entry, 0);
      fibers_set_pointer(f->thread_pointer);
      setcontext(&fresh);
    }
    fibers_set_pointer(f->thread_pointer);
    _longjmp(f->context, 1);
  }
}

static void fibers_bury(co_fiber_t* f) {
  fibers_give_back(f);
  fibers.stacks[fibers.stack_count++] = f->stack;
  fibers.live_count--;
  for (unsigned i = f->place; i < fibers.live_count; i++) {
    fibers.live[i] = fibers.live[i + 1];
    fibers.live[i]->place = i;
    fibers.clock[i] = fibers.clock[i + 1];
  }
  fibers.ended++;
}

void fibers_run(co_fun_t* fun, void* arg) {
  fibers.thread_pointer = fibers_get_pointer();
  co_start(fun, arg, 0);
  while (fibers.live_count > 0) {
    co_fiber_t* const f = fibers_next();
    if (f == NULL) co_fail("all threads wait for each other");
    fibers_resume(f);
    co_fiber_t* const last = fibers.now;  // others may have run meanwhile
    fibers.now = NULL;
    if (last->status == FIBER_DONE) fibers_bury(last);
  }
}

unsigned fibers_ended(void) { return fibers.ended; }
uint64_t fibers_time(void) { return fibers.end - fibers.begin; }

// ---- What the one that runs does ----------------------------------------------------------------

static void fibers_let_others(uint64_t ahead) {
  while (fibers.now->clock > fibers.limit && fibers.now->clock - fibers.limit > ahead)
    fibers_switch();
}

void fibers_note(const co_counts_t* more) {
  const co_fiber_t* const f = fibers.now;
  if (f != NULL && f->measured) counts_add(f->kind, more);
}

static void fibers_count(co_fiber_t* f, co_use_t use, const co_cost_t* cost, const void* pc) {
  if (!f->measured) return;
  const co_counts_t more = {.accesses = 1,
                            .locked = use == CO_LOCKED,
                            .shared = use == CO_LOCKED && cost->miss,
                            .misses = cost->miss,
                            .invalidated = cost->invalidated,
                            .stalled = cost->stalled};
  counts_add(f->kind, &more);
  if (use == CO_LOCKED || cost->miss) counts_add_at(f->kind, pc, &more);
}

static void fibers_access_line(uintptr_t address, co_use_t use, const void* pc) {
  co_fiber_t* const f = fibers.now;
  fibers_let_others(CO_SLACK);
  const co_cost_t cost = directory_access(f->cpu, address, use, f->clock);
  f->clock = cost.end;
  fibers_count(f, use, &cost, pc);
}

void fibers_access(const void* p, size_t size, co_use_t use, const void* pc) {
  if (fibers.now == NULL || size == 0) return;
  const uintptr_t line = (uintptr_t)1 << CO_LINE_SHIFT;
  const uintptr_t last = (uintptr_t)p + size - 1;
  for (uintptr_t a = (uintptr_t)p; a <= last; a = (a | (line - 1)) + 1)
    fibers_access_line(a, use, pc);
}

void fibers_spend(uint64_t cycles) {
  if (fibers.now == NULL) return;
  fibers.now->clock += cycles;
  fibers_let_others(CO_SLACK);
}

uint64_t fibers_clock(void) { return fibers.now == NULL ? 0 : fibers.now->clock; }

void** fibers_specific(void) { return fibers.now == NULL ? NULL : fibers.now->specific; }

void fibers_sleep(const volatile void* at) {
  co_fiber_t* const f = fibers.now;
  if (f == NULL) co_fail("nobody is there to wake whoever waits outside of threads");
  fibers_note(&(co_counts_t){.waits = 1});
  f->status = FIBER_SLEEPS;
  f->sleeps_at = at;
  fibers_switch();
}

void fibers_wake(const volatile void* at, unsigned count) {
  const uint64_t now = fibers_clock();
  for (unsigned i = 0; i < fibers.live_count && count > 0; i++) {
    co_fiber_t* const f = fibers.live[i];
    if (f->status != FIBER_SLEEPS || f->sleeps_at != at) continue;
    f->status = FIBER_READY;
    if (f->clock < now) f->clock = now;
    fibers.clock[i] = f->clock;
    if (f->clock < fibers.limit) fibers.limit = f->clock;
    count--;
  }
}

// ---- For workloads ------------------------------------------------------------------------------

co_fiber_t* co_start(co_fun_t* fun, void* arg, unsigned cpu) {
  if (fibers.live_count == FIBERS_MAX) co_fail("too many threads");
  co_fiber_t* const f = calloc(1, sizeof(co_fiber_t));  // kept: whoever joins reads it
  if (f == NULL) co_fail("no memory for a thread");
  f->fun = fun;
  f->arg = arg;
  f->cpu = cpu;
  f->clock = fibers_clock();
  f->measured = fibers.now != NULL && fibers.now->measured;
  if (f->clock < fibers.limit) fibers.limit = f->clock;
  f->place = fibers.live_count++;
  fibers.live[f->place] = f;
  fibers.clock[f->place] = f->clock;
  return f;
}

void co_join(co_fiber_t* fiber) {
  while (fiber->status != FIBER_DONE)
    fibers_sleep(fiber);
}

void co_measure(void) {
  co_fiber_t* const f = fibers.now;
  f->measured = true;
  if (!fibers.has_begun) fibers.begin = f->clock;
  fibers.has_begun = true;
}

void co_rest(void) {
  co_fiber_t* const f = fibers.now;
  if (f->measured && f->clock > fibers.end) fibers.end = f->clock;
  f->measured = false;
}

void co_meet(unsigned count) {
  static unsigned arrived, generation;
  const unsigned mine = generation;
  fibers_let_others(0);
  if (++arrived == count) {
    arrived = 0;
    generation++;
    fibers_wake(&arrived, FIBERS_MAX);
  }
  while (mine == generation)
    fibers_sleep(&arrived);
}

struct co_queue_s {
  unsigned depth, first, count;
  void* items[];
};

co_queue_t* co_queue_new(unsigned depth) {
  co_queue_t* const queue = calloc(1, sizeof(co_queue_t) + depth * sizeof(void*));
  if (queue == NULL) co_fail("no memory for a queue");
  queue->depth = depth;
  return queue;
}

void co_put(co_queue_t* queue, void* item) {
  fibers_let_others(0);
  while (queue->count == queue->depth)
    fibers_sleep(&queue->depth);
  queue->items[(queue->first + queue->count++) % queue->depth] = item;
  fibers_wake(&queue->count, 1);
}

void* co_take(co_queue_t* queue) {
  fibers_let_others(0);
  while (queue->count == 0)
    fibers_sleep(&queue->count);
  void* const item = queue->items[queue->first];
  queue->first = (queue->first + 1) % queue->depth;
  queue->count--;
  fibers_wake(&queue->depth, 1);
  return item;
}

static void fibers_enter(co_kind_t kind) {
  fibers.now->kind = kind;
  fibers_note(&(co_counts_t){.ops = 1});
}

void* co_malloc(size_t size) {
  fibers_enter(CO_MALLOC);
  void* const p = allocator_malloc(size);
  fibers.now->kind = CO_PROGRAM;
  if (p == NULL) co_fail("malloc returned NULL");
  return p;
}

void co_free(void* p) {
  fibers_enter(CO_FREE);
  allocator_free(p);
  fibers.now->kind = CO_PROGRAM;
}
