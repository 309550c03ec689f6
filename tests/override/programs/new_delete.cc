// SPDX-License-Identifier: MIT
// new_delete.cc: operator new and delete in all 20 forms, called by name: what they return, how
// they are aligned, when they call the new handler, what they throw.
#include <malloc.h>

#include <exception>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "ours.h"

namespace {

// Compilers may leave out a new whose result nobody uses.
void use(void* p) { __asm__ volatile("" : : "r"(p) : "memory"); }

constexpr std::size_t impossible = CHECK_LARGEST;
const std::align_val_t wide{256};

std::size_t size_of(int i) { return static_cast<std::size_t>(i) * 37; }

void* good(void* p, std::size_t size, std::size_t alignment) {
  CHECK_MSG(p != nullptr && ours(p), "new of %zu: %p", size, p);
  CHECK_MSG(check_aligned(p, alignment), "%p is not aligned to %zu", p, alignment);
  check_fill(p, size, 1);
  CHECK_FILLED(p, size, 1);
  return p;
}

std::size_t natural(std::size_t size) { return size <= 8 ? 8 : 16; }

void all_forms() {
  for (int i = 0; i < 300; i++) {
    const std::size_t n = size_of(i), a = natural(n);
    operator delete(good(operator new(n), n, a));
    operator delete(good(operator new(n), n, a), n);
    operator delete(good(operator new(n, std::nothrow), n, a), std::nothrow);
    operator delete[](good(operator new[](n), n, a));
    operator delete[](good(operator new[](n), n, a), n);
    operator delete[](good(operator new[](n, std::nothrow), n, a), std::nothrow);
    operator delete(good(operator new(n, wide), n, 256), wide);
    operator delete(good(operator new(n, wide), n, 256), n, wide);
    operator delete(good(operator new(n, wide, std::nothrow), n, 256), wide, std::nothrow);
    operator delete[](good(operator new[](n, wide), n, 256), wide);
    operator delete[](good(operator new[](n, wide), n, 256), n, wide);
    operator delete[](good(operator new[](n, wide, std::nothrow), n, 256), wide, std::nothrow);
  }
  for (std::size_t alignment = 1; alignment <= 4 * CHECK_MIB; alignment *= 2) {
    const auto as = static_cast<std::align_val_t>(alignment);
    for (std::size_t n : {0, 1, 24, 100, 5000, 100000}) {
      operator delete(good(operator new(n, as), n, alignment), as);
      operator delete[](good(operator new[](n, as, std::nothrow), n, alignment), n, as);
    }
  }
}

// NULL that the compiler does not know to be one.
void* volatile null_value = nullptr;
void* null() { return null_value; }

void null_is_deleted() {
  operator delete(null());
  operator delete (null(), std::size_t{8});
  operator delete(null(), std::nothrow);
  operator delete(null(), wide);
  operator delete (null(), std::size_t{8}, wide);
  operator delete(null(), wide, std::nothrow);
  operator delete[](null());
  operator delete[](null(), std::size_t{8});
  operator delete[](null(), std::nothrow);
  operator delete[](null(), wide);
  operator delete[](null(), std::size_t{8}, wide);
  operator delete[](null(), wide, std::nothrow);
}

int calls;
struct handler_error {};  // a handler may throw anything; std::bad_alloc is only the usual case

void handler_gives_up() {
  calls++;
  if (calls == 3) std::set_new_handler(nullptr);
}

void handler_throws() {
  calls++;
  throw handler_error();
}

void handler_throws_bad_alloc() {
  calls++;
  throw std::bad_alloc();
}

template <class F>
void must_throw_bad_alloc(F form) {
  bool thrown = false;
  try {
    form();
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  CHECK(thrown);
}

// Calls each throwing form with a size that cannot be had.
template <class F>
void each_throwing(F test) {
  const std::size_t n = check_hide(impossible);
  test([n] { use(operator new(n)); });
  test([n] { use(operator new[](n)); });
  test([n] { use(operator new(n, wide)); });
  test([n] { use(operator new[](n, wide)); });
}

template <class F>
void each_nothrow(F test) {
  const std::size_t n = check_hide(impossible);
  test([n] { return operator new(n, std::nothrow); });
  test([n] { return operator new[](n, std::nothrow); });
  test([n] { return operator new(n, wide, std::nothrow); });
  test([n] { return operator new[](n, wide, std::nothrow); });
}

void failures_throw() {
  each_throwing([](auto form) { must_throw_bad_alloc(form); });
  each_nothrow([](auto form) { CHECK(form() == nullptr); });
  // bad alignment: no memory either
  must_throw_bad_alloc([] { use(operator new(8, static_cast<std::align_val_t>(check_hide(24)))); });
  CHECK(operator new(8, static_cast<std::align_val_t>(check_hide(24)), std::nothrow) == nullptr);
}

// The handler is called until it stops being one; then comes bad_alloc.
void handlers_are_called() {
  each_throwing([](auto form) {
    calls = 0;
    std::set_new_handler(handler_gives_up);
    must_throw_bad_alloc(form);
    CHECK_MSG(calls == 3, "handler called %d times", calls);
  });
  each_nothrow([](auto form) {
    calls = 0;
    std::set_new_handler(handler_gives_up);
    CHECK(form() == nullptr);
    CHECK_MSG(calls == 3, "handler called %d times", calls);
  });
}

void handlers_may_throw() {
  std::set_new_handler(handler_throws);
  each_throwing([](auto form) {
    calls = 0;
    bool thrown = false;
    try {
      form();
    } catch (const handler_error&) {
      thrown = true;
    }
    CHECK(thrown && calls == 1);
  });
  for (auto handler : {handler_throws, handler_throws_bad_alloc}) {
    std::set_new_handler(handler);
    each_nothrow([](auto form) {
      calls = 0;
      CHECK(form() == nullptr);
      CHECK_MSG(calls == 1, "handler called %d times", calls);
      CHECK(std::uncaught_exceptions() == 0);
    });
  }
  std::set_new_handler(nullptr);
}

// A handler that makes room is enough. Here it lifts a limit on address space.
rlimit limit;
void handler_makes_room() {
  calls++;
  limit.rlim_cur = limit.rlim_max;
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

void handler_can_help() {
  if (check_emulated()) return;  // the limit would be the emulator's
  constexpr std::size_t size = std::size_t{1} << 30;
  CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
  std::set_new_handler(handler_makes_room);
  for (int nothrow = 0; nothrow <= 1; nothrow++) {
    limit.rlim_cur = check_address_space() + size / 2;
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    calls = 0;
    void* const p = nothrow != 0 ? operator new(size, std::nothrow) : operator new(size);
    CHECK_MSG(p != nullptr && calls == 1, "%p after %d calls of the handler", p, calls);
    operator delete(p);
    malloc_trim(0);
  }
  std::set_new_handler(nullptr);
}

struct alignas(128) wide_t {
  std::string text = "text that is too long for the string object itself to hold";
  char more[100] = {};
};

struct throwing_t {
  explicit throwing_t(bool fail) : text(100, 'x') {
    if (fail) throw 1;
  }
  std::string text;
};

void expressions() {
  for (int i = 1; i < 100; i++) {
    auto* const one = new wide_t;
    auto* const array = new wide_t[static_cast<std::size_t>(i)];
    auto* const quiet = new (std::nothrow) wide_t;
    CHECK(check_aligned(one, 128) && check_aligned(array, 128) && check_aligned(quiet, 128));
    CHECK(ours(one) && ours(array) && ours(quiet) && ours(one->text.data()));
    delete one;
    delete[] array;
    delete quiet;
    try {
      delete new throwing_t(i % 2 == 0);  // a throwing constructor gives the memory back
    } catch (int) {}
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([] {
      std::vector<std::string> strings;
      for (int i = 0; i < 20000; i++)
        strings.emplace_back(static_cast<std::size_t>(i % 300), 'y');
      for (const auto& s : strings)
        CHECK(s.find_first_not_of('y') == std::string::npos);
    });
  }
  for (auto& thread : threads)
    thread.join();
}

}  // namespace

int main() {
  check_watchdog(60);
  all_forms();
  null_is_deleted();
  failures_throw();
  handlers_are_called();
  handlers_may_throw();
  handler_can_help();
  expressions();
  return 0;
}
