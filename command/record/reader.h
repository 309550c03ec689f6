// SPDX-License-Identifier: MIT
// reader.h: the calls of a trace (trace.h), those of all threads merged in their order. The file may
// be damaged, or still be written: what is no whole call ends the chunk that it is in.
#ifndef RIX_READER_H
#define RIX_READER_H

#include "trace.h"

typedef enum reader_step_e {
  READER_WHOLE,   // of a call
  READER_BEFORE,  // a realloc that moves: the block leaves its address
  READER_AFTER    // and is at another one
} reader_step_t;

typedef struct reader_call_s {
  trace_kind_t kind;
  reader_step_t step;
  bool has_size;
  unsigned alignment;  // its binary logarithm
  uint32_t thread;
  uint64_t order;
  uint64_t address, after;  // `after`: only of a realloc
  uint64_t size;
} reader_call_t;

typedef struct reader_chunk_s reader_chunk_t;

// One thread's calls.
typedef struct reader_thread_s {
  const reader_chunk_t* next;  // chunk, and the end of its chunks
  const reader_chunk_t* end;
  const uint8_t* at;  // in the chunk
  const uint8_t* limit;
  uint64_t order, address;
  reader_call_t call;  // the next one
  uint64_t second;     // its order when it has moved; 0: it does not
} reader_thread_t;

typedef struct reader_s {
  const trace_header_t* header;
  size_t size;
  reader_chunk_t* chunks;
  size_t chunk_count;
  reader_thread_t* threads;
  uint32_t thread_count;
  uint32_t* heap;  // of threads, the one with the next call at the top
  uint32_t heap_size;
  const uint8_t* cut;  // the end of the file, in a chunk that should have more; NULL: there is none
  uint64_t damaged;    // chunks: that one, and those that have something else than calls
} reader_t;

// Maps the file. NULL, or what is wrong with it.
const char* reader_open(reader_t* reader, const char* path);

// Begins with the first call, again.
void reader_rewind(reader_t* reader);

// The next call; false: there is none.
bool reader_next(reader_t* reader, reader_call_t* call);

#endif
