#include "sim/campaign.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/embedded/compiled.hpp"

namespace condolock::sim {
namespace {

// One of this many scenarios is played twice, to check that both plays are identical.
constexpr std::uint64_t one_of_so_many = 17;  // hits every profile, since the profile is the seed modulo 16

Totals totals_of(const Played& played) {
  return {
      1, played.script_calls, played.counts.grants, played.counts.commands, played.counts.stopped, played.counts.overlaps};
}

}  // namespace

void Totals::add(const Totals& other) {
  seeds += other.seeds;
  calls += other.calls;
  grants += other.grants;
  commands += other.commands;
  stopped += other.stopped;
  overlaps += other.overlaps;
}

Scripts::Scripts(const Mutation* mutation)
    : mutation_(mutation), host_([this](const scripts::Script& script) { return source_of(script); }) {}

std::string_view Scripts::source_of(const scripts::Script& script) {
  if (mutation_ == nullptr || mutation_->patches.empty()) return engine::embedded::compiled(script.name);
  return sources_[script.name] = mutated(script, *mutation_);
}

Campaign play_all(const Choice& choice, unsigned threads) {
  Campaign campaign;
  std::mutex mutex;
  std::atomic<std::uint64_t> next = choice.first;
  std::atomic<std::uint64_t> end = choice.first + choice.seeds;
  const auto work = [&] {
    Scripts scripts(choice.mutation);
    Campaign mine;
    for (std::uint64_t seed = next++; seed < end; seed = next++) {
      const Scenario scenario = make_scenario(seed, choice.profile, choice.without);
      const Played played = play(scenario, scripts.host(), choice.mutation, false);
      mine.totals[scenario.profile].add(totals_of(played));
      mine.digest ^= played.digest * (2 * seed + 1);
      const bool is_repeated = seed % one_of_so_many == 0;
      const bool differs = is_repeated && play(scenario, scripts.host(), choice.mutation, false).digest != played.digest;
      if (!played.violation && !differs) continue;
      const std::lock_guard lock(mutex);
      if (!campaign.failed || seed < *campaign.failed) campaign.failed = seed;
      end = std::min<std::uint64_t>(end, seed);
    }
    const std::lock_guard lock(mutex);
    campaign.digest ^= mine.digest;
    for (const auto& [profile, totals] : mine.totals) campaign.totals[profile].add(totals);
  };
  std::vector<std::thread> others;
  for (unsigned i = 1; i < threads; ++i) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
  return campaign;
}

std::pair<Scenario, Violation> smallest(std::uint64_t seed, const Choice& choice, const Violation& violation) {
  Scripts scripts(choice.mutation);
  const auto play_without = [&](const std::set<std::string>& without) {
    return play(make_scenario(seed, choice.profile, without), scripts.host(), choice.mutation, false);
  };
  std::set<std::string> without = choice.without;
  Violation last = violation;
  for (bool changed = true; changed;) {
    changed = false;
    for (const std::string& part : play_without(without).parts) {
      std::set<std::string> fewer = without;
      if (!fewer.insert(part).second) continue;
      const Played played = play_without(fewer);
      if (!played.violation || played.violation->rule != violation.rule) continue;
      without = std::move(fewer);
      last = *played.violation;
      changed = true;
    }
  }
  return {make_scenario(seed, choice.profile, without), last};
}

}  // namespace condolock::sim
