// SPDX-License-Identifier: MIT
// orders.c: litmus tests of the memory model. The results of each are the exact set that RC11
// gives; where C11 on paper or C++20 differ from it, the property says so.
#include <stdatomic.h>

#include "model.h"

#define LOAD(x, o) atomic_load_explicit(&(x), memory_order_##o)
#define STORE(x, v, o) atomic_store_explicit(&(x), v, memory_order_##o)
#define FENCE(o) atomic_thread_fence(memory_order_##o)

static atomic_int x, y;
static int data, r1, r2, r3, r4;

static void setup(void) { r1 = r2 = r3 = r4 = 0; }
static void show_1(void) { model_outcome("%d", r1); }
static void show_2(void) { model_outcome("%d %d", r1, r2); }
static void show_3(void) { model_outcome("%d %d %d", r1, r2, r3); }
static void show_4(void) { model_outcome("%d %d %d %d", r1, r2, r3, r4); }
static void show_xy(void) { model_outcome("%d %d", LOAD(x, relaxed), LOAD(y, relaxed)); }

#define WRITES(name, a, va, oa, b, vb, ob) \
  static void name(void) {                 \
    STORE(a, va, oa);                      \
    STORE(b, vb, ob);                      \
  }
#define READS(name, ra, a, oa, rb, b, ob) \
  static void name(void) {                \
    ra = LOAD(a, oa);                     \
    rb = LOAD(b, ob);                     \
  }
#define WRITE_READ(name, a, oa, r, b, ob) \
  static void name(void) {                \
    STORE(a, 1, oa);                      \
    r = LOAD(b, ob);                      \
  }
#define WRITE_FENCE_READ(name, a, r, b) \
  static void name(void) {              \
    STORE(a, 1, relaxed);               \
    FENCE(seq_cst);                     \
    r = LOAD(b, relaxed);               \
  }

// Message passing.
WRITES(mp_relaxed_w, x, 1, relaxed, y, 1, relaxed)
READS(mp_relaxed_r, r1, y, relaxed, r2, x, relaxed)
WRITES(mp_w, x, 1, relaxed, y, 1, release)
READS(mp_r, r1, y, acquire, r2, x, relaxed)
static void mp_fence_w(void) {
  STORE(x, 1, relaxed);
  FENCE(release);
  STORE(y, 1, relaxed);
}
static void mp_fence_r(void) {
  r1 = LOAD(y, relaxed);
  FENCE(acquire);
  r2 = LOAD(x, relaxed);
}
static void mp_plain_w(void) {
  data = 1;
  STORE(y, 1, release);
}
static void mp_plain_relaxed_w(void) {
  data = 1;
  STORE(y, 1, relaxed);
}
static void mp_plain_r(void) {
  if (LOAD(y, acquire) == 1) r1 = data;
}
static void mp_plain_relaxed_r(void) {
  if (LOAD(y, relaxed) == 1) r1 = data;
}
static void mp_plain_fence_w(void) {
  data = 1;
  FENCE(release);
  STORE(y, 1, relaxed);
}
static void mp_plain_fence_r(void) {
  if (LOAD(y, relaxed) == 0) return;
  FENCE(acquire);
  r1 = data;
}

// Store buffering.
WRITE_READ(sb_1, x, release, r1, y, acquire)
WRITE_READ(sb_2, y, release, r2, x, acquire)
WRITE_READ(sb_sc_1, x, seq_cst, r1, y, seq_cst)
WRITE_READ(sb_sc_2, y, seq_cst, r2, x, seq_cst)
WRITE_FENCE_READ(sb_fence_1, x, r1, y)
WRITE_FENCE_READ(sb_fence_2, y, r2, x)

// Load buffering.
static void lb_1(void) {
  r1 = LOAD(x, relaxed);
  STORE(y, 1, relaxed);
}
static void lb_2(void) {
  r2 = LOAD(y, relaxed);
  STORE(x, 1, relaxed);
}

// Independent reads of independent writes.
static void iriw_x(void) { STORE(x, 1, release); }
static void iriw_y(void) { STORE(y, 1, release); }
READS(iriw_1, r1, x, acquire, r2, y, acquire)
READS(iriw_2, r3, y, acquire, r4, x, acquire)
static void iriw_sc_x(void) { STORE(x, 1, seq_cst); }
static void iriw_sc_y(void) { STORE(y, 1, seq_cst); }
READS(iriw_sc_1, r1, x, seq_cst, r2, y, seq_cst)
READS(iriw_sc_2, r3, y, seq_cst, r4, x, seq_cst)
static void iriw_fence_1(void) {
  r1 = LOAD(x, relaxed);
  FENCE(seq_cst);
  r2 = LOAD(y, relaxed);
}
static void iriw_fence_2(void) {
  r3 = LOAD(y, relaxed);
  FENCE(seq_cst);
  r4 = LOAD(x, relaxed);
}

// Two writes twice.
WRITES(two_1, x, 1, relaxed, y, 2, relaxed)
WRITES(two_2, y, 1, relaxed, x, 2, relaxed)
WRITES(two_release_1, x, 1, release, y, 2, release)
WRITES(two_release_2, y, 1, release, x, 2, release)
WRITES(two_sc_1, x, 1, seq_cst, y, 2, seq_cst)
WRITES(two_sc_2, y, 1, seq_cst, x, 2, seq_cst)

// One location.
WRITES(co_w, x, 1, relaxed, x, 2, relaxed)
READS(co_rr, r1, x, relaxed, r2, x, relaxed)
static void co_w3(void) { STORE(x, 3, relaxed); }
static void co_wr(void) {
  STORE(x, 1, relaxed);
  r1 = LOAD(x, relaxed);
}
static void co_w2(void) { STORE(x, 2, relaxed); }
static void co_rw(void) {
  r1 = LOAD(x, relaxed);
  STORE(x, 1, relaxed);
}
static void co_show(void) { model_outcome("%d %d", r1, LOAD(x, relaxed)); }

// Write to read causality.
static void wrc_1(void) { STORE(x, 1, relaxed); }
static void wrc_2(void) {
  r1 = LOAD(x, relaxed);
  STORE(y, 1, release);
}
READS(wrc_3, r2, y, acquire, r3, x, relaxed)

// Release sequences.
static void rs_head(void) {
  data = 1;
  STORE(y, 1, release);
}
static void rs_rmw(void) { atomic_fetch_add_explicit(&y, 1, memory_order_relaxed); }
static void rs_store(void) { STORE(y, 2, relaxed); }
static void rs_read(void) {
  if (LOAD(y, acquire) == 2) r1 = data;
}
static void rs_own_store(void) {
  data = 1;
  STORE(y, 1, release);
  STORE(y, 2, relaxed);
}

// R and S shapes; and Z6.U, of the paper that made RC11.
static void r_1(void) {
  STORE(x, 1, relaxed);
  FENCE(seq_cst);
  STORE(y, 1, relaxed);
}
static void r_2(void) {
  STORE(y, 2, relaxed);
  FENCE(seq_cst);
  r1 = LOAD(x, relaxed);
}
static void r_show(void) { model_outcome("%d %d", r1, LOAD(y, relaxed)); }
static void z6_1(void) {
  STORE(x, 1, seq_cst);
  STORE(y, 1, release);
}
static void z6_2(void) {
  r1 = atomic_fetch_add_explicit(&y, 1, memory_order_seq_cst);
  r2 = LOAD(y, relaxed);
}
static void z6_3(void) {
  STORE(y, 3, seq_cst);
  r3 = LOAD(x, seq_cst);
}
static void z6_show(void) {
  if (r1 == 1 && r2 == 3) model_outcome("1 3 %d", r3);
}

#define T2(a, b) .setup = setup, .thread = {a, b}
#define T3(a, b, c) .setup = setup, .thread = {a, b, c}
#define T4(a, b, c, d) .setup = setup, .thread = {a, b, c, d}
#define ALL_16                                                                                 \
  "0 0 0 0 | 0 0 0 1 | 0 0 1 0 | 0 0 1 1 | 0 1 0 0 | 0 1 0 1 | 0 1 1 0 | 0 1 1 1 | 1 0 0 0 | " \
  "1 0 0 1 | "
#define REST_16 "1 0 1 1 | 1 1 0 0 | 1 1 0 1 | 1 1 1 0 | 1 1 1 1"

const model_scenario_t model_scenarios[] = {
    {.name = "mp_relaxed",
     .property = "the message may be old",
     T2(mp_relaxed_w, mp_relaxed_r),
     .finish = show_2,
     .outcomes = "0 0 | 0 1 | 1 0 | 1 1"},
    {.name = "mp",
     .property = "the message is there",
     T2(mp_w, mp_r),
     .finish = show_2,
     .outcomes = "0 0 | 0 1 | 1 1"},
    {.name = "mp_fences",
     .property = "the same by fences",
     T2(mp_fence_w, mp_fence_r),
     .finish = show_2,
     .outcomes = "0 0 | 0 1 | 1 1"},
    {.name = "mp_plain",
     .property = "no race",
     T2(mp_plain_w, mp_plain_r),
     .finish = show_1,
     .outcomes = "0 | 1"},
    {.name = "mp_plain_no_release",
     .property = "a race",
     T2(mp_plain_relaxed_w, mp_plain_r),
     .fails = "data race"},
    {.name = "mp_plain_no_acquire",
     .property = "a race",
     T2(mp_plain_w, mp_plain_relaxed_r),
     .fails = "data race"},
    {.name = "mp_plain_fences",
     .property = "no race",
     T2(mp_plain_fence_w, mp_plain_fence_r),
     .finish = show_1,
     .outcomes = "0 | 1"},
    {.name = "mp_plain_half_fences",
     .property = "a race",
     T2(mp_plain_fence_w, mp_plain_relaxed_r),
     .fails = "data race"},
    {.name = "sb",
     .property = "both may be too early",
     T2(sb_1, sb_2),
     .finish = show_2,
     .outcomes = "0 0 | 0 1 | 1 0 | 1 1"},
    {.name = "sb_sc",
     .property = "one sees the other",
     T2(sb_sc_1, sb_sc_2),
     .finish = show_2,
     .outcomes = "0 1 | 1 0 | 1 1"},
    {.name = "sb_sc_fences",
     .property = "one sees the other",
     T2(sb_fence_1, sb_fence_2),
     .finish = show_2,
     .outcomes = "0 1 | 1 0 | 1 1"},
    {.name = "sb_one_fence",
     .property = "one fence is none",
     T2(sb_fence_1, sb_2),
     .finish = show_2,
     .outcomes = "0 0 | 0 1 | 1 0 | 1 1"},
    {.name = "lb",
     .property = "1 1 is not explored; C11 on paper has it",
     T2(lb_1, lb_2),
     .finish = show_2,
     .outcomes = "0 0 | 0 1 | 1 0"},
    {.name = "iriw",
     .property = "readers may disagree",
     T4(iriw_x, iriw_y, iriw_1, iriw_2),
     .finish = show_4,
     .outcomes = ALL_16 "1 0 1 0 | " REST_16},
    {.name = "iriw_sc",
     .property = "readers agree",
     T4(iriw_sc_x, iriw_sc_y, iriw_sc_1, iriw_sc_2),
     .finish = show_4,
     .outcomes = ALL_16 REST_16},
    {.name = "iriw_sc_fences",
     .property = "readers agree",
     T4(iriw_x, iriw_y, iriw_fence_1, iriw_fence_2),
     .finish = show_4,
     .outcomes = ALL_16 REST_16},
    {.name = "two_plus_two",
     .property = "both first writes may be last",
     T2(two_1, two_2),
     .finish = show_xy,
     .outcomes = "1 1 | 1 2 | 2 1 | 2 2"},
    {.name = "two_plus_two_release",
     .property = "release does not forbid it",
     T2(two_release_1, two_release_2),
     .finish = show_xy,
     .outcomes = "1 1 | 1 2 | 2 1 | 2 2"},
    {.name = "two_plus_two_sc",
     .property = "seq_cst does",
     T2(two_sc_1, two_sc_2),
     .finish = show_xy,
     .outcomes = "1 2 | 2 1 | 2 2"},
    {.name = "corr",
     .property = "reads do not go back",
     T2(co_w, co_rr),
     .finish = show_2,
     .outcomes = "0 0 | 0 1 | 0 2 | 1 1 | 1 2 | 2 2"},
    {.name = "corr_third",
     .property = "with another writer",
     T3(co_w, co_w3, co_rr),
     .finish = show_2,
     .outcomes = "0 0 | 0 1 | 0 2 | 0 3 | 1 1 | 1 2 | 1 3 | 2 2 | 2 3 | 3 1 | 3 2 | 3 3"},
    {.name = "cowr",
     .property = "nobody reads what is older than his own write",
     T2(co_wr, co_w2),
     .finish = co_show,
     .outcomes = "1 1 | 1 2 | 2 2"},
    {.name = "corw",
     .property = "nobody's write is older than what he read",
     T2(co_rw, co_w2),
     .finish = co_show,
     .outcomes = "0 1 | 0 2 | 2 1"},
    {.name = "wrc_relaxed_head",
     .property = "what was seen is passed on",
     T3(wrc_1, wrc_2, wrc_3),
     .finish = show_3,
     .outcomes = "0 0 0 | 0 0 1 | 0 1 0 | 0 1 1 | 1 0 0 | 1 0 1 | 1 1 1"},
    {.name = "release_sequence_rmw",
     .property = "a read-modify-write continues it",
     T3(rs_head, rs_rmw, rs_read),
     .finish = show_1,
     .outcomes = "0 | 1"},
    {.name = "release_sequence_store",
     .property = "another's store ends it",
     T3(rs_head, rs_store, rs_read),
     .fails = "data race"},
    {.name = "release_sequence_own_store",
     .property = "so does one's own, in C++20, not in C11",
     T2(rs_own_store, rs_read),
     .fails = "data race"},
    {.name = "r_sc_fences",
     .property = "y ends as 2 and x was not seen: forbidden",
     T2(r_1, r_2),
     .finish = r_show,
     .outcomes = "0 1 | 1 1 | 1 2"},
    {.name = "z6u",
     .property = "1 3 0 is allowed (Lahav et al. 2017, 2.2)",
     T3(z6_1, z6_2, z6_3),
     .finish = z6_show,
     .outcomes = "1 3 0 | 1 3 1"},
    {.name = NULL},
};
