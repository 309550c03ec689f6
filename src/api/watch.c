// SPDX-License-Identifier: MIT
// watch.c: what the program asks about watched blocks.
#include "heap/watch.h"

#include "api/api.h"

void ri_register_watch(ri_watch_fun* fun, void* arg) { rix_watch_set_hook(fun, arg); }

bool ri_watch_find(const void* address, ri_watch_report_t* r) { return rix_watch_find(address, r); }
