// SPDX-License-Identifier: MIT
// linux.h: what the files that implement os.h for Linux share.
#ifndef RIX_OS_LINUX_H
#define RIX_OS_LINUX_H

#include "base/compiler.h"

// Reads up to `capacity` - 1 bytes of a file; the text is terminated. Empty when it cannot. errno
// stays.
RIX_INTERNAL void rix_linux_read_file(const char* path, char* text, size_t capacity);

#endif
