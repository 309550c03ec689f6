// SPDX-License-Identifier: MIT
// replay.c: see replay.h. The plan is read piece by piece, into memory that is touched from the
// start on, so that resident memory and page faults are the allocator's. Nobody sleeps in a call: a
// thread that must wait gives way to others.
#include "replay.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
  REPLAY_PIECE = 512,  // calls that are read at once
  REPLAY_SPINS = 64,   // looks before a thread gives way
  REPLAY_PAGE = 4096,  // bytes
  REPLAY_MARK = sizeof(uint64_t)
};

typedef struct replay_slot_s {
  _Atomic(uint32_t) xturn;
  uint8_t* block;  // of who has the turn
  size_t size;
} replay_slot_t;

typedef void* replay_new_t(size_t);
typedef void* replay_new_aligned_t(size_t, size_t);
typedef void replay_delete_t(void*);
typedef void replay_delete_2_t(void*, size_t);
typedef void replay_delete_3_t(void*, size_t, size_t);

// One thread's counts, added up at its end.
typedef struct replay_counts_s {
  uint64_t calls, failed, spoilt, waits;
} replay_counts_t;

static struct {
  int file;
  off_t calls_at;
  const plan_thread_t* threads;
  replay_slot_t* slots;
  replay_touch_t touch;
  struct {  // NULL: the allocator has none, and gets what operator new usually calls
    replay_new_t* new_plain;
    replay_new_aligned_t* new_aligned;
    replay_delete_t* delete_plain;
    replay_delete_2_t* delete_sized;
    replay_delete_2_t* delete_aligned;
    replay_delete_3_t* delete_both;
  } operators;
  pthread_mutex_t lock;
  pthread_cond_t ended;
  uint32_t running;  // under the lock, as `counts`
  replay_counts_t counts;
  _Atomic(bool) xfailed;  // a thread could not be started, or the plan not be read
} replay;

// ---- Contents of blocks -------------------------------------------------------------------------

static void replay_write(uint8_t* block, size_t from, size_t size) {
  if (replay.touch == REPLAY_TOUCH_NONE || size <= from) return;
  if (replay.touch == REPLAY_TOUCH_ALL) {
    memset(block + from, 1, size - from);
    return;
  }
  for (size_t at = from; at < size; at += REPLAY_PAGE)
    block[at] = 1;
  block[size - 1] = 1;
}

static void replay_mark(uint8_t* block, size_t size, uint32_t slot) {
  const uint64_t mark = slot + 1;
  if (replay.touch != REPLAY_TOUCH_NONE && size >= REPLAY_MARK) memcpy(block, &mark, REPLAY_MARK);
}

static bool replay_is_spoilt(const uint8_t* block, size_t size, uint32_t slot) {
  uint64_t mark;
  if (replay.touch == REPLAY_TOUCH_NONE || size < REPLAY_MARK) return false;
  memcpy(&mark, block, REPLAY_MARK);
  return mark != (uint64_t)slot + 1;
}

// Of this machine's programs, so it fits.
static size_t replay_size(const plan_call_t* call) { return (size_t)call->size; }

// ---- Calls --------------------------------------------------------------------------------------

static void* replay_aligned(size_t alignment, size_t size) {
  void* block = NULL;
  const size_t least = alignment < sizeof(void*) ? sizeof(void*) : alignment;
  return posix_memalign(&block, least, size) == 0 ? block : NULL;
}

static void* replay_new(const plan_call_t* call, size_t alignment) {
  if (alignment != 0 && replay.operators.new_aligned == NULL)
    return replay_aligned(alignment, replay_size(call));
  if (alignment != 0) return replay.operators.new_aligned(replay_size(call), alignment);
  if (replay.operators.new_plain == NULL) return malloc(replay_size(call));
  return replay.operators.new_plain(replay_size(call));
}

static void replay_delete(const plan_call_t* call, void* block, size_t alignment) {
  const bool sized = call->has_size;
  if (sized && alignment != 0 && replay.operators.delete_both != NULL) {
    replay.operators.delete_both(block, replay_size(call), alignment);
  } else if (alignment != 0 && replay.operators.delete_aligned != NULL) {
    replay.operators.delete_aligned(block, alignment);
  } else if (alignment == 0 && sized && replay.operators.delete_sized != NULL) {
    replay.operators.delete_sized(block, replay_size(call));
  } else if (replay.operators.delete_plain != NULL && alignment == 0) {
    replay.operators.delete_plain(block);
  } else {
    free(block);
  }
}

static void* replay_allocate(const plan_call_t* call, size_t alignment) {
  switch (call->kind) {
    case TRACE_CALLOC:
      return calloc(1, replay_size(call));
    case TRACE_ALIGNED:
      return replay_aligned(alignment, replay_size(call));
    case TRACE_NEW:
      return replay_new(call, alignment);
    default:
      return malloc(replay_size(call));
  }
}

static void replay_allocated(const plan_call_t* call, replay_slot_t* s, uint8_t* block, size_t from,
                             replay_counts_t* counts) {
  counts->failed += block == NULL;
  s->block = block;
  s->size = replay_size(call);
  if (block == NULL) return;
  replay_write(block, from, replay_size(call));
  replay_mark(block, replay_size(call), call->slot);
}

static void replay_realloc(const plan_call_t* call, replay_slot_t* s, replay_counts_t* counts) {
  const size_t before = s->block != NULL ? s->size : 0;
  uint8_t* const block = realloc(s->block, replay_size(call) != 0 ? replay_size(call) : 1);
  const size_t common = before < replay_size(call) ? before : replay_size(call);
  if (block != NULL) counts->spoilt += replay_is_spoilt(block, common, call->slot);
  replay_allocated(call, s, block, before, counts);
}

static void replay_free(const plan_call_t* call, replay_slot_t* s, size_t alignment,
                        replay_counts_t* counts) {
  uint8_t* const block = s->block;
  s->block = NULL;
  if (block == NULL) return;
  counts->spoilt += replay_is_spoilt(block, s->size, call->slot);
  if (call->kind == TRACE_DELETE) {
    replay_delete(call, block, alignment);
  } else {
    free(block);
  }
}

// Acquire: what the call before did to the slot; pairs with the release in replay_call.
static void replay_wait(replay_slot_t* s, uint32_t turn, replay_counts_t* counts) {
  if (atomic_load_explicit(&s->xturn, memory_order_acquire) == turn) return;
  counts->waits++;
  for (unsigned looks = 0; atomic_load_explicit(&s->xturn, memory_order_acquire) != turn; looks++)
    if (looks >= REPLAY_SPINS) (void)sched_yield();
}

static void replay_call(const plan_call_t* call, replay_counts_t* counts) {
  replay_slot_t* const s = &replay.slots[call->slot];
  const size_t alignment = call->alignment != 0 ? (size_t)1 << call->alignment : 0;
  replay_wait(s, call->turn, counts);
  if (call->kind < TRACE_REALLOC) {
    replay_allocated(call, s, replay_allocate(call, alignment), 0, counts);
  } else if (call->kind == TRACE_REALLOC) {
    replay_realloc(call, s, counts);
  } else {
    replay_free(call, s, alignment, counts);
  }
  counts->calls++;
  atomic_store_explicit(&s->xturn, call->turn + 1, memory_order_release);
}

// ---- Threads ------------------------------------------------------------------------------------

static void* replay_thread(void* arg);

static void replay_start(uint32_t thread) {
  pthread_t id;
  (void)pthread_mutex_lock(&replay.lock);
  replay.running++;
  (void)pthread_mutex_unlock(&replay.lock);
  const int error = pthread_create(&id, NULL, replay_thread, (void*)(uintptr_t)thread);
  if (error == 0) {
    (void)pthread_detach(id);
    return;
  }
  fprintf(stderr, "rimalloc-replay: thread %u: %s\n", thread, strerror(error));
  _exit(1);  // others wait for its calls
}

static void replay_calls(uint32_t thread, replay_counts_t* counts) {
  plan_call_t piece[REPLAY_PIECE];
  uint64_t left = replay.threads[thread].count;
  off_t at = replay.calls_at + (off_t)(replay.threads[thread].first * sizeof(plan_call_t));
  while (left > 0) {
    const size_t count = left < REPLAY_PIECE ? (size_t)left : REPLAY_PIECE;
    const size_t size = count * sizeof(plan_call_t);
    if (pread(replay.file, piece, size, at) != (ssize_t)size) {
      fprintf(stderr, "rimalloc-replay: the plan cannot be read\n");
      _exit(1);
    }
    for (size_t i = 0; i < count; i++) {
      if (piece[i].kind == PLAN_START) {
        replay_start(piece[i].slot);
      } else {
        replay_call(&piece[i], counts);
      }
    }
    left -= count;
    at += (off_t)size;
  }
}

static void replay_add(const replay_counts_t* counts, bool ended) {
  (void)pthread_mutex_lock(&replay.lock);
  replay.counts.calls += counts->calls;
  replay.counts.failed += counts->failed;
  replay.counts.spoilt += counts->spoilt;
  replay.counts.waits += counts->waits;
  if (ended) replay.running--;
  (void)pthread_cond_signal(&replay.ended);
  (void)pthread_mutex_unlock(&replay.lock);
}

static void* replay_thread(void* arg) {
  replay_counts_t counts = {0, 0, 0, 0};
  replay_calls((uint32_t)(uintptr_t)arg, &counts);
  replay_add(&counts, true);
  return NULL;
}

// ---- Measuring ----------------------------------------------------------------------------------

// A line of /proc/self/status, in bytes.
static uint64_t replay_status(const char* name) {
  char text[4096];
  const int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const ssize_t got = read(file, text, sizeof(text) - 1);
  (void)close(file);
  text[got > 0 ? got : 0] = '\0';
  const char* const line = strstr(text, name);
  return line != NULL ? strtoull(line + strlen(name), NULL, 10) * 1024 : 0;
}

static double replay_clock(clockid_t clock) {
  struct timespec now;
  (void)clock_gettime(clock, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static uint64_t replay_faults(void) {
  struct rusage usage;
  (void)getrusage(RUSAGE_SELF, &usage);
  return (uint64_t)usage.ru_minflt + (uint64_t)usage.ru_majflt;
}

#define REPLAY_FIND(field, name) \
  (*(void**)(void*)& replay.operators.field = dlsym(RTLD_DEFAULT, name))

static void replay_find(replay_result_t* result) {
  const bool wide = sizeof(void*) == 8;
  (void)REPLAY_FIND(new_plain, wide ? "_Znwm" : "_Znwj");
  (void)REPLAY_FIND(new_aligned, wide ? "_ZnwmSt11align_val_t" : "_ZnwjSt11align_val_t");
  (void)REPLAY_FIND(delete_plain, "_ZdlPv");
  (void)REPLAY_FIND(delete_sized, wide ? "_ZdlPvm" : "_ZdlPvj");
  (void)REPLAY_FIND(delete_aligned, "_ZdlPvSt11align_val_t");
  (void)REPLAY_FIND(delete_both, wide ? "_ZdlPvmSt11align_val_t" : "_ZdlPvjSt11align_val_t");
  Dl_info info;
  void* const function = dlsym(RTLD_DEFAULT, "malloc");
  if (function != NULL && dladdr(function, &info) != 0)
    (void)snprintf(result->allocator, sizeof(result->allocator), "%s", info.dli_fname);
}

static void replay_measure(replay_result_t* result, uint64_t table) {
  const double cpu = replay_clock(CLOCK_PROCESS_CPUTIME_ID);
  const uint64_t faults = replay_faults();
  const double begin = replay_clock(CLOCK_MONOTONIC);
  replay_counts_t counts = {0, 0, 0, 0};
  replay_calls(0, &counts);
  replay_add(&counts, false);
  (void)pthread_mutex_lock(&replay.lock);
  while (replay.running > 0)
    (void)pthread_cond_wait(&replay.ended, &replay.lock);
  (void)pthread_mutex_unlock(&replay.lock);
  result->seconds = replay_clock(CLOCK_MONOTONIC) - begin;
  result->cpu_seconds = replay_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  result->faults = replay_faults() - faults;
  const uint64_t peak = replay_status("VmHWM:");
  const uint64_t resident = replay_status("VmRSS:");
  result->resident = resident > table ? resident - table : 0;
  result->peak = peak > table + result->resident ? peak - table : result->resident;
  result->calls = replay.counts.calls;
  result->failed = replay.counts.failed;
  result->spoilt = replay.counts.spoilt;
  result->waits = replay.counts.waits;
}

// ---- The plan -----------------------------------------------------------------------------------

static void* replay_room(size_t size) {
  void* const room = mmap(NULL, size != 0 ? size : 1, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  return room != MAP_FAILED ? room : NULL;
}

const char* replay_run(const char* path, replay_touch_t touch, replay_result_t* result) {
  plan_header_t header;
  replay.file = open(path, O_RDONLY | O_CLOEXEC);
  if (replay.file < 0) return strerror(errno);
  const bool whole = pread(replay.file, &header, sizeof(header), 0) == (ssize_t)sizeof(header);
  if (!whole || memcmp(header.magic, PLAN_MAGIC, sizeof(header.magic)) != 0 ||
      header.version != PLAN_VERSION || header.threads == 0)
    return "it is no plan";
  const size_t list = header.threads * sizeof(plan_thread_t);
  const size_t slots = (size_t)header.slots * sizeof(replay_slot_t);
  plan_thread_t* const threads = replay_room(list);
  replay.slots = replay_room(slots);
  if (threads == NULL || replay.slots == NULL) return "no memory";
  if (pread(replay.file, threads, list, sizeof(header)) != (ssize_t)list) return "it is cut off";
  replay.threads = threads;
  replay.calls_at = (off_t)(sizeof(header) + list);
  replay.touch = touch;
  (void)pthread_mutex_init(&replay.lock, NULL);
  (void)pthread_cond_init(&replay.ended, NULL);
  replay_find(result);
  replay_measure(result, list + slots);
  return NULL;
}
