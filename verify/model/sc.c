// SPDX-License-Identifier: MIT
// sc.c: sequentially consistent operations, as RC11 defines them: psc_base and psc_F together have
// no cycle. Only looked at when a graph has such an operation; cubic in its size.
//
//   eco  = (rf | co | fr)+                  scb = po | hb at one location | co | fr
//                                                 | po to another location; hb; po to another one
//   psc_base = ([sc] | [F sc]; hb?); scb; ([sc] | hb?; [F sc])
//   psc_F    = [F sc]; (hb | hb; eco; hb); [F sc]
#include <string.h>

#include "explorer.h"

enum { SC_EVENTS_MAX = 128 };

typedef struct relation_s {
  uint64_t row[SC_EVENTS_MAX][SC_EVENTS_MAX / 64];
} relation_t;

static struct {
  unsigned n;
  const event_t* event[SC_EVENTS_MAX];
  int thread[SC_EVENTS_MAX];
  unsigned index[SC_EVENTS_MAX];
  relation_t po, hb, eco, fr_co, scb, left, right, psc, step;
} sc;

static bool sc_get(const relation_t* r, unsigned a, unsigned b) {
  return (r->row[a][b / 64] >> (b % 64) & 1) != 0;
}
static void sc_set(relation_t* r, unsigned a, unsigned b) {
  r->row[a][b / 64] |= (uint64_t)1 << (b % 64);
}
static void sc_or_row(relation_t* r, unsigned a, const relation_t* from, unsigned b) {
  for (unsigned w = 0; w < SC_EVENTS_MAX / 64; w++)
    r->row[a][w] |= from->row[b][w];
}

// to |= a; b
static void sc_compose(relation_t* to, const relation_t* a, const relation_t* b) {
  for (unsigned i = 0; i < sc.n; i++) {
    for (unsigned j = 0; j < sc.n; j++)
      if (sc_get(a, i, j)) sc_or_row(to, i, b, j);
  }
}

static void sc_close(relation_t* r) {
  for (unsigned k = 0; k < sc.n; k++) {
    for (unsigned i = 0; i < sc.n; i++)
      if (sc_get(r, i, k)) sc_or_row(r, i, r, k);
  }
}

static bool sc_is_sc(unsigned i) { return sc.event[i]->order == __ATOMIC_SEQ_CST; }
static bool sc_is_fence(unsigned i) { return sc_is_sc(i) && sc.event[i]->kind == EVENT_FENCE; }
static bool sc_is_access(unsigned i) { return sc.event[i]->kind <= EVENT_WRITE; }
static bool sc_same_location(unsigned i, unsigned j) {
  return sc_is_access(i) && sc_is_access(j) && sc.event[i]->location == sc.event[j]->location;
}

static void sc_collect(graph_t* g) {
  sc.n = 0;
  for (int t = 0; t < ex.threads; t++) {
    for (unsigned i = 0; i < g->n[t]; i++) {
      if (sc.n == SC_EVENTS_MAX) explorer_fail("too many events for seq_cst operations");
      sc.event[sc.n] = &g->event[t][i];
      sc.thread[sc.n] = t;
      sc.index[sc.n] = i;
      sc.n++;
    }
  }
}

// fr and co between two events of a location, and rf, which eco has besides.
static void sc_relate(graph_t* g, unsigned i, unsigned j) {
  const event_t* const a = sc.event[i];
  const event_t* const b = sc.event[j];
  const bool same = sc_same_location(i, j) && i != j;
  if (sc.thread[i] == sc.thread[j] && sc.index[i] < sc.index[j]) {
    sc_set(&sc.po, i, j);
    sc_set(&sc.scb, i, j);
  }
  if (i != j && view_has(&b->hb, sc.thread[i], sc.index[i])) {
    sc_set(&sc.hb, i, j);
    if (same) sc_set(&sc.scb, i, j);
  }
  if (!same) return;
  const event_id_t a_id = event_id(sc.thread[i], sc.index[i]);
  const unsigned a_rank = a->kind == EVENT_WRITE ? a->rank : graph_rank(g, a->rf);
  if (b->kind == EVENT_WRITE && a_rank < b->rank) {  // co, or fr
    sc_set(&sc.fr_co, i, j);
    sc_set(&sc.scb, i, j);
  }
  if (b->kind == EVENT_READ && b->rf == a_id) sc_set(&sc.fr_co, i, j);  // rf, for eco
}

static void sc_build(graph_t* g) {
  memset(&sc.po, 0, sizeof(relation_t) * 9);
  for (unsigned i = 0; i < sc.n; i++) {
    for (unsigned j = 0; j < sc.n; j++)
      sc_relate(g, i, j);
  }
  sc.eco = sc.fr_co;
  sc_close(&sc.eco);
  for (unsigned i = 0; i < sc.n; i++) {  // po to another location; hb; po to another location
    for (unsigned j = 0; j < sc.n; j++)
      if (sc_get(&sc.po, i, j) && !sc_same_location(i, j)) sc_set(&sc.left, i, j);
  }
  sc_compose(&sc.step, &sc.left, &sc.hb);
  sc_compose(&sc.scb, &sc.step, &sc.left);
}

static void sc_edges(void) {
  memset(&sc.left, 0, sizeof(relation_t));
  memset(&sc.right, 0, sizeof(relation_t));
  memset(&sc.step, 0, sizeof(relation_t));
  for (unsigned i = 0; i < sc.n; i++) {
    if (sc_is_sc(i)) {
      sc_set(&sc.left, i, i);
      sc_set(&sc.right, i, i);
    }
    for (unsigned j = 0; j < sc.n; j++) {
      if (sc_is_fence(i) && sc_get(&sc.hb, i, j)) sc_set(&sc.left, i, j);
      if (sc_is_fence(j) && sc_get(&sc.hb, i, j)) sc_set(&sc.right, i, j);
    }
  }
  sc_compose(&sc.step, &sc.left, &sc.scb);
  sc_compose(&sc.psc, &sc.step, &sc.right);
  memset(&sc.step, 0, sizeof(relation_t));
  sc_compose(&sc.step, &sc.hb, &sc.eco);
  memset(&sc.left, 0, sizeof(relation_t));
  sc_compose(&sc.left, &sc.step, &sc.hb);
  for (unsigned i = 0; i < sc.n; i++) {
    for (unsigned j = 0; j < sc.n; j++) {
      if (!sc_is_fence(i) || !sc_is_fence(j)) continue;
      if (sc_get(&sc.hb, i, j) || sc_get(&sc.left, i, j)) sc_set(&sc.psc, i, j);
    }
  }
}

bool graph_sc_consistent(graph_t* g) {
  if (!ex.uses_sc) return true;
  sc_collect(g);
  sc_build(g);
  sc_edges();
  sc_close(&sc.psc);
  for (unsigned i = 0; i < sc.n; i++)
    if (sc_get(&sc.psc, i, i)) return false;
  return true;
}
