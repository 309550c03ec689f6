// SPDX-License-Identifier: MIT
// stack.c: the walk along frame pointers (os/fault_linux.c) reads nothing that cannot be read,
// whatever an interrupted program has in its register.
#include "os/os.h"

#include <sys/mman.h>

#include "../check.h"

enum { MOST = 8 };

static size_t walk(uintptr_t frame) {
  uintptr_t frames[MOST];
  return rix_os_frames(frames, MOST, frame, 1);
}

int main(void) {
  check_watchdog(30);
  const size_t unit = check_os_page();
  static const uintptr_t wild[] = {
      1, 3, 8, 3000, 4088, 4096, 1 << 20, UINTPTR_MAX - 7, UINTPTR_MAX - 15, UINTPTR_MAX / 2 + 1};
  for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++)
    CHECK_MSG(walk(wild[i]) == 1, "frame %zx", (size_t)wild[i]);
  uint8_t* const p =
      mmap(NULL, 2 * unit, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(p != MAP_FAILED && mprotect(p + unit, unit, PROT_NONE) == 0);
  CHECK(walk((uintptr_t)p + unit) == 1);
  CHECK(walk((uintptr_t)p + unit - sizeof(void*)) == 1);  // half of it can be read
  // A chain of frames that ends with one that cannot be read, or leads back.
  uintptr_t* const words = (uintptr_t*)(void*)p;
  words[0] = (uintptr_t)&words[4];
  words[1] = 10000;
  words[4] = (uintptr_t)p + unit;
  words[5] = 10001;
#if !defined(__riscv)
  uintptr_t frames[MOST];
  CHECK(rix_os_frames(frames, MOST, (uintptr_t)words, 0) == 2);
  CHECK(frames[0] == 10000 && frames[1] == 10001);
  words[4] = (uintptr_t)words;
  CHECK(rix_os_frames(frames, MOST, (uintptr_t)words, 9999) == 3 && frames[0] == 9999);
  CHECK(rix_os_frames(frames, 1, (uintptr_t)words, 9999) == 1);
#endif
  CHECK(munmap(p, 2 * unit) == 0);
  return 0;
}
