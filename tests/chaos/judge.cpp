#include "chaos/judge.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

namespace chaos {
namespace {

// The processes of one run, as one period. In it the run held the lease, or had to hold it.
struct Stretch {
  std::int64_t run = 0;
  std::int64_t fence = 0;
  Nanos first = std::numeric_limits<Nanos>::max();
  Nanos last = 0;
};

// Whether it is a process that a successful command left on purpose. 74: that success could not be recorded.
bool may_live_on(const Life& life, const Start& start) {
  const int code = start.exit_code.value_or(-1);
  return life.left != 0 && start.leaves && (code == 0 || code == 74);
}

std::string shown(Nanos length) { return std::to_string(length / 1'000'000) + " ms"; }

std::vector<Stretch> stretches(const std::map<std::int64_t, const Start*>& starts, const std::vector<const Life*>& lives) {
  std::map<std::int64_t, Stretch> by_run;
  for (const Life* life : lives) {
    const Start& start = *starts.at(life->run);
    if (may_live_on(*life, start)) continue;
    Stretch& stretch = by_run[life->run];
    stretch.run = life->run;
    stretch.fence = life->fence;
    stretch.first = std::min(stretch.first, life->first.load());
    stretch.last = std::max(stretch.last, life->last.load());
  }
  std::vector<Stretch> out;
  out.reserve(by_run.size());
  for (const auto& [run, stretch] : by_run) out.push_back(stretch);
  std::ranges::sort(out, {}, &Stretch::first);
  return out;
}

void judge_overlaps(const std::vector<Stretch>& runs, Result& result) {
  for (std::size_t i = 1; i < runs.size(); ++i) {
    const Stretch& earlier = *std::max_element(runs.begin(), runs.begin() + static_cast<std::ptrdiff_t>(i),
                                               [](const auto& a, const auto& b) { return a.last < b.last; });
    const Nanos slack = runs[i].first - earlier.last;
    if (slack >= 0) {
      if (result.slacks < result.slack.size()) result.slack.at(result.slacks++) = slack;
      continue;
    }
    ++result.overlaps;
    const Nanos length = std::min(earlier.last, runs[i].last) - runs[i].first;
    result.overlap += length;
    result.longest = std::max(result.longest, length);
    break_rule(result, "run " + std::to_string(runs[i].run) + " started while run " + std::to_string(earlier.run) +
                           " lived, and both lived for " + shown(length));
  }
}

void judge_fences(const std::vector<Stretch>& runs, Result& result) {
  for (std::size_t i = 1; i < runs.size(); ++i) {
    if (runs[i].fence == 0 || runs[i].fence > runs[i - 1].fence) continue;
    ++result.wrong;
    break_rule(result, "run " + std::to_string(runs[i].run) + " has the fence " + std::to_string(runs[i].fence) +
                           ", and the run before it " + std::to_string(runs[i - 1].fence));
  }
}

// Reports processes that lived on after their tool had ended. A killed tool cannot end them, but its keeper can.
void judge_orphans(const std::map<std::int64_t, const Start*>& starts, const std::vector<const Life*>& lives,
                   Result& result) {
  for (const Life* life : lives) {
    const Start& start = *starts.at(life->run);
    if (may_live_on(*life, start) || start.ended == 0 || life->last <= start.ended + ms(4)) continue;
    ++result.orphans;
    result.orphaned += life->last - start.ended;
  }
}

void judge_record(const std::vector<Start>& starts, const std::vector<const Life*>& lives, const nlohmann::json& history,
                  Result& result) {
  std::set<std::int64_t> on_record;
  for (const auto& row : history.at("runs")) {
    if (row.at("outcome") == "success") on_record.insert(row.at("fence").get<std::int64_t>());
  }
  std::map<std::int64_t, std::int64_t> fence_of;
  std::set<std::int64_t> done;
  for (const Life* life : lives) {
    fence_of[life->run] = life->fence;
    if (life->done != 0) done.insert(life->fence);
  }
  for (const Start& start : starts) {
    if (start.exit_code != 0) continue;
    ++result.successes;
    if (fence_of.contains(start.run) && on_record.contains(fence_of[start.run])) continue;
    ++result.lost;
    break_rule(result, "the success of run " + std::to_string(start.run) + " is not on record");
  }
  for (const std::int64_t fence : on_record) {
    if (done.contains(fence)) continue;
    ++result.wrong;
    break_rule(result, "the record has a success with the fence " + std::to_string(fence) + ", which no command reached");
  }
}

}  // namespace

void break_rule(Result& result, const std::string& why) {
  if (result.why[0] == '\0') why.copy(result.why.data(), result.why.size() - 1);
}

void judge(const std::vector<Start>& starts, const std::vector<const Life*>& lives, const nlohmann::json& history,
           Result& result) {
  std::map<std::int64_t, const Start*> by_run;
  for (const Start& start : starts) by_run[start.run] = &start;
  const std::vector<Stretch> runs = stretches(by_run, lives);
  result.runs = static_cast<int>(runs.size());
  judge_overlaps(runs, result);
  judge_orphans(by_run, lives, result);
  if (history.is_null()) return;
  judge_fences(runs, result);
  judge_record(starts, lives, history, result);
}

}  // namespace chaos
