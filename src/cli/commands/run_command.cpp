#include <unistd.h>

#include <algorithm>

#include "cli/args/command_line.hpp"
#include "cli/commands/child_environment.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/run_options.hpp"
#include "cli/output/run_messages.hpp"
#include "cli/output/run_report.hpp"
#include "process/ancestors.hpp"
#include "process/signals.hpp"
#include "run/driver.hpp"
#include "run/hook.hpp"
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
or 75 if it is skipped; condolock --help lists the others.
)",
                               CommandSpec::Takes::key_and_command};

// See Plan::ancestors. Only a run that waits asks, since each ancestor costs a look into /proc.
int ancestors(std::string_view who, const std::string& key) {
  const std::string own = lock::this_holder();
  const std::size_t space = who.find(' ');
  if (space == std::string_view::npos || who.substr(space) != own.substr(own.find(' '))) return 0;
  const auto pid = util::parse_number<pid_t>(who.substr(0, space));
  const auto runs = process::runs_above_us(key);
  return pid && std::count(runs.begin(), runs.end(), *pid) > 0 ? static_cast<int>(runs.size()) : 0;
}

constexpr Millis longest_hook{60'000};

// Empty: it succeeded.
std::string hook_problem(const run::HookEnd& end) {
  if (const auto* error = std::get_if<process::SpawnError>(&end)) return " could not be started: " + error->why;
  const int code = std::get<int>(end);
  return code == 0 ? "" : " failed (exit code " + std::to_string(code) + ")";
}

}  // namespace

CommandResult run_command(const RawArguments& arguments) {
  // Comes first: from now on a signal is collected, so that the run can release its lease before it ends.
  process::Signals signals;
  Globals globals;
  RunOptions run;
  Options options("run");
  declare(options, run);
  declare(options, globals);
  const auto check = [&]() -> std::optional<CommandResult> {
    if (auto result = settle(options, run)) return result;
    if (run.plan.attempt.replicas == 0 || engine::kind_of(globals.location) != "file") return std::nullopt;
    return CommandResult{exit_code::usage, options.named("--wait-replicas") + ": a directory (file:) has no replicas", ""};
  };
  if (auto result = parse(options, arguments, run_spec, globals, run.args, check)) {
    if (result->needs_tls) signals.give_back();
    return *result;
  }

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
      arguments.rest, [&](const lock::Grant& grant) { return child_environment(environ, run.args.key, grant, run_id); },
      plan.stop_signal};
  const MessageContext context{console,     run.args.key, arguments.rest[0], run.args.conditions, plan.attempt.slots,
                               plan.timeout};
  RunReport lines(run.report_fd, run.args.key, run_id, run.args.conditions);
  auto engine = open_engine(globals);
  run::Run machine(plan);
  HookOccasion occasion;
  const int code = run::drive(machine, *engine, signals, command, [&](const run::Report& report) {
    occasion.note(report);
    lines.write(report);
    print_message(context, report);
  });
  lines.exit(code);
  const std::string& line = occasion.outcome() == "success" ? run.hooks.on_success : run.hooks.on_failure;
  if (!line.empty() && !occasion.outcome().empty()) {
    const auto end = run::run_hook(line, hook_environment(environ, run.args.key, run_id, occasion.variables(code)), signals,
                                   longest_hook);
    if (const std::string problem = hook_problem(end); !problem.empty()) {
      console.warning("the hook of " + util::escape(run.args.key) + " after " + occasion.outcome() + problem);
    }
  }
  static_cast<void>(engine.release());  // deliberately leaked: closing costs as much as a call, and main uses _exit
  return {code, "", ""};
}

}  // namespace condolock::cli
