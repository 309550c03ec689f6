// SPDX-License-Identifier: MIT
// watch.c: reports about watched blocks: an access that faulted, what was written around a block, a
// free of one that was freed before.
//
// A report of an access is made by a signal handler: it takes rix_trap_lock, which a thread that
// accesses a program's block does not hold, and writes to standard error itself, line by line,
// since the program's function for messages may not be called there.
#include "heap/watch.h"

#include <errno.h>
#include <string.h>

#include "heap/heap.h"
#include "options/options.h"
#include "options/report.h"
#include "page/harden.h"

enum { WATCH_ALL_SLOTS = 262144, WATCH_LINE = 360, WATCH_PATH = 240, WATCH_TRIES = 1 << 20 };

static struct { rix_flag_t xcatching; } watch;

void rix_watch_set_hook(ri_watch_fun* fun, void* arg) {
  if (!rix_report_open()) return;
  rix_sealed.watch = fun;
  rix_sealed.watch_arg = arg;
  rix_sealed_close();
}

size_t rix_watch_slots(void) {
  const size_t slots = (size_t)rix_option(ri_option_watch_slots);
  if (rix_option(ri_option_watch_rate) == 1) return rix_max(slots, (size_t)WATCH_ALL_SLOTS);
  const bool hard = (ri_load_relaxed(&rix_heap_default.xhard) & RIX_HARD_LARGE) != 0;
  return hard ? rix_max(slots, (size_t)RIX_HARD_LARGE_SLOTS) : slots;
}

bool rix_watch_is_asked(void) {
  return rix_option_source(ri_option_watch_rate) != RIX_OPTION_DEFAULT;
}

// ---- Lines --------------------------------------------------------------------------------------

typedef struct watch_line_s {
  char text[WATCH_LINE];
  size_t length;
} watch_line_t;

static void watch_add(watch_line_t* line, const char* text) {
  while (*text != '\0' && line->length < WATCH_LINE - 2)
    line->text[line->length++] = *text++;
}

static void watch_add_number(watch_line_t* line, uintptr_t value, unsigned base) {
  char digits[24];
  size_t at = sizeof(digits) - 1;
  digits[at] = '\0';
  do {
    digits[--at] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0);
  if (base == 16) watch_add(line, "0x");
  watch_add(line, &digits[at]);
}

// Ends the line and sends it: `direct`: to standard error.
static void watch_send(watch_line_t* line, bool direct) {
  line->text[line->length++] = '\n';
  line->text[line->length] = '\0';
  if (direct) {
    rix_os_write_error(line->text, line->length);
  } else {
    const rix_output_t to = rix_output_current();
    to.out(line->text, to.arg);
  }
  line->length = 0;
}

// ---- What a report says -------------------------------------------------------------------------

// "byte 3 of", "5 bytes after", "2 bytes before"
static void watch_add_place(watch_line_t* line, const ri_watch_report_t* r) {
  const uintptr_t at = (uintptr_t)r->address, from = (uintptr_t)r->block, to = from + r->size;
  if (at < from) {
    watch_add_number(line, from - at, 10);
    watch_add(line, " bytes before the start of");
  } else if (at < to) {
    watch_add(line, "byte ");
    watch_add_number(line, at - from, 10);
    watch_add(line, " of");
  } else {
    watch_add_number(line, at - to, 10);
    watch_add(line, " bytes after the end of");
  }
  watch_add(line, " a block of ");
  watch_add_number(line, r->size, 10);
  watch_add(line, " bytes at ");
  watch_add_number(line, from, 16);
}

static const char* watch_words(const ri_watch_report_t* r) {
  switch (r->kind) {
    case RI_WATCH_OVERFLOW:
      if (r->late) return "buffer overflow, seen at the free: changed memory at ";
      return r->write ? "buffer overflow: write to " : "buffer overflow: access to ";
    case RI_WATCH_UNDERFLOW:
      if (r->late) return "buffer underflow, seen at the free: changed memory at ";
      return r->write ? "buffer underflow: write to " : "buffer underflow: access to ";
    case RI_WATCH_USE_AFTER_FREE:
      return r->write ? "use after free: write to " : "use after free: access to ";
    case RI_WATCH_DOUBLE_FREE:
      return "double free of ";
    case RI_WATCH_INVALID_FREE:
      return "invalid pointer ";
    case RI_WATCH_NOTHING:
      break;
  }
  return "access to ";
}

static int watch_code(ri_watch_kind_t kind) {
  if (kind == RI_WATCH_DOUBLE_FREE) return EAGAIN;
  return kind == RI_WATCH_INVALID_FREE ? EINVAL : EFAULT;
}

static void watch_say_frame(uintptr_t at, size_t number, bool direct) {
  watch_line_t line = {.length = 0};
  char path[WATCH_PATH];
  uintptr_t in_file;
  watch_add(&line, "    #");
  watch_add_number(&line, number, 10);
  watch_add(&line, " ");
  watch_add_number(&line, at, 16);
  if (rix_os_file_at(at, path, sizeof(path), &in_file)) {
    watch_add(&line, " (");
    watch_add(&line, path);
    watch_add(&line, "+");
    watch_add_number(&line, in_file, 16);
    watch_add(&line, ")");
  }
  watch_send(&line, direct);
}

static void watch_say_stack(const char* what, const ri_watch_stack_t* stack, bool direct) {
  if (stack->thread == 0) return;
  watch_line_t line = {.length = 0};
  watch_add(&line, what);
  watch_add_number(&line, stack->thread, 16);
  watch_add(&line, stack->count > 0 ? ", at" : "");
  watch_send(&line, direct);
  for (size_t i = 0; i < stack->count; i++)
    watch_say_frame(stack->frames[i], i, direct);
}

static void watch_say(const ri_watch_report_t* r, bool direct) {
  watch_line_t line = {.length = 0};
  watch_add(&line, "rimalloc: error: ");
  watch_add(&line, watch_words(r));
  watch_add_number(&line, (uintptr_t)r->address, 16);
  watch_add(&line, r->kind == RI_WATCH_INVALID_FREE ? ": not a live block, but " : ", ");
  watch_add_place(&line, r);
  watch_send(&line, direct);
  watch_say_stack("  by thread ", &r->here, direct);
  watch_say_stack("  the block was allocated by thread ", &r->allocated, direct);
  watch_say_stack("  and freed by thread ", &r->freed, direct);
}

static void watch_call_hook(const ri_watch_report_t* r) {
  rix_lock(&rix_sealed_lock);
  ri_watch_fun* const fun = rix_sealed.watch;
  void* const arg = rix_sealed.watch_arg;
  rix_unlock(&rix_sealed_lock);
  if (fun != NULL) fun(r, arg);
}

// ---- Finding ------------------------------------------------------------------------------------

_Static_assert((int)RI_WATCH_FRAMES == (int)RIX_TRAP_FRAMES, "a stack is copied as a whole");
_Static_assert(sizeof(ri_watch_stack_t) == sizeof(rix_trap_stack_t), "the same structure");

static void watch_here(ri_watch_report_t* r, uintptr_t frame, uintptr_t at) {
  r->here.thread = rix_os_thread_name();
  r->here.count = rix_os_stack(r->here.frames, RI_WATCH_FRAMES, frame, at);
}

static ri_watch_kind_t watch_kind(const rix_trap_t* trap, uintptr_t at) {
  if (trap->state == RIX_TRAP_FREED) return RI_WATCH_USE_AFTER_FREE;
  if (at < (uintptr_t)trap->block) return RI_WATCH_UNDERFLOW;
  return at < (uintptr_t)trap->block + trap->size ? RI_WATCH_NOTHING : RI_WATCH_OVERFLOW;
}

static void watch_describe(const rix_trap_t* trap, const void* address, ri_watch_report_t* r) {
  *r = (ri_watch_report_t){.kind = watch_kind(trap, (uintptr_t)address),
                           .address = address,
                           .block = trap->block,
                           .size = trap->size};
  memcpy(&r->allocated, &trap->made, sizeof(r->allocated));
  if (trap->state == RIX_TRAP_FREED) memcpy(&r->freed, &trap->freed, sizeof(r->freed));
}

bool rix_watch_find(const void* address, ri_watch_report_t* r) {
  rix_lock(&rix_trap_lock);
  const rix_trap_t* const trap = rix_trap_find((uintptr_t)address);
  if (trap != NULL) watch_describe(trap, address, r);
  rix_unlock(&rix_trap_lock);
  return trap != NULL;
}

// ---- At a free ----------------------------------------------------------------------------------

static RIX_SLOW void watch_report(ri_watch_report_t* r) {
  watch_here(r, 0, 0);
  const int saved = rix_os_errno();
  if (rix_error_begins()) watch_say(r, false);
  watch_call_hook(r);
  rix_os_set_errno(saved);
  rix_error_ends(watch_code(r->kind));
}

void rix_watch_freeing(const ri_page_t* page) {
  const rix_trap_t* const trap = rix_trap_of(page);
  if (trap == NULL) return;  // another thread frees the block too: the claim finds that
  if (trap->open) return;    // it was reported, and the program went on
  const uint8_t* const damage = rix_trap_damage(trap);
  if (RIX_LIKELY(damage == NULL)) return;
  ri_watch_report_t r;
  if (!rix_watch_find(damage, &r)) return;
  r.late = r.write = true;
  watch_report(&r);
}

bool rix_watch_reports_free(const void* p) {
  ri_watch_report_t r;
  if (!rix_watch_find(p, &r)) return false;
  const bool again = r.freed.thread != 0 && (const uint8_t*)p >= (const uint8_t*)r.block &&
                     (const uint8_t*)p < (const uint8_t*)r.block + r.size;
  r.kind = again ? RI_WATCH_DOUBLE_FREE : RI_WATCH_INVALID_FREE;
  watch_report(&r);
  return true;
}

// ---- At an access -------------------------------------------------------------------------------

// A signal's handler that faults may have interrupted the thread while it had the lock.
static bool watch_lock_soon(void) {
  for (unsigned i = 0; i < WATCH_TRIES; i++)
    if (rix_lock_try(&rix_trap_lock)) return true;
  return false;
}

static bool watch_fault(const rix_os_fault_t* fault) {
  ri_watch_report_t r;
  if (!watch_lock_soon()) return false;
  rix_trap_t* const trap = rix_trap_find(fault->address);
  const bool known = trap != NULL;
  const bool before = known && trap->open;  // another thread was faster
  if (known) {
    watch_describe(trap, (const void*)fault->address, &r);
    rix_trap_open(trap);
  }
  rix_unlock(&rix_trap_lock);
  if (!known || before) return known;
  r.write = fault->write;
  watch_here(&r, fault->frame, fault->at);
  if (rix_error_begins()) watch_say(&r, true);
  watch_call_hook(&r);
  if (rix_error_aborts()) rix_os_abort();
  return true;
}

void rix_watch_begin(void) {
  if (RIX_LIKELY(rix_option(ri_option_watch_report) == 0)) return;
  if (ri_load_relaxed(&watch.xcatching) != 0) return;
  if (ri_exchange_relaxed(&watch.xcatching, 1) != 0) return;
  if (!rix_os_fault_catch(watch_fault)) rix_warning("the OS does not let watch_report see faults");
}
