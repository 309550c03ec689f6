// SPDX-License-Identifier: MIT
// layout.c: a table that says where the allocator keeps what, for readers from outside: the command
// `rimalloc`, which looks at a running process or at a core file, and its part of gdb.
//
// They need nothing else: no symbols, no debug information, no help of the process, which may hang
// or be dead. So they can look into stripped and static programs too. Each value has a name:
//   name            an address: of a variable of the library
//   type:size       bytes of a structure
//   type.field      its offset
//   #name           a number
// A reader asks for values by their names, so values may be added and taken away.
//
// INVARIANTS: as many values as names; the table never changes.
// CONCURRENCY: nothing in the process reads it.
#include "observe/layout.h"

#include "arena/arena.h"
#include "arena/pagemap.h"
#include "base/events.h"
#include "heap/heap.h"
#include "page/link.h"
#include "page/page.h"
#include "page/remote.h"
#include "profile/profile.h"

#define LAYOUT_NUMBERS(X)                 \
  X(version, RI_LAYOUT_VERSION)           \
  X(pointer, sizeof(void*))               \
  X(slice, RIX_SLICE_SIZE)                \
  X(arenas, RIX_ARENAS_MAX)               \
  X(classes, RIX_CLASS_COUNT)             \
  X(medium, RIX_MEDIUM_SLICES)            \
  X(class_steps, RIX_CLASS_STEPS)         \
  X(used_mask, RI_PAGE_USED_MASK)         \
  X(low_set, RI_PAGE_LOW_SET)             \
  X(owner_flags, RIX_OWNER_FLAGS)         \
  X(abandoned, RIX_REMOTE_ABANDONED)      \
  X(count_mask, RIX_REMOTE_COUNT_MASK)    \
  X(count_shift, RIX_REMOTE_COUNT_SHIFT)  \
  X(head_shift, RIX_REMOTE_HEAD_SHIFT)    \
  X(gaps, RIX_REMOTE_GAPS)                \
  X(none, RIX_SUBPROC_NONE)               \
  X(gauge_claimed, RIX_GAUGE_CLAIMED)     \
  X(gauge_reserved, RIX_GAUGE_RESERVED)   \
  X(gauge_committed, RIX_GAUGE_COMMITTED) \
  X(gauge_holes, RIX_GAUGE_HOLES)         \
  X(gauge_threads, RIX_GAUGE_THREADS)

#define LAYOUT_ADDRESSES(X)                   \
  X(pagemap, &rix_pagemap)                    \
  X(arena_slots, &rix_arena_slots)            \
  X(link_key, &rix_link_xkey)                 \
  X(gauges, rix_gauges)                       \
  X(events, &rix_events_shared)               \
  X(profile_interval, &rix_profile_xinterval) \
  X(profile_image, &rix_profile_ximage)

#define LAYOUT_SIZES(X)         \
  X(page, ri_page_t)            \
  X(gauge, rix_gauge_value_t)   \
  X(image, rix_image_t)         \
  X(stack, rix_image_stack_t)   \
  X(record, rix_image_record_t) \
  X(point, rix_image_point_t)   \
  X(module, rix_image_module_t)

#define LAYOUT_FIELDS(X)                 \
  X(page, ri_page_t, xowner)             \
  X(page, ri_page_t, start)              \
  X(page, ri_page_t, xheap)              \
  X(page, ri_page_t, xblock_size)        \
  X(page, ri_page_t, arena)              \
  X(page, ri_page_t, inverse)            \
  X(page, ri_page_t, slice_count)        \
  X(page, ri_page_t, reserved)           \
  X(page, ri_page_t, class_index)        \
  X(page, ri_page_t, kind)               \
  X(page, ri_page_t, free)               \
  X(page, ri_page_t, used)               \
  X(page, ri_page_t, capacity)           \
  X(page, ri_page_t, place)              \
  X(page, ri_page_t, flags)              \
  X(page, ri_page_t, xspan)              \
  X(page, ri_page_t, idle)               \
  X(page, ri_page_t, out)                \
  X(page, ri_page_t, xlow)               \
  X(page, ri_page_t, xremote)            \
  X(page, ri_page_t, xgaps)              \
  X(page, ri_page_t, xholes)             \
  X(arena, rix_arena_t, base)            \
  X(arena, rix_arena_t, start)           \
  X(arena, rix_arena_t, slice_count)     \
  X(arena, rix_arena_t, map_size)        \
  X(arena, rix_arena_t, apart)           \
  X(arena, rix_arena_t, pages)           \
  X(arena, rix_arena_t, free)            \
  X(arena, rix_arena_t, dirty)           \
  X(arena, rix_arena_t, touched)         \
  X(arena, rix_arena_t, xmapped)         \
  X(arena, rix_arena_t, xsubproc)        \
  X(map, ri_pagemap_t, xbase)            \
  X(map, ri_pagemap_t, xcount)           \
  X(map, ri_pagemap_t, xtable)           \
  X(bitmap, rix_bitmap_t, words)         \
  X(image, rix_image_t, size)            \
  X(image, rix_image_t, last_us)         \
  X(image, rix_image_t, live)            \
  X(image, rix_image_t, points)          \
  X(image, rix_image_t, modules)         \
  X(image, rix_image_t, stacks)          \
  X(image, rix_image_t, frames)          \
  X(image, rix_image_t, records)         \
  X(record, rix_image_record_t, pointer) \
  X(record, rix_image_record_t, weight)  \
  X(record, rix_image_record_t, us)      \
  X(record, rix_image_record_t, stack)   \
  X(heap, rix_heap_t, xseq)              \
  X(heap, rix_heap_t, xbytes)

#define LAYOUT_NUMBER_NAME(name, value) "#" #name " "
#define LAYOUT_ADDRESS_NAME(name, value) #name " "
#define LAYOUT_SIZE_NAME(name, type) #name ":size "
#define LAYOUT_FIELD_NAME(name, type, field) #name "." #field " "
#define LAYOUT_NUMBER(name, value) (const void*)(uintptr_t)(value),
#define LAYOUT_ADDRESS(name, value) (value),
#define LAYOUT_SIZE(name, type) (const void*)sizeof(type),
#define LAYOUT_FIELD(name, type, field) (const void*)offsetof(type, field),

const rix_layout_t rix_layout = {
    // The last byte is the format's version.
    {'r', 'i', 'm', 'a', 'l', 'l', 'o', 'c', ' ', 'l', 'a', 'y', 'o', 'u', 't', 1},
    LAYOUT_NUMBERS(LAYOUT_NUMBER_NAME) LAYOUT_ADDRESSES(LAYOUT_ADDRESS_NAME)
        LAYOUT_SIZES(LAYOUT_SIZE_NAME) LAYOUT_FIELDS(LAYOUT_FIELD_NAME),
    {LAYOUT_NUMBERS(LAYOUT_NUMBER) LAYOUT_ADDRESSES(LAYOUT_ADDRESS) LAYOUT_SIZES(LAYOUT_SIZE)
         LAYOUT_FIELDS(LAYOUT_FIELD)},
};
