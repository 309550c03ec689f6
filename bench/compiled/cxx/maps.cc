// SPDX-License-Identifier: MIT
// maps.cc: words are counted in a hash table, listed by count in a tree, and half of them removed.
#include <map>
#include <unordered_map>
#include <vector>

#include "work.h"

std::uint64_t maps_step(std::uint64_t index) {
  numbers draw(index);
  std::unordered_map<std::string, std::vector<std::uint32_t>> places;
  for (std::uint32_t i = 0; i < 3000; i++)
    places[draw.word(2000)].push_back(i);
  std::map<std::uint64_t, std::vector<std::string>> by_count;
  for (const auto& entry : places)
    by_count[entry.second.size()].push_back(entry.first);
  std::uint64_t sum = 0;
  for (const auto& entry : by_count) {
    for (const std::string& word : entry.second) {
      sum += entry.first * hash_of(word);
      if (hash_of(word) % 2 == 0) places.erase(word);
    }
  }
  for (std::uint32_t i = 0; i < 1000; i++)
    places[draw.word(2000)].push_back(i);
  for (const auto& entry : places)
    sum += entry.second.size() * hash_of(entry.first);
  return sum;
}
