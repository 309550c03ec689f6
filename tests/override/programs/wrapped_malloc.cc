// SPDX-License-Identifier: MIT
// wrapped_malloc.cc: a program whose malloc, calloc, realloc and free put a header before each
// block and call the next ones, as tools do that count. Blocks of rimalloc's carry that header or
// none, as those who made them know: who takes them back must be of the same mind.
#include <dlfcn.h>

#include <string>
#include <thread>
#include <vector>

#include "../../check.h"

#pragma weak reallocf
#pragma weak cfree
#pragma weak free_sized
extern "C" void* reallocf(void* p, size_t size);
extern "C" void cfree(void* p);
extern "C" void free_sized(void* p, size_t size);

enum { HEADER = 16, MARK = 0x5EED };

template <typename F>
static F* next(F*& kept, const char* name) {
  if (kept == nullptr) kept = reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
  return kept;
}

static void* marked(void* p) {
  if (p == nullptr) return nullptr;
  const int mark = MARK;
  memcpy(p, &mark, sizeof(mark));
  return static_cast<char*>(p) + HEADER;
}

static void* base(void* p) {
  if (p == nullptr) return nullptr;
  int mark = 0;
  char* const start = static_cast<char*>(p) - HEADER;
  memcpy(&mark, start, sizeof(mark));
  if (mark != MARK) abort();
  return start;
}

extern "C" void* malloc(size_t size) {
  static void* (*real)(size_t);
  return marked(next(real, "malloc")(size + HEADER));
}

extern "C" void* calloc(size_t count, size_t size) {
  static void* (*real)(size_t, size_t);
  return marked(next(real, "calloc")(1, count * size + HEADER));
}

extern "C" void* realloc(void* p, size_t size) {
  static void* (*real)(void*, size_t);
  return marked(next(real, "realloc")(base(p), size + HEADER));
}

extern "C" void free(void* p) {
  static void (*real)(void*);
  next(real, "free")(base(p));
}

static void work() {
  std::vector<std::string> strings;
  for (int i = 0; i < 1000; i++)
    strings.emplace_back(100, 'a');
  for (size_t size = 1; size < 100000; size += 1 + size / 3) {
    delete[] new char[size];
    operator delete(operator new(size, std::nothrow), std::nothrow);
    free(strdup(strings[0].c_str()));
    free(reallocarray(malloc(size), 2, size));
    if (reallocf == nullptr) continue;  // the C library alone
    free(reallocf(malloc(size), 2 * size));
    free_sized(malloc(size), size);
    cfree(malloc(size));
  }
}

int main() {
  check_watchdog(30);
  work();
  std::thread(work).join();
  return 0;
}
