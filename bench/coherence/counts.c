// SPDX-License-Identifier: MIT
// counts.c: sums by kind of operation, and by kind and instruction (the address that instrumented
// code returns to). `run` makes source lines of the latter.
#include <inttypes.h>
#include <stdio.h>

#include "coherence.h"

enum { SITES = 1 << 14 };

typedef struct site_s {
  const void* pc;
  co_kind_t kind;
  co_counts_t counts;
} site_t;

static co_counts_t total[CO_KINDS];
static site_t sites[SITES];

static void counts_sum(co_counts_t* sum, const co_counts_t* more) {
  sum->ops += more->ops;
  sum->accesses += more->accesses;
  sum->locked += more->locked;
  sum->shared += more->shared;
  sum->misses += more->misses;
  sum->invalidated += more->invalidated;
  sum->stalled += more->stalled;
  sum->calls += more->calls;
  sum->waits += more->waits;
}

void counts_add(co_kind_t kind, const co_counts_t* more) { counts_sum(&total[kind], more); }

void counts_add_at(co_kind_t kind, const void* pc, const co_counts_t* more) {
  size_t i = (((uintptr_t)pc * CO_KINDS + kind) * 0x9E3779B1u >> 8) % SITES;
  for (size_t n = 0; sites[i].pc != NULL && (sites[i].pc != pc || sites[i].kind != kind); n++) {
    if (n == SITES) co_fail("too many places");
    i = (i + 1) % SITES;
  }
  sites[i].pc = pc;
  sites[i].kind = kind;
  counts_sum(&sites[i].counts, more);
}

static void counts_print_one(const co_counts_t* c) {
  printf(" ops=%" PRIu64 " accesses=%" PRIu64 " locked=%" PRIu64 " shared=%" PRIu64
         " misses=%" PRIu64 " invalidated=%" PRIu64 " stalled=%" PRIu64 " calls=%" PRIu64
         " waits=%" PRIu64 "\n",
         c->ops, c->accesses, c->locked, c->shared, c->misses, c->invalidated, c->stalled, c->calls,
         c->waits);
}

void counts_print(void) {
  static const char* const names[CO_KINDS] = {"program", "malloc", "free", "exit"};
  for (int kind = 0; kind < CO_KINDS; kind++) {
    printf("kind %s", names[kind]);
    counts_print_one(&total[kind]);
  }
  for (size_t i = 0; i < SITES; i++) {
    if (sites[i].pc == NULL) continue;
    printf("site %s %#" PRIxPTR, names[sites[i].kind], (uintptr_t)sites[i].pc);
    counts_print_one(&sites[i].counts);
  }
}
