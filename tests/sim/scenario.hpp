// What is going to happen, made from a seed: hosts, the runs they start, and what goes wrong. Everything in it has a name
// by which it can be left out, so that a failing scenario can be made smaller.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "run/run.hpp"
#include "sim/time.hpp"

namespace condolock::sim {

// What may go wrong. In all but the first four, things happen that the promise excludes: commands that overlap are counted
// there.
enum class Profile : std::uint8_t {
  promise,  // all that the promise covers
  calm,     // nothing: then whoever waits is woken at once
  crowd,    // hundreds of hosts
  back,     // a server whose clock goes back, by up to ten years at once
  lossy,    // a server that loses what it wrote last
  jump,     // a server whose clock jumps
  stall,    // processes that stand still for longer than the safety margin
  force,    // unlock --now
};
constexpr int profiles = 8;
const char* name_of(Profile profile);

struct Command {
  Nanos takes = 0;
  int code = 0;
  std::optional<Nanos> obeys;  // how long it takes to end after TERM; none: it ignores it
  bool cant_start = false;
  Nanos leaves = 0;                 // what it starts and leaves behind lives so much longer; 0: it leaves nothing
  std::optional<Nanos> rest_obeys;  // as `obeys`, of what it leaves
  Nanos held_up = 0;                // condolock stands still for so long just before it starts the command
};

// One condolock process: its name is r and its number.
struct RunSpec {
  int number = 0;
  int host = 0;
  Nanos at = 0;
  run::Plan plan;
  Command command;
};

enum class FaultKind : std::uint8_t {
  cut_off,  // a host and the server don't reach each other: what they send arrives when it is over
  freeze,   // nothing on a host runs
  stop,     // one condolock process stands still, its command and keeper go on
  crash,    // a host, or `length` later again with what cron starts from then on
  kill,     // one condolock process
  signal,   // TERM to one condolock process
  kill_keeper,
  stop_keeper,
  restart,   // the server is away for a while; every connection breaks
  loss,      // ... and what it wrote since `since` is lost
  jump,      // the server's clock
  forget,    // the server forgets its scripts
  op_pause,  // what an operator does
  op_resume,
  op_unlock,
  op_unlock_now,
  op_reset,
  op_touch,
};
const char* name_of(FaultKind fault);
// Of one run, and not of a host, the server or a key.
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
  int of = 0;  // the host's or run's number
  Nanos since = 0;
  std::string key;
};

struct Scenario {
  std::uint64_t seed = 0;
  Profile profile{};
  std::set<std::string> without;

  std::vector<DriftingClock> hosts;    // what BootClock shows on each; names h0... have no effect but their clocks' drift
  std::vector<Nanos> lags;             // how long whatever wakes a process there takes to do so, at most
  std::vector<std::int64_t> wrong_ms;  // how wrong the time of day is on each
  DriftingClock server;
  std::vector<RunSpec> runs;
  std::vector<FaultSpec> faults;
  // Per cent of messages that something happens to. Their names are m, run, ., number, and q for a request or a for an
  // answer.
  int message_fault_rate = 0;
  std::int64_t old_fence = 0;  // in the record of "a" at first, from a clock that was far ahead; 0: there is no record
  Nanos latency = 0;           // one way, at most
  Nanos quiet_from = 0;        // nothing goes wrong any more, and nobody new comes

  // Whether commands that overlap are a failure. A clock that only jumps backward makes leases longer, no more.
  bool is_promised() const;
  bool is_without(const std::string& name) const { return !without.empty() && without.count(name) > 0; }
};

// `profile`: none: the seed's own.
Scenario make_scenario(std::uint64_t seed, std::optional<Profile> profile, const std::set<std::string>& without);

}  // namespace condolock::sim
