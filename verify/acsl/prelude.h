// SPDX-License-Identifier: MIT
// prelude.h: what Frama-C sees before every source file. Atomics get their sequential meaning
// (verify/model explores what several threads do to a word); compiler built-ins get contracts.
#ifndef RIMALLOC_VERIFY_PRELUDE_H
#define RIMALLOC_VERIFY_PRELUDE_H

// Layout is checked by the compilers; Frama-C 25 does not know that alignment pads a structure.
#define _Static_assert(e, text) struct prelude_layout

#define __atomic_load_n(p, order) (*(p))
#define __atomic_store_n(p, value, order) (*(p) = (value))
#define __atomic_exchange_n(p, value, order) \
  ({                                         \
    typeof(*(p)) old_ = *(p);                \
    *(p) = (value);                          \
    old_;                                    \
  })
#define ATOMIC_FETCH(p, op, value)         \
  ({                                       \
    typeof(*(p)) old_ = *(p);              \
    *(p) = (typeof(*(p)))(old_ op(value)); \
    old_;                                  \
  })
#define __atomic_fetch_add(p, value, order) ATOMIC_FETCH(p, +, value)
#define __atomic_fetch_sub(p, value, order) ATOMIC_FETCH(p, -, value)
#define __atomic_fetch_or(p, value, order) ATOMIC_FETCH(p, |, value)
#define __atomic_fetch_and(p, value, order) ATOMIC_FETCH(p, &, value)
#define __atomic_compare_exchange_n(p, expected, desired, weak, success, failure) \
  ({                                                                              \
    _Bool same_ = *(p) == *(expected);                                            \
    if (same_) {                                                                  \
      *(p) = (desired);                                                           \
    } else {                                                                      \
      *(expected) = *(p);                                                         \
    }                                                                             \
    same_;                                                                        \
  })

#endif
