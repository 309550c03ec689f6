// SPDX-License-Identifier: MIT
// version3_stl.cc: containers, new and delete of a program in C++ for mimalloc's version 3.
#include "stl.h"

int main() { return all_of_stl(); }
