// SPDX-License-Identifier: MIT
// realloc: buffers that grow, many at a time.
//
// Stresses: realloc. Every step appends to a random one of `buffers` buffers; when a buffer is full
// its capacity grows (mode=append: by 16 to 128 bytes, as text that is put together piece by piece;
// mode=double: to 1.5 times, as a vector does), and when it reaches `limit` it is freed and begins
// again. With many buffers growing in turn, none of them is "the last block" that can simply be
// extended, which is the one case that a plain heap with a top handles for free.
//
// Why it is here: string builders, JSON writers and receive buffers. The cost is shared by three
// things: finding the usable size (the block may be large enough as it is), the classes' spacing
// (more classes: less waste, more copies), and the copy itself.
//
// The contents are checked completely enough: every capacity change verifies the word at the start,
// the last word written, and one in between that the change must have kept.
//
// A bad result means: realloc that always moves, or classes so tight that each append crosses one.
//
// Arguments: mode (append, double), buffers (500), limit (8192).
#include "bench.h"

typedef struct buffer_s {
  char* data;
  uint32_t used;
  uint32_t capacity;
  uint32_t tag;
} buffer_t;

static uint64_t bench_ops;

static void put(const buffer_t* buffer, size_t at) {
  const uint32_t word = buffer->tag + (uint32_t)at;
  memcpy(buffer->data + at, &word, 4);
}

static uint64_t check_word(const buffer_t* buffer, size_t at) {
  uint32_t word;
  memcpy(&word, buffer->data + at, 4);
  if (word != buffer->tag + (uint32_t)at)
    bench_fail("realloc lost byte %zu of %u", at, buffer->used);
  return (uint64_t)word * 0x9E3779B1u;
}

static uint64_t check_buffer(const buffer_t* buffer) {
  const size_t last = buffer->used - 4;
  return check_word(buffer, 0) + check_word(buffer, last / 8 * 4) + check_word(buffer, last);
}

static uint64_t grow(buffer_t* buffer, bool doubles, size_t more) {
  uint64_t check = 0;
  if (buffer->used != 0) check = check_buffer(buffer);
  size_t capacity = buffer->used + more;
  if (doubles && capacity < buffer->capacity + buffer->capacity / 2) {
    capacity = buffer->capacity + buffer->capacity / 2;
  }
  buffer->capacity = (uint32_t)capacity;
  char* const data = (char*)realloc(buffer->data, buffer->capacity);
  if (data == NULL) bench_fail("realloc(%u) returned NULL", buffer->capacity);
  buffer->data = data;
  bench_ops++;
  if (buffer->used != 0) check += check_buffer(buffer);
  return check;
}

BENCH_WORK uint64_t bench_work(buffer_t* buffers, size_t count, size_t steps) {
  const bool doubles = strcmp(bench_arg_text("mode", "append"), "double") == 0;
  const size_t limit = bench_arg("limit", 8192);
  bench_rng_t rng = bench_seed(3);
  uint64_t check = 0;
  for (size_t i = 0; i < steps; i++) {
    buffer_t* const buffer = &buffers[bench_below(&rng, count)];
    const size_t more = bench_between(&rng, 4, 32) * 4;
    if (buffer->used + more > limit) {
      check += check_buffer(buffer);
      free(buffer->data);
      bench_ops++;
      *buffer = (buffer_t){NULL, 0, 0, (uint32_t)i};
    }
    if (buffer->used + more > buffer->capacity) check += grow(buffer, doubles, more);
    for (size_t at = buffer->used; at < buffer->used + more; at += 4)
      put(buffer, at);
    buffer->used += (uint32_t)more;
  }
  return check;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t count = bench_arg("buffers", 500);
  buffer_t* const buffers = (buffer_t*)calloc(count, sizeof *buffers);
  if (buffers == NULL) bench_fail("calloc returned NULL");
  const size_t steps = bench_scaled(bench_arg("steps", 8000000));
  const uint64_t check = bench_work(buffers, count, steps);
  for (size_t i = 0; i < count; i++)
    free(buffers[i].data);
  free(buffers);
  return bench_finish(bench_ops, check);
}
