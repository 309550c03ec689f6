// SPDX-License-Identifier: MIT
// new.cc: ri_new and its relatives in a C++ program: the new handler is called until there is
// memory, std::bad_alloc without one, NULL from the nothrow forms whatever is thrown. Catches: a
// handler called once too often or not at all, a realloc that loses its block when it throws.
#include "../check.h"

#include <new>

namespace {

int handler_calls;
const size_t too_much = CHECK_LARGEST - 100000;

void give_up_third_time() {
  if (++handler_calls == 3) std::set_new_handler(nullptr);
}

void throw_int() {
  handler_calls++;
  throw 42;
}

void limit_off() {
  handler_calls++;
  ri_option_set(ri_option_limit_address_space, 0);
}

template <class F>
bool throws_bad_alloc(F f) {
  try {
    f();
  } catch (const std::bad_alloc&) {
    return true;
  }
  return false;
}

template <class F>
void expect_handler_and_bad_alloc(F f) {
  handler_calls = 0;
  CHECK(throws_bad_alloc(f));
  CHECK(handler_calls == 0);
  std::set_new_handler(give_up_third_time);
  CHECK(throws_bad_alloc(f));
  CHECK_MSG(handler_calls == 3, "%d calls", handler_calls);
  std::set_new_handler(throw_int);
  handler_calls = 0;
  bool caught = false;
  try {
    f();
  } catch (int value) {
    caught = value == 42;
  }
  CHECK(caught && handler_calls == 1);
  std::set_new_handler(nullptr);
}

template <class F>
void expect_null(F f) {
  CHECK(f() == nullptr);
  handler_calls = 0;
  std::set_new_handler(give_up_third_time);
  CHECK(f() == nullptr);
  CHECK(handler_calls == 3);
  handler_calls = 0;
  std::set_new_handler(throw_int);
  CHECK(f() == nullptr);
  CHECK(handler_calls == 1);
  std::set_new_handler(nullptr);
}

void success() {
  for (size_t size = 0; size < 300000; size = size * 2 + 1) {
    void* p = ri_new(size);
    CHECK(ri_usable_size(p) >= size);
    p = ri_new_realloc(p, size * 2);
    CHECK(ri_usable_size(p) >= size * 2);
    p = ri_new_reallocn(p, size, 3);
    CHECK(ri_usable_size(p) >= size * 3);
    ri_free(p);
    p = ri_new_n(size, 2);
    CHECK(ri_usable_size(p) >= size * 2);
    ri_free(p);
    ri_heap_t* const heap = ri_heap_new();
    p = ri_heap_alloc_new(heap, size);
    CHECK(ri_usable_size(p) >= size && ri_heap_of(p) == heap);
    p = ri_heap_alloc_new_n(heap, size, 2);
    CHECK(ri_usable_size(p) >= size * 2 && ri_heap_of(p) == heap);
    ri_heap_destroy(heap);
    p = ri_new_nothrow(size);
    CHECK(ri_usable_size(p) >= size);
    ri_free(p);
    for (size_t alignment = 1; alignment <= 65536; alignment *= 8) {
      p = ri_new_aligned(size, alignment);
      CHECK(check_aligned(p, alignment) && ri_usable_size(p) >= size);
      ri_free(p);
      p = ri_new_aligned_nothrow(size, alignment);
      CHECK(check_aligned(p, alignment) && ri_usable_size(p) >= size);
      ri_free(p);
    }
  }
}

void failure() {
  const size_t n = check_hide(too_much);
  expect_handler_and_bad_alloc([=] { (void)!ri_new(n); });
  expect_handler_and_bad_alloc([=] { (void)!ri_new_aligned(n, 64); });
  expect_handler_and_bad_alloc([=] { (void)!ri_new_n(n / 10, 10); });
  expect_handler_and_bad_alloc([=] { (void)!ri_heap_alloc_new(nullptr, n); });
  expect_handler_and_bad_alloc([=] { (void)!ri_heap_alloc_new_n(nullptr, n / 10, 10); });
  void* const p = ri_malloc(100);
  check_fill(p, 100, 1);
  expect_handler_and_bad_alloc([=] { (void)!ri_new_realloc(p, n); });
  expect_handler_and_bad_alloc([=] { (void)!ri_new_reallocn(p, n / 10, 10); });
  CHECK_FILLED(p, 100, 1);
  expect_null([=] { return ri_new_nothrow(n); });
  expect_null([=] { return ri_new_aligned_nothrow(n, 128); });
  // What no handler can help is not asked of one.
  std::set_new_handler(throw_int);
  handler_calls = 0;
  CHECK(throws_bad_alloc([=] { (void)!ri_new_n(n, 10); }));
  CHECK(throws_bad_alloc([=] { (void)!ri_new_reallocn(p, n, 10); }));
  CHECK(throws_bad_alloc([=] { (void)!ri_heap_alloc_new_n(nullptr, n, 10); }));
  CHECK(throws_bad_alloc([] { (void)!ri_new_aligned(10, check_hide(48)); }));
  CHECK(throws_bad_alloc([] { (void)!ri_new_aligned(10, check_hide(0)); }));
  CHECK(ri_new_aligned_nothrow(10, check_hide(48)) == nullptr);
  CHECK(ri_new_aligned_nothrow(10, check_hide(0)) == nullptr);
  CHECK(handler_calls == 0);
  std::set_new_handler(nullptr);
  CHECK_FILLED(p, 100, 1);
  ri_free(p);
}

// What no handler can help is not asked of one, and the error hook hears of it, once.
void wrong_arguments() {
  const size_t n = check_hide(SIZE_MAX / 4);
  char no_block[16];
  void* const p = ri_malloc(100);
  check_capture_start();
  std::set_new_handler(give_up_third_time);
  handler_calls = 0;
  CHECK(throws_bad_alloc([&] { (void)!ri_new_realloc(no_block, 100); }));
  check_reported(EINVAL, "invalid pointer", no_block);
  CHECK(throws_bad_alloc([&] { (void)!ri_new_reallocn(no_block, 10, 10); }));
  check_reported(EINVAL, "invalid pointer", no_block);
  CHECK(throws_bad_alloc([=] { (void)!ri_new_n(n, 10); }));
  check_reported(EOVERFLOW, "", nullptr);
  CHECK(throws_bad_alloc([=] { (void)!ri_new_reallocn(p, n, 10); }));
  check_reported(EOVERFLOW, "", nullptr);
  CHECK(throws_bad_alloc([=] { (void)!ri_heap_alloc_new_n(nullptr, n, 10); }));
  check_reported(EOVERFLOW, "", nullptr);
  CHECK(handler_calls == 0);
  std::set_new_handler(nullptr);
  check_capture_stop();
  ri_free(p);
}

// A handler that makes memory: the call then works.
void handler_helps() {
  const size_t size = (size_t)512 * CHECK_MIB;
  ri_option_set(ri_option_limit_address_space, 262144);
  CHECK(ri_new_nothrow(size) == nullptr);
  std::set_new_handler(limit_off);
  handler_calls = 0;
  void* const p = ri_new(size);
  CHECK(p != nullptr && handler_calls == 1);
  ri_free(p);
  std::set_new_handler(nullptr);
}

}  // namespace

int main() {
  success();
  failure();
  wrong_arguments();
  handler_helps();
  CHECK(ri_audit());
  return 0;
}
