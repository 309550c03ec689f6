// SPDX-License-Identifier: MIT
// limit.c: see limit.h.
#include "arena/limit.h"

#include "arena/arena.h"
#include "base/events.h"
#include "options/options.h"
#include "os/os.h"

rix_limit_t rix_limit = {{0}, {SIZE_MAX}, {SIZE_MAX}, {0}};

static struct {
  ri_atomic(size_t) xlimit;  // of the group; SIZE_MAX: none
  ri_atomic(size_t) xusage;  // of the group when it was looked at last
  ri_atomic(size_t) xsoft;   // bytes used with which the group is at its soft limit; SIZE_MAX: none
  ri_atomic(uint64_t) xdue;  // when to look again, in ms
  rix_flag_t xfound;         // it was looked for
} limit_group = {{SIZE_MAX}, {0}, {SIZE_MAX}, {0}, {0}};

// It is looked for once so much is used. To open the files takes longer than all else that is done
// at the start, and most processes never get here.
enum { LIMIT_GROUP_MIN = 16 << 20 };

// ---- What is allowed ----------------------------------------------------------------------------

static size_t limit_hard(void) {
  const size_t hard = rix_option_bytes(ri_option_limit_hard, 10);
  return hard != 0 ? hard : SIZE_MAX;
}

size_t rix_limit_soft(void) {
  const size_t soft = rix_option_bytes(ri_option_limit_soft, 10);
  const size_t least = rix_min(soft != 0 ? soft : SIZE_MAX, limit_hard());
  return rix_min(least, ri_load_relaxed(&limit_group.xsoft));
}

bool rix_limit_is_hard(void) { return limit_hard() != SIZE_MAX; }

bool rix_limit_refuses(size_t size) {
  const size_t hard = limit_hard(), used = rix_limit_used();
  return hard != SIZE_MAX && (used > hard || size > hard - used);
}

size_t rix_limit_goal(size_t size) {
  const size_t hard = limit_hard();
  if (hard == SIZE_MAX) return SIZE_MAX;
  const size_t wanted = size > SIZE_MAX - hard / 64 ? SIZE_MAX : size + hard / 64;
  return hard - rix_min(wanted, hard);
}

static bool limit_group_is_due(void) {
  return RIX_UNLIKELY(ri_load_relaxed(&limit_group.xfound) == 0) &&
         rix_limit_used() >= LIMIT_GROUP_MIN && !rix_option_os_forbidden();
}

static void limit_set(rix_counter_t* word, size_t value) {
  if (RIX_UNLIKELY(ri_load_relaxed(word) != value)) ri_store_relaxed(word, value);
}

void rix_limit_look(void) {
  const size_t soft = rix_limit_soft();
  limit_set(&rix_limit.xlevel1, soft == SIZE_MAX ? soft : soft - soft / 5);
  limit_set(&rix_limit.xlevel2, rix_limit_level2_of(soft));
  if (rix_limit_is_pressed()) return;
  if (rix_limit_level() == 2 || limit_group_is_due()) ri_store_relaxed(&rix_limit.xpressed, 1);
}

bool rix_limit_is_over(void) {
  rix_limit_look();
  if (rix_limit_level() == 2) return false;
  ri_store_relaxed(&rix_limit.xpressed, 0);
  return true;
}

int64_t rix_limit_delay(int64_t delay) {
  const unsigned level = rix_limit_level();
  if (RIX_LIKELY(level == 0) || delay < 0) return delay;
  return level == 1 ? delay / 4 : 0;
}

// ---- What is used -------------------------------------------------------------------------------

// Only by a thread whose part fits: one that took it back would in between deny it to others.
static bool limit_take(size_t size, size_t hard) {
  size_t used = rix_limit_used();
  do {
    if (used > hard || size > hard - used) return false;
  } while (!ri_cas_weak_relaxed(&rix_limit.xused, &used, used + size));
  return true;
}

void rix_limit_charge_anyway(size_t size) {
  rix_counter_add(&rix_limit.xused, size);
  rix_limit_look();
}

bool rix_limit_charge(size_t size) {
  const size_t hard = limit_hard();
  if (size == 0) return true;
  if (RIX_LIKELY(hard == SIZE_MAX)) {
    rix_limit_charge_anyway(size);
    return true;
  }
  if (!limit_take(size, hard)) {
    rix_event(RIX_EVENT_LIMIT_HIT);
    return false;
  }
  rix_limit_look();
  return true;
}

// ---- The control group --------------------------------------------------------------------------
//
// Its limit covers more than blocks, and other processes. So what is left of it decides, not its
// size: soft is where used would be when the group is at the share that the option says, as far as
// only this process grows. What others have may have gone since, if nobody looks again: then at
// least half of the share counts as left.

static void limit_see_group(rix_os_group_t group) {
  const uint64_t share = group.limit / 100 * (uint64_t)rix_option(ri_option_limit_cgroup);
  const uint64_t used = rix_limit_used();
  const bool again = rix_option(ri_option_limit_reread) > 0;
  const uint64_t left = group.usage < share ? share - group.usage : 0;
  uint64_t soft = used + left;
  // Over the share already: the level is 2 whatever is used.
  if (group.usage > share) soft = used > group.usage - share ? used - (group.usage - share) : 0;
  if (!again && soft < share / 2) soft = share / 2;
  const uint64_t largest = SIZE_MAX - 1;
  ri_store_relaxed(&limit_group.xlimit, (size_t)(group.limit < largest ? group.limit : largest));
  ri_store_relaxed(&limit_group.xusage, (size_t)(group.usage < largest ? group.usage : largest));
  ri_store_relaxed(&limit_group.xsoft, (size_t)(soft < largest ? soft : largest));
  rix_limit_look();
}

// Under rix_purge_lock, so that one thread at a time looks, and none is at it during a fork.
static void limit_find_group(void) {
  rix_os_group_t group;
  if (ri_load_relaxed(&limit_group.xfound) != 0) return;
  if (rix_option(ri_option_limit_cgroup) != 0 && rix_os_group_find(&group)) limit_see_group(group);
  ri_store_relaxed(&limit_group.xfound, 1);
}

void rix_limit_find_group(void) {
  if (ri_load_relaxed(&limit_group.xfound) != 0 || rix_option_os_forbidden()) return;
  rix_lock(&rix_purge_lock);
  limit_find_group();
  rix_unlock(&rix_purge_lock);
}

void rix_limit_find_due_group(void) {
  if (!limit_group_is_due() || !rix_lock_try(&rix_purge_lock)) return;
  limit_find_group();
  rix_unlock(&rix_purge_lock);
}

void rix_limit_reread(void) {
  const long ms = rix_option(ri_option_limit_reread);
  if (RIX_LIKELY(ms == 0) || ri_load_relaxed(&limit_group.xlimit) == SIZE_MAX) return;
  const uint64_t now = rix_os_clock_ms();
  const uint64_t due = ri_load_relaxed(&limit_group.xdue);
  if (now < due || !rix_lock_try(&rix_purge_lock)) return;
  ri_store_relaxed(&limit_group.xdue, now + (uint64_t)ms);
  rix_os_group_t group;
  if (rix_os_group_read(&group)) limit_see_group(group);
  rix_unlock(&rix_purge_lock);
}

rix_limit_group_t rix_limit_group(void) {
  return (rix_limit_group_t){ri_load_relaxed(&limit_group.xlimit),
                             ri_load_relaxed(&limit_group.xusage)};
}
