// SPDX-License-Identifier: MIT
// damaged_list.c: what a write to a freed block, or a block freed twice with others in between,
// does to the list of free blocks, without the option `check`. Where links have keys the block
// whose link is none is not handed out; elsewhere the counts tell, when the list has ended or has
// handed out more blocks than there are. It is reported, the list is dropped, and no block has two
// owners from then on.
#include "misuse.h"

#include <sys/wait.h>

enum { SIZE = 1000, COUNT = 40, MORE = 3000 };

static void check_distinct(void** blocks, size_t count) {
  for (size_t i = 0; i < count; i++) {
    blocks[i] = ri_malloc(SIZE);
    check_fill(blocks[i], SIZE, i);
  }
  for (size_t i = 0; i < count; i++)
    CHECK_FILLED(blocks[i], SIZE, i);
  for (size_t i = 0; i < count; i++)
    ri_free(blocks[i]);
}

static void check_told(void) {
  check_reported(EFAULT, "free list damaged, blocks of 1024 bytes", NULL);
}

// Allocates other sizes until a heartbeat looks.
static void until_told(void) {
  for (size_t size = 5000; check_captured()->errors == 0; size += 8) {
    CHECK(size < 50000);
    for (int i = 0; i < 100; i++)
      (void)!ri_malloc(size % 3000 + 1500);
  }
  check_told();
}

// The link of a freed block is cleared, as by a late memset.
static void written_after_free(void) {
  static void* blocks[COUNT];
  static void* more[MORE];
  for (int i = 0; i < COUNT; i++)
    blocks[i] = ri_malloc(SIZE);
  for (int i = 0; i < COUNT; i++)
    ri_free(blocks[i]);
  memset(misuse_pointer(blocks[COUNT / 2]), 0, sizeof(void*));
  check_distinct(more, 200);
  check_told();
}

static void freed_twice(void) {
  static void* blocks[COUNT];
  static void* more[MORE];
  for (int i = 0; i < COUNT; i++)
    blocks[i] = ri_malloc(SIZE);
  ri_free(blocks[0]);
  ri_free(blocks[1]);
  ri_free(misuse_pointer(blocks[0]));
  for (int i = 0; i < 200; i++)  // with plain links two blocks in turn, nothing has been noticed
    (void)!ri_malloc(SIZE);
  until_told();
  check_distinct(more, MORE);
}

// The list is a circle when the blocks that another thread freed are put behind it.
static void* frees_more(void* arg) {
  void** const blocks = arg;
  for (int i = 10; i < COUNT; i++)
    ri_free(blocks[i]);
  return NULL;
}

static void collected_circle(void) {
  static void* blocks[COUNT];
  for (int i = 0; i < COUNT; i++)
    blocks[i] = ri_malloc(SIZE);
  ri_free(blocks[0]);
  ri_free(blocks[1]);
  ri_free(misuse_pointer(blocks[0]));
  check_in_thread(frees_more, blocks);
  ri_collect(false);  // comes back
  check_capture_reset();
}

// A page that is kept empty: one free too many makes its count of live blocks less than nothing.
static void kept_page(void) {
  void* const first = ri_malloc(SIZE);
  ri_free(first);
  void* const a = ri_malloc(SIZE);
  void* const b = ri_malloc(SIZE);
  ri_free(a);
  ri_free(b);
  ri_free(misuse_pointer(a));
  until_told();
  CHECK(ri_audit());
}

// Found by an allocation, when no heartbeat has looked at the page since it was kept.
static void kept_page_written(void) {
  static void* blocks[10];
  ri_free(ri_malloc(SIZE));
  void* const live = ri_malloc(SIZE);
  for (int i = 0; i < 10; i++)
    blocks[i] = ri_malloc(SIZE);
  for (int i = 0; i < 10; i++)
    ri_free(blocks[i]);
  memset(misuse_pointer(blocks[5]), 0, sizeof(void*));
  for (int i = 0; check_captured()->errors == 0; i++) {
    CHECK(i < 100);
    (void)!ri_malloc(SIZE);
  }
  check_told();
  CHECK(ri_audit());
  ri_free(live);
}

static void in_a_child(void (*run)(void)) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    check_watchdog(20);
    run();
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG(status == 0, "status %x", (unsigned)status);
}

int main(void) {
  misuse_begin(0);
  in_a_child(collected_circle);
  in_a_child(kept_page);
  in_a_child(kept_page_written);
  written_after_free();
  misuse_intact();
  freed_twice();
  check_nothing_reported();
  return 0;
}
