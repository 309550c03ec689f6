// SPDX-License-Identifier: MIT
// own_malloc.c: a program with its own malloc, calloc, realloc and free, and all other C names left
// to libraries: blocks that are made or taken on behalf of these four must be the program's.
#include "own_malloc.h"

#include <dirent.h>
#include <unistd.h>
#include <wchar.h>

// What not every C library has.
#pragma weak reallocf
#pragma weak reallocarr
#pragma weak cfree
#pragma weak vfree
#pragma weak free_sized
#pragma weak free_aligned_sized
#pragma weak malloc_size
#pragma weak malloc_good_size
#pragma weak _aligned_malloc
#pragma weak ri_malloc
#pragma weak ri_free
void* reallocf(void* p, size_t size);
int reallocarr(void* p, size_t count, size_t size);
void cfree(void* p);
void vfree(void* p);
void free_sized(void* p, size_t size);
void free_aligned_sized(void* p, size_t alignment, size_t size);
size_t malloc_size(const void* p);
size_t malloc_good_size(size_t size);
void* _aligned_malloc(size_t size, size_t alignment);

static int live;  // blocks that libc has for itself

static void made(const char* what, void* p) {
  free(own_made(what, p, live + 1));
  own_gone(what, live);
}

static void of_libc(void) {
  const char* const text = check_hide_pointer((uintptr_t) "some text that is long enough");
  made("strdup", strdup(text));
  made("strndup", strndup(text, 7));
  made("wcsdup", wcsdup(L"some wide text"));
  char* line = NULL;
  CHECK(asprintf(&line, "%s %d", text, 5) > 0);
  made("asprintf", line);
  made("getcwd", getcwd(NULL, 0));
  made("realpath", realpath("/proc/self/..", NULL));
  char* memory = NULL;
  size_t length = 0;
  FILE* const file = open_memstream(&memory, &length);
  fputs(text, file);
  fclose(file);
  made("open_memstream", memory);
  struct dirent** names = NULL;
  const int count = scandir("/", &names, NULL, alphasort);
  for (int i = 0; i < count; i++)
    free(own_made("scandir", names[i], live + 1 + count - i));
  made("scandir", names);
}

static void resized(void) {
  made("reallocarray", reallocarray(NULL, 10, 10));
  made("reallocarray", reallocarray(malloc(20), 10, 10));
  errno = 0;
  CHECK(reallocarray(NULL, check_hide(SIZE_MAX / 2), 3) == NULL && errno == ENOMEM);
  CHECK(reallocf != NULL && reallocarr != NULL);
  made("reallocf", reallocf(NULL, 10));
  made("reallocf", reallocf(malloc(20), 100));
  CHECK(reallocf(malloc(20), check_hide(sizeof(own_area))) == NULL);
  own_gone("reallocf", live);
  CHECK(reallocf(malloc(20), check_hide(0)) == NULL);
  own_gone("reallocf", live);
  void* p = NULL;
  CHECK(reallocarr(&p, 10, 10) == 0);
  own_made("reallocarr", p, live + 1);
  errno = 77;
  CHECK(reallocarr(&p, sizeof(own_area), 2) == ENOMEM && errno == 77);
  CHECK(reallocarr(&p, check_hide(SIZE_MAX / 2), 3) == EOVERFLOW && errno == 77);
  CHECK(reallocarr(&p, 50, 10) == 0);
  own_made("reallocarr", p, live + 1);
  CHECK(reallocarr(&p, 0, 10) == 0 && p == NULL);
  own_gone("reallocarr", live);
}

static void freed(void) {
  CHECK(cfree != NULL && vfree != NULL && free_sized != NULL && free_aligned_sized != NULL);
  cfree(own_made("malloc", malloc(10), live + 1));
  own_gone("cfree", live);
  vfree(own_made("malloc", malloc(10), live + 1));
  own_gone("vfree", live);
  free_sized(own_made("malloc", malloc(10), live + 1), 10);
  own_gone("free_sized", live);
  free_sized(own_made("malloc", malloc(100000), live + 1), 100000);
  own_gone("free_sized", live);
  free_aligned_sized(own_made("malloc", malloc(64), live + 1), 16, 64);
  own_gone("free_aligned_sized", live);
}

static void measured(void) {
  CHECK(malloc_good_size != NULL && malloc_size != NULL && _aligned_malloc != NULL);
  CHECK(malloc_good_size(13) == 13);
#if defined(OWN_ALIGNED)
  void* const p = own_made("_aligned_malloc", _aligned_malloc(128, 64), live + 1);
  CHECK(check_aligned(p, 64) && malloc_size(p) == 128);
  free(p);
#endif
}

// What the program asks of the library by its own names it gets from there.
static void of_ours(void) {
  void* const p = ri_malloc(100);
  CHECK(p != NULL && !own_is(p) && ri_is_in_heap_region(p));
  ri_free(p);
  own_gone("ri_free", live);
}

int main(void) {
  check_watchdog(30);
  live = own_live;
  made("malloc", malloc(1));
  of_libc();
  if (ri_is_in_heap_region == NULL) return 33;  // libc alone
  resized();
  freed();
  measured();
  of_ours();
  return 0;
}
