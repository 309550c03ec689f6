// SPDX-License-Identifier: MIT
// rebind.c: what a library finds that looks in libc before it looks in the program, as one does
// that was opened with RTLD_DEEPBIND: the entries of libc's table of dynamic symbols, in memory,
// get other values. Libraries that were bound before are unaffected; libc's own calls do not go
// through it.
//
// Only glibc has that flag. The table is found as the loader finds it, by PT_DYNAMIC and the hash
// table; nothing is changed unless all of it is as expected. The words that change are single and
// aligned, so that a thread which binds a symbol meanwhile finds the old value or the new one.
//
// In librimalloc.so only, as override/dlopen.c, which it is for.
//
// CONCURRENCY: any thread; the loader's lock is held meanwhile, and lets the same thread in again.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // dl_iterate_phdr, RTLD_DEEPBIND
#endif
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bits.h"
#include "os/os.h"

#if defined(RTLD_DEEPBIND)
enum { REBIND_DEEP = RTLD_DEEPBIND };
#else
enum { REBIND_DEEP = 0 };
#endif

extern __typeof__(dlsym) dlsym __attribute__((weak));  // a static program has none

int rix_os_deep_flag(void) { return REBIND_DEEP; }

rix_os_open_fun* rix_os_next_open(void) {
  if (dlsym == NULL) return NULL;
  return (rix_os_open_fun*)dlsym(RTLD_NEXT, "dlopen");
}

typedef struct rebind_object_s {
  uintptr_t base;
  int protection;  // of the segment with the symbols
  ElfW(Sym) * symbols;
  const char* strings;
  const uint32_t* hash;
} rebind_object_t;

typedef struct rebind_work_s {
  const rix_os_binding_t* list;
  size_t count;
  bool done;
} rebind_work_t;

static uint32_t rebind_hash(const char* name) {
  uint32_t h = 5381;
  for (; *name != '\0'; name++)
    h = h * 33 + (unsigned char)*name;
  return h;
}

// The next entry of that name after index `from`, or the first for 0: there is one for each
// version. 0 when there is none.
static uint32_t rebind_find(const rebind_object_t* object, const char* name, uint32_t from) {
  const uint32_t buckets = object->hash[0];
  const uint32_t first = object->hash[1];
  const uint32_t words = object->hash[2] * (uint32_t)(sizeof(ElfW(Addr)) / sizeof(uint32_t));
  const uint32_t* const bucket = object->hash + 4 + words;
  const uint32_t* const chain = bucket + buckets;
  const uint32_t wanted = rebind_hash(name);
  uint32_t i = bucket[wanted % buckets];
  if (i < first) return 0;
  for (;; i++) {
    const uint32_t h = chain[i - first];
    const ElfW(Sym)* const symbol = &object->symbols[i];
    if (i > from && (h | 1) == (wanted | 1) && strcmp(object->strings + symbol->st_name, name) == 0)
      return i;
    if ((h & 1) != 0) return 0;
  }
}

// Some CPUs' loaders leave addresses as they are in the file, others make them absolute.
static uintptr_t rebind_address(const rebind_object_t* object, ElfW(Addr) value) {
  return value < object->base ? object->base + value : value;
}

static bool rebind_read(rebind_object_t* object, const struct dl_phdr_info* info) {
  const ElfW(Dyn)* dynamic = NULL;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr)* const part = &info->dlpi_phdr[i];
    if (part->p_type == PT_DYNAMIC) dynamic = (const ElfW(Dyn)*)(info->dlpi_addr + part->p_vaddr);
  }
  if (dynamic == NULL) return false;
  for (; dynamic->d_tag != DT_NULL; dynamic++) {
    const uintptr_t at = rebind_address(object, dynamic->d_un.d_ptr);
    if (dynamic->d_tag == DT_SYMTAB) object->symbols = (ElfW(Sym)*)at;
    if (dynamic->d_tag == DT_STRTAB) object->strings = (const char*)at;
    if (dynamic->d_tag == DT_GNU_HASH) object->hash = (const uint32_t*)at;
  }
  return object->symbols != NULL && object->strings != NULL && object->hash != NULL &&
         object->hash[0] != 0;
}

// The protection of [from, to), if that is all in one segment.
static bool rebind_protection(rebind_object_t* object, const struct dl_phdr_info* info,
                              uintptr_t from, uintptr_t to) {
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr)* const part = &info->dlpi_phdr[i];
    const uintptr_t start = info->dlpi_addr + part->p_vaddr;
    if (part->p_type != PT_LOAD || from < start || to > start + part->p_filesz) continue;
    object->protection = PROT_READ | ((part->p_flags & PF_X) != 0 ? PROT_EXEC : 0);
    return (part->p_flags & PF_W) == 0;
  }
  return false;
}

static void rebind_write(const rebind_object_t* object, const rebind_work_t* work) {
  for (size_t n = 0; n < work->count; n++) {
    const rix_os_binding_t* const binding = &work->list[n];
    for (uint32_t i = 0; (i = rebind_find(object, binding->name, i)) != 0;) {
      ElfW(Sym)* const symbol = &object->symbols[i];
      if ((symbol->st_info & 15) != STT_FUNC || symbol->st_shndx == SHN_UNDEF) continue;
      *(volatile ElfW(Addr)*)&symbol->st_value = (uintptr_t)binding->target - object->base;
    }
  }
}

static bool rebind_object(const struct dl_phdr_info* info, const rebind_work_t* work) {
  rebind_object_t object = {info->dlpi_addr, 0, NULL, NULL, NULL};
  if (!rebind_read(&object, info)) return false;
  uint32_t low = UINT32_MAX, high = 0;
  for (size_t n = 0; n < work->count; n++) {
    for (uint32_t i = 0; (i = rebind_find(&object, work->list[n].name, i)) != 0;) {
      low = i < low ? i : low;
      high = i > high ? i : high;
    }
  }
  if (high == 0) return false;
  const uintptr_t first = (uintptr_t)&object.symbols[low],
                  end = (uintptr_t)&object.symbols[high + 1];
  if (!rebind_protection(&object, info, first, end)) return false;
  const uintptr_t from = first & ~(rix_os_page_size() - 1);
  const size_t size = rix_align_up(end, rix_os_page_size()) - from;
  if (mprotect((void*)from, size, object.protection | PROT_WRITE) != 0) return false;
  rebind_write(&object, work);
  mprotect((void*)from, size, object.protection);
  return true;
}

static int rebind_visit(struct dl_phdr_info* info, size_t size, void* arg) {
  RIX_UNUSED(size);
  rebind_work_t* const work = arg;
  const char* const slash = info->dlpi_name != NULL ? strrchr(info->dlpi_name, '/') : NULL;
  if (slash == NULL || strcmp(slash + 1, "libc.so.6") != 0) return 0;
  work->done = rebind_object(info, work);
  return 1;
}

bool rix_os_rebind(const rix_os_binding_t* list, size_t count) {
  rebind_work_t work = {list, count, false};
  const int saved = errno;
  dl_iterate_phdr(rebind_visit, &work);
  errno = saved;
  return work.done;
}
