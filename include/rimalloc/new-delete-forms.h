// SPDX-License-Identifier: MIT
// new-delete-forms.h: the definitions of new-delete.h and of mimalloc-new-delete.h, with the
// functions RIX_NEW_DELETE(new) and so on, and what both name otherwise: RIX_DELETE_SIZED(p, size)
// and RIX_DELETE_ALIGNED_SIZED(p, alignment, size). No guard: only these two include it, each once.
#if defined(__cplusplus)
#include <cstddef>
#include <new>

void* operator new(std::size_t n) { return RIX_NEW_DELETE(new)(n); }
void* operator new[](std::size_t n) { return RIX_NEW_DELETE(new)(n); }
void* operator new(std::size_t n, const std::nothrow_t&) noexcept {
  return RIX_NEW_DELETE(new_nothrow)(n);
}
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept {
  return RIX_NEW_DELETE(new_nothrow)(n);
}
void operator delete(void* p) noexcept { RIX_NEW_DELETE(free)(p); }
void operator delete[](void* p) noexcept { RIX_NEW_DELETE(free)(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { RIX_NEW_DELETE(free)(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { RIX_NEW_DELETE(free)(p); }

#if __cplusplus >= 201402L
void operator delete(void* p, std::size_t n) noexcept { RIX_DELETE_SIZED(p, n); }
void operator delete[](void* p, std::size_t n) noexcept { RIX_DELETE_SIZED(p, n); }
#endif

#if defined(__cpp_aligned_new)
void* operator new(std::size_t n, std::align_val_t a) {
  return RIX_NEW_DELETE(new_aligned)(n, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t n, std::align_val_t a) {
  return RIX_NEW_DELETE(new_aligned)(n, static_cast<std::size_t>(a));
}
void* operator new(std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept {
  return RIX_NEW_DELETE(new_aligned_nothrow)(n, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept {
  return RIX_NEW_DELETE(new_aligned_nothrow)(n, static_cast<std::size_t>(a));
}
void operator delete(void* p, std::align_val_t a) noexcept {
  RIX_NEW_DELETE(free_aligned)(p, static_cast<std::size_t>(a));
}
void operator delete[](void* p, std::align_val_t a) noexcept {
  RIX_NEW_DELETE(free_aligned)(p, static_cast<std::size_t>(a));
}
void operator delete(void* p, std::size_t n, std::align_val_t a) noexcept {
  RIX_DELETE_ALIGNED_SIZED(p, static_cast<std::size_t>(a), n);
}
void operator delete[](void* p, std::size_t n, std::align_val_t a) noexcept {
  RIX_DELETE_ALIGNED_SIZED(p, static_cast<std::size_t>(a), n);
}
void operator delete(void* p, std::align_val_t a, const std::nothrow_t&) noexcept {
  RIX_NEW_DELETE(free_aligned)(p, static_cast<std::size_t>(a));
}
void operator delete[](void* p, std::align_val_t a, const std::nothrow_t&) noexcept {
  RIX_NEW_DELETE(free_aligned)(p, static_cast<std::size_t>(a));
}
#endif

#endif
