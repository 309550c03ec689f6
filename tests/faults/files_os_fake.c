// SPDX-License-Identifier: MIT
// files_os_fake.c: what the allocator reads and writes by system calls of its own: the list of NUMA
// nodes, the size of the process, messages. Files that say odd things or cannot be read, writes
// that are interrupted, come short or fail. Catches: a node too few, a message that is lost after a
// signal, one that is tried for ever.
#include "../check.h"
#include "../os_fake.h"

enum { POPULATE = 23 };

static size_t huge_left;   // pages of 1 GiB that mmap hands out
static const char* nodes;  // what the list of nodes says; NULL: the file cannot be opened
static bool statm_is_unreadable;
static size_t interrupt, shorten, fail;  // so many of the next writes
static size_t write_calls;
static char written[4096];
static size_t written_length;
static bool captures;

static int os_answer(os_call_t* call) {
  if (call->kind == OS_ADVISE && call->advice == POPULATE) return OS_DONE;  // gigabytes
  if (call->kind != OS_MAP || (call->flags & MAP_HUGETLB) == 0) return OS_PASS;
  if (huge_left == 0) return ENOMEM;
  huge_left--;
  call->flags &= ~(MAP_HUGETLB | MAP_POPULATE | (63 << 26));
  call->flags |= MAP_NORESERVE;
  return OS_PASS;
}

static long open_file(long folder, const char* path, long flags) {
  if (strstr(path, "/node/online") == NULL) {
    return OS_REAL(call)(SYS_openat, folder, (long)path, flags, 0, 0, 0);
  }
  errno = ENOENT;
  return nodes != NULL ? os_file(nodes) : -1;
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

long OS_WRAP(call)(long number, long a, long b, long c, long d, long e, long f) {
  if (number == SYS_openat) return open_file(a, (const char*)b, c);
  if (number == SYS_read && statm_is_unreadable) return 0;
  if (number == SYS_write && captures) return write_text((const char*)b, (size_t)c);
  return OS_REAL(call)(number, a, b, c, d, e, f);
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
