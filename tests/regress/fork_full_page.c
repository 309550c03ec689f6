// SPDX-License-Identifier: MIT
// fork_full_page.c: a thread had freed a block of a full page, and had not yet told the page's
// owner, when the owner forked. In the child that thread is gone, nobody looked at the page again,
// and its blocks were lost. The child must find it. (Found by verify/model, fork_told.)
#include "arena/pagemap.h"
#include "heap/heap.h"
#include "page/remote.h"
#include "../check.h"

#include <sys/wait.h>

enum { SIZE = 8000, BLOCKS = 64 };
static void* blocks[BLOCKS];
static size_t count;

static ri_page_t* fill_page(void) {
  blocks[count++] = ri_malloc(SIZE);
  ri_page_t* const page = rix_pagemap_find(blocks[0]);
  CHECK(page != NULL);
  while (page->place != RIX_PLACE_FULL) {
    CHECK(count < BLOCKS);
    blocks[count] = ri_malloc(SIZE);
    CHECK(blocks[count] != NULL);
    count++;
  }
  return page;
}

// As many allocations as two pages have blocks: one of them gets the block that came back.
static void in_child(const ri_page_t* page) {
  bool found = false;
  for (size_t i = 0; i < BLOCKS; i++)
    found = ri_malloc(SIZE) == blocks[0] || found;
  CHECK_MSG(found, "the page is in place %d, with %zu freed", (int)page->place,
            rix_remote_count(page));
  CHECK(ri_audit());
  _exit(0);
}

int main(void) {
  check_watchdog(20);
  ri_page_t* const page = fill_page();
  // What a free of another thread does, up to where it stops.
  CHECK(rix_remote_push(page, blocks[0]) == RIX_REMOTE_WAKE);
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) in_child(page);
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  // And here it goes on.
  rix_theap_t* const theap = ri_load_relaxed(&page->xtheap);
  (void)ri_exchange_release(&theap->xwoken[page->class_index], 1);
  for (size_t i = 1; i < count; i++)
    ri_free(blocks[i]);
  CHECK(ri_audit());
  return 0;
}
