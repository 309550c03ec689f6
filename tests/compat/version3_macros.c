// SPDX-License-Identifier: MIT
// version3_macros.c: what mimalloc-override.h of version 3 defines, from a program in C.
#include "every_macro.h"

int main(void) { return all_macros(); }
