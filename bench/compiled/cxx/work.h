// SPDX-License-Identifier: MIT
// work.h: what the parts of the C++ program share. Each does one step of its work, step number
// `index` of many that do not depend on each other, and returns a number of what it read back.
#ifndef BENCH_COMPILED_WORK_H
#define BENCH_COMPILED_WORK_H

#include <cstdint>
#include <string>

std::uint64_t json_step(std::uint64_t index);
std::uint64_t regex_step(std::uint64_t index);
std::uint64_t maps_step(std::uint64_t index);
std::uint64_t strings_step(std::uint64_t index);

// Random numbers of a step: a few multiplications, the same on every machine.
class numbers {
 public:
  explicit numbers(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 1) {}
  std::uint64_t below(std::uint64_t limit) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (state_ >> 33) % limit;
  }
  std::string word(std::uint64_t kinds) {
    static const char* const syllables[] = {"ka", "mon", "ter", "li", "sou", "ven", "ra", "dri"};
    std::string text;
    for (std::uint64_t left = below(kinds) + 8; left != 0; left /= 8)
      text += syllables[left % 8];
    return text;
  }

 private:
  std::uint64_t state_;
};

// FNV-1a.
inline std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 14695981039346656037u;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

#endif
