// SPDX-License-Identifier: MIT
// version3_cxx.cc: every function of mimalloc's version 3, from a program in C++.
#include "version3.h"

int main() { return all_of_version3(); }
