// SPDX-License-Identifier: MIT
// rimalloc.c: the whole allocator as one translation unit, for builds that want a single file or
// the compiler to see everything. The order is that of the layers. What C cannot do, to catch an
// exception, is in os/catch.cc, to be compiled beside it.
#define _GNU_SOURCE
#include "base/events.c"
//
#include "os/os_linux.c"
//
#include "options/hooks.c"
#include "options/options.c"
#include "options/parse.c"
#include "options/report.c"
//
#include "arena/arena.c"
#include "arena/bitmap.c"
#include "arena/manage.c"
#include "arena/mapping.c"
#include "arena/meta.c"
#include "arena/pagemap.c"
#include "arena/purge.c"
//
#include "page/abandon.c"
#include "page/create.c"
#include "page/guard.c"
#include "page/page.c"
#include "page/roster.c"
//
#include "heap/alloc.c"
#include "heap/heaps.c"
#include "heap/queue.c"
#include "heap/sample.c"
#include "heap/subproc.c"
#include "heap/theap.c"
#include "heap/thread.c"
//
#include "observe/audit.c"
#include "observe/collect.c"
#include "observe/json.c"
#include "observe/print.c"
#include "observe/stats.c"
//
#include "api/aligned.c"
#include "api/arena.c"
#include "api/batch.c"
#include "api/free.c"
#include "api/heap.c"
#include "api/heap_alloc.c"
#include "api/hooks.c"
#include "api/info.c"
#include "api/malloc.c"
#include "api/mimalloc.c"
#include "api/mimalloc_arena.c"
#include "api/mimalloc_stats.c"
#include "api/new.c"
#include "api/realloc.c"
#include "api/string.c"
#include "api/subproc.c"
#include "api/theap.c"
#include "api/visit.c"
//
#include "api/fast_symbols.c"
