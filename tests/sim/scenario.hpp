// A scenario, made from a seed: hosts, the runs that they start, and the faults. Each part has a name and can be left out by
// it, so that a failing scenario can be made smaller.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "run/run.hpp"
#include "sim/time.hpp"

namespace condolock::sim {

// Which faults are possible. In all but the first four, faults outside of the promise happen: there, overlapping commands
// are only counted.
enum class Profile : std::uint8_t {
  promise,  // all faults that the promise covers
  calm,     // no fault: every waiter is woken at once
  crowd,    // hundreds of hosts
  back,     // a server whose clock goes back, by up to ten years at once
  lossy,    // a server that loses what it wrote last
  jump,     // a server whose clock jumps
  stall,    // processes that freeze for longer than the safety margin
  force,    // unlock --now
};
constexpr int profiles = 8;
const char* name_of(Profile profile);

struct Command {
  Nanos takes = 0;
  int code = 0;
  std::optional<Nanos> obeys;  // how long it takes to end after TERM; none: it ignores it
  bool cant_start = false;
  Nanos leaves = 0;                 // it starts a process that outlives it by this; 0: none
  std::optional<Nanos> rest_obeys;  // as `obeys`, for that process
  Nanos held_up = 0;                // condolock freezes for this long just before it starts the command
};

// One condolock process: its name is r and its number.
struct RunSpec {
  int number = 0;
  int host = 0;
  Nanos at = 0;
  run::Plan plan;
  // A context of the library instead of a condolock process: the work is done by the same process, which nobody can end from
  // outside. It looks at lost(), and stops in time.
  bool in_program = false;
  Command command;
};

enum class FaultKind : std::uint8_t {
  cut_off,  // a host and the server cannot reach each other: messages arrive when it is over
  freeze,   // nothing on the host runs
  stop,     // one condolock process freezes, its command and keeper go on
  crash,    // a host crashes; after `length` it starts what cron starts from then on
  kill,     // one condolock process is killed
  signal,   // one condolock process gets TERM
  kill_keeper,
  stop_keeper,
  restart,   // the server is away for a while, and every connection breaks
  loss,      // the same, and its writes since `since` are lost
  jump,      // the server's clock jumps
  forget,    // the server forgets its scripts
  op_pause,  // an operator's action
  op_resume,
  op_unlock,
  op_unlock_now,
  op_reset,
  op_touch,
  op_pause_all,
  op_resume_all,
};
const char* name_of(FaultKind fault);
// Whether the fault hits one run, and not a host, the server or a key.
constexpr bool is_of_run(FaultKind fault) {
  return fault == FaultKind::stop || fault == FaultKind::kill || fault == FaultKind::signal ||
         fault == FaultKind::kill_keeper || fault == FaultKind::stop_keeper;
}

// Its name is t and its number.
struct FaultSpec {
  int number = 0;
  FaultKind what{};
  Nanos at = 0;
  Nanos length = 0;
  int of = 0;  // number of the host or run
  Nanos since = 0;
  std::string key;
};

struct Scenario {
  std::uint64_t seed = 0;
  Profile profile{};
  std::set<std::string> without;

  std::vector<DriftingClock> hosts;    // each host's BootClock; leaving out h0... removes only its drift
  std::vector<Nanos> lags;             // how long a wake-up of a process takes there, at most
  std::vector<std::int64_t> wrong_ms;  // the error of the time of day on each host
  DriftingClock server;
  std::vector<RunSpec> runs;
  std::vector<FaultSpec> faults;
  // Per cent of messages that have a fault. Their names are m, run, ., number, and q for a request or a for an answer.
  int message_fault_rate = 0;
  std::int64_t old_fence = 0;  // first fence in the record of "a", from a clock that was far ahead; 0: no record
  Nanos latency = 0;           // one way, at most
  Nanos quiet_from = 0;        // no fault happens and no run starts from then on

  // Whether overlapping commands are a failure. A clock that only goes back only makes leases longer.
  bool is_promised() const;
  bool is_without(const std::string& name) const { return !without.empty() && without.count(name) > 0; }
};

// `profile`: none: the seed's own.
Scenario make_scenario(std::uint64_t seed, std::optional<Profile> profile, const std::set<std::string>& without);

}  // namespace condolock::sim
