// SPDX-License-Identifier: MIT
// sequences.c: every sequence of up to DEPTH operations on the real allocator, from several
// starting states, against a specification that is a table of the live blocks:
//   a block lies apart from all live blocks, is aligned, large enough, zero when asked, and keeps
//   what was written to it until it is freed
//   after every step the audit holds, and the counted blocks and bytes are those of the table
//   when all is freed and collected, no slice and no mapping is in use: nothing leaked
//
// usage: sequences [DEPTH]     all of them from an empty heap, one less from the other states
//
// A free by another thread is a free with this thread's identity put aside: to the page it is the
// same. A thread's exit is ri_thread_done, after which the pages are abandoned and found again.
#include "api/api.h"
#include "arena/mapping.h"
#include "decide.h"
#include "heap/theap.h"
#include "page/abandon.h"

enum { LIVE_MAX = 24, DEPTH_MAX = 8, CHOICES_MAX = 64, HANDLES = 3, MARK = 16, STARTS = 5 };

typedef struct live_s {
  uint8_t* p;
  size_t size;
  uint8_t pattern;
} live_t;

static live_t live[LIVE_MAX];
static size_t live_count, steps, sequences;
static uint8_t next_pattern = 1;
static char story[1024];  // what was done, for the report

// ---- The specification ----------------------------------------------------------------------------

static size_t edge(size_t size) { return size < MARK ? size : MARK; }

static void write_pattern(const live_t* b) {
  __builtin_memset(b->p, b->pattern, edge(b->size));
  __builtin_memset(b->p + b->size - edge(b->size), b->pattern, edge(b->size));
}

static void check_pattern(const live_t* b, size_t size) {
  const size_t n = edge(rix_min(size, b->size));
  for (size_t i = 0; i < n; i++)
    HOLDS(b->p[i] == b->pattern, "byte %zu of a block of %zu changed;%s", i, b->size, story);
  if (size < b->size) return;
  for (size_t i = b->size - n; i < b->size; i++)
    HOLDS(b->p[i] == b->pattern, "byte %zu of a block of %zu changed;%s", i, b->size, story);
}

static void note(const char* what, size_t number) {
  const size_t n = __builtin_strlen(story);
  snprintf(story + n, sizeof(story) - n, " %s %zu", what, number);
}

static void add_live(void* p, size_t size, bool zero) {
  HOLDS(p != NULL, "no memory;%s", story);
  HOLDS((uintptr_t)p % (size > 8 ? 16 : 8) == 0, "%p is not aligned;%s", p, story);
  HOLDS(ri_usable_size(p) >= size, "%p has %zu of %zu bytes;%s", p, ri_usable_size(p), size, story);
  for (size_t i = 0; i < live_count; i++) {
    const uint8_t *a = p, *b = live[i].p;
    HOLDS(a + size <= b || b + live[i].size <= a, "overlap;%s", story);
  }
  const uint8_t* const bytes = p;
  for (size_t i = 0; zero && i < size; i += i < MARK || i + MARK >= size ? 1 : 512)
    HOLDS(bytes[i] == 0, "byte %zu of %zu is not zero;%s", i, size, story);
  live[live_count] = (live_t){p, size, next_pattern++};
  write_pattern(&live[live_count]);
  live_count++;
  HOLDS(live_count <= LIVE_MAX, "the table is too small;%s", story);
}

static live_t take_live(size_t i) {
  const live_t b = live[i];
  check_pattern(&b, b.size);
  live[i] = live[--live_count];
  return b;
}

static void check_all(void) {
  HOLDS(ri_audit(), "the audit failed;%s", story);
  size_t bytes = 0;
  for (size_t i = 0; i < live_count; i++) {
    check_pattern(&live[i], live[i].size);
    bytes += ri_usable_size(live[i].p);
  }
  ri_summary_t s;
  ri_summary(&s);
  HOLDS(s.blocks == live_count, "%zu blocks are counted, %zu live;%s", s.blocks, live_count, story);
  HOLDS(s.in_use == bytes, "%zu bytes are counted, %zu live;%s", s.in_use, bytes, story);
}

// ---- Operations -----------------------------------------------------------------------------------

typedef enum kind_e { ALLOCATE, ZEROED, FREE, FREE_ELSEWHERE, RESIZE, COLLECT, EXIT } kind_t;

typedef struct choice_s {
  kind_t kind;
  size_t value;  // a size, or the block's place in the table
} choice_t;

static const size_t sizes[] = {8, 60000, 100000};

static size_t choices(choice_t* out) {
  size_t n = 0;
  for (size_t i = 0; i < 3; i++)
    out[n++] = (choice_t){ALLOCATE, sizes[i]};
  out[n++] = (choice_t){ZEROED, 60000};
  out[n++] = (choice_t){ZEROED, 100000};
  for (size_t i = live_count; i > 0 && live_count - i < HANDLES; i--) {
    out[n++] = (choice_t){FREE, i - 1};
    out[n++] = (choice_t){FREE_ELSEWHERE, i - 1};
  }
  if (live_count > 0) out[n++] = (choice_t){RESIZE, live_count - 1};
  out[n++] = (choice_t){COLLECT, 0};
  out[n++] = (choice_t){EXIT, 0};
  return n;
}

static void free_elsewhere(void* p) {
  const ri_tls_t mine = rix_tls;
  rix_tls = (ri_tls_t)RIX_TLS_OF_NOBODY(RIX_THREAD_DEAD);
  ri_free(p);
  rix_tls = mine;
}

static void resize(size_t i) {
  const live_t b = take_live(i);
  const size_t size = b.size == 8 ? 60000 : b.size == 60000 ? 100000 : 8;
  uint8_t* const p = ri_realloc(b.p, size);
  const live_t kept = {p, b.size, b.pattern};
  HOLDS(p != NULL, "no memory;%s", story);
  check_pattern(&kept, rix_min(size, b.size));
  add_live(p, size, false);
}

static void perform(choice_t c) {
  static const char* const names[] = {"malloc",  "calloc",  "free",       "free elsewhere",
                                      "realloc", "collect", "thread exit"};
  note(names[c.kind], c.value);
  switch (c.kind) {
    case ALLOCATE:
      add_live(ri_malloc(c.value), c.value, false);
      break;
    case ZEROED:
      add_live(ri_calloc(1, c.value), c.value, true);
      break;
    case FREE:
      ri_free(take_live(c.value).p);
      break;
    case FREE_ELSEWHERE:
      free_elsewhere(take_live(c.value).p);
      break;
    case RESIZE:
      resize(c.value);
      break;
    case COLLECT:
      ri_collect(false);
      break;
    case EXIT:
      ri_thread_done();
      ri_thread_init();
      break;
  }
  steps++;
  check_all();
}

// ---- Enumeration ------------------------------------------------------------------------------------

static void begin(size_t start) {
  story[0] = '\0';
  note("start", start);
  const size_t prepared[STARTS] = {0, 7, 8, 8, 16};  // a page of this class holds 8 blocks
  for (size_t i = 0; i < prepared[start]; i++)
    add_live(ri_malloc(60000), 60000, false);
  if (start == 3) {  // all in a page that nobody owns
    ri_thread_done();
    ri_thread_init();
  }
  if (start == 4) {  // a full page of which all but one block came back from elsewhere
    for (size_t i = 7; i-- > 0;)
      free_elsewhere(take_live(i).p);
  }
  check_all();
}

static void end(void) {
  note("end", 0);
  while (live_count > 0)
    ri_free(take_live(live_count - 1).p);
  ri_collect(false);
  check_all();
  HOLDS(rix_arena_in_use() == 0, "%zu bytes of slices leaked;%s", rix_arena_in_use(), story);
  HOLDS(rix_mapping_count() == 0, "%zu mappings leaked;%s", rix_mapping_count(), story);
  HOLDS(rix_page_abandoned_count() == 0, "a page stays listed;%s", story);
  sequences++;
}

// Runs the sequence of choices and counts up to the next; false after the last.
static bool run(size_t start, size_t depth, size_t* picked) {
  choice_t list[CHOICES_MAX];
  size_t counts[DEPTH_MAX];
  begin(start);
  for (size_t i = 0; i < depth; i++) {
    counts[i] = choices(list);
    perform(list[picked[i]]);
  }
  end();
  for (size_t i = depth; i-- > 0;) {
    if (++picked[i] < counts[i]) return true;
    picked[i] = 0;
  }
  return false;
}

int main(int count, char** arguments) {
  const size_t depth = count > 1 ? (size_t)atol(arguments[1]) : 6;
  HOLDS(depth >= 2 && depth <= DEPTH_MAX, "depth %zu", depth);
  ri_option_set(ri_option_arena_reserve, 1024);
  ri_option_set(ri_option_purge_delay, -1);
  for (size_t start = 0; start < STARTS; start++) {
    size_t picked[DEPTH_MAX] = {0};
    while (run(start, start == 0 ? depth : depth - 1, picked)) {}
  }
  printf("sequences: %zu of up to %zu operations, %zu steps\n", sequences, depth, steps);
  return 0;
}
