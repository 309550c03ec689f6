// SPDX-License-Identifier: MIT
// profile_follow_os_fail.c: the profiler is turned on from outside, by the interval alone, as
// `rimalloc attach` does: in a process that has no tables, twice with different intervals, off and
// on, and without memory for the tables: then it is off, and nothing else has changed. Catches:
// samples that get lost because nobody made the tables, tables that say another interval, an errno
// that malloc changes.
#include "../check.h"
#include "../os_fail.h"

#include <pthread.h>
#include <rimalloc/profile.h>

#include "profile/profile.h"

// A size that nothing else has.
enum { TABLES = 41 << 20, NOTICED = 100000, BLOCKS = 500 };

static bool refuse;
static int refused, made;

static int os_answer(os_call_t* call) {
  if (call->kind != OS_MAP || call->size != TABLES) return OS_PASS;
  if (refuse) {
    refused++;
    return ENOMEM;
  }
  made++;
  return OS_PASS;
}

static void from_outside(uint64_t interval) { ri_store_relaxed(&rix_profile_xinterval, interval); }

static void* kept[4 * BLOCKS];
static size_t count;

static void* allocate(void* arg) {
  ri_free(ri_malloc(NOTICED));  // a block of that size notices at once
  for (int i = 0; i < BLOCKS; i++)
    kept[count++] = ri_malloc(200);
  return arg;
}

static const rix_image_t* tables(void) { return ri_load_relaxed(&rix_profile_ximage); }

int main(void) {
  ri_option_set(ri_option_profile_memory, TABLES / CHECK_KIB);
  (void)allocate(NULL);
  CHECK(tables() == NULL && !rix_profile_exists());

  refuse = true;
  from_outside(1);
  errno = 12345;
  (void)allocate(NULL);
  CHECK(errno == 12345 && refused == 1 && tables() == NULL);
  CHECK(ri_profile_interval() == 0);

  refuse = false;
  from_outside(1);
  (void)allocate(NULL);
  CHECK(made == 1 && tables() != NULL && tables()->interval == 1);
  CHECK_MSG(tables()->live.samples == BLOCKS, "%.0f", tables()->live.samples);
  CHECK(tables()->live.bytes == BLOCKS * 200 && tables()->temporary.bytes == NOTICED);
  CHECK(tables()->pid == (uint32_t)getpid() && tables()->modules.used > 0);

  pthread_t id;  // another thread
  CHECK(pthread_create(&id, NULL, allocate, NULL) == 0 && pthread_join(id, NULL) == 0);
  const double samples = tables()->live.samples;
  CHECK_MSG(samples == 2 * BLOCKS, "%.0f", samples);

  from_outside(0);
  count = 0;
  (void)allocate(NULL);
  CHECK(tables()->live.samples == samples && tables()->interval == 1);

  from_outside(4096);
  count = 0;
  (void)allocate(NULL);
  CHECK(made == 1 && tables()->interval == 4096 && ri_profile_interval() == 4096);
  return 0;
}
