// SPDX-License-Identifier: MIT
// new.cc: what C cannot do: catch. new.h says how this works without a C++ library.
extern "C" {
#include "api/new.h"
}

// What the compiler's code for catch takes from other libraries, all weak. The assembler's directive
// is for names that clang makes itself and so does not see as declared here.
extern "C" void* __cxa_begin_catch(void*) noexcept __attribute__((weak));
__asm__(
    ".weak __gxx_personality_v0\n"
    ".weak __cxa_begin_catch\n"
    ".weak __cxa_end_catch\n"
    ".weak _ZSt9terminatev\n");

bool rix_new_can_catch(void) { return __cxa_begin_catch != nullptr; }

void* rix_new_retry_nothrow(size_t size, size_t alignment) {
  if (!rix_new_can_catch()) return nullptr;
  try {
    return rix_new_retry(size, alignment);
  } catch (...) {
    return nullptr;
  }
}
