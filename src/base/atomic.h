// SPDX-License-Identifier: MIT
// atomic.h: atomic operations with the memory order in the name. An ri_atomic(T) is a structure
// (rimalloc/layout.h), so it cannot be touched by accident. There is no sequentially consistent
// operation and no fence: every protocol here is a release that is paired with an acquire, and the
// pair carries a label at both places (R1 pairs A1). tools/check-orders wants one at each operation
// that is not relaxed, and a mutant in verify/model/mutants that shows that the order is needed.
#ifndef RIX_BASE_ATOMIC_H
#define RIX_BASE_ATOMIC_H

#include "base/compiler.h"

// Stress builds (config.h): true about once in n times, never for 0; and a point where a thread may
// give way to others: every operation that orders something begins with it.
/*@ assigns \nothing; */
RIX_INTERNAL bool rix_stress_draw(uint32_t n);
/*@ assigns \nothing; */
RIX_INTERNAL void rix_stress_yield(void);
// Inlined in coverage builds too, or its condition would count there, which is a constant.
/*@ assigns \nothing; */
static inline __attribute__((always_inline)) bool rix_stress_chance(uint32_t n) {
  return n != 0 && rix_stress_draw(n);
}
/*@ assigns \nothing; */
RIX_INLINE void rix_stress_point(void) {
  if (rix_stress_chance(RIX_STRESS_YIELD)) rix_stress_yield();
}
/*@ assigns \nothing; */
RIX_INLINE bool rix_stress_refuses(void) {
  rix_stress_point();
  return rix_stress_chance(RIX_STRESS_CAS);
}

#define ri_load_acquire(x) (rix_stress_point(), __atomic_load_n(&(x)->v, __ATOMIC_ACQUIRE))
#define ri_store_release(x, value) \
  (rix_stress_point(), __atomic_store_n(&(x)->v, (value), __ATOMIC_RELEASE))
#define ri_exchange_acquire(x, value) \
  (rix_stress_point(), __atomic_exchange_n(&(x)->v, (value), __ATOMIC_ACQUIRE))
#define ri_exchange_release(x, value) \
  (rix_stress_point(), __atomic_exchange_n(&(x)->v, (value), __ATOMIC_RELEASE))
#define ri_exchange_acq_rel(x, value) \
  (rix_stress_point(), __atomic_exchange_n(&(x)->v, (value), __ATOMIC_ACQ_REL))
#define ri_exchange_relaxed(x, value) __atomic_exchange_n(&(x)->v, (value), __ATOMIC_RELAXED)
#define ri_fetch_add_relaxed(x, value) __atomic_fetch_add(&(x)->v, (value), __ATOMIC_RELAXED)
#define ri_fetch_add_release(x, value) \
  (rix_stress_point(), __atomic_fetch_add(&(x)->v, (value), __ATOMIC_RELEASE))
#define ri_fetch_sub_relaxed(x, value) __atomic_fetch_sub(&(x)->v, (value), __ATOMIC_RELAXED)
#define ri_fetch_or_relaxed(x, value) __atomic_fetch_or(&(x)->v, (value), __ATOMIC_RELAXED)
#define ri_fetch_or_release(x, value) \
  (rix_stress_point(), __atomic_fetch_or(&(x)->v, (value), __ATOMIC_RELEASE))
#define ri_fetch_and_relaxed(x, value) __atomic_fetch_and(&(x)->v, (value), __ATOMIC_RELAXED)
#define ri_fetch_and_acquire(x, value) \
  (rix_stress_point(), __atomic_fetch_and(&(x)->v, (value), __ATOMIC_ACQUIRE))
#define ri_cas_weak_relaxed(x, expected, desired)                                             \
  (!rix_stress_refuses() && __atomic_compare_exchange_n(&(x)->v, (expected), (desired), true, \
                                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
#define ri_cas_weak_acquire(x, expected, desired)                                             \
  (!rix_stress_refuses() && __atomic_compare_exchange_n(&(x)->v, (expected), (desired), true, \
                                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
#define ri_cas_weak_release(x, expected, desired)                                             \
  (!rix_stress_refuses() && __atomic_compare_exchange_n(&(x)->v, (expected), (desired), true, \
                                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED))
#define ri_cas_weak_acq_rel(x, expected, desired)                                             \
  (!rix_stress_refuses() && __atomic_compare_exchange_n(&(x)->v, (expected), (desired), true, \
                                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
#define ri_cas_strong_relaxed(x, expected, desired)                                    \
  __atomic_compare_exchange_n(&(x)->v, (expected), (desired), false, __ATOMIC_RELAXED, \
                              __ATOMIC_RELAXED)
#define ri_cas_strong_acquire(x, expected, desired)                                       \
  (rix_stress_point(), __atomic_compare_exchange_n(&(x)->v, (expected), (desired), false, \
                                                   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
#define ri_cas_strong_release(x, expected, desired)                                       \
  (rix_stress_point(), __atomic_compare_exchange_n(&(x)->v, (expected), (desired), false, \
                                                   __ATOMIC_RELEASE, __ATOMIC_RELAXED))

// Raises a value to at least another, or lowers it to at most another: what stays is the greatest,
// or the least, of all that any thread gave.
#define ri_raise_relaxed(x, value)                                       \
  do {                                                                   \
    const __typeof__((x)->v) value_ = (value);                           \
    __typeof__((x)->v) seen_ = ri_load_relaxed(x);                       \
    while (value_ > seen_ && !ri_cas_weak_relaxed(x, &seen_, value_)) {} \
  } while (0)
#define ri_lower_relaxed(x, value)                                       \
  do {                                                                   \
    const __typeof__((x)->v) value_ = (value);                           \
    __typeof__((x)->v) seen_ = ri_load_relaxed(x);                       \
    while (value_ < seen_ && !ri_cas_weak_relaxed(x, &seen_, value_)) {} \
  } while (0)

// A flag that is exchanged: a word, since gcc for riscv64 has smaller exchanges only in libatomic.
typedef ri_atomic(uint32_t) rix_flag_t;

typedef ri_atomic(size_t) rix_counter_t;  // statistics: relaxed, orders nothing

RIX_INLINE void rix_counter_add(rix_counter_t* c, size_t n) { ri_fetch_add_relaxed(c, n); }
RIX_INLINE void rix_counter_sub(rix_counter_t* c, size_t n) { ri_fetch_sub_relaxed(c, n); }
RIX_INLINE size_t rix_counter_get(rix_counter_t* c) { return ri_load_relaxed(c); }

#endif
