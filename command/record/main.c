// SPDX-License-Identifier: MIT
// main.c: rimalloc-replay, which `rimalloc replay` runs:
//   rimalloc-replay check TRACE        what is in a trace
//   rimalloc-replay plan TRACE PLAN    the same, and makes a plan of it
//   rimalloc-replay run PLAN TOUCH     replays the plan with the allocator that it runs on itself;
//                                      TOUCH: none, pages or all
// Prints JSON. 0: done, 1: it could not be, and a line says why, 2: wrong usage.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "replay.h"

static int main_failed(const char* path, const char* error) {
  fprintf(stderr, "%s: %s\n", path, error);
  return 1;
}

// A text that may have any bytes.
static void main_text(const char* text, size_t most) {
  putchar('"');
  for (size_t i = 0; i < most && text[i] != '\0'; i++) {
    const unsigned char c = (unsigned char)text[i];
    if (c < ' ' || c == '"' || c == '\\') {
      printf("\\u%04x", c);
    } else {
      putchar(c);
    }
  }
  putchar('"');
}

static int main_plan(const char* trace, const char* path) {
  static const char* const names[TRACE_KINDS] = {NULL,  "malloc",  "calloc", "aligned",
                                                 "new", "realloc", "free",   "delete"};
  reader_t reader;
  plan_sums_t sums;
  const char* error = reader_open(&reader, trace);
  if (error != NULL) return main_failed(trace, error);
  error = plan_make(&reader, path, &sums);
  if (error != NULL) return main_failed(path != NULL ? path : trace, error);
  uint64_t calls = 0;
  printf("{\"program\":");
  main_text(reader.header->program, TRACE_PROGRAM);
  for (int kind = 1; kind < TRACE_KINDS; kind++) {
    printf(",\"%s\":%" PRIu64, names[kind], sums.kinds[kind]);
    calls += sums.kinds[kind];
  }
  printf(",\"calls\":%" PRIu64 ",\"threads\":%" PRIu32 ",\"damaged\":%" PRIu64
         ",\"unknown\":%" PRIu64 ",\"missed\":%" PRIu64 ",\"passed\":%" PRIu64
         ",\"live_blocks\":%" PRIu64 ",\"live_bytes\":%" PRIu64 ",\"peak_blocks\":%" PRIu64
         ",\"peak_bytes\":%" PRIu64 "}\n",
         calls, reader.thread_count, reader.damaged, sums.unknown, sums.missed, sums.passed,
         sums.blocks, sums.bytes, sums.most_blocks, sums.most_bytes);
  return 0;
}

static int main_run(const char* path, replay_touch_t touch) {
  replay_result_t r = {.seconds = 0};
  const char* const error = replay_run(path, touch, &r);
  if (error != NULL) return main_failed(path, error);
  printf("{\"seconds\":%.9f,\"cpu_seconds\":%.9f,\"calls\":%" PRIu64 ",\"failed\":%" PRIu64
         ",\"spoilt\":%" PRIu64 ",\"waits\":%" PRIu64 ",\"faults\":%" PRIu64 ",\"peak\":%" PRIu64
         ",\"resident\":%" PRIu64 ",\"allocator\":",
         r.seconds, r.cpu_seconds, r.calls, r.failed, r.spoilt, r.waits, r.faults, r.peak,
         r.resident);
  main_text(r.allocator, sizeof(r.allocator));
  printf("}\n");
  return 0;
}

int main(int argc, char** argv) {
  static const char* const touches[] = {"none", "pages", "all"};
  if (argc == 3 && strcmp(argv[1], "check") == 0) return main_plan(argv[2], NULL);
  if (argc == 4 && strcmp(argv[1], "plan") == 0) return main_plan(argv[2], argv[3]);
  for (int i = 0; argc == 4 && i < 3; i++) {
    const bool this_one = strcmp(argv[1], "run") == 0 && strcmp(argv[3], touches[i]) == 0;
    if (this_one) return main_run(argv[2], (replay_touch_t)i);
  }
  fprintf(stderr, "usage: rimalloc-replay check TRACE | plan TRACE PLAN | run PLAN TOUCH\n");
  return 2;
}
