// SPDX-License-Identifier: MIT
// alloc_ops.c: every function of the allocation interface, in any order, against the shadow model.
// One thread, but it may exit and start again, so that pages lose their owner and are adopted.
#include "shadow.h"

static shadow_t shadow;

// ---- Allocating ---------------------------------------------------------------------------------

typedef struct request_s {
  size_t count, size, align, offset;
} request_t;

// An alignment at an offset makes a block as large as the alignment, which a resize may copy.
static request_t request_of(fuzz_op_t op) {
  const size_t align = fuzz_alignment(op.b);
  const bool shifted = op.a % 3 == 0 && align <= FUZZ_SURE_MAX;
  return (request_t){(op.b >> 4) % 5, fuzz_size(op.a, op.value), align,
                     shifted ? op.value % 200 : 0};
}

// count * size; SIZE_MAX when it overflows, which no allocation grants.
static size_t product(request_t r) {
  size_t total;
  return __builtin_mul_overflow(r.count, r.size, &total) ? SIZE_MAX : total;
}

static void* allocate_plain(unsigned code, request_t r, shadow_wish_t* wish) {
  switch (code) {
    case 0:
    case 4:
      *wish = (shadow_wish_t){r.size, 1, 0, false};
      return ri_malloc(r.size);
    case 2:
      *wish = (shadow_wish_t){product(r), 1, 0, true};
      return ri_calloc(r.count, r.size);
    case 3:
      *wish = (shadow_wish_t){product(r), 1, 0, false};
      return ri_mallocn(r.count, r.size);
    default:
      *wish = (shadow_wish_t){r.size, 1, 0, true};
      return ri_zalloc(r.size);
  }
}

static void* allocate_aligned(unsigned code, request_t r, shadow_wish_t* wish) {
  *wish = (shadow_wish_t){r.size, r.align, 0, false};
  switch (code) {
    case 0:
      return ri_malloc_aligned(r.size, r.align);
    case 1:
      wish->zero = true;
      return ri_zalloc_aligned(r.size, r.align);
    case 2:
      *wish = (shadow_wish_t){product(r), r.align, 0, true};
      return ri_calloc_aligned(r.count, r.size, r.align);
    case 3:
      wish->offset = r.offset;
      return ri_malloc_aligned_at(r.size, r.align, r.offset);
    case 4:
      wish->offset = r.offset;
      wish->zero = true;
      return ri_zalloc_aligned_at(r.size, r.align, r.offset);
    default:
      *wish = (shadow_wish_t){product(r), r.align, r.offset, true};
      return ri_calloc_aligned_at(r.count, r.size, r.align, r.offset);
  }
}

// posix_memalign tells by its result, and leaves errno and *out alone.
static void* allocate_posix(request_t r, shadow_wish_t* wish) {
  static char untouched;
  void* p = &untouched;
  *wish = (shadow_wish_t){r.size, r.align, 0, false};
  const int error = ri_posix_memalign(&p, r.align, r.size);
  FUZZ_CHECK(errno == SHADOW_ERRNO);
  FUZZ_CHECK((error != 0) == (p == &untouched));
  if (error == 0) return p;
  if (r.align % sizeof(void*) != 0) wish->align = 0;  // not good enough here
  errno = error;
  return NULL;
}

static void* allocate_classic(unsigned code, request_t r, shadow_wish_t* wish) {
  *wish = (shadow_wish_t){r.size, r.align, 0, false};
  switch (code) {
    case 0:
      return allocate_posix(r, wish);
    case 1:
      return ri_aligned_alloc(r.align, r.size);
    case 2:
      return ri_memalign(r.align, r.size);
    case 3:
      wish->align = check_os_page();
      return ri_valloc(r.size);
    default: {
      void* const p = ri_pvalloc(r.size);
      const size_t page = check_os_page();
      *wish = (shadow_wish_t){r.size == 0 ? page : r.size, page, 0, false};
      if (p != NULL) wish->size = (wish->size + page - 1) / page * page;
      return p;
    }
  }
}

static void allocate(shadow_block_t* b, fuzz_op_t op) {
  const request_t r = request_of(op);
  if (!shadow_has_room(&shadow, r.size > FUZZ_SURE_MAX ? r.size : r.size * (r.count + 1))) return;
  shadow_wish_t wish;
  void* p;
  errno = SHADOW_ERRNO;
  const unsigned code = op.code % 17;
  if (code < 6) {
    p = allocate_plain(code, r, &wish);
  } else if (code < 12) {
    p = allocate_aligned(code - 6, r, &wish);
  } else {
    p = allocate_classic(code - 12, r, &wish);
  }
  shadow_allocated(&shadow, b, p, wish);
}

// A copy of a string that the input makes.
static void duplicate(shadow_block_t* b, fuzz_op_t op) {
  char text[300];
  const size_t length = op.value % sizeof(text);
  memset(text, 'a' + op.a % 26, sizeof(text) - 1);
  text[sizeof(text) - 1] = '\0';
  if (length < sizeof(text)) text[length] = '\0';
  const size_t most = op.b * 2;
  errno = SHADOW_ERRNO;
  char* const p = op.a % 2 == 0 ? ri_strdup(text) : ri_strndup(text, most);
  const size_t expected = op.a % 2 == 0 || strlen(text) < most ? strlen(text) : most;
  FUZZ_CHECK(p != NULL && strlen(p) == expected && memcmp(p, text, expected) == 0);
  shadow_allocated(&shadow, b, p, (shadow_wish_t){expected + 1, 1, 0, false});
}

// ---- Resizing -----------------------------------------------------------------------------------

static void* resize_plain(unsigned code, void* p, request_t r, shadow_wish_t* wish) {
  *wish = (shadow_wish_t){r.size, 1, 0, code >= 3};
  switch (code) {
    case 0:
      return ri_realloc(p, r.size);
    case 1:
      wish->size = product(r);
      return ri_reallocn(p, r.count, r.size);
    case 2: {
      wish->size = product(r);
      void* const q = ri_reallocarray(p, r.count, r.size);
      if (q == NULL && wish->size == SIZE_MAX) {
        FUZZ_CHECK(errno == EOVERFLOW || errno == ENOMEM);
        errno = ENOMEM;
      }
      return q;
    }
    case 3:
      return ri_rezalloc(p, r.size);
    default:
      wish->size = product(r);
      return ri_recalloc(p, r.count, r.size);
  }
}

static void* resize_aligned(unsigned code, void* p, request_t r, shadow_wish_t* wish) {
  *wish = (shadow_wish_t){r.size, r.align, code % 2 == 1 ? r.offset : 0, code >= 2};
  switch (code) {
    case 0:
      return ri_realloc_aligned(p, r.size, r.align);
    case 1:
      return ri_realloc_aligned_at(p, r.size, r.align, r.offset);
    case 2:
      return ri_rezalloc_aligned(p, r.size, r.align);
    case 3:
      return ri_rezalloc_aligned_at(p, r.size, r.align, r.offset);
    case 4:
      wish->size = product(r);
      return ri_recalloc_aligned(p, r.count, r.size, r.align);
    default:
      wish->size = product(r);
      return ri_recalloc_aligned_at(p, r.count, r.size, r.align, r.offset);
  }
}

static void resize(shadow_block_t* b, fuzz_op_t op) {
  const request_t r = request_of(op);
  if (!shadow_has_room(&shadow, r.size > FUZZ_SURE_MAX ? r.size : r.size * (r.count + 1))) return;
  shadow_check(b);
  const size_t old_usable = ri_usable_size(b->p);
  shadow_wish_t wish;
  errno = SHADOW_ERRNO;
  const unsigned code = op.code % 11;
  void* const q =
      code < 5 ? resize_plain(code, b->p, r, &wish) : resize_aligned(code - 5, b->p, r, &wish);
  shadow_resized(&shadow, b, q, old_usable, wish);
}

// On failure it frees.
static void resize_or_free(shadow_block_t* b, size_t size) {
  const size_t old_usable = ri_usable_size(b->p);
  errno = SHADOW_ERRNO;
  void* const q = ri_reallocf(b->p, size);
  if (q == NULL) {
    FUZZ_CHECK(size > FUZZ_SURE_MAX && errno == ENOMEM);
    shadow_freed(&shadow, b);
    return;
  }
  shadow_resized(&shadow, b, q, old_usable, (shadow_wish_t){size, 1, 0, false});
}

static void resize_netbsd(shadow_block_t* b, request_t r) {
  const size_t old_usable = ri_usable_size(b->p);
  const size_t total = product(r);
  void* p = b->p;
  errno = SHADOW_ERRNO;
  const int error = ri_reallocarr(&p, r.count, r.size);
  FUZZ_CHECK(errno == SHADOW_ERRNO);
  if (error == 0 && total == 0) {
    FUZZ_CHECK(p == NULL);
    shadow_freed(&shadow, b);
    return;
  }
  FUZZ_CHECK(error == 0 || (p == b->p && (error == ENOMEM || error == EOVERFLOW)));
  if (error != 0) errno = ENOMEM;
  shadow_resized(&shadow, b, error == 0 ? p : NULL, old_usable,
                 (shadow_wish_t){total, 1, 0, false});
}

static void expand(shadow_block_t* b, size_t size) {
  const size_t old_usable = ri_usable_size(b->p);
  errno = SHADOW_ERRNO;
  void* const q = ri_expand(b->p, size);
  FUZZ_CHECK(errno == SHADOW_ERRNO && (q == NULL || q == b->p));
  if (q == NULL) {
    FUZZ_CHECK(size > old_usable);
    shadow_check(b);
    return;
  }
  FUZZ_CHECK(ri_usable_size(q) >= size);
  shadow_wish_t wish = {size, b->align, b->offset, false};
  shadow_resized(&shadow, b, q, old_usable, wish);
}

static void any_resize(shadow_block_t* b, fuzz_op_t op) {
  const request_t r = request_of(op);
  if (!shadow_has_room(&shadow, r.size > FUZZ_SURE_MAX ? r.size : r.size * (r.count + 1))) return;
  // Copying hundreds of megabytes takes too long: such a block only grows or shrinks where it is, or
  // by moving page tables.
  if (b->size > FUZZ_SURE_MAX && r.size <= PTRDIFF_MAX / 2) {
    if (r.size > FUZZ_SURE_MAX && b->offset == 0) {
      resize(b, (fuzz_op_t){0, op.slot, op.a, op.b, op.value});
    } else {
      expand(b, r.size);
    }
    return;
  }
  switch (op.code % 16) {
    case 0:
      resize_or_free(b, r.size);
      break;
    case 1:
      resize_netbsd(b, r);
      break;
    case 2:
    case 3:
      expand(b, r.size);
      break;
    default:
      resize(b, op);
  }
}

// ---- Freeing ------------------------------------------------------------------------------------

static void release(shadow_block_t* b, unsigned how) {
  shadow_check(b);
  errno = SHADOW_ERRNO;
  switch (how % 8) {
    case 0:
      ri_free_sized(b->p, b->size);
      break;
    case 1:
      if (b->offset == 0) {
        ri_free_aligned(b->p, b->align);
      } else {
        ri_free(b->p);
      }
      break;
    case 2:
      if (b->offset == 0) {
        ri_free_aligned_sized(b->p, b->align, b->size);
      } else {
        ri_free(b->p);
      }
      break;
    case 3:
      ri_cfree(b->p);
      break;
    default:
      ri_free(b->p);
  }
  FUZZ_CHECK(errno == SHADOW_ERRNO);
  shadow_freed(&shadow, b);
}

// Pointers that are none of ours are reported and ignored.
static void misuse(fuzz_op_t op) {
  static uint8_t foreign[64];
  uint8_t on_stack[64] = {0};
  void* const wild = check_hide_pointer((uintptr_t)(((uint64_t)op.value << 32) | op.value | 1));
  void* const p = op.a % 3 == 0   ? check_hide_pointer((uintptr_t)foreign + op.b % 64)
                  : op.a % 3 == 1 ? check_hide_pointer((uintptr_t)on_stack + op.b % 64)
                                  : wild;
  FUZZ_CHECK(ri_usable_size(p) == 0 && ri_expand(p, 1) == NULL);
  errno = SHADOW_ERRNO;
  ri_free(p);
  FUZZ_CHECK(errno == SHADOW_ERRNO);
  fuzz_expect_errors(1, EINVAL);
  FUZZ_CHECK(ri_realloc(p, 10) == NULL && errno == EINVAL);
  fuzz_expect_errors(1, EINVAL);
  FUZZ_CHECK(foreign[0] == 0);
}

// ---- Everything else ----------------------------------------------------------------------------

static void good_size(size_t size) {
  const size_t good = ri_good_size(size);
  FUZZ_CHECK(good >= size);
  if (size > FUZZ_SURE_MAX) return;
  void* const p = ri_malloc(size);
  FUZZ_CHECK(p != NULL && ri_good_size(good) == good);
  FUZZ_CHECK(ri_usable_size(p) == (FUZZ_POISONED ? size : good));
  ri_free(p);
}

static void other(fuzz_op_t op) {
  switch (op.code % 8) {
    case 0:
      ri_collect(op.a % 4 == 0);
      break;
    case 1:
      ri_thread_done();
      break;
    case 2:
      FUZZ_CHECK(ri_audit());
      break;
    case 3:
      fuzz_change_option(op);
      break;
    case 4:
      fuzz_clock_forward(op.value % 2000);
      break;
    case 5:
      good_size(fuzz_size(op.a, op.value));
      break;
    case 6:
      misuse(op);
      break;
    default:
      ri_free(NULL);
      FUZZ_CHECK(ri_usable_size(NULL) == 0);
  }
}

static void step(fuzz_op_t op) {
  shadow_block_t* const b = shadow_at(&shadow, op.slot);
  const unsigned kind = op.code >> 6;
  if (kind == 3 && op.slot % 4 == 0) {
    other(op);
  } else if (b->p == NULL) {
    if (kind == 2 && op.code % 8 == 0) {
      duplicate(b, op);
    } else {
      allocate(b, op);
    }
  } else if (kind == 0 || kind == 3) {
    any_resize(b, op);
  } else if (kind == 1) {
    release(b, op.code);
  } else {
    shadow_check(b);
    shadow_write(b, op.value);
  }
}

void fuzz_run(fuzz_input_t in) {
  fuzz_op_t op;
  for (unsigned n = 1; fuzz_next(&in, &op); n++) {
    step(op);
    if (n % 64 == 0) FUZZ_CHECK(ri_audit());
  }
  shadow_clear(&shadow);
  FUZZ_CHECK(shadow.live_bytes == 0);
}
