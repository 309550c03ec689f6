// SPDX-License-Identifier: MIT
// workout.cc: a C++ program like many. Its output does not depend on the order of threads.
#include <atomic>
#include <fstream>
#include <future>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <numeric>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {

struct node_t {
  std::string name;
  std::vector<std::unique_ptr<node_t>> children;
};

std::unique_ptr<node_t> tree(int depth) {
  auto node = std::make_unique<node_t>();
  node->name = std::string(static_cast<std::size_t>(depth) * 9 + 3, 't');
  for (int i = 0; depth > 0 && i < 5; i++)
    node->children.push_back(tree(depth - 1));
  return node;
}

std::size_t weight(const node_t& node) {
  std::size_t sum = node.name.size();
  for (const auto& child : node.children)
    sum += weight(*child);
  return sum;
}

// Exceptions that cross threads, are nested and carry memory.
std::size_t exceptions(int count) {
  std::size_t sum = 0;
  for (int i = 0; i < count; i++) {
    try {
      try {
        throw std::runtime_error(std::string(static_cast<std::size_t>(i % 500), 'e'));
      } catch (...) {
        std::throw_with_nested(std::logic_error("outer " + std::to_string(i)));
      }
    } catch (const std::logic_error& outer) {
      sum += std::string(outer.what()).size();
      try {
        std::rethrow_if_nested(outer);
      } catch (const std::runtime_error& inner) {
        sum += std::string(inner.what()).size();
      }
    }
  }
  return sum;
}

std::size_t containers(unsigned seed) {
  std::map<std::string, std::vector<int>> ordered;
  std::unordered_map<std::string, std::string> hashed;
  std::set<std::size_t> set;
  std::list<std::shared_ptr<std::string>> list;
  for (unsigned i = 0; i < 20000; i++) {
    seed = seed * 1664525u + 1013904223u;
    const std::string key = "key" + std::to_string(seed % 3000);
    ordered[key].push_back(static_cast<int>(i));
    hashed[key] += static_cast<char>('a' + i % 26);
    set.insert(seed % 10007);
    list.push_back(std::make_shared<std::string>(seed % 300, 'l'));
    if (i % 3 == 0) list.pop_front();
    if (i % 1000 == 999) hashed.clear();
  }
  std::size_t sum = set.size() + list.size() + hashed.size();
  for (const auto& [key, values] : ordered)
    sum += key.size() * values.size();
  for (const auto& text : list)
    sum += text->size();
  return sum;
}

std::size_t resources() {
  std::pmr::synchronized_pool_resource pool;
  std::pmr::monotonic_buffer_resource buffer(1000, &pool);
  std::pmr::vector<std::pmr::string> strings(&buffer);
  for (std::size_t i = 0; i < 20000; i++)
    strings.emplace_back(i % 100, 'p');
  return std::accumulate(strings.begin(), strings.end(), std::size_t{0},
                         [](std::size_t sum, const auto& s) { return sum + s.size(); });
}

std::size_t pipeline() {
  std::mutex mutex;
  std::vector<std::string> queue;
  std::atomic<bool> done{false};
  std::atomic<std::size_t> sum{0};
  std::vector<std::thread> consumers;
  for (int t = 0; t < 3; t++) {
    consumers.emplace_back([&] {
      for (;;) {
        const bool last = done;
        std::vector<std::string> mine;
        {
          const std::lock_guard<std::mutex> lock(mutex);
          mine.swap(queue);
        }
        for (const auto& text : mine)
          sum += text.size();
        if (mine.empty() && last) return;
        std::this_thread::yield();
      }
    });
  }
  for (std::size_t i = 0; i < 50000; i++) {
    std::string text(i % 400, 'q');
    const std::lock_guard<std::mutex> lock(mutex);
    queue.push_back(std::move(text));
  }
  done = true;
  for (auto& thread : consumers)
    thread.join();
  return sum;
}

std::size_t text() {
  std::ostringstream out;
  for (int i = 0; i < 5000; i++)
    out << "line " << i << " value " << i * 1.5 << '\n';
  std::istringstream in(out.str());
  std::size_t matched = 0;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name, value;
    int number = 0;
    double x = 0;
    if (words >> name >> number >> value >> x) matched += std::to_string(x).size() + name.size();
  }
  return matched;
}

}  // namespace

int main() {
  std::cout << "tree " << weight(*tree(6)) << '\n';
  std::cout << "exceptions " << exceptions(20000) << '\n';
  std::vector<std::future<std::size_t>> futures;
  for (unsigned t = 0; t < 6; t++) {
    futures.push_back(
        std::async(std::launch::async, [t] { return containers(t) + exceptions(2000); }));
  }
  for (auto& future : futures)
    std::cout << "thread " << future.get() << '\n';
  std::promise<int> promise;
  std::thread([&promise] {
    promise.set_exception(std::make_exception_ptr(std::runtime_error("from a thread")));
  }).join();
  try {
    promise.get_future().get();
  } catch (const std::runtime_error& error) {
    std::cout << error.what() << '\n';
  }
  try {
    std::vector<int> impossible(PTRDIFF_MAX / sizeof(int));
    std::cout << "it worked: " << impossible.size() << '\n';
  } catch (const std::bad_alloc&) {
    std::cout << "no memory, as expected\n";
  }
  std::cout << "resources " << resources() << '\n';
  std::cout << "pipeline " << pipeline() << '\n';
  std::cout << "text " << text() << '\n';
  return 0;
}
