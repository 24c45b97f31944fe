// Plays one scenario from its start until everything is over.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/embedded/script_host.hpp"
#include "sim/mutations.hpp"
#include "sim/oracle.hpp"
#include "sim/scenario.hpp"

namespace condolock::sim {

struct Played {
  std::optional<Violation> violation;
  Counts counts;
  std::size_t script_calls = 0;
  std::uint64_t digest = 0;
  // Its parts that could be left out: see Scenario.
  std::vector<std::string> parts;
};

// `host` has the scripts, with the mutation if there is one. One host can play many scenarios: they leave nothing in it.
Played play(const Scenario& scenario, engine::embedded::ScriptHost& host, const Mutation* mutation, bool shown);

}  // namespace condolock::sim
