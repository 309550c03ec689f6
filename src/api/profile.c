// SPDX-License-Identifier: MIT
// profile.c: the functions of rimalloc/profile.h, and what the options ask for at the start and at
// the end of the process.
#include <errno.h>
#include <rimalloc/profile.h>
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "heap/profile.h"
#include "observe/profile.h"
#include "options/options.h"
#include "os/file.h"
#include "page/profiled.h"

enum { PROFILE_PATH = 512, PROFILE_LEAKS = 20, PROFILE_EXIT = 23, PROFILE_FRAMES = 12 };

// Lets the theaps of the calling thread follow.
static void profile_thread_refresh(void) {
  if (rix_tls.phase != RIX_THREAD_LIVE) return;
  rix_heap_settle();
  rix_lock(&rix_heap_lock);  // no theap ends meanwhile
  rix_theap_t* theap = ((rix_tld_t*)rix_tls.self)->theaps;
  for (; theap != NULL; theap = theap->next)
    if (theap->state != RIX_THEAP_DESTROYED) rix_profile_theap_refresh(theap);
  rix_unlock(&rix_heap_lock);
}

bool ri_profile_start(size_t interval) {
  if (interval == 0) {
    rix_os_set_errno(EINVAL);
    return false;
  }
  if (rix_profile_start(interval, NULL)) {
    profile_thread_refresh();
    return true;
  }
  rix_os_set_errno(ENOMEM);
  return false;
}

void ri_profile_stop(void) {
  rix_profile_stop();
  profile_thread_refresh();
}

void ri_profile_reset(void) {
  rix_profile_reset();
  rix_page_forget_sampled();
}

size_t ri_profile_interval(void) { return (size_t)rix_profile_interval(); }

// ---- Reading ------------------------------------------------------------------------------------

static int profile_dump(int file, ri_profile_format_t format, const char* reason) {
  rix_profile_extra_t extra = {0};
  rix_profile_extra_t* const wanted = format == RI_PROFILE_JSON ? &extra : NULL;
  if (!rix_profile_exists()) return ENOENT;
  rix_image_t* const image = rix_profile_take(wanted);
  if (image == NULL) return ENOMEM;
  const int saved = rix_os_errno();
  const int error = rix_profile_write(image, wanted, file, format, reason);
  rix_os_set_errno(saved);
  rix_profile_drop(image, wanted);
  return error;
}

int ri_profile_dump_fd(int file, ri_profile_format_t format) {
  return profile_dump(file, format, "dump");
}

static int profile_dump_path(const char* path, ri_profile_format_t format, const char* reason) {
  const int saved = rix_os_errno();
  const int file = rix_os_file_create(path);
  int error = rix_os_errno();
  if (file >= 0) {
    error = profile_dump(file, format, reason);
    rix_os_file_close(file);
  }
  rix_os_set_errno(saved);
  return error;
}

int ri_profile_dump(const char* path, ri_profile_format_t format) {
  if (!rix_profile_exists()) return ENOENT;
  return profile_dump_path(path, format, "dump");
}

int ri_profile_convert(const char* path, int file, ri_profile_format_t format) {
  const int saved = rix_os_errno();
  const int from = rix_os_file_open(path);
  size_t size = 0;
  rix_image_t* const image = from >= 0 ? rix_os_file_map_read(from, &size) : NULL;
  int error = rix_os_errno();
  if (image != NULL) {
    const bool valid = rix_image_valid(image, size);
    error = valid ? rix_profile_write(image, NULL, file, format, "blackbox") : EINVAL;
    (void)rix_os_unmap(image, rix_align_up(size, rix_os_page_size()));
  }
  if (from >= 0) rix_os_file_close(from);
  rix_os_set_errno(saved);
  return error;
}

static bool profile_visit_one(const rix_image_t* image, const rix_image_record_t* r,
                              ri_profile_visit_fun* visitor, void* arg) {
  ri_profile_sample_t s = {.block = (const void*)(uintptr_t)r->pointer,
                           .requested = (size_t)r->requested,
                           .usable = (size_t)r->usable,
                           .weight = r->weight,
                           .thread = r->thread,
                           .heap = r->heap};
  s.age_ms = image->last_us > r->us ? (image->last_us - r->us) / 1000 : 0;
  s.frames = rix_image_frames(image, rix_image_stack(image, r->stack), &s.depth);
  return visitor(&s, arg);
}

bool ri_profile_visit(ri_profile_visit_fun* visitor, void* arg) {
  rix_image_t* const image = rix_profile_take(NULL);
  if (image == NULL) return false;
  const rix_image_record_t* const r = RIX_IMAGE_PART(const rix_image_record_t, image, records);
  bool all = true;
  for (uint32_t i = 0; all && i < image->records.used; i++)
    if (r[i].pointer != 0) all = profile_visit_one(image, &r[i], visitor, arg);
  rix_profile_drop(image, NULL);
  return all;
}

// ---- By options ---------------------------------------------------------------------------------

// The file that the environment names, with the process's id for %p; empty: none. *own: it has the
// id in its name.
static void profile_path(char path[PROFILE_PATH], bool* own) {
  const char* text = rix_options_text("profile_file");
  if (text == NULL && rix_option(ri_option_profile_dump_at_exit) != 0) text = "rimalloc.%p.json";
  *own = text != NULL && strstr(text, "%p") != NULL;
  path[0] = '\0';
  if (text == NULL) return;
  const size_t head = *own ? (size_t)(strstr(text, "%p") - text) : strlen(text);
  char id[16] = "";
  if (*own) snprintf(id, sizeof(id), "%u", rix_os_process_id());
  const int n = snprintf(path, PROFILE_PATH, "%.*s%s%s", (int)rix_min(head, PROFILE_PATH), text, id,
                         *own ? text + head + 2 : "");
  if (n < 0 || n >= PROFILE_PATH) path[0] = '\0';
}

static bool profile_ends(const char* path, const char* ending) {
  const size_t n = strlen(path);
  const size_t m = strlen(ending);
  return n >= m && strcmp(path + n - m, ending) == 0;
}

static ri_profile_format_t profile_format_of(const char* path) {
  if (profile_ends(path, ".pb.gz")) return RI_PROFILE_PPROF;
  if (profile_ends(path, ".heap")) return RI_PROFILE_HEAP;
  if (profile_ends(path, ".collapsed")) return RI_PROFILE_COLLAPSED;
  if (profile_ends(path, ".speedscope.json")) return RI_PROFILE_SPEEDSCOPE;
  return RI_PROFILE_JSON;
}

static uint32_t profile_starter;  // the process that began by its options; 0: none did

void rix_api_profile_begin(void) {
  const bool leaks = rix_option(ri_option_profile_leaks) != 0;
  size_t interval = (size_t)rix_option(ri_option_profile);
  if (interval == 0 && leaks) interval = 1;
  if (interval == 0) return;
  char path[PROFILE_PATH];
  bool own;
  profile_path(path, &own);
  const bool file = profile_ends(path, ".rip");
  if (rix_profile_start(interval, file ? path : NULL)) {
    profile_starter = rix_os_process_id();
  } else if (file) {
    rix_warning("the profile cannot be kept in %s (for each process of its own: %%p in the name)",
                path);
  } else {
    rix_warning("no memory for a profile");
  }
}

static void profile_report_leak(const rix_image_t* image, const rix_image_stack_t* s) {
  size_t depth;
  const uint64_t* const frames = rix_image_frames(image, s, &depth);
  rix_message("%.0f bytes in %.0f blocks, allocated at\n", s->live.bytes, s->live.count);
  for (size_t i = 0; i < depth && i < PROFILE_FRAMES; i++) {
    char text[300];
    rix_image_frame_text(image, frames[i] - 1, text);
    rix_message("    %s\n", text);
  }
}

// The largest ones first.
static void profile_report_leaks(const rix_image_t* image) {
  rix_message("not freed: about %.0f bytes in %.0f blocks (one sample in %llu bytes)\n",
              image->live.bytes, image->live.count, (unsigned long long)image->interval);
  double below = 1e300;
  uint32_t last = UINT32_MAX;
  for (int n = 0; n < PROFILE_LEAKS; n++) {
    const rix_image_stack_t* best = NULL;
    uint32_t at = 0;
    for (uint32_t i = 0; i < image->stacks.used; i++) {
      const rix_image_stack_t* const s = rix_image_stack(image, i);
      const bool after = s->live.bytes < below || (s->live.bytes == below && i > last);
      if (s->live.samples < 0.5 || !after || (best != NULL && s->live.bytes <= best->live.bytes))
        continue;
      best = s;
      at = i;
    }
    if (best == NULL) return;
    profile_report_leak(image, best);
    below = best->live.bytes;
    last = at;
  }
}

static bool profile_has_leaks(void) {
  rix_image_t* const image = rix_profile_take(NULL);
  if (image == NULL) return false;
  const bool some = image->live.samples >= 0.5;
  if (some) profile_report_leaks(image);
  rix_profile_drop(image, NULL);
  return some;
}

void rix_api_profile_end(void) {
  if (profile_starter == 0) return;
  char path[PROFILE_PATH];
  bool own;
  profile_path(path, &own);
  const bool parent = profile_starter == rix_os_process_id();
  rix_profile_stop();
  if (path[0] != '\0' && !profile_ends(path, ".rip") && (own || parent)) {
    const int error = profile_dump_path(path, profile_format_of(path), "exit");
    if (error != 0) rix_warning("the profile was not written to %s: error %d", path, error);
  }
  if (rix_option(ri_option_profile_leaks) == 0 || !parent || !profile_has_leaks()) return;
  fflush(NULL);
  rix_os_exit(PROFILE_EXIT);
}
