// SPDX-License-Identifier: MIT
// file.h: files, for what is written about a process: profiles. Unlike the C library's functions
// these are no cancellation points and nothing wraps them; they may be called anywhere. errno is
// set where they say so, and stays as it was where they succeed.
#ifndef RIX_OS_FILE_H
#define RIX_OS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/os.h"
#include "base/compiler.h"

// A new file, or an existing one of this user's, emptied; never through a symbolic link. For
// reading and writing, by this user alone. -1, and errno: refused.
RIX_INTERNAL int rix_os_file_create(const char* path);
// A new file in the place of what has the name, which stays as it is for whoever has it open.
RIX_INTERNAL int rix_os_file_replace(const char* path);
// An existing one, for reading. -1, and errno: refused.
RIX_INTERNAL int rix_os_file_open(const char* path);
RIX_INTERNAL void rix_os_file_close(int file);
// False, and errno: not all of it was written.
RIX_INTERNAL bool rix_os_file_write(int file, const void* data, size_t size);
// Up to `size` bytes from an offset on; how many there were, 0 also for an error.
RIX_INTERNAL size_t rix_os_file_read_at(int file, void* data, size_t size, uint64_t offset);

// Makes a file as long as that, with all its room on the disk, and maps it: what is stored there is
// in the file, whatever becomes of the process. NULL, and errno: refused, or there is no room.
RIX_INTERNAL void* rix_os_file_map(int file, size_t size);
// Maps a file for reading; *size: how long it is. NULL, and errno: refused.
RIX_INTERNAL void* rix_os_file_map_read(int file, size_t* size);

// An OS page that holds 1 here, also in a child that calls this with the page, and 0 in every other
// copy of the address space. NULL: the OS has none.
RIX_INTERNAL ri_atomic_u32_t* rix_os_own_page(ri_atomic_u32_t* page);

// This process, the calling thread, and the time since 1970.
RIX_INTERNAL bool rix_os_process_exists(uint32_t id);
RIX_INTERNAL uint32_t rix_os_process_id(void);
RIX_INTERNAL uint32_t rix_os_thread_id(void);
RIX_INTERNAL uint64_t rix_os_wall_ms(void);
RIX_INTERNAL uint64_t rix_os_clock_us(void);  // monotonic, exact
RIX_INTERNAL size_t rix_os_resident(void);    // bytes of this process; 0: the OS does not tell

RIX_INTERNAL __attribute__((noreturn)) void rix_os_exit(int code);  // at once

// The program's path, terminated; empty where the OS does not tell.
RIX_INTERNAL void rix_os_program(char* path, size_t capacity);

// A mapping of code.
typedef struct rix_os_module_s {
  uint64_t start, end, offset;
  const char* path;  // terminated
} rix_os_module_t;
// Calls `take` for each, in the order of addresses, until it returns false. False: the OS does not
// tell. At most 4 KiB of stack.
RIX_INTERNAL bool rix_os_modules(bool (*take)(const rix_os_module_t* module, void* arg), void* arg);
// The build id of an executable file; its length, 0 without one.
RIX_INTERNAL size_t rix_os_build_id(const char* path, uint8_t* id, size_t capacity);

#endif
