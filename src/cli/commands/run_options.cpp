#include "cli/commands/run_options.hpp"

#include <array>
#include <csignal>
#include <cstring>

#include "cli/output/run_report.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

Options::Set wait_into(std::optional<Millis>& into) {
  return [&into](std::string_view text) -> std::optional<util::Problem> {
    if (text == "forever") {
      into.reset();
      return std::nullopt;
    }
    return duration_into(into)(text);
  };
}

// For an option that takes one of a few words. Each word has a value.
template <class T>
Options::Set word_into(T& into, std::initializer_list<std::pair<std::string_view, T>> words) {
  return [&into, words = std::vector(words)](std::string_view text) -> std::optional<util::Problem> {
    std::string names;
    for (const auto& [name, value] : words) {
      if (text == name) {
        into = value;
        return std::nullopt;
      }
      names += (names.empty() ? "" : name == words.back().first ? " or " : ", ") + std::string(name);
    }
    return util::Problem{"invalid value '" + util::escape(text) + "': use " + names};
  };
}

// TERM, SIGTERM or 15. Only signals that end a process unless it handles them.
Options::Set signal_into(int& into) {
  return [&into](std::string_view text) -> std::optional<util::Problem> {
    constexpr std::array ending{SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGKILL, SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM};
    for (const int signal : ending) {
      const std::string name = sigabbrev_np(signal);
      if (text == name || text == "SIG" + name || text == std::to_string(signal)) {
        into = signal;
        return std::nullopt;
      }
    }
    return util::Problem{"invalid signal '" + util::escape(text) +
                         "': use TERM, INT, HUP, QUIT, USR1, USR2, ABRT, ALRM, PIPE or KILL"};
  };
}

Options::Set forget_into(std::optional<Millis>& into) {
  return [&into](std::string_view text) -> std::optional<util::Problem> {
    if (text == "never") {
      into = Millis(0);
      return std::nullopt;
    }
    return duration_into(into, Millis(1000))(text);
  };
}

Options::Set line_into(std::string& into) {
  return [&into](std::string_view text) -> std::optional<util::Problem> {
    if (text.find_first_not_of(" \t\n") == std::string_view::npos) return util::Problem{"a hook must not be empty"};
    into = text;
    return std::nullopt;
  };
}

// The options that check evaluates, too.
void declare_counting(Options& options, RunOptions& run) {
  run::Plan& plan = run.plan;
  declare_conditions(options, run.args);
  declare_key(options, run.args);
  options.value("--slots", "N", "runs allowed at once, the same for all (1)", number_into(plan.attempt.slots, 1, 1000));
  options.flag("--force", "ignore conditions and pause, never the lease", plan.forced);
  options.value("-E,--skip-code", "N", "exit code when skipped (75)", code_into(plan.skip_code));
}

void declare_others(Options& options, RunOptions& run) {
  run::Plan& plan = run.plan;
  options.value("-w,--wait", "D", "wait up to D, or forever, for conditions and lease (0)", wait_into(plan.wait))
      .environment = {"CONDOLOCK_WAIT"};
  options.flag("-n", "same as --wait 0", run.no_wait);
  options
      .value("--lease", "D", "lease length; renewed while the command runs (60s)",
             duration_into(plan.attempt.lease, Millis(1000)))
      .environment = {"CONDOLOCK_LEASE"};
  options.value("--timeout", "D", "stop the command after D; --wait limits waiting (none)", duration_into(run.timeout))
      .environment = {"CONDOLOCK_TIMEOUT"};
  options.value("-k,--kill-after", "D", "time from TERM to KILL; 0 kills at once (10s)", duration_into(plan.kill_after))
      .environment = {"CONDOLOCK_KILL_AFTER"};
  options.value("--forget-after", "D", "delete the record when unused for D; or never",
                forget_into(plan.attempt.forget_after));
  options.value("-s,--signal", "SIG", "signal that asks the command to end (TERM)", signal_into(plan.stop_signal));
  options.value("--leftovers", "WHAT", "processes of a success: leave, wait or kill (leave)",
                word_into<run::Leftovers>(
                    plan.leftovers,
                    {{"leave", run::Leftovers::leave}, {"wait", run::Leftovers::wait}, {"kill", run::Leftovers::kill}}));
  options.value("--busy-code", "N", "exit code when the lease is held (that of -E)",
                [&plan](std::string_view text) { return code_into(plan.busy_code.emplace())(text); });
  options
      .value("--on-unreachable", "WHAT", "without an answer: fail, run (no lease), skip (fail)",
             word_into<run::OnUnreachable>(
                 plan.on_unreachable,
                 {{"fail", run::OnUnreachable::fail}, {"run", run::OnUnreachable::run}, {"skip", run::OnUnreachable::skip}}))
      .environment = {"CONDOLOCK_ON_UNREACHABLE"};
  options.value("--jitter", "D", "wait a random time up to D first (0)", duration_into(plan.jitter));
  options
      .value("--success-code", "N", "exit code that counts as success, like 0 (repeatable)",
             [&plan](std::string_view text) { return code_into(plan.success_codes.emplace_back())(text); })
      .repeatable = true;
  options.value("--record-timeout", "D", "how long to retry recording the result (30s)", duration_into(plan.record_timeout));
  options.value("--wait-replicas", "N", "replicas that must confirm each step of a run (0)",
                number_into(plan.attempt.replicas, 0, 100));
  options.value("--history", "N", "runs to keep in the history (unchanged; at first 20)", [&plan](std::string_view text) {
    return number_into(plan.attempt.history_limit.emplace(), 0, 10'000)(text);
  });
  options.value("--on-success", "LINE", "run LINE with sh -c after a success", line_into(run.hooks.on_success));
  options.value("--on-failure", "LINE", "run LINE with sh -c after any other end, except a skip",
                line_into(run.hooks.on_failure));
  options.value("--report-fd", "N", "write events to descriptor N, as JSON lines",
                [&run](std::string_view text) { return take_report_fd(text, run.report_fd); });
}

}  // namespace

void declare(Options& options, RunOptions& run, bool for_check) {
  declare_counting(options, run);
  if (for_check) options.hidden_group();
  declare_others(options, run);
}

std::optional<CommandResult> settle(const Options& options, RunOptions& run) {
  const auto wrong = [](std::string text) { return CommandResult{exit_code::usage, std::move(text), ""}; };
  run::Plan& plan = run.plan;
  if (run.no_wait && options.was_given("--wait")) return wrong("-n means --wait 0: use -n or --wait, not both");
  if (run.no_wait) plan.wait = Millis(0);
  plan.attempt.needs = lock::needs_of(run.args.conditions);
  const Millis forget_after = plan.attempt.forget_after.value_or(Millis(0));
  if (const auto conflict = lock::conflict(run.args.conditions, plan.attempt.slots, forget_after))
    return wrong(conflict->text);
  const auto clash = lock::clash(run.args.conditions, lock::RunMode::unleased);
  if (plan.on_unreachable == run::OnUnreachable::run && clash) {
    const bool from_environment = options.source("--on-unreachable") == Options::Source::environment;
    return wrong(lock::cannot_be_combined(
        *clash, from_environment ? "CONDOLOCK_ON_UNREACHABLE=run" : options.named("--on-unreachable") + " run"));
  }
  return std::nullopt;
}

}  // namespace condolock::cli
