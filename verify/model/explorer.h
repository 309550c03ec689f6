// SPDX-License-Identifier: MIT
// explorer.h: the explorer's own types. One execution is a graph of events:
//
//   po   order in a thread           index of an event in its thread
//   rf   which write a read reads    read.rf
//   co   order of writes of a place  graph.writes[location], oldest first; the initial value before
//   hb   happens-before              event.hb, a vector clock over (po and synchronises-with)
//   porf everything an event needed  event.porf, a vector clock over (po and rf)
//
// explore.c finds all graphs; graph.c says which are consistent; threads.c runs the program so that
// it follows a graph; race.c looks at plain accesses; trace.c prints.
#ifndef MODEL_EXPLORER_H
#define MODEL_EXPLORER_H

#include "model.h"

enum {
  EVENTS_MAX = 2048,    // of one thread
  LOCATIONS_MAX = 512,  // atomic ones
  WRITES_MAX = 192,     // to one location
  INDEX_BITS = 11,
  INIT = 0xFFFF,  // the write that gave a location its value at the start
};

typedef uint16_t event_id_t;  // thread << INDEX_BITS | index

typedef struct view_s {
  uint16_t count[MODEL_THREADS];  // so many events of each thread
} view_t;

typedef enum event_kind_e { EVENT_READ, EVENT_WRITE, EVENT_FENCE, EVENT_CHOICE } event_kind_t;
typedef enum op_kind_e {
  OP_LOAD,
  OP_STORE,
  OP_EXCHANGE,
  OP_ADD,
  OP_SUB,
  OP_AND,
  OP_OR,
  OP_XOR,
  OP_NAND,
  OP_CAS,
  OP_FENCE,
  OP_CHOOSE,
} op_kind_t;

// What a thread asks for.
typedef struct op_s {
  op_kind_t kind;
  void* address;
  unsigned size;
  int order, fail_order;
  bool weak;
  uint64_t value, expected;  // OP_CHOOSE: value is the number of options
  const void* pc;
} op_t;

typedef struct event_s {
  uint8_t kind, op, order, fail_order;
  bool weak;
  bool rmw;        // read: a write follows at once; write: the one that follows
  uint8_t option;  // choice: which; read: 1 is a compare-and-swap that failed for no reason
  uint8_t options;
  uint16_t location;
  event_id_t rf;
  uint16_t rank;   // write: 1 + place in co
  uint32_t stamp;  // when it came into the graph
  uint64_t value, expected;
  const void* pc;
  view_t hb, porf;
  view_t sync;    // write: what a reader that acquires gets to know
  view_t before;  // read: hb without what the read adds
} event_t;

typedef struct graph_s {
  unsigned n[MODEL_THREADS];
  event_t event[MODEL_THREADS][EVENTS_MAX];
  unsigned locations;
  unsigned write_count[LOCATIONS_MAX];
  event_id_t writes[LOCATIONS_MAX][WRITES_MAX];
  uint32_t stamp;
  unsigned deviations;  // from the first execution, on the way here
  bool parsed;          // from a schedule string: no locations and values yet
} graph_t;

typedef struct location_s {
  uintptr_t address;
  unsigned size;
  uint64_t init;
  bool counter;    // outside of what is explored: performed at once
  bool statistic;  // and threads may look at it
} location_t;

typedef enum thread_status_e {
  THREAD_NEW,
  THREAD_READY,
  THREAD_BLOCKED,
  THREAD_DONE
} thread_status_t;

typedef struct thread_s {
  thread_status_t status;
  unsigned position;  // events of the graph that this run has done
  view_t hb, porf;
  view_t acquire;      // what an acquire fence would add
  view_t release;      // hb at the last release fence
  unsigned waits_for;  // so many of its last reads
  bool may_stop;       // for ever, before any of its writes (fork.c)
} thread_t;

typedef enum phase_e { PHASE_SETUP, PHASE_DIRECT, PHASE_REPLAY, PHASE_EXTEND } phase_t;
typedef enum verdict_e {
  VERDICT_COMPLETE,
  VERDICT_BLOCKED,
  VERDICT_PRUNED,
  VERDICT_FAILED
} verdict_t;

typedef struct explorer_s {
  const model_scenario_t* scenario;
  int threads;
  thread_t thread[MODEL_THREADS];
  int current;  // -1: set-up or finish
  int turn;     // who may add events
  phase_t phase;
  graph_t graph;
  location_t location[LOCATIONS_MAX];
  unsigned locations;
  bool killed, deferred;
  bool forks, forked;  // some thread may stop; all have
  verdict_t killed_as;
  char why[600];
  bool tracing, random, uses_sc;
  uint64_t seed;
  long bound;  // deviations; -1: all
  bool was_bounded;
  uint64_t complete, blocked, pruned;
} explorer_t;

extern explorer_t ex;

static inline int event_thread(event_id_t id) { return id >> INDEX_BITS; }
static inline unsigned event_index(event_id_t id) { return id & ((1u << INDEX_BITS) - 1); }
static inline event_id_t event_id(int thread, unsigned index) {
  return (event_id_t)((unsigned)thread << INDEX_BITS | index);
}
static inline event_t* event_at(graph_t* g, event_id_t id) {
  return &g->event[event_thread(id)][event_index(id)];
}
static inline bool view_has(const view_t* v, int thread, unsigned index) {
  return index < v->count[thread];
}
static inline void view_join(view_t* to, const view_t* from) {
  for (int t = 0; t < MODEL_THREADS; t++)
    if (to->count[t] < from->count[t]) to->count[t] = from->count[t];
}
static inline bool order_acquires(int o) { return o != __ATOMIC_RELAXED && o != __ATOMIC_RELEASE; }
static inline bool order_releases(int o) { return o >= __ATOMIC_RELEASE; }

// ---- graph.c ------------------------------------------------------------------------------------

void graph_clear(graph_t* g);
void graph_copy(graph_t* to, const graph_t* from);
event_t* graph_append(graph_t* g, int thread);
// Keeps the first keep[t] events of each thread.
void graph_truncate(graph_t* g, const unsigned* keep);
unsigned graph_rank(graph_t* g, event_id_t write);
uint64_t graph_value(graph_t* g, unsigned location, event_id_t write);
// The least rank that somebody who knows `v` may still read at a location.
unsigned graph_least_rank(graph_t* g, const view_t* v, unsigned location);
// Puts a write at place p of co.
void graph_insert(graph_t* g, event_id_t write, unsigned p);
// Whether a write may come to place p without parting a read-modify-write from what it read.
bool graph_may_insert(graph_t* g, unsigned location, unsigned p);
// Sets what a read reads, and whether it becomes a read-modify-write.
void graph_read_from(graph_t* g, event_t* read, event_id_t write, bool fails_spuriously);
unsigned graph_spurious_failures(const graph_t* g, int thread, unsigned before);
// The axiom for sequentially consistent operations (sc.c).
bool graph_sc_consistent(graph_t* g);

// ---- explore.c ----------------------------------------------------------------------------------

void explore_push(const graph_t* g);
bool explore_pop(graph_t* g);
void explore_clear(void);
event_t* explore_add_read(const op_t* op, unsigned location);
event_t* explore_add_write(const op_t* op, unsigned location, uint64_t value, event_t* read);
event_t* explore_add_choice(const op_t* op);
uint64_t explore_random(void);

// ---- threads.c ----------------------------------------------------------------------------------

void threads_init(void);
void threads_after_setup(void);
void threads_forget(void);
// One execution that follows ex.graph as far as it goes, and extends it.
verdict_t threads_run(void);
uint64_t threads_perform(const op_t* op, bool* success);
// Ends the execution; returns only when no thread runs.
void threads_kill(verdict_t verdict);
uint64_t threads_read_memory(const void* p, unsigned size);
void threads_write_memory(void* p, unsigned size, uint64_t value);
void threads_use_tls(int t);
void threads_fail(void);  // ends the execution as failed
void threads_stop(void);  // the running thread does nothing more

// ---- fork.c -------------------------------------------------------------------------------------

void fork_setup(void);
void fork_stop_point(void);  // the running thread is about to write
void fork_ended(void);       // it came to its end

// ---- tsan.c -------------------------------------------------------------------------------------

// A plain access that is about to be made.
void tsan_plain(const void* p, size_t size, bool write, const void* pc);

// ---- locations.c --------------------------------------------------------------------------------

unsigned location_of(const op_t* op);
// The counter that an operation is on, NULL when it is on none.
const location_t* location_counter(const op_t* op);
void location_check_plain_write(uintptr_t address, size_t size);
void location_forget(void);

// ---- memory.c -----------------------------------------------------------------------------------

void memory_init(void);
bool memory_tracked(uintptr_t address);
void memory_log(const void* p, size_t size);  // its content is about to change
size_t memory_mark(void);
void memory_undo(size_t mark);
void memory_after_setup(void);
void memory_reset(void);   // at the start of an execution
void memory_forget(void);  // all of a scenario
void memory_check_permitted(uintptr_t address, size_t size);

// ---- race.c -------------------------------------------------------------------------------------

typedef enum access_e {
  ACCESS_READ,
  ACCESS_WRITE,
  ACCESS_ATOMIC_READ,
  ACCESS_ATOMIC_WRITE
} access_t;
void race_clear(void);
void race_access(uintptr_t address, size_t size, access_t access, const void* pc);

// ---- trace.c ------------------------------------------------------------------------------------

void trace_clear(void);
void trace_event(event_id_t id);
void trace_plain(uintptr_t address, size_t size, bool write, const void* pc);
void trace_print(void);
void trace_name(uintptr_t address, const char* name);
void trace_forget_names(void);
const char* trace_where(const void* pc);       // file:line, a static buffer
const char* trace_what(uintptr_t address);     // a name, a static buffer
void trace_schedule(char* text, size_t size);  // the graph as a string
bool trace_parse(const char* text, graph_t* g);
__attribute__((format(printf, 1, 2))) void explorer_fail(const char* format, ...);

#endif
