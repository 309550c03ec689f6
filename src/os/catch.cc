// SPDX-License-Identifier: MIT
// catch.cc: what C cannot do: catch. The rest of a C++ library's part is in api/new.c.
extern "C" {
#include "os/os.h"
}

// What the compiler's code for catch takes from other libraries, all weak, so that a program needs
// none. The directive is for names that clang makes itself and so sees no declaration of.
extern "C" void* __cxa_begin_catch(void*) noexcept __attribute__((weak));
__asm__(
    ".weak __gxx_personality_v0\n"
    ".weak __cxa_begin_catch\n"
    ".weak __cxa_end_catch\n"
    ".weak _ZSt9terminatev\n");

bool rix_os_can_catch(void) { return __cxa_begin_catch != nullptr; }

void* rix_os_try(void* (*call)(void* arg), void* arg) {
  if (!rix_os_can_catch()) return nullptr;
  try {
    return call(arg);
  } catch (...) {
    return nullptr;
  }
}
