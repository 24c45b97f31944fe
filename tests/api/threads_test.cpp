// Many contexts in many threads.
#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "api/place.hpp"

using namespace condolock;
using namespace std::chrono_literals;
using api_test::Place;

TEST_CASE("a thousand contexts in eight threads on one key never overlap, and their fences are in order") {
  constexpr int threads = 8;
  constexpr int each = 125;
  const Place place;
  const auto engine = place.connect();
  const ConditionalLock lock(*engine);
  std::atomic<int> inside{0};
  std::atomic<int> overlaps{0};
  std::atomic<int> lost{0};
  std::mutex mutex;
  std::vector<std::int64_t> fences;
  std::vector<std::string> errors;
  std::vector<std::thread> all;
  all.reserve(threads);
  for (int i = 0; i < threads; ++i) {
    all.emplace_back([&] {
      for (int n = 0; n < each; ++n) {
        Error error;
        ConditionContext context("job", lock, {.wait = Wait::forever()}, error);
        if (context.success()) {
          if (inside.fetch_add(1) != 0) ++overlaps;
          {
            const std::lock_guard guard(mutex);
            fences.push_back(context.fence());
          }
          if (context.lost()) ++lost;
          inside.fetch_sub(1);
          context.finish(Outcome::success, {}, error);
        }
        if (error) {
          const std::lock_guard guard(mutex);
          errors.push_back(error.text);
        }
      }
    });
  }
  for (std::thread& thread : all) thread.join();
  CHECK(overlaps == 0);
  CHECK(lost == 0);
  CHECK(errors.empty());
  if (!errors.empty()) MESSAGE(errors.front());
  REQUIRE(fences.size() == threads * each);
  for (std::size_t i = 1; i < fences.size(); ++i) REQUIRE(fences[i] > fences[i - 1]);
  CHECK(engine->status("job").runs == threads * each);
}

TEST_CASE("contexts on different keys run at the same time") {
  const Place place;
  const auto engine = place.connect();
  const ConditionalLock lock(*engine);
  std::vector<ConditionContext> all;
  all.reserve(30);
  for (int i = 0; i < 30; ++i) all.emplace_back("job" + std::to_string(i), lock);
  for (const ConditionContext& context : all) CHECK(context.success());
}

TEST_CASE("an engine serves many threads at once") {
  const Place place;
  const auto engine = place.connect();
  ConditionalLock lock(*engine);
  lock.add(MinTime{1h}).add([] { return true; });
  std::atomic<int> failures{0};
  std::vector<std::thread> all;
  all.reserve(8);
  for (int i = 0; i < 8; ++i) {
    all.emplace_back([&, i] {
      const std::string key = "job" + std::to_string(i);
      for (int n = 0; n < 20; ++n) {
        Error error;
        engine->touch(key, Outcome::success, error);
        if (error || engine->status(key, error).runs != n + 1 || error) ++failures;
        if (lock.check(key, 1, error).would_run || error) ++failures;
        if (ConditionContext(key, lock, {}, error).success() || error) ++failures;
      }
    });
  }
  for (std::thread& thread : all) thread.join();
  CHECK(failures == 0);
}
