// SPDX-License-Identifier: MIT
// heartbeat.h: the regular work of a thread that allocates. Owner only.
#ifndef RIX_HEAP_HEARTBEAT_H
#define RIX_HEAP_HEARTBEAT_H

#include "heap/heap.h"

// Small regular work of a thread that allocates: kept pages, blocks freed by others, purging.
RIX_INTERNAL void rix_theap_heartbeat(rix_theap_t* theap);

#endif
