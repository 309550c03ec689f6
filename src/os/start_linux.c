// SPDX-License-Identifier: MIT
// start_linux.c: facts about the process that are read once, by rix_os_start, and only looked up
// later. A program may close doors after that: install a filter that kills on system calls, give up
// /proc, be in a place where nothing may be called that another library wraps.
//
// The auxiliary vector is read by getauxval, which such a library could have replaced too, by a
// function that allocates: each fact has a value until it is known that is right enough for that
// (a page size that every kernel's divides, no limit, no randomness, an environment that cannot be
// read yet), and the flag is set before anything is asked.
//
// CONCURRENCY: any thread. Facts are single words; a thread that looks while another reads them for
// the first time sees those values.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // environ
#endif
#include <errno.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bits.h"
#include "os/linux.h"
#include "os/os.h"
#include "os/sys.h"

enum { START_PAGE_LARGEST = 65536 };

static struct {
  rix_flag_t xread;
  ri_atomic(size_t) xpage_size;    // 0 unknown
  ri_atomic(uint64_t) xrandom[2];  // 0 unknown
  ri_atomic(uint64_t) xturn;       // of random numbers
  ri_atomic(uintptr_t) xstack;     // an address near the end of the address space; 0 unknown
  ri_atomic(uint32_t) xsecure;     // 0 unknown, 1 no, 2 yes
  ri_atomic(uint32_t) xstrict;     // 0 unknown, 1 no, 2 yes
  ri_atomic(size_t) xspace_limit;  // 0 unknown or none
  rix_flag_t xdata_limited;        // what can be written counts against a limit
} facts;

// open, read, write and close are cancellation points, and a thread that was cancelled inside
// malloc would leave locks taken: these are not.
void rix_linux_read_file(const char* path, char* text, size_t capacity) {
  const int saved = errno;
  size_t length = 0;
  const long flags = O_RDONLY | O_CLOEXEC;
  const long fd = rix_sys_call(SYS_openat, AT_FDCWD, (long)path, flags, 0, 0, 0);
  if (fd >= 0) {
    const long n = rix_sys_call(SYS_read, fd, (long)text, (long)capacity - 1, 0, 0, 0);
    if (n > 0) length = (size_t)n;
    rix_sys_call(SYS_close, fd, 0, 0, 0, 0, 0);
  }
  text[length] = '\0';
  errno = saved;
}

static void start_read_vector(void) {
  const size_t page = (size_t)getauxval(AT_PAGESZ);
  ri_store_relaxed(&facts.xpage_size, page != 0 ? page : 4096);
  const uintptr_t bytes = (uintptr_t)getauxval(AT_RANDOM);  // of 16 bytes, not aligned
  if (bytes != 0) {
    uint64_t words[2];
    __builtin_memcpy(words, (const void*)bytes, sizeof(words));
    ri_store_relaxed(&facts.xrandom[0], words[0]);
    ri_store_relaxed(&facts.xrandom[1], words[1]);
  }
  ri_store_relaxed(&facts.xstack, bytes);
  ri_store_relaxed(&facts.xsecure, getauxval(AT_SECURE) == 0 ? 1 : 2);
  rix_sys_start((uintptr_t)getauxval(AT_SYSINFO_EHDR));
}

static size_t start_limit(int resource) {
  uint64_t limit[2] = {UINT64_MAX, UINT64_MAX};  // now, and the maximum
  const long known = rix_sys_call(SYS_prlimit64, 0, resource, 0, (long)limit, 0, 0);
  return known == 0 && limit[0] < SIZE_MAX ? (size_t)limit[0] : SIZE_MAX;
}

// Arenas are mapped for writing, so a limit on such memory is one on their addresses.
static void start_read_limits(void) {
  const size_t space = start_limit(RLIMIT_AS), data = start_limit(RLIMIT_DATA);
  const size_t least = rix_min(space, data);
  if (least != SIZE_MAX) ri_store_relaxed(&facts.xspace_limit, least);
  if (data != SIZE_MAX) ri_store_relaxed(&facts.xdata_limited, 1);
}

static void start_read_commit(void) {
  char text[8];
  rix_linux_read_file("/proc/sys/vm/overcommit_memory", text, sizeof(text));
  ri_store_relaxed(&facts.xstrict, text[0] == '2' ? 2 : 1);
}

static RIX_SLOW void start_read(void) {
  if (ri_exchange_relaxed(&facts.xread, 1)) return;
  const int saved = errno;
  ri_store_relaxed(&facts.xpage_size, START_PAGE_LARGEST);
  start_read_vector();
  start_read_limits();
  start_read_commit();
  errno = saved;
}

void rix_os_start(void) {
  if (RIX_UNLIKELY(ri_load_relaxed(&facts.xread) == 0)) start_read();
}

size_t rix_os_page_size(void) {
  const size_t size = ri_load_relaxed(&facts.xpage_size);
  if (RIX_LIKELY(size != 0)) return size;
  rix_os_start();
  const size_t read = ri_load_relaxed(&facts.xpage_size);
  return read != 0 ? read : START_PAGE_LARGEST;
}

// Kernels for arm64 and riscv64 differ (39, 42, 48 bits; 38, 47) and do not say it, but the first
// stack, with the random bytes on it, lies at the end of the address space. On x86-64 all processes
// have the same, and tools that run them, as Valgrind, put stacks elsewhere.
unsigned rix_os_address_bits(void) {
  if (RIX_OS_ADDRESS_BITS <= 47) return RIX_OS_ADDRESS_BITS;
  rix_os_start();
  const uintptr_t stack = ri_load_relaxed(&facts.xstack);
  if (stack == 0) return RIX_OS_ADDRESS_BITS;
  return (unsigned)rix_min(rix_bsr(stack) + 1, RIX_OS_ADDRESS_BITS);
}

bool rix_os_strict_commit(void) {
  rix_os_start();
  return ri_load_relaxed(&facts.xstrict) == 2;
}

size_t rix_os_address_space_limit(void) {
  rix_os_start();
  const size_t limit = ri_load_relaxed(&facts.xspace_limit);
  return limit != 0 ? limit : SIZE_MAX;
}

bool rix_linux_data_is_limited(void) { return ri_load_relaxed(&facts.xdata_limited) != 0; }

static uint64_t start_mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
  x = (x ^ x >> 27) * 0x94D049BB133111EBu;
  return x ^ x >> 31;
}

// What the OS gave this process keeps it secret; the turn tells two of the same moment apart. (No
// finer clock: where a filter forbids all but a few system calls, reading one is forbidden too.)
uint64_t rix_os_random(void) {
  rix_os_start();
  const uint64_t turn = ri_fetch_add_relaxed(&facts.xturn, 0x9E3779B97F4A7C15u);
  const uint64_t x = start_mix(rix_os_clock_ms() ^ turn) ^ ri_load_relaxed(&facts.xrandom[0]);
  return start_mix(start_mix(x) + ri_load_relaxed(&facts.xrandom[1]));
}

void rix_os_random_after_fork(void) {
  const uint64_t pid = (uint64_t)rix_sys_call(SYS_getpid, 0, 0, 0, 0, 0, 0);
  ri_fetch_add_relaxed(&facts.xturn, start_mix(pid + 1));
}

bool rix_os_env_ready(void) { return environ != NULL && ri_load_relaxed(&facts.xsecure) != 0; }

bool rix_os_is_privileged(void) { return ri_load_relaxed(&facts.xsecure) != 1; }

const char* rix_os_env_entry(size_t i) {
  return rix_os_env_ready() && ri_load_relaxed(&facts.xsecure) == 1 ? environ[i] : NULL;
}
