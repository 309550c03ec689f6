// SPDX-License-Identifier: MIT
// eh_frame.c: from an address to a rule, in three steps: a binary search in .eh_frame_hdr finds the
// entry of the function (FDE), which names what it shares with others (CIE); both are programs that
// say, from one address of the function to the next, what changed.
//
// Every read goes through a cursor that knows where it has to stop. After it tried to pass that it
// is `bad`, reads zeroes, and what was made of them is thrown away at the end.
#include "os/eh_frame.h"

#include <stddef.h>

enum { EH_DEPTH = 8, EH_RBP_REGISTER = 6, EH_RSP_REGISTER = 7, EH_RETURN_REGISTER = 16 };

typedef struct eh_cursor_s {
  uintptr_t at, end;
  bool bad;
} eh_cursor_t;

typedef struct eh_state_s {
  int64_t offset;
  int32_t rbp;
  uint8_t kind;
} eh_state_t;

// What a CIE says.
typedef struct eh_common_s {
  uint64_t code_step;
  int64_t data_step;
  eh_cursor_t program;
  uint8_t encoding;  // of addresses in the FDE
  bool augmented, signal;
} eh_common_t;

static uint64_t eh_fixed(eh_cursor_t* c, size_t size) {
  if (c->bad || c->end - c->at < size) {
    c->bad = true;
    return 0;
  }
  uint64_t v = 0;
  for (size_t i = size; i-- > 0;)
    v = v << 8 | ((const uint8_t*)c->at)[i];
  c->at += size;
  return v;
}

static uint64_t eh_unsigned(eh_cursor_t* c) {
  uint64_t v = 0;
  for (unsigned shift = 0;; shift += 7) {
    const uint64_t byte = eh_fixed(c, 1);
    if (shift < 64) v |= (byte & 127) << shift;
    if (byte < 128) return v;
  }
}

static int64_t eh_signed(eh_cursor_t* c) {
  uint64_t v = 0;
  for (unsigned shift = 0;; shift += 7) {
    const uint64_t byte = eh_fixed(c, 1);
    if (shift < 64) v |= (byte & 127) << shift;
    if (byte >= 128) continue;
    if (shift + 7 < 64 && (byte & 64) != 0) v |= ~(uint64_t)0 << (shift + 7);
    return (int64_t)v;
  }
}

static void eh_skip(eh_cursor_t* c, uint64_t n) {
  if (c->bad || c->end - c->at < n) {
    c->bad = true;
  } else {
    c->at += (uintptr_t)n;
  }
}

// A number as wide and with the sign that the encoding says.
static uint64_t eh_number(eh_cursor_t* c, uint8_t encoding) {
  switch (encoding & 15) {
    case 1:
      return eh_unsigned(c);
    case 2:
      return eh_fixed(c, 2);
    case 3:
      return eh_fixed(c, 4);
    case 9:
      return (uint64_t)eh_signed(c);
    case 10:
      return (uint64_t)(int64_t)(int16_t)eh_fixed(c, 2);
    case 11:
      return (uint64_t)(int64_t)(int32_t)eh_fixed(c, 4);
    case 0:
    case 4:
    case 12:
      return eh_fixed(c, 8);
    default:
      c->bad = true;
      return 0;
  }
}

// An address: absolute, or relative to where it stands.
static uint64_t eh_address(eh_cursor_t* c, uint8_t encoding) {
  const uint64_t here = c->at;
  const uint64_t v = eh_number(c, encoding);
  const uint8_t base = encoding & 0x70;
  if (base != 0 && base != 0x10) c->bad = true;
  return base == 0x10 ? v + here : v;
}

static int32_t eh_slot(int64_t offset) {
  const bool fits = offset % 8 == 0 && offset / 8 > -0x4000 && offset / 8 < 0x4000;
  return fits ? (int32_t)(offset / 8) : INT32_MAX;
}

static uint8_t eh_kind_of(uint64_t reg) {
  if (reg == EH_RSP_REGISTER) return RIX_EH_RSP;
  return reg == EH_RBP_REGISTER ? RIX_EH_RBP : RIX_EH_UNKNOWN;
}

static void eh_save(eh_state_t* s, uint64_t reg, int64_t offset) {
  if (reg == EH_RBP_REGISTER) s->rbp = eh_slot(offset);
  // The return address is at CFA - 8 in all code of compilers.
  if (reg == EH_RETURN_REGISTER && offset != -8) s->kind = RIX_EH_UNKNOWN;
}

// The CFA as an expression, of which two occur: that of the linker for stubs, and that of compilers
// for realigned frames (rbp + offset, dereferenced).
static void eh_cfa_expression(eh_cursor_t* c, eh_state_t* s) {
  const uint64_t length = eh_unsigned(c);
  eh_cursor_t e = *c;
  eh_skip(c, length);
  if (c->bad) return;
  e.end = c->at;
  s->kind = RIX_EH_UNKNOWN;
  const uint64_t first = eh_fixed(&e, 1);
  s->offset = eh_signed(&e);
  if (first == 0x70 + EH_RSP_REGISTER && s->offset == 8 && length == 11) s->kind = RIX_EH_PLT;
  const bool last = eh_fixed(&e, 1) == 0x06 && e.at == e.end;  // DW_OP_deref
  if (first == 0x70 + EH_RBP_REGISTER && last && !e.bad) s->kind = RIX_EH_RBP_AT;
}

// Where a register is saved, as an expression; or its value is one.
static void eh_register_expression(eh_cursor_t* c, eh_state_t* s, bool value) {
  const uint64_t reg = eh_unsigned(c);
  const uint64_t length = eh_unsigned(c);
  eh_cursor_t e = *c;
  eh_skip(c, length);
  if (c->bad) return;
  if (reg == EH_RETURN_REGISTER) s->kind = RIX_EH_UNKNOWN;
  if (reg != EH_RBP_REGISTER) return;
  const bool here = !value && length == 2 && eh_fixed(&e, 2) == 0x70 + EH_RBP_REGISTER;
  s->rbp = here ? RIX_EH_RBP_HERE : INT32_MAX;
}

// Runs over the instructions whose operands say nothing that matters here. False: it is another.
static bool eh_pass(eh_cursor_t* c, uint8_t op) {
  switch (op) {
    case 0x00:  // nop
      return true;
    case 0x2e:  // GNU_args_size
      (void)eh_unsigned(c);
      return true;
    default:
      return false;
  }
}

// One that moves on in the code. False: it is another.
static bool eh_advance(eh_cursor_t* c, uint8_t op, const eh_common_t* common, uint64_t* at) {
  switch (op) {
    case 0x01:
      *at = eh_address(c, common->encoding);
      return true;
    case 0x02:
      *at += eh_fixed(c, 1) * common->code_step;
      return true;
    case 0x03:
      *at += eh_fixed(c, 2) * common->code_step;
      return true;
    case 0x04:
      *at += eh_fixed(c, 4) * common->code_step;
      return true;
    default:
      return false;
  }
}

// One about the CFA. False: it is another.
static bool eh_define_cfa(eh_cursor_t* c, uint8_t op, int64_t step, eh_state_t* s) {
  switch (op) {
    case 0x0c:  // def_cfa
      s->kind = eh_kind_of(eh_unsigned(c));
      s->offset = (int64_t)eh_unsigned(c);
      return true;
    case 0x0d:
      s->kind = eh_kind_of(eh_unsigned(c));
      return true;
    case 0x0e:
      s->offset = (int64_t)eh_unsigned(c);
      return true;
    case 0x0f:
      eh_cfa_expression(c, s);
      return true;
    case 0x12:  // def_cfa_sf
      s->kind = eh_kind_of(eh_unsigned(c));
      s->offset = (int64_t)((uint64_t)eh_signed(c) * (uint64_t)step);
      return true;
    case 0x13:
      s->offset = (int64_t)((uint64_t)eh_signed(c) * (uint64_t)step);
      return true;
    default:
      return false;
  }
}

// One about a register. False: it is another, which nobody knows.
static bool eh_define_register(eh_cursor_t* c, uint8_t op, const eh_common_t* common, eh_state_t* s,
                               const eh_state_t* initial) {
  const uint64_t step = (uint64_t)common->data_step;
  uint64_t reg;
  switch (op) {
    case 0x05:  // offset_extended
      reg = eh_unsigned(c);
      eh_save(s, reg, (int64_t)(eh_unsigned(c) * step));
      return true;
    case 0x11:  // offset_extended_sf
      reg = eh_unsigned(c);
      eh_save(s, reg, (int64_t)((uint64_t)eh_signed(c) * step));
      return true;
    case 0x06:  // restore_extended
      if (eh_unsigned(c) == EH_RBP_REGISTER) s->rbp = initial->rbp;
      return true;
    case 0x07:  // undefined
      reg = eh_unsigned(c);
      if (reg == EH_RETURN_REGISTER) s->kind = RIX_EH_END;
      if (reg == EH_RBP_REGISTER) s->rbp = RIX_EH_RBP_SAME;
      return true;
    case 0x08:  // same_value
      if (eh_unsigned(c) == EH_RBP_REGISTER) s->rbp = RIX_EH_RBP_SAME;
      return true;
    case 0x09:  // register: in another one, which is not followed
      reg = eh_unsigned(c);
      (void)eh_unsigned(c);
      if (reg == EH_RBP_REGISTER) s->rbp = INT32_MAX;
      if (reg == EH_RETURN_REGISTER) s->kind = RIX_EH_UNKNOWN;
      return true;
    case 0x10:
      eh_register_expression(c, s, false);
      return true;
    case 0x16:
      eh_register_expression(c, s, true);
      return true;
    default:
      return false;
  }
}

static bool eh_remember(uint8_t op, eh_state_t* s, eh_state_t* stack, unsigned* depth) {
  if (op == 0x0a && *depth < EH_DEPTH) {
    stack[(*depth)++] = *s;
    return true;
  }
  if (op == 0x0b && *depth > 0) {
    *s = stack[--*depth];
    return true;
  }
  return false;
}

// Runs the program of a CIE (at == pc == 0), or of an FDE up to pc. False: it is damaged or knows
// more than this.
static bool eh_run(eh_cursor_t c, const eh_common_t* common, uint64_t at, uint64_t pc,
                   eh_state_t* s) {
  const eh_state_t initial = *s;
  eh_state_t stack[EH_DEPTH];
  unsigned depth = 0;
  while (!c.bad && c.at < c.end && at <= pc) {
    const uint8_t op = (uint8_t)eh_fixed(&c, 1);
    const uint8_t low = op & 63;
    if (op >> 6 == 1) {
      at += low * common->code_step;
    } else if (op >> 6 == 2) {
      eh_save(s, low, (int64_t)(eh_unsigned(&c) * (uint64_t)common->data_step));
    } else if (op >> 6 == 3) {
      if (low == EH_RBP_REGISTER) s->rbp = initial.rbp;
    } else if (!eh_pass(&c, op) && !eh_advance(&c, op, common, &at) &&
               !eh_define_cfa(&c, op, common->data_step, s) &&
               !eh_define_register(&c, op, common, s, &initial) &&
               !eh_remember(op, s, stack, &depth)) {
      return false;
    }
  }
  return !c.bad;
}

// The letters of a CIE, and what belongs to each.
static void eh_read_augmentation(eh_cursor_t* c, eh_cursor_t letters, eh_common_t* common) {
  if (eh_fixed(&letters, 1) != 'z') return;
  common->augmented = true;
  const uint64_t length = eh_unsigned(c);
  eh_cursor_t data = *c;
  eh_skip(c, length);
  data.end = c->at;
  for (uint8_t letter; (letter = (uint8_t)eh_fixed(&letters, 1)) != 0;) {
    if (letter == 'R') {
      common->encoding = (uint8_t)eh_fixed(&data, 1);
    } else if (letter == 'L') {
      (void)eh_fixed(&data, 1);
    } else if (letter == 'P') {
      const uint8_t encoding = (uint8_t)eh_fixed(&data, 1);
      (void)eh_number(&data, encoding);
    } else if (letter == 'S') {
      common->signal = true;
    } else {
      c->bad = true;
    }
  }
  if (data.bad || letters.bad) c->bad = true;
}

// An entry at an address: its contents; *id: the word after its length.
static eh_cursor_t eh_entry(rix_eh_image_t image, uint64_t at, uint64_t* place, uint32_t* id) {
  eh_cursor_t c = {(uintptr_t)at, image.high, at < image.low || at >= image.high};
  const uint64_t length = eh_fixed(&c, 4);
  if (length >= 0xFFFFFFF0u || length < 4) c.bad = true;
  if (!c.bad && c.end - c.at < length) c.bad = true;
  if (!c.bad) c.end = c.at + (uintptr_t)length;
  *place = c.at;
  *id = (uint32_t)eh_fixed(&c, 4);
  return c;
}

static bool eh_read_common(rix_eh_image_t image, uint64_t at, eh_common_t* common) {
  uint64_t place;
  uint32_t id;
  eh_cursor_t c = eh_entry(image, at, &place, &id);
  const uint64_t version = eh_fixed(&c, 1);
  if (c.bad || id != 0 || (version != 1 && version != 3)) return false;
  const eh_cursor_t letters = c;
  while (eh_fixed(&c, 1) != 0 && !c.bad) {}
  *common = (eh_common_t){.encoding = 0};
  common->code_step = eh_unsigned(&c);
  common->data_step = eh_signed(&c);
  const uint64_t reg = version == 1 ? eh_fixed(&c, 1) : eh_unsigned(&c);
  eh_read_augmentation(&c, letters, common);
  common->program = c;
  return !c.bad && reg == EH_RETURN_REGISTER;
}

// The FDE whose function begins at or before pc, by the table of .eh_frame_hdr; 0: there is none.
static uint64_t eh_search(rix_eh_image_t image, uint64_t pc) {
  eh_cursor_t c = {image.header, image.high, image.header < image.low};
  const uint64_t version = eh_fixed(&c, 1);
  const uint8_t frame_encoding = (uint8_t)eh_fixed(&c, 1);
  const uint8_t count_encoding = (uint8_t)eh_fixed(&c, 1);
  const uint64_t table_encoding = eh_fixed(&c, 1);
  (void)eh_number(&c, frame_encoding);
  const uint64_t count = eh_number(&c, count_encoding);
  if (c.bad || version != 1 || table_encoding != 0x3b) return 0;  // relative to the header, 4 bytes
  if (count == 0 || count > (c.end - c.at) / 8) return 0;
  const int64_t distance = (int64_t)(pc - image.header);
  uint64_t low = 0;
  uint64_t high = count;
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    eh_cursor_t row = {c.at + (uintptr_t)middle * 8, c.end, false};
    if ((int32_t)eh_fixed(&row, 4) <= distance) {
      low = middle;
    } else {
      high = middle;
    }
  }
  eh_cursor_t row = {c.at + (uintptr_t)low * 8 + 4, c.end, false};
  return image.header + (uint64_t)(int64_t)(int32_t)eh_fixed(&row, 4);
}

static rix_eh_rule_t eh_rule_of(const eh_state_t* s) {
  const rix_eh_rule_t unknown = {RIX_EH_UNKNOWN, 0, RIX_EH_RBP_SAME, 0};
  if (s->rbp == INT32_MAX || s->offset < INT32_MIN || s->offset > INT32_MAX) return unknown;
  return (rix_eh_rule_t){s->kind, 0, (int16_t)s->rbp, (int32_t)s->offset};
}

rix_eh_rule_t rix_eh_find(rix_eh_image_t image, uintptr_t pc) {
  const rix_eh_rule_t unknown = {RIX_EH_UNKNOWN, 0, RIX_EH_RBP_SAME, 0};
  const uint64_t at = eh_search(image, pc);
  if (at == 0) return unknown;
  uint64_t place;
  uint32_t back;
  eh_cursor_t c = eh_entry(image, at, &place, &back);
  eh_common_t common;
  if (c.bad || back == 0 || !eh_read_common(image, place - back, &common)) return unknown;
  const uint64_t begin = eh_address(&c, common.encoding);
  const uint64_t size = eh_number(&c, common.encoding);
  if (common.augmented) eh_skip(&c, eh_unsigned(&c));
  if (c.bad || pc - begin >= size) return unknown;
  if (common.signal) return (rix_eh_rule_t){RIX_EH_SIGNAL, 0, RIX_EH_RBP_SAME, 0};
  eh_state_t s = {0, RIX_EH_RBP_SAME, RIX_EH_UNKNOWN};
  if (!eh_run(common.program, &common, 0, 0, &s)) return unknown;
  if (!eh_run(c, &common, begin, pc, &s)) return unknown;
  return eh_rule_of(&s);
}
