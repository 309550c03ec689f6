// SPDX-License-Identifier: MIT
// small.c: the small program of footprint.sh: 100 KB in blocks of many sizes, all in use at once.
#include <stdlib.h>
#include <string.h>

int main(void) {
  enum { COUNT = 700 };
  static void* blocks[COUNT];
  size_t total = 0;
  for (size_t i = 0; i < COUNT && total < 100 * 1000; i++) {
    const size_t size = 16 + i * 7 % 500;
    blocks[i] = malloc(size);
    if (blocks[i] == NULL) return 1;
    memset(blocks[i], 1, size);
    total += size;
  }
  for (size_t i = 0; i < COUNT; i++)
    free(blocks[i]);
  return total < 100 * 1000;
}
