#include <unistd.h>

#include <algorithm>

#include "cli/args/command_line.hpp"
#include "cli/commands/child_environment.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output/run_messages.hpp"
#include "cli/output/run_report.hpp"
#include "process/ancestors.hpp"
#include "process/signals.hpp"
#include "run/driver.hpp"
#include "util/escape.hpp"
#include "util/number.hpp"
#include "util/random.hpp"

namespace condolock::cli {
namespace {

constexpr CommandSpec run_spec{"condolock run --key K [CONDITION...] [OPTION...] -- CMD [ARG...]", R"(
Examples:
  */5 * * * * condolock run --key s --min-time 4m --min-time-from start -- job
  condolock run -v --key K --min-time 300 --accessed-prior checking:300 -- cmd

Durations: 300 (seconds), 1.5h, 5m30s, 2d, 250ms. Exit code: the command's own,
75 when it is skipped; the others are in condolock --help.
)",
                               CommandSpec::Takes::key_and_command};

struct RunOptions {
  CommandArguments args;
  run::Plan plan;
  std::optional<Millis> timeout;
  bool no_wait = false;
  std::optional<int> report_fd;
};

Options::Set wait_into(std::optional<Millis>& into) {
  return [&into](std::string_view text) -> std::optional<util::Problem> {
    if (text == "forever") {
      into.reset();
      return std::nullopt;
    }
    return duration_into(into)(text);
  };
}

// One of a few words, each with what it means.
template <class T>
Options::Set word_into(T& into, std::initializer_list<std::pair<std::string_view, T>> words) {
  return [&into, words = std::vector(words)](std::string_view text) -> std::optional<util::Problem> {
    std::string names;
    for (const auto& [name, value] : words) {
      if (text == name) {
        into = value;
        return std::nullopt;
      }
      names += (names.empty() ? "" : ", ") + std::string(name);
    }
    return util::Problem{"'" + util::escape(text) + "' is none of " + names};
  };
}

void declare(Options& options, RunOptions& run) {
  run::Plan& plan = run.plan;
  declare_conditions(options, run.args);
  declare_key(options, run.args);
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
  options.value("--leftovers", "WHAT", "what a success leaves: leave, wait or kill (leave)",
                word_into<run::Leftovers>(
                    plan.leftovers,
                    {{"leave", run::Leftovers::leave}, {"wait", run::Leftovers::wait}, {"kill", run::Leftovers::kill}}));
  options.value("-E,--skip-code", "N", "exit code when skipped (75)", code_into(plan.skip_code));
  options.value("--busy-code", "N", "exit code when another holds the lease (as -E)",
                [&plan](std::string_view text) { return code_into(plan.busy_code.emplace())(text); });
  options
      .value("--on-unreachable", "WHAT", "fail, run (without a lease) or skip (fail)",
             word_into<run::OnUnreachable>(
                 plan.on_unreachable,
                 {{"fail", run::OnUnreachable::fail}, {"run", run::OnUnreachable::run}, {"skip", run::OnUnreachable::skip}}))
      .environment = {"CONDOLOCK_ON_UNREACHABLE"};
  options.value("--jitter", "D", "first wait a random time up to D (0)", duration_into(plan.jitter));
  options
      .value("--success-code", "N", "counts as success, besides 0 (repeatable)",
             [&plan](std::string_view text) { return code_into(plan.success_codes.emplace_back())(text); })
      .repeatable = true;
  options.value("--record-timeout", "D", "how long to try to record the end (30s)", duration_into(plan.record_timeout));
  options.value("--history", "N", "runs to keep in the history (as before, at first 20)", [&plan](std::string_view text) {
    return number_into(plan.attempt.history_limit.emplace(), 0, 10'000)(text);
  });
  options.value("--report-fd", "N", "write what happens to descriptor N, as JSON lines",
                [&run](std::string_view text) { return take_report_fd(text, run.report_fd); });
}

// See Plan::ancestors. Only a run that waits asks, since each ancestor costs a look into /proc.
int ancestors(std::string_view who, const std::string& key) {
  const std::string own = lock::this_holder();
  const std::size_t space = who.find(' ');
  if (space == std::string_view::npos || who.substr(space) != own.substr(own.find(' '))) return 0;
  const auto pid = util::parse_number<pid_t>(who.substr(0, space));
  const auto runs = process::runs_above_us(key);
  return pid && std::count(runs.begin(), runs.end(), *pid) > 0 ? static_cast<int>(runs.size()) : 0;
}

// Checks that need several options.
std::optional<CommandResult> settle(const Options& options, RunOptions& run) {
  const auto wrong = [](std::string text) { return CommandResult{exit_code::usage, std::move(text), ""}; };
  run::Plan& plan = run.plan;
  if (run.no_wait && options.was_given("--wait")) return wrong("-n is --wait 0: give one of them");
  if (run.no_wait) plan.wait = Millis(0);
  plan.attempt.needs = lock::needs_of(run.args.conditions);
  const auto clash_with = [&](lock::RunMode mode, const std::string& named) -> std::optional<CommandResult> {
    const auto clash = lock::clash(run.args.conditions, mode);
    if (!clash) return std::nullopt;
    return wrong(std::string(clash->option) + " can't be with " + named + ": " + std::string(clash->why));
  };
  if (plan.attempt.slots > 1) {
    if (auto result = clash_with(lock::RunMode::several_slots, "--slots above 1")) return result;
  }
  if (plan.on_unreachable == run::OnUnreachable::run) {
    const bool from_environment = options.source("--on-unreachable") == Options::Source::environment;
    return clash_with(lock::RunMode::unleased,
                      from_environment ? "CONDOLOCK_ON_UNREACHABLE=run" : options.named("--on-unreachable") + " run");
  }
  return std::nullopt;
}

}  // namespace

CommandResult run_command(const RawArguments& arguments) {
  // Comes first: from now on a signal is collected, so that the run can release its lease before it ends.
  process::Signals signals;
  Globals globals;
  RunOptions run;
  run.plan.attempt.lease = Millis(60'000);
  Options options("run");
  declare(options, run);
  declare(options, globals);
  const auto check = [&] { return settle(options, run); };
  if (auto result = parse(options, arguments, run_spec, globals, run.args, check)) return *result;

  const Console console(globals.quiet, globals.verbose, Patience::never_waits);
  run::Plan& plan = run.plan;
  plan.attempt.job = job_of(globals, run.args.key);
  plan.attempt.token = util::random_token();
  plan.attempt.who = lock::this_holder();
  if (!plan.forced) plan.conditions = run.args.conditions;
  plan.redis_timeout = globals.redis_timeout;
  if (run.timeout && run.timeout->count() > 0) plan.timeout = run.timeout;  // 0: no limit, as in timeout(1)
  plan.seed = util::random_seed();
  plan.ancestors = ancestors;

  const std::string run_id = util::random_token();
  const run::GuardedCommand command{
      arguments.rest, [&](const lock::Grant& grant) { return child_environment(environ, run.args.key, grant, run_id); }};
  const MessageContext context{console,     run.args.key, arguments.rest[0], run.args.conditions, plan.attempt.slots,
                               plan.timeout};
  RunReport lines(run.report_fd, run.args.key, run_id, run.args.conditions);
  auto engine = open_engine(globals);
  run::Run machine(plan);
  const int code = run::drive(machine, *engine, signals, command, [&](const run::Report& report) {
    lines.write(report);
    print_message(context, report);
  });
  lines.exit(code);
  static_cast<void>(engine.release());  // deliberately leaked: closing costs as much as a call, and main uses _exit
  return {code, "", ""};
}

}  // namespace condolock::cli
