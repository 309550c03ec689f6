// SPDX-License-Identifier: MIT
// profile.c: see profile.h. Here are the clock, the process and its modules; table.c knows none of
// them.
#include "profile/profile.h"

#include "base/bits.h"
#include "options/options.h"
#include "os/file.h"
#include "os/probe.h"

enum { PROFILE_MODULES_US = 100000 };  // at least between two looks for modules

rix_profile_interval_t rix_profile_xinterval;
rix_profile_image_t rix_profile_ximage;

static struct {
  bool file;             // a mapped one
  ri_atomic_u32_t* own;  // of this process, and not of one that clone made of it
  uint64_t modules_us;   // when modules were looked for last
} profile;

static rix_image_t* profile_image(void) { return ri_load_relaxed(&rix_profile_ximage); }

bool rix_profile_exists(void) { return profile_image() != NULL; }

// ---- Modules ------------------------------------------------------------------------------------

static bool profile_knows(const rix_image_t* image, uint64_t pc) {
  const rix_image_module_t* const modules =
      RIX_IMAGE_PART(const rix_image_module_t, image, modules);
  for (uint32_t i = image->modules.used; i-- > 0;)
    if (pc >= modules[i].start && pc < modules[i].end) return true;
  return false;
}

static bool profile_take_module(const rix_os_module_t* module, void* arg) {
  rix_image_t* const image = arg;
  rix_image_module_t* const modules = RIX_IMAGE_PART(rix_image_module_t, image, modules);
  size_t length = __builtin_strlen(module->path);
  if (length >= RIX_IMAGE_PATH) length = RIX_IMAGE_PATH - 1;
  for (uint32_t i = 0; i < image->modules.used; i++) {
    const rix_image_module_t* const m = &modules[i];
    const bool same = m->start == module->start && m->end == module->end &&
                      m->offset == module->offset && m->path[length] == '\0' &&
                      __builtin_memcmp(m->path, module->path, length) == 0;
    if (same) return true;
  }
  if (image->modules.used == image->modules.room) return false;
  rix_image_module_t* const m = &modules[image->modules.used];
  *m = (rix_image_module_t){.start = module->start, .end = module->end, .offset = module->offset};
  __builtin_memcpy(m->path, module->path, length);
  m->id_length = (uint32_t)rix_os_build_id(m->path, m->id, sizeof(m->id));
  image->modules.used++;
  return true;
}

static void profile_find_modules(rix_image_t* image, uint64_t us) {
  profile.modules_us = us;
  (void)rix_os_modules(profile_take_module, image);
}

// A stack was seen for the first time.
static void profile_new_stack(rix_image_t* image, const rix_trace_t* trace, uint64_t us) {
  if (us - profile.modules_us < PROFILE_MODULES_US) return;
  for (size_t i = 0; i < trace->depth; i++) {
    if (profile_knows(image, trace->pcs[i])) continue;
    profile_find_modules(image, us);
    return;
  }
}

// ---- On and off ---------------------------------------------------------------------------------

// Whether the file has the tables of another process that lives: its child may have got the name
// from it, with the environment.
static bool profile_is_taken(const char* path) {
  rix_image_t old;
  const int file = rix_os_file_open(path);
  if (file < 0) return false;
  const size_t got = rix_os_file_read_at(file, &old, sizeof(old), 0);
  rix_os_file_close(file);
  return got == sizeof(old) && rix_image_valid(&old, (size_t)old.size) &&
         old.pid != rix_os_process_id() && rix_os_process_exists(old.pid);
}

static rix_image_t* profile_map(size_t size, const char* path) {
  if (path == NULL) return rix_os_map(NULL, size, RIX_OS_USABLE);
  if (profile_is_taken(path)) return NULL;
  const int file = rix_os_file_replace(path);
  if (file < 0) return NULL;
  rix_image_t* const image = rix_os_file_map(file, size);
  rix_os_file_close(file);
  return image;
}

static void profile_begin(rix_image_t* image, uint64_t interval) {
  const uint64_t us = rix_os_clock_us();
  image->interval = interval;
  image->started_us = image->last_us = us;
  image->started_wall_ms = rix_os_wall_ms();
  image->page_size = rix_os_page_size();
  image->pid = rix_os_process_id();
  rix_os_program(image->program, sizeof(image->program));
  profile_find_modules(image, us);
}

// The tables, made if there are none; under the lock. NULL: no memory.
static rix_image_t* profile_make(uint64_t interval, const char* path) {
  rix_image_t* image = profile_image();
  if (image == NULL) {
    const size_t wanted = rix_option_bytes(ri_option_profile_memory, 10);
    const size_t size = rix_align_up(wanted, rix_os_page_size());
    image = profile_map(size, path);
    if (image == NULL) return NULL;
    rix_image_init(image, size);
    profile_begin(image, interval);
    profile.file = path != NULL;
    if (profile.file) profile.own = rix_os_own_page(profile.own);
    ri_store_relaxed(&rix_profile_ximage, image);
  }
  image->interval = interval;
  return image;
}

bool rix_profile_start(uint64_t interval, const char* path) {
  rix_lock(&rix_profile_lock);
  const bool made = profile_make(interval, path) != NULL;
  if (made) ri_store_relaxed(&rix_profile_xinterval, interval);
  rix_unlock(&rix_profile_lock);
  return made;
}

uint64_t rix_profile_follow(void) {
  const uint64_t interval = rix_profile_interval();
  if (interval == 0) return 0;
  const int saved = rix_os_errno();
  rix_lock(&rix_profile_lock);
  const bool made = profile_make(interval, NULL) != NULL;
  if (!made) ri_store_relaxed(&rix_profile_xinterval, 0);
  rix_unlock(&rix_profile_lock);
  rix_os_set_errno(saved);
  return made ? interval : 0;
}

void rix_profile_stop(void) { ri_store_relaxed(&rix_profile_xinterval, 0); }

void rix_profile_reset(void) {
  rix_lock(&rix_profile_lock);
  rix_image_t* const image = profile_image();
  if (image != NULL) {
    rix_image_clear(image);
    profile_begin(image, image->interval);
  }
  rix_unlock(&rix_profile_lock);
}

// ---- Another process ----------------------------------------------------------------------------

// The file stays the parent's. Without memory for a copy there is nothing more to be known here.
static void profile_leave_file(void) {
  rix_image_t* const image = profile_image();
  rix_image_t* const copy = rix_os_map(NULL, (size_t)image->size, RIX_OS_USABLE);
  if (copy != NULL) {
    rix_image_copy(copy, image);
  } else {
    ri_store_relaxed(&rix_profile_xinterval, 0);
  }
  ri_store_relaxed(&rix_profile_ximage, copy);
  (void)rix_os_unmap(image, (size_t)image->size);
  profile.file = false;
}

void rix_profile_after_fork(void) {
  if (profile_image() == NULL) return;
  if (profile.file) profile_leave_file();
  if (profile.own != NULL) ri_store_relaxed(profile.own, 1);
  if (profile_image() != NULL) profile_image()->pid = rix_os_process_id();
}

// The tables, under the lock. A process that was made by clone, unknown to the C library, notices
// here; a child of vfork shares all this with its parent, and goes on with it.
static rix_image_t* profile_mine(void) {
  if (profile.file && profile.own != NULL && ri_load_relaxed(profile.own) == 0)
    rix_profile_after_fork();
  return profile_image();
}

// ---- Samples ------------------------------------------------------------------------------------

RIX_NOINLINE void rix_profile_trace(rix_trace_t* trace) {
  rix_unwind_bounds_t bounds = {0, 0};  // what was a stack the last time need not be one any more
  trace->depth = rix_unwind(trace->pcs, RIX_IMAGE_DEPTH, &bounds, &trace->whole);
  uintptr_t low;
  uintptr_t high;
  if (trace->depth == 0 || !rix_unwind_module((uintptr_t)&rix_profile_trace, &low, &high)) return;
  size_t own = 0;
  while (own < trace->depth && trace->pcs[own] >= low && trace->pcs[own] < high)
    own++;
  const uintptr_t last = trace->pcs[trace->depth - 1];
  if (own == trace->depth || (last >= low && last < high)) return;  // it is in the program
  trace->depth -= own;
  __builtin_memmove(trace->pcs, trace->pcs + own, trace->depth * sizeof(trace->pcs[0]));
}

bool rix_profile_add(const rix_trace_t* trace, const rix_sampled_t* sampled) {
  const uint64_t us = rix_os_clock_us();
  rix_lock(&rix_profile_lock);
  rix_image_t* const image = profile_mine();
  bool added = false;
  if (image != NULL) {
    const uint32_t stacks = image->stacks.used;
    added = rix_image_add(image, trace, sampled, us);
    if (image->stacks.used != stacks) profile_new_stack(image, trace, us);
    if (rix_image_wants_point(image, us)) rix_image_add_point(image, us, rix_os_resident());
  }
  rix_unlock(&rix_profile_lock);
  if (added) {
    RIX_PROBE_ALLOC(sampled->pointer, sampled->requested,
                    (uint64_t)((double)sampled->requested * rix_sampled_weight(sampled) + 0.5));
  }
  return added;
}

bool rix_profile_remove(uintptr_t pointer, uint64_t mark) {
  const rix_image_t* const seen = profile_image();
  if (seen == NULL || !rix_image_may_have(seen, pointer)) return false;
  const uint64_t us = rix_os_clock_us();
  const uint32_t thread = rix_os_thread_id();
  rix_lock(&rix_profile_lock);
  rix_image_t* const image = profile_mine();
  const bool removed = image != NULL && rix_image_remove(image, pointer, thread, mark, us);
  rix_unlock(&rix_profile_lock);
  if (removed) RIX_PROBE_FREE(pointer);
  return removed;
}

void rix_profile_resize(uintptr_t pointer, size_t requested) {
  rix_lock(&rix_profile_lock);
  rix_image_t* const image = profile_mine();
  if (image != NULL) rix_image_resize(image, pointer, requested);
  rix_unlock(&rix_profile_lock);
}

rix_image_t* rix_profile_copy(void (*look)(const rix_image_t* copy, void* arg), void* arg) {
  rix_image_t* copy = NULL;
  rix_lock(&rix_profile_lock);
  const rix_image_t* const image = profile_mine();
  if (image != NULL) copy = rix_os_map(NULL, (size_t)image->size, RIX_OS_USABLE);
  if (copy != NULL) rix_image_copy(copy, image);
  if (copy != NULL) copy->last_us = rix_os_clock_us();
  if (copy != NULL && look != NULL) look(copy, arg);
  rix_unlock(&rix_profile_lock);
  return copy;
}

void rix_profile_drop_copy(rix_image_t* copy) { (void)rix_os_unmap(copy, (size_t)copy->size); }
