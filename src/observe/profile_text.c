// SPDX-License-Identifier: MIT
// profile_text.c: a profile in the text formats of other tools: gperftools' heap profile, collapsed
// stacks, speedscope's JSON.
#include <string.h>

#include "observe/profile.h"

// ---- gperftools ---------------------------------------------------------------------------------

static void heap_sums(rix_out_t* out, const rix_sums_t* live, const rix_sums_t* all) {
  rix_out_format(out, "%.0f: %.0f [%.0f: %.0f] @", live->count, live->bytes, all->count,
                 all->bytes);
}

// Numbers are estimates already: with an interval of 1 a reader adds nothing to them.
void rix_profile_write_heap(rix_out_t* out, const rix_image_t* image) {
  rix_out_text(out, "heap profile: ");
  heap_sums(out, &image->live, &image->allocated);
  rix_out_text(out, " heap_v2/1\n");
  for (uint32_t i = 0; i < image->stacks.used; i++) {
    const rix_image_stack_t* const s = rix_image_stack(image, i);
    size_t depth;
    const uint64_t* const frames = rix_image_frames(image, s, &depth);
    heap_sums(out, &s->live, &s->allocated);
    for (size_t n = 0; n < depth; n++)
      rix_out_format(out, " 0x%llx", (unsigned long long)frames[n]);
    rix_out_text(out, "\n");
  }
  rix_out_text(out, "\nMAPPED_LIBRARIES:\n");
  const rix_image_module_t* m = RIX_IMAGE_PART(const rix_image_module_t, image, modules);
  for (uint32_t i = 0; i < image->modules.used; i++, m++) {
    if (memchr(m->path, '\0', RIX_IMAGE_PATH) == NULL) continue;
    rix_out_format(out, "%08llx-%08llx r-xp %08llx 00:00 0 ", (unsigned long long)m->start,
                   (unsigned long long)m->end, (unsigned long long)m->offset);
    rix_out_text(out, m->path);
    rix_out_text(out, "\n");
  }
}

// ---- Collapsed stacks ---------------------------------------------------------------------------

// A line for each stack: its frames from the outermost on, and the live bytes.
void rix_profile_write_collapsed(rix_out_t* out, const rix_image_t* image) {
  for (uint32_t i = 0; i < image->stacks.used; i++) {
    const rix_image_stack_t* const s = rix_image_stack(image, i);
    size_t depth;
    const uint64_t* const frames = rix_image_frames(image, s, &depth);
    if (s->live.bytes < 0.5 || depth == 0) continue;
    for (size_t n = depth; n-- > 0;) {
      char text[300];
      rix_image_frame_text(image, frames[n], text);
      for (char* c = text; *c != '\0'; c++)
        if (*c == ';' || *c == '\n') *c = '_';
      rix_out_text(out, text);
      if (n > 0) rix_out_text(out, ";");
    }
    rix_out_format(out, " %.0f\n", s->live.bytes);
  }
}

// ---- speedscope ---------------------------------------------------------------------------------

static void speedscope_profile(rix_out_t* out, const rix_image_t* image, const rix_places_t* places,
                               const char* name, bool live) {
  rix_out_format(out, "{\"type\":\"sampled\",\"name\":\"%s\",\"unit\":\"bytes\",\"startValue\":0,",
                 name);
  rix_out_format(out, "\"endValue\":%.0f,\"samples\":[",
                 live ? image->live.bytes : image->allocated.bytes);
  for (uint32_t i = 0; i < image->stacks.used; i++) {
    size_t depth;
    const uint64_t* const frames = rix_image_frames(image, rix_image_stack(image, i), &depth);
    const char* separator = "";
    rix_out_text(out, i > 0 ? ",\n[" : "[");
    for (size_t n = depth; n-- > 0;) {
      if (frames[n] == 0) continue;
      rix_out_format(out, "%s%u", separator, rix_places_of(places, frames[n]) - 1);
      separator = ",";
    }
    rix_out_text(out, "]");
  }
  rix_out_text(out, "],\n\"weights\":[");
  for (uint32_t i = 0; i < image->stacks.used; i++) {
    const rix_image_stack_t* const s = rix_image_stack(image, i);
    rix_out_format(out, "%s%.0f", i > 0 ? "," : "", live ? s->live.bytes : s->allocated.bytes);
  }
  rix_out_text(out, "]}");
}

bool rix_profile_write_speedscope(rix_out_t* out, const rix_image_t* image) {
  rix_places_t places;
  if (!rix_places_make(&places, image)) return false;
  rix_out_text(out, "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n");
  rix_out_text(out, "\"exporter\":\"rimalloc\",\"activeProfileIndex\":0,\"shared\":{\"frames\":[");
  for (size_t i = 0; i < places.used; i++) {
    char text[300];
    rix_image_frame_text(image, places.order[i], text);
    rix_out_text(out, i > 0 ? ",\n{\"name\":" : "{\"name\":");
    rix_out_quoted(out, text);
    rix_out_text(out, "}");
  }
  rix_out_text(out, "]},\n\"profiles\":[");
  speedscope_profile(out, image, &places, "live bytes", true);
  rix_out_text(out, ",\n");
  speedscope_profile(out, image, &places, "allocated bytes", false);
  rix_out_text(out, "]}\n");
  rix_places_drop(&places);
  return true;
}
