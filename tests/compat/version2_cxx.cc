// SPDX-License-Identifier: MIT
// version2_cxx.cc: every function of mimalloc's version 2, from a program in C++.
#include "version2.h"

int main() { return all_of_version2(); }
