// --report-fd: the events of a run as JSON lines, for programs. docs/report.md describes the lines.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "run/report.hpp"

namespace condolock::cli {

class RunReport {
 public:
  // `fd` is a descriptor from the caller, at least 3 and open for writing; none: nothing is reported. It becomes
  // close-on-exec, so that the reader of the report sees its end when this process ends.
  RunReport(std::optional<int> fd, std::string key, std::string run_id, const std::vector<lock::Condition>& conditions);

  void write(const run::Report& report);
  // Writes the last line.
  void exit(int code);

 private:
  void write_line(const nlohmann::ordered_json& event);

  std::optional<int> fd_;
  std::string key_;
  std::string run_id_;
  const std::vector<lock::Condition>& conditions_;
  bool torn_ = false;  // the previous line was not written completely
};

// Parses the descriptor and checks that it is open for writing. Returns what is wrong with it.
std::optional<util::Problem> take_report_fd(std::string_view text, std::optional<int>& into);

}  // namespace condolock::cli
