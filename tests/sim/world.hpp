// One scenario, from its beginning until everything is over.
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
  // What could be left out of it: see Scenario.
  std::vector<std::string> parts;
};

// `host` runs scripts that the mutation has been put into, if there is one. Takes one host for many scenarios: they leave
// nothing in it.
Played play(const Scenario& scenario, engine::embedded::ScriptHost& host, const Mutation* mutation, bool shown);

}  // namespace condolock::sim
