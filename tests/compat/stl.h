// SPDX-License-Identifier: MIT
// stl.h: mimalloc's allocators for containers of C++, and <mimalloc-new-delete.h>. The part that
// they share with allocator.h is tested by override/containers. Catches: a name that is missing, an
// allocator on the wrong functions, a heap that does not end as its name says.
#ifndef RIMALLOC_TESTS_COMPAT_STL_H
#define RIMALLOC_TESTS_COMPAT_STL_H

#include <mimalloc-new-delete.h>
#include <mimalloc.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#define REQUIRE(e) ((e) ? (void)0 : failed(__LINE__, #e))

static void failed(int line, const char* what) {
  std::fprintf(stderr, "stl.h:%d: %s\n", line, what);
  std::exit(1);
}

struct alignas(128) wide_t {
  char bytes[128];
};

template <class F>
static bool throws_bad_alloc(F f) {
  try {
    f();
  } catch (const std::bad_alloc&) {
    return true;
  }
  return false;
}

template <class Allocator>
static void fill(const Allocator& allocator, mi_heap_t* heap) {
  std::vector<int, Allocator> v(allocator);
  for (int i = 0; i < 10000; i++)
    v.push_back(i);
  REQUIRE(mi_is_in_heap_region(v.data()) && v[9999] == 9999);
  REQUIRE(heap == nullptr || mi_heap_of(v.data()) == heap);
  typedef typename std::allocator_traits<Allocator>::template rebind_alloc<wide_t> wides;
  std::vector<wide_t, wides> wide{wides(allocator)};
  wide.resize(33);
  REQUIRE(reinterpret_cast<std::uintptr_t>(wide.data()) % alignof(wide_t) == 0);
  REQUIRE(heap == nullptr || mi_heap_of(wide.data()) == heap);
  // A size that the compiler does not know.
  volatile std::size_t much = SIZE_MAX / 4 - 4096;
  Allocator some(allocator);
  wides some_wide(allocator);
  REQUIRE(throws_bad_alloc([&] { (void)some.allocate(much); }));
  REQUIRE(throws_bad_alloc([&] { (void)some_wide.allocate(much); }));
}

// A block that is live when the last allocator of a fresh heap goes, and whether it is afterwards.
static void ends() {
  int* kept;
  {
    mi_heap_stl_allocator<int> fresh;
    kept = fresh.allocate(100);
    std::memset(kept, 1, 400);
    REQUIRE(mi_heap_of(kept) != mi_heap_main());
  }
  REQUIRE(mi_heap_of(kept) == mi_heap_main() && reinterpret_cast<char*>(kept)[399] == 1);
  mi_free(kept);
  mi_heap_destroy_stl_allocator<int> fresh;
  int* const p = fresh.allocate(100);
  p[0] = 77;
  fresh.deallocate(p, 100);  // which does nothing
  REQUIRE(mi_usable_size(p) >= 400 && fresh.allocate(100) != p);
}

static void operators() {
  std::unique_ptr<int> one(new int);
  std::unique_ptr<int[]> many(new int[100]);
  std::unique_ptr<wide_t> a(new wide_t);
  std::unique_ptr<wide_t[]> b(new wide_t[10]);
  std::unique_ptr<wide_t> c(new (std::nothrow) wide_t);
  std::unique_ptr<wide_t[]> d(new (std::nothrow) wide_t[10]);
  for (void* p : {static_cast<void*>(a.get()), static_cast<void*>(b.get()),
                  static_cast<void*>(c.get()), static_cast<void*>(d.get())}) {
    REQUIRE(mi_is_in_heap_region(p) && reinterpret_cast<std::uintptr_t>(p) % 128 == 0);
  }
  std::unique_ptr<int> quiet(new (std::nothrow) int);
  std::unique_ptr<int[]> quiet_many(new (std::nothrow) int[100]);
  REQUIRE(mi_is_in_heap_region(one.get()) && mi_is_in_heap_region(many.get()));
  REQUIRE(mi_is_in_heap_region(quiet.get()) && mi_is_in_heap_region(quiet_many.get()));
  volatile std::size_t much = SIZE_MAX - 4096;
  REQUIRE(throws_bad_alloc([&] { ::operator delete(::operator new(much)); }));
  REQUIRE(throws_bad_alloc([&] { ::operator delete[](::operator new[](much)); }));
  REQUIRE(::operator new(much, std::nothrow) == nullptr);
  REQUIRE(::operator new[](much, std::nothrow) == nullptr);
}

static int all_of_stl() {
  fill(mi_stl_allocator<int>(), nullptr);
  REQUIRE(mi_stl_allocator<int>() == mi_stl_allocator<char>());
  mi_heap_t* const heap = mi_heap_new();
  fill(mi_heap_stl_allocator<int>(heap), heap);
  fill(mi_heap_destroy_stl_allocator<int>(heap), heap);
  REQUIRE(mi_heap_stl_allocator<int>(heap) == mi_heap_stl_allocator<char>(heap));
  REQUIRE(mi_heap_stl_allocator<int>(heap) != mi_heap_stl_allocator<int>());
  mi_heap_delete(heap);
  ends();
  operators();
  return 0;
}

#endif
