#include "cli/output/run_report.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "cli/output/json.hpp"
#include "util/fd.hpp"

using namespace condolock;

namespace {

const engine::Failure refused_connection{engine::Fault::unreachable, false, false, "refused"};

struct Report {
  Report() {
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_NONBLOCK) == 0);
    reader = util::Fd(ends[0]);
    writer = util::Fd(ends[1]);
  }

  std::string read_all() const {
    std::array<char, 8192> buffer{};
    std::string out;
    for (ssize_t length = 0; (length = read(reader.get(), buffer.data(), buffer.size())) > 0;) {
      out.append(buffer.data(), static_cast<std::size_t>(length));
    }
    return out;
  }

  // The line of a report, from "event" on; "" if it has none.
  std::string line(const run::Report& report) const {
    cli::RunReport lines(writer.get(), "k", "id", conditions);
    lines.write(report);
    return from_event(read_all());
  }

  static std::string from_event(const std::string& text) {
    const std::size_t at = text.find("\"event\":");
    if (at == std::string::npos) return text;
    CHECK(text.back() == '\n');
    return text.substr(at, text.size() - at - 2);  // without the bracket and the line feed
  }

  util::Fd reader;
  util::Fd writer;
  std::vector<lock::Condition> conditions{lock::MinTime{Millis(300'000), From::end}, lock::After{"other"}};
};

std::string problem_with(std::string_view text) {
  std::optional<int> into;
  const auto problem = cli::take_report_fd(text, into);
  CHECK_FALSE(into);
  return problem ? problem->text : "none";
}

}  // namespace

TEST_CASE_FIXTURE(Report, "run report: each line has the schema, a time, the key and the run") {
  cli::RunReport lines(writer.get(), "k\xff", "id", conditions);
  lines.write(run::report::Started{42});
  lines.exit(3);
  const std::string text = read_all();
  const std::size_t end = text.find('\n') + 1;
  cli::Json first = cli::Json::parse(text.substr(0, end));
  cli::Json second = cli::Json::parse(text.substr(end));
  CHECK(first["at"]["ms"].get<std::int64_t>() > 1'700'000'000'000);
  CHECK(first["at"] == cli::time_json(first["at"]["ms"].get<std::int64_t>()));
  first.erase("at");
  second.erase("at");
  CHECK(first.dump() == "{\"schema\":1,\"key\":\"k\xef\xbf\xbd\",\"run_id\":\"id\",\"event\":\"started\",\"pid\":42}");
  CHECK(second.dump() == "{\"schema\":1,\"key\":\"k\xef\xbf\xbd\",\"run_id\":\"id\",\"event\":\"exit\",\"exit_code\":3}");
}

TEST_CASE_FIXTURE(Report, "run report: each decision has its line") {
  CHECK(line(run::report::Granted{{17, 1000, {}}}) ==
        R"("event":"decision","decision":"granted","fence":17,"start":{"ms":1000,"rfc3339":"1970-01-01T00:00:01.000Z"},)"
        R"("last_success":null)");
  CHECK(line(run::report::Refused{lock::Held{"4121 web1", Millis(5000), Millis(1000), 2, 3}}) ==
        R"("event":"decision","decision":"busy","waiting":false,"holder":{"host":"web1","pid":4121},"held_ms":5000,)"
        R"("left_ms":1000,"live":2,"slots":3)");
  CHECK(
      line(run::report::Waiting{lock::Paused{Millis(5000), "why"}}) ==
      R"("event":"decision","decision":"paused","waiting":true,"left_ms":5000,"reason":"why","operator":null,"all":false)");
  CHECK(
      line(run::report::Refused{lock::Paused{std::nullopt, "", "alice@web1", std::nullopt, true}}) ==
      R"("event":"decision","decision":"paused","waiting":false,"left_ms":null,"reason":"","operator":"alice@web1","all":true)");
  CHECK(line(run::report::Refused{lock::Skipped{0, {"early", Millis(130'000), Millis(170'000)}}}) ==
        R"("event":"decision","decision":"skipped","waiting":false,"condition":"min-time","name":null,"why":"early",)"
        R"x("since_ms":130000,"due_ms":170000,"text":"last success 2m10s ago, needs 5m (due in 2m50s)")x");
  CHECK(line(run::report::Refused{lock::Skipped{1, {"never", {}, {}}}}) ==
        R"("event":"decision","decision":"skipped","waiting":false,"condition":"after","name":"other","why":"never",)"
        R"("since_ms":null,"due_ms":null,"text":"other has not succeeded yet")");
  CHECK(line(run::report::CalledOff{15}) == R"("event":"decision","decision":"signalled","signal":15)");
}

TEST_CASE_FIXTURE(Report, "run report: failures before the start have a line") {
  CHECK(line(run::report::AskingAgain{refused_connection, Millis(1), true}) ==
        R"("event":"decision","decision":"asking_again","waiting":true,"fault":"unreachable","text":"refused")");
  CHECK(line(run::report::NoGrant{refused_connection}) ==
        R"("event":"decision","decision":"failed","fault":"unreachable","text":"refused")");
  CHECK(line(run::report::SkippedUnreachable{refused_connection}) ==
        R"("event":"decision","decision":"unreachable","fault":"unreachable","text":"refused")");
  CHECK(line(run::report::Unleased{refused_connection}) ==
        R"("event":"decision","decision":"unleased","fault":"unreachable","text":"refused")");
  CHECK(line(run::report::NotStarted{127, "No such file or directory"}) ==
        R"("event":"finished","exit_code":127,"outcome":"not_started","text":"No such file or directory")");
}

TEST_CASE_FIXTURE(Report, "run report: each fault has its word") {
  using engine::Fault;
  for (const auto& [fault, word] : std::vector<std::pair<Fault, std::string>>{{Fault::unreachable, "unreachable"},
                                                                              {Fault::not_primary, "not_primary"},
                                                                              {Fault::write_refused, "write_refused"},
                                                                              {Fault::denied, "denied"},
                                                                              {Fault::misconfigured, "misconfigured"},
                                                                              {Fault::malformed, "malformed"},
                                                                              {Fault::unexpected, "unexpected"}}) {
    CHECK(line(run::report::NoGrant{{fault, false, false, "x"}}).find("\"fault\":\"" + word + "\"") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(Report, "run report: events of a running command have a line") {
  using Why = run::report::Stopping::Why;
  CHECK(line(run::report::Renewed{true}) == R"("event":"renewed","reasserted":false)");
  CHECK(line(run::report::Reasserted{}) == R"("event":"renewed","reasserted":true)");
  CHECK(line(run::report::Stopping{Why::lost}) == R"("event":"lost","why":"taken","operator":null)");
  CHECK(line(run::report::Stopping{Why::revoked, "alice@web1"}) ==
        R"("event":"lost","why":"revoked","operator":"alice@web1")");
  CHECK(line(run::report::Stopping{Why::not_renewed}) == R"("event":"lost","why":"not_renewed","operator":null)");
  CHECK(line(run::report::Stopping{Why::timeout}).empty());
  CHECK(line(run::report::RenewalFailed{refused_connection, Millis(1)}).empty());
}

TEST_CASE_FIXTURE(Report, "run report: the end has a line, and says whether it was recorded") {
  CHECK(line(run::report::Ended{137, lock::Outcome::timeout}) ==
        R"("event":"finished","exit_code":137,"outcome":"timeout","text":null)");
  CHECK(line(run::report::Recorded{}) == R"("event":"recorded","recorded":true,"superseded":false,"text":null)");
  CHECK(line(run::report::Superseded{true}) == R"("event":"recorded","recorded":true,"superseded":true,"text":null)");
  CHECK(line(run::report::NotRecorded{refused_connection, true}) ==
        R"("event":"recorded","recorded":false,"superseded":false,"text":"refused")");
}

TEST_CASE_FIXTURE(Report, "run report: the descriptor is close-on-exec") {
  CHECK((fcntl(writer.get(), F_GETFD) & FD_CLOEXEC) == 0);
  const cli::RunReport lines(writer.get(), "k", "id", conditions);
  CHECK((fcntl(writer.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE_FIXTURE(Report, "run report: a full pipe delays nothing, and the next line begins on its own") {
  cli::RunReport lines(writer.get(), "k", "id", conditions);
  while (write(writer.get(), "#", 1) == 1) {
  }
  lines.write(run::report::Started{1});
  CHECK(read_all().find("started") == std::string::npos);
  lines.write(run::report::Started{2});
  lines.exit(0);
  const std::string text = read_all();
  CHECK(text.front() == '\n');
  CHECK(text.find("\"pid\":2}\n{") != std::string::npos);  // only the first line after the loss is separated
}

TEST_CASE_FIXTURE(Report, "run report: without a descriptor nothing is written") {
  cli::RunReport lines(std::nullopt, "k", "id", conditions);
  lines.write(run::report::Started{1});
  lines.exit(0);
  CHECK(read_all().empty());
}

TEST_CASE_FIXTURE(Report, "take_report_fd: accepts a descriptor of the caller that is open for writing") {
  std::optional<int> into;
  CHECK_FALSE(cli::take_report_fd(std::to_string(writer.get()), into));
  CHECK(into == writer.get());

  CHECK(problem_with("x\n").starts_with("invalid descriptor 'x\\x0a'"));
  CHECK(problem_with("2").starts_with("invalid descriptor '2'"));
  CHECK(problem_with("-1").starts_with("invalid descriptor '-1'"));
  CHECK(problem_with("1000000") == "descriptor 1000000 is not open: write --report-fd 1000000 ... 1000000>file");
  CHECK(problem_with(std::to_string(reader.get())) ==
        "descriptor " + std::to_string(reader.get()) + " is open for reading only");
  fcntl(writer.get(), F_SETFD, FD_CLOEXEC);
  CHECK(problem_with(std::to_string(writer.get()))
            .ends_with(" is not open: write --report-fd " + std::to_string(writer.get()) + " ... " +
                       std::to_string(writer.get()) + ">file"));
}
