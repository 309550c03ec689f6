// SPDX-License-Identifier: MIT
// tsan.c: what the functions that instrumented code calls (tsan_entries.h) do in the explorer.
#include <string.h>

#include "explorer.h"

void tsan_plain(const void* p, size_t size, bool write, const void* pc) {
  const uintptr_t a = (uintptr_t)p;
  if (!memory_tracked(a)) return;
  if (ex.current >= 0) {
    if (write) fork_stop_point();
    if (ex.tracing) trace_plain(a, size, write, pc);
    if (write) location_check_plain_write(a, size);
    race_access(a, size, write ? ACCESS_WRITE : ACCESS_READ, pc);
  }
  if (write) memory_log(p, size);
}

static uint64_t tsan_do(op_kind_t kind, volatile void* p, unsigned size, uint64_t value, int order,
                        const void* pc) {
  const op_t op = {kind, (void*)p, size, order, order, false, value, 0, pc};
  bool success;
  return threads_perform(&op, &success);
}

static bool tsan_cas(volatile void* p, unsigned size, uint64_t* expected, uint64_t value, int order,
                     int fail_order, bool weak, const void* pc) {
  const op_t op = {OP_CAS, (void*)p, size, order, fail_order, weak, value, *expected, pc};
  bool success;
  *expected = threads_perform(&op, &success);
  return success;
}

static void tsan_fence(int order, const void* pc) {
  const op_t op = {OP_FENCE, NULL, 0, order, order, false, 0, 0, pc};
  bool success;
  threads_perform(&op, &success);
}

#include "../tsan_entries.h"

TSAN_MEMORY(model)

void model_reads(const void* p, size_t size) { tsan_plain(p, size, false, PC); }
void model_writes(void* p, size_t size) { tsan_plain(p, size, true, PC); }

unsigned model_choose(unsigned n) {
  if (n < 2) return 0;
  const op_t op = {OP_CHOOSE, NULL, 0, 0, 0, false, n, 0, PC};
  bool success;
  return (unsigned)threads_perform(&op, &success);
}
