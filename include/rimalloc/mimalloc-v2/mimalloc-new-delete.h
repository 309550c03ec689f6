// SPDX-License-Identifier: MIT
// mimalloc-new-delete.h: as the file of that name in ../mimalloc, for programs of version 2.
#ifndef RIMALLOC_MI_VERSION
#define RIMALLOC_MI_VERSION 2
#endif
#include "../mimalloc/mimalloc-new-delete.h"
