// SPDX-License-Identifier: MIT
// limits.c: runs under a limit on address space, or (second argument) on data. Takes blocks of
// several sizes until there are no more, gives all back, and does it again: the second time must
// bring about as much as the first, and the process must go on working in between.
#include <malloc.h>

#include "ours.h"

typedef struct link_s {
  struct link_s* next;
  size_t size;
} link_t;

// Allocates blocks of `size` until malloc fails; returns the bytes that were got and then freed.
static size_t exhaust(size_t size) {
  link_t* head = NULL;
  size_t total = 0;
  for (;;) {
    errno = 0;
    link_t* const p = malloc(size);
    if (p == NULL) break;
    CHECK(ours(p));
    p->next = head;
    p->size = size;
    if (size >= 64) memset((char*)p + size - 16, 0x5A, 16);
    head = p;
    total += size;
  }
  CHECK_MSG(errno == ENOMEM, "size %zu: errno %d", size, errno);
  // Out of memory for this size; the other functions say so too, and what there is stays whole.
  errno = 0;
  CHECK(calloc(1, CHECK_HUGE(40)) == NULL && errno == ENOMEM);
  if (head != NULL) {
    errno = 0;
    CHECK(realloc(check_hide_pointer((uintptr_t)head), CHECK_HUGE(40)) == NULL && errno == ENOMEM);
  }
  while (head != NULL) {
    link_t* const next = head->next;
    CHECK(head->size == size);
    if (size >= 64) CHECK(((char*)head)[size - 1] == 0x5A);
    free(head);
    head = next;
  }
  return total;
}

static void* in_thread(void* arg) {
  size_t* const total = arg;
  *total = exhaust(3000);
  return NULL;
}

int main(int argc, char** argv) {
  check_watchdog(100);
  CHECK(argc == 2 || argc == 3);
  const size_t limit = (size_t)atol(argv[1]) * CHECK_KIB;
  const size_t base = argc == 3 ? check_statm(5) : check_address_space();
  static const size_t sizes[] = {48, 1000, 9000, 100000, 1000000, 10000000};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    const size_t first = exhaust(sizes[i]);
    void* const p = ours_malloc(100);
    ours_free(p, 100);
    const size_t second = exhaust(sizes[i]);
    CHECK_MSG(second + second / 8 + CHECK_MIB >= first, "size %zu: %zu bytes, then %zu", sizes[i],
              first, second);
    // Half of what the limit leaves can be had, whatever was allocated and freed before; of large
    // blocks a quarter, because they must lie in one piece.
    CHECK_MSG(first >= (limit - base) / (sizes[i] > CHECK_MIB ? 4 : 2),
              "size %zu: %zu of %zu bytes", sizes[i], first, limit - base);
  }
  (void)malloc_trim(0);
  size_t total = 0;
  pthread_t thread;
  pthread_attr_t attributes;
  CHECK(pthread_attr_init(&attributes) == 0);
  CHECK(pthread_attr_setstacksize(&attributes, 256 * CHECK_KIB) == 0);
  CHECK(pthread_create(&thread, &attributes, in_thread, &total) == 0);
  check_join(thread);
  CHECK_MSG(total >= (limit - base) / 4, "thread: %zu of %zu bytes", total, limit - base);
  return 0;
}
