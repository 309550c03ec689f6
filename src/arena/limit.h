// SPDX-License-Identifier: MIT
// limit.h: how much memory the process may have, and how near it is to that.
//
//   used    bytes that may be resident: slices that were used since the OS had them, without the
//           holes in them, and mappings
//   hard    what used may not exceed (option limit_hard): a claim fails as if the OS refused
//   soft    what it should not exceed: the least of the option limit_soft, of limit_hard, and of
//           what the control group leaves to this process (option limit_cgroup)
//   level   0 below 80 % of soft, 1 below 95 %, else 2. From level 1 on free memory is kept for a
//           quarter of the time, no page is kept as a spare one, and none asks for huge pages; at
//           level 2 memory goes back at once, and the next slow allocation of each thread looks for
//           more (heap/relief.h)
//
// INVARIANTS
//   used == dirty slices of all arenas - holes + mappings in use and in the cache
//           + what is being claimed (it is charged first), or returned (uncharged last)
//   used >= RIX_GAUGE_COMMITTED, which is for statistics: it never has what was not obtained
//   used <= hard, but for memory that the program gave, limits that were lowered, and the holes of
//           a page that was just released: nothing of them is resident, and at level 2 the page
//           goes back at once
// CONCURRENCY: any thread. Several that charge at once never go past the limit: each adds its part
// by a compare-and-swap that would fail.
#ifndef RIX_ARENA_LIMIT_H
#define RIX_ARENA_LIMIT_H

#include "base/atomic.h"

typedef struct rix_limit_s {
  rix_counter_t xused;
  rix_counter_t xlevel1, xlevel2;  // where these begin, as known at the last charge; or SIZE_MAX
  rix_flag_t xpressed;             // level 2 was reached, and nobody has seen it end since; or it
                                   // is time to look for the control group's limit
} rix_limit_t;
RIX_INTERNAL extern rix_limit_t rix_limit;

// More bytes may be resident; false, and nothing counted: the hard limit forbids it.
RIX_INTERNAL bool rix_limit_charge(size_t size);
// The same for what cannot be refused.
RIX_INTERNAL void rix_limit_charge_anyway(size_t size);
RIX_INLINE void rix_limit_uncharge(size_t size) { rix_counter_sub(&rix_limit.xused, size); }
// Whether there is a hard limit; and whether it refuses that many more bytes at present.
RIX_INTERNAL bool rix_limit_is_hard(void);
RIX_INTERNAL bool rix_limit_refuses(size_t size);
// How many bytes may be used so that `size` more are allowed by the hard limit, with some to spare.
RIX_INTERNAL size_t rix_limit_goal(size_t size);

RIX_INLINE size_t rix_limit_used(void) { return rix_counter_get(&rix_limit.xused); }
RIX_INLINE unsigned rix_limit_level(void) {
  const size_t used = rix_limit_used();
  if (RIX_LIKELY(used < ri_load_relaxed(&rix_limit.xlevel1))) return 0;
  return used < ri_load_relaxed(&rix_limit.xlevel2) ? 1 : 2;
}
RIX_INLINE bool rix_limit_is_pressed(void) {
  return RIX_UNLIKELY(ri_load_relaxed(&rix_limit.xpressed) != 0);
}
// Level 2 is over, if it is; returns whether.
RIX_INTERNAL bool rix_limit_is_over(void);
// Looks at the limits again: they may have changed.
RIX_INTERNAL void rix_limit_look(void);
// The soft limit in effect; SIZE_MAX: there is none. Level 2 of any limit.
RIX_INTERNAL size_t rix_limit_soft(void);
RIX_INLINE size_t rix_limit_level2_of(size_t soft) {
  return soft == SIZE_MAX ? SIZE_MAX : soft - soft / 20;
}
// A time in ms that free memory is kept, as the level has it; -1: for ever.
RIX_INTERNAL int64_t rix_limit_delay(int64_t delay);

// The control group's limit is taken into account from here on: now, if that is not so yet; or if
// so much is used that it is time. Both open files (docs/lifecycle.md).
RIX_INTERNAL void rix_limit_find_group(void);
RIX_INTERNAL void rix_limit_find_due_group(void);
// And looked at again, if the option limit_reread says so and it is time.
RIX_INTERNAL void rix_limit_reread(void);

// What is known of the control group, in bytes; limit SIZE_MAX: it has none, or nothing is known.
typedef struct rix_limit_group_s {
  size_t limit, usage;
} rix_limit_group_t;
RIX_INTERNAL rix_limit_group_t rix_limit_group(void);

#endif
