// SPDX-License-Identifier: MIT
// pulls.cc: a C++ program that calls operator new, and malloc only by way of libraries.
#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include <rimalloc/rimalloc.h>

#pragma weak ri_is_in_heap_region

int main() {
  const auto ours = [](const void* p) {
    return ri_is_in_heap_region != nullptr && ri_is_in_heap_region(p);
  };
  std::vector<std::string> strings;
  for (int i = 0; i < 1000; i++)
    strings.emplace_back(100, 'a');
  if (!ours(strings.data()) || !ours(strings[7].data())) {
    std::cerr << "operator new is another allocator's\n";
    return 1;
  }
  if (!ours(getcwd(nullptr, 0))) {
    std::cerr << "malloc is another allocator's\n";
    return 1;
  }
  return 0;
}
