// What the commands that only read have in common: status, list, history.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/args/globals.hpp"
#include "cli/output/status_output.hpp"

namespace condolock::cli {

class RecordReader {
 public:
  RecordReader(const Globals& globals, const Console& console);

  // Warns, once, where it may not be a primary that answered.
  engine::Reply ask(engine::Call call);

  // The record of each key, in that order. One that is malformed is told of on stderr and has its error; it keeps nobody
  // from the next. What keeps all from being read is returned.
  std::optional<engine::Failure> records(const std::vector<std::string>& keys, const std::function<void(KeyStatus)>& each);

  // The names of all jobs that match (fnmatch(3), byte by byte; none: all), sorted.
  engine::Answered<std::vector<std::string>> names(const std::optional<std::string>& glob);

  // 65 where a record was malformed, else 0.
  int exit_code() const { return exit_code_; }

 private:
  const Globals& globals_;
  const Console& console_;
  std::unique_ptr<engine::Engine> engine_;
  bool warned_ = false;
  int exit_code_ = exit_code::ok;
};

}  // namespace condolock::cli
