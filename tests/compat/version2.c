// SPDX-License-Identifier: MIT
// version2.c: every function of mimalloc's version 2, from a program in C.
#include "version2.h"

int main(void) { return all_of_version2(); }
