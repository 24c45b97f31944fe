#include "sim/scenario.hpp"

#include <algorithm>
#include <array>

#include "lock/lease.hpp"
#include "sim/dice.hpp"

namespace condolock::sim {
namespace {

constexpr std::array<const char*, profiles> profile_names{"promise", "calm", "crowd", "back",
                                                          "lossy",   "jump", "stall", "force"};
constexpr std::array<const char*, 20> fault_names{"cut off",    "freeze",      "stop",        "crash",     "kill",
                                                  "signal",     "kill keeper", "stop keeper", "restart",   "loss",
                                                  "clock jump", "forget",      "pause",       "resume",    "unlock",
                                                  "unlock now", "reset",       "touch",       "pause all", "resume all"};

Profile profile_of(std::uint64_t seed) {
  if (seed % 500 == 499) return Profile::crowd;
  const std::uint64_t turn = seed % 16;
  if (turn == 9) return Profile::back;
  if (turn == 10 || turn == 11) return Profile::calm;
  if (turn >= 12) return static_cast<Profile>(static_cast<int>(Profile::lossy) + static_cast<int>(turn) - 12);
  return Profile::promise;
}

// 22 characters, as a real one.
std::string token_of(int run) {
  std::string digits = std::to_string(run);
  return "token" + std::string(17 - digits.size(), '0') + digits;
}

class Maker {
 public:
  Maker(std::uint64_t seed, std::optional<Profile> profile, const std::set<std::string>& without) : dice_(seed, {1}) {
    scenario_.seed = seed;
    scenario_.profile = profile.value_or(profile_of(seed));
    scenario_.without = without;
  }

  Scenario make() {
    make_clocks();
    choose_habits();
    make_runs();
    make_faults();
    put_into_programs(Dice(scenario_.seed, {7}));
    Dice dice(scenario_.seed, {6});  // chance of their own, so that the other scenarios stay as they are
    pause_all(dice);
    forget(dice);
    return std::move(scenario_);
  }

 private:
  bool is(Profile profile) const { return scenario_.profile == profile; }
  Nanos within(Nanos min, Nanos max) { return dice_.between(min, max); }
  bool is_left_out(char kind, int number) const { return scenario_.is_without(kind + std::to_string(number)); }

  void make_clocks() {
    const std::int64_t hosts = is(Profile::crowd) ? dice_.between(100, 300) : dice_.between(3, 8);
    // Two clocks never differ by more than the one per cent that a lease allows for.
    const auto drift = [this] {
      const std::int64_t drawn = dice_.between(-4900, 4900);  // drawn in any case, so that later draws stay the same
      return scenario_.is_without("drift") ? 0 : drawn;
    };
    for (std::int64_t i = 0; i < hosts; ++i) {
      const Nanos up_for = within(0, 1000 * second);
      scenario_.hosts.push_back({up_for, drift()});
      scenario_.wrong_ms.push_back(dice_.chance(50) ? 0 : dice_.between(-90'000, 90'000));
    }
    // A clock that goes back ten years several times must begin late enough.
    scenario_.server = {(is(Profile::back) ? 4'000'000'000 : 1'790'000'000) * second + within(0, second), drift()};
  }

  // Settings that are the same on every host, like a shared crontab line.
  void choose_habits() {
    lease_ = Millis(dice_.one_of<std::int64_t>({1000, 1000, 2000, 5000, 10'000, 60'000}));
    shortest_ = std::min<Nanos>(nanos(lease_), 10 * second);
    slots_ = dice_.chance(is(Profile::calm) ? 40 : 70) ? 1 : dice_.between(2, 3);
    scenario_.quiet_from = shortest_ * 4 + within(0, 10 * second);
    scenario_.latency = dice_.one_of<Nanos>({200 * microsecond, 2 * millisecond, 30 * millisecond});
    if (!is(Profile::calm)) scenario_.message_fault_rate = dice_.one_of({0, 2, 10, 30});
    conditional_ = dice_.chance(50);
    max_runs_ = dice_.between(1, 3);
    const bool is_slow = !is(Profile::calm) && dice_.chance(40);
    for (std::size_t i = 0; i < scenario_.hosts.size(); ++i) {
      scenario_.lags.push_back(is_slow && dice_.chance(50) ? within(0, delay()) : 0);
    }
    // A server that loses data may then give a fence twice. No rule helps against both faults together.
    if (!is(Profile::lossy) && dice_.chance(3)) scenario_.old_fence = 100'000'000'000'000 + dice_.between(0, 1'000'000);
    // The holder of the lease is cut off, while its command goes on and others wait: the timing of a lease is made for this.
    isolated_ = !is(Profile::calm) && !is(Profile::crowd) && dice_.chance(6);
    conditional_ = conditional_ && !isolated_;
    waiting_ = isolated_ || dice_.chance(is(Profile::calm) ? 100 : 50);
  }

  // Lags and freezes may each take half of the safety margin, less the time that a command takes to end.
  Nanos delay() const { return std::min<Nanos>(2 * second, nanos(lease_) / 10) / 2 - 5 * millisecond; }

  Millis length() { return Millis(within(1, shortest_) / millisecond + 1); }

  // Returns whether there are any. Parts that are left out are drawn all the same, so that later draws stay the same.
  bool add_conditions(run::Plan& plan) {
    lock::Attempt& attempt = plan.attempt;
    bool any_at_all = false;
    const std::string other = attempt.job.key == "a" ? "b" : "a";
    const std::string any = dice_.chance(80) ? other : attempt.job.key;
    for (int kind = 0; kind < 8; ++kind) {
      if (!dice_.chance(22)) continue;
      const Millis some = length();
      const std::int64_t few = dice_.between(1, 3);
      const lock::Condition made[] = {lock::MinTime{some, dice_.chance(50) ? From::end : From::start},
                                      lock::AccessedPrior{any, some * 3},
                                      lock::After{any},
                                      lock::NotRunning{other},
                                      lock::RetryAfter{some},
                                      lock::MaxFailures{few},
                                      lock::MaxRuns{max_runs_, some * 2},
                                      lock::Once{"id" + std::to_string(few)}};
      // With slots, two runs of the same ID could run at once, so the command line refuses it.
      if (kind == 7 && slots_ > 1) continue;
      any_at_all = any_at_all || !plan.forced;
      if (is_left_out('c', kind)) continue;
      if (kind == 6) attempt.needs.starts = max_runs_;
      if (kind == 7) attempt.needs.once = "id" + std::to_string(few);
      if (!plan.forced) plan.conditions.push_back(made[kind]);
    }
    return any_at_all;
  }

  RunSpec run(int number) {
    RunSpec spec;
    spec.number = number;
    spec.host = static_cast<int>(dice_.between(0, static_cast<std::int64_t>(scenario_.hosts.size()) - 1));
    spec.at = is(Profile::crowd) ? within(0, second) : within(0, scenario_.quiet_from);
    if (is(Profile::calm)) spec.at %= 3 * second;  // close together, so that runs wait for each other
    if (dice_.chance(is(Profile::calm) ? 70 : 30))
      spec.at = spec.at / second * second;  // at the same moment, as cron starts them
    run::Plan& plan = spec.plan;
    plan.attempt.job = {"sim", conditional_ && dice_.chance(30) ? "b" : "a"};
    plan.attempt.token = token_of(number);
    plan.attempt.who = std::to_string(number) + " h" + std::to_string(spec.host);
    plan.attempt.lease = lease_;
    plan.attempt.slots = dice_.chance(95) ? slots_ : slots_ + 1;
    plan.redis_timeout = Millis(dice_.one_of<std::int64_t>({200, 1000, 5000}));
    plan.kill_after = Millis(dice_.one_of<std::int64_t>({50, 1000, 10'000}));
    plan.record_timeout = Millis(dice_.one_of<std::int64_t>({0, 2000, 10'000}));
    if (dice_.chance(10)) plan.timeout = length();
    if (dice_.chance(10)) plan.jitter = length();
    plan.forced = dice_.chance(5);
    plan.leftovers = dice_.one_of({run::Leftovers::leave, run::Leftovers::wait, run::Leftovers::kill});
    const bool waits = waiting_ && dice_.chance(80);
    const Millis wait = length() * 2;
    const std::int64_t unreachable = is(Profile::calm) ? 2 : dice_.between(0, 19);
    plan.seed = dice_.next();
    spec.command = command();
    const bool is_bound = conditional_ && add_conditions(plan);
    // A run may wait forever only if its wait is sure to end.
    if (waits) plan.wait = is_bound ? std::optional(wait) : std::nullopt;
    if (plan.attempt.needs.once.empty() && unreachable == 0) plan.on_unreachable = run::OnUnreachable::run;
    if (unreachable == 1) plan.on_unreachable = run::OnUnreachable::skip;
    return spec;
  }

  Command command() {
    Command command;
    command.takes = dice_.chance(50) ? within(0, 50 * millisecond) : within(0, shortest_);
    if (is(Profile::crowd)) command.takes = within(0, 20 * millisecond);
    command.code = dice_.chance(75) ? 0 : 1;
    if (dice_.chance(60)) command.obeys = within(0, 500 * millisecond);
    command.cant_start = dice_.chance(4);
    if (dice_.chance(25) && !is(Profile::crowd)) command.leaves = within(0, shortest_);
    if (dice_.chance(60)) command.rest_obeys = within(0, 500 * millisecond);
    if (dice_.chance(5) && !is(Profile::calm)) command.held_up = within(0, 2 * nanos(lease_));
    if (isolated_) {
      command.takes = within(shortest_ / 2, 3 * shortest_);
      if (dice_.chance(50)) command.obeys.reset();
    }
    return command;
  }

  void make_runs() {
    const std::int64_t runs = is(Profile::crowd) ? static_cast<std::int64_t>(scenario_.hosts.size()) : dice_.between(3, 9);
    for (int i = 0; i < runs; ++i) {
      RunSpec spec = run(i);  // also if it is left out, so that the others stay the same
      host_of_.push_back(spec.host);
      if (!is_left_out('r', i)) scenario_.runs.push_back(std::move(spec));
    }
    runs_ = static_cast<int>(runs);
  }

  std::vector<FaultKind> choice() const {
    if (is(Profile::calm))
      return {FaultKind::op_pause, FaultKind::op_resume, FaultKind::op_unlock, FaultKind::op_reset, FaultKind::op_touch};
    std::vector<FaultKind> all{FaultKind::cut_off,     FaultKind::freeze,      FaultKind::stop,      FaultKind::crash,
                               FaultKind::kill,        FaultKind::kill,        FaultKind::signal,    FaultKind::signal,
                               FaultKind::kill_keeper, FaultKind::stop_keeper, FaultKind::restart,   FaultKind::forget,
                               FaultKind::op_pause,    FaultKind::op_resume,   FaultKind::op_unlock, FaultKind::op_reset,
                               FaultKind::op_touch};
    if (is(Profile::lossy)) all.insert(all.end(), 10, FaultKind::loss);
    if (is(Profile::jump) || is(Profile::back)) all.insert(all.end(), 10, FaultKind::jump);
    if (is(Profile::stall)) all.insert(all.end(), {FaultKind::freeze, FaultKind::freeze, FaultKind::stop, FaultKind::stop});
    if (is(Profile::force)) all.insert(all.end(), 5, FaultKind::op_unlock_now);
    return all;
  }

  void make_faults() {
    const std::vector<FaultKind> all = choice();
    const std::int64_t faults = dice_.between(0, 5) + (scenario_.profile <= Profile::crowd && !isolated_ ? 0 : 1);
    // Faults may come together: at about the same time, on the same run and its host.
    const bool together = dice_.chance(40);
    const std::int64_t one_run = dice_.between(0, runs_ - 1);
    const Nanos once = within(0, scenario_.quiet_from);
    for (int i = 0; i < faults; ++i) {
      FaultSpec spec;
      spec.number = i;
      spec.what = all[static_cast<std::size_t>(dice_.between(0, static_cast<std::int64_t>(all.size()) - 1))];
      const std::int64_t run = together ? one_run : dice_.between(0, runs_ - 1);
      spec.at = together ? std::min(once + within(0, 2 * shortest_), scenario_.quiet_from) : within(0, scenario_.quiet_from);
      spec.length = length_of(spec.what);
      if (isolated_ && i == 0) {
        spec.what = FaultKind::cut_off;
        spec.length = 2 * shortest_;
      }
      spec.of = is_of_run(spec.what) ? static_cast<int>(run) : host_of_[static_cast<std::size_t>(run)];
      spec.since = std::max<Nanos>(0, spec.at - within(0, 3 * second));
      spec.key = conditional_ && dice_.chance(30) ? "b" : "a";
      if (!is_left_out('t', i)) scenario_.faults.push_back(spec);
    }
    if (!is(Profile::stall)) spare_one_of_both();
  }

  // A run may lose its condolock or its keeper. The promise does not hold if it loses both.
  void spare_one_of_both() {
    const auto is_on_keeper = [](const FaultSpec& fault) { return fault.what == FaultKind::kill_keeper; };
    for (FaultSpec& fault : scenario_.faults) {
      if (fault.what != FaultKind::stop && fault.what != FaultKind::kill) continue;
      for (const FaultSpec& other : scenario_.faults) {
        if (is_on_keeper(other) && other.of == fault.of) fault.what = FaultKind::signal;
      }
    }
    for (RunSpec& run : scenario_.runs) {
      const auto is_its_own = [&](const FaultSpec& fault) { return is_on_keeper(fault) && fault.of == run.number; };
      if (std::any_of(scenario_.faults.begin(), scenario_.faults.end(), is_its_own)) run.command.held_up = 0;
    }
  }

  // Some scenarios have programs with contexts among the runs. Chance of its own, so that the other scenarios stay as they
  // are.
  void put_into_programs(Dice dice) {
    if (!dice.chance(15)) return;
    std::set<int> programs;
    for (RunSpec& run : scenario_.runs) {
      if (!dice.chance(60)) continue;
      run.in_program = true;
      programs.insert(run.number);
      run.plan.on_unreachable = run::OnUnreachable::fail;
      run.plan.leftovers = run::Leftovers::leave;
      run.plan.timeout.reset();
      run.plan.jitter = Millis(0);
      run.plan.success_codes.clear();
      const Millis grace = lock::Lease{{}, run.plan.attempt.lease}.grace(run.plan.kill_after);
      const Command command = run.command;
      run.command = Command();
      run.command.takes = command.takes;
      run.command.code = command.code;
      run.command.obeys = dice.between(0, nanos(grace) - 1);
    }
    // A process that stands still for long looks at lost() too late, and nobody else ends its work.
    if (is(Profile::stall)) return;
    for (FaultSpec& fault : scenario_.faults) {
      if (fault.what == FaultKind::stop && programs.count(fault.of) > 0) fault.what = FaultKind::kill;
    }
  }

  void pause_all(Dice& dice) {
    const bool is_wanted = dice.chance(is(Profile::back) || is(Profile::jump) ? 40 : 8);
    int number = 100;
    for (const bool pauses : {true, true, false}) {
      FaultSpec spec;
      spec.number = number++;
      spec.what = pauses ? FaultKind::op_pause_all : FaultKind::op_resume_all;
      spec.at = dice.between(0, scenario_.quiet_from);
      spec.length = dice.between(0, 2 * shortest_);
      const bool happens = dice.chance(60);
      if (is_wanted && happens && !is_left_out('t', spec.number)) scenario_.faults.push_back(spec);
    }
  }

  // --forget-after promises nothing about a server whose clock goes back or that loses data: its fences would fall.
  void forget(Dice& dice) {
    const bool is_possible = !is(Profile::back) && !is(Profile::jump) && !is(Profile::lossy) && scenario_.old_fence == 0;
    Millis after(dice.between(1000, 1000 + shortest_ / millisecond));
    if (!dice.chance(is(Profile::force) ? 60 : 25) || !is_possible || scenario_.is_without("forget")) return;
    for (const RunSpec& run : scenario_.runs) {
      // As the command line demands.
      const auto memory = lock::longest_memory(run.plan.conditions);
      if (memory && memory->length == Millis::max()) return;
      if (memory) after = std::max(after, memory->length);
    }
    for (RunSpec& run : scenario_.runs) run.plan.attempt.forget_after = after;
  }

  Nanos length_of(FaultKind fault) {
    switch (fault) {
      case FaultKind::freeze:
        return is(Profile::stall) ? within(3 * delay(), 3 * shortest_) : within(0, delay());
      case FaultKind::stop:
        return within(0, 3 * shortest_);
      case FaultKind::jump:
        if (is(Profile::back)) return within(dice_.chance(50) ? -2 * shortest_ : -10L * 365 * 86'400 * second, 0);
        return dice_.chance(50) ? within(-2 * shortest_, 2 * shortest_) : within(-3600 * second, 3600 * second);
      case FaultKind::cut_off:
      case FaultKind::restart:
      case FaultKind::loss:
        return dice_.chance(50) ? within(0, second) : within(0, std::min<Nanos>(2 * shortest_, 15 * second));
      default:
        return within(0, 2 * shortest_);
    }
  }

  Scenario scenario_;
  Dice dice_;
  Millis lease_{};
  Nanos shortest_ = 0;  // the lease, but at most ten seconds
  std::int64_t slots_ = 1;
  std::int64_t max_runs_ = 1;  // for all callers: with different numbers, fewer starts are kept than the largest needs
  bool conditional_ = false;
  bool waiting_ = false;
  bool isolated_ = false;
  int runs_ = 0;
  std::vector<int> host_of_;  // by run
};

}  // namespace

bool Scenario::is_promised() const {
  if (profile != Profile::jump) return profile <= Profile::crowd;
  return std::all_of(faults.begin(), faults.end(),
                     [](const FaultSpec& fault) { return fault.what != FaultKind::jump || fault.length <= 0; });
}

const char* name_of(Profile profile) { return profile_names.at(static_cast<std::size_t>(profile)); }
const char* name_of(FaultKind fault) { return fault_names.at(static_cast<std::size_t>(fault)); }

Scenario make_scenario(std::uint64_t seed, std::optional<Profile> profile, const std::set<std::string>& without) {
  return Maker(seed, profile, without).make();
}

}  // namespace condolock::sim
