// Mutations: each removes a rule of the protocol. What breaks then shows what the rule is for, and that the simulation
// detects it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lua/scripts.hpp"

namespace condolock::sim {

// A change of a script: `from` must be in it exactly once.
struct Patch {
  std::string_view script;  // its name; empty: all scripts that contain the text
  std::string_view from;
  std::string_view to;
};

// What the simulated client or network does wrong.
enum class Wrong : std::uint8_t {
  nothing,
  no_margin,           // the server's lease ends when the client kills its command
  sent_after_reply,    // the lease is counted from the answer
  checks_before,       // the conditions are checked in a separate step
  client_clock,        // min-time is counted on the client's time of day
  no_last_look,        // a command starts however old its lease is
  no_keeper,           // no keeper ends the run of a condolock that is dead, stopped or hanging
  deadline_not_moved,  // a renewal does not move the keeper's deadlines
  no_tree,             // signals go only to the command
  no_wait_for_rest,    // a run is over when its command has ended
  deaf_program,        // a program does not look at lost()
};

struct Mutation {
  std::string_view name;
  std::string_view rule;  // the rule that is removed
  std::vector<Patch> patches;
  Wrong wrong = Wrong::nothing;
};

const std::vector<Mutation>& mutations();
const Mutation* find_mutation(std::string_view name);

// The script with the mutation. Throws if a patch does not fit any more.
std::string mutated(const scripts::Script& script, const Mutation& mutation);

}  // namespace condolock::sim
