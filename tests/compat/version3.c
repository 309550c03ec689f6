// SPDX-License-Identifier: MIT
// version3.c: every function of mimalloc's version 3, from a program in C.
#include "version3.h"

int main(void) { return all_of_version3(); }
