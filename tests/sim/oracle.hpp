// The rules that must hold for the server and for every command, checked from outside after every step.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/process.hpp"
#include "sim/seen.hpp"

namespace condolock::sim {

struct Violation {
  std::string rule;  // one word; a smaller scenario must break the same rule
  std::string text;
};

struct Counts {
  std::size_t grants = 0;
  std::size_t commands = 0;
  std::size_t overlaps = 0;  // overlaps that are not a failure
  std::size_t stopped = 0;   // commands: their lease was lost or could not be renewed, or they took too long
};

class Oracle final : public Observer, public Onlooker {
 public:
  Oracle(Agenda& agenda, const Scenario& scenario, Trace& trace) : agenda_(agenda), scenario_(scenario), trace_(trace) {
    for (const RunSpec& run : scenario.runs) runs_[run.plan.attempt.token] = &run;
  }
  void watch(Server& server) { server_ = &server; }
  void on_jump(std::int64_t now_ms);

  void before(const Request& request, std::int64_t now_ms) override;
  void after(const Request& request, const Answer& answer, std::int64_t now_ms) override;
  void on_command(const RunSpec& run, std::int64_t fence) override;
  void on_command_end(const RunSpec& run) override;
  void on_report(const RunSpec& run, const run::Report& report) override;
  void on_exit(const RunSpec& run, int code) override;

  // Call when everything is over. Checks the final records and the processes that are left.
  void at_end(const std::vector<std::unique_ptr<Process>>& processes);

  void violate(const std::string& rule, const std::string& text);
  const std::optional<Violation>& violation() const { return violation_; }
  const Counts& counts() const { return counts_; }

 private:
  struct Granted {
    std::int64_t fence = 0;
    std::int64_t start = 0;
  };
  // A command that is alive.
  struct Living {
    std::string key;
    std::int64_t slots = 1;
  };

  bool is_lossy() const { return scenario_.profile == Profile::lossy; }
  // A server does not know what it has lost. If its clock jumped, it may forget a token before the minute is over.
  bool remembers() const { return !is_lossy() && scenario_.profile != Profile::jump; }
  bool holds(const lock::Condition& condition, const RunSpec& run, std::int64_t now);
  void check_forward(const std::string& verb, const SeenRecord& after);
  void check_others(const std::string& verb, const std::string& token, const SeenRecord& after, std::int64_t now);
  void check_grant(const std::string& token, const engine::Values& values, std::int64_t now);
  void check_refusal(const std::string& token, const std::string& code, std::int64_t now);
  void check_superseded(const Request& request);
  bool is_overtaken(const Request& request) const;
  void check_renewal(const Request& request, const std::string& code, std::int64_t now);
  void check_finish(const Request& request, const engine::Values& values, const SeenRecord& after, std::int64_t now);
  void check_lengths(const Request& request, const std::string& code, std::int64_t now);
  void check_length(const std::string& what, Millis length);
  void check_wake_up(const std::string& key, const SeenRecord& after, std::int64_t now);
  void check_history(const std::string& key);
  void check_pause(const Request& request, std::int64_t now);
  void check_expiry(const std::string& verb, const std::string& code, const SeenRecord& after, std::int64_t now);
  void notice_expired(std::int64_t now);

  Agenda& agenda_;
  const Scenario& scenario_;
  Trace& trace_;
  Server* server_ = nullptr;
  std::map<std::string, const RunSpec*> runs_;  // by token

  std::string key_;    // of the running script
  SeenRecord before_;  // before the script ran
  const lock::Condition* refusing_ = nullptr;
  std::string refused_by_;                  // the first condition that does not hold for the caller; empty: all hold
  SeenPause pause_all_;                     // before the script ran, as stored
  bool is_paused_ = false;                  // for the caller
  std::map<std::string, Granted> granted_;  // by token
  std::map<std::string, std::pair<std::int64_t, Nanos>> started_;  // by token: the start of its grant, and of its command
  std::map<std::pair<std::string, std::int64_t>, std::int64_t> starts_of_;           // by token and fence
  std::set<std::string> done_;                                                       // tokens that finished or abandoned
  std::set<std::string> recorded_;                                                   // those of them that finished
  std::map<std::string, std::int64_t> fences_;                                       // the highest fence given, by key
  std::map<std::string, std::vector<std::pair<std::string, std::int64_t>>> starts_;  // for --max-runs: token and time
  std::map<std::string, std::int64_t> others_;  // by token: the highest fence given to another run of the same key
  std::set<std::string> revoked_;               // keys that an operator has unlocked
  std::set<std::pair<std::string, std::int64_t>> removed_;  // by unlock --now: token and fence
  std::set<std::string> once_;                              // key and ID
  std::map<std::string, std::int64_t> stored_start_;        // by token: the start of its success as recorded
  std::map<std::string, std::int64_t> acknowledged_;        // by key: a success that began then was reported as recorded
  std::map<std::string, Nanos> reset_at_;                   // by key
  std::map<std::string, Nanos> seen_since_;                 // see check_length
  std::map<std::string, Nanos> free_since_;                 // by key: when a lease was first free while a run sleeps for it
  std::map<std::string, std::int64_t> expired_;             // by key: when its record expired last
  Nanos awake_by_ = 0;            // by then a waiter notices that the pause of all keys is over: see check_pause
  std::map<int, Living> living_;  // by run
  std::optional<Violation> violation_;
  Counts counts_;
};

}  // namespace condolock::sim
