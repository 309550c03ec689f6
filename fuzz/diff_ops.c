// SPDX-License-Identifier: MIT
// diff_ops.c: the same operations on rimalloc and on another allocator, glibc's or the one that
// RIMALLOC_DIFF names (a shared library), comparing all that the C and POSIX standards promise:
// whether there is memory, errno and error codes, alignment, contents, zeroes.
#include <dlfcn.h>

#include "fuzz.h"

enum { SLOTS = 32, SMALL_MAX = 300000, DIFF_ERRNO = 99 };

typedef struct allocator_s {
  void* (*malloc)(size_t size);
  void* (*calloc)(size_t count, size_t size);
  void* (*realloc)(void* p, size_t size);
  void (*free)(void* p);
  int (*posix_memalign)(void** out, size_t align, size_t size);
  void* (*aligned_alloc)(size_t align, size_t size);
  size_t (*usable)(void* p);
} allocator_t;

static size_t our_usable(void* p) { return ri_usable_size(p); }

static const allocator_t ours = {ri_malloc,         ri_calloc,        ri_realloc, ri_free,
                                 ri_posix_memalign, ri_aligned_alloc, our_usable};
static allocator_t theirs;

static void* symbol(void* library, const char* name) {
  void* const p = dlsym(library, name);
  if (p == NULL) fprintf(stderr, "%s is missing\n", name);
  FUZZ_CHECK(p != NULL);
  return p;
}

// Data pointers and function pointers are of one kind in POSIX, but not in C.
static void load(void* library, const char* name, void* where) {
  void* const p = symbol(library, name);
  memcpy(where, &p, sizeof(p));
}

// A library opened by its path keeps its own functions, whatever malloc is in this program.
static void load_theirs(void) {
  if (theirs.malloc != NULL) return;
  const char* const path = getenv("RIMALLOC_DIFF");
  void* const library = dlopen(path != NULL ? path : "libc.so.6", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) fprintf(stderr, "%s\n", dlerror());
  FUZZ_CHECK(library != NULL);
  load(library, "malloc", &theirs.malloc);
  load(library, "calloc", &theirs.calloc);
  load(library, "realloc", &theirs.realloc);
  load(library, "free", &theirs.free);
  load(library, "posix_memalign", &theirs.posix_memalign);
  load(library, "aligned_alloc", &theirs.aligned_alloc);
  load(library, "malloc_usable_size", &theirs.usable);
}

// ---- Pairs --------------------------------------------------------------------------------------

typedef struct pair_s {
  uint8_t *a, *b;  // ours, theirs
  size_t size;
} pair_t;

static pair_t pairs[SLOTS];

typedef struct outcome_s {
  void* p;
  int error;  // errno, DIFF_ERRNO when it was left alone
} outcome_t;

// A size that every allocator grants, or one that none does.
static size_t size_of(fuzz_op_t op) {
  if (op.a < 250)
    return fuzz_size(op.a % 12, op.value) % (op.b % 16 == 0 ? SMALL_MAX : SMALL_MAX / 16);
  return (op.a % 2 == 0 ? (size_t)PTRDIFF_MAX + 1 : SIZE_MAX) - op.value % (op.a % 2 == 0 ? 1 : 99);
}

static void same_outcome(outcome_t ours_got, outcome_t theirs_got) {
  FUZZ_CHECK((ours_got.p == NULL) == (theirs_got.p == NULL));
  if (ours_got.p == NULL) {
    FUZZ_CHECK(ours_got.error == theirs_got.error);
  } else {
    FUZZ_CHECK(ours_got.error == DIFF_ERRNO);
  }
}

static void same_contents(const pair_t* x) {
  FUZZ_CHECK(memcmp(x->a, x->b, x->size) == 0);
  FUZZ_CHECK(ours.usable(x->a) >= x->size && theirs.usable(x->b) >= x->size);
}

static void write_both(pair_t* x, uint32_t key) {
  for (size_t i = 0; i < x->size; i += 1 + i / 8)
    x->a[i] = x->b[i] = (uint8_t)(key + i);
}

// What a fresh block holds is undefined: gives both the same.
static void adopt(pair_t* x, outcome_t a, outcome_t b, size_t size, bool zero, size_t align) {
  same_outcome(a, b);
  *x = (pair_t){a.p, b.p, size};
  if (x->a == NULL) return;
  FUZZ_CHECK(check_aligned(x->a, align) && check_aligned(x->b, align));
  FUZZ_CHECK(check_aligned(x->a, size > 8 ? 16 : 8));
  if (zero) {
    same_contents(x);
    FUZZ_CHECK(check_nonzero(x->a, 0, size) == SIZE_MAX);
  }
  memset(x->a, 1, size);
  memset(x->b, 1, size);
}

static outcome_t do_malloc(const allocator_t* m, size_t size) {
  errno = DIFF_ERRNO;
  void* const p = m->malloc(size);
  return (outcome_t){p, errno};
}

static outcome_t do_calloc(const allocator_t* m, size_t count, size_t size) {
  errno = DIFF_ERRNO;
  void* const p = m->calloc(count, size);
  return (outcome_t){p, errno};
}

static outcome_t do_aligned(const allocator_t* m, size_t align, size_t size) {
  errno = DIFF_ERRNO;
  void* const p = m->aligned_alloc(align, size);
  return (outcome_t){p, errno};
}

static outcome_t do_posix(const allocator_t* m, size_t align, size_t size) {
  void* p = NULL;
  const int error = m->posix_memalign(&p, align, size);
  return (outcome_t){p, error == 0 ? DIFF_ERRNO : error};
}

static void allocate(pair_t* x, fuzz_op_t op) {
  const size_t size = size_of(op);
  const size_t align = fuzz_alignment(op.b % 13);
  const size_t count = op.b % 7;
  size_t total;
  switch (op.code % 4) {
    case 0:
      adopt(x, do_malloc(&ours, size), do_malloc(&theirs, size), size, false, 1);
      break;
    case 1:
      if (__builtin_mul_overflow(count, size, &total)) total = SIZE_MAX;
      adopt(x, do_calloc(&ours, count, size), do_calloc(&theirs, count, size), total, true, 1);
      break;
    case 2: {  // any alignment that posix_memalign must refuse, too
      const size_t any = op.b < 200 ? align : op.b % 64;
      adopt(x, do_posix(&ours, any, size), do_posix(&theirs, any, size), size, false,
            check_hide(any));
      break;
    }
    default:  // C11: a multiple of the alignment
      total = size > PTRDIFF_MAX ? size : (size + align - 1) / align * align;
      adopt(x, do_aligned(&ours, align, total), do_aligned(&theirs, align, total), total, false,
            align);
  }
}

static outcome_t do_realloc(const allocator_t* m, void* p, size_t size) {
  errno = DIFF_ERRNO;
  void* const q = m->realloc(p, size);
  return (outcome_t){q, errno};
}

static void resize(pair_t* x, fuzz_op_t op) {
  size_t size = size_of(op);
  if (size == 0) size = 1;  // each may do as it likes
  same_contents(x);
  const outcome_t a = do_realloc(&ours, x->a, size);
  const outcome_t b = do_realloc(&theirs, x->b, size);
  same_outcome(a, b);
  if (a.p == NULL) {
    same_contents(x);
    return;
  }
  const size_t kept = size < x->size ? size : x->size;
  *x = (pair_t){a.p, b.p, size};
  FUZZ_CHECK(memcmp(x->a, x->b, kept) == 0);
  memset(x->a + kept, 2, size - kept);
  memset(x->b + kept, 2, size - kept);
}

static void release(pair_t* x) {
  if (x->a == NULL) return;
  same_contents(x);
  errno = DIFF_ERRNO;
  ours.free(x->a);
  FUZZ_CHECK(errno == DIFF_ERRNO);
  theirs.free(x->b);
  x->a = NULL;
}

void fuzz_run(fuzz_input_t in) {
  load_theirs();
  fuzz_op_t op;
  while (fuzz_next(&in, &op)) {
    pair_t* const x = &pairs[op.slot % SLOTS];
    if (x->a == NULL) {
      allocate(x, op);
    } else if (op.code < 90) {
      release(x);
    } else if (op.code < 110) {
      write_both(x, op.value);
    } else {
      resize(x, op);
    }
  }
  for (size_t i = 0; i < SLOTS; i++)
    release(&pairs[i]);
}
