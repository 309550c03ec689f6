// SPDX-License-Identifier: MIT
// portable.cc: what every C++ program does: containers, strings, threads that hand each other
// objects, aligned objects, exceptions out of operator new. All of it is rimalloc's.
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "ours.h"

namespace {

struct alignas(128) wide_t {
  std::string text = "text that is too long for the string object itself to hold";
  char more[100] = {};
};

std::map<int, std::unique_ptr<std::vector<std::string>>> fill(int seed) {
  std::map<int, std::unique_ptr<std::vector<std::string>>> all;
  for (int i = 0; i < 300; i++) {
    auto lines = std::make_unique<std::vector<std::string>>();
    for (int j = 0; j < i % 40; j++)
      lines->push_back(std::string(static_cast<std::size_t>(i + j + seed), 'x'));
    CHECK(ours(lines.get()));
    all[i] = std::move(lines);
  }
  return all;
}

void threads() {
  std::vector<std::map<int, std::unique_ptr<std::vector<std::string>>>> made(4);
  std::vector<std::thread> running;
  for (int t = 0; t < 4; t++)
    running.emplace_back([&made, t] { made[static_cast<std::size_t>(t)] = fill(t); });
  for (auto& thread : running)
    thread.join();
  for (std::size_t t = 0; t < 4; t++) {
    CHECK(made[t].size() == 300);
    CHECK(made[t][39]->back() == std::string(39 + 38 + t, 'x'));
  }
}

bool refuses(std::size_t size) {
  try {
    ::operator delete(::operator new(check_hide(size)));
  } catch (const std::bad_alloc&) {
    return true;
  }
  return false;
}

}  // namespace

int main() {
  check_watchdog(60);
  threads();
  for (int i = 0; i < 100; i++) {
    const auto wide = std::make_unique<wide_t>();
    CHECK(ours(wide.get()) && check_aligned(wide.get(), 128));
  }
  CHECK(refuses(CHECK_LARGEST) && !refuses(100));
  return 0;
}
