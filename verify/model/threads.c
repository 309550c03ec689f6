// SPDX-License-Identifier: MIT
// threads.c: runs the scenario's threads, as coroutines of one thread of the OS, along a graph.
//
// First the run repeats what is in the graph: a thread that asks for an operation gets the event
// that the graph has for it, as soon as the write that it reads was made again. So plain accesses
// happen in an order that agrees with happens-before. Then the graph is extended: always by the
// first thread that can go on (by any, in a random run), but a read-modify-write is finished first.
#define _GNU_SOURCE
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "explorer.h"

enum { STACK_SIZE = 256 * 1024, TLS_MAX = 4096 };

static struct {
  ucontext_t scheduler;
  ucontext_t context[MODEL_THREADS];
  char* stack[MODEL_THREADS];
  char* tls;  // the program's thread-local variables
  size_t tls_size;
  char tls_host[TLS_MAX];
  char tls_now[MODEL_THREADS][TLS_MAX];
  char tls_start[MODEL_THREADS][TLS_MAX];  // after set-up
} threads;

// ---- Thread-local variables ---------------------------------------------------------------------

static int threads_find_tls(struct dl_phdr_info* info, size_t size, void* arg) {
  (void)size, (void)arg;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    if (info->dlpi_phdr[i].p_type != PT_TLS) continue;
    threads.tls = info->dlpi_tls_data;
    threads.tls_size = info->dlpi_phdr[i].p_memsz;
  }
  return 1;  // the first is the program itself
}

void threads_use_tls(int t) {
  memcpy(threads.tls, t < 0 ? threads.tls_host : threads.tls_now[t], threads.tls_size);
}

static void threads_keep_tls(int t) {
  memcpy(t < 0 ? threads.tls_host : threads.tls_now[t], threads.tls, threads.tls_size);
}

void threads_init(void) {
  dl_iterate_phdr(threads_find_tls, NULL);
  if (threads.tls_size > TLS_MAX) explorer_fail("too many thread-local variables");
  for (int t = -1; t < MODEL_THREADS; t++)
    threads_keep_tls(t);
}

void threads_after_setup(void) {
  memcpy(threads.tls_start, threads.tls_now, sizeof(threads.tls_now));
}

void threads_forget(void) {
  for (int t = 0; t < MODEL_THREADS; t++)
    memcpy(threads.tls_now[t], threads.tls_host, threads.tls_size);
}

void model_as(int t, void (*f)(void)) {
  threads_keep_tls(-1);
  threads_use_tls(t);
  f();
  threads_keep_tls(t);
  threads_use_tls(-1);
}

// ---- Coroutines ---------------------------------------------------------------------------------

static void threads_to_scheduler(void) {
  const int t = ex.current;
  threads_keep_tls(t);
  swapcontext(&threads.context[t], &threads.scheduler);
}

static void threads_entry(void) {
  const int t = ex.current;
  ex.scenario->thread[t]();
  fork_ended();
  ex.thread[t].status = THREAD_DONE;
  if (ex.phase == PHASE_REPLAY && ex.thread[t].position < ex.graph.n[t]) {
    explorer_fail("thread %d is not deterministic: it ended early", t);
  }
  threads_to_scheduler();
  abort();
}

static void threads_start(int t) {
  if (threads.stack[t] == NULL) {
    threads.stack[t] =
        mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (threads.stack[t] == MAP_FAILED) abort();
  }
  ucontext_t* const c = &threads.context[t];
  getcontext(c);
  c->uc_stack.ss_sp = threads.stack[t];
  c->uc_stack.ss_size = STACK_SIZE;
  c->uc_link = NULL;
  makecontext(c, threads_entry, 0);
  ex.thread[t].status = THREAD_READY;
}

static void threads_resume(int t) {
  if (ex.thread[t].status == THREAD_NEW) threads_start(t);
  ex.current = t;
  threads_use_tls(t);
  swapcontext(&threads.scheduler, &threads.context[t]);
  threads_use_tls(-1);
  ex.current = -1;
}

void threads_kill(verdict_t verdict) {
  if (!ex.killed) {
    ex.killed = true;
    ex.killed_as = verdict;
  }
  if (ex.current < 0) return;
  threads_to_scheduler();
  abort();
}

// ---- One step of a thread -----------------------------------------------------------------------

static bool threads_replaying(int t) { return ex.thread[t].position < ex.graph.n[t]; }

// Whether thread t may do its next operation now.
static bool threads_may_step(int t) {
  if (!threads_replaying(t)) return ex.phase == PHASE_EXTEND && ex.turn == t;
  const event_t* const e = &ex.graph.event[t][ex.thread[t].position];
  if (e->kind != EVENT_READ || e->rf == INIT) return true;
  return event_index(e->rf) < ex.thread[event_thread(e->rf)].position;
}

static void threads_await_turn(int t) {
  while (!threads_may_step(t))
    threads_to_scheduler();
}

static void threads_apply_read(thread_t* th, event_t* e, const op_t* op) {
  e->order = (uint8_t)(op->kind == OP_CAS && !e->rmw ? op->fail_order : op->order);
  e->before = th->hb;
  if (e->rf != INIT) {
    const event_t* const w = event_at(&ex.graph, e->rf);
    view_join(&th->porf, &w->porf);
    view_join(order_acquires(e->order) ? &th->hb : &th->acquire, &w->sync);
  }
}

static void threads_apply_write(thread_t* th, event_t* e, int t, const op_t* op) {
  e->order = (uint8_t)op->order;
  th->hb.count[t] = (uint16_t)(th->position + 1);
  e->sync = order_releases(e->order) ? th->hb : th->release;
  if (!e->rmw || e[-1].rf == INIT) return;
  view_join(&e->sync, &event_at(&ex.graph, e[-1].rf)->sync);
}

static void threads_apply_fence(thread_t* th, event_t* e, int t, const op_t* op) {
  e->order = (uint8_t)op->order;
  th->hb.count[t] = (uint16_t)(th->position + 1);
  if (order_acquires(e->order)) view_join(&th->hb, &th->acquire);
  if (order_releases(e->order)) th->release = th->hb;
}

// The thread has done the event: what it knows now.
static void threads_apply(int t, event_t* e, const op_t* op) {
  thread_t* const th = &ex.thread[t];
  e->pc = op->pc;
  if (e->kind == EVENT_READ) threads_apply_read(th, e, op);
  if (e->kind == EVENT_WRITE) threads_apply_write(th, e, t, op);
  if (e->kind == EVENT_FENCE) threads_apply_fence(th, e, t, op);
  th->hb.count[t] = th->porf.count[t] = (uint16_t)(th->position + 1);
  e->hb = th->hb;
  e->porf = th->porf;
  trace_event(event_id(t, th->position));
  th->position++;
  ex.uses_sc = ex.uses_sc || e->order == __ATOMIC_SEQ_CST;
  if (ex.phase == PHASE_EXTEND && !graph_sc_consistent(&ex.graph)) threads_kill(VERDICT_PRUNED);
}

// The graph's next event for this thread, which must be of the kind that it asks for.
static event_t* threads_replayed(int t, event_kind_t kind, unsigned location) {
  event_t* const e = &ex.graph.event[t][ex.thread[t].position];
  if (ex.graph.parsed) e->location = (uint16_t)location;
  if (e->kind != kind || (kind <= EVENT_WRITE && e->location != location)) {
    explorer_fail("thread %d is not deterministic: it does something else when run again", t);
  }
  return e;
}

static event_t* threads_read(const op_t* op, unsigned location) {
  const int t = ex.current;
  threads_await_turn(t);
  event_t* e;
  if (threads_replaying(t)) {
    e = threads_replayed(t, EVENT_READ, location);
    if (ex.graph.parsed) {
      e->op = (uint8_t)op->kind;
      e->weak = op->weak;
      e->expected = op->expected;
      graph_read_from(&ex.graph, e, e->rf, e->option != 0);
    }
  } else {
    e = explore_add_read(op, location);
  }
  threads_apply(t, e, op);
  return e;
}

// From a schedule string: the string has the rank, the places come back one by one.
static void threads_insert_parsed(int t, event_t* e, uint64_t value) {
  graph_t* const g = &ex.graph;
  const event_id_t id = event_id(t, ex.thread[t].position);
  const uint16_t rank = e->option;  // where the string put it
  e->value = value;
  unsigned p = 0;
  while (e->location < g->locations && p < g->write_count[e->location] &&
         event_at(g, g->writes[e->location][p])->option < rank) {
    p++;
  }
  graph_insert(g, id, p);
}

static void threads_write(const op_t* op, unsigned location, uint64_t value, event_t* read) {
  const int t = ex.current;
  threads_await_turn(t);
  event_t* e;
  if (threads_replaying(t)) {
    e = threads_replayed(t, EVENT_WRITE, location);
    e->rmw = read != NULL;
    if (ex.graph.parsed) threads_insert_parsed(t, e, value);
    if (e->value != value) explorer_fail("thread %d is not deterministic: other values", t);
  } else {
    e = explore_add_write(op, location, value, read);
  }
  threads_apply(t, e, op);
}

// ---- Operations ---------------------------------------------------------------------------------

static uint64_t threads_mask(unsigned size) {
  return size == 8 ? UINT64_MAX : ((uint64_t)1 << (8 * size)) - 1;
}

static uint64_t threads_new_value(const op_t* op, uint64_t old) {
  const uint64_t v = op->value;
  switch (op->kind) {
    case OP_ADD:
      old += v;
      break;
    case OP_SUB:
      old -= v;
      break;
    case OP_AND:
      old &= v;
      break;
    case OP_OR:
      old |= v;
      break;
    case OP_XOR:
      old ^= v;
      break;
    case OP_NAND:
      old = ~(old & v);
      break;
    default:
      old = v;
  }
  return old & threads_mask(op->size);
}

uint64_t threads_read_memory(const void* p, unsigned size) {
  uint64_t v = 0;
  memcpy(&v, p, size);
  return v;
}

void threads_write_memory(void* p, unsigned size, uint64_t value) {
  memory_log(p, size);
  memcpy(p, &value, size);
}

// In set-up and finish, and for counters: on memory, at once.
static uint64_t threads_perform_direct(const op_t* op, bool* success) {
  if (op->kind == OP_FENCE) return 0;
  if (op->kind == OP_CHOOSE) explorer_fail("model_choose outside of a thread");
  const uint64_t old = threads_read_memory(op->address, op->size);
  *success = op->kind != OP_CAS || old == (op->expected & threads_mask(op->size));
  if (op->kind != OP_LOAD && *success) {
    threads_write_memory(op->address, op->size, threads_new_value(op, old));
  }
  return old;
}

static uint64_t threads_fence_or_choice(const op_t* op) {
  const int t = ex.current;
  threads_await_turn(t);
  const event_kind_t kind = op->kind == OP_FENCE ? EVENT_FENCE : EVENT_CHOICE;
  event_t* e;
  if (threads_replaying(t)) {
    e = threads_replayed(t, kind, 0);
  } else if (kind == EVENT_CHOICE) {
    e = explore_add_choice(op);
  } else {
    e = graph_append(&ex.graph, t);
    e->kind = EVENT_FENCE;
  }
  threads_apply(t, e, op);
  return e->option;
}

uint64_t threads_perform(const op_t* op, bool* success) {
  *success = true;
  if (ex.current < 0) return threads_perform_direct(op, success);
  if (op->kind >= OP_FENCE) return threads_fence_or_choice(op);
  const uintptr_t a = (uintptr_t)op->address;
  const location_t* const counter = location_counter(op);
  if (counter != NULL) {
    const uint64_t value = threads_perform_direct(op, success);
    return counter->statistic ? value : 0xBAD0BAD0BAD0BAD0u;  // nobody looks at the others
  }
  if (!memory_tracked(a)) explorer_fail("an atomic access to %#lx, where nothing is", a);
  memory_check_permitted(a, op->size);
  if (op->kind != OP_LOAD) fork_stop_point();
  const unsigned location = location_of(op);
  if (op->kind == OP_STORE) {
    threads_write(op, location, threads_new_value(op, 0), NULL);
    race_access(a, op->size, ACCESS_ATOMIC_WRITE, op->pc);
    return 0;
  }
  event_t* const read = threads_read(op, location);
  race_access(a, op->size, ACCESS_ATOMIC_READ, op->pc);
  const uint64_t old = read->value;
  *success = read->rmw;
  if (!read->rmw) return old;
  threads_write(op, location, threads_new_value(op, old), read);
  race_access(a, op->size, ACCESS_ATOMIC_WRITE, op->pc);
  return old;
}

// ---- Waiting ------------------------------------------------------------------------------------

// Whether what thread t polls is the newest.
static bool threads_read_newest(int t) {
  graph_t* const g = &ex.graph;
  unsigned left = ex.thread[t].waits_for;
  for (unsigned i = ex.thread[t].position; i-- > 0 && left > 0;) {
    const event_t* const r = &g->event[t][i];
    if (r->kind != EVENT_READ) continue;
    const unsigned n = r->location < g->locations ? g->write_count[r->location] : 0;
    if (graph_rank(g, r->rf) != n) return false;
    left--;
  }
  if (left > 0) explorer_fail("thread %d waits for nothing", t);
  return true;
}

// The thread stays where it is for the rest of the execution; the execution in which it reads
// something else is another one. When a read was not of the newest write, that execution is known
// already, and this one shows nothing that it does not.
void model_wait_for(unsigned n) {
  const int t = ex.current;
  if (t < 0) explorer_fail("waiting outside of a thread");
  ex.thread[t].waits_for = n;
  if (!threads_read_newest(t) && ex.phase == PHASE_EXTEND) threads_kill(VERDICT_PRUNED);
  ex.thread[t].status = THREAD_BLOCKED;
  while (true)
    threads_to_scheduler();
}

void model_wait(void) { model_wait_for(1); }

void threads_stop(void) {
  ex.thread[ex.current].status = THREAD_DONE;
  while (true)
    threads_to_scheduler();
}

void model_lock(uint32_t* word) {
  const op_t op = {OP_CAS, word, 4, __ATOMIC_ACQUIRE,           __ATOMIC_RELAXED,
                   false,  1,    0, __builtin_return_address(0)};
  bool done;
  threads_perform(&op, &done);
  if (done) return;
  if (ex.current < 0) explorer_fail("a lock is taken that is not open");
  model_wait();
}

bool model_lock_try(uint32_t* word) {
  const op_t op = {OP_CAS, word, 4, __ATOMIC_ACQUIRE,           __ATOMIC_RELAXED,
                   false,  1,    0, __builtin_return_address(0)};
  bool done;
  threads_perform(&op, &done);
  return done;
}

void model_unlock(uint32_t* word) {
  const op_t op = {OP_EXCHANGE, word, 4, __ATOMIC_RELEASE,           __ATOMIC_RELAXED,
                   false,       0,    0, __builtin_return_address(0)};
  bool done;
  if (threads_perform(&op, &done) == 0) explorer_fail("a lock is opened that is open");
}

// ---- A run --------------------------------------------------------------------------------------

static void threads_reset(void) {
  for (int t = 0; t < MODEL_THREADS; t++)
    ex.thread[t] = (thread_t){.status = THREAD_NEW};
  memcpy(threads.tls_now, threads.tls_start, sizeof(threads.tls_now));
  race_clear();
  trace_clear();
  ex.killed = ex.deferred = false;
  ex.forks = ex.forked = false;
}

static void threads_replay(void) {
  ex.phase = PHASE_REPLAY;
  bool progress = true;
  while (progress && !ex.killed) {
    progress = false;
    for (int t = 0; t < ex.threads && !ex.killed; t++) {
      if (!threads_replaying(t) || ex.thread[t].status >= THREAD_BLOCKED || !threads_may_step(t))
        continue;
      threads_resume(t);
      progress = true;
    }
  }
  for (int t = 0; t < ex.threads && !ex.killed; t++)
    if (threads_replaying(t)) explorer_fail("the graph cannot be followed");
}

// Who adds the next event; -1: nobody can.
static int threads_next(void) {
  int ready[MODEL_THREADS], n = 0;
  for (int t = 0; t < ex.threads; t++) {
    const unsigned events = ex.graph.n[t];
    const event_t* const last = &ex.graph.event[t][events == 0 ? 0 : events - 1];
    if (events > 0 && last->kind == EVENT_READ && last->rmw) return t;
    if (ex.thread[t].status < THREAD_BLOCKED) ready[n++] = t;
  }
  if (n == 0) return -1;
  return ready[ex.random ? (int)(explore_random() % (unsigned)n) : 0];
}

static void threads_extend(void) {
  ex.phase = PHASE_EXTEND;
  if (!graph_sc_consistent(&ex.graph)) threads_kill(VERDICT_PRUNED);
  if (ex.deferred) threads_kill(VERDICT_FAILED);
  while (!ex.killed && (ex.turn = threads_next()) >= 0)
    threads_resume(ex.turn);
}

// All threads ended or wait.
static verdict_t threads_outcome(void) {
  int waiting = 0, for_ever = 0;
  for (int t = 0; t < ex.threads; t++) {
    if (ex.thread[t].status != THREAD_BLOCKED) continue;
    waiting++;
    for_ever += threads_read_newest(t);
  }
  if (waiting == 0) return VERDICT_COMPLETE;
  if (for_ever < waiting || (ex.forks && !ex.forked)) return VERDICT_BLOCKED;
  explorer_fail("deadlock: %d of %d threads wait for what nobody does", waiting, ex.threads);
  return VERDICT_FAILED;
}

static void threads_finish(void) {
  for (unsigned l = 0; l < ex.graph.locations; l++) {
    const unsigned n = ex.graph.write_count[l];
    if (n == 0) continue;
    threads_write_memory((void*)ex.location[l].address, ex.location[l].size,
                         graph_value(&ex.graph, l, ex.graph.writes[l][n - 1]));
  }
  ex.phase = PHASE_DIRECT;
  if (ex.scenario->finish != NULL) ex.scenario->finish();
}

static ucontext_t run_start;
static volatile bool run_failed;

verdict_t threads_run(void) {
  memory_reset();
  threads_reset();
  run_failed = false;
  getcontext(&run_start);  // a failure in finish comes back here
  if (run_failed) return VERDICT_FAILED;
  threads_replay();
  if (!ex.killed) threads_extend();
  verdict_t verdict = ex.killed ? ex.killed_as : threads_outcome();
  if (verdict == VERDICT_COMPLETE) threads_finish();
  return verdict;
}

// While a graph with seq_cst operations is followed, it is not yet known to be consistent: the
// thread stops, and the failure counts when the graph turns out to be.
static void threads_defer_failure(void) {
  ex.deferred = true;
  while (true)
    threads_to_scheduler();
}

void threads_fail(void) {
  if (ex.phase == PHASE_REPLAY && ex.uses_sc && ex.current >= 0 && !threads_replaying(ex.current)) {
    threads_defer_failure();
  }
  if (ex.current >= 0) threads_kill(VERDICT_FAILED);
  ex.killed = true;
  ex.killed_as = VERDICT_FAILED;
  run_failed = true;
  setcontext(&run_start);
}
