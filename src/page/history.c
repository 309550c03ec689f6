// SPDX-License-Identifier: MIT
// history.c: see history.h.
#include "page/history.h"

#include "options/options.h"
#include "os/os.h"
#include "page/density.h"

// Where blocks of the size are known to be used as a whole, writing is faster up to this.
#define HISTORY_ZERO_BY_OS_ALWAYS ((size_t)32 << 20)

enum {
  HISTORY_BINS = 5,            // sizes of zeroed blocks, by doublings from RIX_ZERO_BY_OS_MIN on
  HISTORY_TOUCHED_MAX = 64,    // blocks
  HISTORY_PAUSE_MAX = 31,      // blocks that are not looked at, when they were not touched;
  HISTORY_TRUST_MAX = 7,       // and when they were
  HISTORY_LOOKS = 4,           // places of a block that are looked at
  HISTORY_GROWN_MAX = 1 << 26  // bytes
};

static struct {
  // What was freed lately, less what was made since in the belief that this goes on.
  rix_counter_t xtouched[HISTORY_BINS];  // zeroed blocks that were written to all over
  rix_counter_t xunseen[HISTORY_BINS];   // how many will not be looked at and count as the last,
  rix_counter_t xpause[HISTORY_BINS];    // the maximum of that, which grows while they are alike,
  rix_counter_t xlast[HISTORY_BINS];     // and the last: 1 if it was written to all over
  rix_counter_t xgrown;                  // bytes of blocks that had grown
} history;

static void history_give(rix_counter_t* credit, size_t amount, size_t max) {
  size_t old = ri_load_relaxed(credit);
  while (!ri_cas_weak_relaxed(credit, &old, rix_min(old + amount, max))) {}
}

static bool history_take(rix_counter_t* credit, size_t amount) {
  size_t old = ri_load_relaxed(credit);
  do {
    if (old < amount) return false;
  } while (!ri_cas_weak_relaxed(credit, &old, old - amount));
  return true;
}

bool rix_history_may_copy(size_t size) { return history_take(&history.xgrown, size); }

void rix_history_mark_grown(ri_page_t* page) {
  if (!rix_page_is_single(page)) return;
  page->flags |= RIX_PAGE_GROWN;
  page->flags &= (uint8_t)~RIX_PAGE_WATCHED;
}

static size_t history_bin(size_t block_size) { return rix_bsr(block_size / RIX_ZERO_BY_OS_MIN); }

bool rix_history_watches(size_t block_size) {
  return RIX_ANNOTATE == 0 && !rix_option_os_forbidden() && block_size >= RIX_ZERO_BY_OS_MIN &&
         block_size < HISTORY_ZERO_BY_OS_ALWAYS;
}

bool rix_history_take_touched(size_t block_size) {
  return history_take(&history.xtouched[history_bin(block_size)], 1);
}

// Whether the freed block was written to all over, judged by some lines inside it. The program may
// have left a part of it without access: so the OS is asked first. Where OS pages were never
// touched, this maps the page of zeroes, which takes no memory.
static bool history_was_touched(const ri_page_t* page) {
  const size_t part = rix_page_block_size(page) / (2 * HISTORY_LOOKS);
  for (size_t i = 0; i < HISTORY_LOOKS; i++) {
    const size_t at = rix_align_down((2 * i + 1) * part, rix_os_page_size());
    const volatile uint64_t* const word = (const volatile uint64_t*)(void*)(page->start + at);
    if (!rix_os_is_readable((uintptr_t)word)) return false;
    uint64_t any = 0;
    for (size_t w = 0; w < RI_CACHE_LINE / sizeof(any); w++)
      any |= word[w];
    if (any == 0) return false;
  }
  return true;
}

// Looking costs system calls, and a fault for each place that was not touched: the longer the
// blocks are alike, the less often it is done. What is not looked at counts as the last was.
static void history_learn_touched(const ri_page_t* page, size_t bin) {
  const bool last = ri_load_relaxed(&history.xlast[bin]) != 0;
  const bool seen = !history_take(&history.xunseen[bin], 1);
  const bool touched = seen ? history_was_touched(page) : last;
  if (touched) history_give(&history.xtouched[bin], 1, HISTORY_TOUCHED_MAX);
  if (!seen) return;
  if (!touched) {
    ri_store_relaxed(&history.xtouched[bin], 0);
    rix_density_refute_zeroed(rix_page_block_size(page));
  }
  const size_t before = touched == last ? ri_load_relaxed(&history.xpause[bin]) : 0;
  const size_t max = touched ? HISTORY_TRUST_MAX : HISTORY_PAUSE_MAX;
  const size_t pause = rix_min(2 * before + (touched == last), max);
  ri_store_relaxed(&history.xlast[bin], touched);
  ri_store_relaxed(&history.xpause[bin], pause);
  ri_store_relaxed(&history.xunseen[bin], pause);
}

void rix_history_learn(const ri_page_t* page) {
  const size_t size = rix_page_block_size(page);
  if ((page->flags & RIX_PAGE_GROWN) != 0) {
    if (size < 2 * (size_t)RIX_MOVE_ALWAYS) history_give(&history.xgrown, size, HISTORY_GROWN_MAX);
  } else if ((page->flags & RIX_PAGE_WATCHED) != 0 && rix_history_watches(size)) {
    history_learn_touched(page, history_bin(size));
  }
}
