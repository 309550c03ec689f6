// SPDX-License-Identifier: MIT
// mt_ops.c: threads that come and go, allocate, and free each other's blocks. One thread works at a
// time and the input says which, so the schedule is that of the input: every hand-over of a page
// (abandoned, claimed, adopted, woken) can be reached and repeated. An operation may also let all
// threads run freely for a while; then only what they leave is checked, and ThreadSanitizer looks.
#include <semaphore.h>

#include "shadow.h"

enum { WORKERS = 5, EXCHANGE = 64, FREE_RUN = 60 };

typedef struct worker_s {
  pthread_t thread;
  bool alive;
  sem_t go, done;
  void (*job)(fuzz_op_t op);  // NULL: end
  fuzz_op_t op;
} worker_t;

static worker_t workers[WORKERS];
static shadow_t shadow;
static void* exchange[EXCHANGE];  // blocks on their way between free-running threads

static void wait_for(sem_t* s) {
  while (sem_wait(s) != 0)
    FUZZ_CHECK(errno == EINTR);
}

static void* work(void* arg) {
  worker_t* const w = arg;
  while (true) {
    wait_for(&w->go);
    if (w->job == NULL) return NULL;
    w->job(w->op);
    sem_post(&w->done);
  }
}

static void start(worker_t* w) {
  FUZZ_CHECK(sem_init(&w->go, 0, 0) == 0 && sem_init(&w->done, 0, 0) == 0);
  FUZZ_CHECK(pthread_create(&w->thread, NULL, work, w) == 0);
  w->alive = true;
}

static void stop(worker_t* w) {
  w->job = NULL;
  sem_post(&w->go);
  FUZZ_CHECK(pthread_join(w->thread, NULL) == 0);
  sem_destroy(&w->go);
  sem_destroy(&w->done);
  w->alive = false;
}

// ---- What a thread does -------------------------------------------------------------------------

static void allocate(shadow_block_t* b, fuzz_op_t op) {
  const size_t size = fuzz_size(op.a % 12, op.value);
  if (!shadow_has_room(&shadow, size)) return;
  const bool zero = op.b % 4 == 0;
  const size_t align = op.b % 8 == 1 ? (size_t)16 << op.a % 10 : 1;
  const size_t offset = align > 1 ? op.value % 64 : 0;
  errno = SHADOW_ERRNO;
  void* p;
  if (align > 1) {
    p = ri_malloc_aligned_at(size, align, offset);
  } else {
    p = zero ? ri_zalloc(size) : ri_malloc(size);
  }
  shadow_allocated(&shadow, b, p, (shadow_wish_t){size, align, offset, zero});
}

static void resize(shadow_block_t* b, fuzz_op_t op) {
  const size_t size = fuzz_size(op.a % 12, op.value);
  if (!shadow_has_room(&shadow, size)) return;
  const size_t old_usable = ri_usable_size(b->p);
  errno = SHADOW_ERRNO;
  void* const q = ri_realloc(b->p, size);
  shadow_resized(&shadow, b, q, old_usable, (shadow_wish_t){size, 1, 0, false});
}

static void release(shadow_block_t* b) {
  shadow_check(b);
  errno = SHADOW_ERRNO;
  ri_free(b->p);
  FUZZ_CHECK(errno == SHADOW_ERRNO);
  shadow_freed(&shadow, b);
}

// Fills a page or two of one class, or frees that many: full pages, and empty ones.
static void many(fuzz_op_t op) {
  const size_t size = 1 + op.value % 30000;
  for (unsigned i = 0; i < SHADOW_SLOTS; i++) {
    shadow_block_t* const b = shadow_at(&shadow, op.slot + i);
    if ((op.b & 1) != 0 && b->p != NULL) {
      release(b);
    } else if ((op.b & 1) == 0 && b->p == NULL) {
      errno = SHADOW_ERRNO;
      shadow_allocated(&shadow, b, ri_malloc(size), (shadow_wish_t){size, 1, 0, false});
    }
  }
}

static void one(fuzz_op_t op) {
  shadow_block_t* const b = shadow_at(&shadow, op.slot);
  switch (op.code >> 4) {
    case 0:
      ri_collect(op.a % 8 == 0);
      break;
    case 1:
      FUZZ_CHECK(ri_audit());
      break;
    case 2:
      ri_thread_done();
      break;
    case 3:
    case 4:
      many(op);
      break;
    case 5:
      if (b->p != NULL) resize(b, op);
      break;
    default:
      if (b->p == NULL) {
        allocate(b, op);
      } else {
        release(b);
      }
  }
}

static void put_back(void* p, size_t at) {
  ri_free(__atomic_exchange_n(&exchange[at % EXCHANGE], p, __ATOMIC_ACQ_REL));
}

static void run_freely(fuzz_op_t op) {
  uint64_t rng = op.value;
  for (int i = 0; i < FREE_RUN; i++) {
    const size_t size = 8 + check_any_size(&rng, 20000);
    uint64_t* const p = ri_malloc(size);
    FUZZ_CHECK(p != NULL);
    *p = (uint64_t)(uintptr_t)p;
    void* const other =
        __atomic_exchange_n(&exchange[check_below(&rng, EXCHANGE)], NULL, __ATOMIC_ACQ_REL);
    if (other != NULL) {
      uint64_t mark;
      memcpy(&mark, other, sizeof(mark));
      FUZZ_CHECK(mark == (uint64_t)(uintptr_t)other);
      ri_free(other);
    }
    put_back(p, check_below(&rng, EXCHANGE));
  }
  FUZZ_CHECK(ri_audit());
}

// ---- The schedule -------------------------------------------------------------------------------

static void tell(worker_t* w, void (*job)(fuzz_op_t), fuzz_op_t op) {
  if (!w->alive) start(w);
  w->job = job;
  w->op = op;
  sem_post(&w->go);
}

static void all_at_once(fuzz_op_t op) {
  for (unsigned i = 0; i < WORKERS; i++) {
    op.value++;
    tell(&workers[i], run_freely, op);
  }
  for (unsigned i = 0; i < WORKERS; i++)
    wait_for(&workers[i].done);
}

static void step(fuzz_op_t op) {
  worker_t* const w = &workers[op.b / 8 % (WORKERS + 1) % WORKERS];
  if (op.code == 255 && op.a < 64) {
    all_at_once(op);
  } else if (op.code >= 240) {
    if (w->alive) stop(w);
  } else if (op.code >= 230) {
    fuzz_clock_forward(op.value % 2000);
  } else if (op.b / 8 % (WORKERS + 1) == WORKERS) {
    one(op);  // this thread
  } else {
    tell(w, one, op);
    wait_for(&w->done);
  }
}

void fuzz_run(fuzz_input_t in) {
  fuzz_op_t op;
  if (in.size > 100 * (size_t)FUZZ_OP_BYTES) in.size = 100 * (size_t)FUZZ_OP_BYTES;
  while (fuzz_next(&in, &op))
    step(op);
  for (unsigned i = 0; i < WORKERS; i++) {
    if (workers[i].alive) stop(&workers[i]);
  }
  for (unsigned i = 0; i < EXCHANGE; i++)
    put_back(NULL, i);
  shadow_clear(&shadow);
  ri_collect(true);
  FUZZ_CHECK(check_summary().abandoned == 0);
}
