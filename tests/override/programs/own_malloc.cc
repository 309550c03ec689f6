// SPDX-License-Identifier: MIT
// own_malloc.cc: a C++ program with its own malloc. The C++ library's operator new takes from
// malloc and its delete gives to free, so a program may count on it: what it does not replace, in
// any combination, must do the same.
//   OWN_NEW     the program has new(n), made of malloc       OWN_DELETE  and delete(p), of free
#include "own_malloc.h"

#include <string>
#include <thread>
#include <vector>

// Declared here because clang does not unless asked to.
void operator delete(void* p, std::size_t size) noexcept;
void operator delete[](void* p, std::size_t size) noexcept;
void operator delete(void* p, std::size_t size, std::align_val_t alignment) noexcept;
void operator delete[](void* p, std::size_t size, std::align_val_t alignment) noexcept;

#if defined(OWN_NEW)
void* operator new(std::size_t size) {
  void* const p = malloc(size);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
#endif

#if defined(OWN_DELETE)
void operator delete(void* p) noexcept { free(p); }
#endif

namespace {

int live;

void forms(std::size_t size) {
  free(own_made("new", operator new(size), live + 1));
  free(own_made("new[]", operator new[](size), live + 1));
  free(own_made("new nothrow", operator new(size, std::nothrow), live + 1));
  free(own_made("new[] nothrow", operator new[](size, std::nothrow), live + 1));
  operator delete(own_made("malloc", malloc(size), live + 1));
  own_gone("delete", live);
  operator delete[](malloc(size));
  own_gone("delete[]", live);
  operator delete(malloc(size), size);
  own_gone("sized delete", live);
  operator delete[](malloc(size), size);
  own_gone("sized delete[]", live);
  operator delete(malloc(size), std::nothrow);
  own_gone("nothrow delete", live);
}

// Without an aligned_alloc of the program's, delete must match new, which no C library achieves.
void aligned_forms(std::size_t size) {
#if !defined(OWN_ALIGNED)
  if (ri_is_in_heap_region == nullptr) return;
#endif
  const std::align_val_t wide{256};
  void* const p[] = {operator new(size, wide), operator new[](size, wide),
                                               operator new(size, wide, std::nothrow),
                                               operator new[](size, wide, std::nothrow)};
  for (void* const each : p) {
    CHECK(each != nullptr && check_aligned(each, 256));
#if defined(OWN_ALIGNED)
    CHECK_MSG(own_is(each), "new(%zu, 256) is not the program's", size);
#endif
    check_fill(each, size, 1);
  }
  operator delete(p[0], wide);
  operator delete[](p[1], size, wide);
  operator delete(p[2], size, wide);
  operator delete[](p[3], wide);
  own_gone("aligned delete", live);
}

void failing() {
  const std::size_t huge = check_hide(sizeof(own_area));
  CHECK(operator new(huge, std::nothrow) == nullptr);
  CHECK(operator new[](huge, std::nothrow) == nullptr);
  bool thrown = false;
  try {
    operator delete(operator new(huge));
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  CHECK(thrown);
#if !defined(OWN_NEW)
  static int handled;
  handled = 0;
  std::set_new_handler([] {
    if (++handled == 3) std::set_new_handler(nullptr);
  });
  CHECK(operator new(huge, std::nothrow) == nullptr&& handled == 3);
#endif
}

void containers() {
  std::vector<std::string> strings;
  for (int i = 0; i < 1000; i++) {
    strings.emplace_back(100, 'a');
    CHECK(own_is(strings.back().data()));
  }
  CHECK(own_is(strings.data()));
}

}  // namespace

int main() {
  check_watchdog(30);
  std::thread(containers).join();
  live = own_live;
  containers();
  for (std::size_t size = 0; size < 3000; size += 1 + size / 4)
    forms(size);
  failing();
  // Last: they may be the library's, and then there are pages that new may take from.
  for (std::size_t size = 1; size < 3000; size += 1 + size / 4)
    aligned_forms(size);
  own_gone("all", live);
  return ri_is_in_heap_region == nullptr ? 33 : 0;
}
