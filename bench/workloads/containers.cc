// SPDX-License-Identifier: MIT
// containers: the C++ standard library at work, through operator new and delete.
//
// Stresses: the allocation patterns that C++ programs have without thinking of them.
//   mode=map      std::map<int, std::string>: tree nodes, found, replaced and erased at random;
//   mode=string   strings of 20 to 300 characters built by appending and kept in a table;
//   mode=vector   vectors of vectors of int that grow by push_back, are moved and cleared;
//   mode=hash     std::unordered_map<string, int>: nodes plus one large bucket array that rehashes;
//   mode=all      the four in turn.
//
// Why it is here: operator new is a different entry point from malloc (its failure is an exception,
// its delete often knows the size) and an allocator that forgets it pays for an extra call. The
// library's own work is part of the time, so differences are smaller here than in pairs or slots,
// and more like what a user of the library will see.
//
// Each container ends with a sum over its contents, which is the check.
//
// A bad result means: operator new goes through more calls than malloc, sized delete is slower than
// plain delete, or nodes of equal size that were allocated together are spread over memory.
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "bench.h"

static uint64_t ops;

static uint64_t run_map(size_t steps) {
  bench_rng_t rng = bench_seed(11);
  std::map<uint32_t, std::string> map;
  for (size_t i = 0; i < steps; i++) {
    const uint32_t key = static_cast<uint32_t>(bench_below(&rng, 20000));
    if ((i & 1) != 0) {
      map.erase(key);
    } else {
      map[key] = std::string(bench_between(&rng, 4, 60), static_cast<char>('a' + key % 26));
    }
  }
  ops += steps;
  uint64_t check = 0;
  for (const auto& [key, text] : map)
    check = check * 31 + key + text.size() + text[0];
  return check;
}

static uint64_t run_string(size_t steps) {
  bench_rng_t rng = bench_seed(12);
  std::vector<std::string> table(4000);
  for (size_t i = 0; i < steps; i++) {
    std::string text;
    const size_t length = bench_between(&rng, 20, 300);
    while (text.size() < length)
      text += "0123456789";
    table[bench_below(&rng, table.size())] = text + "!";
  }
  ops += steps;
  uint64_t check = 0;
  for (const auto& text : table)
    check = check * 31 + text.size();
  return check;
}

static uint64_t run_vector(size_t steps) {
  bench_rng_t rng = bench_seed(13);
  std::vector<std::vector<uint32_t>> table(1000);
  for (size_t i = 0; i < steps; i++) {
    std::vector<uint32_t> fresh;
    const size_t length = bench_between(&rng, 1, 100);
    for (size_t k = 0; k < length; k++)
      fresh.push_back(static_cast<uint32_t>(i + k));
    table[bench_below(&rng, table.size())] = std::move(fresh);
  }
  ops += steps;
  uint64_t check = 0;
  for (const auto& row : table) {
    for (const uint32_t value : row)
      check = check * 31 + value;
  }
  return check;
}

static uint64_t run_hash(size_t steps) {
  bench_rng_t rng = bench_seed(14);
  uint64_t check = 0;
  std::unordered_map<std::string, uint32_t> map;
  for (size_t i = 0; i < steps; i++) {
    const std::string key = "user/session/" + std::to_string(bench_below(&rng, 60000));
    if (i % 3 == 2) {
      check += map.erase(key);
    } else {
      check += map[key]++;
    }
  }
  ops += steps;
  return check * 31 + map.size();
}

extern "C" BENCH_WORK uint64_t bench_work(const std::string& mode) {
  const bool all = mode == "all";
  const size_t share = all ? 1 : 4;
  uint64_t check = 0;
  if (all || mode == "map") check += run_map(bench_scaled(500000 * share));
  if (all || mode == "string") check += run_string(bench_scaled(500000 * share));
  if (all || mode == "vector") check += run_vector(bench_scaled(400000 * share));
  if (all || mode == "hash") check += run_hash(bench_scaled(500000 * share));
  return check;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const uint64_t check = bench_work(bench_arg_text("mode", "all"));
  if (check == 0) bench_fail("mode must be all, map, string, vector or hash");
  return bench_finish(ops, check);
}
