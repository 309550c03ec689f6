// SPDX-License-Identifier: MIT
// planted.c: one mistake, chosen by its name, of a program that allocates with ri_malloc and so on.
// `nothing` does a bit of everything rightly.
#include <pthread.h>
#include <rimalloc/rimalloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile int sink;
static void* volatile leaked;

static void* others(void* arg) {
  ri_free(arg);
  return ri_zalloc(300);
}

static void nothing(void) {
  char* p = ri_malloc(100);
  memset(p, 1, ri_usable_size(p));
  for (size_t size = 1; size < 3000000; size = size * 3 / 2 + 1) {
    p = ri_realloc(p, size);
    memset(p, 2, size);
  }
  ri_free(p);
  p = ri_malloc_aligned_at(500, 128, 8);
  memset(p, 3, 500);
  p = ri_realloc(p, 50);
  sink = p[49];
  pthread_t thread;
  void* q = NULL;
  if (pthread_create(&thread, NULL, others, p) != 0 || pthread_join(thread, &q) != 0) abort();
  for (size_t i = 0; i < 300; i++)
    sink += ((char*)q)[i];
  q = ri_rezalloc(q, 900);
  for (size_t i = 0; i < 900; i++)
    if (((char*)q)[i] != 0) abort();
  ri_free(q);
  for (int i = 0; i < 2000; i++)
    ri_free(ri_malloc((size_t)i * 37 % 70000));
  ri_collect(true);
  if (!ri_audit()) abort();
}

int main(int argc, char** argv) {
  const char* const what = argc > 1 ? argv[1] : "nothing";
  const size_t size = argc > 2 ? strtoul(argv[2], NULL, 10) : 10;
  char* volatile p = ri_malloc(size);
  if (strcmp(what, "nothing") == 0) {
    nothing();
  } else if (strcmp(what, "after_free") == 0) {
    p[0] = 1;
    ri_free(p);
    sink = p[0];
    return 0;
  } else if (strcmp(what, "overflow") == 0) {
    p[size] = 1;
  } else if (strcmp(what, "freed_by_realloc") == 0) {
    char* volatile const q = ri_realloc(p, size + 1);
    p[0] = 1;
    p = q;
  } else if (strcmp(what, "uninitialised") == 0) {
    if (p[size / 2] == 5) puts("five");
  } else if (strcmp(what, "leak") == 0) {
    leaked = ri_malloc(77);
    leaked = ri_malloc(77);
    leaked = NULL;
  }
  ri_free(p);
  return 0;
}
