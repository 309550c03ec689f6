// SPDX-License-Identifier: MIT
// hardened.c: attacks, each tried at every level of the option `harden`: whether the attacker gets
// what he wants, silently (A) or with a report (a); fails, silently (S) or with a report (R); or
// the program is aborted (K) or faults (F) before he does. The table at the end says which, and
// that is what docs/hardening.md says. Each try is a process of its own, that allocates nothing
// before.
#include "misuse.h"

#include <signal.h>
#include <sys/wait.h>

enum { SIZE = 96, COUNT = 300, LARGE = 200000 };

typedef bool(attack_t)(void);  // whether the attacker got what he wanted

static volatile uint8_t* bytes_of(const void* p) { return check_hide_pointer((uintptr_t)p); }

static void overwrite(const void* p, size_t from, size_t count, uint8_t byte) {
  for (size_t i = 0; i < count; i++)
    bytes_of(p)[from + i] = byte;
}

static uint8_t* blocks[COUNT];

static void allocate_all(size_t size) {
  for (int i = 0; i < COUNT; i++) {
    blocks[i] = ri_malloc(size);
    memset(blocks[i], 'x', size);
  }
}

// The block that lies behind blocks[*first] without a gap that its size does not explain.
static uint8_t* neighbour(int* first) {
  for (int i = 0; i < COUNT; i++) {
    for (int j = 0; j < COUNT; j++) {
      const size_t distance = (size_t)blocks[j] - (size_t)blocks[i];
      if (distance == 0 || distance > SIZE + 32) continue;
      *first = i;
      return blocks[j];
    }
  }
  CHECK(false);
  return NULL;
}

// ---- Overflows ----------------------------------------------------------------------------------

static bool one_zero_byte_behind(void) {
  allocate_all(SIZE);
  int i;
  const uint8_t* const next = neighbour(&i);
  overwrite(blocks[i], ri_usable_size(blocks[i]), 1, 0);
  const bool reached = bytes_of(next)[0] == 0;
  ri_free(blocks[i]);
  return reached;
}

static bool eight_bytes_behind(void) {
  allocate_all(SIZE);
  overwrite(blocks[5], ri_usable_size(blocks[5]), 8, 0x41);
  ri_free(blocks[5]);
  return true;
}

// The block that overflows is not freed.
static bool behind_then_the_next_is_freed(void) {
  allocate_all(SIZE);
  int i;
  uint8_t* const next = neighbour(&i);
  overwrite(blocks[i], ri_usable_size(blocks[i]), 8, 0x41);
  ri_free(next);
  return true;
}

static bool behind_a_large_one(void) {
  uint8_t* const p = ri_malloc(LARGE);
  uint8_t* const q = ri_malloc(LARGE);
  overwrite(p < q ? p : q, 0, LARGE + 8000, 0x41);
  return true;
}

static bool in_use_to_its_end(void) {
  for (size_t size = 1; size < 70000; size += 1 + size / 7) {
    uint8_t* const p = ri_malloc(size);
    memset(p, 0x41, ri_usable_size(p));
    ri_free(p);
  }
  return false;
}

// ---- Frees --------------------------------------------------------------------------------------

static bool frees_twice(void) {
  allocate_all(SIZE);
  ri_free(blocks[7]);
  ri_free(misuse_pointer(blocks[7]));
  return false;
}

static bool has_two_owners(void) {
  for (int i = 0; i < COUNT; i++)
    blocks[i] = ri_malloc(SIZE);
  for (int i = 0; i < COUNT; i++) {
    for (int j = 0; j < i; j++)
      if (blocks[i] == blocks[j]) return true;
  }
  return false;
}

static bool frees_twice_with_another_between(void) {
  allocate_all(SIZE);
  ri_free(blocks[7]);
  ri_free(blocks[9]);
  ri_free(misuse_pointer(blocks[7]));
  return has_two_owners();
}

static void* frees(void* p) {
  ri_free(p);
  return NULL;
}

static bool two_threads_free(void) {
  allocate_all(SIZE);
  ri_free(blocks[7]);
  ri_free(blocks[9]);
  check_in_thread(frees, misuse_pointer(blocks[7]));
  ri_collect(false);
  return has_two_owners();
}

static bool frees_within(void) {
  allocate_all(SIZE);
  ri_free(misuse_pointer(blocks[3] + 16));
  return false;
}

static bool frees_no_block(void) {
  uint64_t here[32] = {0};
  ri_free(misuse_pointer(&here[2]));
  return false;
}

static bool resizes_freed(void) {
  allocate_all(SIZE);
  ri_free(blocks[7]);
  ri_free(blocks[9]);
  return ri_realloc(misuse_pointer(blocks[7]), SIZE) != NULL;
}

static bool frees_with_a_larger_size(void) {
  void* const p = ri_malloc(SIZE);
  ri_free_sized(p, ri_usable_size(p) + 1);
  return false;
}

// ---- Use after free -----------------------------------------------------------------------------

static bool reads_a_secret(void) {
  allocate_all(SIZE);
  ri_free(blocks[7]);
  return bytes_of(blocks[7])[SIZE - 8] == 'x';
}

static bool gets_a_secret(void) {
  allocate_all(SIZE);
  for (int i = 0; i < COUNT; i++)
    ri_free(blocks[i]);
  for (int i = 0; i < COUNT; i++) {
    const uint8_t* const p = ri_malloc(SIZE);
    if (bytes_of(p)[SIZE - 8] == 'x') return true;
  }
  return false;
}

static bool gets_an_address(void) {
  allocate_all(SIZE);
  for (int i = 0; i < COUNT; i++)
    ri_free(blocks[i]);
  for (int i = 0; i < COUNT; i++) {
    uintptr_t word;
    memcpy(&word, misuse_pointer(ri_malloc(SIZE)), sizeof(word));
    if (word - (uintptr_t)blocks[0] + (1 << 20) < 2 << 20) return true;
  }
  return false;
}

static bool takes_the_place(void) {
  allocate_all(SIZE);
  ri_free(blocks[7]);
  for (int i = 0; i < 20; i++)
    if (ri_malloc(SIZE) == (void*)blocks[7]) return true;
  return false;
}

static bool writes_to_freed(void) {
  allocate_all(SIZE);
  for (int i = 1; i < COUNT; i += 2)  // the pages stay
    ri_free(blocks[i]);
  overwrite(blocks[7], 40, 8, 0x41);
  for (int i = 0; i < 100 * COUNT; i++)  // it waits for some thousand of these at most
    ri_free(ri_malloc(SIZE));
  return true;
}

static bool makes_a_block_of_its_own(void) {
  allocate_all(SIZE);
  static uint64_t target[64];
  const uintptr_t address = (uintptr_t)&target[8];
  ri_free(blocks[7]);
  ri_free(blocks[9]);
  memcpy(misuse_pointer(blocks[9]), &address, sizeof(address));
  for (int i = 0; i < COUNT; i++)
    if ((uintptr_t)misuse_pointer(ri_malloc(SIZE)) == address) return true;
  return false;
}

static bool reads_a_large_one(void) {
  uint8_t* const p = ri_malloc(LARGE);
  memset(p, 'x', LARGE);
  ri_free(p);
  return bytes_of(p)[LARGE / 2] == 'x';
}

static bool frees_a_large_one_twice(void) {
  uint8_t* const p = ri_malloc(LARGE);
  ri_free(p);
  uint8_t* const q = ri_malloc(LARGE);
  ri_free(misuse_pointer(p));
  return ri_malloc(LARGE) == (void*)q;
}

static bool foretells_neighbours(void) {
  uint8_t* before = ri_malloc(SIZE);
  for (int i = 0; i < 20; i++) {
    uint8_t* const p = ri_malloc(SIZE);
    if (p <= before) return false;
    before = p;
  }
  return true;
}

// ---- Each at each level -------------------------------------------------------------------------

static const struct {
  const char* name;
  attack_t* attack;
  const char* outcomes;  // at levels 0 to 3
} attacks[] = {
    {"one zero byte behind a block", one_zero_byte_behind, "AASS"},
    {"bytes behind a block, which is freed", eight_bytes_behind, "AAKK"},
    {"bytes behind a block, the next is freed", behind_then_the_next_is_freed, "AAAK"},
    {"behind a large block", behind_a_large_one, "AAFF"},
    {"blocks in use to their ends", in_use_to_its_end, "SSSS"},
    {"free twice", frees_twice, "RKKK"},
    {"free twice with another between", frees_twice_with_another_between, "AKKK"},
    {"free by two threads", two_threads_free, "AKKK"},
    {"free within a block", frees_within, "RKKK"},
    {"free of no block", frees_no_block, "RKKK"},
    {"realloc of a freed block", resizes_freed, "AKKK"},
    {"free with a larger size", frees_with_a_larger_size, "RKKK"},
    {"read after free", reads_a_secret, "AASS"},
    {"a secret in a fresh block", gets_a_secret, "AASS"},
    {"an address in a fresh block", gets_an_address, "ASSS"},
    {"another block in the place", takes_the_place, "AASS"},
    {"write after free", writes_to_freed, "AAAK"},
    {"a link to elsewhere", makes_a_block_of_its_own, "AKSS"},
    {"read of a freed large block", reads_a_large_one, "AAFF"},
    {"free of a large block twice", frees_a_large_one_twice, "AAKK"},
    {"blocks in the order of addresses", foretells_neighbours, "AASS"},
};

static char outcome(attack_t* attack, long level) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    ri_option_set(ri_option_harden, level);
    check_capture_start();
    const bool succeeded = attack();
    _exit((succeeded ? 1 : 0) + (check_captured()->errors > 0 ? 2 : 0));
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGABRT ? 'K' : 'F';
  const char letters[] = "SARa";
  return WEXITSTATUS(status) < 4 ? letters[WEXITSTATUS(status)] : '?';
}

int main(void) {
  if (check_sanitized()) check_skip("a sanitizer finds these mistakes itself");
  check_watchdog(60);
  for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
    char seen[5] = "";
    for (long level = 0; level < 4; level++)
      seen[level] = outcome(attacks[i].attack, level);
    CHECK_MSG(strcmp(seen, attacks[i].outcomes) == 0, "%s: %s, not %s", attacks[i].name, seen,
              attacks[i].outcomes);
  }
  return 0;
}
