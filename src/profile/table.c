// SPDX-License-Identifier: MIT
// table.c: see table.h. Memory is touched from the start of each part on, so that an image costs
// what it holds.
#include "profile/table.h"

#include "base/bits.h"
#include "profile/draw.h"

enum { TABLE_RECORD_BUCKETS = 1 << 16, TABLE_STACK_BUCKETS = 1 << 13, TABLE_FIRST_STEP_MS = 50 };

rix_lock_t rix_profile_lock = RIX_LOCK_OPEN(RIX_LEVEL_PROFILE);

static uint64_t table_mix(uint64_t x) {
  x ^= x >> 32;
  x *= 0x9E3779B97F4A7C15u;
  return x ^ x >> 29;
}

typedef ri_atomic(uint32_t) table_bucket_t;

// ---- Layout -------------------------------------------------------------------------------------

static size_t table_place(rix_image_part_t* part, size_t at, size_t room, size_t size) {
  part->at = at;
  part->room = (uint32_t)rix_min(room, UINT32_MAX / 2);
  part->used = 0;
  return rix_align_up(at + part->room * size, 64);
}

void rix_image_init(rix_image_t* image, size_t size) {
  *image = (rix_image_t){.version = RIX_IMAGE_VERSION, .header_size = sizeof(*image)};
  image->size = size;
  size_t at = rix_align_up(sizeof(*image), 64);
  at = table_place(&image->points, at, RIX_IMAGE_POINTS, sizeof(rix_image_point_t));
  at = table_place(&image->modules, at, RIX_IMAGE_MODULES, sizeof(rix_image_module_t));
  at = table_place(&image->stack_buckets, at, TABLE_STACK_BUCKETS, sizeof(table_bucket_t));
  at = table_place(&image->record_buckets, at, TABLE_RECORD_BUCKETS, sizeof(table_bucket_t));
  const size_t left = size - at - 256;
  at = table_place(&image->stacks, at, left / 8 * 3 / sizeof(rix_image_stack_t),
                   sizeof(rix_image_stack_t));
  at = table_place(&image->frames, at, left / 4 / sizeof(uint64_t), sizeof(uint64_t));
  table_place(&image->records, at, left / 8 * 3 / sizeof(rix_image_record_t),
              sizeof(rix_image_record_t));
  image->point_step_ms = TABLE_FIRST_STEP_MS;
  __builtin_memcpy(image->magic, "rimaprof", sizeof(image->magic));  // last
}

void rix_image_clear(rix_image_t* image) {
  uint8_t* const base = (uint8_t*)image;
  __builtin_memset(base + image->points.at, 0, image->points.used * sizeof(rix_image_point_t));
  __builtin_memset(base + image->stack_buckets.at, 0, TABLE_STACK_BUCKETS * sizeof(table_bucket_t));
  for (uint32_t i = 0; i < TABLE_RECORD_BUCKETS; i++)
    ri_store_relaxed(&RIX_IMAGE_PART(table_bucket_t, image, record_buckets)[i], 0);
  image->free_record = 0;
  image->points.used = image->stacks.used = image->frames.used = image->records.used = 0;
  image->live = image->allocated = image->peak = image->temporary = (rix_sums_t){.samples = 0};
  image->epoch = image->dropped_stacks = image->dropped_records = 0;
  image->dropped_bytes = 0;
  image->peak_us = 0;
  image->point_step_ms = TABLE_FIRST_STEP_MS;
}

static void table_copy_part(rix_image_t* to, const rix_image_t* from, const rix_image_part_t* part,
                            size_t bytes) {
  __builtin_memcpy((uint8_t*)to + part->at, (const uint8_t*)from + part->at, bytes);
}

void rix_image_copy(rix_image_t* to, const rix_image_t* from) {
  *to = *from;
  table_copy_part(to, from, &from->points, from->points.used * sizeof(rix_image_point_t));
  table_copy_part(to, from, &from->modules, from->modules.used * sizeof(rix_image_module_t));
  table_copy_part(to, from, &from->stack_buckets, TABLE_STACK_BUCKETS * sizeof(table_bucket_t));
  table_copy_part(to, from, &from->record_buckets, TABLE_RECORD_BUCKETS * sizeof(table_bucket_t));
  table_copy_part(to, from, &from->stacks, from->stacks.used * sizeof(rix_image_stack_t));
  table_copy_part(to, from, &from->frames, from->frames.used * sizeof(uint64_t));
  table_copy_part(to, from, &from->records, from->records.used * sizeof(rix_image_record_t));
}

static bool table_part_valid(const rix_image_t* image, const rix_image_part_t* part, size_t size) {
  return part->used <= part->room && part->at % 8 == 0 && part->at <= image->size &&
         part->room <= (image->size - part->at) / size;
}

bool rix_image_valid(const rix_image_t* image, size_t size) {
  if (size < RIX_IMAGE_SIZE_MIN || __builtin_memcmp(image->magic, "rimaprof", 8) != 0) return false;
  if (image->version != RIX_IMAGE_VERSION || image->header_size != sizeof(*image)) return false;
  return image->size <= size &&
         table_part_valid(image, &image->points, sizeof(rix_image_point_t)) &&
         table_part_valid(image, &image->modules, sizeof(rix_image_module_t)) &&
         table_part_valid(image, &image->stacks, sizeof(rix_image_stack_t)) &&
         table_part_valid(image, &image->frames, sizeof(uint64_t)) &&
         table_part_valid(image, &image->records, sizeof(rix_image_record_t));
}

// ---- Stacks -------------------------------------------------------------------------------------

static bool table_same(const rix_image_t* image, const rix_image_stack_t* s,
                       const rix_trace_t* trace) {
  if (s->depth != trace->depth || s->truncated != !trace->whole) return false;
  const uint64_t* const frames = RIX_IMAGE_PART(const uint64_t, image, frames) + s->frames;
  for (size_t i = 0; i < trace->depth; i++)
    if (frames[i] != trace->pcs[i]) return false;
  return true;
}

static rix_image_stack_t* table_new_stack(rix_image_t* image, const rix_trace_t* trace) {
  const bool room = image->stacks.used < image->stacks.room &&
                    image->frames.room - image->frames.used >= trace->depth;
  if (!room) return NULL;
  rix_image_stack_t* const s =
      RIX_IMAGE_PART(rix_image_stack_t, image, stacks) + image->stacks.used;
  *s = (rix_image_stack_t){.frames = image->frames.used, .epoch = image->epoch};
  s->depth = (uint16_t)trace->depth;
  s->truncated = !trace->whole;
  uint64_t* const frames = RIX_IMAGE_PART(uint64_t, image, frames) + image->frames.used;
  for (size_t i = 0; i < trace->depth; i++)
    frames[i] = trace->pcs[i];
  image->frames.used += (uint32_t)trace->depth;
  image->stacks.used++;
  return s;
}

// The stack's entry, made when it is the first time; NULL: there is no room.
static rix_image_stack_t* table_stack(rix_image_t* image, const rix_trace_t* trace) {
  uint64_t hash = trace->depth;
  for (size_t i = 0; i < trace->depth; i++)
    hash = table_mix(hash ^ trace->pcs[i]);
  table_bucket_t* const bucket =
      &RIX_IMAGE_PART(table_bucket_t, image, stack_buckets)[hash % TABLE_STACK_BUCKETS];
  rix_image_stack_t* const stacks = RIX_IMAGE_PART(rix_image_stack_t, image, stacks);
  const uint32_t first = ri_load_relaxed(bucket);
  for (uint32_t i = first; i != 0; i = stacks[i - 1].next)
    if (table_same(image, &stacks[i - 1], trace)) return &stacks[i - 1];
  rix_image_stack_t* const s = table_new_stack(image, trace);
  if (s == NULL) return NULL;
  s->next = first;
  ri_store_relaxed(bucket, (uint32_t)(s - stacks) + 1);
  return s;
}

// ---- Sums ---------------------------------------------------------------------------------------

// What one record counts.
static rix_sums_t table_sums_of(const rix_image_record_t* r) {
  const double variance = (r->weight - 1) * r->weight;  // (1 - p) / p^2
  const double requested = (double)r->requested;
  return (rix_sums_t){1,
                      r->weight,
                      requested * r->weight,
                      (double)r->usable * r->weight,
                      variance,
                      variance * requested * requested};
}

static void table_sum(rix_sums_t* to, const rix_sums_t* more, double sign) {
  to->samples += sign * more->samples;
  if (to->samples == 0 && sign < 0) {  // nothing is left, not even by rounding
    *to = (rix_sums_t){.samples = 0};
    return;
  }
  to->count += sign * more->count;
  to->bytes += sign * more->bytes;
  to->usable += sign * more->usable;
  to->var_count += sign * more->var_count;
  to->var_bytes += sign * more->var_bytes;
}

// A stack is about to change: what it had at the last peak is kept.
static void table_touch(const rix_image_t* image, rix_image_stack_t* s) {
  if (s->epoch == image->epoch) return;
  s->peak = s->live;
  s->epoch = image->epoch;
}

static void table_note_peak(rix_image_t* image, uint64_t us) {
  if (image->live.bytes <= image->peak.bytes * 1.01) return;
  image->peak = image->live;
  image->peak_us = us;
  image->epoch++;
}

// ---- Records ------------------------------------------------------------------------------------

static table_bucket_t* table_bucket(const rix_image_t* image, uintptr_t pointer) {
  const size_t i = table_mix(pointer) % TABLE_RECORD_BUCKETS;
  return &RIX_IMAGE_PART(table_bucket_t, image, record_buckets)[i];
}

bool rix_image_may_have(const rix_image_t* image, uintptr_t pointer) {
  return ri_load_relaxed(table_bucket(image, pointer)) != 0;
}

static rix_image_record_t* table_new_record(rix_image_t* image) {
  rix_image_record_t* const records = RIX_IMAGE_PART(rix_image_record_t, image, records);
  if (image->free_record != 0) {
    rix_image_record_t* const r = &records[image->free_record - 1];
    image->free_record = r->next;
    return r;
  }
  return image->records.used < image->records.room ? &records[image->records.used++] : NULL;
}

double rix_sampled_weight(const rix_sampled_t* s) {
  if (s->interval == 1) return 1;
  const double p = rix_draw_probability((double)s->usable / (double)s->interval);
  return p > 0 ? 1 / p : 1;
}

bool rix_image_add(rix_image_t* image, const rix_trace_t* trace, const rix_sampled_t* s,
                   uint64_t us) {
  rix_image_stack_t* const stack = table_stack(image, trace);
  rix_image_record_t* const r = stack != NULL ? table_new_record(image) : NULL;
  image->last_us = us;
  if (r == NULL) {
    if (stack == NULL) image->dropped_stacks++;
    image->dropped_records++;
    image->dropped_bytes += (double)s->requested * rix_sampled_weight(s);
    return false;
  }
  rix_image_stack_t* const stacks = RIX_IMAGE_PART(rix_image_stack_t, image, stacks);
  table_bucket_t* const bucket = table_bucket(image, s->pointer);
  *r = (rix_image_record_t){s->pointer,
                            s->requested,
                            s->usable,
                            rix_sampled_weight(s),
                            us,
                            s->mark,
                            (uint32_t)(stack - stacks),
                            s->thread,
                            s->heap,
                            ri_load_relaxed(bucket)};
  const rix_sums_t sums = table_sums_of(r);
  table_touch(image, stack);
  table_sum(&stack->live, &sums, 1);
  table_sum(&stack->allocated, &sums, 1);
  table_sum(&image->live, &sums, 1);
  table_sum(&image->allocated, &sums, 1);
  table_note_peak(image, us);
  const rix_image_record_t* const records = RIX_IMAGE_PART(rix_image_record_t, image, records);
  ri_store_relaxed(bucket, (uint32_t)(r - records) + 1);
  return true;
}

rix_image_record_t* rix_image_find(rix_image_t* image, uintptr_t pointer) {
  rix_image_record_t* const records = RIX_IMAGE_PART(rix_image_record_t, image, records);
  uint32_t i = ri_load_relaxed(table_bucket(image, pointer));
  while (i != 0 && records[i - 1].pointer != pointer)
    i = records[i - 1].next;
  return i != 0 ? &records[i - 1] : NULL;
}

static void table_unlink(rix_image_t* image, rix_image_record_t* r) {
  rix_image_record_t* const records = RIX_IMAGE_PART(rix_image_record_t, image, records);
  const uint32_t index = (uint32_t)(r - records) + 1;
  table_bucket_t* const bucket = table_bucket(image, (uintptr_t)r->pointer);
  uint32_t i = ri_load_relaxed(bucket);
  if (i == index) {
    ri_store_relaxed(bucket, r->next);
  } else {
    while (records[i - 1].next != index)
      i = records[i - 1].next;
    records[i - 1].next = r->next;
  }
  r->pointer = 0;
  r->next = image->free_record;
  image->free_record = index;
}

bool rix_image_remove(rix_image_t* image, uintptr_t pointer, uint32_t thread, uint64_t mark,
                      uint64_t us) {
  rix_image_record_t* const r = rix_image_find(image, pointer);
  if (r == NULL) return false;
  rix_image_stack_t* const stack = RIX_IMAGE_PART(rix_image_stack_t, image, stacks) + r->stack;
  const rix_sums_t sums = table_sums_of(r);
  table_touch(image, stack);
  table_sum(&stack->live, &sums, -1);
  table_sum(&image->live, &sums, -1);
  if (r->thread == thread && r->mark == mark) {
    table_sum(&stack->temporary, &sums, 1);
    table_sum(&image->temporary, &sums, 1);
  }
  const uint64_t lived = us > r->us ? us - r->us : 0;
  const unsigned place = lived == 0 ? 0 : rix_bsr64(lived) + 1;  // below 2^place
  stack->lifetimes[rix_min(place, RIX_IMAGE_LIFETIMES - 1)] += (float)r->weight;
  image->last_us = us;
  table_unlink(image, r);
  return true;
}

void rix_image_resize(rix_image_t* image, uintptr_t pointer, size_t requested) {
  rix_image_record_t* const r = rix_image_find(image, pointer);
  if (r == NULL || r->requested == requested) return;
  rix_image_stack_t* const stack = RIX_IMAGE_PART(rix_image_stack_t, image, stacks) + r->stack;
  rix_sums_t* const sums[] = {&stack->live, &stack->allocated, &image->live, &image->allocated};
  const rix_sums_t before = table_sums_of(r);
  table_touch(image, stack);
  r->requested = requested;
  const rix_sums_t now = table_sums_of(r);
  for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
    sums[i]->bytes += now.bytes - before.bytes;
    sums[i]->var_bytes += now.var_bytes - before.var_bytes;
  }
  table_note_peak(image, image->last_us);
}

// ---- Timeline -----------------------------------------------------------------------------------

static uint64_t table_ms(const rix_image_t* image, uint64_t us) {
  return us > image->started_us ? (us - image->started_us) / 1000 : 0;
}

bool rix_image_wants_point(const rix_image_t* image, uint64_t us) {
  if (image->points.used == 0) return true;
  const rix_image_point_t* const points = RIX_IMAGE_PART(const rix_image_point_t, image, points);
  return table_ms(image, us) >= points[image->points.used - 1].ms + image->point_step_ms;
}

void rix_image_add_point(rix_image_t* image, uint64_t us, size_t resident) {
  rix_image_point_t* const points = RIX_IMAGE_PART(rix_image_point_t, image, points);
  if (image->points.used == image->points.room) {  // every second one goes
    for (uint32_t i = 0; i < image->points.room / 2; i++)
      points[i] = points[2 * i];
    image->points.used = image->points.room / 2;
    image->point_step_ms *= 2;
  }
  points[image->points.used++] =
      (rix_image_point_t){table_ms(image, us), resident, image->live.bytes, image->allocated.bytes};
}
