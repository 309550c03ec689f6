// SPDX-License-Identifier: MIT
// mimalloc_options.c: mimalloc's options by number and by name, and MIMALLOC_<NAME> in the
// environment. Most are options of ours. Those without effect here are kept in this file, so that a
// program reads back what it set; and two of mimalloc's are values of our `thp`:
//
//   allow_thp             0: thp -1   1: thp as it is, 1 after -1 and 3    2: thp 3
//   allow_large_os_pages  0: thp 1 after 2, else as it is   1: thp 2 after 0 and 1, else as it is
//
// The lists are include/rimalloc/mimalloc/options.def (numbers) and kept.def. See mimalloc.c.
//
// CONCURRENCY: any thread. Kept values are relaxed atomics, as those of options are; nothing else
// depends on them.
#include "api/api.h"
#include "options/options.h"

// ---- Tables -------------------------------------------------------------------------------------

typedef enum mimalloc_kind_e {
  MIMALLOC_OURS,   // target: ri_option_t
  MIMALLOC_THP,    // target: ri_option_thp
  MIMALLOC_LARGE,  // target: ri_option_thp
  MIMALLOC_KEPT,   // target: mimalloc_kept_e
} mimalloc_kind_t;

typedef struct mimalloc_row_s {
  const char* name;
  mimalloc_kind_t kind;
  int target;
} mimalloc_row_t;

typedef struct mimalloc_kept_s {
  long initial, lowest, highest;
  const char* why;  // it has no effect
} mimalloc_kept_t;

enum {
#define MI_KEPT(id, value, low, high, why) mimalloc_kept_##id,
#define MI_RENAMED(old, name)
#include "compat/mimalloc/kept.def"
#undef MI_KEPT
#undef MI_RENAMED
  MIMALLOC_KEPT_COUNT
};

static const mimalloc_kept_t mimalloc_kept[MIMALLOC_KEPT_COUNT] = {
#define MI_KEPT(id, value, low, high, why) {value, low, high, why},
#define MI_RENAMED(old, name)
#include "compat/mimalloc/kept.def"
#undef MI_KEPT
#undef MI_RENAMED
};

// The value less the default, so that all begin at 0; and whether it was set.
static ri_atomic(long) mimalloc_xkept[MIMALLOC_KEPT_COUNT];
static ri_atomic(uint8_t) mimalloc_xkept_source[MIMALLOC_KEPT_COUNT];

static const struct {
  const char* old;
  const char* name;
} mimalloc_renamed[] = {
#define MI_KEPT(id, value, low, high, why)
#define MI_RENAMED(old, name) {#old, #name},
#include "compat/mimalloc/kept.def"
#undef MI_KEPT
#undef MI_RENAMED
};

#define MIMALLOC_THP_allow_thp MIMALLOC_THP
#define MIMALLOC_THP_allow_large_os_pages MIMALLOC_LARGE
#define MI_OPTION(name) {#name, MIMALLOC_OURS, ri_option_##name},
#define MI_OPTION_AS(name, ours) {#name, MIMALLOC_OURS, ri_option_##ours},
#define MI_OPTION_THP(name) {#name, MIMALLOC_THP_##name, ri_option_thp},
#define MI_OPTION_KEPT(name, id) {#name, MIMALLOC_KEPT, mimalloc_kept_##id},

static const mimalloc_row_t mimalloc_rows[] = {
#define RIMALLOC_MI_VERSION 3
#include <rimalloc/mimalloc/options.def>
#undef RIMALLOC_MI_VERSION
};

static const mimalloc_row_t mimalloc2_rows[] = {
#define RIMALLOC_MI_VERSION 2
#include <rimalloc/mimalloc/options.def>
#undef RIMALLOC_MI_VERSION
};

#define MIMALLOC_COUNT(table) (sizeof(table) / sizeof((table)[0]))

// The rows of mimalloc's numbers; NULL for a number that is none.
static const mimalloc_row_t* mimalloc_row(int number) {
  if (number < 0 || (size_t)number >= MIMALLOC_COUNT(mimalloc_rows)) return NULL;
  return &mimalloc_rows[number];
}

static const mimalloc_row_t* mimalloc2_row(int number) {
  if (number < 0 || (size_t)number >= MIMALLOC_COUNT(mimalloc2_rows)) return NULL;
  return &mimalloc2_rows[number];
}

// ---- Values -------------------------------------------------------------------------------------

static long mimalloc_get(const mimalloc_row_t* row) {
  if (row == NULL) return 0;
  const long thp = ri_option_get(ri_option_thp);  // reads the environment, if nobody has yet
  switch (row->kind) {
    case MIMALLOC_OURS:
      return ri_option_get((ri_option_t)row->target);
    case MIMALLOC_THP:
      return thp == RIX_THP_FORBIDDEN ? 0 : thp == RIX_THP_WHOLE ? 2 : 1;
    case MIMALLOC_LARGE:
      return thp >= RIX_THP_ALL;
    case MIMALLOC_KEPT:
      return mimalloc_kept[row->target].initial + ri_load_relaxed(&mimalloc_xkept[row->target]);
  }
  return 0;
}

static size_t mimalloc_get_size(const mimalloc_row_t* row) {
  if (row != NULL && row->kind == MIMALLOC_OURS) {
    return ri_option_get_size((ri_option_t)row->target);
  }
  const long value = mimalloc_get(row);
  return value <= 0 ? 0 : (size_t)value;
}

// `value` in the range, with a warning when it was not.
static long mimalloc_clamp(const mimalloc_row_t* row, long value, long low, long high) {
  const long kept = value < low ? low : value > high ? high : value;
  if (kept != value) {
    rix_warning("mimalloc's option %s: %ld is outside %ld..%ld, using %ld", row->name, value, low,
                high, kept);
  }
  return kept;
}

// The value of `thp` for one of mimalloc's option.
static long mimalloc_thp(const mimalloc_row_t* row, long value) {
  const long thp = rix_option(ri_option_thp);
  if (row->kind == MIMALLOC_THP) {
    value = mimalloc_clamp(row, value, 0, 2);
    if (value != 1) return value == 0 ? RIX_THP_FORBIDDEN : RIX_THP_WHOLE;
    return thp == RIX_THP_FORBIDDEN || thp == RIX_THP_WHOLE ? RIX_THP_DENSE : thp;
  }
  value = mimalloc_clamp(row, value, 0, 1);
  if (value == 0) return thp == RIX_THP_ALL ? RIX_THP_DENSE : thp;
  return thp == RIX_THP_NONE || thp == RIX_THP_DENSE ? RIX_THP_ALL : thp;
}

static void mimalloc_keep(const mimalloc_row_t* row, long value, rix_option_source_t source) {
  const mimalloc_kept_t* const kept = &mimalloc_kept[row->target];
  const long fits = mimalloc_clamp(row, value, kept->lowest, kept->highest);
  ri_store_relaxed(&mimalloc_xkept[row->target], fits - kept->initial);
  ri_store_relaxed(&mimalloc_xkept_source[row->target], (uint8_t)source);
  if (rix_option(ri_option_verbose) >= 1) {
    rix_message("rimalloc: mimalloc's option %s has no effect: %s\n", row->name, kept->why);
  }
}

// The source of the value that counts now.
static rix_option_source_t mimalloc_source(const mimalloc_row_t* row) {
  if (row->kind != MIMALLOC_KEPT) return rix_option_source((ri_option_t)row->target);
  return (rix_option_source_t)ri_load_relaxed(&mimalloc_xkept_source[row->target]);
}

static void mimalloc_store(const mimalloc_row_t* row, long value, rix_option_source_t source) {
  if (row->kind == MIMALLOC_KEPT) {
    mimalloc_keep(row, value, source);
  } else {
    if (row->kind != MIMALLOC_OURS) value = mimalloc_thp(row, value);
    rix_options_store((ri_option_t)row->target, value, source);
  }
}

static void mimalloc_set(const mimalloc_row_t* row, long value) {
  if (row == NULL) return;
  rix_options_read();
  mimalloc_store(row, value, RIX_OPTION_CODE);
}

static void mimalloc_set_default(const mimalloc_row_t* row, long value) {
  if (row == NULL) return;
  rix_options_read();
  if (mimalloc_source(row) <= RIX_OPTION_BUILD) mimalloc_store(row, value, RIX_OPTION_PROGRAM);
}

// ---- The environment ----------------------------------------------------------------------------

static const mimalloc_row_t* mimalloc_find_in(const mimalloc_row_t* rows, size_t count,
                                              const char* name, size_t length) {
  for (size_t i = 0; i < count; i++) {
    if (rix_options_is(name, length, rows[i].name)) return &rows[i];
  }
  return NULL;
}

// Names of either version's options, and those that they had before.
static const mimalloc_row_t* mimalloc_find(const char* name, size_t length) {
  for (size_t i = 0; i < MIMALLOC_COUNT(mimalloc_renamed); i++) {
    if (!rix_options_is(name, length, mimalloc_renamed[i].old)) continue;
    name = mimalloc_renamed[i].name;
    length = __builtin_strlen(name);
    break;
  }
  const mimalloc_row_t* const row =
      mimalloc_find_in(mimalloc_rows, MIMALLOC_COUNT(mimalloc_rows), name, length);
  if (row != NULL) return row;
  return mimalloc_find_in(mimalloc2_rows, MIMALLOC_COUNT(mimalloc2_rows), name, length);
}

// As rix_options_parse, but nothing is "on", and a size without a suffix is one of bytes.
static rix_parsed_t mimalloc_parse(rix_option_item_t item, uint64_t unit, long* value) {
  const size_t length = item.value_length;
  const char last = length > 0 ? item.value[length - 1] : '\0';
  const bool bytes = last >= '0' && last <= '9';
  const rix_parsed_t parsed = length == 0
                                  ? rix_options_parse("1", 1, 1, value)
                                  : rix_options_parse(item.value, length, bytes ? 1 : unit, value);
  if (parsed != RIX_PARSED || !bytes || unit == 1) return parsed;
  const long part = (long)unit;
  *value = *value <= 0 ? 0 : *value / part + (*value % part != 0);
  return parsed;
}

static void mimalloc_take(rix_option_item_t item, rix_option_source_t source, bool early) {
  const mimalloc_row_t* const row = mimalloc_find(item.name, item.name_length);
  if (row == NULL) {
    const bool mention = !early && rix_option(ri_option_verbose) >= 1;
    if (mention) rix_options_reject(item, source, "unknown option");
    return;
  }
  const bool ours = row->kind == MIMALLOC_OURS;
  if ((ours && rix_options_is_early((ri_option_t)row->target)) != early) return;
  if (mimalloc_source(row) == RIX_OPTION_CODE) return;
  long value = 0;
  const uint64_t unit = ours ? rix_options_unit((ri_option_t)row->target) : 1;
  const rix_parsed_t parsed = mimalloc_parse(item, unit, &value);
  if (parsed == RIX_PARSED) {
    mimalloc_store(row, value, source);
  } else {
    rix_options_reject(item, source, rix_options_reason(parsed));
  }
}

RI_EXPORT void rix_mi_read_environment(bool early);

void rix_mi_read_environment(bool early) {
  rix_options_read_variables("mimalloc_", mimalloc_take, RIX_OPTION_MIMALLOC, early);
}

// ---- The interface ------------------------------------------------------------------------------

#define MIMALLOC_OPTION_FUNCTIONS(prefix, row_of)                                           \
  RI_EXPORT long prefix##_option_get(int option);                                           \
  RI_EXPORT long prefix##_option_get_clamp(int option, long low, long high);                \
  RI_EXPORT size_t prefix##_option_get_size(int option);                                    \
  RI_EXPORT bool prefix##_option_is_enabled(int option);                                    \
  RI_EXPORT void prefix##_option_set(int option, long value);                               \
  RI_EXPORT void prefix##_option_set_default(int option, long value);                       \
  RI_EXPORT void prefix##_option_enable(int option);                                        \
  RI_EXPORT void prefix##_option_disable(int option);                                       \
  RI_EXPORT void prefix##_option_set_enabled(int option, bool enable);                      \
  RI_EXPORT void prefix##_option_set_enabled_default(int option, bool enable);              \
  long prefix##_option_get(int option) { return mimalloc_get(row_of(option)); }             \
  long prefix##_option_get_clamp(int option, long low, long high) {                         \
    const long value = mimalloc_get(row_of(option));                                        \
    return value < low || low > high ? low : value > high ? high : value;                   \
  }                                                                                         \
  size_t prefix##_option_get_size(int option) { return mimalloc_get_size(row_of(option)); } \
  bool prefix##_option_is_enabled(int option) { return mimalloc_get(row_of(option)) != 0; } \
  void prefix##_option_set(int option, long value) { mimalloc_set(row_of(option), value); } \
  void prefix##_option_set_default(int option, long value) {                                \
    mimalloc_set_default(row_of(option), value);                                            \
  }                                                                                         \
  void prefix##_option_enable(int option) { mimalloc_set(row_of(option), 1); }              \
  void prefix##_option_disable(int option) { mimalloc_set(row_of(option), 0); }             \
  void prefix##_option_set_enabled(int option, bool enable) {                               \
    mimalloc_set(row_of(option), enable);                                                   \
  }                                                                                         \
  void prefix##_option_set_enabled_default(int option, bool enable) {                       \
    mimalloc_set_default(row_of(option), enable);                                           \
  }

MIMALLOC_OPTION_FUNCTIONS(rix_mi, mimalloc_row)
MIMALLOC_OPTION_FUNCTIONS(rix_mi2, mimalloc2_row)
