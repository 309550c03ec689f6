// SPDX-License-Identifier: MIT
// sample.c: which blocks get a guard page (page/guard.c): of those whose size is within bounds, one
// in `rate` on average, by random distances from 1 to 2 * rate - 1, so that no pattern in the
// program decides which ones. And which blocks are watched (page/trap.c): that of one slow
// allocation in watch_rate, which costs nothing where an allocation is not slow; or, at rate 1,
// all, by the marks described next.
//
// This costs the fast path nothing: a theap that samples a class marks the pages in its queue, as
// the option `check` does, and marked pages have no direct slot. So exactly the allocations of
// those classes come here, and only as long as the theap samples.
//
// Each theap takes the options when it is made and looks at them again at its heartbeats and when
// it collects, unless the program set something for it. Owner only.
#include "heap/sample.h"

#include "heap/heap.h"
#include "heap/queue.h"
#include "options/options.h"

#define SAMPLE_SIZE_MAX ((size_t)PTRDIFF_MAX / 4)

// From 1 to `most`.
static size_t sample_draw(rix_sample_t* s, size_t range) {
  s->random = s->random * 0x5851F42D4C957F2Du + 0x14057B7EF767814Fu;
  const uint64_t x = (s->random ^ s->random >> 32) * 0x9E3779B97F4A7C15u;
  return (size_t)((x >> 24) % range) + 1;
}

static void sample_count_calls(rix_sample_t* s) {
  const size_t range = rix_min(2 * s->watch_rate, UINT32_MAX / 2);
  s->calls = range > 2 ? (uint32_t)sample_draw(s, range - 1) : UINT32_MAX;
}

static void sample_begin(rix_sample_t* s) {
  s->first = s->classes = 0;
  s->random = s->seed != 0 ? s->seed : rix_os_random() ^ (uintptr_t)s;
  sample_count_calls(s);
  if (s->rate == 0) return;
  s->left = sample_draw(s, s->rate);
  if (s->low > RIX_MEDIUM_BLOCK_MAX) return;
  const unsigned last = rix_class_of(rix_min(s->high, RIX_MEDIUM_BLOCK_MAX));
  s->first = (uint8_t)rix_class_of(s->low);
  s->classes = (uint8_t)(last - s->first + 1);
}

// Starts again, and remarks the theap's pages.
static void sample_apply(rix_theap_t* theap) {
  sample_begin(&theap->sample);
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++)
    rix_queue_mark_sampled(theap, c);
}

static void sample_take_rate(rix_sample_t* s, size_t rate, uint64_t seed) {
  // A tool that is told of every block sees more than a guard page does.
  const bool possible = RIX_ANNOTATE == 0 && !rix_option_os_forbidden();
  s->rate = possible ? rix_min(rate, SAMPLE_SIZE_MAX) : 0;
  s->seed = seed;
}

static void sample_take_bounds(rix_sample_t* s, size_t low, size_t high) {
  s->low = rix_min(low, SAMPLE_SIZE_MAX);
  s->high = rix_max(s->low, rix_min(high, SAMPLE_SIZE_MAX));
}

static void sample_take_options(rix_sample_t* s) {
  const bool possible = RIX_ANNOTATE == 0 && !rix_option_os_forbidden();
  s->watch_rate = possible ? (size_t)rix_option(ri_option_watch_rate) : 0;
  if (s->watch_rate == 1 && !s->own_rate && !s->own_bounds) {
    sample_take_rate(s, 1, 0);
    sample_take_bounds(s, 0, SAMPLE_SIZE_MAX);
    return;
  }
  if (!s->own_rate) {
    sample_take_rate(s, (size_t)rix_option(ri_option_guarded_sample_rate),
                     (uint64_t)rix_option(ri_option_guarded_sample_seed));
  }
  if (!s->own_bounds) {
    sample_take_bounds(s, (size_t)rix_option(ri_option_guarded_min),
                       (size_t)rix_option(ri_option_guarded_max));
  }
}

void rix_sample_init(rix_theap_t* theap) {
  theap->sample = (rix_sample_t){0};
  sample_take_options(&theap->sample);
  sample_begin(&theap->sample);
}

void rix_sample_refresh(rix_theap_t* theap) {
  rix_sample_t now = theap->sample;
  sample_take_options(&now);
  const rix_sample_t* const s = &theap->sample;
  const bool same = now.rate == s->rate && now.seed == s->seed && now.low == s->low &&
                    now.high == s->high && now.watch_rate == s->watch_rate;
  if (same) return;
  theap->sample = now;
  sample_apply(theap);
}

void rix_sample_set_rate(rix_theap_t* theap, size_t rate, uint64_t seed) {
  theap->sample.own_rate = true;
  sample_take_rate(&theap->sample, rate, seed);
  sample_apply(theap);
}

void rix_sample_set_bounds(rix_theap_t* theap, size_t low, size_t high) {
  theap->sample.own_bounds = true;
  sample_take_bounds(&theap->sample, low, high);
  sample_apply(theap);
}

bool rix_sample_takes(rix_theap_t* theap, size_t size) {
  rix_sample_t* const s = &theap->sample;
  if (s->rate == 0 || size < s->low || size > s->high) return false;
  if (--s->left > 0) return false;
  s->left = sample_draw(s, 2 * s->rate - 1);
  return true;
}

size_t rix_sample_random(rix_theap_t* theap, size_t range) {
  return sample_draw(&theap->sample, range) - 1;
}

bool rix_sample_watches(rix_theap_t* theap, size_t size) {
  rix_sample_t* const s = &theap->sample;
  if (s->watch_rate == 1) return s->rate == 1 && !s->own_rate && !s->own_bounds;
  if (s->calls != 0) return false;
  sample_count_calls(s);
  return s->watch_rate != 0 && size <= RIX_MEDIUM_BLOCK_MAX;
}
