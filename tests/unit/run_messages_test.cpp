#include "cli/output/run_messages.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include "cli/output/command_result.hpp"
#include "support/captured_descriptor.hpp"
#include "support/chosen_color.hpp"
#include "support/scoped_variable.hpp"

using namespace condolock;
using engine::Failure;
using engine::Fault;
using support::CapturedDescriptor;
using support::ScopedVariable;

namespace {

const Failure no_route{Fault::unreachable, false, false, "no route"};

enum class Level : std::uint8_t { quiet, usual, verbose };

struct Printed {
  std::int64_t slots = 1;
  std::vector<lock::Condition> conditions{lock::MinTime{Millis(300'000), From::end}};

  // The text that a report prints on stderr.
  std::string printed(const run::Report& report, Level level = Level::verbose) const {
    const ScopedVariable no_ci("CI", std::nullopt);
    const CapturedDescriptor err(STDERR_FILENO);
    const cli::Console console(level == Level::quiet, level == Level::verbose);
    cli::print_message({console, "k\n", "ls -la\n", conditions, slots, Millis(90'000)}, report);
    return err.text();
  }
  std::string refused(const lock::Decision& decision) const { return printed(run::report::Refused{decision}); }
};

// The levels at which it is printed: q, u and v.
std::string levels(const run::Report& report) {
  std::string out;
  if (!Printed{}.printed(report, Level::quiet).empty()) out += "q";
  if (!Printed{}.printed(report, Level::usual).empty()) out += "u";
  if (!Printed{}.printed(report, Level::verbose).empty()) out += "v";
  return out;
}

}  // namespace

TEST_CASE("describe: only a missing password gets a hint") {
  const ScopedVariable not_nested("CONDOLOCK_RUN_ID", std::nullopt);
  const std::string hint = " (set password-file in /etc/condolock/config.toml)";
  const Failure missing{Fault::denied, false, false, "NOAUTH Authentication required."};
  CHECK(cli::describe(missing) == "NOAUTH Authentication required." + hint);
  const Failure old{Fault::denied, false, false, "ERR unauthenticated bulk length"};
  CHECK(cli::describe(old) == "ERR unauthenticated bulk length" + hint);
  CHECK(cli::describe({Fault::denied, false, false, "WRONGPASS"}) == "WRONGPASS");
  CHECK(cli::describe({Fault::unexpected, false, false, "NOAUTH"}) == "NOAUTH");
}

TEST_CASE("describe: if no server was named and none answers, the hint says how to name one") {
  const Failure refused{Fault::unreachable, false, false, "cannot connect to 127.0.0.1:6379: Connection refused"};
  CHECK(cli::describe(refused) == refused.text);
  cli::set_server_was_named(false);
  CHECK(cli::describe(refused) ==
        refused.text +
            " (name a server with --url, CONDOLOCK_URL or the config file; --url file: needs none on a single machine)");
  CHECK(cli::describe({Fault::unreachable, false, false, "no answer"}) == "no answer");
  CHECK(cli::describe({Fault::local, false, false, "cannot connect to x"}) == "cannot connect to x");
  cli::set_server_was_named(true);
}

TEST_CASE("describe: inside a run, a missing password was removed by condolock") {
  const ScopedVariable nested("CONDOLOCK_RUN_ID", "x");
  const std::string hint =
      " (passwords are removed from a command's environment: set password-file in /etc/condolock/config.toml)";
  CHECK(cli::describe({Fault::denied, false, false, "NOAUTH"}) == "NOAUTH" + hint);
  CHECK(cli::describe({Fault::denied, false, false, "WRONGPASS (no password was given)"}) ==
        "WRONGPASS (no password was given)" + hint);
  CHECK(cli::describe({Fault::denied, false, false, "WRONGPASS"}) == "WRONGPASS");
}

TEST_CASE("result_of: the exit code of each fault") {
  for (const auto& [fault, code] : std::vector<std::pair<Fault, int>>{{Fault::unreachable, 69},
                                                                      {Fault::not_primary, 69},
                                                                      {Fault::write_refused, 69},
                                                                      {Fault::denied, 77},
                                                                      {Fault::misconfigured, 78},
                                                                      {Fault::malformed, 65},
                                                                      {Fault::unexpected, 76}}) {
    const cli::CommandResult result = cli::result_of({fault, false, false, "text"});
    CHECK(result.exit_code == code);
    CHECK(result.error == "text");
    CHECK(result.output.empty());
  }
  CHECK(cli::result_of({Fault::denied, false, false, "NOAUTH"}).error ==
        cli::describe({Fault::denied, false, false, "NOAUTH"}));
}

TEST_CASE_FIXTURE(Printed, "run messages: a grant is printed with its fence") {
  CHECK(printed(run::report::Granted{{17, 1000, {}}}) == "condolock: running k\\x0a (fence 17)\n");
}

TEST_CASE_FIXTURE(Printed, "run messages: a refusal names the holder of the lease") {
  CHECK(refused(lock::Held{"4121 web1", Millis(5000), Millis(1000), 1, 1}) ==
        "condolock: skipped k\\x0a: held by web1 (pid 4121) for 5s\n");
  CHECK(refused(lock::Held{"4121 web1", Millis(5000), Millis(1000), 2, 2}) ==
        "condolock: skipped k\\x0a: held by web1 (pid 4121) for 5s with --slots 2, but this run has --slots 1\n");
  slots = 2;
  CHECK(refused(lock::Held{"4121 web1", Millis(5000), Millis(1000), 2, 2}) ==
        "condolock: skipped k\\x0a: all 2 slots are held by web1 (pid 4121) for 5s, and by others\n");
}

TEST_CASE_FIXTURE(Printed, "run messages: a refusal by a pause gives its end and reason") {
  CHECK(refused(lock::Paused{std::nullopt, ""}) == "condolock: skipped k\\x0a: paused until it is resumed\n");
  CHECK(refused(lock::Paused{std::nullopt, "", "alice@web1", Millis(5000), true}) ==
        "condolock: skipped k\\x0a: all keys paused by alice@web1 5s ago until condolock resume --all\n");
  CHECK(refused(lock::Paused{Millis(60'500), "up\x1b"}) == "condolock: skipped k\\x0a: paused for 1m1s: up\\x1b\n");
}

TEST_CASE_FIXTURE(Printed, "run messages: a refusal names the condition at the position in the answer") {
  conditions.insert(conditions.begin(), lock::After{"other"});
  CHECK(refused(lock::Skipped{1, {"early", Millis(130'000), Millis(170'000)}}) ==
        "condolock: skipped k\\x0a: last success 2m10s ago, needs 5m (due in 2m50s)\n");
  CHECK(refused(lock::Skipped{0, {"never", {}, {}}}) == "condolock: skipped k\\x0a: other has not succeeded yet\n");
}

TEST_CASE_FIXTURE(Printed, "run messages: a lease held by an ancestor is an error, printed on every level") {
  const run::report::Refused refused{lock::Held{"4121 web1", Millis(41'000), Millis(9000), 1, 1}, true};
  CHECK(printed(refused) ==
        "condolock: error: k\\x0a was not run: a wait would never end, since an ancestor of this process holds its lease: "
        "held by web1 (pid 4121) for 41s\n");
  CHECK(levels(refused) == "quv");
  conditions = {lock::NotRunning{"other"}};
  CHECK(printed(run::report::Refused{lock::Skipped{0, {"running", Millis(41'000), {}}, "4121 web1"}, true}) ==
        "condolock: error: k\\x0a was not run: a wait would never end, since the run to wait for is an ancestor of this "
        "process: other has been running for 41s\n");
}

TEST_CASE_FIXTURE(Printed, "run messages: a wait is printed with its reason") {
  CHECK(printed(run::report::Waiting{lock::Paused{std::nullopt, ""}}) ==
        "condolock: waiting for k\\x0a: paused until it is resumed\n");
}

TEST_CASE_FIXTURE(Printed, "run messages: no answer, and an error instead of an answer, are printed") {
  CHECK(printed(run::report::AskingAgain{no_route, Millis(570'000), true}) ==
        "condolock: warning: k\\x0a is waiting, and retries for another 9m30s: no route\n");
  CHECK(printed(run::report::AskingAgain{no_route, {}, false}) ==
        "condolock: k\\x0a is waiting, and retries without limit: no route\n");
  CHECK(printed(run::report::NoGrant{no_route}) == "condolock: error: k\\x0a was not run: no route\n");
  CHECK(printed(run::report::SkippedUnreachable{no_route}) == "condolock: skipped k\\x0a: no route\n");
  CHECK(printed(run::report::Unleased{no_route}) == "condolock: warning: running k\\x0a without a lease: no route\n");
}

TEST_CASE_FIXTURE(Printed, "run messages: a command that could not be started is an error") {
  CHECK(printed(run::report::NotStarted{127, "not found in PATH"}) ==
        "condolock: error: k\\x0a: cannot run 'ls -la\\x0a': not found in PATH\n");
}

TEST_CASE_FIXTURE(Printed, "run messages: renewals are printed when they fail, recover or reassert the lease") {
  CHECK(
      printed(run::report::RenewalFailed{no_route, Millis(47'000)}) ==
      "condolock: warning: cannot renew the lease of k\\x0a: no route; its command will be stopped in 47s unless a renewal "
      "succeeds\n");
  CHECK(printed(run::report::Renewed{true}) == "condolock: the lease of k\\x0a is renewed again\n");
  CHECK(printed(run::report::Renewed{false}).empty());
  CHECK(printed(run::report::Reasserted{}) ==
        "condolock: warning: the server lost the lease of k\\x0a; it was acquired again, and no other run took place in "
        "between\n");
}

TEST_CASE_FIXTURE(Printed, "run messages: a stopped command is printed with the reason") {
  using Why = run::report::Stopping::Why;
  CHECK(printed(run::report::Stopping{Why::lost}) ==
        "condolock: error: k\\x0a lost its lease to another run or an operator; its command is being stopped\n");
  CHECK(printed(run::report::Stopping{Why::revoked, "alice@web1\x1b"}) ==
        "condolock: error: alice@web1\\x1b revoked the lease of k\\x0a; its command is being stopped\n");
  CHECK(printed(run::report::Stopping{Why::revoked}) ==
        "condolock: error: an operator revoked the lease of k\\x0a; its command is being stopped\n");
  CHECK(printed(run::report::Stopping{Why::not_renewed}) ==
        "condolock: error: the lease of k\\x0a could not be renewed in time; its command is being stopped\n");
  CHECK(printed(run::report::Stopping{Why::timeout}) ==
        "condolock: error: k\\x0a ran longer than --timeout 1m30s; its command is being stopped\n");
}

TEST_CASE_FIXTURE(Printed, "run messages: an end that was not recorded is an error after a success, else a warning") {
  CHECK(printed(run::report::NotRecorded{no_route, true}) ==
        "condolock: error: k\\x0a succeeded, but this was not recorded, so it may run again: no route\n");
  CHECK(printed(run::report::NotRecorded{no_route, false}) ==
        "condolock: warning: the result of k\\x0a was not recorded: no route\n");
  CHECK(printed(run::report::Superseded{true}) ==
        "condolock: error: k\\x0a succeeded, but its lease was revoked or went to a later run: not recorded as its "
        "last success\n");
  CHECK(printed(run::report::Superseded{false}) ==
        "condolock: warning: the lease of k\\x0a was revoked or went to a later run; the result of this run is only in the "
        "history\n");
}

TEST_CASE_FIXTURE(Printed, "run messages: the outcome has the command's own exit code and its duration") {
  using lock::Outcome;
  CHECK(printed(run::report::Ended{0, Outcome::success, Millis(1000)}) == "condolock: k\\x0a succeeded after 1s\n");
  CHECK(printed(run::report::Ended{3, Outcome::success, Millis(80)}) ==
        "condolock: k\\x0a succeeded (exit code 3) after 80ms\n");
  CHECK(printed(run::report::Ended{4, Outcome::failed, Millis(61'000)}) ==
        "condolock: k\\x0a failed (exit code 4) after 1m1s\n");
  for (const Outcome outcome : {Outcome::timeout, Outcome::lost}) {
    CHECK(printed(run::report::Ended{143, outcome, Millis(1500)}) == "condolock: k\\x0a was stopped after 1.5s\n");
  }
  CHECK(levels(run::report::Ended{}) == "v");
}

TEST_CASE_FIXTURE(Printed, "run messages: events that the user sees anyway print nothing") {
  for (const run::Report& report :
       std::vector<run::Report>{run::report::CalledOff{15}, run::report::Started{1}, run::report::Recorded{}}) {
    CHECK(printed(report).empty());
  }
}

TEST_CASE("run messages: errors are always printed, warnings unless quiet, decisions and details only with -v") {
  CHECK(levels(run::report::AskingAgain{no_route, {}, true}) == "uv");
  CHECK(levels(run::report::AskingAgain{no_route, {}, false}) == "v");
  CHECK(levels(run::report::NoGrant{no_route}) == "quv");
  CHECK(levels(run::report::Unleased{no_route}) == "uv");
  CHECK(levels(run::report::Granted{}) == "v");
  CHECK(levels(run::report::RenewalFailed{no_route, {}}) == "uv");
}

TEST_CASE("console: CI makes decisions visible, unless quiet; details stay hidden") {
  const ScopedVariable ci("CI", "true");
  const CapturedDescriptor err(STDERR_FILENO);
  cli::Console(false, false).decision("d");
  cli::Console(false, false).detail("x");
  cli::Console(true, false).decision("q");
  cli::Console(true, true).detail("qv");
  CHECK(err.text() == "condolock: d\n");
}

TEST_CASE("console: messages have colours") {
  const support::ChosenColor always(cli::Color::always);
  const CapturedDescriptor err(STDERR_FILENO);
  const cli::Console console(false, true);
  console.error("e");
  console.warning("w");
  console.decision("d");
  CHECK(err.text() == "condolock: \x1b[31merror: \x1b[0me\ncondolock: \x1b[31mwarning: \x1b[0mw\ncondolock: d\n");
}
