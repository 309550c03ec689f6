// SPDX-License-Identifier: MIT
// remote.c: page/remote.h, the one word that other threads touch, on a page in an array: every
// transition of the drawing at its head, the refusals, and several threads that push while the
// owner collects, abandons and somebody claims. (verify/model explores the orders exhaustively.)
#include "base/bits.h"
#include "page/remote.h"

#include "../check.h"

#include <stdatomic.h>

enum { BLOCKS = 64, BLOCK = 16 };
static __attribute__((aligned(64))) uint8_t memory[BLOCKS * BLOCK];
static ri_page_t page;
static bool gaps;  // what a collection says

static ri_block_t* block(size_t i) { return (ri_block_t*)(void*)(memory + i * BLOCK); }

static void reset(void) {
  memset(&page, 0, sizeof(page));
  page.start = memory;
  page.reserved = BLOCKS;
}

static void order_of_the_list(void) {
  reset();
  for (size_t i = 0; i < BLOCKS; i++) {
    CHECK(rix_remote_push(&page, block(i)) == RIX_REMOTE_PUSHED);
    CHECK(rix_remote_count(&page) == i + 1);
  }
  ri_block_t* head = NULL;
  CHECK(rix_remote_collect(&page, &head, &gaps) == BLOCKS);
  for (size_t i = BLOCKS; i-- > 0; head = rix_link_get(head))
    CHECK(head == block(i));
  CHECK(head == NULL);
  CHECK(rix_remote_count(&page) == 0);
  CHECK(rix_remote_collect(&page, &head, &gaps) == 0);
}

static void refusals(void) {
  reset();
  CHECK(rix_remote_push(&page, block(3)) == RIX_REMOTE_PUSHED);
  CHECK(rix_remote_push(&page, block(3)) == RIX_REMOTE_REFUSED);
  CHECK(rix_remote_count(&page) == 1);
  page.reserved = 2;
  CHECK(rix_remote_push(&page, block(4)) == RIX_REMOTE_PUSHED);
  CHECK(rix_remote_push(&page, block(5)) == RIX_REMOTE_REFUSED);
  CHECK(rix_remote_count(&page) == 2);
  ri_block_t* head = NULL;
  CHECK(rix_remote_collect(&page, &head, &gaps) == 2);
  CHECK(head == block(4) && rix_link_get(head) == block(3) &&
        rix_link_get(rix_link_get(head)) == NULL);
}

static void wake(void) {
  reset();
  CHECK(rix_remote_request_wake(&page));
  CHECK(rix_remote_request_wake(&page));  // asked already
  CHECK(rix_remote_push(&page, block(0)) == RIX_REMOTE_WAKE);
  CHECK(rix_remote_push(&page, block(1)) == RIX_REMOTE_PUSHED);  // told once
  CHECK(!rix_remote_request_wake(&page));
  ri_block_t* head = NULL;
  CHECK(rix_remote_collect(&page, &head, &gaps) == 2);
  CHECK(rix_remote_request_wake(&page));
}

static void owners(void) {
  reset();
  CHECK(!rix_remote_claim(&page));  // zero means owned
  CHECK(rix_remote_abandon(&page, false));
  CHECK(rix_remote_claim(&page));
  CHECK(!rix_remote_claim(&page));
  CHECK(rix_remote_push(&page, block(0)) == RIX_REMOTE_PUSHED);
  CHECK(!rix_remote_abandon(&page, false));  // the list must be collected first
  ri_block_t* head = NULL;
  CHECK(rix_remote_collect(&page, &head, &gaps) == 1);
  CHECK(rix_remote_request_wake(&page));
  CHECK(rix_remote_abandon(&page, false));  // a request to be woken ends with the ownership
  CHECK(rix_remote_push(&page, block(1)) == RIX_REMOTE_CLAIMED);
  CHECK(rix_remote_push(&page, block(2)) == RIX_REMOTE_PUSHED);
  CHECK(rix_remote_collect(&page, &head, &gaps) == 2);
}

// A free that leaves the page without owner.
static void leaves(void) {
  reset();
  ri_store_relaxed(&page.used, 3);
  CHECK(rix_remote_push_abandoned(&page, block(0)) == RIX_REMOTE_TAKEN);
  CHECK(rix_remote_abandon(&page, false));
  CHECK(rix_remote_push_abandoned(&page, block(0)) ==
        RIX_REMOTE_TAKEN);  // it waits for who takes it
  CHECK(rix_remote_claim(&page) && ri_load_relaxed(&page.xremote) == 0);
  CHECK(rix_remote_abandon(&page, true));
  CHECK(rix_remote_push_abandoned(&page, block(0)) == RIX_REMOTE_PUSHED);
  CHECK(rix_remote_push_abandoned(&page, block(0)) == RIX_REMOTE_REFUSED);
  CHECK(rix_remote_push_abandoned(&page, block(1)) == RIX_REMOTE_PUSHED);
  CHECK(rix_remote_count(&page) == 2);
  CHECK(rix_remote_push_abandoned(&page, block(2)) == RIX_REMOTE_CLAIMED);  // the last one
  CHECK(!rix_remote_claim(&page));
  ri_block_t* head = NULL;
  CHECK(rix_remote_collect(&page, &head, &gaps) == 3);
  CHECK(head == block(2) && rix_link_get(head) == block(1) &&
        rix_link_get(rix_link_get(head)) == block(0));
  CHECK(ri_load_relaxed(&page.xremote) == 0);
  CHECK(rix_remote_abandon(&page, true) && rix_remote_take(&page) && !rix_remote_take(&page));
}

// ---- Several threads ----------------------------------------------------------------------------
// Blocks go round: a thread that frees takes a token, the owner that collects makes tokens of the
// blocks it got. Whoever becomes owner (by a push or a claim) does one round of an owner's work.

enum { THREADS = 3 };
static _Atomic(uint64_t) tokens;  // bit i: block i is live, and may be freed by who clears the bit
static _Atomic(int) inside;       // owners at work: never two
static size_t rounds;

static void work_as_owner(uint64_t* rng) {
  CHECK(atomic_fetch_add_explicit(&inside, 1, memory_order_acquire) == 0);
  while (true) {
    ri_block_t* head = NULL;
    const size_t count = rix_remote_collect(&page, &head, &gaps);
    uint64_t got = 0;
    size_t n = 0;
    for (; head != NULL; head = rix_link_get(head), n++) {
      got |= (uint64_t)1 << (size_t)((uint8_t*)head - memory) / BLOCK;
    }
    CHECK_MSG(n == count, "%zu blocks in a list of %zu", n, count);
    CHECK((atomic_fetch_or_explicit(&tokens, got, memory_order_acq_rel) & got) == 0);
    if (check_below(rng, 3) == 0) (void)rix_remote_request_wake(&page);
    atomic_fetch_sub_explicit(&inside, 1, memory_order_release);
    if (rix_remote_abandon(&page, false)) return;
    CHECK(atomic_fetch_add_explicit(&inside, 1, memory_order_acquire) == 0);
  }
}

static void* frees(void* arg) {
  uint64_t rng = (uint64_t)(uintptr_t)arg;
  for (size_t i = 0; i < rounds; i++) {
    uint64_t live = atomic_load_explicit(&tokens, memory_order_relaxed);
    if (live == 0 || check_below(&rng, 8) == 0) {
      if (rix_remote_claim(&page)) work_as_owner(&rng);
      continue;
    }
    const uint64_t bit = live & (~live + 1);
    if ((atomic_fetch_and_explicit(&tokens, ~bit, memory_order_acq_rel) & bit) == 0) continue;
    const rix_remote_result_t result = rix_remote_push(&page, block(rix_ctz64(bit)));
    CHECK(result != RIX_REMOTE_REFUSED);
    if (result == RIX_REMOTE_CLAIMED) work_as_owner(&rng);
  }
  return NULL;
}

static void threads(void) {
  reset();
  rounds = check_scaled(200000);
  atomic_store(&tokens, UINT64_MAX);
  CHECK(rix_remote_abandon(&page, false));
  pthread_t all[THREADS];
  for (size_t t = 0; t < THREADS; t++)
    all[t] = check_start(frees, (void*)(t + 1));
  for (size_t t = 0; t < THREADS; t++)
    check_join(all[t]);
  uint64_t rng = 1;
  CHECK(rix_remote_claim(&page));
  work_as_owner(&rng);
  CHECK_MSG(atomic_load(&tokens) == UINT64_MAX, "blocks %zx are lost",
            (size_t)~atomic_load(&tokens));
}

int main(void) {
  order_of_the_list();
  refusals();
  wake();
  owners();
  leaves();
  threads();
  return 0;
}
