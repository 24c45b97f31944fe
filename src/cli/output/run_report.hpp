// --report-fd: what a run has to tell, for programs. docs/report.md describes the lines.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "run/run.hpp"

namespace condolock::cli {

class RunReport {
 public:
  // The descriptor is the caller's, from 3 on, open for writing; it is not passed on to the command, so that its reader sees
  // an end when we end.
  RunReport(std::optional<int> fd, std::string key, std::string run_id, const std::vector<lock::Condition>& conditions);

  void tell(const run::Report& report);
  // The last line.
  void exit(int code);

 private:
  void write(const nlohmann::ordered_json& event);

  std::optional<int> fd_;
  std::string key_;
  std::string run_id_;
  const std::vector<lock::Condition>& conditions_;
  bool torn_ = false;  // the line before is there in part only
};

// Takes a descriptor for it, or says what is wrong with that.
std::optional<util::Problem> take_report_fd(std::string_view text, std::optional<int>& into);

}  // namespace condolock::cli
