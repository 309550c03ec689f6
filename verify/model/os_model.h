// SPDX-License-Identifier: MIT
// os_model.h: what a scenario may tell the model's operating system, in set-up.
#ifndef MODEL_OS_MODEL_H
#define MODEL_OS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct os_model_s {
  size_t address_space;   // limit, in bytes
  uint64_t clock_ms;      // the time
  bool strict_commit;     // reserved memory must be committed before use
  bool refuse_memory;     // maps and commits nothing from now on
  bool refuse_commit;     // of reserved memory
  bool places;            // puts mappings where they are asked to, if that is free
  bool messages_allowed;  // else a warning or an error of the allocator is a failure
  void (*exit)(void*);    // what the allocator asked for
  void (*fork_before)(void);
  void (*fork_parent)(void);
  void (*fork_child)(void);
} os_model_t;

extern os_model_t os_model;

void os_model_init(void);
void os_model_on_exit(void (*done)(void* value));
void os_model_keep(void* value);  // the calling thread's, for `exit`
void os_model_thread_exit(void);  // what the OS does when the calling thread ends

#endif
