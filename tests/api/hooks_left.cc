// SPDX-License-Identifier: MIT
// hooks_left.cc: a program's function for deferred frees or lack of memory that is left by longjmp
// or an exception, from the same place, deeper and higher in the stack, and on the stack of a
// coroutine: it is called again the next time, and still not from inside itself. Catches: a flag
// that stays set for ever; one that says no although the function is under way; what the call left
// in the stack and is taken for a call under way, for as long as nobody writes there.
#include "../check.h"

#include <csetjmp>
#include <initializer_list>
#if defined(__GLIBC__)
#include <ucontext.h>
#endif

namespace {

enum way_t { RETURN, JUMP, THROW };

way_t way;
jmp_buf back;
ri_heap_t* small;
size_t calls;
bool inside;

void leave() {
  inside = false;
  if (way == JUMP) longjmp(back, 1);
  if (way == THROW) throw 7;
}

// What allocates so much that it would be called, were it not running.
void works() {
  CHECK(!inside);
  inside = true;
  calls++;
  void* blocks[100];
  for (void*& p : blocks)
    p = ri_malloc(3000);
  CHECK(ri_heap_malloc(small, 2000000) == nullptr);
  for (void* p : blocks)
    ri_free(p);
}

void deferred(bool, unsigned long long, void*) {
  works();
  leave();
}

ri_oom_t no_memory(size_t, unsigned, void*) {
  works();
  leave();
  return RI_OOM_FAIL;
}

// Allocations after which a function whose call seems to be under way is called all the same.
size_t most_tries(bool want) { return want ? 20 : 10000; }

// Exceptions pass only through functions that may throw.
void* allocate(bool want) {
  if (way == THROW) return want ? ri_heap_alloc_new(small, 1000000) : ri_new(200000);
  return want ? ri_heap_malloc(small, 1000000) : ri_malloc(200000);
}

// Calls the function once, by an allocation that needs it, if it is not thought to be running. A
// sanitizer's frames have room that nobody writes to: there it may take as long as above a buffer.
__attribute__((noinline)) void once(bool want) {
  const volatile size_t tries = check_sanitized() ? most_tries(want) : 1;
  const volatile size_t before = calls;
  for (volatile size_t i = 0; i < tries && calls == before; i = i + 1) {
    if (setjmp(back) == 0) {
      try {
        ri_free(allocate(want));
      } catch (int thrown) {
        CHECK(thrown == 7);
      }
    }
  }
  CHECK_MSG(calls == before + 1, "%zu calls, way %d", calls - before, static_cast<int>(way));
}

// From a place so much deeper in the stack.
__attribute__((noinline)) void deeper(bool want, size_t depth) {
  volatile char room[200];
  memset(const_cast<char*>(room), 1, sizeof(room));
  if (depth == 0) {
    once(want);
  } else {
    deeper(want, depth - 1);
  }
  room[0] = 2;
}

void walk(bool want) {
  for (const way_t each : {JUMP, THROW, RETURN, JUMP}) {
    for (const size_t depth :
         std::initializer_list<size_t>{0, 0, 7, 0, 3, 1, 100, 100, 2, 0, 1, 2, 3, 4, 5, 50, 0}) {
      way = each;
      deeper(want, depth);
    }
  }
}

// Where the stack of the call was lies a buffer that nobody writes to except for its ends: so the
// call looks as if it were under way. Yet the function is called, after a while.
__attribute__((noinline)) void above_a_buffer(bool want, size_t tries) {
  volatile char room[2048];
  room[0] = 1;
  room[sizeof(room) - 1] = 1;
  const size_t before = calls;
  for (size_t i = 0; i < tries && calls == before; i++)
    ri_free(want ? ri_heap_malloc(small, 1000000) : ri_malloc(200000));
  CHECK_MSG(calls == before + 1, "not in %zu allocations", tries);
  room[0] = 2;
}

__attribute__((noinline)) void leaves_once(bool want) {
  if (setjmp(back) != 0) return;
  try {
    ri_free(allocate(want));
  } catch (int thrown) {
    CHECK(thrown == 7);
  }
}

void left_above_buffers(bool want) {
  for (const way_t each : {JUMP, THROW, JUMP}) {
    way = each;
    leaves_once(want);
    way = RETURN;
    above_a_buffer(want, most_tries(want));
    for (int i = 0; i < 3; i++)
      once(want);
  }
}

#if defined(__GLIBC__)

ucontext_t caller, coroutine;
bool wants;

void on_another_stack() {
  for (const way_t each : {JUMP, RETURN, THROW, RETURN}) {
    way = each;
    once(wants);
  }
}

// Coroutines whose stacks are lower and higher than each other, and are gone afterwards.
void coroutines() {
  enum { STACK = 256 * 1024 };
  for (volatile int i = 0; i < 6; i = i + 1) {
    uint8_t* const stack = static_cast<uint8_t*>(ri_malloc_aligned(STACK, 4096));
    CHECK(stack != nullptr && getcontext(&coroutine) == 0);
    coroutine.uc_stack.ss_sp = stack;
    coroutine.uc_stack.ss_size = STACK;
    coroutine.uc_link = &caller;
    makecontext(&coroutine, on_another_stack, 0);
    wants = i % 2 == 1;
    if (wants) {
      ri_register_out_of_memory(no_memory, nullptr);
    } else {
      ri_register_deferred_free(deferred, nullptr);
    }
    CHECK(swapcontext(&caller, &coroutine) == 0);
    for (const way_t each : {RETURN, JUMP, RETURN}) {
      way = each;
      once(wants);
    }
    ri_register_deferred_free(nullptr, nullptr);
    ri_register_out_of_memory(nullptr, nullptr);
    ri_free(stack);
  }
}

#endif

}  // namespace

int main() {
  check_watchdog(30);
  small = ri_heap_new();
  CHECK(small != nullptr && ri_heap_set_quota(small, 65536));
  ri_register_deferred_free(deferred, nullptr);
  walk(false);
  left_above_buffers(false);
  ri_register_deferred_free(nullptr, nullptr);
  ri_register_out_of_memory(no_memory, nullptr);
  walk(true);
  left_above_buffers(true);
  ri_register_out_of_memory(nullptr, nullptr);
#if defined(__GLIBC__)
  if (!check_sanitized()) coroutines();
#endif
  CHECK(ri_audit());
  return 0;
}
