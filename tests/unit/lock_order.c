// SPDX-License-Identifier: MIT
// lock_order.c: debug builds notice a lock that is taken out of order, the same lock twice, and one
// that is released without having been taken, before anything hangs; what keeps the order passes.
// Each wrong order is planted in a child of its own, which must end with the message.
#include <signal.h>
#include <sys/wait.h>

#include "arena/arena.h"
#include "arena/mapping.h"
#include "arena/meta.h"
#include "arena/pagemap.h"
#include "heap/heap.h"
#include "heap/orphan.h"
#include "heap/tld.h"
#include "options/sealed.h"
#include "../check.h"

static rix_lock_t* const in_order[] = {&rix_orphan_lock, &rix_thread_lock,  &rix_purge_lock,
                                       &rix_arena_lock,  &rix_mapping_lock, &rix_pagemap_lock,
                                       &rix_meta_lock,   &rix_sealed_lock};
enum { LOCKS = sizeof(in_order) / sizeof(in_order[0]) };

static void right_orders(void) {
  for (size_t i = 0; i < LOCKS; i++)
    rix_lock(in_order[i]);
  for (size_t i = 0; i < LOCKS; i++)
    rix_unlock(in_order[i]);
  for (size_t i = 0; i < LOCKS; i++) {
    for (size_t j = i + 1; j < LOCKS; j++) {
      rix_lock(in_order[i]);
      rix_lock(in_order[j]);
      rix_unlock(in_order[i]);
      rix_unlock(in_order[j]);
      rix_lock(in_order[i]);
      rix_unlock(in_order[i]);
    }
  }
  // To try is free: it does not wait.
  rix_lock(&rix_meta_lock);
  CHECK(rix_lock_try(&rix_purge_lock));
  CHECK(!rix_lock_try(&rix_meta_lock));
  rix_unlock(&rix_purge_lock);
  rix_unlock(&rix_meta_lock);
}

typedef void plant_fun(size_t i, size_t j);

static void backwards(size_t i, size_t j) {
  rix_lock(in_order[j]);
  rix_lock(in_order[i]);
}
static void twice(size_t i, size_t j) {
  (void)j;
  rix_lock(in_order[i]);
  rix_lock(in_order[i]);
}
static void not_taken(size_t i, size_t j) {
  (void)j;
  rix_unlock(in_order[i]);
}

static void must_be_found(plant_fun* plant, size_t i, size_t j, const char* words) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    check_watchdog(5);  // it would hang
    CHECK(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
    plant(i, j);
    _exit(0);
  }
  close(ends[1]);
  char text[512];
  size_t n = 0;
  ssize_t got;
  while (n + 1 < sizeof(text) && (got = read(ends[0], text + n, sizeof(text) - 1 - n)) > 0)
    n += (size_t)got;
  text[n] = '\0';
  close(ends[0]);
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK_MSG(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%zu, %zu: status %x, %s", i, j,
            (unsigned)status, text);
  CHECK_MSG(strstr(text, words) != NULL, "no '%s' in: %s", words, text);
}

int main(void) {
  check_watchdog(60);
  right_orders();
  CHECK(!rix_lock_held());
  if (RIX_DEBUG == 0) check_skip("release builds do not check the order of locks");
  for (size_t i = 0; i < LOCKS; i++) {
    for (size_t j = i + 1; j < LOCKS; j += 3)
      must_be_found(backwards, i, j, "os_order_is_kept");
    must_be_found(twice, i, i, "os_order_is_kept");
    must_be_found(not_taken, i, i, "os_levels & level");
  }
  return 0;
}
