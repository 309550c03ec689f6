// SPDX-License-Identifier: MIT
// main.cc: runs steps of one kind of work in some threads: `main work=json threads=8 scale=1`. All
// threads together do the same steps, however many there are. Prints `ops N check X`.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "work.h"

namespace {

const char* argument(int argc, char** argv, const char* key, const char* otherwise) {
  const std::size_t n = std::strlen(key);
  for (int i = 1; i < argc; i++) {
    if (std::strncmp(argv[i], key, n) == 0 && argv[i][n] == '=') return argv[i] + n + 1;
  }
  return otherwise;
}

struct kind {
  const char* name;
  std::uint64_t (*step)(std::uint64_t index);
  double steps;  // at scale 1
};

const kind kinds[] = {
    {"json", json_step, 1600},
    {"regex", regex_step, 1200},
    {"maps", maps_step, 1600},
    {"strings", strings_step, 2400},
};

std::uint64_t run(const kind& work, std::uint64_t steps, std::uint64_t threads) {
  std::vector<std::uint64_t> sums(threads * 8);  // a cache line each
  std::vector<std::thread> all;
  for (std::uint64_t t = 0; t < threads; t++) {
    all.emplace_back([&work, &sums, steps, threads, t] {
      for (std::uint64_t i = t; i < steps; i += threads)
        sums[t * 8] += work.step(i);
    });
  }
  std::uint64_t sum = 0;
  for (std::uint64_t t = 0; t < threads; t++) {
    all[t].join();
    sum += sums[t * 8];
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const char* const wanted = argument(argc, argv, "work", "json");
  const std::uint64_t threads = std::strtoull(argument(argc, argv, "threads", "1"), nullptr, 10);
  const double scale = std::strtod(argument(argc, argv, "scale", "1"), nullptr);
  for (const kind& work : kinds) {
    if (std::strcmp(work.name, wanted) != 0) continue;
    const std::uint64_t steps = static_cast<std::uint64_t>(work.steps * scale) + 1;
    std::printf("ops %llu check %016llx\n", static_cast<unsigned long long>(steps),
                static_cast<unsigned long long>(run(work, steps, threads)));
    return 0;
  }
  std::fprintf(stderr, "no work '%s'\n", wanted);
  return 1;
}
