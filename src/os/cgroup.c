// SPDX-License-Identifier: MIT
// cgroup.c: see cgroup.h.
#include "os/cgroup.h"

#define CGROUP_NONE UINT64_MAX
// Version 1 says "no limit" by about 2^63; no group has an exabyte.
#define CGROUP_LARGEST ((uint64_t)1 << 60)

typedef struct cgroup_text_s {
  char* text;  // NULL: none
  size_t length;
} cgroup_text_t;

// ---- Texts --------------------------------------------------------------------------------------

static size_t cgroup_length(const char* s) {
  size_t n = 0;
  while (s[n] != '\0')
    n++;
  return n;
}

static bool cgroup_is(cgroup_text_t a, const char* word) {
  size_t i = 0;
  while (i < a.length && word[i] != '\0' && a.text[i] == word[i])
    i++;
  return i == a.length && word[i] == '\0';
}

// Cuts the text before the next `separator` off; without one, all of it.
static cgroup_text_t cgroup_cut(cgroup_text_t* rest, char separator) {
  cgroup_text_t part = {rest->text, 0};
  while (part.length < rest->length && rest->text[part.length] != separator)
    part.length++;
  const size_t skipped = part.length + (part.length < rest->length ? 1 : 0);
  rest->text += skipped;
  rest->length -= skipped;
  return part;
}

// Whether `word` is one of a list.
static bool cgroup_has(cgroup_text_t list, const char* word) {
  while (list.length > 0) {
    if (cgroup_is(cgroup_cut(&list, ','), word)) return true;
  }
  return false;
}

static bool cgroup_copy(char* to, size_t at, cgroup_text_t from, size_t* end) {
  if (from.length >= RIX_CGROUP_PATH || at >= RIX_CGROUP_PATH - from.length) return false;
  for (size_t i = 0; i < from.length; i++)
    to[at + i] = from.text[i];
  to[at + from.length] = '\0';
  *end = at + from.length;
  return true;
}

// mountinfo writes some characters as \ooo.
static void cgroup_unescape(cgroup_text_t* text) {
  size_t to = 0;
  for (size_t i = 0; i < text->length; i++, to++) {
    const char* const s = text->text + i;
    const bool octal = text->length - i > 3 && s[0] == '\\' && s[1] >= '0' && s[1] <= '3' &&
                       s[2] >= '0' && s[2] <= '7' && s[3] >= '0' && s[3] <= '7';
    if (octal) {
      text->text[to] = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
      i += 3;
    } else {
      text->text[to] = text->text[i];
    }
  }
  text->length = to;
}

// A number of bytes, or "max".
static bool cgroup_number(cgroup_text_t text, uint64_t* value) {
  if (cgroup_is(text, "max")) {
    *value = CGROUP_NONE;
    return true;
  }
  uint64_t n = 0;
  for (size_t i = 0; i < text.length; i++) {
    const char c = text.text[i];
    if (c < '0' || c > '9') return false;
    const unsigned digit = (unsigned)(c - '0');
    n = n > (UINT64_MAX - digit) / 10 ? CGROUP_NONE : n * 10 + digit;
  }
  *value = n >= CGROUP_LARGEST ? CGROUP_NONE : n;
  return text.length > 0;
}

// ---- Lines --------------------------------------------------------------------------------------

typedef struct cgroup_search_s {
  char group[RIX_CGROUP_PATH];
  bool found;
  bool first;  // version 1
  char folder[RIX_CGROUP_PATH];
  size_t top;     // length of the folder's path where the hierarchy is mounted
  size_t shown;   // length of the group that is seen there
  bool is_below;  // that group contains ours
  bool is_mounted;
} cgroup_search_t;

static bool cgroup_take_own(char* line, void* arg) {
  cgroup_search_t* const s = arg;
  cgroup_text_t rest = {line, cgroup_length(line)};
  const cgroup_text_t number = cgroup_cut(&rest, ':');
  const cgroup_text_t controllers = cgroup_cut(&rest, ':');
  const bool first = cgroup_has(controllers, "memory");
  if (!first && !(cgroup_is(number, "0") && controllers.length == 0)) return true;
  size_t end;
  if (rest.length == 0 || rest.text[0] != '/' || !cgroup_copy(s->group, 0, rest, &end)) return true;
  s->found = true;
  s->first = first;
  return !first;  // where there is one of version 1, the other does not limit memory
}

// The part of our group's path below that of another; NULL: it is not below.
static const char* cgroup_below(const char* group, cgroup_text_t other) {
  if (other.length == 1 && other.text[0] == '/') return group[1] == '\0' ? group + 1 : group;
  for (size_t i = 0; i < other.length; i++) {
    if (group[i] != other.text[i]) return NULL;
  }
  const char* const rest = group + other.length;
  return *rest == '/' || *rest == '\0' ? rest : NULL;
}

// Notes where a hierarchy is mounted, if that shows more of it than what is known.
static void cgroup_note_mount(cgroup_search_t* s, cgroup_text_t root, cgroup_text_t point) {
  const char* const rest = cgroup_below(s->group, root);
  const bool better = !s->is_mounted || (rest != NULL && !s->is_below) ||
                      ((rest != NULL) == s->is_below && root.length < s->shown);
  if (!better || point.length == 0 || point.text[0] != '/') return;
  char folder[RIX_CGROUP_PATH];
  size_t top = 0, end = 0;
  if (!cgroup_copy(folder, 0, point, &top)) return;
  end = top;
  // Above the root of a namespace, or elsewhere: what is seen is our container's, most likely.
  const cgroup_text_t below = {s->group + (rest != NULL ? rest - s->group : 0),
                               rest != NULL ? cgroup_length(rest) : 0};
  if (rest != NULL && !cgroup_copy(folder, top, below, &end)) return;
  const cgroup_text_t all = {folder, end};
  (void)cgroup_copy(s->folder, 0, all, &end);
  s->top = top;
  s->shown = root.length;
  s->is_below = rest != NULL;
  s->is_mounted = true;
}

static bool cgroup_take_mount(char* line, void* arg) {
  cgroup_search_t* const s = arg;
  cgroup_text_t rest = {line, cgroup_length(line)};
  for (int i = 0; i < 3; i++)
    (void)cgroup_cut(&rest, ' ');
  cgroup_text_t root = cgroup_cut(&rest, ' '), point = cgroup_cut(&rest, ' ');
  while (rest.length > 0 && !cgroup_is(cgroup_cut(&rest, ' '), "-"))
    continue;
  const cgroup_text_t type = cgroup_cut(&rest, ' ');
  (void)cgroup_cut(&rest, ' ');
  const bool fits = s->first ? cgroup_is(type, "cgroup") && cgroup_has(rest, "memory")
                             : cgroup_is(type, "cgroup2");
  if (!fits) return true;
  cgroup_unescape(&root);
  cgroup_unescape(&point);
  cgroup_note_mount(s, root, point);
  return !s->is_below || s->shown > 1;  // nothing shows more than all
}

// ---- Files --------------------------------------------------------------------------------------

typedef struct cgroup_value_s {
  const char* name;  // NULL: the file is the value
  uint64_t value;
  bool found;
} cgroup_value_t;

static bool cgroup_take_value(char* line, void* arg) {
  cgroup_value_t* const v = arg;
  cgroup_text_t rest = {line, cgroup_length(line)};
  if (v->name != NULL && !cgroup_is(cgroup_cut(&rest, ' '), v->name)) return true;
  v->found = cgroup_number(rest, &v->value);
  return false;
}

// What a file of a folder says; CGROUP_NONE: nothing, or that there is no limit.
static uint64_t cgroup_value(const char* folder, const char* file, const char* name,
                             rix_cgroup_read_t* read) {
  char path[RIX_CGROUP_PATH + 32];
  size_t n = cgroup_length(folder);
  for (size_t i = 0; i < n; i++)
    path[i] = folder[i];
  path[n++] = '/';
  for (size_t i = 0; i <= cgroup_length(file); i++)
    path[n + i] = file[i];
  cgroup_value_t v = {name, CGROUP_NONE, false};
  if (!read(path, cgroup_take_value, &v) || !v.found) return CGROUP_NONE;
  return v.value;
}

static uint64_t cgroup_least(uint64_t a, uint64_t b) { return a < b ? a : b; }

// The limit of one level. That of version 1 is in the same file at each.
static uint64_t cgroup_limit_at(const char* folder, bool first, rix_cgroup_read_t* read) {
  if (first) return cgroup_value(folder, "memory.limit_in_bytes", NULL, read);
  return cgroup_least(cgroup_value(folder, "memory.max", NULL, read),
                      cgroup_value(folder, "memory.high", NULL, read));
}

// Shortens a folder's path by one name; false: it is the one that is mounted.
static bool cgroup_up(cgroup_search_t* s) {
  size_t n = cgroup_length(s->folder);
  if (n <= s->top) return false;
  while (n > s->top && s->folder[n - 1] != '/')
    n--;
  s->folder[n > s->top ? n - 1 : n] = '\0';
  return true;
}

static void cgroup_note_level(rix_cgroup_t* group, const char* folder, uint64_t limit) {
  const cgroup_text_t all = {(char*)(uintptr_t)folder, cgroup_length(folder)};
  size_t end;
  (void)cgroup_copy(group->folder, 0, all, &end);
  group->limit = limit;
}

// Looks at each level from the process's own up.
static void cgroup_walk(rix_cgroup_t* group, cgroup_search_t* s, rix_cgroup_read_t* read) {
  uint64_t all = CGROUP_NONE;
  if (s->first) all = cgroup_value(s->folder, "memory.stat", "hierarchical_memory_limit", read);
  do {
    const uint64_t limit = cgroup_limit_at(s->folder, s->first, read);
    if (limit < group->limit) cgroup_note_level(group, s->folder, limit);
  } while (group->limit > (s->first ? all : 0) && cgroup_up(s));
  // A group that is not visible limits us more than those that are: its members count, as far as
  // they are seen.
  group->is_above = all < group->limit;
  if (group->is_above) cgroup_note_level(group, s->folder, all);
}

bool rix_cgroup_find(rix_cgroup_t* group, rix_cgroup_read_t* read) {
  cgroup_search_t s;
  s.found = s.is_mounted = s.is_below = false;
  s.top = s.shown = 0;
  group->limit = CGROUP_NONE;
  if (!read("/proc/self/cgroup", cgroup_take_own, &s) || !s.found) return false;
  if (!read("/proc/self/mountinfo", cgroup_take_mount, &s) || !s.is_mounted) return false;
  group->first = s.first;
  cgroup_walk(group, &s, read);
  return group->limit != CGROUP_NONE;
}

bool rix_cgroup_usage(rix_cgroup_t* group, rix_cgroup_read_t* read, uint64_t* usage) {
  const bool first = group->first;
  const char* const file = first ? "memory.usage_in_bytes" : "memory.current";
  const uint64_t all = cgroup_value(group->folder, file, NULL, read);
  if (all == CGROUP_NONE) return false;
  const uint64_t limit = cgroup_limit_at(group->folder, first, read);
  if (!group->is_above && limit != CGROUP_NONE) group->limit = limit;
  const char* const name = first ? "total_inactive_file" : "inactive_file";
  const uint64_t files = cgroup_value(group->folder, "memory.stat", name, read);
  *usage = files == CGROUP_NONE ? all : files < all ? all - files : 0;
  return true;
}
