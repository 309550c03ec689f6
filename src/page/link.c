// SPDX-License-Identifier: MIT
// link.c: see link.h.
#include "page/link.h"

#include "os/os.h"

rix_link_key_t rix_link_xkey;

void rix_link_draw_key(void) {
  if (!RI_LINKS_KEYED || ri_load_relaxed(&rix_link_xkey) != 0) return;
  uintptr_t none = 0;
  const uintptr_t key = (uintptr_t)rix_os_random() | RI_LINK_KEY_BIT;
  (void)ri_cas_strong_relaxed(&rix_link_xkey, &none, key);
}
