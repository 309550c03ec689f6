// SPDX-License-Identifier: MIT
// fill.c: the options `fill` and `perturb`: what fresh, freed and padding memory holds, in blocks
// of all kinds; zeroed memory stays zero; what a resized block keeps is kept; MALLOC_PERTURB_ of
// the environment. Catches: a kind of block that is not filled, padding that is filled as if it
// were the program's, a fill that reaches into live memory, an option that is read too late.
#include "../check.h"

#include <sys/wait.h>

typedef struct bytes_s {
  uint8_t fresh, freed, padding;
} bytes_t;

static void check_bytes(const void* p, size_t from, size_t to, uint8_t byte) {
  const volatile uint8_t* const bytes = check_hide_pointer((uintptr_t)p);
  for (size_t i = from; i < to; i++)
    CHECK_MSG(bytes[i] == byte, "byte %zu of %zu: %x, not %x", i, to, bytes[i], byte);
}

static void one(size_t size, bytes_t b) {
  void* const keep = ri_malloc(size);  // so that the page stays
  uint8_t* const p = ri_malloc(size);
  const size_t usable = ri_usable_size(p);
  check_bytes(p, 0, size, b.fresh);
  check_bytes(p, size, usable, b.padding);
  memset(p, 1, usable);
  ri_free(p);
  // All but the first word, which is a link.
  if (size <= 65536) check_bytes(p, sizeof(void*), usable, b.freed);
  uint8_t* const zeroed = ri_calloc(1, size);
  CHECK_ZERO(zeroed, 0, ri_usable_size(zeroed));
  ri_free(zeroed);
  ri_free(keep);
}

static void resized(bytes_t b) {
  uint8_t* p = ri_malloc(100);
  memset(p, 7, 100);
  p = ri_realloc(p, 5000);
  check_bytes(p, 0, 100, 7);
  check_bytes(p, 112, 5000, b.fresh);
  p = ri_rezalloc(p, 9000);
  check_bytes(p, 0, 100, 7);
  ri_free(p);
  p = ri_malloc_aligned(300, 256);
  check_bytes(p, 0, 300, b.fresh);
  ri_free(p);
}

static void* freed_elsewhere(void* p) {
  ri_free(p);
  return NULL;
}

static void by_another(bytes_t b) {
  void* const keep = ri_malloc(700);
  void* const p = ri_malloc(700);
  check_in_thread(freed_elsewhere, p);
  check_bytes(p, sizeof(void*), 700, b.freed);
  ri_free(keep);
}

static void all(bytes_t b) {
  static const size_t sizes[] = {1, 8, 17, 100, 1024, 1030, 5000, 20000, 65536, 70000, 3 << 20};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
    one(sizes[i], b);
  resized(b);
  by_another(b);
  check_heap_intact();
}

static void by_fill(void) {
  ri_option_set(ri_option_fill, 1);
  all((bytes_t){0xD0, 0xDF, 0xDE});
}

static void by_perturb(void) {
  ri_option_set(ri_option_perturb, 0x55);
  all((bytes_t){0xAA, 0x55, 0xAA});
}

static void by_both(void) {
  ri_option_set(ri_option_perturb, 0x21);
  ri_option_set(ri_option_fill, 1);
  all((bytes_t){0xDE, 0x21, 0xDE});
}

// Pages that were made before are given up, and take no blocks any more.
static void later(void) {
  void* const before = ri_malloc(200);
  memset(before, 3, 200);
  ri_option_set(ri_option_perturb, 0x0F);
  ri_collect_reduce(0);
  void* const p = ri_malloc(200);
  check_bytes(p, 0, 200, 0xF0);
  check_bytes(before, 0, 200, 3);
  ri_free(before);
  ri_free(p);
  check_heap_intact();
}

static void from_environment(void) { all((bytes_t){0xFE, 0x01, 0xFE}); }

static void in_a_child(void (*run)(void)) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    run();
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char** argv) {
  if (check_sanitized()) check_skip("a sanitizer fills memory itself");
  check_watchdog(60);
  if (argc > 1 && strcmp(argv[1], "perturbed") == 0) {
    CHECK(ri_option_get(ri_option_perturb) == 1);
    from_environment();
    return 0;
  }
  in_a_child(by_fill);
  in_a_child(by_perturb);
  in_a_child(by_both);
  in_a_child(later);
  CHECK(setenv("MALLOC_PERTURB_", "1", 1) == 0);
  check_become("perturbed");
}
