// SPDX-License-Identifier: MIT
// fault_linux.c: where a thread is, which file that place is in, and accesses that the kernel
// refuses. What is here may run in a signal handler: it takes no lock, allocates nothing, and reads
// no memory that it does not know to be readable.
//
// The handler is called on the program's alternative stack if it has one. It is the last one
// installed only until the program installs another: then it is that one's to call ours, as ours
// calls the one that was there before.
//
// CONCURRENCY: any thread. The handler that was there before is stored before ours is known to the
// kernel, but for a program that installs its own in the same moment.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // names of registers
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/atomic.h"
#include "os/os.h"
#include "os/sys.h"
#include "os/unwind.h"

// ---- Stacks -------------------------------------------------------------------------------------

// Where a frame has the caller's frame, and next to it the address to return to, in words.
#if defined(__riscv)
enum { FAULT_LINK = -2 };
#else
enum { FAULT_LINK = 0 };
#endif

enum { FAULT_FRAME_MOST = 1 << 20 };  // bytes from one frame to the next
enum { FAULT_DEPTH = 64 };            // frames that are looked at

// Whether the two words at a place can be read; *page: the last page that could be, which most
// frames share.
static bool fault_reads(uintptr_t place, uintptr_t* page) {
  const uintptr_t unit = rix_os_page_size();
  const uintptr_t first = place / unit, last = (place + 2 * sizeof(uintptr_t) - 1) / unit;
  if (first != *page && !rix_os_is_readable(place)) return false;
  if (last != first && !rix_os_is_readable(last * unit)) return false;
  *page = last;
  return true;
}

size_t rix_os_frames(uintptr_t* out, size_t most, uintptr_t frame, uintptr_t at) {
  size_t n = 0;
  if (at != 0 && n < most) out[n++] = at;
  if (frame == 0) frame = (uintptr_t)__builtin_frame_address(0);
  uintptr_t page = UINTPTR_MAX;
  while (n < most) {
    const uintptr_t place = frame + (uintptr_t)(FAULT_LINK * (int)sizeof(uintptr_t));
    if (frame % sizeof(uintptr_t) != 0 || frame == 0 || !fault_reads(place, &page)) break;
    const uintptr_t* const words = (const uintptr_t*)place;
    const uintptr_t next = words[0], returns = words[1];
    if (returns < 4096) break;
    out[n++] = returns;
    if (next <= frame || next - frame > FAULT_FRAME_MOST) break;
    frame = next;
  }
  return n;
}

// Which of these places is the first that the reader wants: the interrupted one, or the first that
// is not in this library, if that is one of its own. `n`: none.
static size_t fault_first(const uintptr_t* pcs, size_t n, uintptr_t at) {
  size_t i = 0;
  uintptr_t low, high;
  if (at != 0) {
    while (i < n && pcs[i] != at)
      i++;
    return i;
  }
  if (!rix_unwind_module((uintptr_t)&rix_os_frames, &low, &high)) return 0;
  while (i < n && pcs[i] >= low && pcs[i] < high)
    i++;
  return i < n && (pcs[n - 1] < low || pcs[n - 1] >= high) ? i : 0;
}

size_t rix_os_stack(uintptr_t* out, size_t most, uintptr_t frame, uintptr_t at) {
  uintptr_t pcs[FAULT_DEPTH];
  rix_unwind_bounds_t bounds = {0, 0};
  bool whole;
  const size_t n = rix_unwind(pcs, FAULT_DEPTH, &bounds, &whole);
  const size_t first = fault_first(pcs, n, at);
  if (first >= n) return rix_os_frames(out, most, frame, at);
  const size_t count = n - first < most ? n - first : most;
  __builtin_memcpy(out, &pcs[first], count * sizeof(pcs[0]));
  return count;
}

uintptr_t rix_os_thread_name(void) { return (uintptr_t)pthread_self(); }

// ---- Files --------------------------------------------------------------------------------------

// A file that is read byte by byte, through a buffer.
typedef struct fault_reader_s {
  long fd;
  long at, end;
  char text[256];
} fault_reader_t;

static int fault_next(fault_reader_t* r) {
  if (r->at == r->end) {
    r->end = rix_sys_call(SYS_read, r->fd, (long)r->text, sizeof(r->text), 0, 0, 0);
    r->at = 0;
    if (r->end <= 0) {
      r->end = 0;
      return -1;
    }
  }
  return (unsigned char)r->text[r->at++];
}

// Reads a hexadecimal number and the character after it, which is returned.
static int fault_hex(fault_reader_t* r, uintptr_t* value) {
  *value = 0;
  while (true) {
    const int c = fault_next(r);
    if (c >= '0' && c <= '9') {
      *value = *value << 4 | (uintptr_t)(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      *value = *value << 4 | (uintptr_t)(c - 'a' + 10);
    } else {
      return c;
    }
  }
}

// Reads the rest of a line from its column for the path on; true when there is a path.
static bool fault_path(fault_reader_t* r, char* path, size_t capacity) {
  size_t n = 0;
  int c = fault_next(r), fields = 0;
  while (c != '\n' && c >= 0 && fields < 2) {  // the device and the number of the file
    fields += c == ' ';
    c = fault_next(r);
  }
  while (c == ' ')
    c = fault_next(r);
  for (; c != '\n' && c >= 0; c = fault_next(r)) {
    if (n + 1 < capacity) path[n++] = (char)c;
  }
  path[n] = '\0';
  return n > 0;
}

bool rix_os_file_at(uintptr_t at, char* path, size_t capacity, uintptr_t* in_file) {
  const int saved = errno;
  fault_reader_t r = {.at = 0, .end = 0};
  const long flags = O_RDONLY | O_CLOEXEC;
  r.fd = rix_sys_call(SYS_openat, AT_FDCWD, (long)"/proc/self/maps", flags, 0, 0, 0);
  bool found = false, more = r.fd >= 0;
  while (more && !found) {
    uintptr_t from, to, offset;
    more = fault_hex(&r, &from) == '-' && fault_hex(&r, &to) == ' ';
    if (!more) break;
    for (int i = 0; i < 5; i++)  // the access, and a space
      (void)fault_next(&r);
    (void)fault_hex(&r, &offset);
    const bool here = at >= from && at < to;
    const bool named = fault_path(&r, path, capacity);
    more = !here;
    found = here && named;
    if (found) *in_file = at - from + offset;
  }
  if (r.fd >= 0) rix_sys_call(SYS_close, r.fd, 0, 0, 0, 0, 0);
  errno = saved;
  return found;
}

// ---- Faults -------------------------------------------------------------------------------------

typedef ri_atomic(rix_os_fault_fun*) fault_fun_t;

static struct {
  rix_flag_t xcaught;
  fault_fun_t xseen;
  struct sigaction before;  // const once xcaught is set
} caught;

static void fault_place(rix_os_fault_t* f, const ucontext_t* context) {
  f->at = f->frame = 0;
  f->write = false;
#if defined(__x86_64__)
  f->at = (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
  f->frame = (uintptr_t)context->uc_mcontext.gregs[REG_RBP];
  f->write = (context->uc_mcontext.gregs[REG_ERR] & 2) != 0;
#elif defined(__i386__)
  f->at = (uintptr_t)context->uc_mcontext.gregs[REG_EIP];
  f->frame = (uintptr_t)context->uc_mcontext.gregs[REG_EBP];
  f->write = (context->uc_mcontext.gregs[REG_ERR] & 2) != 0;
#elif defined(__aarch64__)
  f->at = (uintptr_t)context->uc_mcontext.pc;
  f->frame = (uintptr_t)context->uc_mcontext.regs[29];
#elif defined(__riscv)
  f->at = (uintptr_t)context->uc_mcontext.__gregs[0];
  f->frame = (uintptr_t)context->uc_mcontext.__gregs[8];
#else
  RIX_UNUSED(context);
#endif
}

// What would have happened without us.
static void fault_pass_on(int signal, siginfo_t* info, void* context) {
  const struct sigaction* const before = &caught.before;
  if ((before->sa_flags & SA_SIGINFO) != 0) {
    before->sa_sigaction(signal, info, context);
    return;
  }
  if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN) {
    before->sa_handler(signal);
    return;
  }
  if (before->sa_handler == SIG_IGN && info->si_code <= 0) return;  // sent, and not wanted
  struct sigaction plain = {.sa_handler = SIG_DFL};
  (void)sigaction(signal, &plain, NULL);
  if (info->si_code > 0) return;  // the access is repeated
  const long process = rix_sys_call(SYS_getpid, 0, 0, 0, 0, 0, 0);
  const long thread = rix_sys_call(SYS_gettid, 0, 0, 0, 0, 0, 0);
  (void)rix_sys_call(SYS_tgkill, process, thread, signal, 0, 0, 0);
}

static void fault_handle(int signal, siginfo_t* info, void* context) {
  const int saved = errno;
  rix_os_fault_fun* const seen = ri_load_relaxed(&caught.xseen);
  rix_os_fault_t fault = {.address = (uintptr_t)info->si_addr};
  if (info->si_code > 0 && seen != NULL) {
    fault_place(&fault, context);
    const bool done = seen(&fault);
    errno = saved;
    if (done) return;
  }
  fault_pass_on(signal, info, context);
  errno = saved;
}

bool rix_os_fault_catch(rix_os_fault_fun* seen) {
  const int saved = errno;
  ri_store_relaxed(&caught.xseen, seen);
  bool done = true;
  if (ri_exchange_relaxed(&caught.xcaught, 1) == 0) {
    done = sigaction(SIGSEGV, NULL, &caught.before) == 0;
    struct sigaction ours = {.sa_sigaction = fault_handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    ours.sa_mask = caught.before.sa_mask;
    ours.sa_flags |= caught.before.sa_flags & SA_NODEFER;
    done = done && sigaction(SIGSEGV, &ours, NULL) == 0;
  }
  errno = saved;
  return done;
}
