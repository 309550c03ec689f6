// SPDX-License-Identifier: MIT
// cgroup.h: which control group of Linux limits this process, found out from files.
//
//   /proc/self/cgroup      4:memory:/a/b          version 1: of the memory controller
//                          0::/a/b                version 2: of all
//   /proc/self/mountinfo   ... /a /sys/fs/cgroup ... - cgroup2 ...     where its folders are seen:
//                          group /a is /sys/fs/cgroup here, /a/b is /sys/fs/cgroup/b
//   version 1              memory.stat says the limit of the group and all above, of which not all
//                          need be visible: hierarchical_memory_limit
//   version 2              memory.max and memory.high, in each folder up to the one that is mounted
// The limit is the least of these. What counts against it is read in the folder that it came from:
// a group above has other members too.
//
// CONCURRENCY: no state. Whoever calls reads the files: so tests and fuzzers can make them up.
#ifndef RIX_OS_CGROUP_H
#define RIX_OS_CGROUP_H

#include "base/compiler.h"

enum { RIX_CGROUP_PATH = 1024, RIX_CGROUP_LINE = 2 * RIX_CGROUP_PATH };

typedef struct rix_cgroup_s {
  char folder[RIX_CGROUP_PATH];  // of the level that the limit came from
  uint64_t limit;                // bytes; UINT64_MAX: none
  bool first;                    // version 1
  bool is_above;                 // it came from a level that is not visible
} rix_cgroup_t;

// Gets a line of a file, without its end; false: no more lines are wanted.
typedef bool rix_cgroup_take_t(char* line, void* arg);
// Reads a file by lines; those that are longer than RIX_CGROUP_LINE - 1 may be left out. False: it
// cannot be read.
typedef bool rix_cgroup_read_t(const char* path, rix_cgroup_take_t* take, void* arg);

// Finds the limit; false: there is none.
RIX_INTERNAL bool rix_cgroup_find(rix_cgroup_t* group, rix_cgroup_read_t* read);
// Reads the limit again where it was found, and what the group uses, without parts of files that
// nobody used lately. False: it cannot be read.
RIX_INTERNAL bool rix_cgroup_usage(rix_cgroup_t* group, rix_cgroup_read_t* read, uint64_t* usage);

#endif
