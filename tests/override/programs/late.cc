// SPDX-License-Identifier: MIT
// late.cc: malloc and free where a thread or the process is being taken down: thread_local
// destructors, pthread keys in every round (also after the allocator's own key, whichever order the
// keys have), blocks of exited threads, atexit, static destructors.
#include <limits.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "ours.h"

namespace {

enum { THREADS = 64, KEYS = 8, BLOCKS = 50, ROUNDS = PTHREAD_DESTRUCTOR_ITERATIONS };

pthread_key_t keys[KEYS];
std::atomic<int> key_calls, local_calls, exit_calls;
std::atomic<void*> inherited[THREADS];  // blocks that nobody of their thread frees

struct bundle_t {
  void* blocks[BLOCKS];
  int round;
};

std::size_t size_of(int i) { return static_cast<std::size_t>(i) * 41 + 1; }

bundle_t* bundle_make() {
  auto* const bundle = static_cast<bundle_t*>(malloc(sizeof(bundle_t)));
  CHECK(bundle != nullptr && ours(bundle));
  bundle->round = 0;
  for (int i = 0; i < BLOCKS; i++)
    bundle->blocks[i] = ours_malloc(size_of(i));
  return bundle;
}

void bundle_free(bundle_t* bundle) {
  for (int i = 0; i < BLOCKS; i++)
    ours_free(bundle->blocks[i], size_of(i));
  free(bundle);
}

// Sets its key again until the last round, with new blocks each time: the rounds after the first
// come after the allocator has let go of the thread.
template <int Key>
void key_destructor(void* value) {
  auto* const bundle = static_cast<bundle_t*>(value);
  const int round = bundle->round + 1;
  bundle_free(bundle);
  key_calls++;
  bundle_t* const next = bundle_make();
  next->round = round;
  if (round < ROUNDS) {
    CHECK(pthread_setspecific(keys[Key], next) == 0);
  } else {
    bundle_free(next);
  }
}

struct local_t {
  bundle_t* bundle = bundle_make();
  std::string text = std::string(1000, 'l');
  ~local_t() {
    bundle_free(bundle);
    CHECK(text.size() == 1000);
    // first use of another thread_local within a destructor
    thread_local std::vector<std::string> more;
    more.emplace_back(500, 'm');
    local_calls++;
  }
};
thread_local local_t local;

void thread_run(int index) {
  CHECK(local.text.size() == 1000);
  for (auto& key : keys)
    CHECK(pthread_setspecific(key, bundle_make()) == 0);
  inherited[index] = ours_malloc(size_of(index));
}

void exit_first() {
  bundle_free(bundle_make());
  exit_calls++;
}

struct static_t {
  bundle_t* bundle = bundle_make();
  ~static_t() {
    bundle_free(bundle);
    bundle_free(bundle_make());
    std::vector<std::string> strings(100, std::string(200, 's'));
    CHECK(exit_calls == 1);
  }
} static_object;

}  // namespace

int main() {
  check_watchdog(30);
  CHECK(atexit(exit_first) == 0);
  // Half of the keys before the first thread of ours, half after: on both sides of the allocator's.
  CHECK(pthread_key_create(&keys[0], key_destructor<0>) == 0);
  CHECK(pthread_key_create(&keys[1], key_destructor<1>) == 0);
  CHECK(pthread_key_create(&keys[2], key_destructor<2>) == 0);
  CHECK(pthread_key_create(&keys[3], key_destructor<3>) == 0);
  std::thread([] { free(malloc(1)); }).join();
  CHECK(pthread_key_create(&keys[4], key_destructor<4>) == 0);
  CHECK(pthread_key_create(&keys[5], key_destructor<5>) == 0);
  CHECK(pthread_key_create(&keys[6], key_destructor<6>) == 0);
  CHECK(pthread_key_create(&keys[7], key_destructor<7>) == 0);
  for (int batch = 0; batch < THREADS; batch += 8) {
    std::vector<std::thread> threads;
    for (int i = batch; i < batch + 8; i++)
      threads.emplace_back(thread_run, i);
    for (auto& thread : threads)
      thread.join();
  }
  CHECK_MSG(key_calls == THREADS * KEYS * ROUNDS, "%d calls", key_calls.load());
  CHECK_MSG(local_calls == THREADS, "%d calls", local_calls.load());
  for (int i = 0; i < THREADS; i++)
    ours_free(inherited[i], size_of(i));
  CHECK(local.text.size() == 1000);  // the main thread's is destroyed at exit
  return 0;
}
