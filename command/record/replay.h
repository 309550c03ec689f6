// SPDX-License-Identifier: MIT
// replay.h: makes the calls of a plan (plan.h), with the allocator that the program runs on.
#ifndef RIX_REPLAY_H
#define RIX_REPLAY_H

#include "plan.h"

// What is done with blocks besides.
typedef enum replay_touch_e {
  REPLAY_TOUCH_NONE,
  REPLAY_TOUCH_PAGES,  // a byte in each OS page is written, and the last one
  REPLAY_TOUCH_ALL     // all bytes are
} replay_touch_t;

typedef struct replay_result_s {
  double seconds, cpu_seconds;  // from the first call to the end of the last thread
  uint64_t calls, failed;       // calls that returned NULL
  uint64_t spoilt;              // blocks that did not have what had been written into them
  uint64_t waits;               // calls that waited for another thread's
  uint64_t faults;
  uint64_t peak, resident;  // bytes: at most, at the end; without the replayer's own table
  char allocator[512];      // the file that malloc is in
} replay_result_t;

// NULL, or what went wrong.
const char* replay_run(const char* path, replay_touch_t touch, replay_result_t* result);

#endif
