// SPDX-License-Identifier: MIT
// queue.c: the queue and the full list of each class, under a theap of the test's own: after every
// operation the lists, the direct slots and the flags agree (rix_theap_valid), the order is that of
// a model, and sweeping finds exactly the full pages into which others freed.
#include "heap/heap.h"
#include "heap/queue.h"
#include "heap/theap.h"
#include "page/create.h"
#include "page/remote.h"
#include "../check.h"

enum { PAGES = 12 };
static rix_tld_t tld;
static rix_theap_t theap;
static ri_page_t* pages[PAGES];

static void begin(unsigned c) {
  tld.id = (uintptr_t)&tld;
  rix_theap_init(&theap, &tld, &rix_heap_default);
  for (size_t i = 0; i < PAGES; i++) {
    pages[i] = rix_page_create(c, RIX_PAGE_MORE, &rix_heap_default);
    CHECK(pages[i] != NULL);
    rix_theap_adopt(&theap, pages[i]);
    CHECK(rix_theap_valid(&theap));
    CHECK(theap.queue[c].first == pages[i]);
  }
}

static void end(void) {
  rix_theap_abandon(&theap);
  CHECK(rix_theap_valid(&theap));
  CHECK_MSG(check_summary().pages == 0, "%zu pages are left", check_summary().pages);
}

static void order(unsigned c) {
  begin(c);
  ri_page_t* model[PAGES];
  for (size_t i = 0; i < PAGES; i++)
    model[i] = pages[PAGES - 1 - i];
  uint64_t rng = c;
  for (int step = 0; step < 300; step++) {
    const size_t at = check_below(&rng, PAGES);
    ri_page_t* const page = model[at];
    const bool to_front = check_below(&rng, 2) == 0;
    if (to_front && step % 3 != 0) {
      rix_queue_move_to_front(&theap, page);
    } else {
      rix_queue_remove(&theap, page);
      CHECK(page->place == RIX_PLACE_NONE && rix_theap_valid(&theap));
      if (to_front) {
        rix_queue_push_front(&theap, page);
      } else {
        rix_queue_push_back(&theap, page);
      }
    }
    if (to_front) {
      memmove(&model[1], &model[0], at * sizeof(model[0]));
      model[0] = page;
    } else {
      memmove(&model[at], &model[at + 1], (PAGES - 1 - at) * sizeof(model[0]));
      model[PAGES - 1] = page;
    }
    CHECK(rix_theap_valid(&theap));
    const ri_page_t* q = theap.queue[c].first;
    for (size_t i = 0; i < PAGES; i++, q = q->next)
      CHECK(q == model[i]);
    CHECK(q == NULL);
  }
  end();
}

static ri_block_t* fill_up(ri_page_t* page) {
  ri_block_t* last = NULL;
  while (page->free != NULL || rix_page_can_extend(page)) {
    if (page->free == NULL) rix_page_extend(page);
    last = rix_page_pop(page);
  }
  return last;
}

static void full_and_sweep(unsigned c) {
  begin(c);
  ri_block_t* last[PAGES];
  for (size_t i = 0; i < PAGES; i++) {
    last[i] = fill_up(pages[i]);
    CHECK(rix_queue_to_full(&theap, pages[i]));
    CHECK(pages[i]->place == RIX_PLACE_FULL && rix_theap_valid(&theap));
  }
  CHECK(theap.queue[c].first == NULL);
  CHECK(!rix_queue_sweep_full(&theap, c));  // nobody freed: nothing is looked at
  CHECK(rix_remote_push(pages[3], last[3]) == RIX_REMOTE_WAKE);
  CHECK(rix_remote_push(pages[8], last[8]) == RIX_REMOTE_WAKE);
  CHECK(!rix_queue_sweep_full(&theap, c));  // nobody told yet
  ri_store_release(&theap.xwoken[c], 1);
  CHECK(rix_queue_sweep_full(&theap, c));
  CHECK(pages[3]->place == RIX_PLACE_QUEUE && pages[8]->place == RIX_PLACE_QUEUE);
  CHECK(pages[3]->free == last[3] && pages[8]->free == last[8]);
  CHECK(rix_theap_valid(&theap));
  CHECK(!rix_queue_sweep_full(&theap, c));
  // A page into which somebody freed meanwhile stays in the queue.
  (void)rix_page_pop(pages[3]);
  CHECK(rix_remote_push(pages[3], last[3]) == RIX_REMOTE_PUSHED);
  CHECK(!rix_queue_to_full(&theap, pages[3]));
  CHECK(pages[3]->place == RIX_PLACE_QUEUE && rix_page_collect(pages[3]));
  // A local free into a full page brings it back.
  rix_page_push(pages[0], last[0]);
  rix_queue_from_full(&theap, pages[0]);
  CHECK(pages[0]->place == RIX_PLACE_QUEUE && rix_theap_valid(&theap));
  for (size_t i = 0; i < PAGES; i++) {
    ri_block_t* unused = NULL;
    bool gaps;
    (void)rix_remote_collect(pages[i], &unused, &gaps);
    pages[i]->free = NULL;
    pages[i]->capacity = 0;
    ri_store_relaxed(&pages[i]->used, 0);
  }
  end();
}

int main(void) {
  static const unsigned classes[] = {0, 1, 2, 8, 20, 32, 33, RIX_CLASS_COUNT - 1};
  for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
    order(classes[i]);
    full_and_sweep(classes[i]);
  }
  return 0;
}
