// SPDX-License-Identifier: MIT
// json.cc: a document of some 20 KB is made, printed, parsed, changed and printed again.
#include <nlohmann/json.hpp>

#include "work.h"

using nlohmann::json;

std::uint64_t json_step(std::uint64_t index) {
  numbers draw(index);
  json document = json::object();
  for (int i = 0; i < 60; i++) {
    json entry = json::object();
    entry["name"] = draw.word(5000);
    entry["id"] = draw.below(1u << 30);
    entry["ratio"] = static_cast<double>(draw.below(1000)) / 8;
    for (std::uint64_t n = draw.below(12); n > 0; n--)
      entry["tags"].push_back(draw.word(300));
    entry["place"] = {{"x", draw.below(100)}, {"y", draw.below(100)}, {"at", draw.word(90)}};
    document[draw.word(100000)] = std::move(entry);
  }
  const std::string first = document.dump();
  json again = json::parse(first);
  if (again != document) return 0;
  for (auto& entry : again) {
    entry["id"] = entry["id"].get<std::uint64_t>() + 1;
    entry["place"]["at"] = entry["name"];
  }
  return hash_of(first) + hash_of(again.dump(1));
}
