// SPDX-License-Identifier: MIT
// deep_caller.c: a library that opens another one by its bare name, which is found on the search
// path that this library has and the program has not.
#include <dlfcn.h>

void* deep_open(const char* name, int mode);

void* deep_open(const char* name, int mode) { return dlopen(name, mode); }
