// SPDX-License-Identifier: MIT
// profile_json.c: a profile as JSON, with all that is known: docs/profiling.md has the fields.
#include <string.h>

#include "observe/profile.h"
#include "os/file.h"

static void profile_json_number(rix_out_t* out, const char* name, double value) {
  rix_out_format(out, "\"%s\":%.10g", name, value);
}

static void profile_json_sums(rix_out_t* out, const char* name, const rix_sums_t* s) {
  rix_out_format(out, "\"%s\":{\"samples\":%.0f,\"count\":%.10g,\"bytes\":%.10g,", name, s->samples,
                 s->count, s->bytes);
  rix_out_format(out, "\"usable\":%.10g,\"var_count\":%.10g,\"var_bytes\":%.10g}", s->usable,
                 s->var_count, s->var_bytes);
}

static void profile_json_modules(rix_out_t* out, const rix_image_t* image) {
  const rix_image_module_t* m = RIX_IMAGE_PART(const rix_image_module_t, image, modules);
  rix_out_text(out, "\"mappings\":[");
  for (uint32_t i = 0; i < image->modules.used; i++, m++) {
    if (memchr(m->path, '\0', RIX_IMAGE_PATH) == NULL) continue;
    rix_out_format(out,
                   "%s\n{\"start\":\"0x%llx\",\"end\":\"0x%llx\",\"offset\":\"0x%llx\",\"path\":",
                   i == 0 ? "" : ",", (unsigned long long)m->start, (unsigned long long)m->end,
                   (unsigned long long)m->offset);
    rix_out_quoted(out, m->path);
    rix_out_text(out, ",\"build_id\":\"");
    for (size_t n = 0; n < m->id_length && n < sizeof(m->id); n++)
      rix_out_format(out, "%02x", m->id[n]);
    rix_out_text(out, "\"}");
  }
  rix_out_text(out, "],\n");
}

static void profile_json_stack(rix_out_t* out, const rix_image_t* image, uint32_t i) {
  const rix_image_stack_t* const s = rix_image_stack(image, i);
  size_t depth;
  const uint64_t* const frames = rix_image_frames(image, s, &depth);
  rix_out_format(out, "%s\n{\"id\":%u,\"truncated\":%s,\"frames\":[", i == 0 ? "" : ",", i,
                 s->truncated != 0 ? "true" : "false");
  for (size_t n = 0; n < depth; n++)
    rix_out_format(out, "%s\"0x%llx\"", n == 0 ? "" : ",", (unsigned long long)frames[n]);
  rix_out_text(out, "],");
  profile_json_sums(out, "live", &s->live);
  rix_out_text(out, ",");
  profile_json_sums(out, "allocated", &s->allocated);
  rix_out_text(out, ",");
  profile_json_sums(out, "peak", rix_image_peak_of(image, s));
  rix_out_text(out, ",");
  profile_json_sums(out, "temporary", &s->temporary);
  rix_out_text(out, ",\"lifetimes\":[");
  for (size_t n = 0; n < RIX_IMAGE_LIFETIMES; n++)
    rix_out_format(out, "%s%.6g", n == 0 ? "" : ",", (double)s->lifetimes[n]);
  rix_out_text(out, "]}");
}

static void profile_json_samples(rix_out_t* out, const rix_image_t* image) {
  const rix_image_record_t* r = RIX_IMAGE_PART(const rix_image_record_t, image, records);
  const char* separator = "";
  rix_out_text(out, "\"samples\":[");
  for (uint32_t i = 0; i < image->records.used; i++, r++) {
    if (r->pointer == 0 || r->stack >= image->stacks.used) continue;
    const uint64_t age = image->last_us > r->us ? (image->last_us - r->us) / 1000 : 0;
    rix_out_format(out, "%s\n[%u,%llu,%llu,%.10g,", separator, r->stack,
                   (unsigned long long)r->requested, (unsigned long long)r->usable, r->weight);
    rix_out_format(out, "%llu,%u,%u,\"0x%llx\"]", (unsigned long long)age, r->thread, r->heap,
                   (unsigned long long)r->pointer);
    separator = ",";
  }
  rix_out_text(out, "],\n");
}

static void profile_json_reconciled(rix_out_t* out, const rix_reconciled_t* r) {
  rix_out_text(out, "\"reconcile\":{");
  const struct {
    const char* name;
    double value;
  } rows[] = {{"resident", r->resident},           {"live", r->live},  {"rounding", r->rounding},
              {"free_in_pages", r->free_in_pages}, {"due", r->due},    {"cached", r->cached},
              {"metadata", r->metadata},           {"other", r->other}};
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    if (i > 0) rix_out_text(out, ",");
    profile_json_number(out, rows[i].name, rows[i].value);
  }
  rix_out_text(out, "},\n");
}

// The age below which half of the bytes are, in ms: within a factor of 2, the middle of that.
static double profile_json_median(const rix_pinned_t* p) {
  double half = 0;
  for (size_t i = 0; i < RIX_PINNED_AGES; i++)
    half += (double)p->ages[i] / 2;
  double age = 0;
  for (size_t i = 0; i < RIX_PINNED_AGES; i++) {
    if (half <= (double)p->ages[i]) return age;
    half -= (double)p->ages[i];
    age = age == 0 ? 1.5 : 2 * age;
  }
  return age;
}

static void profile_json_pinned(rix_out_t* out, const rix_image_t* image,
                                const rix_profile_extra_t* extra) {
  const char* separator = "";
  rix_out_text(out, "\"pinned\":[");
  for (uint32_t i = 0; extra->pinned != NULL && i < image->stacks.used; i++) {
    const rix_pinned_t* const p = &extra->pinned[i];
    if (p->bytes <= 0) continue;
    rix_out_format(out, "%s\n{\"stack\":%u,\"bytes\":%.10g,\"pages\":%.6g,\"sparse_pages\":%.6g,",
                   separator, i, p->bytes, p->pages, p->sparse);
    rix_out_format(out, "\"median_age_ms\":%.0f,\"abandoned\":%.10g}", profile_json_median(p),
                   p->abandoned);
    separator = ",";
  }
  rix_out_text(out, "],\n");
}

static void profile_json_points(rix_out_t* out, const rix_image_t* image) {
  const rix_image_point_t* p = RIX_IMAGE_PART(const rix_image_point_t, image, points);
  rix_out_text(out, "\"timeline\":[");
  for (uint32_t i = 0; i < image->points.used; i++, p++) {
    rix_out_format(out, "%s\n{\"ms\":%llu,\"resident\":%llu,", i == 0 ? "" : ",",
                   (unsigned long long)p->ms, (unsigned long long)p->resident);
    rix_out_format(out, "\"live\":%.10g,\"allocated\":%.10g}", p->live, p->allocated);
  }
  rix_out_text(out, "],\n");
}

static void profile_json_header(rix_out_t* out, const rix_image_t* image, const char* reason) {
  const uint64_t ms = (image->last_us - image->started_us) / 1000;
  rix_out_format(
      out, "{\"format\":\"rimalloc-profile\",\"version\":1,\"pid\":%u,\"program\":", image->pid);
  const bool ends = memchr(image->program, '\0', sizeof(image->program)) != NULL;
  rix_out_quoted(out, ends ? image->program : "");
  rix_out_format(out, ",\n\"time_ms\":%llu,\"duration_ms\":%llu,\"interval\":%llu,",
                 (unsigned long long)image->started_wall_ms + ms, (unsigned long long)ms,
                 (unsigned long long)image->interval);
  rix_out_format(out, "\"page_size\":%llu,\"reason\":\"%s\",\n",
                 (unsigned long long)image->page_size, reason);
}

void rix_profile_write_json(rix_out_t* out, const rix_image_t* image,
                            const rix_profile_extra_t* extra, const char* reason) {
  const uint64_t peak = image->peak_us > image->started_us ? image->peak_us - image->started_us : 0;
  profile_json_header(out, image, reason);
  profile_json_modules(out, image);
  rix_out_text(out, "\"totals\":{");
  profile_json_sums(out, "live", &image->live);
  rix_out_text(out, ",\n");
  profile_json_sums(out, "allocated", &image->allocated);
  rix_out_text(out, ",\n");
  profile_json_sums(out, "peak", &image->peak);
  rix_out_text(out, ",\n");
  profile_json_sums(out, "temporary", &image->temporary);
  rix_out_format(out, ",\"peak_ms\":%llu},\n\"stacks\":[", (unsigned long long)(peak / 1000));
  for (uint32_t i = 0; i < image->stacks.used; i++)
    profile_json_stack(out, image, i);
  rix_out_text(out, "],\n");
  profile_json_samples(out, image);
  if (extra != NULL) {
    profile_json_reconciled(out, &extra->reconciled);
    profile_json_pinned(out, image, extra);
  } else {
    rix_out_text(out, "\"reconcile\":{},\n\"pinned\":[],\n");
  }
  profile_json_points(out, image);
  rix_out_format(out, "\"drops\":{\"stacks\":%u,\"records\":%u,\"bytes\":%.10g}}\n",
                 image->dropped_stacks, image->dropped_records, image->dropped_bytes);
}
