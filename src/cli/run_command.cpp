#include <unistd.h>

#include "cli/child_environment.hpp"
#include "cli/commands.hpp"
#include "cli/key.hpp"
#include "cli/run_messages.hpp"
#include "process/child.hpp"
#include "process/signals.hpp"
#include "run/loop.hpp"
#include "util/escape.hpp"
#include "util/random.hpp"

namespace condolock::cli {
namespace {

constexpr const char* usage = "condolock run --key K [CONDITION...] [OPTION...] -- CMD [ARG...]";

constexpr const char* examples = R"(
Examples:
  */5 * * * * condolock run --key sync --min-time 4m --min-time-from start -- sync.sh
  condolock run --key report --accessed-prior sync:300 --timeout 10m -- make report
  condolock run -v --key K --min-time 300 --accessed-prior checking:300 -- cmd args

Durations: 300 (seconds), 1.5h, 5m30s, 2d, 250ms. Exit code: the command's own, 75 when it
is skipped; the others are in condolock --help.
)";

struct RunOptions {
  Asked asked;
  Plan plan;
  std::optional<Millis> timeout;
};

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
  options.flag("--force", "skip conditions and pause, never the lease", plan.forced);
  options
      .value("--lease", "D", "how long Redis keeps it ours without a renewal (60s)",
             duration_into(plan.attempt.lease, Millis(1000)))
      .environment = {"CONDOLOCK_LEASE"};
  options.value("--timeout", "D", "longest run, then it is stopped (none)", duration_into(run.timeout)).environment = {
      "CONDOLOCK_TIMEOUT"};
  options.value("-k,--kill-after", "D", "from TERM to KILL when it is stopped (10s)", duration_into(plan.kill_after))
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
}

std::string quoted(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += " " + escape(word);
  return out;
}

// The line that was probably meant, for whoever forgot the `--`.
std::string hint(const RunOptions& run, const std::vector<std::string>& operands) {
  if (operands.empty()) return "write " + std::string(usage);
  const std::string key = run.asked.key.empty() ? "K" : escape(run.asked.key);
  return "write condolock run --key " + key + " [OPTION...] --" + quoted(operands);
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
  std::vector<std::string> operands;
  if (auto ending = options.parse(arguments.own, operands)) return *ending;
  if (globals.help) {
    return {exit_code::ok, "", "Usage: " + std::string(usage) + "\n" + options.help() + examples};
  }
  if (!arguments.has_separator) {
    return {exit_code::usage, "the command must stand behind a --: " + hint(run, operands), ""};
  }
  if (auto ending = settle(operands, run.asked, hint(run, {}))) return *ending;
  if (arguments.rest.empty() || arguments.rest[0].empty()) {
    return {exit_code::usage, "there is no command behind the --: " + hint(run, {}), ""};
  }
  if (auto ending = settle(options, globals)) return *ending;

  const Console console(globals.quiet, globals.verbose, globals.color, Patience::never_waits);
  if (globals.password_on_command_line) {
    console.warning("the password in --url can be seen in ps; put the URL into CONDOLOCK_URL");
  }
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
  const Told told{console, run.asked.key, arguments.rest[0], run.asked.conditions, plan.timeout};
  const auto engine = open_engine(globals);
  Run machine(plan);
  return {drive(machine, *engine, signals, guarded, [&](const Report& report) { say(told, report); }), "", ""};
}

}  // namespace condolock::cli
