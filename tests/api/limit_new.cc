// SPDX-License-Identifier: MIT
// limit_new.cc: at a hard limit the new handler is called until it has freed enough, gives up or
// throws; std::bad_alloc without one, NULL from the nothrow forms; a block that was to grow stays.
// Catches: a handler that is not called because the limit, not the OS, refuses; one that is called
// although there is room again.
#include "../check.h"

#include <new>

namespace {

const size_t size = 3 << 20;
void* reserve[4];
int calls;

void release_one() {
  CHECK(calls < 4);
  ri_free(reserve[calls]);
  reserve[calls++] = nullptr;
}

void give_up() {
  calls++;
  std::set_new_handler(nullptr);
}

void refuse() {
  calls++;
  throw 42;
}

void fill_up() {
  ri_limit_set(0, 0);
  for (void*& p : reserve)
    p = ri_malloc(size);
  ri_collect(true);
  ri_limit_set(0, ri_limit_used());
  calls = 0;
}

void empty() {
  ri_limit_set(0, 0);
  for (void*& p : reserve) {
    ri_free(p);
    p = nullptr;
  }
}

template <class F>
void each_way(F ask) {
  fill_up();
  bool thrown = false;
  try {
    ask(size);
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  CHECK(thrown);
  std::set_new_handler(give_up);
  thrown = false;
  try {
    ask(size);
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  CHECK(thrown && calls == 1);
  std::set_new_handler(refuse);
  thrown = false;
  try {
    ask(size);
  } catch (int value) {
    thrown = value == 42;
  }
  CHECK(thrown && calls == 2);
  CHECK(ri_new_nothrow(size) == nullptr && calls == 3);
  // One helps; then two.
  std::set_new_handler(release_one);
  calls = 0;
  void* const p = ask(size);
  CHECK_MSG(p != nullptr && calls == 1, "%d calls", calls);
  void* const q = ask(2 * size - 100000);
  CHECK_MSG(q != nullptr && calls == 3, "%d calls", calls);
  std::set_new_handler(nullptr);
  ri_free(p);
  ri_free(q);
  empty();
}

void* grow(size_t n) {
  void* const p = ri_malloc(1000);
  CHECK(p != nullptr);
  check_fill(p, 1000, 5);
  void* q = nullptr;
  try {
    q = ri_new_realloc(p, n);
  } catch (...) {
    CHECK_FILLED(p, 1000, 5);
    ri_free(p);
    throw;
  }
  CHECK_FILLED(q, 1000, 5);
  return q;
}

}  // namespace

int main() {
  check_watchdog(60);
  ri_free(ri_malloc(1000));  // its page stays
  void* const stays = ri_malloc(1000);
  each_way([](size_t n) { return ri_new(n); });
  each_way([](size_t n) { return ri_new_aligned(n, 4096); });
  each_way([](size_t n) { return ri_new_n(n / 4, 4); });
  each_way(grow);
  ri_free(stays);
  check_heap_intact();
  return 0;
}
