// SPDX-License-Identifier: MIT
// cxx_plugin.cc: a C++ library for cxx_host.c, which is C and loads it out of everybody's sight.
// The C++ library is then not in rimalloc's scope, and its exceptions and handlers must work still.
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "../../check.h"

extern "C" __attribute__((visibility("default"))) int plugin_check();

namespace {

// Compilers may leave out a new whose result nobody uses.
void use(void* p) { __asm__ volatile("" : : "r"(p) : "memory"); }

int calls;
void handler() {
  calls++;
  throw std::bad_alloc();
}

template <class F>
bool throws(F form) {
  try {
    form();
  } catch (const std::bad_alloc&) {
    return true;
  }
  return false;
}

}  // namespace

int plugin_check() {
  const std::size_t impossible = check_hide(CHECK_LARGEST);
  const std::align_val_t wide{64};
  CHECK(throws([=] { use(operator new(impossible)); }));
  CHECK(throws([=] { use(operator new[](impossible, wide)); }));
  CHECK(operator new(impossible, std::nothrow) == nullptr);
  CHECK(operator new[](impossible, wide, std::nothrow) == nullptr);
  std::set_new_handler(handler);
  CHECK(throws([=] { use(operator new(impossible)); }));
  CHECK(operator new(impossible, std::nothrow) == nullptr);
  CHECK(operator new[](impossible, std::nothrow) == nullptr);
  CHECK(operator new(impossible, wide, std::nothrow) == nullptr);
  CHECK(operator new[](impossible, wide, std::nothrow) == nullptr);
  CHECK_MSG(calls == 5, "handler called %d times", calls);
  CHECK(std::uncaught_exceptions() == 0);
  std::set_new_handler(nullptr);
  std::vector<std::string> strings;
  for (std::size_t i = 0; i < 10000; i++)
    strings.emplace_back(i % 200, 'z');
  void* const p = operator new(100);
  const bool ours = ri_is_in_heap_region(p);
  operator delete(p);
  return ours ? 1 : 0;
}
