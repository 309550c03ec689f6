// SPDX-License-Identifier: MIT
// eh_frame.h: reads the tables by which exceptions find their way (.eh_frame_hdr, .eh_frame) for
// one question: where a function of x86-64 keeps its return address and its caller's rbp.
//
// INVARIANT: nothing outside of [low, high) of the image is read, whatever is in there.
// CONCURRENCY: any thread; no locks, no memory of its own.
#ifndef RIX_OS_EH_FRAME_H
#define RIX_OS_EH_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

typedef enum rix_eh_kind_e {
  RIX_EH_UNKNOWN,  // no table has it, or it says something that is not understood: stop
  RIX_EH_RSP,      // CFA = rsp + offset
  RIX_EH_RBP,      // CFA = rbp + offset
  RIX_EH_RBP_AT,   // CFA = what is at rbp + offset (frames that were realigned)
  RIX_EH_PLT,      // CFA = rsp + 8, and 8 more from the 11th byte of an entry
  RIX_EH_SIGNAL,   // the frame that the kernel made for a signal handler
  RIX_EH_END       // the outermost function
} rix_eh_kind_t;

enum { RIX_EH_RBP_SAME = 0x7FFF, RIX_EH_RBP_HERE = 0x7FFE };

// How to get from a frame to its caller's: the return address is at CFA - 8, the caller's rsp is
// the CFA. Of 8 bytes, so that it can be read and written at once.
typedef struct rix_eh_rule_s {
  uint8_t kind;    // rix_eh_kind_t
  uint8_t tag;     // the caller's
  int16_t rbp;     // the caller's rbp is at CFA + 8 * rbp; or at rbp (HERE), or unchanged (SAME)
  int32_t offset;  // in bytes
} rix_eh_rule_t;

// What is mapped of a program or library.
typedef struct rix_eh_image_s {
  uintptr_t low, high;  // what may be read
  uintptr_t header;     // its .eh_frame_hdr
} rix_eh_image_t;

// The rule for the instruction at pc.
RIX_INTERNAL rix_eh_rule_t rix_eh_find(rix_eh_image_t image, uintptr_t pc);

#endif
