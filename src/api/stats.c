// SPDX-License-Identifier: MIT
// stats.c: statistics, and the audit. Without a buffer a text is made twice: to count its
// characters and to write them.
#include "api/api.h"
#include "observe/stats.h"

typedef size_t(stats_writer_t)(const ri_stats_t* stats, size_t size, char* text);

static char* stats_text(const ri_stats_t* s, size_t size, char* buffer, stats_writer_t* write) {
  if (buffer != NULL && size > 0) buffer[0] = '\0';
  if (!rix_stats_header_valid(s)) return NULL;
  const size_t length = write(s, buffer != NULL ? size : 0, buffer);
  if (buffer != NULL) {
    if (length < size) return buffer;
    if (size > 0) buffer[0] = '\0';
    return NULL;
  }
  char* const text = ri_malloc(length + 1);
  if (text != NULL) write(s, length + 1, text);
  return text;
}

char* ri_stats_as_json(ri_stats_t* s, size_t size, char* buffer) {
  return stats_text(s, size, buffer, rix_stats_write_json);
}

char* ri_stats_as_openmetrics(const ri_stats_t* s, size_t size, char* buffer) {
  return stats_text(s, size, buffer, rix_stats_write_openmetrics);
}

char* ri_stats_get_openmetrics(size_t size, char* buffer) {
  ri_stats_t s;
  ri_stats_init(&s);
  ri_stats_get(&s);
  return ri_stats_as_openmetrics(&s, size, buffer);
}

char* ri_heap_stats_get_json(ri_heap_t* heap, size_t size, char* buffer) {
  ri_stats_t s;
  ri_stats_init(&s);
  ri_heap_stats_get(heap, &s);
  return ri_stats_as_json(&s, size, buffer);
}

char* ri_subproc_stats_get_json(ri_subproc_id_t subproc, size_t size, char* buffer) {
  ri_stats_t s;
  ri_stats_init(&s);
  ri_subproc_stats_get(subproc, &s);
  return ri_stats_as_json(&s, size, buffer);
}

char* ri_stats_get_json(size_t size, char* buffer) {
  ri_stats_t s;
  ri_stats_init(&s);
  ri_stats_get(&s);
  return ri_stats_as_json(&s, size, buffer);
}

// ---- What observe/ does -------------------------------------------------------------------------

bool ri_stats_get(ri_stats_t* s) { return rix_stats_get(s); }

bool ri_thread_stats_get(ri_stats_t* s) { return rix_stats_get_thread(s); }

bool ri_heap_stats_get(ri_heap_t* heap, ri_stats_t* s) { return rix_stats_get_heap(heap, s); }

bool ri_subproc_stats_get(ri_subproc_id_t subproc, ri_stats_t* s) {
  return rix_stats_get_subproc(subproc, s);
}

void ri_stats_reset(void) { rix_stats_reset(); }

size_t ri_stats_get_bin_size(size_t bin) { return rix_stats_bin_size(bin); }

void ri_summary(ri_summary_t* summary) { rix_stats_summary(summary); }

void ri_process_info(size_t* elapsed_ms, size_t* user_ms, size_t* system_ms, size_t* current_rss,
                     size_t* peak_rss, size_t* current_commit, size_t* peak_commit,
                     size_t* page_faults) {
  rix_stats_process(elapsed_ms, user_ms, system_ms, current_rss, peak_rss, current_commit,
                    peak_commit, page_faults);
}

void ri_stats_print_out(ri_output_fun* out, void* arg) { rix_print_stats(out, arg); }

void ri_heap_stats_print_out(ri_heap_t* heap, ri_output_fun* out, void* arg) {
  rix_print_heap(heap, out, arg);
}

void ri_subproc_stats_print_out(ri_subproc_id_t subproc, ri_output_fun* out, void* arg) {
  rix_print_subproc(subproc, out, arg);
}

void ri_subproc_heap_stats_print_out(ri_subproc_id_t subproc, ri_output_fun* out, void* arg) {
  rix_print_subproc_heaps(subproc, out, arg);
}

void ri_thread_stats_print_out(ri_output_fun* out, void* arg) { rix_print_thread(out, arg); }

void ri_process_info_print_out(ri_output_fun* out, void* arg) { rix_print_process(out, arg); }

bool ri_audit(void) { return rix_audit(); }

void ri_stats_print(void* out) {
  RIX_UNUSED(out);  // kept for code written for mimalloc, which ignores it as well
  ri_stats_print_out(NULL, NULL);
}

void ri_process_info_print(void) { ri_process_info_print_out(NULL, NULL); }

bool ri_subproc_stats_get_exclusive(ri_subproc_id_t subproc, ri_stats_t* s) {
  if (subproc._ri_subproc_id == NULL || !rix_stats_header_valid(s)) return false;
  ri_stats_init(s);
  return true;
}

void ri_heap_stats_merge_to_subproc(ri_heap_t* heap) { RIX_UNUSED(heap); }

void ri_stats_merge(void) {}
