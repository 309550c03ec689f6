// SPDX-License-Identifier: MIT
// misuse.c KIND: one mistake with free or realloc, after which the program goes on and checks that
// its other blocks are as they were. Prints "address" of the pointer that the message should name.
#include "ours.h"

enum { COUNT = 100, SIZE = 200 };
static void* blocks[COUNT];

static void* hidden(const void* p) { return check_hide_pointer((uintptr_t)p); }

static char foreign[256] __attribute__((aligned(16)));

static const void* mistake(const char* kind) {
  char local[64] __attribute__((aligned(16)));
  const void* p = NULL;
  if (strcmp(kind, "double") == 0) {
    free(hidden(p = malloc(SIZE)));
    free(hidden(p));
  } else if (strcmp(kind, "double-large") == 0) {
    free(hidden(p = malloc(10 * CHECK_MIB)));
    free(hidden(p));
  } else if (strcmp(kind, "foreign") == 0) {
    free(hidden(p = foreign + 32));
  } else if (strcmp(kind, "stack") == 0) {
    free(hidden(p = hidden(local + 16)));
  } else if (strcmp(kind, "wild") == 0) {
    free(hidden(p = hidden((void*)0x7000)));
  } else if (strcmp(kind, "interior") == 0) {
    free(hidden(p = (char*)blocks[3] + 48));
  } else if (strcmp(kind, "interior-large") == 0) {
    static char* large;
    large = malloc(10 * CHECK_MIB);
    free(hidden(p = large + 5 * CHECK_MIB));
  } else if (strcmp(kind, "realloc") == 0) {
    errno = 0;
    CHECK(realloc(hidden(p = foreign + 32), 100) == NULL);
    CHECK(errno == EINVAL);
  } else {
    CHECK_MSG(false, "no such kind: %s", kind);
  }
  return p;
}

int main(int argc, char** argv) {
  check_watchdog(30);
  CHECK(argc == 2);
  for (int i = 0; i < COUNT; i++)
    blocks[i] = ours_malloc(SIZE);
  errno = 4444;
  const void* const p = mistake(argv[1]);
  if (strcmp(argv[1], "realloc") != 0) CHECK_ERRNO(4444);
  printf("%p\n", p);
  // It goes on: nothing is handed out twice, nothing of ours has changed.
  void* more[COUNT];
  for (int i = 0; i < COUNT; i++) {
    more[i] = malloc(SIZE);
    CHECK(more[i] != NULL);
    memset(more[i], 0x11, SIZE);
  }
  for (int i = 0; i < COUNT; i++)
    ours_free(blocks[i], SIZE);
  for (int i = 0; i < COUNT; i++)
    free(more[i]);
  return 0;
}
