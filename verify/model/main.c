// SPDX-License-Identifier: MIT
// main.c: the command line, the search over all executions of a scenario, and the verdicts.
//
// usage: PROGRAM [--bound N] [--random RUNS SEED] [--replay SCHEDULE] [--slow] [--verbose]
//                [--cross RUNS] [SCENARIO]...     without names: all; slow ones only with --slow
//
// For each scenario one line on standard output:
//   NAME ok|FAILED executions=N blocked=N pruned=N bound=none|N [random=N] [outcomes=...]
// executions: complete ones, each a different graph; blocked: ones in which a thread waits for what
// happens in another execution; pruned: ones given up as inconsistent or known.
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explorer.h"

enum { OUTCOMES_MAX = 512 };

explorer_t ex = {.current = -1, .phase = PHASE_SETUP, .seed = 1};

static struct {
  char* outcome[OUTCOMES_MAX];
  unsigned outcomes;
  uint64_t runs, limit;
  const char* replay;
  bool verbose, slow;
  uint64_t cross;  // random executions after the search
  uint64_t* seen;  // hashes of graphs; 0: empty
  size_t seen_room, seen_count;
} driver;

// ---- Failures -----------------------------------------------------------------------------------

void explorer_fail(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (!ex.killed || ex.killed_as != VERDICT_FAILED)
    vsnprintf(ex.why, sizeof(ex.why), format, arguments);
  va_end(arguments);
  if (ex.scenario == NULL || ex.phase == PHASE_SETUP) {
    printf("%s FAILED in set-up: %s\n", ex.scenario != NULL ? ex.scenario->name : "?", ex.why);
    exit(1);
  }
  threads_fail();
}

void model_fail(const char* why, const char* file, int line) {
  const char* const base = strrchr(file, '/');
  explorer_fail("%s (%s:%d)", why, base != NULL ? base + 1 : file, line);
  abort();
}

int model_thread(void) { return ex.current; }

void model_outcome(const char* format, ...) {
  char text[200];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  for (unsigned i = 0; i < driver.outcomes; i++)
    if (strcmp(driver.outcome[i], text) == 0) return;
  if (driver.outcomes == OUTCOMES_MAX) explorer_fail("too many outcomes");
  driver.outcome[driver.outcomes++] = strdup(text);
}

// ---- Cross-check --------------------------------------------------------------------------------
//
// With --cross the graphs of all complete executions are remembered, as hashes: none may occur
// twice, and then random executions, found by other means, must all be among them.

static void driver_seen_grow(void) {
  uint64_t* const old = driver.seen;
  const size_t old_room = driver.seen_room;
  driver.seen_room = old_room == 0 ? 4096 : old_room * 2;
  driver.seen = calloc(driver.seen_room, sizeof(uint64_t));
  if (driver.seen == NULL) abort();
  for (size_t i = 0; i < old_room; i++) {
    if (old[i] == 0) continue;
    size_t k = old[i] & (driver.seen_room - 1);
    while (driver.seen[k] != 0)
      k = (k + 1) & (driver.seen_room - 1);
    driver.seen[k] = old[i];
  }
  free(old);
}

// Whether the graph was seen before; enters it if not.
static bool driver_seen(void) {
  static char text[65536];
  trace_schedule(text, sizeof(text));
  uint64_t hash = 0xCBF29CE484222325u;
  for (const char* p = text; *p != '\0'; p++)
    hash = (hash ^ (unsigned char)*p) * 0x100000001B3u;
  hash = (hash ^ hash >> 29) | 1;
  if (2 * driver.seen_count >= driver.seen_room) driver_seen_grow();
  size_t k = hash & (driver.seen_room - 1);
  for (; driver.seen[k] != 0; k = (k + 1) & (driver.seen_room - 1))
    if (driver.seen[k] == hash) return true;
  driver.seen[k] = hash;
  driver.seen_count++;
  return false;
}

static void driver_seen_forget(void) {
  free(driver.seen);
  driver.seen = NULL;
  driver.seen_room = driver.seen_count = 0;
}

// ---- The search ---------------------------------------------------------------------------------

static bool driver_count(verdict_t v) {
  ex.complete += v == VERDICT_COMPLETE;
  ex.blocked += v == VERDICT_BLOCKED;
  ex.pruned += v == VERDICT_PRUNED;
  return v != VERDICT_FAILED;
}

// An execution ended well; is it as the cross-check wants it?
static bool driver_cross(verdict_t v, bool wanted) {
  if (driver.cross == 0 || v != VERDICT_COMPLETE || driver_seen() == wanted) return true;
  snprintf(ex.why, sizeof(ex.why),
           wanted ? "an execution that the search missed"
                  : "an execution that the search visited twice");
  return false;
}

static bool driver_cross_random(void) {
  ex.random = true;
  bool passed = true;
  const uint64_t complete = ex.complete, blocked = ex.blocked, pruned = ex.pruned;
  for (uint64_t i = 0; i < driver.cross && passed; i++) {
    graph_clear(&ex.graph);
    const verdict_t v = threads_run();
    passed = v != VERDICT_FAILED && driver_cross(v, true);
  }
  ex.complete = complete, ex.blocked = blocked, ex.pruned = pruned;
  ex.random = false;
  return passed;
}

// True when every execution passed.
static bool driver_search(void) {
  graph_clear(&ex.graph);
  explore_push(&ex.graph);
  while (explore_pop(&ex.graph)) {
    const verdict_t v = threads_run();
    if (!driver_count(v) || !driver_cross(v, false)) return false;
    if (++driver.runs % 1000000 == 0 && driver.verbose) {
      fprintf(stderr, "%s: %lu runs\n", ex.scenario->name, driver.runs);
    }
  }
  return driver_cross_random();
}

static bool driver_search_random(void) {
  for (uint64_t i = 0; i < driver.limit; i++) {
    graph_clear(&ex.graph);
    if (!driver_count(threads_run())) return false;
  }
  return true;
}

static bool driver_replay(void) {
  if (!trace_parse(driver.replay, &ex.graph)) {
    fprintf(stderr, "no schedule: %s\n", driver.replay);
    exit(2);
  }
  ex.tracing = true;
  return driver_count(threads_run());
}

static void driver_setup(const model_scenario_t* s) {
  ex.scenario = s;
  ex.threads = 0;
  while (ex.threads < MODEL_THREADS && s->thread[ex.threads] != NULL)
    ex.threads++;
  ex.complete = ex.blocked = ex.pruned = 0;
  ex.current = -1;
  ex.was_bounded = ex.uses_sc = ex.tracing = false;
  driver.runs = driver.outcomes = 0;
  ex.phase = PHASE_SETUP;
  fork_setup();
  if (s->setup != NULL) s->setup();
  memory_after_setup();
  threads_after_setup();
}

static void driver_forget(void) {
  driver_seen_forget();
  explore_clear();
  memory_forget();
  threads_forget();
  location_forget();
  trace_forget_names();
}

// Runs the failing execution once more, to see what it did.
static void driver_explain(void) {
  ex.tracing = driver.verbose;
  const bool parsed = ex.graph.parsed;
  if (!parsed && !ex.random) threads_run();
  printf("  %s\n", ex.why);
  trace_print();
}

static int driver_compare(const void* a, const void* b) {
  return strcmp(*(char* const*)a, *(char* const*)b);
}

// All outcomes, sorted, in one line.
static const char* driver_outcomes(void) {
  static char text[8192];
  size_t n = 0;
  text[0] = '\0';
  qsort(driver.outcome, driver.outcomes, sizeof(char*), driver_compare);
  for (unsigned i = 0; i < driver.outcomes && n < sizeof(text); i++) {
    n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i == 0 ? "" : " | ",
                          driver.outcome[i]);
  }
  return text;
}

static void driver_print(const model_scenario_t* s, bool passed, bool as_expected) {
  printf("%s %s", s->name, as_expected ? "ok" : "FAILED");
  if (s->fails != NULL) {
    printf(" reported=\"%s\"", passed ? "nothing" : s->fails);
  } else {
    printf(" executions=%lu blocked=%lu pruned=%lu", ex.complete, ex.blocked, ex.pruned);
  }
  if (ex.random) {
    printf(" random=%lu", driver.limit);
  } else if (ex.was_bounded) {
    printf(" bound=%ld", ex.bound);
  } else {
    printf(" bound=none");
  }
  if (passed && driver.outcomes > 0) printf(" outcomes=%s", driver_outcomes());
  printf("\n");
  fflush(stdout);
}

// True when the scenario ended as it says it does.
static bool driver_run(const model_scenario_t* s) {
  driver_setup(s);
  bool passed;
  if (driver.replay != NULL) {
    passed = driver_replay();
  } else {
    passed = ex.random ? driver_search_random() : driver_search();
  }
  const bool any = ex.complete > 0 || !passed;
  bool as_expected = passed && any && s->fails == NULL;
  if (s->fails != NULL) as_expected = !passed && strstr(ex.why, s->fails) != NULL;
  if (!any) printf("  no execution was complete\n");
  if (as_expected && s->outcomes != NULL && driver.replay == NULL && !ex.random &&
      strcmp(s->outcomes, driver_outcomes()) != 0) {
    printf("  the outcomes should be %s\n", s->outcomes);
    as_expected = false;
  }
  if (!passed && (!as_expected || driver.verbose)) {
    driver_explain();
  } else if (driver.replay != NULL) {
    trace_print();
  }
  driver_print(s, passed, as_expected);
  driver_forget();
  return as_expected;
}

// ---- The command line ---------------------------------------------------------------------------

static bool driver_named(const model_scenario_t* s, char** names, int n) {
  if (n == 0) return driver.slow || !s->slow;
  for (int i = 0; i < n; i++)
    if (strcmp(names[i], s->name) == 0) return true;
  return false;
}

static int driver_options(int argc, char** argv) {
  int i = 1;
  ex.bound = -1;
  for (; i < argc && argv[i][0] == '-'; i++) {
    if (strcmp(argv[i], "--bound") == 0 && i + 1 < argc) {
      ex.bound = atol(argv[++i]);
    } else if (strcmp(argv[i], "--random") == 0 && i + 2 < argc) {
      ex.random = true;
      driver.limit = strtoul(argv[i + 1], NULL, 10);
      ex.seed = strtoul(argv[i + 2], NULL, 10) * 2 + 1;
      i += 2;
    } else if (strcmp(argv[i], "--cross") == 0 && i + 1 < argc) {
      driver.cross = strtoul(argv[++i], NULL, 10);
    } else if (strcmp(argv[i], "--replay") == 0 && i + 1 < argc) {
      driver.replay = argv[++i];
    } else if (strcmp(argv[i], "--slow") == 0) {
      driver.slow = true;
    } else if (strcmp(argv[i], "--verbose") == 0) {
      driver.verbose = true;
    } else {
      fprintf(stderr, "unknown option %s\n", argv[i]);
      exit(2);
    }
  }
  return i;
}

int main(int argc, char** argv) {
  const int first = driver_options(argc, argv);
  memory_init();
  threads_init();
  int run = 0, bad = 0;
  for (const model_scenario_t* s = model_scenarios; s->name != NULL; s++) {
    if (!driver_named(s, argv + first, argc - first)) continue;
    run++;
    bad += !driver_run(s);
  }
  if (run == 0) fprintf(stderr, "no such scenario\n");
  return run > 0 && bad == 0 ? 0 : 1;
}
