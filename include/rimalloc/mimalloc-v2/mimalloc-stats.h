// SPDX-License-Identifier: MIT
// mimalloc-stats.h: as the file of that name in ../mimalloc, for programs written for version 2.
#ifndef RIMALLOC_MI_VERSION
#define RIMALLOC_MI_VERSION 2
#endif
#include "../mimalloc/mimalloc-stats.h"
