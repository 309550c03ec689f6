// SPDX-License-Identifier: MIT
// weaker.h: an operation for mutants, appended to their copy of base/atomic.h: a compare-and-swap
// without the compare.
#define ri_cas_blind(x, expected, desired) \
  (__atomic_store_n(&(x)->v, (desired), __ATOMIC_RELEASE), (void)(expected), true)
