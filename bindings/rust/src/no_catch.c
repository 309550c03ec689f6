// SPDX-License-Identifier: MIT
// no_catch.c: in the place of src/os/catch.cc. A Rust program has no exceptions to catch, and this
// crate asks for no C++ compiler.
#include "os/os.h"

bool rix_os_can_catch(void) { return false; }

void* rix_os_try(void* (*call)(void* arg), void* arg) {
  RIX_UNUSED(call);
  RIX_UNUSED(arg);
  return NULL;
}
