// SPDX-License-Identifier: MIT
// mimalloc.h: found as <mimalloc.h> by programs that have this folder in their include path.
#include "../mimalloc.h"
