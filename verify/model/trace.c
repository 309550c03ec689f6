// SPDX-License-Identifier: MIT
// trace.c: what a failing execution did, in words, and as a string that makes it happen again.
//
// Schedule strings: threads separated by '/', the events of one by ',':
//   ri     a read of the initial value        r1.4   a read of event 4 of thread 1
//   r1.4!  a weak compare-and-swap that read it and failed nevertheless
//   w3     a write, the third of its location    f   a fence      c2   choice number 2
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "explorer.h"

enum { LINES_MAX = 8192, NAMES_MAX = 256, SHOWN_MAX = 400 };

typedef struct line_s {
  event_id_t event;  // INIT: a plain access
  int thread;
  bool write;
  uintptr_t address;
  size_t size;
  const void* pc;
} line_t;

static struct {
  line_t line[LINES_MAX];
  unsigned lines;
  uintptr_t name_address[NAMES_MAX];
  const char* name[NAMES_MAX];
  unsigned names;
} trace;

void trace_clear(void) { trace.lines = 0; }

void trace_event(event_id_t id) {
  if (trace.lines == LINES_MAX) explorer_fail("the execution is too long: a loop without end?");
  trace.line[trace.lines++] = (line_t){.event = id, .thread = event_thread(id)};
}

void trace_plain(uintptr_t address, size_t size, bool write, const void* pc) {
  if (trace.lines == LINES_MAX) return;
  trace.line[trace.lines++] = (line_t){INIT, ex.current, write, address, size, pc};
}

void trace_name(uintptr_t address, const char* name) {
  if (trace.names == NAMES_MAX) return;
  trace.name_address[trace.names] = address;
  trace.name[trace.names++] = name;
}

void trace_forget_names(void) { trace.names = 0; }
void model_name(const void* p, const char* name) { trace_name((uintptr_t)p, name); }

static const char* trace_tool(const char* format, ...) {
  static char text[300];
  char command[500];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(command, sizeof(command), format, arguments);
  va_end(arguments);
  text[0] = '\0';
  FILE* const f = popen(command, "r");
  if (f == NULL) return text;
  if (fgets(text, sizeof(text), f) != NULL) text[strcspn(text, "\n")] = '\0';
  pclose(f);
  return text;
}

const char* trace_where(const void* pc) {
  if (pc == NULL) return "?";
  const char* const found =
      trace_tool("addr2line -s -e /proc/%d/exe %#lx", (int)getpid(), (uintptr_t)pc - 1);
  return found[0] != '\0' ? found : "?";
}

const char* trace_what(uintptr_t address) {
  static char text[2][80];
  static unsigned turn;
  char* const to = text[turn++ % 2];
  unsigned best = NAMES_MAX;
  for (unsigned i = 0; i < trace.names; i++) {
    if (trace.name_address[i] > address || address - trace.name_address[i] > 0xFFFF) continue;
    if (best == NAMES_MAX || trace.name_address[i] > trace.name_address[best]) best = i;
  }
  if (best == NAMES_MAX) {
    snprintf(to, sizeof(text[0]), "%#lx", address);
  } else if (address == trace.name_address[best]) {
    snprintf(to, sizeof(text[0]), "%s", trace.name[best]);
  } else {
    snprintf(to, sizeof(text[0]), "%s+%#lx", trace.name[best], address - trace.name_address[best]);
  }
  return to;
}

// ---- Printing -----------------------------------------------------------------------------------

static const char* trace_order(unsigned order) {
  static const char* const name[] = {"relaxed", "consume", "acquire",
                                     "release", "acq_rel", "seq_cst"};
  return name[order < 6 ? order : 0];
}

static const char* trace_verb(const event_t* e) {
  static const char* const name[] = {"load",       "store",     "exchange", "fetch_add",
                                     "fetch_sub",  "fetch_and", "fetch_or", "fetch_xor",
                                     "fetch_nand", "cas"};
  return e->op <= OP_CAS ? name[e->op] : "?";
}

// How many newer writes than what a read read were there already, above in the trace.
static unsigned trace_newer(const event_t* e, unsigned line) {
  unsigned newer = 0;
  for (unsigned i = 0; i < line; i++) {
    if (trace.line[i].event == INIT) continue;
    const event_t* const w = event_at(&ex.graph, trace.line[i].event);
    if (w->kind != EVENT_WRITE || w->location != e->location) continue;
    newer += w->rank > graph_rank(&ex.graph, e->rf);
  }
  return newer;
}

static void trace_print_from(const event_t* e, unsigned line) {
  if (e->rf == INIT) {
    printf(" from the initial value");
  } else {
    printf(" from %d.%u", event_thread(e->rf), event_index(e->rf));
  }
  const unsigned newer = trace_newer(e, line);
  if (newer > 0) printf(" (STALE: %u newer)", newer);
}

static void trace_print_event(unsigned line) {
  const line_t* const l = &trace.line[line];
  const event_t* const e = event_at(&ex.graph, l->event);
  printf("  T%d %*s%d.%-3u ", l->thread, 2 * l->thread, "", l->thread, event_index(l->event));
  if (e->kind == EVENT_FENCE) {
    printf("fence %s", trace_order(e->order));
  } else if (e->kind == EVENT_CHOICE) {
    printf("choice %u of %u", e->option, e->options);
  } else {
    const uintptr_t address = ex.location[e->location].address;
    if (e->kind == EVENT_WRITE && e->rmw) {
      printf("  `- writes %#lx to %s", e->value, trace_what(address));
    } else {
      const bool failed = e->kind == EVENT_READ && e->op == OP_CAS && !e->rmw;
      printf("%s%s %s %s %s %#lx", trace_verb(e), failed ? " FAILS" : "", trace_order(e->order),
             trace_what(address), e->kind == EVENT_READ ? "reads" : "=", e->value);
    }
    if (e->kind == EVENT_READ) trace_print_from(e, line);
    if (e->kind == EVENT_READ && e->option != 0) printf(" (spurious)");
  }
  printf("   %s\n", e->kind == EVENT_WRITE && e->rmw ? "" : trace_where(e->pc));
}

void trace_print(void) {
  char schedule[32768];
  printf("  what happened, thread by thread in an order that fits (n.k: event k of thread n):\n");
  const unsigned first = trace.lines > SHOWN_MAX ? trace.lines - SHOWN_MAX : 0;
  if (first > 0) printf("  ... %u lines before\n", first);
  for (unsigned i = first; i < trace.lines; i++) {
    const line_t* const l = &trace.line[i];
    if (l->event != INIT) {
      trace_print_event(i);
      continue;
    }
    printf("  T%d %*s      plain %s of %zu bytes at %s   %s\n", l->thread, 2 * l->thread, "",
           l->write ? "write" : "read", l->size, trace_what(l->address), trace_where(l->pc));
  }
  trace_schedule(schedule, sizeof(schedule));
  printf("  schedule: %s\n", schedule);
}

// ---- Schedule strings ---------------------------------------------------------------------------

static int trace_schedule_event(char* text, size_t size, const event_t* e) {
  if (e->kind == EVENT_FENCE) return snprintf(text, size, "f");
  if (e->kind == EVENT_CHOICE) return snprintf(text, size, "c%u", e->option);
  if (e->kind == EVENT_WRITE) return snprintf(text, size, "w%u", e->rank);
  const char* const spurious = e->option != 0 ? "!" : "";
  if (e->rf == INIT) return snprintf(text, size, "ri%s", spurious);
  return snprintf(text, size, "r%d.%u%s", event_thread(e->rf), event_index(e->rf), spurious);
}

void trace_schedule(char* text, size_t size) {
  size_t n = 0;
  text[0] = '\0';
  for (int t = 0; t < ex.threads; t++) {
    if (t > 0 && n + 2 < size) text[n++] = '/';
    for (unsigned i = 0; i < ex.graph.n[t] && n + 16 < size; i++) {
      if (i > 0) text[n++] = ',';
      n += (size_t)trace_schedule_event(text + n, size - n, &ex.graph.event[t][i]);
    }
  }
  text[n] = '\0';
}

static bool trace_parse_event(const char** at, graph_t* g, int thread) {
  event_t* const e = graph_append(g, thread);
  const char kind = *(*at)++;
  char* end = (char*)*at;
  if (kind == 'f') {
    e->kind = EVENT_FENCE;
  } else if (kind == 'c' || kind == 'w') {
    e->kind = kind == 'c' ? EVENT_CHOICE : EVENT_WRITE;
    e->option = (uint8_t)strtoul(*at, &end, 10);
    if (end == *at) return false;
  } else if (kind == 'r' && **at == 'i') {
    e->kind = EVENT_READ;
    end++;
  } else if (kind == 'r') {
    e->kind = EVENT_READ;
    const unsigned long t = strtoul(*at, &end, 10);
    if (*end != '.' || t >= MODEL_THREADS) return false;
    e->rf = event_id((int)t, (unsigned)strtoul(end + 1, &end, 10));
  } else {
    return false;
  }
  if (kind == 'r' && *end == '!') {
    e->option = 1;
    end++;
  }
  *at = end;
  return true;
}

bool trace_parse(const char* text, graph_t* g) {
  graph_clear(g);
  g->parsed = true;
  int thread = 0;
  while (*text != '\0') {
    if (*text == '/') {
      if (++thread == MODEL_THREADS) return false;
      text++;
    } else if (*text == ',') {
      text++;
    } else if (!trace_parse_event(&text, g, thread)) {
      return false;
    }
  }
  return true;
}
