// SPDX-License-Identifier: MIT
// record.c: see record.h. Nothing here allocates.
#include "record.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern char** environ;

typedef enum record_state_e {
  RECORD_UNKNOWN,  // nobody has looked yet what is wanted
  RECORD_STARTING,
  RECORD_OFF,
  RECORD_ON
} record_state_t;

// What a thread writes.
typedef struct record_stream_s {
  trace_chunk_t* chunk;  // NULL: none
  uint32_t used;         // bytes of it
  uint32_t thread;       // its number + 1; 0: it has none yet
  uint64_t order;        // of its last call in the chunk
  uint64_t address;      // the last one in the chunk, rotated
  bool inside;
} record_stream_t;

static _Thread_local record_stream_t stream __attribute__((tls_model("initial-exec")));

static struct {
  _Atomic(record_state_t) xstate;
  _Atomic(uint64_t) xorder;
  _Atomic(uint32_t) xchunks, xthreads;
  _Atomic(uint32_t)* xown;  // reads as 0 in a process that was made by fork
  int file;
  bool each;  // process has a file of its own
  bool has_key;
  pthread_key_t key;  // of threads that have a chunk
} record;

static void record_say(const char* what, const char* path) {
  char line[PATH_MAX + 128];
  const int n =
      snprintf(line, sizeof(line), "rimalloc-record: %s%s: %s\n", what, path, strerror(errno));
  if (n > 0) (void)!write(STDERR_FILENO, line, (size_t)n < sizeof(line) ? (size_t)n : 0);
}

// ---- The file -----------------------------------------------------------------------------------

// Room for one slot. With memory behind it, since a mapped file that has none ends the program.
static bool record_extend(off_t at) {
  if (fallocate(record.file, 0, at, TRACE_CHUNK) == 0) return true;
  if (errno != EOPNOTSUPP && errno != ENOSYS) return false;
  return pwrite(record.file, "", 1, at + TRACE_CHUNK - 1) == 1;
}

static void* record_map_slot(uint64_t number) {
  const off_t at = (off_t)(number * TRACE_CHUNK);
  if (!record_extend(at)) return NULL;
  void* const slot =
      mmap(NULL, TRACE_CHUNK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, record.file, at);
  return slot != MAP_FAILED ? slot : NULL;
}

// A thread ends. It may call once more, from other destructors: then it gets another chunk.
static void record_end_thread(void* chunk) {
  if (stream.chunk != chunk) return;
  stream.chunk = NULL;
  (void)munmap(chunk, TRACE_CHUNK);
}

static bool record_next_chunk(uint64_t order) {
  const int saved = errno;
  const uint32_t number = atomic_fetch_add_explicit(&record.xchunks, 1, memory_order_relaxed);
  trace_chunk_t* const chunk = record_map_slot((uint64_t)number + 1);
  if (chunk == NULL) {
    record_say("recording ends", "");
    atomic_store_explicit(&record.xstate, RECORD_OFF, memory_order_relaxed);
    errno = saved;
    return false;
  }
  if (stream.thread == 0)
    stream.thread = 1 + atomic_fetch_add_explicit(&record.xthreads, 1, memory_order_relaxed);
  if (stream.chunk != NULL) (void)munmap(stream.chunk, TRACE_CHUNK);
  chunk->thread = stream.thread - 1;
  chunk->order = order;
  chunk->magic = TRACE_CHUNK_MAGIC;
  stream.chunk = chunk;
  stream.used = 0;
  stream.order = order;
  stream.address = 0;
  if (record.has_key) (void)pthread_setspecific(record.key, chunk);
  errno = saved;
  return true;
}

// ---- Start --------------------------------------------------------------------------------------

// Whether the file is the trace of another process that lives: its child may have got the name from
// it, with the environment.
static bool record_is_taken(const char* path) {
  trace_header_t old;
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool whole = pread(file, &old, sizeof(old), 0) == (ssize_t)sizeof(old);
  (void)close(file);
  if (!whole || memcmp(old.magic, TRACE_MAGIC, sizeof(old.magic)) != 0) return false;
  return old.pid != (uint64_t)getpid() && (kill((pid_t)old.pid, 0) == 0 || errno == EPERM);
}

// The name, with the id of the process for %p; false: there is none.
static bool record_path(char path[PATH_MAX]) {
  const char* const name = getenv("RIMALLOC_RECORD");
  if (name == NULL || name[0] == '\0') return false;
  const char* const mark = strstr(name, "%p");
  record.each = mark != NULL;
  int n;
  if (mark == NULL) {
    n = snprintf(path, PATH_MAX, "%s", name);
  } else {
    n = snprintf(path, PATH_MAX, "%.*s%d%s", (int)(mark - name), name, (int)getpid(), mark + 2);
  }
  return n > 0 && n < PATH_MAX;
}

static bool record_open(const char* path) {
  record.file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (record.file < 0) return false;
  trace_header_t* const header = record_map_slot(0);
  if (header == NULL) {
    (void)close(record.file);
    return false;
  }
  memcpy(header->magic, TRACE_MAGIC, sizeof(header->magic));
  header->version = TRACE_VERSION;
  header->chunk = TRACE_CHUNK;
  header->pid = (uint64_t)getpid();
  (void)!readlink("/proc/self/exe", header->program, TRACE_PROGRAM - 1);
  (void)munmap(header, TRACE_CHUNK);
  return true;
}

static bool record_mark_own(void) {
  if (record.xown == NULL) {
    void* const page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return false;
    if (madvise(page, 4096, MADV_WIPEONFORK) != 0) return false;
    record.xown = page;
  }
  atomic_store_explicit(record.xown, 1, memory_order_relaxed);
  return true;
}

static record_state_t record_prepare(void) {
  char path[PATH_MAX];
  if (!record_path(path) || record_is_taken(path)) return RECORD_OFF;
  if (!record_mark_own() || !record_open(path)) {
    record_say("nothing is recorded in ", path);
    return RECORD_OFF;
  }
  if (!record.has_key) record.has_key = pthread_key_create(&record.key, record_end_thread) == 0;
  return RECORD_ON;
}

static bool record_start(void) {
  if (environ == NULL) return false;  // the C library has not begun
  record_state_t before = RECORD_UNKNOWN;
  if (!atomic_compare_exchange_strong_explicit(&record.xstate, &before, RECORD_STARTING,
                                               memory_order_acquire, memory_order_relaxed))
    return false;
  const int saved = errno;
  const record_state_t state = record_prepare();
  errno = saved;
  // Pairs with the acquire in record_enter: what was prepared.
  atomic_store_explicit(&record.xstate, state, memory_order_release);
  return state == RECORD_ON;
}

// This is a child, with one thread, and what its parent writes is not its own.
static bool record_after_fork(void) {
  if (stream.chunk != NULL) (void)munmap(stream.chunk, TRACE_CHUNK);
  stream.chunk = NULL;
  stream.thread = 0;
  if (record.has_key) (void)pthread_setspecific(record.key, NULL);
  (void)close(record.file);
  atomic_store_explicit(&record.xchunks, 0, memory_order_relaxed);
  atomic_store_explicit(&record.xthreads, 0, memory_order_relaxed);
  atomic_store_explicit(&record.xstate, record.each ? RECORD_UNKNOWN : RECORD_OFF,
                        memory_order_relaxed);
  return record.each && record_start();
}

static bool record_is_on(void) {
  const record_state_t state = atomic_load_explicit(&record.xstate, memory_order_acquire);
  if (state == RECORD_UNKNOWN) return record_start();
  if (state != RECORD_ON) return false;
  return atomic_load_explicit(record.xown, memory_order_relaxed) != 0 || record_after_fork();
}

bool record_enter(void) {
  if (stream.inside) return false;
  stream.inside = true;
  if (record_is_on()) return true;
  stream.inside = false;
  return false;
}

void record_leave(void) { stream.inside = false; }

// ---- Calls --------------------------------------------------------------------------------------

// Relaxed: who frees a block that another thread has allocated has heard of it, so its number is
// the larger one; the same holds for who gets memory that another one has freed.
uint64_t record_order(void) {
  return 1 + atomic_fetch_add_explicit(&record.xorder, 1, memory_order_relaxed);
}

static uint8_t* record_number(uint8_t* to, uint64_t number) {
  for (; number >= 128; number >>= 7)
    *to++ = (uint8_t)(number | 128);
  *to++ = (uint8_t)number;
  return to;
}

static uint8_t* record_address(uint8_t* to, const void* block) {
  const uint64_t rotated = trace_rotate((uintptr_t)block);
  to = record_number(to, trace_zigzag(rotated - stream.address));
  stream.address = rotated;
  return to;
}

// Where a call is written, begun with its kind and order; NULL: it cannot be.
static uint8_t* record_begin(uint8_t kind, uint64_t order) {
  const bool full = stream.chunk == NULL || stream.used + TRACE_CALL > sizeof(stream.chunk->calls);
  if (full && !record_next_chunk(order)) return NULL;
  uint8_t* const to = stream.chunk->calls + stream.used;
  *to = kind;
  uint8_t* const next = record_number(to + 1, order - stream.order);
  stream.order = order;
  return next;
}

// The call is whole. Release: a process that is killed leaves no part of one.
static void record_end(const uint8_t* to) {
  stream.used = (uint32_t)(to - stream.chunk->calls);
  atomic_store_explicit(&stream.chunk->used, stream.used, memory_order_release);
}

static uint8_t record_flags(size_t size, size_t alignment) {
  return (uint8_t)((size != 0 ? TRACE_HAS_SIZE : 0) | (alignment != 0 ? TRACE_HAS_ALIGNMENT : 0));
}

static uint8_t record_log2(size_t alignment) {
  uint8_t log = 0;
  while (log < 63 && (size_t)1 << log < alignment)
    log++;
  return log;
}

void record_allocated(trace_kind_t kind, const void* block, size_t size, size_t alignment) {
  if (block == NULL) return;
  const uint8_t flags = alignment != 0 ? TRACE_HAS_ALIGNMENT : 0;
  uint8_t* to = record_begin((uint8_t)(kind | flags), record_order());
  if (to == NULL) return;
  to = record_number(record_address(to, block), size);
  if (alignment != 0) *to++ = record_log2(alignment);
  record_end(to);
}

void record_freed(trace_kind_t kind, const void* block, size_t size, size_t alignment) {
  if (block == NULL) return;
  uint8_t* to = record_begin((uint8_t)(kind | record_flags(size, alignment)), record_order());
  if (to == NULL) return;
  to = record_address(to, block);
  if (size != 0) to = record_number(to, size);
  if (alignment != 0) *to++ = record_log2(alignment);
  record_end(to);
}

void record_reallocated(const void* before, uint64_t order, const void* after, size_t size) {
  const uint64_t second = before != after ? record_order() - order : 0;
  uint8_t* to = record_begin(TRACE_REALLOC, order);
  if (to == NULL) return;
  to = record_number(record_address(to, before), second);
  record_end(record_number(record_address(to, after), size));
  stream.order += second;
}

void* record_next(const char* name) { return dlsym(RTLD_NEXT, name); }
