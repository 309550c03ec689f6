// SPDX-License-Identifier: MIT
// profile.c: allocates a million bytes in deep_site that it does not free, or frees all with an
// argument. For profile.sh.
#include <stdlib.h>
#include <string.h>

static void* volatile kept[3000];

__attribute__((noinline)) void* deep_site(size_t n) {
  void* const p = malloc(n);
  memset(p, 1, n);
  return p;
}

int main(int count, char** arguments) {
  (void)arguments;
  for (int i = 0; i < 3000; i++)
    kept[i] = deep_site(1000);
  for (int i = 0; i < (count > 1 ? 3000 : 2000); i++)
    free(kept[i]);
  return 0;
}
