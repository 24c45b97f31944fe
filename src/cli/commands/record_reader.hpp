// Shared by the commands that only read: status, list, history.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/args/globals.hpp"
#include "cli/output/status_output.hpp"

namespace condolock::cli {

// Largest number of names that is read. It bounds memory and time, also if somebody adds names as fast as they are read.
inline constexpr std::size_t most_names = 100'000;

class RecordReader {
 public:
  RecordReader(const Globals& globals, const Console& console);

  // Sends the call and waits for the reply. Warns once if the reply may not come from a primary.
  engine::Reply ask(engine::Call call);

  // Calls `each` with the record of each key, in the same order. Warns once if the engine's clock went back. For a malformed
  // record it prints an error, sets KeyStatus::error, and goes on with the next key. Any other failure ends the reading and
  // is returned.
  std::optional<engine::Failure> records(const std::vector<std::string>& keys, const std::function<void(KeyStatus)>& each);

  // The pause of all jobs; none: they are not paused.
  engine::Answered<std::optional<lock::Paused>> pause_of_all();

  // The history of one job.
  engine::Answered<lock::History> history(const std::string& key, std::int64_t limit);

  // The names of the jobs that match `glob`, sorted. It is matched byte by byte with fnmatch(3); none: all jobs.
  engine::Answered<std::vector<std::string>> names(const std::optional<std::string>& glob);

  // Prints an error, and sets the exit code.
  void malformed(const std::string& what);

  // 65 if a record was malformed, or if there were more names than are read; otherwise 0.
  int exit_code() const { return exit_code_; }

 private:
  const Globals& globals_;
  const Console& console_;
  std::unique_ptr<engine::Engine> engine_;
  bool warned_ = false;
  bool warned_of_clock_ = false;
  int exit_code_ = exit_code::ok;
};

}  // namespace condolock::cli
