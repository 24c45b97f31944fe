#include <unistd.h>

#include "cli/child_environment.hpp"
#include "cli/commands.hpp"
#include "cli/key.hpp"
#include "cli/run_messages.hpp"
#include "cli/run_report.hpp"
#include "process/child.hpp"
#include "process/signals.hpp"
#include "run/loop.hpp"
#include "util/escape.hpp"
#include "util/number.hpp"
#include "util/random.hpp"

namespace condolock::cli {
namespace {

constexpr Frame frame{"condolock run --key K [CONDITION...] [OPTION...] -- CMD [ARG...]", R"(
Examples:
  */5 * * * * condolock run --key s --min-time 4m --min-time-from start -- job
  condolock run -v --key K --min-time 300 --accessed-prior checking:300 -- cmd

Durations: 300 (seconds), 1.5h, 5m30s, 2d, 250ms. Exit code: the command's own,
75 when it is skipped; the others are in condolock --help.
)",
                      Frame::Takes::key_and_command};

struct RunOptions {
  Asked asked;
  Plan plan;
  std::optional<Millis> timeout;
  bool no_wait = false;
  std::optional<int> report_fd;
};

Options::Set wait_into(std::optional<Millis>& into) {
  return [&into](std::string_view text) -> std::optional<Problem> {
    if (text == "forever") {
      into.reset();
      return std::nullopt;
    }
    return duration_into(into)(text);
  };
}

Options::Set on_unreachable_into(OnUnreachable& into) {
  return [&into](std::string_view text) -> std::optional<Problem> {
    if (text == "fail") {
      into = OnUnreachable::fail;
    } else if (text == "run") {
      into = OnUnreachable::run;
    } else if (text == "skip") {
      into = OnUnreachable::skip;
    } else {
      return Problem{"'" + escape(text) + "' is none of fail, run, skip"};
    }
    return std::nullopt;
  };
}

void declare(Options& options, RunOptions& run) {
  Plan& plan = run.plan;
  declare_conditions(options, run.asked);
  declare_key(options, run.asked);
  options.value("--slots", "N", "how many may run at once, the same for all (1)", number_into(plan.attempt.slots, 1, 1000));
  options.value("-w,--wait", "D", "wait for conditions and lease: D, or forever (0)", wait_into(plan.wait)).environment = {
      "CONDOLOCK_WAIT"};
  options.flag("-n", "--wait 0", run.no_wait);
  options.flag("--force", "skip conditions and pause, never the lease", plan.forced);
  options
      .value("--lease", "D", "how long Redis keeps it ours without a renewal (60s)",
             duration_into(plan.attempt.lease, Millis(1000)))
      .environment = {"CONDOLOCK_LEASE"};
  options.value("--timeout", "D", "longest run, --wait bounds the waiting (none)", duration_into(run.timeout))
      .environment = {"CONDOLOCK_TIMEOUT"};
  options
      .value("-k,--kill-after", "D", "from TERM to KILL when it is stopped, 0: at once (10s)",
             duration_into(plan.kill_after))
      .environment = {"CONDOLOCK_KILL_AFTER"};
  options.value("-E,--skip-code", "N", "exit code when skipped (75)", code_into(plan.skip_code));
  options.value("--busy-code", "N", "exit code when another holds the lease (as -E)",
                [&plan](std::string_view text) { return code_into(plan.busy_code.emplace())(text); });
  options
      .value("--on-unreachable", "WHAT", "fail, run (without a lease) or skip (fail)",
             on_unreachable_into(plan.on_unreachable))
      .environment = {"CONDOLOCK_ON_UNREACHABLE"};
  options.value("--jitter", "D", "first wait a random time up to D (0)", duration_into(plan.jitter));
  options
      .value("--success-code", "N", "counts as success, besides 0 (repeatable)",
             [&plan](std::string_view text) { return code_into(plan.success_codes.emplace_back())(text); })
      .repeatable = true;
  options.value("--record-timeout", "D", "how long to try to record the end (30s)", duration_into(plan.record_timeout));
  options.value("--history", "N", "how many runs to keep in the history (20)",
                number_into(plan.attempt.keep.emplace(20), 0, 10'000));
  options.value("--report-fd", "N", "write what happens to descriptor N, as JSON lines",
                [&run](std::string_view text) { return take_report_fd(text, run.report_fd); });
}

// What options say only together.
std::optional<Ending> settle(const Options& options, RunOptions& run) {
  const auto wrong = [](std::string text) { return Ending{exit_code::usage, std::move(text), ""}; };
  Plan& plan = run.plan;
  if (run.no_wait && options.was_given("--wait")) return wrong("-n is --wait 0: give one of them");
  if (run.no_wait) plan.wait = Millis(0);
  for (const Condition& condition : run.asked.conditions) {
    if (const auto* max_runs = std::get_if<MaxRuns>(&condition)) plan.attempt.starts = max_runs->limit;
    if (const auto* once = std::get_if<Once>(&condition)) plan.attempt.once = once->id;
  }
  if (plan.attempt.once.empty()) return std::nullopt;
  if (plan.attempt.slots > 1) return wrong("--once can't be with --slots above 1: two could succeed at once");
  if (plan.on_unreachable == OnUnreachable::run) {
    const std::string named = options.source("--on-unreachable") == Options::Source::environment
                                  ? "CONDOLOCK_ON_UNREACHABLE=run"
                                  : options.named("--on-unreachable") + " run";
    return wrong("--once can't be with " + named + ": nobody could tell whether it had succeeded before");
  }
  return std::nullopt;
}

}  // namespace

Ending run_command(const Arguments& arguments) {
  // First, so that a signal from now on ends us in an orderly way.
  process::Signals signals;
  Globals globals;
  RunOptions run;
  run.plan.attempt.lease = Millis(60'000);
  Options options("run");
  declare(options, run);
  declare(options, globals);
  const auto check = [&] { return settle(options, run); };
  if (auto ending = parse(options, arguments, frame, globals, run.asked, check)) return *ending;

  const Console console(globals.quiet, globals.verbose, Patience::never_waits);
  Plan& plan = run.plan;
  plan.attempt.job = job_of(globals, run.asked.key);
  plan.attempt.token = random_token();
  plan.attempt.who = this_holder();
  if (!plan.forced) plan.conditions = run.asked.conditions;
  plan.redis_timeout = globals.redis_timeout;
  if (run.timeout && run.timeout->count() > 0) plan.timeout = run.timeout;  // 0 is none, as for timeout(1)
  plan.seed = random_seed();

  const std::string run_id = random_token();
  const Guarded guarded{arguments.rest,
                        [&](const Grant& grant) { return child_environment(environ, run.asked.key, grant, run_id); }};
  const Told told{console, run.asked.key, arguments.rest[0], run.asked.conditions, plan.attempt.slots, plan.timeout};
  RunReport lines(run.report_fd, run.asked.key, run_id, run.asked.conditions);
  auto engine = open_engine(globals);
  Run machine(plan);
  const int code = drive(machine, *engine, signals, guarded, [&](const Report& report) {
    lines.tell(report);
    say(told, report);
  });
  lines.exit(code);
  static_cast<void>(engine.release());  // to close it takes as long as its last call did, and main leaves by _exit
  return {code, "", ""};
}

}  // namespace condolock::cli
