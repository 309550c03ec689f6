// SPDX-License-Identifier: MIT
// structures.c: small concurrent algorithms, correct and broken ones. Each broken one must be
// reported; two of them are the kind that kills an allocator.
#include <stdatomic.h>

#include "model.h"

#define LOAD(x, o) atomic_load_explicit(&(x), memory_order_##o)
#define STORE(x, v, o) atomic_store_explicit(&(x), v, memory_order_##o)
#define FENCE(o) atomic_thread_fence(memory_order_##o)

static atomic_int x, y, turn;
static int counter;

// ---- Lost updates -------------------------------------------------------------------------------

static void add_by_store(void) { STORE(x, LOAD(x, acquire) + 1, release); }
static void add(void) { atomic_fetch_add_explicit(&x, 1, memory_order_relaxed); }
static void add_by_cas(void) {
  int old = LOAD(x, relaxed);
  while (!atomic_compare_exchange_weak_explicit(&x, &old, old + 1, memory_order_relaxed,
                                                memory_order_relaxed)) {}
}
static void one_weak_cas(void) {
  int old = 0;
  atomic_compare_exchange_weak_explicit(&x, &old, 1, memory_order_relaxed, memory_order_relaxed);
}
static void show_x(void) { model_outcome("%d", LOAD(x, relaxed)); }
static void x_is_2(void) { MODEL_CHECK(LOAD(x, relaxed) == 2); }

// ---- Mutual exclusion ---------------------------------------------------------------------------

static void enter(memory_order order) {
  int open = 0;
  while (!atomic_compare_exchange_strong_explicit(&x, &open, 1, order, memory_order_relaxed)) {
    model_wait();
    open = 0;
  }
}
static void spin(void) {
  enter(memory_order_acquire);
  counter++;
  STORE(x, 0, release);
}
static void spin_relaxed_unlock(void) {
  enter(memory_order_acquire);
  counter++;
  STORE(x, 0, relaxed);
}
static void spin_relaxed_lock(void) {
  enter(memory_order_relaxed);
  counter++;
  STORE(x, 0, release);
}
static void spin_no_unlock(void) { enter(memory_order_acquire); }
static void show_counter(void) { model_outcome("%d", counter); }

static uint32_t lock_a, lock_b;
static void locks(uint32_t* first, uint32_t* second) {
  model_lock(first);
  model_lock(second);
  counter++;
  model_unlock(second);
  model_unlock(first);
}
static void locks_ab(void) { locks(&lock_a, &lock_b); }
static void locks_ba(void) { locks(&lock_b, &lock_a); }

// One round of Dekker's algorithm: a thread that sees no other flag may enter.
static void dekker_1(memory_order o) {
  atomic_store_explicit(&x, 1, o);
  if (atomic_load_explicit(&y, o == memory_order_release ? memory_order_acquire : o) == 0)
    counter++;
}
static void dekker_2(memory_order o) {
  atomic_store_explicit(&y, 1, o);
  if (atomic_load_explicit(&x, o == memory_order_release ? memory_order_acquire : o) == 0)
    counter++;
}
static void dekker_sc_1(void) { dekker_1(memory_order_seq_cst); }
static void dekker_sc_2(void) { dekker_2(memory_order_seq_cst); }
static void dekker_weak_1(void) { dekker_1(memory_order_release); }
static void dekker_weak_2(void) { dekker_2(memory_order_release); }

// Peterson's lock: the exchanges order it. With stores, a fence before the reads is not enough,
// because the two stores to `turn` may take the other order (as in two_plus_two).
static void peterson(atomic_int* mine, atomic_int* other, int me, bool exchange, bool fence) {
  STORE(*mine, 1, relaxed);
  if (exchange) {
    atomic_exchange_explicit(&turn, me, memory_order_acq_rel);
  } else {
    STORE(turn, me, release);
  }
  if (fence) FENCE(seq_cst);
  while (LOAD(*other, acquire) == 1) {
    if (LOAD(turn, acquire) != me) break;
    if (LOAD(*other, acquire) == 0) break;
    model_wait_for(3);
  }
  counter++;
  STORE(*mine, 0, release);
}
static void peterson_1(void) { peterson(&x, &y, 1, true, false); }
static void peterson_2(void) { peterson(&y, &x, 2, true, false); }
static void peterson_fence_1(void) { peterson(&x, &y, 1, false, true); }
static void peterson_fence_2(void) { peterson(&y, &x, 2, false, true); }
static void peterson_bare_1(void) { peterson(&x, &y, 1, false, false); }
static void peterson_bare_2(void) { peterson(&y, &x, 2, false, false); }

// ---- A stack with compare-and-swap --------------------------------------------------------------

enum { NODES = 3 };
typedef struct node_s {
  atomic_int next;
  char bytes[8];
} node_t;
static node_t nodes[NODES + 1];  // 0 means none
static atomic_int top;           // number << 8 | node; the number is 0 when it is not counted

static void stack_push(int node, bool counted) {
  int old = LOAD(top, relaxed);
  int fresh;
  do {
    STORE(nodes[node].next, old & 0xFF, relaxed);
    fresh = node | (counted ? (old & ~0xFF) + 0x100 : 0);
  } while (!atomic_compare_exchange_weak_explicit(&top, &old, fresh, memory_order_release,
                                                  memory_order_relaxed));
}
static int stack_pop(bool counted) {
  int old = LOAD(top, acquire);
  int fresh;
  do {
    if ((old & 0xFF) == 0) return 0;
    fresh = LOAD(nodes[old & 0xFF].next, relaxed) | (counted ? (old & ~0xFF) + 0x100 : 0);
  } while (!atomic_compare_exchange_weak_explicit(&top, &old, fresh, memory_order_acquire,
                                                  memory_order_acquire));
  model_take(nodes[old & 0xFF].bytes, 8);
  return old & 0xFF;
}
static void stack_setup(void) {
  for (int i = NODES; i > 0; i--)
    stack_push(i, false);
}
static void stack_pops(bool counted) { stack_pop(counted); }
static void stack_pops_and_pushes(bool counted) {
  const int first = stack_pop(counted);
  stack_pop(counted);
  if (first == 0) return;
  model_give(nodes[first].bytes);
  stack_push(first, counted);
}
static void stack_1(void) { stack_pops(true); }
static void stack_2(void) { stack_pops_and_pushes(true); }
static void stack_aba_1(void) { stack_pops(false); }
static void stack_aba_2(void) { stack_pops_and_pushes(false); }
static void stack_finish(void) {
  size_t left = 0;
  for (int n = LOAD(top, relaxed) & 0xFF; n != 0; n = LOAD(nodes[n].next, relaxed))
    left++;
  MODEL_CHECK(left + model_taken() == NODES);
}

// ---- A lock for readers that only look ----------------------------------------------------------

static int seen_1, seen_2;
static bool seen;
static void seq_write(void) {
  STORE(turn, 1, relaxed);
  FENCE(release);
  STORE(x, 1, relaxed);
  STORE(y, 1, relaxed);
  STORE(turn, 2, release);
}
static void seq_read(bool fence) {
  const int before = LOAD(turn, acquire);
  seen_1 = LOAD(x, relaxed);
  seen_2 = LOAD(y, relaxed);
  if (fence) FENCE(acquire);
  seen = before % 2 == 0 && LOAD(turn, relaxed) == before;
}
static void seq_reads(void) { seq_read(true); }
static void seq_reads_bare(void) { seq_read(false); }
static void seq_finish(void) {
  MODEL_CHECK(!seen || seen_1 == seen_2);
  model_outcome(seen ? "%d %d" : "again", seen_1, seen_2);
}

// ---- The explorer's own oracles -----------------------------------------------------------------

static char block[16];
static void takes(void) { model_take(block, 16); }
static void forbids(void) {
  model_forbid(block, 16);
  STORE(x, 1, release);
}
static void touches(void) {
  if (LOAD(x, acquire) == 1) block[3] = 1;
}
static void writes_byte_3(void) { block[3]++; }
static void writes_byte_4(void) { block[4]++; }
static void writes_word_0(void) { *(volatile int*)(void*)block = 1; }
static void chooses(void) { STORE(x, (int)(model_choose(3) * 10 + model_choose(2) + 1), relaxed); }
static void waits(void) {
  while (LOAD(x, acquire) == 0)
    model_wait();
}
static void wakes(void) { STORE(x, 1, release); }

// ---- A fork, and what the child sees ------------------------------------------------------------

static int plain_1, plain_2, seen_1, seen_2;

static void forks_and_sees(void) {
  model_fork();
  seen_1 = LOAD(x, relaxed), seen_2 = LOAD(y, relaxed);
}
static void writes_x_y(void) {
  model_may_stop();
  STORE(x, 1, relaxed);
  STORE(y, 1, relaxed);
}
static void writes_y(void) {
  model_may_stop();
  STORE(y, LOAD(x, relaxed) + 2, relaxed);
}
static void forks_and_sees_plain(void) {
  model_fork();
  seen_1 = plain_1, seen_2 = plain_2;
}
static void forks_locked(void) {
  model_lock(&lock_a);
  forks_and_sees_plain();
  model_unlock(&lock_a);
}
static void forks_and_locks(void) {
  forks_and_sees_plain();
  model_lock(&lock_a);
}
static void writes_plain(void) {
  model_may_stop();
  plain_1 = 1;
  plain_2 = 1;
}
static void writes_plain_locked(void) {
  model_may_stop();
  model_lock(&lock_a);
  plain_1 = 1;
  plain_2 = 1;
  model_unlock(&lock_a);
}
static void show_seen(void) { model_outcome("%d %d", seen_1, seen_2); }

#define T2(a, b) .thread = {a, b}
#define T3(a, b, c) .thread = {a, b, c}

const model_scenario_t model_scenarios[] = {
    {.name = "lost_update",
     .property = "an update is lost",
     T2(add_by_store, add_by_store),
     .finish = x_is_2,
     .fails = "check failed"},
    {.name = "fetch_add",
     .property = "none is lost",
     T3(add, add, add),
     .finish = show_x,
     .outcomes = "3"},
    {.name = "cas_loop",
     .property = "none is lost",
     T2(add_by_cas, add_by_cas),
     .finish = x_is_2,
     .spurious = 1},
    {.name = "spurious",
     .property = "a weak compare-and-swap may fail",
     T2(one_weak_cas, add),
     .finish = show_x,
     .spurious = 1,
     .outcomes = "1 | 2"},
    {.name = "spin_lock",
     .property = "exclusion",
     T2(spin, spin),
     .finish = show_counter,
     .outcomes = "2"},
    {.name = "spin_lock_3",
     .property = "exclusion",
     T3(spin, spin, spin),
     .finish = show_counter,
     .outcomes = "3"},
    {.name = "spin_lock_relaxed_unlock",
     .property = "a race",
     T2(spin_relaxed_unlock, spin_relaxed_unlock),
     .fails = "data race"},
    {.name = "spin_lock_relaxed_lock",
     .property = "a race",
     T2(spin_relaxed_lock, spin_relaxed_lock),
     .fails = "data race"},
    {.name = "spin_lock_never_opened",
     .property = "a deadlock",
     T2(spin_no_unlock, spin_no_unlock),
     .fails = "deadlock"},
    {.name = "locks",
     .property = "one order of locks",
     T2(locks_ab, locks_ab),
     .finish = show_counter,
     .outcomes = "2"},
    {.name = "locks_both_ways",
     .property = "a deadlock",
     T2(locks_ab, locks_ba),
     .fails = "deadlock"},
    {.name = "dekker",
     .property = "exclusion",
     T2(dekker_sc_1, dekker_sc_2),
     .finish = show_counter,
     .outcomes = "0 | 1"},
    {.name = "dekker_weak",
     .property = "a race",
     T2(dekker_weak_1, dekker_weak_2),
     .fails = "data race"},
    {.name = "peterson",
     .property = "exclusion",
     T2(peterson_1, peterson_2),
     .finish = show_counter,
     .outcomes = "2"},
    {.name = "peterson_fence",
     .property = "a race",
     T2(peterson_fence_1, peterson_fence_2),
     .fails = "data race"},
    {.name = "peterson_bare",
     .property = "a race",
     T2(peterson_bare_1, peterson_bare_2),
     .fails = "data race"},
    {.name = "stack",
     .property = "a stack with counted tops",
     .setup = stack_setup,
     T2(stack_1, stack_2),
     .finish = stack_finish,
     .spurious = 1},
    {.name = "stack_aba",
     .property = "ABA: the top is a node that was handed out",
     .setup = stack_setup,
     T2(stack_aba_1, stack_aba_2),
     .finish = stack_finish,
     .fails = "check failed"},
    {.name = "seqlock",
     .property = "what was read belongs together",
     T2(seq_write, seq_reads),
     .finish = seq_finish,
     .outcomes = "0 0 | 1 1 | again"},
    {.name = "seqlock_no_fence",
     .property = "halves of two",
     T2(seq_write, seq_reads_bare),
     .finish = seq_finish,
     .fails = "check failed"},
    {.name = "double_hand_out",
     .property = "reported",
     T2(takes, takes),
     .fails = "handed out twice"},
    {.name = "forbidden_memory",
     .property = "reported",
     T2(forbids, touches),
     .fails = "is touched while nobody may"},
    {.name = "neighbour_bytes", .property = "no race", T2(writes_byte_3, writes_byte_4)},
    {.name = "overlapping_bytes",
     .property = "a race",
     T2(writes_byte_3, writes_word_0),
     .fails = "data race"},
    {.name = "choices",
     .property = "all of them",
     T2(chooses, waits),
     .finish = show_x,
     .outcomes = "1 | 11 | 12 | 2 | 21 | 22"},
    {.name = "wakes",
     .property = "who waits goes on",
     T2(waits, wakes),
     .finish = show_x,
     .outcomes = "1"},
    {.name = "fork_prefix",
     .property = "each thread has done what comes first in it, and the rest never",
     T2(forks_and_sees, writes_x_y),
     .finish = show_seen,
     .outcomes = "0 0 | 1 0 | 1 1"},
    {.name = "fork_two",
     .property = "of two threads each some of it, as memory allows",
     T3(forks_and_sees, writes_x_y, writes_y),
     .finish = show_seen,
     .outcomes = "0 0 | 0 2 | 1 0 | 1 1 | 1 2 | 1 3"},
    {.name = "fork_plain",
     .property = "plain writes too, without a race",
     T2(forks_and_sees_plain, writes_plain),
     .finish = show_seen,
     .outcomes = "0 0 | 1 0 | 1 1"},
    {.name = "fork_locked",
     .property = "who holds the lock finds nothing half done",
     T2(forks_locked, writes_plain_locked),
     .finish = show_seen,
     .outcomes = "0 0 | 1 1"},
    {.name = "fork_lock_lost",
     .property = "a lock of a thread that is gone",
     T2(forks_and_locks, writes_plain_locked),
     .fails = "deadlock"},
    {.name = NULL},
};
