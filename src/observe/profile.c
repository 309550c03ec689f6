// SPDX-License-Identifier: MIT
// profile.c: what of a profile only the process itself can tell: where its resident memory is, and
// which blocks hold pages that are mostly free.
//
// A page's free memory is attributed to the blocks that are live in it, in equal parts; a sampled
// block stands for as many as it stands for otherwise. So the sum over all stacks estimates the
// free memory of all pages with live blocks, without bias.
#include "observe/profile.h"

#include <errno.h>

#include "arena/mapping.h"
#include "arena/pagemap.h"
#include "base/bits.h"
#include "observe/stats.h"
#include "page/holes.h"
#include "page/remote.h"
#include "profile/profile.h"

// ---- Pinned memory ------------------------------------------------------------------------------

// The block of the record cannot be released meanwhile, nor its page become another.
static void profile_pin(const rix_image_t* image, const rix_image_record_t* r, rix_pinned_t* to) {
  const ri_page_t* const page = rix_pagemap_find((const void*)(uintptr_t)r->pointer);
  if (page == NULL || rix_page_is_single(page)) return;
  const size_t bytes = rix_page_bytes(page);
  const size_t size = rix_page_block_size(page);
  const size_t used = rix_page_live(page);
  const size_t live = rix_max(used - rix_min(rix_remote_count(page), used), 1);
  const size_t taken = live * size + rix_holes_bytes(page, bytes);
  const double share = r->weight / (double)live;
  const double free = (double)(bytes - rix_min(bytes, taken)) * share;
  const uint64_t ms = image->last_us > r->us ? (image->last_us - r->us) / 1000 : 0;
  const unsigned age = ms == 0 ? 0 : rix_bsr64(ms) + 1;
  to->bytes += free;
  to->pages += share;
  if (live * size <= bytes / 10) to->sparse += share;
  if (ri_load_relaxed(&page->xtheap) == NULL) to->abandoned += free;
  to->ages[rix_min(age, RIX_PINNED_AGES - 1)] += (float)free;
}

static void profile_look(const rix_image_t* image, void* arg) {
  rix_profile_extra_t* const extra = arg;
  const rix_image_record_t* const r = RIX_IMAGE_PART(const rix_image_record_t, image, records);
  extra->size = rix_align_up(image->stacks.used * sizeof(rix_pinned_t) + 1, rix_os_page_size());
  extra->pinned = rix_os_map(NULL, extra->size, RIX_OS_USABLE);
  for (uint32_t i = 0; extra->pinned != NULL && i < image->records.used; i++)
    if (r[i].pointer != 0) profile_pin(image, &r[i], &extra->pinned[r[i].stack]);
}

// ---- Resident memory ----------------------------------------------------------------------------

static double profile_part(double part, double* left) {
  const double taken = part < 0 ? 0 : part > *left ? *left : part;
  *left -= taken;
  return taken;
}

// What is in use is known exactly; how much of it was asked for, by the samples. `free_in_pages`:
// also what pages have not used yet, as far as it is resident: what is counted as resident first
// are the blocks.
static rix_reconciled_t profile_reconcile(const rix_image_t* image) {
  ri_stats_t s;
  ri_stats_init(&s);
  (void)rix_stats_get(&s);
  const double used = (double)(s.malloc_normal.current + s.malloc_huge.current);
  const double known = image->live.usable;
  const double asked = known > 0 ? image->live.bytes / known : 1;
  const double cached = (double)rix_mapping_cached();
  const double pages = (double)(s.page_committed.current - s.holes.current);
  rix_reconciled_t r = {.resident = (double)s.resident.current};
  double left = r.resident;
  r.live = profile_part(used * asked, &left);
  r.rounding = profile_part(used * (1 - asked), &left);
  r.metadata = profile_part((double)s.metadata.current, &left);
  r.cached = profile_part(cached, &left);
  r.due = profile_part((double)s.retained.current - cached, &left);
  r.free_in_pages = profile_part(pages - used, &left);
  r.other = left;
  return r;
}

// ---- Taking and writing -------------------------------------------------------------------------

rix_image_t* rix_profile_take(rix_profile_extra_t* extra) {
  if (extra == NULL) return rix_profile_copy(NULL, NULL);
  *extra = (rix_profile_extra_t){.pinned = NULL};
  rix_image_t* const image = rix_profile_copy(profile_look, extra);
  if (image != NULL) extra->reconciled = profile_reconcile(image);
  return image;
}

void rix_profile_drop(rix_image_t* image, rix_profile_extra_t* extra) {
  rix_profile_drop_copy(image);
  if (extra != NULL && extra->pinned != NULL) (void)rix_os_unmap(extra->pinned, extra->size);
}

int rix_profile_write(const rix_image_t* image, const rix_profile_extra_t* extra, int file,
                      ri_profile_format_t format, const char* reason) {
  rix_out_t out;
  bool memory = true;
  rix_out_begin(&out, file, format == RI_PROFILE_PPROF);
  switch (format) {
    case RI_PROFILE_JSON:
      rix_profile_write_json(&out, image, extra, reason);
      break;
    case RI_PROFILE_PPROF:
      memory = rix_profile_write_pprof(&out, image);
      break;
    case RI_PROFILE_HEAP:
      rix_profile_write_heap(&out, image);
      break;
    case RI_PROFILE_COLLAPSED:
      rix_profile_write_collapsed(&out, image);
      break;
    case RI_PROFILE_SPEEDSCOPE:
      memory = rix_profile_write_speedscope(&out, image);
      break;
    default:
      return EINVAL;
  }
  const int error = rix_out_end(&out);
  return memory ? error : ENOMEM;
}
