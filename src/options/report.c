// SPDX-License-Identifier: MIT
// report.c: messages, warnings and errors.
#include "options/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/bits.h"
#include "options/options.h"

static struct { rix_counter_t xerrors, xwarnings; } report;

static void report_to_standard_error(const char* message, void* arg) {
  RIX_UNUSED(arg);
  rix_os_write_error(message, strlen(message));
}

rix_output_t rix_output_current(void) {
  rix_lock(&rix_sealed_lock);
  rix_output_t to = {rix_sealed.output, rix_sealed.output_arg};
  rix_unlock(&rix_sealed_lock);
  if (to.out == NULL) to.out = report_to_standard_error;
  return to;
}

rix_output_t rix_output_of(ri_output_fun* out, void* arg) {
  return out != NULL ? (rix_output_t){out, arg} : rix_output_current();
}

// Formats and sends one message with a prefix; errno is unchanged.
static void report_send(rix_output_t to, const char* prefix, const char* format, va_list* arguments,
                        const char* suffix) {
  char text[400];
  const int saved = rix_os_errno();
  size_t n = strlen(prefix);
  memcpy(text, prefix, n);
  const size_t room = sizeof(text) - n - 2;
  const int length = vsnprintf(text + n, room, format, *arguments);
  n += length < 0 ? 0 : rix_min((size_t)length, room - 1);
  memcpy(text + n, suffix, strlen(suffix) + 1);
  RI_ASSERT(!rix_lock_held());
  to.out(text, to.arg);
  rix_os_set_errno(saved);
}

void rix_print_to(rix_output_t to, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  report_send(to, "", format, &arguments, "");
  va_end(arguments);
}

void rix_message(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  report_send(rix_output_current(), "", format, &arguments, "");
  va_end(arguments);
}

void rix_warning(const char* format, ...) {
  const size_t earlier = ri_fetch_add_relaxed(&report.xwarnings, 1);
  if (rix_option(ri_option_show_errors) == 0) return;
  if (earlier >= (size_t)rix_option(ri_option_max_warnings)) return;
  va_list arguments;
  va_start(arguments, format);
  report_send(rix_output_current(), "rimalloc: warning: ", format, &arguments, "\n");
  va_end(arguments);
}

static void report_call_error_hook(int code) {
  rix_lock(&rix_sealed_lock);
  ri_error_fun* const fun = rix_sealed.error;
  void* const arg = rix_sealed.error_arg;
  rix_unlock(&rix_sealed_lock);
  RI_ASSERT(!rix_lock_held());
  if (fun != NULL) fun(code, arg);
}

bool rix_error_begins(void) {
  const size_t earlier = ri_fetch_add_relaxed(&report.xerrors, 1);
  const size_t max = (size_t)rix_option(ri_option_max_errors);
  return rix_option(ri_option_show_errors) != 0 && earlier < max;
}

bool rix_error_aborts(void) {
  if (rix_option_source(ri_option_abort_on_error) != RIX_OPTION_DEFAULT) {
    return rix_option(ri_option_abort_on_error) != 0;
  }
  return rix_option(ri_option_harden) > 0;
}

void rix_error_ends(int code) {
  const int saved = rix_os_errno();
  report_call_error_hook(code);
  if (rix_error_aborts()) rix_os_abort();
  rix_os_set_errno(saved);
}

void rix_error(int code, const char* format, ...) {
  const int saved = rix_os_errno();
  if (rix_error_begins()) {
    va_list arguments;
    va_start(arguments, format);
    report_send(rix_output_current(), "rimalloc: error: ", format, &arguments, "\n");
    va_end(arguments);
  }
  rix_error_ends(code);
  rix_os_set_errno(saved);
}

static __thread bool report_muted;

void rix_report_mute(bool mute) { report_muted = mute; }

bool rix_report_is_muted(void) { return report_muted; }

void* rix_out_of_memory(size_t size) {
  if (report_muted) return NULL;
  if (rix_option(ri_option_verbose) >= 2) rix_warning("no memory for %zu bytes", size);
  report_call_error_hook(ENOMEM);
  rix_os_set_errno(ENOMEM);
  return NULL;
}

void* rix_overflow(void) {
  report_call_error_hook(EOVERFLOW);
  rix_os_set_errno(ENOMEM);
  return NULL;
}

void* rix_bad_argument(void) {
  rix_os_set_errno(EINVAL);
  return NULL;
}

bool rix_report_open(void) {
  if (rix_sealed_open()) return true;
  rix_warning("the OS refuses to let a function of the program be registered");
  return false;
}

void rix_report_set_output(ri_output_fun* out, void* arg) {
  if (!rix_report_open()) return;
  rix_sealed.output = out;
  rix_sealed.output_arg = arg;
  rix_sealed_close();
}

void rix_report_set_error(ri_error_fun* fun, void* arg) {
  if (!rix_report_open()) return;
  rix_sealed.error = fun;
  rix_sealed.error_arg = arg;
  rix_sealed_close();
}
