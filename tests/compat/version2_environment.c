// SPDX-License-Identifier: MIT
// version2_environment.c: mimalloc's environment variables, in a program of its version 2.
#include "environment.h"
