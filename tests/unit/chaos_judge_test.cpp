// The judge of ./dev chaos: the faults that it must find, and what it must accept.
#include <doctest/doctest.h>

#include <deque>
#include <nlohmann/json.hpp>

#include "chaos/judge.hpp"

namespace {

using chaos::Life;
using chaos::ms;
using chaos::Start;

struct Trial {
  std::vector<Start> starts;
  std::deque<Life> lives;
  nlohmann::json history = {{"runs", nlohmann::json::array()}};

  // A run of one process that ends with a recorded success, as it should.
  void success(std::int64_t run, std::int64_t fence, std::int64_t first, std::int64_t last) {
    start(run, 0, last + 1);
    life(run, fence, first, last);
    life(run, fence, last, last).done = 1;
    record("success", fence);
  }
  void start(std::int64_t run, std::optional<int> exit_code, std::int64_t ended, bool leaves = false) {
    starts.push_back({run, leaves, exit_code, ms(ended)});
  }
  Life& life(std::int64_t run, std::int64_t fence, std::int64_t first, std::int64_t last) {
    Life& out = lives.emplace_back();
    out.run = run;
    out.fence = fence;
    out.first = ms(first);
    out.last = ms(last);
    return out;
  }
  void record(const char* outcome, std::int64_t fence) {
    history["runs"].push_back({{"outcome", outcome}, {"fence", fence}});
  }
  chaos::Result judged() const {
    std::vector<const Life*> all;
    for (const Life& each : lives) all.push_back(&each);
    chaos::Result result;
    chaos::judge(starts, all, history, result);
    return result;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Trial, "chaos: runs one after the other break no rule") {
  success(1, 10, 100, 200);
  success(2, 11, 205, 300);
  const auto result = judged();
  CHECK(result.why[0] == '\0');
  CHECK(result.runs == 2);
  CHECK(result.successes == 2);
  CHECK(result.overlaps + result.lost + result.wrong + result.orphans == 0);
  REQUIRE(result.slacks == 1);
  CHECK(result.slack[0] == ms(5));
}

TEST_CASE_FIXTURE(Trial, "chaos: a run that starts while any process of an earlier one lives is an overlap") {
  success(1, 10, 100, 200);
  life(1, 10, 120, 260);  // a worker
  success(2, 11, 205, 230);
  success(3, 12, 240, 300);
  const auto result = judged();
  CHECK(result.overlaps == 2);
  CHECK(result.overlap == ms(25 + 20));
  CHECK(result.longest == ms(25));
  CHECK(result.orphans == 1);
  CHECK(std::string(result.why.data()) == "run 2 started while run 1 lived, and both lived for 25 ms");
}

TEST_CASE_FIXTURE(Trial, "chaos: a process that a success left may live on, one that a failure left may not") {
  start(1, 0, 201, true);
  life(1, 10, 100, 200);
  life(1, 10, 100, 900).left = 1;
  life(1, 10, 200, 200).done = 1;
  record("success", 10);
  success(2, 11, 205, 300);
  CHECK(judged().overlaps == 0);
  CHECK(judged().orphans == 0);
  starts[0].exit_code = 74;  // it succeeded, too
  CHECK(judged().overlaps == 0);
  CHECK(judged().orphans == 0);
  starts[0].exit_code = 1;
  CHECK(judged().overlaps == 1);
  CHECK(judged().orphans == 1);
  starts[0].exit_code = 0;
  starts[0].leaves = false;
  CHECK(judged().overlaps == 1);
}

TEST_CASE_FIXTURE(Trial, "chaos: fences that do not grow are reported") {
  success(1, 11, 100, 200);
  success(2, 10, 205, 300);
  CHECK(judged().wrong == 1);
}

TEST_CASE_FIXTURE(Trial, "chaos: an acknowledged success that is not recorded is lost") {
  success(1, 10, 100, 200);
  history["runs"][0]["outcome"] = "lost";
  CHECK(judged().lost == 1);
}

TEST_CASE_FIXTURE(Trial, "chaos: a recorded success whose command did not reach its end is reported") {
  success(1, 10, 100, 200);
  record("success", 11);
  CHECK(judged().wrong == 1);
}
