// Rules of the protocol, each taken out: what breaks then shows what the rule is for, and that the simulation sees it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lua/scripts.hpp"

namespace condolock::sim {

// What is changed in a script: a text that is in it exactly once.
struct Patch {
  std::string_view script;  // its name; empty: all that have it
  std::string_view from;
  std::string_view to;
};

// What the simulated client, or the way to the server, does wrong instead.
enum class Wrong : std::uint8_t {
  nothing,
  no_margin,           // the server's lease ends when the client kills its command
  sent_after_reply,    // the lease is counted from the answer
  checks_before,       // the conditions are asked for in a step of their own
  client_clock,        // min-time is counted on the client's time of day
  no_last_look,        // a command starts however old its lease is
  no_keeper,           // nobody ends the run of a condolock that is dead, stopped or stuck
  deadline_not_moved,  // a renewal does not move the keeper's deadlines
  no_tree,             // signals go to the command alone
  no_wait_for_rest,    // a run is over when its command has ended
};

struct Mutation {
  std::string_view name;
  std::string_view rule;  // that is taken out
  std::vector<Patch> patches;
  Wrong wrong = Wrong::nothing;
};

const std::vector<Mutation>& mutations();
const Mutation* find_mutation(std::string_view name);

// The script as the mutation leaves it. Throws where a patch does not fit any more.
std::string mutated(const scripts::Script& script, const Mutation& mutation);

}  // namespace condolock::sim
