// SPDX-License-Identifier: MIT
// requests: a server with sixteen threads, pools of requests, sessions, and a load that comes and
// goes.
//
// Stresses: fragmentation in a program with threads that live for good. A request takes a pool of
// chunks of 4 and 16 KiB and up to 200 strings, sometimes a body that grows by realloc, and frees
// all of it when it is answered; every other request replaces a session, which another thread has
// allocated. All threads are busy in two rounds of six and three of them in the other four; then
// old sessions end. The sizes of sessions change with time: small, large, both.
//
// Why it is here: this is what web servers and application servers do all day. What a request needs
// is free again a millisecond later, but the sessions that begin meanwhile lie in between, and what
// the busy hour has touched belongs to threads that have nothing to do in the quiet one.
//
// `phase steady` lines have resident and live memory after each round of the second half, when no
// request is live; 100 ms pass between rounds, and `final` is after the last. Which thread replaces
// which session is fixed, so all allocators do the same work. Compare CPU, not wall time.
//
// A bad result means: resident memory follows the busiest round for ever, or a multiple of what the
// sessions need.
//
// Arguments: threads (16), rounds (36), requests (600 a thread and round), sessions (48000).
#include "whole.h"

#define CHUNKS 32
#define STRINGS 200

typedef struct session_s {
  whole_t block;
  size_t round;
} session_t;

typedef struct worker_s {
  size_t index;
  bench_rng_t rng;
  uint64_t check;
  uint64_t ops;
} worker_t;

static size_t thread_count;
static size_t round_count;
static size_t request_count;
static size_t session_count;
static session_t* sessions;
static pthread_barrier_t barrier;

static bool is_busy(size_t index, size_t round) { return round % 6 < 2 || index < 3; }

static size_t session_size(bench_rng_t* rng, size_t round) {
  const size_t kind = round / 6 % 3;
  if (kind == 0 || (kind == 2 && (bench_next(rng) & 3) != 0)) return bench_between(rng, 120, 700);
  return bench_between(rng, 800, 4000);
}

// Replaces one session of the part of the table that is this thread's in this round.
static void replace_session(worker_t* self, size_t round) {
  const size_t part = session_count / thread_count;
  const size_t first = (self->index + round) % thread_count * part;
  session_t* const session = &sessions[first + bench_below(&self->rng, part)];
  self->check += whole_drop(&session->block);
  whole_fill(&session->block, session_size(&self->rng, round), bench_next(&self->rng));
  session->round = round;
}

// In the quiet rounds: ends what is twelve rounds old in this thread's part.
static void end_sessions(worker_t* self, size_t round) {
  const size_t part = session_count / thread_count;
  const size_t first = (self->index + round) % thread_count * part;
  for (size_t i = first; i < first + part; i++) {
    if (sessions[i].round + 12 <= round) self->check += whole_drop(&sessions[i].block);
  }
}

static void receive_body(worker_t* self) {
  char* body = NULL;
  for (size_t length = 8192; length <= 20 * 8192; length += 8192) {
    body = (char*)realloc(body, length);
    if (body == NULL) bench_fail("realloc to %zu returned NULL", length);
    bench_stamp_pages(body + length - 8192, 8192, length);
    self->check += bench_verify_pages(body, 8192, 8192);
  }
  free(body);
}

static void answer(worker_t* self, size_t round, bool with_body) {
  whole_t strings[STRINGS];
  void* chunks[CHUNKS];
  const size_t chunk_count = bench_between(&self->rng, 2, CHUNKS - 1);
  const size_t string_count = bench_below(&self->rng, STRINGS);
  for (size_t i = 0; i < chunk_count; i++) {
    chunks[i] = bench_malloc(i % 3 == 0 ? 16384 : 4096);
    bench_stamp_pages(chunks[i], i % 3 == 0 ? 16384 : 4096, i);
  }
  for (size_t i = 0; i < string_count; i++)
    whole_fill(&strings[i], bench_between(&self->rng, 16, 320), (uint32_t)i);
  if ((bench_next(&self->rng) & 1) != 0) replace_session(self, round);
  if (with_body) receive_body(self);
  for (size_t i = 0; i < string_count; i++)
    self->check += whole_drop(&strings[i]);
  for (size_t i = 0; i < chunk_count; i++) {
    self->check += bench_verify_pages(chunks[i], i % 3 == 0 ? 16384 : 4096, i);
    free(chunks[i]);
  }
  self->ops += 2 * (chunk_count + string_count + 1);
}

static void* work(void* arg) {
  worker_t* const self = (worker_t*)arg;
  for (size_t round = 0; round < round_count; round++) {
    pthread_barrier_wait(&barrier);
    if (is_busy(self->index, round)) {
      for (size_t i = 0; i < request_count; i++)
        answer(self, round, i % 50 == 0);
    }
    if (round % 6 >= 2) end_sessions(self, round);
    pthread_barrier_wait(&barrier);
  }
  return NULL;
}

static size_t live_bytes(void) {
  size_t live = session_count * sizeof *sessions;
  for (size_t i = 0; i < session_count; i++)
    live += sessions[i].block.p == NULL ? 0 : sessions[i].block.size;
  return live;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  thread_count = bench_arg("threads", 16);
  round_count = bench_arg("rounds", 36);
  request_count = bench_scaled(bench_arg("requests", 600));
  session_count = bench_scaled(bench_arg("sessions", 48000)) + thread_count;
  if (thread_count > BENCH_MAX_THREADS) bench_fail("at most %d threads", BENCH_MAX_THREADS);
  sessions = (session_t*)bench_table(session_count * sizeof *sessions);
  static worker_t workers[BENCH_MAX_THREADS];
  pthread_t ids[BENCH_MAX_THREADS];
  uint64_t ops = 0;
  uint64_t check = 0;
  pthread_barrier_init(&barrier, NULL, (unsigned)thread_count + 1);
  for (size_t i = 0; i < thread_count; i++) {
    workers[i] = (worker_t){.index = i, .rng = bench_seed(900 + i)};
    ids[i] = bench_thread(work, &workers[i]);
  }
  for (size_t round = 0; round < round_count; round++) {
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    bench_phase_live(round < round_count / 2 ? "warm" : "steady", live_bytes());
    bench_rest(0.1);
  }
  const size_t final = bench_resident();
  for (size_t i = 0; i < thread_count; i++) {
    bench_join(ids[i]);
    ops += workers[i].ops;
    check += workers[i].check;
  }
  for (size_t i = 0; i < session_count; i++)
    check += whole_drop(&sessions[i].block);
  return bench_finish_at(ops, check, final);
}
