// SPDX-License-Identifier: MIT
// ended_threads_leave_nothing.c: every exiting thread leaked its heap, because thread-local storage
// was torn down before the exit hook ran and the hook found nothing. On that bug each of the 1,000
// threads here leaves about 1 MiB of pages and one heap behind: threads, metadata, pages and
// address space grow. The thread has thread-local destructors of its own, which make the order
// matter.
#include "../check.h"

static pthread_key_t key;
static void at_exit_of_thread(void* p) { ri_free(p); }

static void* run(void* arg) {
  (void)arg;
  CHECK(pthread_setspecific(key, ri_malloc(300)) == 0);
  void* blocks[64];
  for (size_t i = 0; i < 64; i++) {
    blocks[i] = ri_malloc(i * 256);
    CHECK(blocks[i] != NULL);
    check_fill(blocks[i], i * 256, i);
  }
  for (size_t i = 0; i < 64; i++)
    ri_free(blocks[i]);
  return NULL;
}

int main(void) {
  check_watchdog(60);
  CHECK(pthread_key_create(&key, at_exit_of_thread) == 0);
  ri_free(ri_malloc(1));
  const ri_summary_t start = check_summary();
  for (size_t i = 0; i < 20; i++)
    check_in_thread(run, NULL);
  const ri_summary_t early = check_summary();
  const size_t count = check_scaled(1000);
  for (size_t i = 0; i < count; i++)
    check_in_thread(run, NULL);
  const ri_summary_t late = check_summary();
  CHECK_MSG(late.threads == start.threads, "%zu threads, before %zu", late.threads, start.threads);
  CHECK_MSG(late.reserved <= early.reserved, "reserved %zu, before %zu", late.reserved,
            early.reserved);
  CHECK_MSG(late.metadata <= early.metadata, "metadata %zu, before %zu", late.metadata,
            early.metadata);
  CHECK_MSG(late.pages <= early.pages + 2, "%zu pages, before %zu", late.pages, early.pages);
  CHECK_MSG(late.blocks == start.blocks, "%zu blocks, before %zu", late.blocks, start.blocks);
  CHECK(late.abandoned == 0);
  CHECK(ri_audit());
  return 0;
}
