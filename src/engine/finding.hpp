// The results of `doctor`. Each engine has its own checks.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.hpp"

namespace condolock::engine {

struct Finding {
  enum class Level : std::uint8_t {
    good,
    unknown,  // could not be determined
    warning,  // runs are protected, but there is a risk
    error,    // runs are not protected, or can't start
  };

  Level level = Level::good;
  std::string check;   // name of the check
  std::string found;   // the result and what it means; safe to print
  std::string advice;  // what to do about it; empty: nothing
};

struct Diagnosis {
  // Of the server; empty: not known. Safe to print.
  std::string product;  // "Redis" or "Valkey"
  std::string version;
  std::string role;      // "primary", "replica" or "sentinel"
  bool can_run = false;  // a run can start, and its end can be recorded
  std::vector<Finding> findings;
};

// Makes a call and blocks until the reply. The function itself limits the time.
using Ask = std::function<Reply(Call)>;

struct TrialFailure {
  std::string step;  // "acquire"
  Failure failure;
};

// Does all that a run does, on keys of its own, and removes them again. None: it worked.
using Trial = std::function<std::optional<TrialFailure>(const Ask&)>;

}  // namespace condolock::engine
