// SPDX-License-Identifier: MIT
// version3_environment.c: mimalloc's environment variables, in a program of its version 3.
#include "environment.h"
