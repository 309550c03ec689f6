// SPDX-License-Identifier: MIT
// explore.c: which executions there are. Each consistent execution graph is visited exactly once,
// by the algorithm of "Truly Stateless, Optimal Dynamic Partial Order Reduction" (Kokologiannakis,
// Marmanis, Gladstein, Vafeiadis, POPL 2022), on which GenMC is built:
//
//   A new read reads each write it may; one now, the others later. A new write takes each place in
//   co that it may; and for each read at its location that was there before it, and that it does
//   not depend on, there is an execution in which that read reads it: what was added after the read
//   and is not needed by the write is dropped, and done again. So that no graph is visited twice,
//   this is done only from the one execution in which all that is dropped was added in the way
//   that comes first: reading the newest write, writing as the newest, not yet read by others.
//
// There are no sleep sets and no memory of what was visited; the stack holds graphs to go on with.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explorer.h"

typedef struct saved_s {
  size_t size;
  unsigned char* bytes;
} saved_t;

static struct {
  saved_t* items;
  size_t n, room;
} stack;

static graph_t scratch;

// ---- The stack of graphs to visit ---------------------------------------------------------------

static size_t explore_saved_size(const graph_t* g) {
  size_t size = sizeof(g->n) + 3 * sizeof(unsigned);
  for (int t = 0; t < MODEL_THREADS; t++)
    size += g->n[t] * sizeof(event_t);
  for (unsigned l = 0; l < g->locations; l++)
    size += sizeof(unsigned) + g->write_count[l] * sizeof(event_id_t);
  return size;
}

static void explore_put(unsigned char** at, const void* from, size_t size) {
  memcpy(*at, from, size);
  *at += size;
}

static void explore_get(const unsigned char** at, void* to, size_t size) {
  memcpy(to, *at, size);
  *at += size;
}

void explore_push(const graph_t* g) {
  if (stack.n == stack.room) {
    stack.room = stack.room == 0 ? 1024 : stack.room * 2;
    stack.items = realloc(stack.items, stack.room * sizeof(saved_t));
  }
  saved_t s = {explore_saved_size(g), NULL};
  s.bytes = malloc(s.size);
  if (stack.items == NULL || s.bytes == NULL) {
    fprintf(stderr, "explorer: no memory\n");
    exit(2);
  }
  unsigned char* at = s.bytes;
  explore_put(&at, g->n, sizeof(g->n));
  explore_put(&at, &g->locations, sizeof(unsigned));
  explore_put(&at, &g->stamp, sizeof(unsigned));
  explore_put(&at, &g->deviations, sizeof(unsigned));
  for (int t = 0; t < MODEL_THREADS; t++)
    explore_put(&at, g->event[t], g->n[t] * sizeof(event_t));
  for (unsigned l = 0; l < g->locations; l++) {
    explore_put(&at, &g->write_count[l], sizeof(unsigned));
    explore_put(&at, g->writes[l], g->write_count[l] * sizeof(event_id_t));
  }
  stack.items[stack.n++] = s;
}

bool explore_pop(graph_t* g) {
  if (stack.n == 0) return false;
  const saved_t s = stack.items[--stack.n];
  const unsigned char* at = s.bytes;
  graph_clear(g);
  explore_get(&at, g->n, sizeof(g->n));
  explore_get(&at, &g->locations, sizeof(unsigned));
  explore_get(&at, &g->stamp, sizeof(unsigned));
  explore_get(&at, &g->deviations, sizeof(unsigned));
  for (int t = 0; t < MODEL_THREADS; t++)
    explore_get(&at, g->event[t], g->n[t] * sizeof(event_t));
  for (unsigned l = 0; l < g->locations; l++) {
    explore_get(&at, &g->write_count[l], sizeof(unsigned));
    explore_get(&at, g->writes[l], g->write_count[l] * sizeof(event_id_t));
  }
  free(s.bytes);
  return true;
}

void explore_clear(void) {
  while (stack.n > 0)
    free(stack.items[--stack.n].bytes);
}

uint64_t explore_random(void) {
  ex.seed ^= ex.seed << 13;
  ex.seed ^= ex.seed >> 7;
  ex.seed ^= ex.seed << 17;
  return ex.seed * 0x2545F4914F6CDD1Du >> 16;
}

// Whether what deviates from the first execution may still be visited.
static bool explore_allowed(void) {
  if (ex.random || ex.graph.parsed) return false;
  if (ex.bound < 0 || ex.graph.deviations < (unsigned long)ex.bound) return true;
  ex.was_bounded = true;
  return false;
}

static bool explore_may_fail(graph_t* g, const event_t* read, int thread, unsigned index) {
  return read->rmw && read->weak &&
         graph_spurious_failures(g, thread, index) < ex.scenario->spurious;
}

// Pushes the graph, and if its read `r`, the last to be decided, is a weak compare-and-swap that
// succeeds, also the graph in which it fails; only that one if it is `hopeless` that it succeeds.
static void explore_push_read(graph_t* g, event_id_t r, bool hopeless) {
  if (!hopeless) explore_push(g);
  event_t* const read = event_at(g, r);
  if (!explore_may_fail(g, read, event_thread(r), event_index(r))) return;
  graph_read_from(g, read, read->rf, true);
  explore_push(g);
  graph_read_from(g, read, read->rf, false);
}

// ---- Reads --------------------------------------------------------------------------------------

// A read-modify-write that reads what another one read has no place; it only serves to make the
// other one read it, which is impossible when it depends on the other one.
static bool explore_is_hopeless(const event_t* read, unsigned rank, const view_t* porf) {
  graph_t* const g = &ex.graph;
  if (!read->rmw || graph_may_insert(g, read->location, rank)) return false;
  const event_id_t other = g->writes[read->location][rank];
  return view_has(porf, event_thread(other), event_index(other) - 1);
}

event_t* explore_add_read(const op_t* op, unsigned location) {
  graph_t* const g = &ex.graph;
  const int t = ex.current;
  const unsigned least = graph_least_rank(g, &ex.thread[t].hb, location);
  const unsigned most = location < g->locations ? g->write_count[location] : 0;
  event_t* const read = graph_append(g, t);
  read->kind = EVENT_READ;
  read->op = (uint8_t)op->kind;
  read->weak = op->weak;
  read->location = (uint16_t)location;
  read->expected = op->expected;
  const event_id_t id = event_id(t, g->n[t] - 1);
  unsigned chosen = most;
  if (ex.random) chosen = least + (unsigned)(explore_random() % (most - least + 1));
  const bool allowed = explore_allowed();
  g->deviations++;
  for (unsigned rank = least; allowed && rank < most; rank++) {
    const event_id_t from = rank == 0 ? INIT : g->writes[location][rank - 1];
    graph_read_from(g, read, from, false);
    view_t porf = ex.thread[t].porf;
    if (from != INIT) view_join(&porf, &event_at(g, from)->porf);
    explore_push_read(g, id, explore_is_hopeless(read, rank, &porf));
  }
  graph_read_from(g, read, chosen == 0 ? INIT : g->writes[location][chosen - 1], false);
  if (allowed && explore_may_fail(g, read, t, g->n[t] - 1)) {
    graph_read_from(g, read, read->rf, true);
    explore_push(g);
    graph_read_from(g, read, read->rf, false);
  }
  g->deviations--;
  if (ex.random && explore_may_fail(g, read, t, g->n[t] - 1) && explore_random() % 4 == 0)
    graph_read_from(g, read, read->rf, true);
  return read;
}

// ---- Writes -------------------------------------------------------------------------------------

static bool explore_in_previous(graph_t* g, event_id_t x, const event_t* e, const event_t* a) {
  return event_at(g, x)->stamp <= e->stamp || view_has(&a->porf, event_thread(x), event_index(x));
}

static bool explore_is_read_in_previous(graph_t* g, event_id_t write, const event_t* e,
                                        const event_t* a) {
  for (int t = 0; t < ex.threads; t++) {
    for (unsigned i = 0; i < g->n[t]; i++) {
      const event_t* const r = &g->event[t][i];
      if (r->kind == EVENT_READ && r->rf == write && r->location == e->location &&
          explore_in_previous(g, event_id(t, i), e, a)) {
        return true;
      }
    }
  }
  return false;
}

// Whether e is as it would be if it were added again, in its turn, to what remains when the write
// `a` makes an earlier read read it.
static bool explore_is_first_way(graph_t* g, event_id_t id, const event_t* a) {
  const event_t* const e = event_at(g, id);
  if (e->kind >= EVENT_FENCE) return e->option == 0;
  if (e->kind == EVENT_READ) {
    if (e->option != 0) return false;
    if (e->rf != INIT && !explore_in_previous(g, e->rf, e, a)) return false;
  } else if (explore_is_read_in_previous(g, id, e, a)) {
    return false;
  }
  const unsigned rank = e->kind == EVENT_WRITE ? e->rank : graph_rank(g, e->rf);
  for (unsigned i = rank; i < g->write_count[e->location]; i++)
    if (explore_in_previous(g, g->writes[e->location][i], e, a)) return false;
  return true;
}

// What stays when read r is to read the new write `a`: false when this is not the execution to do
// it from.
static bool explore_keep(graph_t* g, const event_t* r, const event_t* a, unsigned* keep) {
  for (int t = 0; t < MODEL_THREADS; t++) {
    keep[t] = a->porf.count[t];
    for (unsigned i = keep[t]; i < g->n[t]; i++) {
      if (g->event[t][i].stamp <= r->stamp) keep[t] = i + 1;
      if (g->event[t][i].stamp < r->stamp) continue;
      if (!explore_is_first_way(g, event_id(t, i), a)) return false;
    }
  }
  return true;
}

// The places in co that a write may take, given the least; the newest first.
static unsigned explore_places(graph_t* g, const event_t* a, const event_t* read, unsigned least,
                               unsigned* place) {
  const unsigned n = a->location < g->locations ? g->write_count[a->location] : 0;
  unsigned count = 0;
  if (read != NULL) {
    const unsigned p = graph_rank(g, read->rf);
    if (p >= least && (p == n || graph_may_insert(g, a->location, p))) place[count++] = p;
    return count;
  }
  for (unsigned p = n + 1; p-- > least;)
    if (p == n || graph_may_insert(g, a->location, p)) place[count++] = p;
  return count;
}

// Pushes the graphs in which r reads the new write `a`.
static void explore_revisit(event_id_t r, event_id_t a, bool a_is_rmw, const unsigned* keep) {
  unsigned place[WRITES_MAX + 1];
  graph_copy(&scratch, &ex.graph);
  graph_truncate(&scratch, keep);
  event_t* const write = event_at(&scratch, a);
  event_t* const read = event_at(&scratch, r);
  const event_t* const own = a_is_rmw ? write - 1 : NULL;
  unsigned least = graph_least_rank(&scratch, &write->hb, write->location);
  // r itself reads something old: exclude it from what it must not be older than.
  const unsigned r_least = graph_least_rank(&scratch, &read->before, write->location);
  if (r_least > least) least = r_least;
  const unsigned n = explore_places(&scratch, write, own, least, place);
  scratch.deviations = ex.graph.deviations + 1;
  for (unsigned i = 0; i < n; i++) {
    if (i > 0) {
      graph_copy(&scratch, &ex.graph);
      graph_truncate(&scratch, keep);
      scratch.deviations = ex.graph.deviations + 1;
    }
    graph_insert(&scratch, a, place[i]);
    graph_read_from(&scratch, read, a, false);
    explore_push_read(&scratch, r, false);
  }
}

static void explore_revisit_all(event_id_t a, bool a_is_rmw) {
  graph_t* const g = &ex.graph;
  const event_t* const write = event_at(g, a);
  unsigned keep[MODEL_THREADS];
  for (int t = 0; t < ex.threads; t++) {
    for (unsigned i = write->porf.count[t]; i < g->n[t]; i++) {
      const event_t* const r = &g->event[t][i];
      if (r->kind != EVENT_READ || r->location != write->location) continue;
      if (explore_keep(g, r, write, keep)) explore_revisit(event_id(t, i), a, a_is_rmw, keep);
    }
  }
}

event_t* explore_add_write(const op_t* op, unsigned location, uint64_t value, event_t* read) {
  graph_t* const g = &ex.graph;
  const int t = ex.current;
  unsigned place[WRITES_MAX + 1];
  event_t* const a = graph_append(g, t);
  const event_id_t id = event_id(t, g->n[t] - 1);
  a->kind = EVENT_WRITE;
  a->op = (uint8_t)op->kind;
  a->location = (uint16_t)location;
  a->value = value;
  a->rmw = read != NULL;
  a->hb = ex.thread[t].hb;
  a->porf = ex.thread[t].porf;
  a->hb.count[t] = a->porf.count[t] = (uint16_t)g->n[t];
  a->rank = 0;
  const bool allowed = explore_allowed();
  if (allowed) explore_revisit_all(id, read != NULL);
  const unsigned least = graph_least_rank(g, &a->hb, location);
  const unsigned n = explore_places(g, a, read, least, place);
  if (n == 0) {  // another read-modify-write has read the same
    threads_kill(VERDICT_PRUNED);
    return NULL;
  }
  const unsigned chosen = ex.random ? (unsigned)(explore_random() % n) : 0;
  for (unsigned i = 1; allowed && i < n; i++) {
    graph_copy(&scratch, g);
    scratch.deviations++;
    graph_insert(&scratch, id, place[i]);
    explore_push(&scratch);
  }
  graph_insert(g, id, place[chosen]);
  return a;
}

event_t* explore_add_choice(const op_t* op) {
  graph_t* const g = &ex.graph;
  event_t* const e = graph_append(g, ex.current);
  e->kind = EVENT_CHOICE;
  e->options = (uint8_t)op->value;
  if (ex.random) {
    e->option = (uint8_t)(explore_random() % op->value);
    return e;
  }
  const bool allowed = !g->parsed;
  for (unsigned i = 1; allowed && i < op->value; i++) {
    e->option = (uint8_t)i;
    explore_push(g);
  }
  e->option = 0;
  return e;
}
