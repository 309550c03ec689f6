// SPDX-License-Identifier: MIT
// check.h: what every test needs, in one header without dependencies, for C and C++. Include it
// first. A test is one program: it returns 0 when everything held, 77 when it cannot run here (it
// prints why), and any failed CHECK prints the place and ends the process with 1.
//
// Nothing here allocates, so a test may count blocks and bytes exactly around these helpers.
#ifndef RIMALLOC_TESTS_CHECK_H
#define RIMALLOC_TESTS_CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <pthread.h>
#include <rimalloc/rimalloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e) ((e) ? (void)0 : check_failed(__FILE__, __LINE__, #e, "no more is known"))
// As CHECK, with the values that explain a failure.
#define CHECK_MSG(e, ...) ((e) ? (void)0 : check_failed(__FILE__, __LINE__, #e, __VA_ARGS__))
#define CHECK_ERRNO(code) CHECK_MSG(errno == (code), "errno is %d, expected %s", errno, #code)

enum { CHECK_KIB = 1024, CHECK_MIB = 1024 * 1024 };

enum { CHECK_SIZE_BITS = 8 * sizeof(size_t) };

// The largest size that one may ask for, if that is never available; else a larger one: where sizes
// have 32 bits, half of all addresses may be free.
#define CHECK_LARGEST (CHECK_SIZE_BITS == 32 ? SIZE_MAX - 4096 : (size_t)PTRDIFF_MAX)

// 2^n, more than available; the largest size there is where it has too few bits.
#define CHECK_HUGE(n) ((size_t)1 << ((n) < CHECK_SIZE_BITS ? (n) : CHECK_SIZE_BITS - 1))

// ---- Failing and skipping -----------------------------------------------------------------------

__attribute__((noreturn, format(printf, 4, 5))) static inline void check_failed(
    const char* file, int line, const char* expression, const char* format, ...) {
  char text[1024];
  int length = snprintf(text, sizeof(text), "%s:%d: CHECK(%s) failed", file, line, expression);
  if (length < 0) length = 0;
  if ((size_t)length + 3 < sizeof(text)) {
    text[length++] = ':';
    text[length++] = ' ';
    va_list args;
    va_start(args, format);
    vsnprintf(text + length, sizeof(text) - (size_t)length, format, args);
    va_end(args);
  }
  fprintf(stderr, "%s\n", text);
  _exit(1);  // other threads may run: no exit handlers
}

__attribute__((noreturn)) static inline void check_skip(const char* reason) {
  fprintf(stderr, "skipped: %s\n", reason);
  exit(77);
}

// ---- Scale and surroundings ---------------------------------------------------------------------

// `count` times RIMALLOC_TEST_SCALE (default 1), at least 1: slow builds ask for less work.
static inline size_t check_scaled(size_t count) {
  const char* const text = getenv("RIMALLOC_TEST_SCALE");
  const double scale = text == NULL ? 1.0 : strtod(text, NULL);
  const double scaled = (double)count * scale;
  return scaled < 1.0 ? 1 : (size_t)scaled;
}

// The distance between tested cases: 1 at full scale, at most `sparsest` below it.
static inline size_t check_stride(size_t sparsest) {
  const size_t share = check_scaled(sparsest);
  return share >= sparsest ? 1 : sparsest / share;
}

// Whether a sanitizer's runtime is linked. It keeps shadow memory, so resident memory and page
// faults say nothing about the allocator there.
#if defined(__cplusplus)
extern "C" {
#endif
void __tsan_init(void) __attribute__((weak));
void __asan_init(void) __attribute__((weak));
void __msan_init(void) __attribute__((weak));
#if defined(__cplusplus)
}
#endif
static inline bool check_sanitized(void) {
  return __tsan_init != NULL || __asan_init != NULL || __msan_init != NULL;
}

// Whether the build counts which lines run: that takes memory, and calls of libc's to keep files.
#if defined(__cplusplus)
extern "C" {
#endif
void __gcov_dump(void) __attribute__((weak));
#if defined(__cplusplus)
}
#endif
static inline bool check_counted(void) { return __gcov_dump != NULL; }

// Whether an emulator runs this program (tests/CMakeLists.txt says which).
static inline bool check_emulated(void) { return getenv("RIMALLOC_EMULATOR") != NULL; }

// Whether the process's address space and resident memory are the program's alone.
static inline bool check_measurable(void) { return !check_sanitized() && !check_emulated(); }

static inline size_t check_os_page(void) { return (size_t)sysconf(_SC_PAGESIZE); }

static inline uint64_t check_now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

// The clock that the allocator uses. How far it lags behind the exact one is not bounded: a
// processor of a virtual machine does not tick while the host gives its time to others.
static inline uint64_t check_coarse_ms(void) {
  struct timespec t;
  CHECK(clock_gettime(CLOCK_MONOTONIC_COARSE, &t) == 0);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

// Field `index` of /proc/self/statm in bytes: 0 is the address space, 1 is resident memory.
static inline size_t check_statm(int index) {
  char text[128];
  const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  CHECK(fd >= 0);
  const ssize_t n = read(fd, text, sizeof(text) - 1);
  close(fd);
  CHECK(n > 0);
  text[n] = '\0';
  char* at = text;
  for (int i = 0; i < index; i++)
    (void)strtoull(at, &at, 10);
  return (size_t)strtoull(at, NULL, 10) * check_os_page();
}
static inline size_t check_address_space(void) { return check_statm(0); }
static inline size_t check_resident(void) { return check_statm(1); }

static inline size_t check_minor_faults(void) {
  struct rusage usage;
  CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
  return (size_t)usage.ru_minflt;
}

// A test that hangs has failed: ends the process after far more than the `seconds` that it may take
// on an idle machine.
static inline void check_watchdog(unsigned seconds) { (void)alarm(4 * seconds); }

// Executes this program again, with one argument; the kernel cannot start emulated programs.
__attribute__((noreturn)) static inline void check_become(const char* argument) {
  if (check_emulated()) {
    char path[1024];
    const ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    CHECK(n > 0);
    path[n] = '\0';
    execl("/bin/sh", "sh", "-c", "exec $RIMALLOC_EMULATOR \"$0\" \"$1\"", path, argument,
          (char*)NULL);
  }
  execl("/proc/self/exe", "again", argument, (char*)NULL);
  _exit(126);
}

// ---- Random numbers (splitmix64) ----------------------------------------------------------------

static inline uint64_t check_rng(uint64_t* state) {
  uint64_t x = (*state += 0x9E3779B97F4A7C15u);
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

static inline size_t check_below(uint64_t* state, size_t bound) {
  return (size_t)(check_rng(state) % bound);
}

// A size as programs ask for: mostly small, a few large. At most `max`.
static inline size_t check_any_size(uint64_t* state, size_t max) {
  const unsigned bits = (unsigned)check_below(state, 64 - (unsigned)__builtin_clzll(max));
  const size_t size = check_below(state, (size_t)2 << bits);
  return size > max ? max : size;
}

// ---- Patterns -----------------------------------------------------------------------------------

static inline uint64_t check_word(uint64_t key, size_t index) {
  return (key ^ 0x5851F42D4C957F2Du) + index * 0x9E3779B97F4A7C15u;
}

// Fills [0, size) of p with words that follow from `key` and the position.
static inline void check_fill_range(void* p, size_t from, size_t size, uint64_t key) {
  uint8_t* const bytes = (uint8_t*)p;
  size_t i = from;
  for (; i + 8 <= size; i += 8) {
    const uint64_t word = check_word(key, i);
    memcpy(bytes + i, &word, 8);
  }
  const uint64_t word = check_word(key, i);
  if (i < size) memcpy(bytes + i, &word, size - i);
}
static inline void check_fill(void* p, size_t size, uint64_t key) {
  check_fill_range(p, 0, size, key);
}

// The offset of the first byte of [from, size) that is not as filled; SIZE_MAX when all are.
// `from` is a multiple of 8.
static inline size_t check_differs(const void* p, size_t from, size_t size, uint64_t key) {
  const uint8_t* const bytes = (const uint8_t*)p;
  for (size_t i = from; i < size; i += 8) {
    const uint64_t word = check_word(key, i);
    const size_t n = size - i < 8 ? size - i : 8;
    if (memcmp(bytes + i, &word, n) == 0) continue;
    for (size_t j = 0; j < n; j++) {
      if (bytes[i + j] != ((const uint8_t*)&word)[j]) return i + j;
    }
  }
  return SIZE_MAX;
}
#define CHECK_FILLED(p, size, key)                                                         \
  CHECK_MSG(check_differs((p), 0, (size), (key)) == SIZE_MAX, "block %p of %zu, byte %zu", \
            (const void*)(p), (size_t)(size), check_differs((p), 0, (size), (key)))

// As check_fill and CHECK_FILLED for blocks too large to touch wholly: the two ends and up to 14
// places in between.
enum { CHECK_SPARSE = 4096 };
static inline size_t check_sparse_step(size_t size) {
  return size <= 16 * CHECK_SPARSE ? (size_t)CHECK_SPARSE
                                   : (size / 15) / CHECK_SPARSE * CHECK_SPARSE;
}
static inline void check_fill_sparse(void* p, size_t size, uint64_t key) {
  if (size <= 16 * CHECK_SPARSE) {
    check_fill(p, size, key);
    return;
  }
  for (size_t at = 0; at + 64 <= size; at += check_sparse_step(size)) {
    check_fill_range(p, at, at + 64, key);
  }
  check_fill_range(p, (size - 64) & ~(size_t)7, size, key);
}
static inline size_t check_differs_sparse(const void* p, size_t size, uint64_t key) {
  if (size <= 16 * CHECK_SPARSE) return check_differs(p, 0, size, key);
  for (size_t at = 0; at + 64 <= size; at += check_sparse_step(size)) {
    const size_t bad = check_differs(p, at, at + 64, key);
    if (bad != SIZE_MAX) return bad;
  }
  return check_differs(p, (size - 64) & ~(size_t)7, size, key);
}
#define CHECK_FILLED_SPARSE(p, size, key)                                                      \
  CHECK_MSG(check_differs_sparse((p), (size), (key)) == SIZE_MAX, "block %p of %zu, byte %zu", \
            (const void*)(p), (size_t)(size), check_differs_sparse((p), (size), (key)))

// The offset of the first byte of [from, size) that is not zero; SIZE_MAX when all are.
static inline size_t check_nonzero(const void* p, size_t from, size_t size) {
  const uint8_t* const bytes = (const uint8_t*)p;
  size_t i = from;
  for (; i + 8 <= size; i += 8) {
    uint64_t word;
    memcpy(&word, bytes + i, 8);
    if (word != 0) break;
  }
  for (; i < size; i++) {
    if (bytes[i] != 0) return i;
  }
  return SIZE_MAX;
}
#define CHECK_ZERO(p, from, size)                                                              \
  CHECK_MSG(check_nonzero((p), (from), (size)) == SIZE_MAX, "block %p of %zu, byte %zu not 0", \
            (const void*)(p), (size_t)(size), check_nonzero((p), (from), (size)))

// Hides a value from the compiler, which otherwise warns about sizes that are meant to fail.
static inline size_t check_hide(size_t value) {
  __asm__("" : "+r"(value));
  return value;
}
static inline void* check_hide_pointer(uintptr_t value) {
  __asm__("" : "+r"(value));
  return (void*)value;
}

// The address is hidden: a compiler that knows what an allocating function promises (alloc_align)
// takes it as given, and leaves the check out.
static inline bool check_aligned(const void* p, size_t alignment) {
  return (check_hide((uintptr_t)p) & (alignment - 1)) == 0;
}

// ---- Threads ------------------------------------------------------------------------------------

static inline pthread_t check_start(void* (*run)(void*), void* arg) {
  pthread_t thread;
  const int error = pthread_create(&thread, NULL, run, arg);
  CHECK_MSG(error == 0, "pthread_create: %s", strerror(error));
  return thread;
}

static inline void* check_join(pthread_t thread) {
  void* result = NULL;
  CHECK(pthread_join(thread, &result) == 0);
  return result;
}

// Runs `run` in its own thread and waits for it.
static inline void* check_in_thread(void* (*run)(void*), void* arg) {
  return check_join(check_start(run, arg));
}

// Late in thread exit: in the last round of destructors, after the allocator's own exit hook has
// run. (ThreadSanitizer ends in the round after it.)
enum { CHECK_LATE_ROUNDS = PTHREAD_DESTRUCTOR_ITERATIONS - 1 };

typedef struct check_late_s {
  void* (*first)(void*);
  void (*late)(void*);
  void* arg;
  pthread_key_t key;
  int rounds;
} check_late_t;

static inline void check_late_round(void* value) {
  check_late_t* const l = (check_late_t*)value;
  if (++l->rounds < CHECK_LATE_ROUNDS) {
    CHECK(pthread_setspecific(l->key, l) == 0);
  } else {
    l->late(l->arg);
  }
}

static inline void* check_late_thread(void* value) {
  check_late_t* const l = (check_late_t*)value;
  CHECK(pthread_setspecific(l->key, l) == 0);
  return l->first(l->arg);
}

// Runs `first` in a thread of its own, and `late` when its exit hooks have run.
static inline void check_late(void* (*first)(void*), void (*late)(void*), void* arg) {
  check_late_t l = {first, late, arg, 0, 0};
  CHECK(pthread_key_create(&l.key, check_late_round) == 0);
  check_in_thread(check_late_thread, &l);
  CHECK(l.rounds == CHECK_LATE_ROUNDS && pthread_key_delete(l.key) == 0);
}

// ---- Captured messages --------------------------------------------------------------------------

// What the allocator reported since check_capture_reset. One at a time; any thread may report.
typedef struct check_capture_s {
  pthread_mutex_t lock;
  size_t length;
  size_t errors;     // calls of the error hook
  int codes[64];     // their codes, the first 64
  char text[65536];  // all messages, one after the other
} check_capture_t;

static inline check_capture_t* check_captured(void) {
  static check_capture_t capture = {PTHREAD_MUTEX_INITIALIZER, 0, 0, {0}, {0}};
  return &capture;
}

static inline void check_capture_output(const char* message, void* arg) {
  check_capture_t* const c = (check_capture_t*)arg;
  pthread_mutex_lock(&c->lock);
  for (size_t i = 0; message[i] != '\0' && c->length + 1 < sizeof(c->text); i++) {
    c->text[c->length++] = message[i];
  }
  c->text[c->length] = '\0';
  pthread_mutex_unlock(&c->lock);
}

static inline void check_capture_error(int code, void* arg) {
  check_capture_t* const c = (check_capture_t*)arg;
  pthread_mutex_lock(&c->lock);
  if (c->errors < sizeof(c->codes) / sizeof(c->codes[0])) c->codes[c->errors] = code;
  c->errors++;
  pthread_mutex_unlock(&c->lock);
}

static inline void check_capture_reset(void) {
  check_capture_t* const c = check_captured();
  pthread_mutex_lock(&c->lock);
  c->length = 0;
  c->text[0] = '\0';
  c->errors = 0;
  pthread_mutex_unlock(&c->lock);
}

// Sends messages and errors to the capture from here on.
static inline void check_capture_start(void) {
  check_capture_reset();
  ri_register_output(check_capture_output, check_captured());
  ri_register_error(check_capture_error, check_captured());
}

static inline void check_capture_stop(void) {
  ri_register_output(NULL, NULL);
  ri_register_error(NULL, NULL);
}

// Exactly one error `code` was reported, and a message with `words` and, when p is not NULL, with
// the pointer as %p prints it.
static inline void check_reported(int code, const char* words, const void* p) {
  check_capture_t* const c = check_captured();
  char pointer[32] = "";
  if (p != NULL) snprintf(pointer, sizeof(pointer), "%p", p);
  CHECK_MSG(c->errors == 1, "%zu errors: %s", c->errors, c->text);
  CHECK_MSG(c->codes[0] == code, "code %d, expected %d: %s", c->codes[0], code, c->text);
  CHECK_MSG(strstr(c->text, words) != NULL, "no \"%s\" in: %s", words, c->text);
  CHECK_MSG(strstr(c->text, pointer) != NULL, "no %s in: %s", pointer, c->text);
  check_capture_reset();
}

static inline void check_nothing_reported(void) {
  const check_capture_t* const c = check_captured();
  CHECK_MSG(c->errors == 0 && c->length == 0, "%zu errors: %s", c->errors, c->text);
}

// ---- The heap as a whole ------------------------------------------------------------------------

static inline ri_summary_t check_summary(void) {
  ri_summary_t summary;
  memset(&summary, 0xA5, sizeof(summary));
  ri_summary(&summary);
  return summary;
}

// A random workload of `operations` with checked contents. Ends with everything freed.
static inline void check_workload(size_t operations, uint64_t seed) {
  enum { SLOTS = 256 };
  void* blocks[SLOTS] = {NULL};
  size_t sizes[SLOTS] = {0};
  uint64_t rng = seed;
  for (size_t i = 0; i < operations; i++) {
    const size_t at = check_below(&rng, SLOTS);
    const size_t size = check_any_size(&rng, 64 * CHECK_KIB);
    void* const old = blocks[at];
    if (old != NULL) CHECK_FILLED(old, sizes[at], at);
    switch (check_below(&rng, 4)) {
      case 0: {
        void* const q = ri_realloc(old, size);
        CHECK(q != NULL);
        if (old != NULL) CHECK_FILLED(q, size < sizes[at] ? size : sizes[at], at);
        blocks[at] = q;
        break;
      }
      case 1:
        ri_free(old);
        blocks[at] = ri_malloc_aligned(size, (size_t)1 << check_below(&rng, 13));
        break;
      case 2:
        ri_free(old);
        blocks[at] = ri_calloc(1, size);
        CHECK(blocks[at] != NULL);
        CHECK_ZERO(blocks[at], 0, size);
        break;
      default:
        ri_free(old);
        blocks[at] = ri_malloc(size);
        break;
    }
    CHECK(blocks[at] != NULL);
    CHECK(ri_usable_size(blocks[at]) >= size);
    sizes[at] = size;
    check_fill(blocks[at], size, at);
  }
  for (size_t i = 0; i < SLOTS; i++) {
    if (blocks[i] != NULL) CHECK_FILLED(blocks[i], sizes[i], i);
    ri_free(blocks[i]);
  }
}

// All invariants hold and the heap works.
static inline void check_heap_intact(void) {
  CHECK(ri_audit());
  check_workload(2000, 42);
  CHECK(ri_audit());
}

#endif
