#include "sim/world.hpp"

#include <algorithm>
#include <csignal>
#include <memory>

#include "lock/lease.hpp"
#include "sim/network.hpp"

namespace condolock::sim {
namespace {

// Long enough for every lease, sleep and wait that may be left.
constexpr Nanos long_enough = 900 * second;

class World final {
 public:
  World(const Scenario& scenario, engine::embedded::ScriptHost& host, const Mutation* mutation, bool shown)
      : scenario_(scenario),
        trace_(shown),
        oracle_(agenda_, scenario, trace_),
        server_(agenda_, scenario.server, host, oracle_, trace_),
        network_(agenda_, scenario, server_, trace_) {
    oracle_.watch(server_);
    const Wrong wrong = mutation == nullptr ? Wrong::nothing : mutation->wrong;
    mutate_network(wrong);
    for (const RunSpec& run : scenario_.runs) {
      const TreeMutations tree{wrong == Wrong::no_keeper, wrong == Wrong::deadline_not_moved, wrong == Wrong::no_tree,
                               wrong == Wrong::no_wait_for_rest};
      processes_.push_back(
          std::make_unique<Process>(agenda_, network_, scenario_, run, oracle_, trace_,
                                    ClientMutations{wrong == Wrong::sent_after_reply, wrong == Wrong::no_last_look,
                                                    wrong == Wrong::deaf_program, tree}));
    }
  }

  Played play() {
    if (scenario_.old_fence > 0) {
      const std::string fence = std::to_string(scenario_.old_fence);
      engine::embedded::run_command(server_.store(), server_.now_us(), {"HSET", "{sim}:job:a", "v", "1", "fence", fence});
    }
    for (const auto& process : processes_) {
      agenda_.at(process->spec().at, [this, process = process.get()] { begin(*process); });
    }
    for (const FaultSpec& fault : scenario_.faults) {
      if (fault.what == FaultKind::loss) agenda_.at(fault.since, [this] { server_.take_snapshot(); });
      agenda_.at(fault.at, [this, &fault] { happen(fault); });
    }
    agenda_.at(scenario_.quiet_from, [this] {
      network_.calm_down();
      // A server may have lost a resume, and no other event would end that pause.
      if (scenario_.profile == Profile::lossy) {
        for (const char* key : {"a", "b"}) send_by_hand(lock::resume_call({"sim", key}));
        if (pauses_all_) send_by_hand(lock::resume_all_call("sim"));
      }
    });
    while (!oracle_.violation() && agenda_.now() < long_enough && agenda_.step()) {
    }
    if (!oracle_.violation()) end();
    Played result{oracle_.violation(), oracle_.counts(), server_.calls(), trace_.digest(), {}};
    for (const RunSpec& run : scenario_.runs) result.parts.push_back("r" + std::to_string(run.number));
    for (const FaultSpec& fault : scenario_.faults) result.parts.push_back("t" + std::to_string(fault.number));
    result.parts.insert(result.parts.end(), network_.faulted().begin(), network_.faulted().end());
    for (int kind = 0; kind < 8; ++kind) result.parts.push_back("c" + std::to_string(kind));
    result.parts.emplace_back("drift");
    result.parts.emplace_back("forget");
    return result;
  }

 private:
  void begin(Process& process) {
    if (down_until_.count(process.spec().host) > 0 && agenda_.now() < down_until_[process.spec().host]) return;
    trace_.line(agenda_.now(), 3, [&] {
      const run::Plan& plan = process.spec().plan;
      std::string text = "   r" + std::to_string(process.spec().number) + " begins on h" +
                         std::to_string(process.spec().host) + ": --key " + plan.attempt.job.key + " --lease " +
                         std::to_string(plan.attempt.lease.count()) + "ms";
      if (plan.attempt.slots > 1) text += " --slots " + std::to_string(plan.attempt.slots);
      if (plan.wait != Millis(0)) text += " --wait " + (plan.wait ? std::to_string(plan.wait->count()) + "ms" : "forever");
      if (plan.forced) text += " --force";
      if (plan.attempt.forget_after) text += " --forget-after " + std::to_string(plan.attempt.forget_after->count()) + "ms";
      for (const lock::Condition& condition : plan.conditions) text += " " + shown(condition);
      return text;
    });
    process.begin();
  }

  template <class What>
  void on_host(int host, What what) {
    for (const auto& process : processes_) {
      if (process->spec().host == host) what(*process);
    }
  }

  template <class What>
  void on_run(int run, What what) {
    for (const auto& process : processes_) {
      if (process->spec().number == run && process->has_begun()) what(*process);
    }
  }

  void happen(const FaultSpec& fault) {
    trace_.line(agenda_.now(), static_cast<std::uint64_t>(fault.what), [&] {
      std::string of;
      if (fault.what >= FaultKind::op_pause_all) {
        of = "";
      } else if (fault.what >= FaultKind::op_pause) {
        of = " of " + fault.key;
      } else if (is_of_run(fault.what)) {
        of = " of r" + std::to_string(fault.of);
      } else if (fault.what <= FaultKind::crash) {
        of = " of h" + std::to_string(fault.of);
      }
      return "t" + std::to_string(fault.number) + ": " + name_of(fault.what) + of + ", " +
             std::to_string(fault.length / millisecond) + " ms";
    });
    const Nanos until = agenda_.now() + fault.length;
    switch (fault.what) {
      case FaultKind::cut_off:
        return network_.cut_off(fault.of, until);
      case FaultKind::freeze:
        return on_host(fault.of, [&](Process& process) { process.freeze(until, true); });
      case FaultKind::stop:
        return on_run(fault.of, [&](Process& process) { process.freeze(until, false); });
      case FaultKind::crash:
        down_until_[fault.of] = until;
        return on_host(fault.of, [](Process& process) {
          if (process.has_begun()) process.kill(true);
        });
      case FaultKind::kill:
        return on_run(fault.of, [](Process& process) { process.kill(false); });
      case FaultKind::signal:
        return on_run(fault.of, [](Process& process) { process.signal(SIGTERM); });
      case FaultKind::kill_keeper:
        return on_run(fault.of, [](Process& process) { process.kill_keeper(); });
      case FaultKind::stop_keeper:
        return on_run(fault.of, [](Process& process) { process.stop_keeper(); });
      case FaultKind::restart:
      case FaultKind::loss:
        return restart(fault.length, fault.what == FaultKind::loss);
      case FaultKind::jump:
        server_.jump(fault.length);
        return oracle_.on_jump(server_.now_us() / 1000);
      case FaultKind::forget:
        return server_.forget_scripts();
      default:
        return operate(fault);
    }
  }

  void restart(Nanos length, bool loses) {
    if (!server_.is_up()) return;
    network_.break_all();
    server_.go_down();
    if (loses) server_.restore_snapshot();
    agenda_.in(length, [this] { server_.come_up(); });
  }

  void operate(const FaultSpec& fault) {
    if (!server_.is_up()) return;
    const lock::Job job{"sim", fault.key};
    lock::Attempt hand;
    hand.job = job;
    hand.token = "touch" + std::string(16, '0') + std::to_string(fault.number);
    hand.who = "1 operator";
    // A key stays paused no longer than the fault lasts, so that waits end.
    const Millis length(fault.length / millisecond + 1);
    engine::Call call;
    if (fault.what == FaultKind::op_pause) {
      const bool is_endless = fault.length % 2 == 0;
      call = lock::pause_call(job, is_endless ? std::nullopt : std::optional(length), "");
      if (is_endless) agenda_.in(fault.length, [this, job] { send_by_hand(lock::resume_call(job)); });
    }
    if (fault.what == FaultKind::op_pause_all) {
      const bool is_endless = fault.length % 2 == 0;
      call = lock::pause_all_call("sim", is_endless ? std::nullopt : std::optional(length), "");
      if (is_endless) agenda_.in(fault.length, [this] { send_by_hand(lock::resume_all_call("sim")); });
      pauses_all_ = true;
    }
    if (fault.what == FaultKind::op_resume_all) call = lock::resume_all_call("sim");
    if (fault.what == FaultKind::op_resume) call = lock::resume_call(job);
    if (fault.what == FaultKind::op_unlock) call = lock::unlock_call(job, false);
    if (fault.what == FaultKind::op_unlock_now) call = lock::unlock_call(job, true);
    if (fault.what == FaultKind::op_reset) call = lock::reset_call(job);
    if (fault.what == FaultKind::op_touch)
      call = lock::touch_call(hand, fault.of % 2 == 0 ? lock::Outcome::success : lock::Outcome::failed, 1);
    send_by_hand(call);
  }

  // Sends it as soon as the server is there.
  void send_by_hand(const engine::Call& call) {
    if (!server_.is_up()) return agenda_.in(second, [this, call] { send_by_hand(call); });
    server_.receive(-1, {call.script, call.keys, call.args, {}, true});
  }

  // Acquires for a new run, to which no pause and no condition applies.
  Answer acquire_last(const std::string& key, char token) {
    lock::Attempt last;
    last.job = {"sim", key};
    last.token = std::string("last") + std::string(17, token) + key;
    last.lease = Millis(1000);
    const engine::Call call = lock::acquire_call(last, {}, {true, false, Millis(0)});
    return server_.execute({call.script, call.keys, call.args, {}, true});
  }

  // When everything is over, and every lease may have ended, a new run must be granted.
  void end() {
    oracle_.at_end(processes_);
    if (oracle_.violation()) return;
    Nanos lease = second;
    for (const RunSpec& run : scenario_.runs) lease = std::max(lease, nanos(run.plan.attempt.lease));
    bool done = false;
    // A lease that was left ends one length after it was first seen, whatever the server's clock shows.
    for (const char* key : {"a", "b"}) acquire_last(key, '0');
    agenda_.in(lease + lease / 50 + second, [&] {
      for (const char* key : {"a", "b"}) {
        const Answer answer = acquire_last(key, '1');
        if (answer.values.empty() || answer.values[0] != "granted") {
          oracle_.violate("stuck", std::string("nobody can run ") + key + " any more");
        }
      }
      done = true;
    });
    while (!done && agenda_.step()) {
    }
  }

  // See mutations.hpp.
  void mutate_network(Wrong wrong) {
    if (wrong == Wrong::nothing || wrong == Wrong::sent_after_reply) return;
    network_.on_arrival([this, wrong](const RunSpec& run, Request& request) {
      if (wrong == Wrong::no_margin) shorten_lease(run, request);
      if (request.script != &scripts::acquire) return Nanos(0);
      if (wrong == Wrong::client_clock) move_min_time(run, request);
      return wrong == Wrong::checks_before ? check_before(run, request) : Nanos(0);
    });
  }

  static void shorten_lease(const RunSpec& run, Request& request) {
    const lock::Lease lease{{}, run.plan.attempt.lease};
    const auto killed = std::chrono::duration_cast<Millis>(lease.kill_at() - Instant{});
    if (request.script == &scripts::acquire) request.args.at(2) = std::to_string(killed.count());
    if (request.script == &scripts::renew) request.args.at(4) = std::to_string(killed.count());
  }

  // now' - at >= n  is  now - at >= n - (now' - now).
  void move_min_time(const RunSpec& run, Request& request) const {
    const std::int64_t wrong = scenario_.wrong_ms[static_cast<std::size_t>(run.host)];
    for (std::size_t i = lock::first_condition_argument; i + 3 < request.args.size(); i += 4) {
      if (request.args[i] == "min-time") request.args[i + 2] = std::to_string(std::stoll(request.args[i + 2]) - wrong);
    }
  }

  // Asks first. If all conditions hold, takes the lease without them, after the time of two messages.
  Nanos check_before(const RunSpec& run, Request& request) {
    if (run.plan.conditions.empty()) return 0;
    const engine::Call call = lock::check_call(run.plan.attempt.job, run.plan.conditions);
    const Answer answer = server_.execute({call.script, call.keys, call.args, {}, true});
    const auto verdicts = lock::decode_verdicts({{}, answer.values, {}}, run.plan.conditions.size());
    if (!verdicts) return 0;
    const bool hold = std::all_of(verdicts->conditions.begin(), verdicts->conditions.end(),
                                  [](const lock::Verdict& v) { return v.holds(); });
    if (!hold) return 0;
    request.keys.resize(lock::first_condition_key);
    request.args.resize(lock::first_condition_argument);
    return 2 * scenario_.latency;
  }

  const Scenario& scenario_;
  Agenda agenda_;
  Trace trace_;
  Oracle oracle_;
  Server server_;
  Network network_;
  std::vector<std::unique_ptr<Process>> processes_;
  std::map<int, Nanos> down_until_;  // by host
  bool pauses_all_ = false;
};

}  // namespace

Played play(const Scenario& scenario, engine::embedded::ScriptHost& host, const Mutation* mutation, bool shown) {
  return World(scenario, host, mutation, shown).play();
}

}  // namespace condolock::sim
