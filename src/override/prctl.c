// SPDX-License-Identifier: MIT
// prctl.c: sees when the program is about to install a filter for system calls, which may kill for
// what starts a task of ours (heap/scavenge.h): from then on there is none. And for what looks for
// the control group (arena/limit.h): that is done before. A filter cannot be asked for: the
// question is a system call too. But a process without special rights has to give up new ones
// first, and whoever installs a filter does it by this function: libseccomp, sandboxes in C, C++
// and Rust. What makes system calls of its own (Go's run-time) or has CAP_SYS_ADMIN and
// calls `syscall` alone is not seen: docs/memory.md says what such programs do.
//
// The call itself is the kernel's, as it is in the C library: five words, all of which it gets.
//
// CONCURRENCY: any thread.
#include <stdarg.h>

#include "arena/limit.h"
#include "base/compiler.h"
#include "heap/scavenge.h"
#include "options/options.h"
#include "os/os.h"

RI_EXPORT int prctl(int option, ...);

int prctl(int option, ...) {
  unsigned long words[4];
  va_list args;
  va_start(args, option);
  for (int i = 0; i < 4; i++)
    words[i] = va_arg(args, unsigned long);
  va_end(args);
  if (rix_os_control_filters(option)) {
    rix_options_read();
    rix_limit_find_group();  // it opens files, and would later
    rix_scavenge_forbid(RIX_SCAVENGE_FILTER);
  }
  return rix_os_control(option, words);
}

// Before the program's own code. Not in a copy that a plug-in keeps to itself, nor where a library
// that was preloaded before has the name, or the program does not show it to libraries.
__attribute__((constructor(102))) static void prctl_load(void) {
  if (rix_os_is_name_of("prctl", (void (*)(void))prctl)) rix_scavenge_trust();
}
