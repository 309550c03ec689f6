// SPDX-License-Identifier: MIT
// graph.c: execution graphs: building, restricting, and the coherence rules.
//
// Coherence is kept step by step: an event may only be added where everything that happens before
// it allows it. A read may not read a write that is older in co than one it knows of; a write comes
// after all writes to its location that it knows of; nothing comes between a read-modify-write and
// the write it read. Nothing that is already there can break, because nothing happens after a new
// event.
#include <string.h>

#include "explorer.h"

void graph_clear(graph_t* g) {
  memset(g->n, 0, sizeof(g->n));
  memset(g->write_count, 0, sizeof(g->write_count));
  g->locations = 0;
  g->stamp = 0;
  g->deviations = 0;
  g->parsed = false;
}

void graph_copy(graph_t* to, const graph_t* from) {
  memcpy(to->n, from->n, sizeof(to->n));
  for (int t = 0; t < MODEL_THREADS; t++)
    memcpy(to->event[t], from->event[t], from->n[t] * sizeof(event_t));
  memset(to->write_count, 0, sizeof(to->write_count));
  to->locations = from->locations;
  for (unsigned l = 0; l < from->locations; l++) {
    to->write_count[l] = from->write_count[l];
    memcpy(to->writes[l], from->writes[l], from->write_count[l] * sizeof(event_id_t));
  }
  to->stamp = from->stamp;
  to->deviations = from->deviations;
  to->parsed = from->parsed;
}

event_t* graph_append(graph_t* g, int thread) {
  if (g->n[thread] >= EVENTS_MAX) explorer_fail("thread %d has too many events", thread);
  event_t* const e = &g->event[thread][g->n[thread]++];
  memset(e, 0, sizeof(*e));
  e->rf = INIT;
  e->stamp = ++g->stamp;
  return e;
}

static void graph_renumber(graph_t* g, unsigned location, unsigned from) {
  for (unsigned i = from; i < g->write_count[location]; i++)
    event_at(g, g->writes[location][i])->rank = (uint16_t)(i + 1);
}

void graph_truncate(graph_t* g, const unsigned* keep) {
  for (unsigned l = 0; l < g->locations; l++) {
    unsigned kept = 0;
    for (unsigned i = 0; i < g->write_count[l]; i++) {
      const event_id_t id = g->writes[l][i];
      if (event_index(id) < keep[event_thread(id)]) g->writes[l][kept++] = id;
    }
    g->write_count[l] = kept;
    graph_renumber(g, l, 0);
  }
  for (int t = 0; t < MODEL_THREADS; t++)
    g->n[t] = keep[t];
}

unsigned graph_rank(graph_t* g, event_id_t write) {
  return write == INIT ? 0 : event_at(g, write)->rank;
}

uint64_t graph_value(graph_t* g, unsigned location, event_id_t write) {
  return write == INIT ? ex.location[location].init : event_at(g, write)->value;
}

unsigned graph_least_rank(graph_t* g, const view_t* v, unsigned location) {
  unsigned least = 0;
  for (int t = 0; t < ex.threads; t++) {
    const unsigned n = v->count[t] < g->n[t] ? v->count[t] : g->n[t];
    for (unsigned i = 0; i < n; i++) {
      const event_t* const e = &g->event[t][i];
      if (e->location != location || e->kind > EVENT_WRITE) continue;
      const unsigned rank = e->kind == EVENT_WRITE ? e->rank : graph_rank(g, e->rf);
      if (rank > least) least = rank;
    }
  }
  return least;
}

bool graph_may_insert(graph_t* g, unsigned location, unsigned p) {
  return p == g->write_count[location] || !event_at(g, g->writes[location][p])->rmw;
}

void graph_insert(graph_t* g, event_id_t write, unsigned p) {
  const unsigned l = event_at(g, write)->location;
  if (l >= g->locations) {
    memset(&g->write_count[g->locations], 0, (l + 1 - g->locations) * sizeof(unsigned));
    g->locations = l + 1;
  }
  if (g->write_count[l] == WRITES_MAX) explorer_fail("too many writes to one location");
  memmove(&g->writes[l][p + 1], &g->writes[l][p], (g->write_count[l] - p) * sizeof(event_id_t));
  g->writes[l][p] = write;
  g->write_count[l]++;
  graph_renumber(g, l, p);
}

void graph_read_from(graph_t* g, event_t* read, event_id_t write, bool fails_spuriously) {
  read->rf = write;
  read->value = graph_value(g, read->location, write);
  read->option = fails_spuriously ? 1 : 0;
  read->rmw = !fails_spuriously && read->op != OP_LOAD &&
              (read->op != OP_CAS || read->value == read->expected);
}

unsigned graph_spurious_failures(const graph_t* g, int thread, unsigned before) {
  unsigned n = 0;
  for (unsigned i = 0; i < before; i++)
    n += g->event[thread][i].kind == EVENT_READ && g->event[thread][i].option != 0;
  return n;
}
