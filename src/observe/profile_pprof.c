// SPDX-License-Identifier: MIT
// profile_pprof.c: a profile as pprof's profile.proto, in gzip. Addresses are not symbolised; the
// mappings have their build ids.
//
// A message within another is preceded by its length, so each is made in a small buffer first.
#include <string.h>

#include "observe/profile.h"

enum { PPROF_ROOM = 4096 };

// Numbers of the strings that are always there; those of mappings follow.
enum {
  PPROF_NONE,
  PPROF_ALLOC_OBJECTS,
  PPROF_COUNT,
  PPROF_ALLOC_SPACE,
  PPROF_BYTES,
  PPROF_INUSE_OBJECTS,
  PPROF_INUSE_SPACE,
  PPROF_SPACE,
  PPROF_DROP,
  PPROF_STRINGS
};
static const char* const pprof_strings[PPROF_STRINGS] = {
    "",
    "alloc_objects",
    "count",
    "alloc_space",
    "bytes",
    "inuse_objects",
    "inuse_space",
    "space",
    "rix_.*|ri_.*|malloc|calloc|realloc|operator new.*"};

// No message outgrows it: a sample has at most RIX_IMAGE_DEPTH places.
typedef struct pprof_message_s {
  size_t used;
  uint8_t bytes[PPROF_ROOM];
} pprof_message_t;

static void pprof_varint(pprof_message_t* m, uint64_t v) {
  for (; v > 127; v >>= 7)
    m->bytes[m->used++] = (uint8_t)(v | 128);
  m->bytes[m->used++] = (uint8_t)v;
}

static void pprof_number(pprof_message_t* m, unsigned field, uint64_t v) {
  if (v == 0) return;
  pprof_varint(m, field << 3);
  pprof_varint(m, v);
}

static void pprof_put(rix_out_t* out, unsigned field, const void* bytes, size_t size) {
  pprof_message_t head;
  head.used = 0;
  pprof_varint(&head, field << 3 | 2);
  pprof_varint(&head, size);
  rix_out_bytes(out, head.bytes, head.used);
  rix_out_bytes(out, bytes, size);
}

static void pprof_type(rix_out_t* out, unsigned field, unsigned type, unsigned unit) {
  pprof_message_t m;
  m.used = 0;
  pprof_number(&m, 1, type);
  pprof_number(&m, 2, unit);
  pprof_put(out, field, m.bytes, m.used);
}

// A repeated field of numbers.
static void pprof_packed(pprof_message_t* m, unsigned field, const pprof_message_t* numbers) {
  pprof_varint(m, field << 3 | 2);
  pprof_varint(m, numbers->used);
  memcpy(m->bytes + m->used, numbers->bytes, numbers->used);
  m->used += numbers->used;
}

static uint64_t pprof_round(double v) { return v > 0 ? (uint64_t)(v + 0.5) : 0; }

static void pprof_sample(rix_out_t* out, const rix_image_t* image, const rix_places_t* places,
                         uint32_t i) {
  const rix_image_stack_t* const s = rix_image_stack(image, i);
  pprof_message_t m;
  pprof_message_t numbers;
  size_t depth;
  const uint64_t* const frames = rix_image_frames(image, s, &depth);
  m.used = numbers.used = 0;
  for (size_t n = 0; n < depth; n++)
    if (frames[n] != 0) pprof_varint(&numbers, rix_places_of(places, frames[n]));
  pprof_packed(&m, 1, &numbers);
  numbers.used = 0;
  pprof_varint(&numbers, pprof_round(s->allocated.count));
  pprof_varint(&numbers, pprof_round(s->allocated.bytes));
  pprof_varint(&numbers, pprof_round(s->live.count));
  pprof_varint(&numbers, pprof_round(s->live.bytes));
  pprof_packed(&m, 2, &numbers);
  pprof_put(out, 2, m.bytes, m.used);
}

static void pprof_mapping(rix_out_t* out, const rix_image_module_t* module, uint32_t i) {
  pprof_message_t m;
  m.used = 0;
  pprof_number(&m, 1, (uint64_t)i + 1);
  pprof_number(&m, 2, module->start);
  pprof_number(&m, 3, module->end);
  pprof_number(&m, 4, module->offset);
  pprof_number(&m, 5, PPROF_STRINGS + 2 * (uint64_t)i);
  pprof_number(&m, 6, PPROF_STRINGS + 2 * (uint64_t)i + 1);
  pprof_put(out, 3, m.bytes, m.used);
}

// Tools look for the instruction before a return address themselves only in CPU profiles.
static void pprof_location(rix_out_t* out, const rix_image_t* image, uint64_t pc, uint32_t number) {
  const rix_image_module_t* const all = RIX_IMAGE_PART(const rix_image_module_t, image, modules);
  const rix_image_module_t* const module = rix_image_module(image, pc);
  pprof_message_t m;
  m.used = 0;
  pprof_number(&m, 1, number);
  if (module != NULL) pprof_number(&m, 2, (uint64_t)(module - all) + 1);
  pprof_number(&m, 3, pc - 1);
  pprof_put(out, 4, m.bytes, m.used);
}

static void pprof_module_strings(rix_out_t* out, const rix_image_module_t* module) {
  char id[2 * sizeof(module->id) + 1];
  size_t n = 0;
  for (; n < module->id_length && n < sizeof(module->id); n++) {
    id[2 * n] = "0123456789abcdef"[module->id[n] >> 4];
    id[2 * n + 1] = "0123456789abcdef"[module->id[n] & 15];
  }
  const char* const end = memchr(module->path, '\0', RIX_IMAGE_PATH);
  pprof_put(out, 6, module->path, end != NULL ? (size_t)(end - module->path) : 0);
  pprof_put(out, 6, id, 2 * n);
}

static void pprof_rest(rix_out_t* out, const rix_image_t* image) {
  const uint64_t us = image->last_us - image->started_us;
  pprof_message_t m;
  m.used = 0;
  pprof_number(&m, 7, PPROF_DROP);
  pprof_number(&m, 9, image->started_wall_ms * 1000000);
  pprof_number(&m, 10, us * 1000);
  pprof_number(&m, 12, image->interval);
  pprof_number(&m, 14, PPROF_INUSE_SPACE);
  rix_out_bytes(out, m.bytes, m.used);
  pprof_type(out, 11, PPROF_SPACE, PPROF_BYTES);
}

bool rix_profile_write_pprof(rix_out_t* out, const rix_image_t* image) {
  const rix_image_module_t* const modules =
      RIX_IMAGE_PART(const rix_image_module_t, image, modules);
  rix_places_t places;
  if (!rix_places_make(&places, image)) return false;
  pprof_type(out, 1, PPROF_ALLOC_OBJECTS, PPROF_COUNT);
  pprof_type(out, 1, PPROF_ALLOC_SPACE, PPROF_BYTES);
  pprof_type(out, 1, PPROF_INUSE_OBJECTS, PPROF_COUNT);
  pprof_type(out, 1, PPROF_INUSE_SPACE, PPROF_BYTES);
  for (uint32_t i = 0; i < image->stacks.used; i++)
    pprof_sample(out, image, &places, i);
  for (uint32_t i = 0; i < image->modules.used; i++)
    pprof_mapping(out, &modules[i], i);
  for (uint32_t i = 0; i < places.used; i++)
    pprof_location(out, image, places.order[i], i + 1);
  for (size_t i = 0; i < PPROF_STRINGS; i++)
    pprof_put(out, 6, pprof_strings[i], strlen(pprof_strings[i]));
  for (uint32_t i = 0; i < image->modules.used; i++)
    pprof_module_strings(out, &modules[i]);
  pprof_rest(out, image);
  rix_places_drop(&places);
  return true;
}
