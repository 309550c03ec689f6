// SPDX-License-Identifier: MIT
// profile_image.c: reading an image that may be damaged: an index that is too large is as good as
// none.
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "observe/profile.h"
#include "os/os.h"

const uint64_t* rix_image_frames(const rix_image_t* image, const rix_image_stack_t* s,
                                 size_t* depth) {
  const uint64_t* const frames = RIX_IMAGE_PART(const uint64_t, image, frames);
  const uint32_t all = image->frames.used;
  const bool inside =
      s->depth <= RIX_IMAGE_DEPTH && s->frames <= all && s->depth <= all - s->frames;
  *depth = inside ? s->depth : 0;
  return inside ? frames + s->frames : frames;
}

const rix_image_module_t* rix_image_module(const rix_image_t* image, uint64_t pc) {
  const rix_image_module_t* const modules =
      RIX_IMAGE_PART(const rix_image_module_t, image, modules);
  for (uint32_t i = image->modules.used; i-- > 0;) {
    if (pc >= modules[i].start && pc < modules[i].end &&
        memchr(modules[i].path, '\0', RIX_IMAGE_PATH) != NULL)
      return &modules[i];
  }
  return NULL;
}

const char* rix_image_name(const rix_image_module_t* module) {
  const char* const slash = strrchr(module->path, '/');
  return slash != NULL ? slash + 1 : module->path;
}

void rix_image_frame_text(const rix_image_t* image, uint64_t pc, char text[300]) {
  const rix_image_module_t* const m = rix_image_module(image, pc);
  if (m != NULL) {
    snprintf(text, 300, "%s+0x%llx", rix_image_name(m),
             (unsigned long long)pc - m->start + m->offset);
  } else {
    snprintf(text, 300, "0x%llx", (unsigned long long)pc);
  }
}

// ---- Places -------------------------------------------------------------------------------------

static size_t places_slot(const rix_places_t* places, uint64_t pc) {
  size_t i = (size_t)(pc * 0x9E3779B97F4A7C15u >> 32) % places->room;
  while (places->keys[i] != 0 && places->keys[i] != pc)
    i = (i + 1) % places->room;
  return i;
}

static void places_add(rix_places_t* places, uint64_t pc) {
  const size_t i = places_slot(places, pc);
  if (pc == 0 || places->keys[i] == pc) return;
  places->keys[i] = pc;
  places->order[places->used++] = pc;
  places->numbers[i] = (uint32_t)places->used;
}

bool rix_places_make(rix_places_t* places, const rix_image_t* image) {
  const size_t most = (size_t)image->frames.used + 1;
  const size_t room = 2 * most;
  places->room = room;
  places->used = 0;
  places->size = rix_align_up(room * 12 + most * 8, rix_os_page_size());
  places->keys = rix_os_map(NULL, places->size, RIX_OS_USABLE);
  if (places->keys == NULL) return false;
  places->order = places->keys + room;
  places->numbers = (uint32_t*)(void*)(places->order + most);
  const uint64_t* const frames = RIX_IMAGE_PART(const uint64_t, image, frames);
  for (uint32_t i = 0; i < image->frames.used; i++)
    places_add(places, frames[i]);
  return true;
}

uint32_t rix_places_of(const rix_places_t* places, uint64_t pc) {
  return places->numbers[places_slot(places, pc)];
}

void rix_places_drop(rix_places_t* places) { (void)rix_os_unmap(places->keys, places->size); }
