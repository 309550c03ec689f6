// SPDX-License-Identifier: MIT
// tsan.c: what the functions that instrumented code calls come to here (verify/tsan_entries.h): an
// access of the simulated machine, after which other threads may have run; then the operation, which
// nobody interrupts, since there is only one real thread.
#include "coherence.h"

static void tsan_plain(const void* p, size_t size, bool write, const void* pc) {
  fibers_access(p, size, write ? CO_WRITE : CO_READ, pc);
}

static uint64_t tsan_get(const volatile void* p, unsigned size) {
  switch (size) {
    case 1:
      return *(const volatile uint8_t*)p;
    case 2:
      return *(const volatile uint16_t*)p;
    case 4:
      return *(const volatile uint32_t*)p;
    default:
      return *(const volatile uint64_t*)p;
  }
}

static void tsan_set(volatile void* p, unsigned size, uint64_t value) {
  switch (size) {
    case 1:
      *(volatile uint8_t*)p = (uint8_t)value;
      break;
    case 2:
      *(volatile uint16_t*)p = (uint16_t)value;
      break;
    case 4:
      *(volatile uint32_t*)p = (uint32_t)value;
      break;
    default:
      *(volatile uint64_t*)p = value;
  }
}

static uint64_t tsan_new_value(op_kind_t kind, uint64_t old, uint64_t value) {
  switch (kind) {
    case OP_ADD:
      return old + value;
    case OP_SUB:
      return old - value;
    case OP_AND:
      return old & value;
    case OP_OR:
      return old | value;
    case OP_XOR:
      return old ^ value;
    case OP_NAND:
      return ~(old & value);
    default:
      return value;  // OP_STORE, OP_EXCHANGE
  }
}

// A store that is sequentially consistent is an exchange on x86-64.
static co_use_t tsan_use(op_kind_t kind, int order) {
  if (kind == OP_LOAD) return CO_READ;
  return kind == OP_STORE && order != __ATOMIC_SEQ_CST ? CO_WRITE : CO_LOCKED;
}

static uint64_t tsan_do(op_kind_t kind, volatile void* p, unsigned size, uint64_t value, int order,
                        const void* pc) {
  fibers_access((const void*)p, size, tsan_use(kind, order), pc);
  const uint64_t old = tsan_get(p, size);
  if (kind != OP_LOAD) tsan_set(p, size, tsan_new_value(kind, old, value));
  return old;
}

// One that fails takes the line as well.
static bool tsan_cas(volatile void* p, unsigned size, uint64_t* expected, uint64_t value, int order,
                     int fail_order, bool weak, const void* pc) {
  (void)order, (void)fail_order, (void)weak;
  fibers_access((const void*)p, size, CO_LOCKED, pc);
  const uint64_t old = tsan_get(p, size);
  const bool done = old == *expected;
  if (done) tsan_set(p, size, value);
  *expected = old;
  return done;
}

static void tsan_fence(int order, const void* pc) {
  (void)pc;
  if (order == __ATOMIC_SEQ_CST) fibers_spend(CO_CYCLES_LOCKED);
}

#include "../../verify/tsan_entries.h"

TSAN_MEMORY(co)
