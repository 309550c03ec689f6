// SPDX-License-Identifier: MIT
// containers.cc: the allocators of allocator.h in the containers of the C++ library, memory
// resources, and operator new and delete by new-delete.h. From C++11 on. Catches: a container that
// does not take the allocator, a heap that ends too early or never, an over-aligned type that is
// not aligned, a form of new that the header forgets.
#include <rimalloc/allocator.h>
#include <rimalloc/new-delete.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#define REQUIRE(e) ((e) ? (void)0 : failed(__LINE__, #e))

namespace {

void failed(int line, const char* what) {
  std::fprintf(stderr, "containers.cc:%d: %s\n", line, what);
  std::exit(1);
}

std::size_t blocks() {
  ri_summary_t summary;
  ri_summary(&summary);
  return summary.blocks;
}

struct alignas(128) wide_t {
  char bytes[128];
};

template <class Allocator>
void fill_vector(const Allocator& allocator) {
  std::vector<int, Allocator> v(allocator);
  for (int i = 0; i < 10000; i++)
    v.push_back(i);
  REQUIRE(ri_is_in_heap_region(v.data()));
  std::vector<int, Allocator> copy(v);
  REQUIRE(copy == v && copy.get_allocator() == v.get_allocator());
  std::vector<int, Allocator> moved(std::move(copy));
  REQUIRE(moved == v);
  v.swap(moved);
  moved = v;
  REQUIRE(moved == v);
  v.clear();
  v.shrink_to_fit();
}

template <class Allocator>
void fill_others(const Allocator& allocator) {
  typedef std::allocator_traits<Allocator> traits;
  typedef typename traits::template rebind_alloc<std::pair<const int, int>> pairs;
  typedef typename traits::template rebind_alloc<char> chars;
  typedef typename traits::template rebind_alloc<wide_t> wides;
  std::map<int, int, std::less<int>, pairs> map{std::less<int>(), pairs(allocator)};
  std::unordered_map<int, int, std::hash<int>, std::equal_to<int>, pairs> hashed(
      16, std::hash<int>(), std::equal_to<int>(), pairs(allocator));
  std::list<int, Allocator> list(allocator);
  std::deque<int, Allocator> deque(allocator);
  for (int i = 0; i < 5000; i++) {
    map[i] = hashed[i] = i * i;
    list.push_front(i);
    deque.push_back(i);
  }
  for (int i = 0; i < 5000; i++)
    REQUIRE(map[i] == i * i && hashed[i] == i * i && deque[static_cast<std::size_t>(i)] == i);
  list.sort();
  REQUIRE(list.front() == 0 && list.back() == 4999);
  std::basic_string<char, std::char_traits<char>, chars> text{chars(allocator)};
  text.assign(1000, 'x');
  REQUIRE(text.size() == 1000 && ri_is_in_heap_region(text.data()));
  std::vector<wide_t, wides> wide{wides(allocator)};
  wide.resize(33);
  REQUIRE(reinterpret_cast<std::uintptr_t>(wide.data()) % alignof(wide_t) == 0);
}

// The same with a heap: what the containers hold is the heap's.
template <template <class> class Allocator>
void with_heap() {
  ri_heap_t* const heap = ri_heap_new();
  const Allocator<int> given(heap);
  std::vector<int, Allocator<int>> v(100, 7, given);
  REQUIRE(ri_heap_of(v.data()) == heap);
  fill_vector(given);
  fill_others(given);
  REQUIRE(given == Allocator<char>(given));
  const Allocator<int> fresh;
  REQUIRE(fresh != given && fresh == Allocator<int>(fresh));
  Allocator<int> assigned;
  assigned = given;
  REQUIRE(assigned == given);
  assigned.collect(true);
  fill_vector(fresh);
  fill_others(fresh);
  v = std::vector<int, Allocator<int>>(given);
  ri_heap_destroy(heap);
}

// A block that is live when its heap's last allocator goes.
void ends() {
  int* kept;
  {
    ri_heap_stl_allocator<int> fresh;
    kept = fresh.allocate(100);
    std::memset(kept, 1, 400);
    REQUIRE(ri_heap_of(kept) != ri_heap_main());
  }
  REQUIRE(ri_heap_of(kept) == ri_heap_main() && reinterpret_cast<char*>(kept)[399] == 1);
  ri_free(kept);
  const std::size_t before = blocks();
  {
    ri_heap_destroy_stl_allocator<int> fresh;
    for (int i = 0; i < 1000; i++)
      fresh.deallocate(fresh.allocate(100), 100);
    REQUIRE(blocks() >= before + 1000);  // freeing does nothing
    // The heap is there as long as one copy is.
    ri_heap_destroy_stl_allocator<char> last(fresh);
    fresh = ri_heap_destroy_stl_allocator<int>();
    REQUIRE(blocks() >= before + 1000);
  }
  REQUIRE(blocks() < before + 10);
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

int handler_calls;
void give_up_third_time() {
  if (++handler_calls == 3) std::set_new_handler(nullptr);
}

// Whether f asks the new handler three times, which then is none, before it throws.
template <class F>
bool asks_handler(F f) {
  handler_calls = 0;
  std::set_new_handler(give_up_third_time);
  const bool thrown = throws_bad_alloc(f);
  std::set_new_handler(nullptr);
  return thrown && handler_calls == 3;
}

std::size_t hide(std::size_t n) {
  volatile std::size_t hidden = n;
  return hidden;
}

void no_memory() {
  const std::size_t much = hide(PTRDIFF_MAX / 8);
  ri_stl_allocator<double> plain;
  ri_heap_stl_allocator<double> heap;
  ri_heap_stl_allocator<wide_t> wide(heap);
  ri_stl_allocator<wide_t> wide_plain;
  REQUIRE(throws_bad_alloc([&] { (void)plain.allocate(much); }));
  REQUIRE(throws_bad_alloc([&] { (void)plain.allocate(hide(SIZE_MAX / 4)); }));
  REQUIRE(throws_bad_alloc([&] { (void)heap.allocate(much); }));
  REQUIRE(throws_bad_alloc([&] { (void)wide.allocate(hide(SIZE_MAX / 64)); }));
  REQUIRE(throws_bad_alloc([&] { (void)wide_plain.allocate(hide(SIZE_MAX / 64)); }));
  REQUIRE(throws_bad_alloc([&] { (void)wide_plain.allocate(hide(PTRDIFF_MAX / 128 - 1)); }));
  REQUIRE(asks_handler([&] { (void)plain.allocate(much); }));
  REQUIRE(asks_handler([&] { (void)wide_plain.allocate(hide(PTRDIFF_MAX / 128 - 1)); }));
  REQUIRE(asks_handler([&] { (void)heap.allocate(much); }));
  REQUIRE(plain.max_size() == PTRDIFF_MAX / sizeof(double));
  REQUIRE(wide.max_size() == PTRDIFF_MAX / sizeof(wide_t));
  // An array of nothing is a block all the same.
  double* const nothing = plain.allocate(0);
  REQUIRE(nothing != nullptr && ri_is_in_heap_region(nothing));
  plain.deallocate(nothing, 0);
}

#if defined(RI_HAS_MEMORY_RESOURCE)
// A resource of another kind: new_delete_resource needs a library of its own with older libc++.
class other_resource : public RIX_PMR::memory_resource {
  void* do_allocate(std::size_t, std::size_t) override { return nullptr; }
  void do_deallocate(void*, std::size_t, std::size_t) override {}
  bool do_is_equal(const RIX_PMR::memory_resource& other) const noexcept override {
    return this == &other;
  }
};

void resources() {
  ri_heap_t* const heap = ri_heap_new();
  {
    ri_heap_resource resource(heap);
    ri_heap_resource same(heap);
    ri_heap_resource other;
    REQUIRE(resource == same && resource != other && resource.heap() == heap);
    RIX_PMR::polymorphic_allocator<int> allocator(&resource);
    std::vector<int, RIX_PMR::polymorphic_allocator<int>> v(allocator);
    for (int i = 0; i < 10000; i++)
      v.push_back(i);
    REQUIRE(ri_heap_of(v.data()) == heap && v[9999] == 9999);
    for (std::size_t alignment = 1; alignment <= 4096; alignment *= 2) {
      for (std::size_t size = 1; size < 20000; size = size * 3 + 1) {
        void* const p = resource.allocate(size, alignment);
        REQUIRE(reinterpret_cast<std::uintptr_t>(p) % alignment == 0 && ri_heap_of(p) == heap);
        std::memset(p, 1, size);
        resource.deallocate(p, size, alignment);
      }
    }
    REQUIRE(throws_bad_alloc([&] { (void)resource.allocate(PTRDIFF_MAX - 4096, 8); }));
    REQUIRE(throws_bad_alloc([&] { (void)resource.allocate(PTRDIFF_MAX - 4096, 64); }));
  }
  void* const p = ri_heap_malloc(heap, 100);  // the resource kept its heap
  { ri_heap_resource removes(heap, ri_heap_end::remove); }
  REQUIRE(ri_heap_of(p) == ri_heap_main());
  ri_free(p);
  // A heap that is destroyed takes its blocks along: a given one, and the resource's own.
  const std::size_t before = blocks();
  {
    ri_heap_resource destroys(ri_heap_new(), ri_heap_end::destroy);
    ri_heap_resource own;
    REQUIRE(own.heap() != nullptr && own.heap() != ri_heap_main());
    for (int i = 0; i < 1000; i++)
      REQUIRE(destroys.allocate(100, 8) != own.allocate(100, 8));
    REQUIRE(blocks() >= before + 2000);
  }
  REQUIRE(blocks() < before + 10);
  ri_heap_resource one;
  const other_resource another;
  REQUIRE(one.is_equal(one) && !one.is_equal(another));
}
#else
void resources() {}
#endif

// What the compiler calls for these expressions are the functions of new-delete.h.
void operators() {
  struct plain_t {
    char bytes[100];
  };
  std::unique_ptr<plain_t> one(new plain_t);
  std::unique_ptr<plain_t[]> many(new plain_t[10]);
  std::unique_ptr<plain_t> quiet(new (std::nothrow) plain_t);
  std::unique_ptr<plain_t[]> quiet_many(new (std::nothrow) plain_t[10]);
  REQUIRE(ri_is_in_heap_region(one.get()) && ri_is_in_heap_region(many.get()));
  REQUIRE(ri_is_in_heap_region(quiet.get()) && ri_is_in_heap_region(quiet_many.get()));
#if defined(__cpp_aligned_new)
  std::unique_ptr<wide_t> a(new wide_t);
  std::unique_ptr<wide_t[]> b(new wide_t[10]);
  std::unique_ptr<wide_t> c(new (std::nothrow) wide_t);
  std::unique_ptr<wide_t[]> d(new (std::nothrow) wide_t[10]);
  REQUIRE(ri_is_in_heap_region(a.get()) && ri_is_in_heap_region(b.get()));
  REQUIRE(ri_is_in_heap_region(c.get()) && ri_is_in_heap_region(d.get()));
  REQUIRE(reinterpret_cast<std::uintptr_t>(d.get()) % alignof(wide_t) == 0);
#endif
  volatile std::size_t much = PTRDIFF_MAX - 4096;
  REQUIRE(throws_bad_alloc([&] { ::operator delete(::operator new(much)); }));
  REQUIRE(::operator new(much, std::nothrow) == nullptr);
}

}  // namespace

int main() {
  const std::size_t before = blocks();
  {
    fill_vector(ri_stl_allocator<int>());
    fill_others(ri_stl_allocator<int>());
    REQUIRE(ri_stl_allocator<int>() == ri_stl_allocator<char>());
    with_heap<ri_heap_stl_allocator>();
    with_heap<ri_heap_destroy_stl_allocator>();
    ends();
    no_memory();
    resources();
    operators();
  }
  REQUIRE(blocks() <= before + 2);
  return 0;
}
