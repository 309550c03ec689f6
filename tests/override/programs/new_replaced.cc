// SPDX-License-Identifier: MIT
// new_replaced.cc: a program that replaces only new(n) and delete(p), with blocks that nobody else
// could free. The standard promises that every other form without alignment uses these two.
#include <new>

#include "ours.h"

namespace {
enum { HEADER = 32, MARK = 0x5EED };
int live;
}  // namespace

void* operator new(std::size_t size) {
  if (size > PTRDIFF_MAX - HEADER) throw 42;  // not even bad_alloc
  char* const p = static_cast<char*>(malloc(size + HEADER));
  CHECK(p != nullptr && ours(p));
  const int mark = MARK;
  memcpy(p, &mark, sizeof(mark));
  live++;
  return p + HEADER;
}

void operator delete(void* p) noexcept {
  if (p == nullptr) return;
  int mark = 0;
  memcpy(&mark, static_cast<char*>(p) - HEADER, sizeof(mark));
  CHECK_MSG(mark == MARK, "%p did not come from this program's new", p);
  live--;
  free(static_cast<char*>(p) - HEADER);
}

static void* counted(void* p, int expected) {
  CHECK(p != nullptr);
  CHECK_MSG(live == expected, "%d blocks, expected %d: another new was called", live, expected);
  return p;
}

int main() {
  check_watchdog(30);
  const int start = live;
  for (std::size_t n = 0; n < 5000; n += 13) {
    void* const a = counted(operator new(n), start + 1);
    void* const b = counted(operator new[](n), start + 2);
    void* const c = counted(operator new(n, std::nothrow), start + 3);
    void* const d = counted(operator new[](n, std::nothrow), start + 4);
    void* const e = counted(operator new[](n), start + 5);
    void* const f = counted(operator new(n), start + 6);
    operator delete(a, n);
    operator delete[](b, n);
    operator delete(c, std::nothrow);
    operator delete[](d, std::nothrow);
    operator delete[](e);
    operator delete(f);
    CHECK_MSG(live == start, "%d blocks left: another delete was called", live - start);
  }
  CHECK(operator new(check_hide(CHECK_LARGEST), std::nothrow) == nullptr);
  CHECK(operator new[](check_hide(CHECK_LARGEST), std::nothrow) == nullptr);
  // The aligned forms are not replaced.
  const std::align_val_t wide{64};
  void* const p = operator new(100, wide);
  CHECK(ours(p) && live == start);
  operator delete(p, 100, wide);
  return 0;
}
