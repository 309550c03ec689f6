// SPDX-License-Identifier: MIT
// unwind_linux.c: rix_unwind, in one of two ways.
//
// x86-64 with glibc 2.35 or later: by the tables for exceptions (eh_frame.h), which the loader's
// _dl_find_object finds without a lock. What they say of an address is kept in a table of the
// process; a slot whose key does not fit its value (two threads wrote it) counts as empty.
// Elsewhere: by frame pointers, for as long as each is a plausible one.
//
// Memory is read only where the kernel said that it can be (rix_os_is_readable), an OS page at a
// time, within one run of pages around where the stack is.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // _dl_find_object
#endif
#include "os/unwind.h"

#include <dlfcn.h>
#include <link.h>

#include "base/atomic.h"
#include "base/bits.h"
#include "os/os.h"

enum { UNWIND_PAGE = 4096 };                    // OS pages are no smaller
#define UNWIND_SPAN_MAX ((uintptr_t)256 << 20)  // of a stack, at most
#define UNWIND_FRAME_MAX ((uintptr_t)1 << 20)   // of a frame without a table, at most

// Whether a word of the stack, at or above `low`, can be read: *bounds grows to it.
static bool unwind_reaches(rix_unwind_bounds_t* bounds, uintptr_t at) {
  if (at % sizeof(uintptr_t) != 0 || at < bounds->low) return false;
  if (at < bounds->high) return true;
  if (at - bounds->low > UNWIND_SPAN_MAX) return false;
  while (at >= bounds->high) {
    if (!rix_os_is_readable(bounds->high)) return false;
    bounds->high += UNWIND_PAGE;
  }
  return true;
}

// A stack that is not the one looked at before is found out about anew. Below sp nothing is read.
static void unwind_begin(rix_unwind_bounds_t* bounds, uintptr_t sp) {
  if (sp < bounds->low || sp >= bounds->high) {
    bounds->low = rix_align_down(sp, UNWIND_PAGE);
    bounds->high = bounds->low + UNWIND_PAGE;
  }
}

// Without the compiler's checks of what belongs to which variable.
static uintptr_t unwind_word(uintptr_t at) {
  uintptr_t v;
#if defined(__x86_64__)
  __asm__ volatile("mov %1, %0" : "=r"(v) : "m"(*(const uintptr_t*)at));
#else
  v = *(const volatile uintptr_t*)at;
#endif
  return v;
}

#if defined(__x86_64__) && defined(__LP64__) && defined(DLFO_STRUCT_HAS_EH_DBASE)

#include "os/eh_frame.h"

enum {
  UNWIND_SLOTS = 8192,
  UNWIND_REGISTERS = 40,
  UNWIND_RBP = 10,
  UNWIND_RSP = 15,
  UNWIND_RIP = 16
};

typedef struct unwind_slot_s {
  ri_atomic(uint64_t) xkey, xvalue;  // key ^ value == the address
} unwind_slot_t;

static unwind_slot_t unwind_slots[UNWIND_SLOTS];

bool rix_unwind_module(uintptr_t pc, uintptr_t* low, uintptr_t* high) {
  struct dl_find_object o;
  if (_dl_find_object((void*)pc, &o) != 0) return false;
  *low = (uintptr_t)o.dlfo_map_start;
  *high = (uintptr_t)o.dlfo_map_end;
  return true;
}

// The segment of the module that contains the tables: all that may be read.
static bool unwind_segment(const struct dl_find_object* o, rix_eh_image_t* image) {
  const uintptr_t start = (uintptr_t)o->dlfo_map_start;
  const size_t size = (size_t)((uintptr_t)o->dlfo_map_end - start);
  const ElfW(Ehdr)* const header = (const ElfW(Ehdr)*)start;
  if (size < sizeof(*header) || __builtin_memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
    return false;
  const size_t table = header->e_phoff;
  if (header->e_phentsize != sizeof(ElfW(Phdr)) || table > UNWIND_PAGE) return false;
  if (table + header->e_phnum * sizeof(ElfW(Phdr)) > UNWIND_PAGE) return false;
  const ElfW(Phdr)* const segments = (const ElfW(Phdr)*)(start + table);
  uintptr_t base = start;  // what addresses in the file are relative to
  for (size_t i = 0; i < header->e_phnum; i++) {
    if (segments[i].p_type != PT_LOAD) continue;
    base -= rix_align_down(segments[i].p_vaddr, UNWIND_PAGE);
    break;
  }
  image->header = (uintptr_t)o->dlfo_eh_frame;
  for (size_t i = 0; i < header->e_phnum; i++) {
    const ElfW(Phdr)* const s = &segments[i];
    image->low = base + s->p_vaddr;
    image->high = image->low + s->p_filesz;
    const bool inside = image->header >= image->low && image->header < image->high;
    if (s->p_type == PT_LOAD && (s->p_flags & PF_R) != 0 && inside) return true;
  }
  return false;
}

static uint8_t unwind_tag(const struct dl_find_object* o) {
  uint64_t x = (uintptr_t)o->dlfo_map_start ^ (uintptr_t)o->dlfo_eh_frame * 3;
  x ^= (uintptr_t)o->dlfo_link_map;
  return (uint8_t)((x * 0x9E3779B97F4A7C15u) >> 56);
}

static rix_eh_rule_t unwind_look(uintptr_t pc, const struct dl_find_object* o) {
  rix_eh_image_t image;
  rix_eh_rule_t rule = {RIX_EH_UNKNOWN, 0, RIX_EH_RBP_SAME, 0};
  if (o->dlfo_eh_frame != NULL && unwind_segment(o, &image)) rule = rix_eh_find(image, pc);
  rule.tag = unwind_tag(o);
  return rule;
}

static rix_eh_rule_t unwind_rule(uintptr_t pc) {
  rix_eh_rule_t rule = {RIX_EH_UNKNOWN, 0, RIX_EH_RBP_SAME, 0};
  struct dl_find_object o;
  if (_dl_find_object((void*)pc, &o) != 0) return rule;
  unwind_slot_t* const slot = &unwind_slots[(pc * 0x9E3779B97F4A7C15u >> 40) % UNWIND_SLOTS];
  const uint64_t value = ri_load_relaxed(&slot->xvalue);
  if ((ri_load_relaxed(&slot->xkey) ^ value) == pc) {
    __builtin_memcpy(&rule, &value, sizeof(rule));
    if (rule.tag == unwind_tag(&o)) return rule;
  }
  rule = unwind_look(pc, &o);
  uint64_t word;
  __builtin_memcpy(&word, &rule, sizeof(word));
  ri_store_relaxed(&slot->xvalue, word);
  ri_store_relaxed(&slot->xkey, word ^ pc);
  return rule;
}

typedef struct unwind_frame_s {
  uintptr_t pc, sp, bp;
  bool exact;  // pc is of an instruction that was interrupted, no return address
} unwind_frame_t;

// From where a signal arrived. The handler may have a stack of its own.
static bool unwind_signal(unwind_frame_t* f, rix_unwind_bounds_t* bounds) {
  const uintptr_t registers = f->sp + UNWIND_REGISTERS;
  if (!unwind_reaches(bounds, registers) ||
      !unwind_reaches(bounds, registers + UNWIND_RIP * sizeof(uintptr_t)))
    return false;
  f->bp = unwind_word(registers + UNWIND_RBP * sizeof(uintptr_t));
  f->sp = unwind_word(registers + UNWIND_RSP * sizeof(uintptr_t));
  f->pc = unwind_word(registers + UNWIND_RIP * sizeof(uintptr_t));
  f->exact = true;
  if (f->sp < bounds->low || f->sp >= bounds->high) {
    *bounds = (rix_unwind_bounds_t){0, 0};
    unwind_begin(bounds, f->sp);
    if (!rix_os_is_readable(bounds->low)) return false;
  }
  return true;
}

static bool unwind_cfa(rix_eh_rule_t rule, const unwind_frame_t* f, rix_unwind_bounds_t* bounds,
                       uintptr_t* cfa) {
  const uintptr_t offset = (uintptr_t)(intptr_t)rule.offset;
  switch (rule.kind) {
    case RIX_EH_RSP:
      *cfa = f->sp + offset;
      return true;
    case RIX_EH_RBP:
      *cfa = f->bp + offset;
      return true;
    case RIX_EH_RBP_AT:
      if (f->bp + offset < f->sp || !unwind_reaches(bounds, f->bp + offset)) return false;
      *cfa = unwind_word(f->bp + offset);
      return true;
    case RIX_EH_PLT:
      *cfa = f->sp + 8 + ((f->pc & 15) >= 11 ? 8 : 0);
      return true;
    default:
      return false;
  }
}

// To the caller. False: it cannot be told.
static bool unwind_step(unwind_frame_t* f, rix_eh_rule_t rule, rix_unwind_bounds_t* bounds) {
  uintptr_t cfa;
  if (rule.kind == RIX_EH_SIGNAL) return unwind_signal(f, bounds);
  if (!unwind_cfa(rule, f, bounds, &cfa)) return false;
  if (cfa < f->sp + 8 || !unwind_reaches(bounds, cfa - 8)) return false;
  uintptr_t at = cfa + (uintptr_t)((intptr_t)rule.rbp * 8);
  if (rule.rbp == RIX_EH_RBP_HERE) at = f->bp;
  // A function that is about to return has restored it: tables do not say so.
  if (rule.rbp != RIX_EH_RBP_SAME && !(f->exact && at < f->sp)) {
    if (at < f->sp || !unwind_reaches(bounds, at)) return false;
    f->bp = unwind_word(at);
  }
  f->pc = unwind_word(cfa - 8);
  f->sp = cfa;
  f->exact = false;
  return true;
}

RIX_NOINLINE size_t rix_unwind(uintptr_t* pcs, size_t max, rix_unwind_bounds_t* bounds,
                               bool* whole) {
  unwind_frame_t f;
  __asm__ volatile("lea 0(%%rip), %0\n\tmov %%rsp, %1\n\tmov %%rbp, %2"
                   : "=r"(f.pc), "=r"(f.sp), "=r"(f.bp));
  f.exact = true;
  rix_unwind_bounds_t away = *bounds;
  unwind_begin(&away, f.sp);
  *bounds = away;
  size_t n = 0;
  *whole = false;
  while (n < max) {
    const rix_eh_rule_t rule = unwind_rule(f.exact ? f.pc : f.pc - 1);
    if (rule.kind == RIX_EH_END) *whole = true;
    if (!unwind_step(&f, rule, &away)) break;
    if (f.pc == 0) {
      *whole = true;
      break;
    }
    pcs[n++] = f.pc;
  }
  if (away.low == bounds->low) *bounds = away;  // it did not come to another stack
  return n;
}

#else

bool rix_unwind_module(uintptr_t pc, uintptr_t* low, uintptr_t* high) {
  (void)pc;
  (void)low;
  (void)high;
  return false;
}

// Where, from a frame pointer on, the caller's and the return address are.
#if defined(__riscv)
enum { UNWIND_CALLER = -2, UNWIND_RETURN = -1 };
#else
enum { UNWIND_CALLER = 0, UNWIND_RETURN = 1 };
#endif

RIX_NOINLINE size_t rix_unwind(uintptr_t* pcs, size_t max, rix_unwind_bounds_t* bounds,
                               bool* whole) {
  const uintptr_t word = sizeof(uintptr_t);
  uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
  unwind_begin(bounds, frame);
  size_t n = 0;
  *whole = false;
  while (n < max && frame % (2 * word) == 0) {
    const uintptr_t caller_at = frame + (uintptr_t)UNWIND_CALLER * word;
    const uintptr_t return_at = frame + (uintptr_t)UNWIND_RETURN * word;
    if (!unwind_reaches(bounds, caller_at) || !unwind_reaches(bounds, return_at)) break;
    const uintptr_t pc = unwind_word(return_at);
    const uintptr_t caller = unwind_word(caller_at);
    if (pc == 0) {
      *whole = true;
      break;
    }
    if (pc < UNWIND_PAGE) break;
    pcs[n++] = pc;
    if (caller == 0) *whole = true;
    if (caller <= frame || caller - frame > UNWIND_FRAME_MAX) break;
    frame = caller;
  }
  return n;
}

#endif
