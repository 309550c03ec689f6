// SPDX-License-Identifier: MIT
// bench.h: what all workloads share: arguments, random numbers, content checks, the final report.
//
// A workload is called as `NAME [key=value ...]`; `scale` multiplies its work. It prints
//   ops N check X        what was done and what was read back: the same under every allocator
//   phase NAME T RSS [L] optional: seconds since start, resident and live KiB at a named moment
//   final RSS            resident KiB when all work is done and all blocks but a few are free
// and exits with 1 at the first wrong byte, wrong address or missing block. So an allocator that
// hands out overlapping blocks, or does less work than the others, does not get a time.
//
// Everything is inline and the random numbers are one multiplication: on the fast paths measured
// here, a call or a division in the harness would be visible.
#ifndef BENCH_H
#define BENCH_H

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

// ---- Failure ------------------------------------------------------------------------------------

__attribute__((noreturn, cold, noinline, format(printf, 1, 2))) static void bench_fail(
    const char* format, ...) {
  char text[256];
  va_list args;
  va_start(args, format);
  const int length = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  const size_t size = length < 0 ? 0 : (size_t)length < sizeof text ? (size_t)length : sizeof text;
  if (write(STDERR_FILENO, text, size) < 0) _exit(2);
  if (write(STDERR_FILENO, "\n", 1) < 0) _exit(2);
  _exit(1);
}

// ---- Arguments ----------------------------------------------------------------------------------

static int bench_argc;
static char** bench_argv;
static double bench_scale = 1.0;
static struct timespec bench_start;

static inline const char* bench_arg_text(const char* key, const char* otherwise) {
  const size_t n = strlen(key);
  for (int i = 1; i < bench_argc; i++) {
    if (strncmp(bench_argv[i], key, n) == 0 && bench_argv[i][n] == '=')
      return bench_argv[i] + n + 1;
  }
  return otherwise;
}

static inline size_t bench_arg(const char* key, size_t otherwise) {
  const char* text = bench_arg_text(key, NULL);
  return text == NULL ? otherwise : (size_t)strtoull(text, NULL, 10);
}

static inline void bench_init(int argc, char** argv) {
  bench_argc = argc;
  bench_argv = argv;
  clock_gettime(CLOCK_MONOTONIC, &bench_start);
  bench_scale = strtod(bench_arg_text("scale", "1"), NULL);
}

// `count` units of work at scale 1.
static inline size_t bench_scaled(size_t count) {
  const double scaled = (double)count * bench_scale;
  return scaled < 1 ? 1 : (size_t)scaled;
}

// ---- Random numbers -----------------------------------------------------------------------------

typedef struct bench_rng_s {
  uint64_t state;
} bench_rng_t;

static inline bench_rng_t bench_seed(uint64_t seed) {
  bench_rng_t rng = {(seed + 1) * UINT64_C(0x9E3779B97F4A7C15)};
  return rng;
}

static inline uint32_t bench_next(bench_rng_t* rng) {
  rng->state = rng->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(rng->state >> 32);
}

static inline size_t bench_below(bench_rng_t* rng, size_t limit) {
  return (size_t)(((uint64_t)bench_next(rng) * limit) >> 32);
}

static inline size_t bench_between(bench_rng_t* rng, size_t low, size_t high) {
  return low + bench_below(rng, high - low + 1);
}

// A size in [2^low, 2^(high+1)): every doubling equally likely, uniform inside it.
static inline size_t bench_log_size(bench_rng_t* rng, unsigned low, unsigned high) {
  const size_t base = (size_t)1 << bench_between(rng, low, high);
  return base + bench_below(rng, base);
}

// ---- Blocks with checked contents ---------------------------------------------------------------

// The compiler must believe that p is used, or it may remove an allocation.
static inline void bench_escape(void* p) { __asm__ volatile("" : : "g"(p) : "memory"); }

static inline void* bench_malloc(size_t size) {
  void* const p = malloc(size);
  if (__builtin_expect(p == NULL, 0)) bench_fail("malloc(%zu) returned NULL", size);
  return p;
}

// Writes the first and the last four bytes of a block of at least 8.
static inline void bench_stamp(void* p, size_t size, uint32_t tag) {
  const uint32_t tail = tag ^ (uint32_t)size;
  memcpy(p, &tag, 4);
  memcpy((char*)p + size - 4, &tail, 4);
}

// Checks what bench_stamp wrote; returns what the block contributes to the check sum.
static inline uint64_t bench_verify(const void* p, size_t size, uint32_t tag) {
  uint32_t head;
  uint32_t tail;
  memcpy(&head, p, 4);
  memcpy(&tail, (const char*)p + size - 4, 4);
  const uint32_t wrong = (head ^ tag) | (tail ^ tag ^ (uint32_t)size);
  if (__builtin_expect(wrong != 0, 0)) bench_fail("block %p of %zu was overwritten", p, size);
  return (uint64_t)head * 0x9E3779B1u + size;
}

// Large blocks: one word in every 4 KiB, so that every page is touched once.
static inline void bench_stamp_pages(void* p, size_t size, uint64_t tag) {
  for (size_t at = 0; at + 8 <= size; at += 4096) {
    const uint64_t word = tag + at;
    memcpy((char*)p + at, &word, 8);
  }
}

static inline uint64_t bench_verify_pages(const void* p, size_t size, uint64_t tag) {
  for (size_t at = 0; at + 8 <= size; at += 4096) {
    uint64_t word;
    memcpy(&word, (const char*)p + at, 8);
    if (__builtin_expect(word != tag + at, 0)) bench_fail("page %zu of %p was overwritten", at, p);
  }
  return tag * UINT64_C(0x9E3779B97F4A7C15) + size;
}

// ---- Reports ------------------------------------------------------------------------------------

static inline double bench_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)(now.tv_sec - bench_start.tv_sec) +
         (double)(now.tv_nsec - bench_start.tv_nsec) * 1e-9;
}

// Resident KiB from the page tables (statm lags by pages that each CPU has not yet accounted).
static inline size_t bench_resident(void) {
  char text[4096];
  const int fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return 0;
  text[length] = '\0';
  const char* const at = strstr(text, "Rss:");
  return at == NULL ? 0 : (size_t)strtoull(at + 4, NULL, 10);
}

// printf would allocate its buffer from the allocator under test.
__attribute__((format(printf, 1, 2))) static inline void bench_print(const char* format, ...) {
  char text[256];
  va_list args;
  va_start(args, format);
  const int length = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (length < 0 || write(STDOUT_FILENO, text, (size_t)length) != length) _exit(2);
}

static inline void bench_phase(const char* name) {
  bench_print("phase %s %.3f %zu\n", name, bench_seconds(), bench_resident());
}

// The same with the bytes that the program itself holds, so that the two can be compared.
static inline void bench_phase_live(const char* name, size_t live) {
  bench_print("phase %s %.3f %zu %zu\n", name, bench_seconds(), bench_resident(), live >> 10);
}

// For workloads that go on to use their memory after `final` (KiB) was read.
static inline int bench_finish_at(uint64_t ops, uint64_t check, size_t final) {
  bench_print("ops %llu check %016llx\nfinal %zu\n", (unsigned long long)ops,
              (unsigned long long)check, final);
  return 0;
}

static inline int bench_finish(uint64_t ops, uint64_t check) {
  return bench_finish_at(ops, check, bench_resident());
}

// ---- Time and memory outside of the allocator ---------------------------------------------------

// Sleeps without a call to the allocator. Below a quarter of the work the time shrinks with it:
// such runs show that a workload works, not what it costs.
static inline void bench_rest(double seconds) {
  const double part = bench_scale < 0.25 ? 4 * bench_scale : 1;
  struct timespec left;
  left.tv_sec = (time_t)(seconds * part);
  left.tv_nsec = (long)((seconds * part - (double)left.tv_sec) * 1e9);
  while (nanosleep(&left, &left) != 0) {}
}

// Zeroed memory for the workload's own lists where they must not lie among the blocks.
static inline void* bench_table(size_t bytes) {
  void* const p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) bench_fail("mmap of %zu bytes failed", bytes);
  madvise(p, bytes, MADV_NOHUGEPAGE);  // not there in every kernel
  return p;
}

// ---- Threads ------------------------------------------------------------------------------------

static inline pthread_t bench_thread(void* (*body)(void*), void* arg) {
  pthread_t thread;
  const int error = pthread_create(&thread, NULL, body, arg);
  if (error != 0) bench_fail("pthread_create: %s", strerror(error));
  return thread;
}

#define BENCH_STACK ((size_t)128 << 10)

// On a stack of BENCH_STACK bytes of a bench_table: the C library's own are large and kept by it.
static inline pthread_t bench_thread_on(void* stack, void* (*body)(void*), void* arg) {
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, stack, BENCH_STACK);
  const int error = pthread_create(&thread, &attributes, body, arg);
  if (error != 0) bench_fail("pthread_create: %s", strerror(error));
  pthread_attr_destroy(&attributes);
  return thread;
}

static inline void bench_join(pthread_t thread) {
  const int error = pthread_join(thread, NULL);
  if (error != 0) bench_fail("pthread_join: %s", strerror(error));
}

#define BENCH_MAX_THREADS 256

// Runs body(&contexts[i]) in `count` threads and waits for all.
static inline void bench_run(size_t count, void* (*body)(void*), void* contexts, size_t size) {
  pthread_t threads[BENCH_MAX_THREADS];
  if (count > BENCH_MAX_THREADS) bench_fail("at most %d threads", BENCH_MAX_THREADS);
  for (size_t i = 0; i < count; i++)
    threads[i] = bench_thread(body, (char*)contexts + i * size);
  for (size_t i = 0; i < count; i++)
    bench_join(threads[i]);
}

// The part of a single-thread workload that counts; tools measure this function alone.
#define BENCH_WORK __attribute__((noinline, used))

#endif
