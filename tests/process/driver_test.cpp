// The loop with a real command, real signals and the embedded engine over memory.
#include "run/driver.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>

#include "engine/ask.hpp"
#include "engine/embedded/embedded_engine.hpp"
#include "engine/embedded/memory_store.hpp"
#include "lock/record.hpp"
#include "process/processes.hpp"

using namespace condolock;
using engine::embedded::EmbeddedEngine;

namespace {

std::string name_of(const run::Report& report) {
  constexpr std::array<const char*, std::variant_size_v<run::Report>> names{
      "granted",    "refused",     "waiting",      "asking again",   "no grant",    "skipped unreachable", "unleased",
      "called off", "not started", "started",      "renewal failed", "renewed",     "reasserted",          "stopping",
      "ended",      "recorded",    "not recorded", "superseded",     "keeper gone", "not permitted",       "leftovers"};
  return names.at(report.index());
}

class Driving {
 public:
  run::Plan plan;
  std::function<void(const run::Report&)> on_report = [](const run::Report&) {};
  std::string reports;  // "granted; started; "
  std::vector<run::report::Ended> ended;
  support::Fifo out;
  support::Gate gate;    // a process that reads from it ends with the test at the latest
  int environments = 0;  // how often the command's environment was made

  Driving() {
    plan.attempt.job = {"ns", "k"};
    plan.attempt.who = "1 here";
    plan.attempt.lease = Millis(60'000);
    plan.seed = 7;
    support::pending(support::signals());
  }

  int drive(const std::vector<std::string>& argv) { return drive(plan, argv, reports, on_report); }
  // A shell script whose output is `out`.
  int drive(const std::string& script) { return drive(shell(script)); }

  // Runs another run on the same records.
  int drive_another(run::Plan other, const std::string& script, std::string& other_reports) {
    return drive(std::move(other), shell(script), other_reports, [](const run::Report&) {});
  }

  // Waits until the command writes, then calls `what`.
  void once_ready(const std::function<void()>& what) {
    on_report = [this, what](const run::Report& report) {
      if (!std::holds_alternative<run::report::Started>(report)) return;
      CHECK(out.lines().line() == "ready");
      what();
    };
  }

  lock::Record record() {
    EmbeddedEngine own(store_, EmbeddedEngine::wall_clock);
    const auto reply = engine::ask(own, lock::records_call("ns", {"k"}), Millis(20'000));
    const auto records = lock::decode_records(reply, 1);
    REQUIRE(records);
    REQUIRE(records->at(0));
    return *records->at(0);
  }

  void revoke() {
    EmbeddedEngine own(store_, EmbeddedEngine::wall_clock);
    REQUIRE(engine::ask(own, lock::unlock_call(plan.attempt.job, true), Millis(20'000)).answer);
  }

 private:
  std::vector<std::string> shell(const std::string& script) const {
    return {"sh", "-c", "exec >" + out.path() + "; " + script};
  }

  int drive(run::Plan what, const std::vector<std::string>& argv, std::string& into,
            const std::function<void(const run::Report&)>& also) {
    EmbeddedEngine own(store_, EmbeddedEngine::wall_clock);
    what.attempt.token = "token " + std::to_string(++runs_);  // one token serves one run
    run::Run machine(std::move(what));
    const run::GuardedCommand command{argv, [&](const lock::Grant& grant) {
                                        ++environments;
                                        return std::vector<std::string>{"PATH=/usr/bin:/bin", "GATE=" + gate.path(),
                                                                        "FENCE=" + std::to_string(grant.fence)};
                                      }};
    return run::drive(machine, own, support::signals(), command, [&](const run::Report& report) {
      into += name_of(report) + "; ";
      if (const auto* end = std::get_if<run::report::Ended>(&report)) ended.push_back(*end);
      also(report);
    });
  }

  engine::embedded::MemoryStore store_;
  int runs_ = 0;
};

}  // namespace

TEST_CASE_FIXTURE(Driving, "drive: a success is recorded, and the reports come in order") {
  CHECK(drive("echo $FENCE") == 0);
  CHECK(reports == "granted; started; ended; recorded; ");
  const lock::Record after = record();
  CHECK(out.lines().rest() == std::to_string(after.fence.value_or(0)) + "\n");
  CHECK(after.fence > 0);
  CHECK(after.outcome == "success");
  CHECK(after.code == 0);
  CHECK(after.runs == 1);
  CHECK(after.failures == 0);
  CHECK(after.holders.empty());
}

TEST_CASE_FIXTURE(Driving, "drive: a failed command gives its exit code, and its failure is recorded") {
  CHECK(drive("exit 3") == 3);
  CHECK(reports == "granted; started; ended; recorded; ");
  const lock::Record after = record();
  CHECK(after.outcome == "failed");
  CHECK(after.code == 3);
  CHECK(after.failures == 1);
  CHECK(after.holders.empty());
}

TEST_CASE_FIXTURE(Driving, "drive: a command that a signal ended gives 128+N") {
  CHECK(drive("kill -KILL $$") == 128 + SIGKILL);
  CHECK(record().code == 128 + SIGKILL);
}

TEST_CASE_FIXTURE(Driving, "drive: the lease is held while the command is alive, and processes that it leaves go on") {
  once_ready([&] {
    CHECK(record().live() == 1);
    gate.open();
  });
  CHECK(drive("echo ready; read line <$GATE; (read line <$GATE; echo alive) & exit 0") == 0);
  gate.open();
  CHECK(out.lines().line() == "alive");
}

TEST_CASE_FIXTURE(Driving, "drive: a command that ignores TERM at its timeout is killed after --kill-after") {
  plan.timeout = Millis(2000);
  plan.kill_after = Millis(1);
  once_ready([] {});
  CHECK(drive("trap '' TERM; echo ready; read line <$GATE") == 124);
  CHECK(reports == "granted; started; stopping; ended; recorded; ");
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].code == 128 + SIGKILL);
  CHECK(record().outcome == "timeout");
  CHECK(out.lines().rest().empty());
}

TEST_CASE_FIXTURE(Driving,
                  "drive: at its timeout a command has time to end after TERM, and processes that it leaves are killed") {
  plan.timeout = Millis(2000);
  plan.kill_after = Millis(3000);
  once_ready([] {});
  CHECK(drive("trap 'exit 7' TERM; (trap '' TERM; echo ready; read line <$GATE) & wait") == 124);
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].code == 7);
  CHECK(out.lines().rest().empty());
}

TEST_CASE_FIXTURE(Driving, "drive: TERM before the grant calls the run off") {
  kill(getpid(), SIGTERM);
  CHECK(drive("exit 0") == 128 + SIGTERM);
  CHECK(reports == "called off; ");
  CHECK(environments == 0);
  CHECK(record().holders.empty());
}

TEST_CASE_FIXTURE(Driving, "drive: TERM between the grant and the command calls the run off and releases the lease") {
  on_report = [](const run::Report& report) {
    if (std::holds_alternative<run::report::Granted>(report)) kill(getpid(), SIGTERM);
  };
  CHECK(drive("exit 0") == 128 + SIGTERM);
  CHECK(reports == "granted; called off; ");
  CHECK(environments == 0);
  CHECK(record().holders.empty());
}

TEST_CASE_FIXTURE(Driving, "drive: a changed window and CONT before the command do not call the run off") {
  kill(getpid(), SIGWINCH);
  kill(getpid(), SIGCONT);
  CHECK(drive("exit 0") == 0);
  CHECK(reports == "granted; started; ended; recorded; ");
}

TEST_CASE_FIXTURE(Driving, "drive: a signal is forwarded to the command, whose reaction counts") {
  once_ready([] { kill(getpid(), SIGUSR1); });
  CHECK(drive("trap 'echo USR1; exit 5' USR1; (trap '' USR1; exec <$GATE; echo ready; read line) & wait") == 5);
  CHECK(out.lines().line() == "USR1");
  CHECK(reports == "granted; started; ended; recorded; ");
}

TEST_CASE_FIXTURE(Driving, "drive: TERM is forwarded, too, and ends the run with the command") {
  once_ready([] { kill(getpid(), SIGTERM); });
  CHECK(drive("echo ready; read line <$GATE") == 128 + SIGTERM);
  CHECK(record().code == 128 + SIGTERM);
}

TEST_CASE_FIXTURE(Driving, "drive: a command that cannot be found or executed releases the lease") {
  CHECK(drive(std::vector<std::string>{"condolock-no-such-command"}) == 127);
  CHECK(reports == "granted; not started; ");
  CHECK(record().holders.empty());
  CHECK(record().runs == 0);
  reports.clear();
  CHECK(drive(std::vector<std::string>{"/"}) == 126);
  CHECK(reports == "granted; not started; ");
  CHECK(record().holders.empty());
}

TEST_CASE_FIXTURE(Driving, "drive: a second run is refused while the first holds the lease") {
  run::Plan other = plan;
  other.skip_code = 9;
  std::string other_reports;
  once_ready([&] {
    CHECK(drive_another(other, "exit 0", other_reports) == 9);
    other.busy_code = 10;
    CHECK(drive_another(other, "exit 0", other_reports) == 10);
    gate.open();
  });
  CHECK(drive("echo ready; read line <$GATE") == 0);
  CHECK(other_reports == "refused; refused; ");
  CHECK(environments == 1);
  CHECK(drive_another(other, "exit 0", other_reports) == 0);
}

TEST_CASE_FIXTURE(Driving, "drive: the lease is renewed while the command is alive") {
  plan.attempt.lease = Millis(12'000);
  on_report = [&](const run::Report& report) {
    if (std::holds_alternative<run::report::Renewed>(report)) gate.open();
  };
  CHECK(drive("read line <$GATE") == 0);
  CHECK(reports == "granted; started; renewed; ended; recorded; ");
}

TEST_CASE_FIXTURE(Driving, "drive: a command whose lease is lost is stopped") {
  plan.attempt.lease = Millis(12'000);  // enough time for a slow machine to renew before it ends
  on_report = [&](const run::Report& report) {
    if (std::holds_alternative<run::report::Started>(report)) revoke();
    const auto* stopping = std::get_if<run::report::Stopping>(&report);
    if (stopping != nullptr) CHECK(stopping->why == run::report::Stopping::Why::revoked);
  };
  CHECK(drive("read line <$GATE") == 79);
  CHECK(reports.starts_with("granted; started; stopping; ended; "));
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].outcome == lock::Outcome::lost);
  CHECK(out.lines().rest().empty());
}
