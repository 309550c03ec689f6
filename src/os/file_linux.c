// SPDX-License-Identifier: MIT
// file_linux.c: see file.h.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // O_CLOEXEC, O_NOFOLLOW, MAP_ANONYMOUS
#endif
#include "os/file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/bits.h"
#include "os/linux.h"
#include "os/os.h"
#include "os/sys.h"

enum { FILE_LIMIT = 1, FILE_WIPE_ON_FORK = 18 };  // RLIMIT_FSIZE, MADV_WIPEONFORK (4.14)
enum { FILE_LINE = 1024, FILE_NOTES = 1024, FILE_SEGMENTS = 64 };

static int file_open(const char* path, long flags) {
  const long fd = rix_sys_call(SYS_openat, AT_FDCWD, (long)path, flags | O_CLOEXEC, 0600, 0, 0);
  return (int)fd;
}

int rix_os_file_create(const char* path) {
  return file_open(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW);
}

int rix_os_file_replace(const char* path) {
  const int saved = errno;
  (void)rix_sys_call(SYS_unlinkat, AT_FDCWD, (long)path, 0, 0, 0, 0);
  errno = saved;
  return file_open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW);
}

int rix_os_file_open(const char* path) { return file_open(path, O_RDONLY); }

void rix_os_file_close(int file) {
  const int saved = errno;
  rix_sys_call(SYS_close, file, 0, 0, 0, 0, 0);
  errno = saved;
}

bool rix_os_file_write(int file, const void* data, size_t size) {
  const int saved = errno;
  const uint8_t* at = data;
  while (size > 0) {
    const long n = rix_sys_call(SYS_write, file, (long)at, (long)size, 0, 0, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      if (n == 0) errno = ENOSPC;
      return false;
    }
    at += n;
    size -= (size_t)n;
  }
  errno = saved;
  return true;
}

static bool file_seek(int file, uint64_t offset) {
#if defined(SYS__llseek)
  uint64_t now;
  return rix_sys_call(SYS__llseek, file, (long)(offset >> 32), (long)offset, (long)&now, 0, 0) == 0;
#else
  return rix_sys_call(SYS_lseek, file, (long)offset, 0, 0, 0, 0) >= 0;  // SEEK_SET is 0
#endif
}

size_t rix_os_file_read_at(int file, void* data, size_t size, uint64_t offset) {
  const int saved = errno;
  size_t done = 0;
  if (file_seek(file, offset)) {
    while (done < size) {
      uint8_t* const at = (uint8_t*)data + done;
      const long n = rix_sys_call(SYS_read, file, (long)at, (long)(size - done), 0, 0, 0);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      done += (size_t)n;
    }
  }
  errno = saved;
  return done;
}

// Takes the room on the disk at once: a store to a mapped file that finds none would be a SIGBUS,
// as a longer file than RLIMIT_FSIZE is a SIGXFSZ.
static bool file_extend(int file, size_t size) {
  struct {
    uint64_t now, most;
  } limit = {UINT64_MAX, UINT64_MAX};
  (void)rix_sys_call(SYS_prlimit64, 0, FILE_LIMIT, 0, (long)&limit, 0, 0);
  if (size > limit.now) {
    errno = EFBIG;
    return false;
  }
#if defined(__LP64__)
  if (rix_sys_call(SYS_fallocate, file, 0, 0, (long)size, 0, 0) == 0) return true;
#else
  if (rix_sys_call(SYS_fallocate, file, 0, 0, 0, (long)size, 0) == 0) return true;
#endif
  if (errno != EOPNOTSUPP) return false;  // the file system does not know it
  return rix_sys_call(SYS_ftruncate, file, (long)size, 0, 0, 0, 0) == 0;
}

void* rix_os_file_map(int file, size_t size) {
  if (!file_extend(file, size)) return NULL;
  void* const p = rix_sys_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  return p != MAP_FAILED ? p : NULL;
}

void* rix_os_file_map_read(int file, size_t* size) {
  uint8_t byte;
  size_t low = 0;  // there are at least so many bytes
  for (size_t step = (size_t)1 << (sizeof(size_t) * 8 - 2); step > 0; step /= 2)
    if (rix_os_file_read_at(file, &byte, 1, low + step - 1) == 1) low += step;
  *size = low;
  if (low == 0) {
    errno = EINVAL;
    return NULL;
  }
  void* const p = rix_sys_mmap(NULL, low, PROT_READ, MAP_PRIVATE, file, 0);
  return p != MAP_FAILED ? p : NULL;
}

// ---- Who and when -------------------------------------------------------------------------------

bool rix_os_process_exists(uint32_t id) {
  const int saved = errno;
  const bool exists = rix_sys_call(SYS_kill, (long)id, 0, 0, 0, 0, 0) == 0 || errno == EPERM;
  errno = saved;
  return exists;
}

ri_atomic_u32_t* rix_os_own_page(ri_atomic_u32_t* page) {
  const int saved = errno;
  if (page == NULL) {
    page = rix_os_map(NULL, rix_os_page_size(), RIX_OS_USABLE);
    if (page != NULL && rix_sys_madvise(page, rix_os_page_size(), FILE_WIPE_ON_FORK) != 0) {
      (void)rix_os_unmap(page, rix_os_page_size());
      page = NULL;
    }
  }
  if (page != NULL) ri_store_relaxed(page, 1);
  errno = saved;
  return page;
}

uint32_t rix_os_process_id(void) { return (uint32_t)rix_sys_call(SYS_getpid, 0, 0, 0, 0, 0, 0); }

void rix_os_exit(int code) {
  while (true)
    rix_sys_call(SYS_exit_group, code, 0, 0, 0, 0, 0);
}

uint32_t rix_os_thread_id(void) { return (uint32_t)rix_sys_call(SYS_gettid, 0, 0, 0, 0, 0, 0); }

static uint64_t file_clock_us(clockid_t clock) {
  const int saved = errno;
  struct timespec t = {0, 0};
  (void)rix_sys_clock_gettime(clock, &t);
  errno = saved;
  return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t rix_os_wall_ms(void) { return file_clock_us(CLOCK_REALTIME) / 1000; }

uint64_t rix_os_clock_us(void) { return file_clock_us(CLOCK_MONOTONIC); }

static uint64_t file_number(const char** at, unsigned base) {
  uint64_t v = 0;
  for (;; ++*at) {
    const char c = **at;
    const unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                           : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                  : 16;
    if (digit >= base) return v;
    v = v * base + digit;
  }
}

size_t rix_os_resident(void) {
  char text[128];
  rix_linux_read_file("/proc/self/statm", text, sizeof(text));
  const char* at = text;
  (void)file_number(&at, 10);
  if (*at != ' ') return 0;
  at++;
  return (size_t)file_number(&at, 10) * rix_os_page_size();
}

void rix_os_program(char* path, size_t capacity) {
  const int saved = errno;
  const long n = rix_sys_call(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)path,
                              (long)capacity - 1, 0, 0);
  path[n > 0 ? n : 0] = '\0';
  errno = saved;
}

// ---- Modules ------------------------------------------------------------------------------------

// "start-end rwxp offset device inode    path". False: not code of a file.
static bool file_parse_module(char* line, rix_os_module_t* module) {
  const char* at = line;
  module->start = file_number(&at, 16);
  if (*at++ != '-') return false;
  module->end = file_number(&at, 16);
  if (at[0] != ' ' || at[3] != 'x') return false;
  at += 6;
  module->offset = file_number(&at, 16);
  while (*at != '\0' && *at != '/' && *at != '[')
    at++;
  module->path = at;
  return *at != '\0';
}

bool rix_os_modules(bool (*take)(const rix_os_module_t* module, void* arg), void* arg) {
  const int saved = errno;
  const int file = rix_os_file_open("/proc/self/maps");
  errno = saved;
  if (file < 0) return false;
  char text[FILE_LINE];
  size_t length = 0;
  bool more = true;
  while (more) {
    const long n = rix_sys_call(SYS_read, file, (long)(text + length),
                                (long)(sizeof(text) - 1 - length), 0, 0, 0);
    if (n <= 0) break;
    length += (size_t)n;
    text[length] = '\0';
    char* line = text;
    for (char* end; more && (end = __builtin_strchr(line, '\n')) != NULL; line = end + 1) {
      *end = '\0';
      rix_os_module_t module;
      if (file_parse_module(line, &module)) more = take(&module, arg);
    }
    if (line == text && length == sizeof(text) - 1) line = text + length;  // of a line, the rest
    length -= (size_t)(line - text);
    __builtin_memmove(text, line, length);
  }
  rix_os_file_close(file);
  errno = saved;
  return true;
}

static size_t file_find_note(const uint8_t* notes, size_t size, uint8_t* id, size_t capacity) {
  size_t at = 0;
  while (size - at >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    __builtin_memcpy(&note, notes + at, sizeof(note));
    at += sizeof(note);
    const size_t name = rix_align_up(note.n_namesz, 4);
    const size_t body = rix_align_up(note.n_descsz, 4);
    if (name > size - at || body > size - at - name) return 0;
    const bool ours = note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
                      __builtin_memcmp(notes + at, "GNU", 4) == 0;
    if (ours && note.n_descsz <= capacity) {
      __builtin_memcpy(id, notes + at + name, note.n_descsz);
      return note.n_descsz;
    }
    at += name + body;
  }
  return 0;
}

size_t rix_os_build_id(const char* path, uint8_t* id, size_t capacity) {
  const int saved = errno;
  const int file = path[0] == '/' ? rix_os_file_open(path) : -1;
  errno = saved;
  if (file < 0) return 0;
  ElfW(Ehdr) header;
  size_t found = 0;
  const bool elf = rix_os_file_read_at(file, &header, sizeof(header), 0) == sizeof(header) &&
                   __builtin_memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
                   header.e_phentsize == sizeof(ElfW(Phdr));
  for (size_t i = 0; elf && found == 0 && i < header.e_phnum && i < FILE_SEGMENTS; i++) {
    ElfW(Phdr) segment;
    const uint64_t at = header.e_phoff + i * sizeof(segment);
    if (rix_os_file_read_at(file, &segment, sizeof(segment), at) != sizeof(segment)) break;
    if (segment.p_type != PT_NOTE) continue;
    uint8_t notes[FILE_NOTES];
    const size_t size = rix_min(segment.p_filesz, sizeof(notes));
    if (rix_os_file_read_at(file, notes, size, segment.p_offset) == size)
      found = file_find_note(notes, size, id, capacity);
  }
  rix_os_file_close(file);
  return found;
}
