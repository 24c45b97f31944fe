// One trial: several hosts run one job for some seconds, with faults.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chaos/result.hpp"
#include "chaos/stalls.hpp"
#include "chaos/tool.hpp"

namespace chaos {

struct Setting {
  std::string condolock;  // the program
  std::string chaos;      // this program, for witnesses
  std::string scripts;    // the directory of the scripts among the tools
  const Tool* tool = tools().data();
  bool is_common = false;  // only commands, options and faults that every tool has
  bool shown = false;      // print what happens
};

// Plays the trial of a seed, in a process of its own. At its end it kills all of its descendants.
void play(std::uint64_t seed, const Setting& setting, const Stalls& stalls, Result& result);

}  // namespace chaos
