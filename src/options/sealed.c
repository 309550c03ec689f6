// SPDX-License-Identifier: MIT
// sealed.c: see sealed.h. The values of the options begin here; where others come from is in
// options.c.
#include "options/sealed.h"

rix_lock_t rix_sealed_lock = RIX_LOCK_OPEN(RIX_LEVEL_SEALED);

__attribute__((aligned(RIX_SEALED_BYTES))) rix_sealed_page_t rix_sealed_page = {
    .s.values =
        {
#define RI_OPTION(name, value, low, high, unit, text) {value},
#include <rimalloc/options.def>
#undef RI_OPTION
        },
};

static bool sealed_is;  // lock rix_sealed_lock

_Static_assert(sizeof(rix_sealed_t) <= RIX_SEALED_BYTES, "one page");
_Static_assert(sizeof(rix_sealed_page_t) == RIX_SEALED_BYTES, "nothing else is in it");

static void sealed_draw(void) {
  while (rix_sealed.key == 0)
    rix_sealed.key = (uintptr_t)rix_os_random();
}

uintptr_t rix_sealed_key(void) {
  rix_lock(&rix_sealed_lock);
  sealed_draw();  // writes only before the start
  rix_unlock(&rix_sealed_lock);
  return rix_sealed.key;
}

void rix_sealed_start(void) {
  rix_lock(&rix_sealed_lock);
  sealed_draw();
  if (!sealed_is && rix_os_page_size() <= RIX_SEALED_BYTES) {
    sealed_is = rix_os_seal(&rix_sealed_page, RIX_SEALED_BYTES, true);
  }
  rix_unlock(&rix_sealed_lock);
}

bool rix_sealed_open(void) {
  rix_lock(&rix_sealed_lock);
  if (!sealed_is || rix_os_seal(&rix_sealed_page, RIX_SEALED_BYTES, false)) return true;
  rix_unlock(&rix_sealed_lock);
  return false;
}

void rix_sealed_close(void) {
  if (sealed_is) (void)rix_os_seal(&rix_sealed_page, RIX_SEALED_BYTES, true);
  rix_unlock(&rix_sealed_lock);
}
