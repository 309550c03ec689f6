// SPDX-License-Identifier: MIT
// files.c: what the allocator reads and writes by system calls of its own: the list of NUMA nodes,
// the size of the process, messages. Files that say odd things or cannot be read, writes that are
// interrupted, come short or fail. Catches: a node too few, a message that is lost after a signal,
// one that is tried for ever.
#include "../check.h"

#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>

void* __real_mmap(void* at, size_t size, int access, int flags, int fd, off_t offset);
int __real_munmap(void* p, size_t size);
int __real_mprotect(void* p, size_t size, int access);
int __real_madvise(void* p, size_t size, int advice);
void* __real_mremap(void* p, size_t old_size, size_t new_size, int flags, ...);
int __real_pthread_setspecific(pthread_key_t key, const void* value);
int __real_pthread_key_create(pthread_key_t* key, void (*done)(void*));
int __real_clock_gettime(clockid_t clock, struct timespec* t);
long __real_syscall(long number, ...);
int __real_getrlimit(int resource, struct rlimit* limit);
void* __wrap_mmap(void* at, size_t size, int access, int flags, int fd, off_t offset);
int __wrap_munmap(void* p, size_t size);
int __wrap_mprotect(void* p, size_t size, int access);
int __wrap_madvise(void* p, size_t size, int advice);
void* __wrap_mremap(void* p, size_t old_size, size_t new_size, int flags, ...);
int __wrap_pthread_setspecific(pthread_key_t key, const void* value);
int __wrap_pthread_key_create(pthread_key_t* key, void (*done)(void*));
int __wrap_clock_gettime(clockid_t clock, struct timespec* t);
long __wrap_syscall(long number, ...);
int __wrap_getrlimit(int resource, struct rlimit* limit);

enum { POPULATE = 23 };

static size_t huge_left;   // pages of 1 GiB that mmap hands out
static const char* nodes;  // what the list of nodes says; NULL: the file cannot be opened
static bool statm_is_unreadable;
static size_t interrupt, shorten, fail;  // so many of the next writes
static size_t write_calls;
static char written[4096];
static size_t written_length;
static bool captures;

void* __wrap_mmap(void* at, size_t size, int access, int flags, int fd, off_t offset) {
  if ((flags & MAP_HUGETLB) == 0) return __real_mmap(at, size, access, flags, fd, offset);
  errno = ENOMEM;
  if (huge_left == 0) return MAP_FAILED;
  huge_left--;
  const int plain = flags & ~(MAP_HUGETLB | MAP_POPULATE | (63 << 26));
  return __real_mmap(at, size, access, plain | MAP_NORESERVE, fd, offset);
}
int __wrap_munmap(void* p, size_t size) { return __real_munmap(p, size); }
int __wrap_mprotect(void* p, size_t size, int access) { return __real_mprotect(p, size, access); }
int __wrap_madvise(void* p, size_t size, int advice) {
  return advice == POPULATE ? 0 : __real_madvise(p, size, advice);  // gigabytes
}
void* __wrap_mremap(void* p, size_t old_size, size_t new_size, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  void* const to = (flags & MREMAP_FIXED) != 0 ? va_arg(arguments, void*) : NULL;
  va_end(arguments);
  return __real_mremap(p, old_size, new_size, flags, to);
}
int __wrap_pthread_setspecific(pthread_key_t key, const void* value) {
  return __real_pthread_setspecific(key, value);
}
int __wrap_pthread_key_create(pthread_key_t* key, void (*done)(void*)) {
  return __real_pthread_key_create(key, done);
}
int __wrap_clock_gettime(clockid_t clock, struct timespec* t) {
  return __real_clock_gettime(clock, t);
}
int __wrap_getrlimit(int resource, struct rlimit* limit) {
  return __real_getrlimit(resource, limit);
}

static long open_file(const char* path, long a[6]) {
  if (strstr(path, "/node/online") == NULL) return __real_syscall(SYS_openat, a[0], path, a[2]);
  errno = ENOENT;
  if (nodes == NULL) return -1;
  const int fd = memfd_create("nodes", MFD_CLOEXEC);
  const size_t length = strlen(nodes);
  CHECK(fd >= 0 && write(fd, nodes, length) == (ssize_t)length && lseek(fd, 0, SEEK_SET) == 0);
  return fd;
}

static long write_text(const char* text, size_t length) {
  write_calls++;
  errno = EINTR;
  if (interrupt > 0 && interrupt-- > 0) return -1;
  errno = EBADF;
  if (fail > 0 && fail-- > 0) return -1;
  if (shorten > 0 && shorten-- > 0) length = 1;
  CHECK(written_length + length < sizeof(written));
  memcpy(written + written_length, text, length);
  written_length += length;
  written[written_length] = '\0';
  return (long)length;
}

// All arguments of a system call are words.
long __wrap_syscall(long number, ...) {
  va_list arguments;
  long a[6];
  va_start(arguments, number);
  for (int i = 0; i < 6; i++)
    a[i] = va_arg(arguments, long);
  va_end(arguments);
  if (number == SYS_openat) return open_file((const char*)a[1], a);
  if (number == SYS_read && statm_is_unreadable) return 0;
  if (number == SYS_write && captures) return write_text((const char*)a[1], (size_t)a[2]);
  return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

// A page for each node shows how many there are.
static void expect_nodes(const char* list, size_t count) {
  nodes = list;
  huge_left = 100;
  CHECK(ri_reserve_huge_os_pages_interleave(count, 0, 0) == 0 && huge_left == 100 - count);
  const size_t before = check_summary().arenas;
  CHECK(ri_reserve_huge_os_pages_interleave(20, 0, 100) == 0);
  CHECK_MSG(check_summary().arenas == before + count, "%s: %zu arenas", list == NULL ? "-" : list,
            check_summary().arenas - before);
}

static void node_lists(void) {
  expect_nodes("0\n", 1);
  expect_nodes("0-1\n", 2);
  expect_nodes("0-1,3\n", 4);
  expect_nodes("0,10-11\n", 12);
  expect_nodes("", 1);
  expect_nodes(NULL, 1);
  // Fewer nodes than there are; and pages run out at the second node.
  nodes = "0-3";
  huge_left = 3;
  CHECK(ri_reserve_huge_os_pages_interleave(4, 2, 0) == 0 && huge_left == 0);
  huge_left = 1;
  CHECK(ri_reserve_huge_os_pages_interleave(2, 2, 0) == ENOMEM);
}

static void size_of_process(void) {
  statm_is_unreadable = true;
  size_t resident = 1, peak = 0;
  ri_process_info(NULL, NULL, NULL, &resident, &peak, NULL, NULL, NULL);
  CHECK(resident == 0 && peak > 0);
  statm_is_unreadable = false;
  ri_process_info(NULL, NULL, NULL, &resident, NULL, NULL, NULL, NULL);
  CHECK(resident > 0);
}

static void report(void) {
  written_length = write_calls = 0;
  errno = 4242;
  ri_free(check_hide_pointer(0x12345678));
  CHECK_ERRNO(4242);
}

static void messages(void) {
  captures = true;
  report();
  CHECK(strstr(written, "invalid pointer 0x12345678") != NULL &&
        written[written_length - 1] == '\n');
  const size_t length = written_length, calls = write_calls;
  interrupt = 3;
  shorten = 5;
  report();
  CHECK(written_length == length && write_calls == calls + 3 + 5);
  fail = 1;  // nobody listens: it is given up
  report();
  CHECK(written_length < length);
  captures = false;
}

int main(void) {
  check_watchdog(60);
  if (CHECK_SIZE_BITS > 32) node_lists();  // it takes gigabytes of address space
  size_of_process();
  messages();
  check_heap_intact();
  return 0;
}
