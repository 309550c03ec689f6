// SPDX-License-Identifier: MIT
// regex.cc: expressions are compiled, matches with groups are found, text is replaced. Every word
// of 64 is a date, every other one of 16 an address.
#include <regex>
#include <vector>

#include "work.h"

std::uint64_t regex_step(std::uint64_t index) {
  numbers draw(index);
  std::string text;
  for (int i = 0; i < 200; i++) {
    text += draw.word(4000);
    if (i % 16 == 0) text += '@' + draw.word(60) + ".org";
    if (i % 64 == 0)
      text += " 20" + std::to_string(10 + draw.below(80)) + "-0" +
              std::to_string(1 + draw.below(9)) + "-11";
    text += i % 9 == 8 ? '\n' : ' ';
  }
  const std::regex address("([a-z]+)@([a-z]+)\\.([a-z]{2,3})");
  const std::regex date("(\\d{4})-(\\d{2})-(\\d{2})");
  std::vector<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), address), end; at != end; ++at) {
    const std::smatch match = *at;
    for (const auto& part : match)
      found.push_back(part.str());
  }
  std::uint64_t sum = hash_of(std::regex_replace(text, date, "$3.$2.$1"));
  for (const std::string& part : found)
    sum += hash_of(part);
  return sum;
}
