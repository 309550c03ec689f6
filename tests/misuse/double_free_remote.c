// SPDX-License-Identifier: MIT
// double_free_remote.c: a block that another thread frees twice in a row is reported even in a
// release without the option `check`, because the free is already the newest in the page's list,
// with an owner or without; so is a free too many in a page whose blocks are all free. With
// `check`, any block that was freed remotely and not collected yet is found. Runs a child for each
// setting.
#include "misuse.h"

#include <sys/wait.h>

static void* frees_twice(void* p) {
  ri_free(p);
  misuse_free_again(p);
  return NULL;
}

static void twice_in_a_row(size_t size) {
  void* const other = ri_malloc(size);
  void* const p = ri_malloc(size);
  check_in_thread(frees_twice, p);
  void* const q = ri_malloc(size);
  void* const r = ri_malloc(size);
  CHECK(q != r && q != other && r != other);
  ri_free(q);
  ri_free(r);
  ri_free(other);
}

enum { MANY = 20000 };
static void* blocks[MANY];

// Every block of several pages is freed by another thread, and one of them again.
static void* frees_all_and_one(void* arg) {
  (void)arg;
  for (size_t i = 0; i < MANY; i++)
    ri_free(blocks[i]);
  return NULL;
}

static void* frees_first_again(void* arg) {
  (void)arg;
  misuse_free_gone(blocks[0]);
  return NULL;
}

static void after_all(void) {
  for (size_t i = 0; i < MANY; i++)
    blocks[i] = ri_malloc(64);
  check_in_thread(frees_all_and_one, NULL);
  check_in_thread(frees_first_again, NULL);
}

static void* frees_three(void* arg) {
  void** const three = arg;
  for (int i = 0; i < 3; i++)
    ri_free(three[i]);
  return NULL;
}

static void* frees(void* p) {
  ri_free(p);
  return NULL;
}

// Freed by the owner, then by another thread, which cannot look into the owner's list: the owner
// finds it, at the latest when it collects.
static void owner_then_other(size_t size) {
  void* const p = ri_malloc(size);
  void* const q = ri_malloc(size);
  const ri_summary_t before = check_summary();
  ri_free(p);
  check_in_thread(frees, p);
  ri_collect(false);
  check_reported(EAGAIN, "double free", p);
  const ri_summary_t after = check_summary();
  CHECK_MSG(after.blocks + 1 == before.blocks, "%zu, before %zu", after.blocks, before.blocks);
  ri_free(q);
}

// In the list of remote frees, but not its head; then freed again by the owner as well.
static void checked_only(size_t size) {
  void* const keep = ri_malloc(size);
  void* three[3] = {ri_malloc(size), ri_malloc(size), ri_malloc(size)};
  check_in_thread(frees_three, three);
  misuse_free_again(three[0]);
  misuse_free_again(three[2]);
  ri_free(keep);
}

// In a page that its thread left at its end, and that this thread does not take over, because it
// has blocks of the size itself.
static void* leaves_four(void* arg) {
  const size_t size = *(const size_t*)arg;
  static void* four[4];
  for (int i = 0; i < 4; i++)
    four[i] = ri_malloc(size);
  return four;
}

static void in_a_left_page(size_t size) {
  void* const mine = ri_malloc(size);
  ri_free(ri_malloc(size));
  void** const four = check_in_thread(leaves_four, &size);
  ri_free(four[2]);
  misuse_free_again(four[2]);
  misuse_free_again(four[2]);
  void* got[3];
  for (int i = 0; i < 3; i++)
    got[i] = ri_malloc(size);
  CHECK(got[0] != got[1] && got[0] != got[2] && got[1] != got[2]);
  for (int i = 0; i < 3; i++)
    ri_free(got[i]);
  ri_free(four[0]);
  ri_free(four[1]);
  ri_free(four[3]);
  ri_free(mine);
}

static void run(long check) {
  misuse_begin(check);
  for (int i = 0; i < MISUSE_SMALL_SIZES; i++) {
    twice_in_a_row(misuse_small_sizes[i]);
    in_a_left_page(misuse_small_sizes[i]);
    if (check > 0) {
      checked_only(misuse_small_sizes[i]);
      owner_then_other(misuse_small_sizes[i]);
    }
    misuse_intact();
  }
  after_all();
  misuse_intact();
}

int main(void) {
  for (long check = 0; check < 2; check++) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      run(check);
      _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_MSG(status == 0, "check %ld: status %x", check, (unsigned)status);
  }
  return 0;
}
