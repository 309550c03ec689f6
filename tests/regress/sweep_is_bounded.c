// SPDX-License-Identifier: MIT
// sweep_is_bounded.c: one remote free into a full page made the owner's next slow allocation walk
// over all its full pages, of which a large heap has many. A sweep may look at 32 pages once it
// found one, and at 256 while it finds none; the next goes on where it ended, every page is reached
// after enough sweeps, and then sweeping ends. (With more than 256 pages it never did: no single
// sweep saw the whole list, so each slow allocation looked at 256 pages for ever.)
#include "heap/heap.h"
#include "heap/queue.h"
#include "heap/theap.h"
#include "page/create.h"
#include "page/remote.h"
#include "../check.h"

enum { PAGES = 3000, FOUND_MAX = RIX_SWEEP_MAX, LOOKED_MAX = 8 * RIX_SWEEP_MAX };
static rix_tld_t tld;
static rix_theap_t theap;
static ri_page_t* pages[PAGES];
static ri_block_t* last[PAGES];
static unsigned c;

static void fill(void) {
  tld.id = (uintptr_t)&tld;
  rix_theap_init(&theap, &tld, &rix_heap_default);
  for (size_t i = 0; i < PAGES; i++) {
    ri_page_t* const page = rix_page_create(c, RIX_PAGE_MORE, &rix_heap_default);
    CHECK(page != NULL);
    rix_theap_adopt(&theap, page);
    while (page->free != NULL || rix_page_can_extend(page)) {
      if (page->free == NULL) rix_page_extend(page);
      last[i] = rix_page_pop(page);
    }
    CHECK(rix_queue_to_full(&theap, page));
    pages[i] = page;
  }
}

static void remote_free(size_t i) {
  CHECK(rix_remote_push(pages[i], last[i]) == RIX_REMOTE_WAKE);
  ri_store_release(&theap.xwoken[c], 1);
}

static void one_far_away(size_t at) {
  size_t before = 0;  // pages before it in the list, which sweeps turn round
  for (const ri_page_t* page = theap.full[c].first; page != pages[at]; page = page->next)
    before++;
  remote_free(at);
  size_t sweeps = 1;
  while (!rix_queue_sweep_full(&theap, c)) {
    CHECK_MSG(theap.sweep[c] != 0, "page %zu was forgotten after %zu sweeps", at, sweeps);
    sweeps++;
  }
  CHECK(pages[at]->place == RIX_PLACE_QUEUE);
  CHECK_MSG(sweeps == before / LOOKED_MAX + 1, "the page after %zu took %zu", before, sweeps);
  (void)rix_page_pop(pages[at]);
  CHECK(rix_queue_to_full(&theap, pages[at]));
  // And the sweep comes to its end, although no single one looks at the whole list.
  for (size_t more = 0; theap.sweep[c] != 0; more++) {
    CHECK_MSG(more <= PAGES / LOOKED_MAX + 1, "still sweeping after %zu", more);
    CHECK(!rix_queue_sweep_full(&theap, c));
  }
}

static void all_of_them(void) {
  for (size_t i = 0; i < PAGES; i++)
    remote_free(i);
  size_t revived = 0;
  for (size_t sweeps = 0; revived < PAGES; sweeps++) {
    CHECK_MSG(sweeps <= PAGES / FOUND_MAX + 1, "%zu pages after %zu sweeps", revived, sweeps);
    CHECK(rix_queue_sweep_full(&theap, c));
    size_t now = 0;
    for (const ri_page_t* page = theap.queue[c].first; page != NULL; page = page->next)
      now++;
    CHECK_MSG(now - revived <= FOUND_MAX, "%zu pages in one sweep", now - revived);
    revived = now;
  }
  CHECK(rix_theap_valid(&theap));
}

int main(void) {
  check_watchdog(60);
  c = rix_class_of(8192);
  fill();
  one_far_away(PAGES - 1);
  one_far_away(1500);
  one_far_away(10);
  all_of_them();
  return 0;
}
