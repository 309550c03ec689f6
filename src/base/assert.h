// SPDX-License-Identifier: MIT
// assert.h: RI_ASSERT (cheap, debug builds) and RI_AUDIT (walks structures, audit builds). In
// release the operand is still compiled, so it cannot rot, but never evaluated.
#ifndef RIX_BASE_ASSERT_H
#define RIX_BASE_ASSERT_H

#include "base/compiler.h"

// Prints the failed condition and aborts. Allocates nothing.
/*@ requires \false;
    assigns \nothing; */
RIX_INTERNAL RIX_SLOW __attribute__((noreturn)) void rix_assert_failed(const char* condition,
                                                                       const char* file, int line);

#define RIX_CHECK_IF(enabled, e) \
  ((!(enabled) || RIX_LIKELY(e)) ? (void)0 : rix_assert_failed(#e, __FILE__, __LINE__))

#define RI_ASSERT(e) RIX_CHECK_IF(RIX_DEBUG >= 1, e)
#define RI_AUDIT(e) RIX_CHECK_IF(RIX_DEBUG >= 2, e)

#endif
