// SPDX-License-Identifier: MIT
// guard.c: blocks with a guard page, which nobody may access, directly after them: a write or read
// past the end faults at once. Which blocks get one: heap/sample.c.
//
//   start                                                               start + xspan
//   | lead: nobody's | the block, xblock_size bytes | guard page | nobody's |
//
// The block is the only one of a page; its end is a boundary of the OS's pages. With blocks rounded
// up to 16 bytes an access is noticed from there on; with the option guarded_precise from the first
// byte after what was requested, at the price of blocks at odd addresses. What lies before the
// block is usable memory: writing there is not noticed.
//
// Pages of a mapping with different access are different mappings to the OS, of which a process may
// have some 65,530: so there are at most RIX_GUARDS_MAX guard pages; further blocks have none.
//
// CONCURRENCY: rix_guard_set by the thread that creates the page, rix_guard_clear by the one that
// releases it.
#include "page/guard.h"

#include "base/events.h"
#include "options/options.h"

static struct {
  ri_atomic(size_t) xcount;  // guard pages at present
} guard;

bool rix_guard_has_room(void) { return ri_load_relaxed(&guard.xcount) < RIX_GUARDS_MAX; }

// Only memory of which the OS takes single pages: not huge pages, nor memory that the program
// provided and may get back, where a page that could not be made accessible again would stay
// inaccessible.
bool rix_guard_is_possible(const ri_page_t* page) {
  return page->arena == NULL || rix_arena_can_change(page->arena);
}

void rix_guard_set(ri_page_t* page, size_t size) {
  const size_t unit = rix_os_page_size();
  const size_t room = rix_align_up(size, unit);
  const bool precise = rix_option(ri_option_guarded_precise) != 0;
  const size_t block_size = precise ? size : rix_align_up(size, 16);
  RI_ASSERT(ri_load_relaxed(&page->xspan) >= room + unit);
  if (!rix_guard_is_possible(page) || !rix_os_guard(page->start + room, unit)) return;
  ri_fetch_add_relaxed(&guard.xcount, 1);
  page->flags |= RIX_PAGE_GUARDED;
  rix_page_set_lead(page, room - block_size);
  ri_store_relaxed(&page->xblock_size, block_size);
  rix_event(RIX_EVENT_GUARDED);
}

bool rix_guard_clear(ri_page_t* page) {
  const size_t room = rix_page_lead(page) + rix_page_block_size(page);
  page->flags &= (uint8_t)~RIX_PAGE_GUARDED;
  ri_fetch_sub_relaxed(&guard.xcount, 1);
  if (rix_os_unguard(page->start + room, rix_os_page_size())) return true;
  // The next thread that claims the slice has to make it usable again, before anything else.
  const rix_arena_t* const a = page->arena;
  if (a != NULL) {
    const size_t index = (size_t)(page - a->pages) + room / RIX_SLICE_SIZE;
    rix_bitmap_clear_run(&a->committed, index, 1);
  }
  return false;
}
