// SPDX-License-Identifier: MIT
// cgroup.c: the search for the control group's limit (os/cgroup.h) in files that say anything. The
// input is text: parts that end in a line "%" are the process's groups, the mounts, and then what
// the files of groups say, taken in turn. Against: a read out of bounds, a walk that does not end,
// a limit that no file has, a folder that is not below a mount.
#include "os/cgroup.h"

#include "fuzz.h"

enum { PARTS = 10, READS_MAX = 5000 };

static struct {
  const char* parts[PARTS];
  size_t lengths[PARTS];
  size_t count;
  size_t reads;
} input;

static void cut(const uint8_t* data, size_t size) {
  const char* p = (const char*)data;
  const char* const end = p + size;
  input.count = input.reads = 0;
  while (input.count < PARTS) {
    const char* q = p;
    while (q < end && !(*q == '%' && (q == p || q[-1] == '\n')))
      q++;
    input.parts[input.count] = p;
    input.lengths[input.count++] = (size_t)(q - p);
    if (q >= end) return;
    p = q + 1;
    if (p < end && *p == '\n') p++;
  }
}

static bool read_file(const char* path, rix_cgroup_take_t* take, void* arg) {
  FUZZ_CHECK(path[0] == '/' && strlen(path) < RIX_CGROUP_PATH + 32);
  FUZZ_CHECK(++input.reads < READS_MAX);
  size_t part = 2 + input.reads % (PARTS - 2);
  if (strcmp(path, "/proc/self/cgroup") == 0) part = 0;
  if (strcmp(path, "/proc/self/mountinfo") == 0) part = 1;
  if (part >= input.count) return false;
  const char* p = input.parts[part];
  const char* const end = p + input.lengths[part];
  bool more = true;
  while (p < end && more) {
    static char line[RIX_CGROUP_LINE];
    size_t length = 0;
    while (p + length < end && p[length] != '\n')
      length++;
    if (length < sizeof(line)) {
      memcpy(line, p, length);
      line[length] = '\0';
      char* const exact = malloc(strlen(line) + 1);  // so that a sanitizer sees its end
      FUZZ_CHECK(exact != NULL);
      memcpy(exact, line, strlen(line) + 1);
      more = take(exact, arg);
      free(exact);
    }
    p += length + (p + length < end);
  }
  return true;
}

void fuzz_run(fuzz_input_t in) {
  cut(in.data, in.size);
  rix_cgroup_t group;
  if (!rix_cgroup_find(&group, read_file)) return;
  FUZZ_CHECK(group.limit != UINT64_MAX);
  FUZZ_CHECK(group.folder[0] == '/' && strlen(group.folder) < RIX_CGROUP_PATH);
  uint64_t usage = 0;
  (void)rix_cgroup_usage(&group, read_file, &usage);
}
