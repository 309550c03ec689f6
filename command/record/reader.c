// SPDX-License-Identifier: MIT
// reader.c: see reader.h.
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct reader_chunk_s {
  uint32_t thread;
  uint32_t used;
  uint64_t order;
  const trace_chunk_t* chunk;
};

// ---- One call -----------------------------------------------------------------------------------

static bool reader_number(reader_thread_t* t, uint64_t* number) {
  *number = 0;
  for (unsigned shift = 0; shift < 64 && t->at < t->limit; shift += 7) {
    const uint8_t byte = *t->at++;
    *number |= (uint64_t)(byte & 127) << shift;
    if (byte < 128) return true;
  }
  return false;
}

static bool reader_address(reader_thread_t* t, uint64_t* address) {
  uint64_t word;
  if (!reader_number(t, &word)) return false;
  t->address += trace_zigzag_back(word);
  *address = trace_rotate_back(t->address);
  return true;
}

static bool reader_alignment(reader_thread_t* t, uint8_t flags, unsigned* log) {
  if ((flags & TRACE_HAS_ALIGNMENT) == 0) return true;
  if (t->at == t->limit || *t->at > 40) return false;
  *log = *t->at++;
  return true;
}

static bool reader_realloc(reader_thread_t* t, reader_call_t* call) {
  return reader_address(t, &call->address) && reader_number(t, &t->second) &&
         reader_address(t, &call->after) && reader_number(t, &call->size);
}

// Reads the next call of the chunk; false: what is there is none.
static bool reader_parse(reader_thread_t* t) {
  reader_call_t* const call = &t->call;
  const uint8_t flags = *t->at++;
  uint64_t delta;
  *call = (reader_call_t){.kind = (trace_kind_t)(flags & TRACE_KIND_MASK), .thread = call->thread};
  t->second = 0;
  if (call->kind == 0 || call->kind >= TRACE_KINDS || !reader_number(t, &delta)) return false;
  call->order = t->order + delta;
  call->has_size = call->kind < TRACE_FREE || (flags & TRACE_HAS_SIZE) != 0;
  if (call->kind == TRACE_REALLOC) {
    if (!reader_realloc(t, call)) return false;
    call->step = t->second != 0 ? READER_BEFORE : READER_WHOLE;
  } else {
    if (!reader_address(t, &call->address)) return false;
    if (call->has_size && !reader_number(t, &call->size)) return false;
    if (!reader_alignment(t, flags, &call->alignment)) return false;
  }
  t->order = call->order + t->second;
  return call->order < UINT64_MAX / 2 && t->second < UINT64_MAX / 2 &&
         call->size < (uint64_t)1 << 48;
}

// Makes the thread's next call ready; false: it has no more.
static bool reader_advance(reader_t* reader, reader_thread_t* t) {
  if (t->call.step == READER_BEFORE) {
    t->call.step = READER_AFTER;
    t->call.order += t->second;
    return true;
  }
  for (;;) {
    if (t->at < t->limit) {
      if (reader_parse(t)) return true;
      reader->damaged += t->limit != reader->cut;
      t->at = t->limit;
    }
    if (t->next == t->end) return false;
    const reader_chunk_t* const c = t->next++;
    t->at = c->chunk->calls;
    t->limit = c->chunk->calls + c->used;
    t->order = c->order;
    t->address = 0;
  }
}

// ---- Threads in their order ---------------------------------------------------------------------

static uint64_t reader_order(const reader_t* reader, uint32_t place) {
  return reader->threads[reader->heap[place]].call.order;
}

static void reader_sink(reader_t* reader, uint32_t place) {
  for (;;) {
    uint32_t least = place;
    for (uint32_t child = 2 * place + 1; child <= 2 * place + 2; child++) {
      const bool less =
          child < reader->heap_size && reader_order(reader, child) < reader_order(reader, least);
      if (less) least = child;
    }
    if (least == place) return;
    const uint32_t other = reader->heap[least];
    reader->heap[least] = reader->heap[place];
    reader->heap[place] = other;
    place = least;
  }
}

void reader_rewind(reader_t* reader) {
  reader->heap_size = 0;
  reader->damaged = reader->cut != NULL;
  const reader_chunk_t* chunk = reader->chunks;
  const reader_chunk_t* const end = reader->chunks + reader->chunk_count;
  for (uint32_t i = 0; i < reader->thread_count; i++) {
    reader_thread_t* const t = &reader->threads[i];
    const uint32_t thread = chunk->thread;
    *t = (reader_thread_t){.next = chunk, .call = {.thread = i}};
    while (chunk < end && chunk->thread == thread)
      chunk++;
    t->end = chunk;
    if (reader_advance(reader, t)) reader->heap[reader->heap_size++] = i;
  }
  for (uint32_t i = reader->heap_size / 2; i-- > 0;)
    reader_sink(reader, i);
}

bool reader_next(reader_t* reader, reader_call_t* call) {
  if (reader->heap_size == 0) return false;
  reader_thread_t* const t = &reader->threads[reader->heap[0]];
  *call = t->call;
  if (!reader_advance(reader, t)) reader->heap[0] = reader->heap[--reader->heap_size];
  reader_sink(reader, 0);
  return true;
}

// ---- The file -----------------------------------------------------------------------------------

static int reader_compare(const void* a, const void* b) {
  const reader_chunk_t* const x = a;
  const reader_chunk_t* const y = b;
  if (x->thread != y->thread) return x->thread < y->thread ? -1 : 1;
  return x->order < y->order ? -1 : x->order > y->order;
}

static const char* reader_list(reader_t* reader) {
  const size_t slots = (reader->size + TRACE_CHUNK - 1) / TRACE_CHUNK;
  reader->chunks = calloc(slots, sizeof(reader_chunk_t));
  if (reader->chunks == NULL) return "no memory";
  for (size_t i = 1; i < slots; i++) {
    const void* const slot = (const uint8_t*)reader->header + i * TRACE_CHUNK;
    const trace_chunk_t* const c = slot;
    // Acquire: pairs with the release of a process that is still recorded.
    const size_t there = reader->size - i * TRACE_CHUNK;  // less than a slot where it is cut off
    if (there < offsetof(trace_chunk_t, calls) || c->magic != TRACE_CHUNK_MAGIC) continue;
    const uint32_t used = atomic_load_explicit(&c->used, memory_order_acquire);
    const size_t most =
        there < TRACE_CHUNK ? there - offsetof(trace_chunk_t, calls) : sizeof(c->calls);
    if (used == 0) continue;
    if (used > most) reader->cut = c->calls + most;
    const uint32_t whole = used > most ? (uint32_t)most : used;
    reader->chunks[reader->chunk_count++] = (reader_chunk_t){c->thread, whole, c->order, c};
  }
  qsort(reader->chunks, reader->chunk_count, sizeof(reader_chunk_t), reader_compare);
  for (size_t i = 0; i < reader->chunk_count; i++)
    reader->thread_count += i == 0 || reader->chunks[i].thread != reader->chunks[i - 1].thread;
  if (reader->thread_count == 0) return "it has no calls";
  reader->threads = calloc(reader->thread_count, sizeof(reader_thread_t));
  reader->heap = calloc(reader->thread_count, sizeof(uint32_t));
  return reader->threads != NULL && reader->heap != NULL ? NULL : "no memory";
}

static const char* reader_check(const reader_t* reader) {
  const trace_header_t* const h = reader->header;
  if (memcmp(h->magic, TRACE_MAGIC, sizeof(h->magic)) != 0) return "it is no trace";
  if (h->version != TRACE_VERSION || h->chunk != TRACE_CHUNK)
    return "it is a trace of another version";
  return NULL;
}

const char* reader_open(reader_t* reader, const char* path) {
  *reader = (reader_t){.size = 0};
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) return strerror(errno);
  reader->size = (size_t)status.st_size;
  if (reader->size < sizeof(trace_header_t)) return "it is no trace";
  void* const data = mmap(NULL, reader->size, PROT_READ, MAP_SHARED, file, 0);
  (void)close(file);
  if (data == MAP_FAILED) return strerror(errno);
  reader->header = data;
  const char* error = reader_check(reader);
  if (error == NULL) error = reader_list(reader);
  if (error == NULL) reader_rewind(reader);
  return error;
}
