// SPDX-License-Identifier: MIT
// version2_macros.c: what mimalloc-override.h of version 2 defines, from a program in C.
#include "every_macro.h"

int main(void) { return all_macros(); }
