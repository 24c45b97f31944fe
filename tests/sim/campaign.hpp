// Plays many scenarios on several threads, and finds the smallest form of one that breaks a rule.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "sim/world.hpp"

namespace condolock::sim {

// Which scenarios: `seeds` of them, from `first` on. Each is made by its seed, except for what is chosen here.
struct Choice {
  std::uint64_t first = 0;
  std::uint64_t seeds = 1000;
  std::optional<Profile> profile;
  std::set<std::string> without;
  const Mutation* mutation = nullptr;
};

struct Totals {
  std::uint64_t seeds = 0, calls = 0, grants = 0, commands = 0, stopped = 0, overlaps = 0;

  void add(const Totals& other);
};

struct Campaign {
  std::map<Profile, Totals> totals;
  std::optional<std::uint64_t> failed;  // the first seed that breaks a rule, or whose second play differs
  std::uint64_t digest = 0;             // of all scenarios, independent of their order
};

// One thread's scripts: as they were built, or with a mutation.
class Scripts {
 public:
  explicit Scripts(const Mutation* mutation);
  engine::embedded::ScriptHost& host() { return host_; }

 private:
  std::string_view source_of(const scripts::Script& script);

  const Mutation* mutation_;
  std::map<std::string_view, std::string> sources_;
  engine::embedded::ScriptHost host_;
};

// Stops at the first scenario that breaks a rule.
Campaign play_all(const Choice& choice, unsigned threads);

// `violation` is what `seed` breaks. Returns the scenario without the parts that the violation does not need, and its own
// violation.
std::pair<Scenario, Violation> smallest(std::uint64_t seed, const Choice& choice, const Violation& violation);

}  // namespace condolock::sim
