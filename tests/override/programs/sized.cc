// SPDX-License-Identifier: MIT
// sized.cc FORM: a delete with a size that the block cannot have been asked for, as a delete
// through a pointer to a wrong type makes it; prints the pointer. FORM "right": all forms with
// right sizes.
#include <cstdio>
#include <cstring>
#include <new>

namespace {

constexpr std::align_val_t alignment{64};

void right() {
  for (std::size_t size = 1; size < 3000000; size = size * 2 + 1) {
    ::operator delete(::operator new(size), size);
    ::operator delete[](::operator new[](size), size);
    ::operator delete(::operator new(size, alignment), size, alignment);
    ::operator delete[](::operator new[](size, alignment), size, alignment);
  }
  ::operator delete (nullptr, std::size_t{100});
  ::operator delete[](nullptr, std::size_t{100});
}

bool wrong(const char* form) {
  const bool array = std::strstr(form, "array") != nullptr;
  const bool aligned = std::strstr(form, "aligned") != nullptr;
  // Volatile: the compiler shall not see where it comes from.
  void* volatile const p = aligned ? ::operator new(200, alignment) : ::operator new(200);
  std::printf("%p\n", static_cast<void*>(p));
  if (array && aligned) {
    ::operator delete[](p, 1000, alignment);
  } else if (array) {
    ::operator delete[](p, 1000);
  } else if (aligned) {
    ::operator delete(p, 1000, alignment);
  } else {
    ::operator delete(p, 1000);
  }
  return array || aligned || std::strcmp(form, "object") == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 1;
  if (std::strcmp(argv[1], "right") == 0) {
    right();
    return 0;
  }
  return wrong(argv[1]) ? 0 : 1;
}
