// The members of Keeper.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "process/keeper.hpp"
#include "process/keeper_process.hpp"
#include "util/fd.hpp"

namespace condolock::process {

inline std::int64_t nanoseconds(Instant time) { return time.time_since_epoch().count(); }

inline void set(Shared& shared, const Deadlines& deadlines) {
  shared.kill_at = nanoseconds(deadlines.kill_at);
  shared.term_at = nanoseconds(deadlines.term_at);
}

// The keeper reads all of it, so it must not move.
struct Keeper::State {
  Command command;
  std::vector<std::string> paths;
  std::vector<const char*> path_pointers, arguments, shell_arguments, environment;
  KeeperPlan plan;
  Shared* shared = nullptr;   // followed by the two stacks
  util::Fd pipe;              // closes when the command has been executed
  pid_t keeper = 0;           // 0: it has ended
  std::vector<pid_t> others;  // our children from before the run, which do not belong to it
  bool start_told = false;
  bool gone_told = false;
  bool expired_told = false;
  bool rest_expired_told = false;
  bool exited_told = false;
  bool over_told = false;
  bool is_let_go = false;
  pid_t denied_told = 0;
  // Used after the keeper was killed:
  Tree own_tree;
  std::optional<Warden> warden;

  void prepare(const Command& what, const CallerSignals& caller);
  int create(By by, const Deadlines& deadlines);
};

}  // namespace condolock::process
