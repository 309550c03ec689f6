// SPDX-License-Identifier: MIT
// profile_table.c: profile/table.h against plain arrays that remember everything, and the
// arithmetic of profile/draw.h: estimates have no bias, and the error that they admit to.
#include "../check.h"

#include <sys/mman.h>

#include "profile/draw.h"
#include "profile/table.h"

enum { STACKS = 50, BLOCKS = 3000, PAGE = 4096 };

static uint64_t state = 12345;
static uint32_t draw(uint32_t range) { return (uint32_t)(rix_draw_next(&state) >> 33) % range; }

static bool near(double a, double b) {
  const double d = a > b ? a - b : b - a;
  return d <= 1e-9 * (1 + (a < 0 ? -a : a));
}

static rix_image_t* new_image(size_t size) {
  void* const p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(p != MAP_FAILED);
  rix_image_init(p, size);
  CHECK(rix_image_valid(p, size));
  return p;
}

// ---- Arithmetic ---------------------------------------------------------------------------------

static void arithmetic(void) {
  static const struct {
    double x, ln, p;  // ln(x), 1 - e^(-x)
  } known[] = {{1, 0, 0.632120558828557678},
               {0.5, -0.693147180559945309, 0.393469340287366577},
               {0.25, -1.386294361119890619, 0.221199216928595132},
               {0.1, -2.302585092994045684, 0.0951625819640404268},
               {0.9, -0.105360515657826301, 0.593430340259400878},
               {1e-9, -20.72326583694641116, 9.9999999950000000e-10}};
  for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
    const double ln = rix_draw_ln(known[i].x) - known[i].ln;
    const double p = rix_draw_probability(known[i].x) / known[i].p - 1;
    CHECK_MSG(ln < 1e-12 && ln > -1e-12, "ln(%g) is wrong by %g", known[i].x, ln);
    CHECK_MSG(p < 1e-12 && p > -1e-12, "p(%g) is wrong by %g", known[i].x, p);
  }
  CHECK(near(rix_draw_probability(5), 0.993262053000914564));
  CHECK(rix_draw_probability(0) == 0 && rix_draw_probability(1e9) == 1);
  CHECK(rix_draw_distance(&state, 1) == 0);
}

// Blocks of many sizes go by; the estimates are compared with the truth in units of the standard
// deviation that the table says they have.
static double estimate(uint64_t interval, double* coverage) {
  rix_image_t* const image = new_image(8 * CHECK_MIB);
  rix_trace_t trace = {.depth = 1, .whole = true, .pcs = {77}};
  int64_t left = rix_draw_distance(&state, interval);
  double bytes = 0;
  for (uintptr_t i = 0; i < 20000; i++) {
    const size_t usable = 16 + 16 * (size_t)draw(8) * draw(8);
    const size_t requested = usable - draw(16);
    bytes += (double)requested;
    left -= (int64_t)usable;
    if (left >= 0) continue;
    left = rix_draw_distance(&state, interval);
    CHECK(rix_image_add(image, &trace,
                        &(rix_sampled_t){16 * i + 16, requested, usable, interval, 0, 1, 0}, i));
  }
  const double error = image->allocated.bytes - bytes;
  const double variance = image->allocated.var_bytes;
  for (uintptr_t i = 0; i < 20000; i++)
    (void)rix_image_remove(image, 16 * i + 16, 1, 0, i);
  CHECK(image->live.bytes == 0 && image->live.var_bytes == 0 && image->live.count == 0);
  CHECK(munmap(image, 8 * CHECK_MIB) == 0);
  if (error * error < 1.96 * 1.96 * variance) *coverage += 1;
  return error * error / variance * (error < 0 ? -1 : 1);
}

static void unbiased(void) {
  const int runs = (int)check_scaled(200);
  for (uint64_t interval = 64; interval <= 65536; interval *= 32) {
    double positive = 0;
    double sum = 0;
    double coverage = 0;
    for (int i = 0; i < runs; i++) {
      const double z2 = estimate(interval, &coverage);
      positive += z2 > 0;
      sum += z2 < 0 ? -z2 : z2;
    }
    const double half = (positive - runs / 2.0) * (positive - runs / 2.0) / (runs / 4.0);
    CHECK_MSG(half < 20, "of %d estimates %g are too high", runs, positive);
    CHECK_MSG(sum / runs > 0.6 && sum / runs < 1.5, "mean square error %g", sum / runs);
    CHECK_MSG(coverage / runs > 0.87, "intervals hold the truth in %g of %d", coverage, runs);
  }
}

// ---- Against plain arrays -----------------------------------------------------------------------

typedef struct truth_s {
  double samples, count, bytes, usable;
} truth_t;

typedef struct block_s {
  bool live;
  size_t requested, usable;
  unsigned stack;
  uint64_t us;
} block_t;

static block_t blocks[BLOCKS];
static truth_t live[STACKS], allocated[STACKS], temporary[STACKS];
static double lifetimes[STACKS][RIX_IMAGE_LIFETIMES];
static double live_bytes, peak_bytes;

static rix_trace_t trace_of(unsigned stack) {
  rix_trace_t t = {.depth = 1 + stack % 40, .whole = stack % 3 != 0};
  for (size_t i = 0; i < t.depth; i++)
    t.pcs[i] = 1000 + 7 * i + (i + 1 == t.depth ? stack : 0);
  return t;
}

static uintptr_t pointer_of(size_t i) { return (i + 1) * 48; }

static void truth_add(truth_t* t, const block_t* b, double sign) {
  t->samples += sign;
  t->count += sign;
  t->bytes += sign * (double)b->requested;
  t->usable += sign * (double)b->usable;
}

static void step_add(rix_image_t* image, size_t i, uint64_t us) {
  const size_t usable = 16 * (1 + (size_t)draw(100));
  blocks[i] = (block_t){true, usable - draw(16), usable, draw(STACKS), us};
  const rix_trace_t trace = trace_of(blocks[i].stack);
  const rix_sampled_t s = {pointer_of(i), blocks[i].requested, usable, 1, us, 1, 0};
  CHECK(rix_image_add(image, &trace, &s, us));
  truth_add(&live[blocks[i].stack], &blocks[i], 1);
  truth_add(&allocated[blocks[i].stack], &blocks[i], 1);
  live_bytes += (double)blocks[i].requested;
  if (live_bytes > peak_bytes) peak_bytes = live_bytes;
}

static void step_remove(rix_image_t* image, size_t i, uint64_t us) {
  block_t* const b = &blocks[i];
  const bool at_once = draw(3) == 0;
  CHECK(rix_image_may_have(image, pointer_of(i)));
  CHECK(rix_image_remove(image, pointer_of(i), 1, at_once ? b->us : us + 1, us));
  CHECK(!rix_image_remove(image, pointer_of(i), 1, 0, us));
  truth_add(&live[b->stack], b, -1);
  if (at_once) truth_add(&temporary[b->stack], b, 1);
  unsigned place = 0;
  while (((us - b->us) >> place) != 0)
    place++;
  lifetimes[b->stack][place]++;
  live_bytes -= (double)b->requested;
  b->live = false;
}

static void step_resize(rix_image_t* image, size_t i) {
  block_t* const b = &blocks[i];
  truth_add(&live[b->stack], b, -1);
  truth_add(&allocated[b->stack], b, -1);
  live_bytes -= (double)b->requested;
  b->requested = draw((uint32_t)b->usable + 1);
  rix_image_resize(image, pointer_of(i), b->requested);
  truth_add(&live[b->stack], b, 1);
  truth_add(&allocated[b->stack], b, 1);
  live_bytes += (double)b->requested;
  if (live_bytes > peak_bytes) peak_bytes = live_bytes;
}

static void same(const rix_sums_t* s, const truth_t* t) {
  CHECK(near(s->samples, t->samples) && near(s->count, t->count));
  CHECK_MSG(near(s->bytes, t->bytes), "%.17g, not %.17g", s->bytes, t->bytes);
  CHECK(near(s->usable, t->usable) && near(s->var_bytes, 0));
}

static const rix_image_stack_t* stack_of(const rix_image_t* image, unsigned i) {
  const rix_trace_t t = trace_of(i);
  const rix_image_stack_t* s = RIX_IMAGE_PART(const rix_image_stack_t, image, stacks);
  for (uint32_t n = 0; n < image->stacks.used; n++, s++) {
    const uint64_t* const frames = RIX_IMAGE_PART(const uint64_t, image, frames) + s->frames;
    if (s->depth == t.depth && frames[t.depth - 1] == t.pcs[t.depth - 1]) return s;
  }
  return NULL;
}

static void compare(const rix_image_t* image) {
  double peak = 0;
  for (unsigned i = 0; i < STACKS; i++) {
    const rix_image_stack_t* const s = stack_of(image, i);
    if (s == NULL) {
      CHECK(allocated[i].samples == 0);
      continue;
    }
    same(&s->live, &live[i]);
    same(&s->allocated, &allocated[i]);
    same(&s->temporary, &temporary[i]);
    CHECK(s->truncated == (i % 3 == 0));
    for (unsigned n = 0; n < RIX_IMAGE_LIFETIMES; n++)
      CHECK(near((double)s->lifetimes[n], lifetimes[i][n]));
    peak += rix_image_peak_of(image, s)->bytes;
  }
  CHECK(image->stacks.used <= STACKS);
  CHECK(near(image->live.bytes, live_bytes));
  CHECK_MSG(near(peak, image->peak.bytes), "stacks %.17g, all %.17g", peak, image->peak.bytes);
  CHECK(image->peak.bytes <= peak_bytes * 1.000001 && image->peak.bytes * 1.0101 >= peak_bytes);
}

static void against_arrays(void) {
  rix_image_t* const image = new_image(4 * CHECK_MIB);
  rix_image_t* const copy = new_image(4 * CHECK_MIB);
  uint64_t us = 0;
  const size_t steps = check_scaled(100000);
  for (size_t n = 0; n < steps; n++) {
    us += draw(3) == 0 ? draw(100000) : 0;
    const size_t i = draw(n % 30000 < 15000 ? BLOCKS : BLOCKS / 8);
    if (!blocks[i].live) {
      step_add(image, i, us);
    } else if (draw(4) == 0) {
      step_resize(image, i);
    } else {
      step_remove(image, i, us);
    }
    if (n % 5000 == 0) compare(image);
  }
  compare(image);
  rix_image_copy(copy, image);
  compare(copy);
  for (size_t i = 0; i < BLOCKS; i++)
    if (blocks[i].live) step_remove(image, i, us);
  compare(image);
  CHECK(image->live.count == 0 && image->live.usable == 0);
  rix_image_clear(image);
  CHECK(image->stacks.used == 0 && rix_image_find(image, pointer_of(0)) == NULL);
  const rix_trace_t trace = trace_of(1);
  CHECK(rix_image_add(image, &trace, &(rix_sampled_t){48, 10, 16, 1, 0, 1, 0}, us));
  CHECK(image->stacks.used == 1 && image->live.bytes == 10 && image->peak.bytes == 10);
}

// ---- Limits, damage, time -----------------------------------------------------------------------

static void full(void) {
  rix_image_t* const image = new_image(CHECK_MIB);
  const rix_trace_t trace = trace_of(1);
  size_t n = 0;
  while (rix_image_add(image, &trace, &(rix_sampled_t){16 * (n + 1), 100, 112, 1, 0, 1, 0}, 0))
    n++;
  CHECK(n > 1000 && image->dropped_records == 1 && image->dropped_bytes == 100);
  CHECK(rix_image_remove(image, 16, 1, 1, 0));
  CHECK(rix_image_add(image, &trace, &(rix_sampled_t){8, 100, 112, 1, 0, 1, 0}, 0));
  rix_image_clear(image);
  rix_trace_t t = {.depth = RIX_IMAGE_DEPTH, .whole = true};
  while (rix_image_add(image, &t, &(rix_sampled_t){16, 100, 112, 1, 0, 1, 0}, 0))
    t.pcs[5]++;
  CHECK(image->dropped_stacks == 1 && image->frames.used <= image->frames.room);
}

static void damage(void) {
  const size_t size = CHECK_MIB;
  rix_image_t* const image = new_image(size);
  CHECK(!rix_image_valid(image, size - 1) && !rix_image_valid(image, 100));
  rix_image_part_t* const parts[] = {&image->points, &image->modules, &image->stacks,
                                     &image->frames, &image->records};
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    const rix_image_part_t kept = *parts[i];
    parts[i]->used = parts[i]->room + 1;
    CHECK(!rix_image_valid(image, size));
    *parts[i] = kept;
    parts[i]->room = UINT32_MAX;
    CHECK(!rix_image_valid(image, size));
    *parts[i] = kept;
    parts[i]->at = (uint64_t)0 - 64;
    CHECK(!rix_image_valid(image, size));
    *parts[i] = kept;
  }
  CHECK(rix_image_valid(image, size));
  image->magic[0] = 'R';
  CHECK(!rix_image_valid(image, size));
}

static void timeline(void) {
  rix_image_t* const image = new_image(CHECK_MIB);
  size_t noted = 0;
  for (uint64_t us = 0; us < (uint64_t)1000 * 1000 * 1000; us += 10000) {
    if (!rix_image_wants_point(image, us)) continue;
    rix_image_add_point(image, us, (size_t)us);
    noted++;
  }
  const rix_image_point_t* const p = RIX_IMAGE_PART(const rix_image_point_t, image, points);
  CHECK(image->points.used <= RIX_IMAGE_POINTS && image->points.used > RIX_IMAGE_POINTS / 2 - 1);
  CHECK(noted > RIX_IMAGE_POINTS && p[0].ms == 0);
  for (uint32_t i = 1; i < image->points.used; i++)
    CHECK(p[i].ms > p[i - 1].ms && p[i].resident == p[i].ms * 1000);
}

int main(void) {
  arithmetic();
  unbiased();
  against_arrays();
  full();
  damage();
  timeline();
  return 0;
}
