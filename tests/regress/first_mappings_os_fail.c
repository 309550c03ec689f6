// SPDX-License-Identifier: MIT
// first_mappings_os_fail.c: two threads map memory for the first time. One took the lower place,
// the other was faster to choose the window of the page map, above it; the first one's place could
// then not be entered, which was taken for a lack of memory: ENOMEM, with nothing wrong. It must
// try another place. (Found by verify/model, place_first.)
#include "../check.h"
#include "../os_fail.h"

enum { MANY = 64 * CHECK_MIB };
static const size_t large = (size_t)300 * CHECK_MIB;  // a mapping of its own
static bool armed;
static void* other;

static void* maps_another(void* arg) {
  (void)arg;
  other = ri_malloc(large);
  return NULL;
}

// The thread has its place and maps it, but the other one enters its own first.
static int os_answer(os_call_t* call) {
  if (call->kind == OS_MAP && armed && call->size >= MANY) {
    armed = false;
    check_in_thread(maps_another, NULL);
  }
  return OS_PASS;
}

int main(void) {
  armed = true;
  CHECK(ri_reserve_os_memory(MANY, false, false) == 0);
  CHECK(!armed && other != NULL);
  ri_free(other);
  CHECK(ri_audit());
  return 0;
}
