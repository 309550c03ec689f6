// SPDX-License-Identifier: MIT
// catch.cc: what C cannot do: catch. The rest of a C++ library's part is in api/new.c.
#include "os/catch.h"

extern "C" {
#include "os/os.h"
}

bool rix_os_can_catch(void) { return __cxa_begin_catch != nullptr; }

void* rix_os_try(void* (*call)(void* arg), void* arg) {
  if (!rix_os_can_catch()) return nullptr;
  try {
    return call(arg);
  } catch (...) {
    return nullptr;
  }
}
