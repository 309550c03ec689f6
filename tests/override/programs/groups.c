// SPDX-License-Identifier: MIT
// groups.c: never has more than 40 MiB live, but of a different size each time: where memory is
// limited to 128 MiB (memory_group.sh) it ends only if freed memory serves other sizes.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIVE = 40 << 20, BLOCKS_MAX = LIVE / 1024 };

static void* blocks[BLOCKS_MAX];

int main(void) {
  for (int round = 0; round < 60; round++) {
    const size_t size = (size_t)1024 << round % 13;
    const size_t count = LIVE / size;
    for (size_t i = 0; i < count; i++) {
      blocks[i] = malloc(size);
      if (blocks[i] == NULL) return 1;
      memset(blocks[i], round, size);
    }
    for (size_t i = 0; i < count; i++)
      free(blocks[i]);
  }
  puts("done");
  return 0;
}
