// SPDX-License-Identifier: MIT
// out.c: see out.h. What gzip frames is stored, not compressed.
#include "observe/out.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "os/file.h"
#include "os/os.h"

static void out_write(rix_out_t* out, const void* bytes, size_t size) {
  if (out->error != 0 || rix_os_file_write(out->file, bytes, size)) return;
  out->error = rix_os_errno();
}

static uint32_t out_crc(uint32_t crc, const uint8_t* bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++)
      crc = crc >> 1 ^ (0xEDB88320u & (0u - (crc & 1)));
  }
  return crc;
}

void rix_out_begin(rix_out_t* out, int file, bool gzip) {
  static const uint8_t header[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
  out->file = file;
  out->error = 0;
  out->gzip = gzip;
  out->crc = UINT32_MAX;
  out->length = 0;
  out->used = 0;
  if (gzip) out_write(out, header, sizeof(header));
}

// `last`: no block follows.
static void out_flush(rix_out_t* out, bool last) {
  if (out->gzip) {
    const unsigned n = (unsigned)out->used;
    const uint8_t header[] = {last, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)~n, (uint8_t)(~n >> 8)};
    out->crc = out_crc(out->crc, out->buffer, out->used);
    out->length += (uint32_t)out->used;
    out_write(out, header, sizeof(header));
  }
  if (out->used > 0) out_write(out, out->buffer, out->used);
  out->used = 0;
}

void rix_out_bytes(rix_out_t* out, const void* bytes, size_t size) {
  const uint8_t* at = bytes;
  while (size > 0) {
    if (out->used == RIX_OUT_ROOM) out_flush(out, false);
    const size_t room = RIX_OUT_ROOM - out->used;
    const size_t n = size < room ? size : room;
    memcpy(out->buffer + out->used, at, n);
    out->used += n;
    at += n;
    size -= n;
  }
}

void rix_out_text(rix_out_t* out, const char* text) { rix_out_bytes(out, text, strlen(text)); }

void rix_out_format(rix_out_t* out, const char* format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  const int n = vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  if (n > 0) rix_out_bytes(out, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

void rix_out_quoted(rix_out_t* out, const char* text) {
  rix_out_text(out, "\"");
  for (; *text != '\0'; text++) {
    const unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\') {
      rix_out_format(out, "\\%c", c);
    } else if (c < 32 || c > 126) {
      rix_out_format(out, "\\u%04x", c);
    } else {
      rix_out_bytes(out, text, 1);
    }
  }
  rix_out_text(out, "\"");
}

int rix_out_end(rix_out_t* out) {
  if (out->used > 0 || out->gzip) out_flush(out, true);
  if (out->gzip) {
    const uint32_t ends[] = {~out->crc, out->length};
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof(bytes); i++)
      bytes[i] = (uint8_t)(ends[i / 4] >> i % 4 * 8);
    out_write(out, bytes, sizeof(bytes));
  }
  return out->error;
}
