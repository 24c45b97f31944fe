// Reads the log of a trial, and says which rules its runs broke.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "chaos/log.hpp"
#include "chaos/result.hpp"

namespace chaos {

// One start of the tool.
struct Start {
  std::int64_t run = 0;
  bool leaves = false;           // --leftovers leave: after a success, the processes that are left do not count
  std::optional<int> exit_code;  // none: killed by a signal
  Nanos ended = 0;
};

// `history`: from `condolock history --json`; null: the tool has none.
void judge(const std::vector<Start>& starts, const std::vector<const Life*>& lives, const nlohmann::json& history,
           Result& result);

// Notes a broken rule.
void break_rule(Result& result, const std::string& why);

}  // namespace chaos
