// SPDX-License-Identifier: MIT
// thread.c: the life of threads (heap/thread.c) and of their theaps: created on the first
// allocation, abandoned at exit, reused by the next thread, gone after ri_thread_done, replaced by
// the orphan theap for what comes after thread exit.
#include "heap/heap.h"
#include "heap/orphan.h"
#include "heap/theap.h"
#include "heap/thread.h"
#include "heap/tld.h"

#include "../check.h"

static void* first_use(void* arg) {
  (void)arg;
  CHECK(rix_tls.phase == RIX_THREAD_NEW && rix_tls.self == 0);
  CHECK(rix_tls.theap == &rix_theap_empty.fast);
  CHECK(rix_tld_find_theap(&rix_heap_default) == NULL);
  ri_free(NULL);
  CHECK(rix_tls.phase == RIX_THREAD_NEW);  // freeing makes no heap
  void* const p = ri_malloc(10);
  CHECK(rix_tls.phase == RIX_THREAD_LIVE && rix_tls.self != 0);
  rix_theap_t* const theap = rix_thread_theap();
  CHECK(theap != NULL && &theap->fast == rix_tls.theap && theap->heap == &rix_heap_default);
  CHECK(theap->tld->id == rix_tls.self && theap->tld->exit_known);
  CHECK(rix_tld_find_theap(&rix_heap_default) == theap);
  CHECK(rix_theap_valid(theap));
  ri_free(p);
  return theap;
}

static void* done_and_again(void* arg) {
  (void)arg;
  const size_t count = rix_thread_count();
  ri_thread_init();
  CHECK(rix_thread_count() == count + 1);
  void* const p = ri_malloc(100);
  ri_thread_done();
  CHECK(rix_thread_count() == count && rix_tls.phase == RIX_THREAD_NEW && rix_tls.self == 0);
  CHECK(rix_tls.theap == &rix_theap_empty.fast);
  ri_thread_init();
  CHECK(rix_thread_count() == count + 1 && ri_usable_size(p) >= 100);
  ri_free(p);
  return NULL;
}

static pthread_key_t late_key;
static int late_rounds;
static void* late_block;

static void late(void* arg) {
  late_rounds++;
  if (late_rounds < 3) {
    CHECK(pthread_setspecific(late_key, arg) == 0);
    return;
  }
  // By the third round the allocator's own hook has run.
  CHECK(rix_tls.phase == RIX_THREAD_DEAD && rix_tls.self == 0);
  CHECK(rix_thread_theap() == NULL);
  const size_t count = rix_thread_count();
  for (size_t size = 1; size < 300000; size = size * 3 + 1) {
    uint8_t* p = ri_malloc(size);
    CHECK(p != NULL);
    check_fill(p, size, size);
    p = ri_realloc(p, size * 2);
    CHECK(p != NULL);
    CHECK_FILLED(p, size, size);
    ri_free(p);
    p = ri_zalloc_aligned_at(size, 256, 16);
    CHECK(p != NULL && check_aligned(p + 16, 256));
    CHECK_ZERO(p, 0, size);
    ri_free(p);
  }
  late_block = ri_malloc(500);
  CHECK(rix_thread_count() == count);  // and no new life begins
  CHECK(rix_tls.phase == RIX_THREAD_DEAD);
}

static void* dies_late(void* arg) {
  CHECK(pthread_setspecific(late_key, &late_key) == 0);
  ri_free(ri_malloc(1));
  return arg;
}

int main(void) {
  check_watchdog(30);
  CHECK(pthread_key_create(&late_key, late) == 0);
  const size_t before = rix_thread_count();
  void* const a = check_in_thread(first_use, NULL);
  void* const b = check_in_thread(first_use, NULL);
  CHECK_MSG(a == b, "the second thread got %p after %p", b, a);
  CHECK(rix_thread_count() == before);
  check_in_thread(done_and_again, NULL);
  CHECK(rix_thread_count() == before);
  for (int i = 0; i < 3; i++) {
    late_rounds = 0;
    check_in_thread(dies_late, NULL);
    CHECK(late_rounds == 3);
    CHECK(ri_usable_size(late_block) >= 500);
    ri_free(late_block);
  }
  CHECK(rix_thread_count() == before);
  rix_orphan_collect(true);
  CHECK_MSG(check_summary().blocks == 0, "%zu blocks", check_summary().blocks);
  CHECK(ri_audit());
  return 0;
}
