// SPDX-License-Identifier: MIT
// strings.cc: lines are split into words, which are sorted, joined and kept in a list of versions.
#include <algorithm>
#include <list>
#include <memory>
#include <vector>

#include "work.h"

std::uint64_t strings_step(std::uint64_t index) {
  numbers draw(index);
  std::list<std::shared_ptr<const std::string>> versions;
  std::uint64_t sum = 0;
  for (int round = 0; round < 20; round++) {
    std::vector<std::string> words;
    for (int i = 0; i < 80; i++)
      words.push_back(draw.word(1u << 30) + '-' + draw.word(1u << 20));
    std::sort(words.begin(), words.end());
    std::string joined;
    for (const std::string& word : words)
      joined += word + ' ';
    versions.push_back(std::make_shared<const std::string>(std::move(joined)));
    if (versions.size() > 5) {
      sum += hash_of(*versions.front());
      versions.pop_front();
    }
  }
  return sum;
}
