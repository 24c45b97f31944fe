// Where CLI11's own rules differ from condolock's.
#include "cli/args/options.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <vector>

using condolock::Millis;
using condolock::util::Problem;
using namespace condolock::cli;
using Words = std::vector<std::string>;

namespace {

struct Fixture {
  Millis duration{};
  int code = -1;
  std::string text;
  bool flag = false;
  Words many;
  Words operands;
  Options options{"test"};

  Fixture() {
    options.value("-d,--duration", "D", "", duration_into(duration)).environment = {"TEST_FIRST", "TEST_SECOND"};
    options.value("--code", "N", "", code_into(code));
    options.value("--text", "T", "", text_into(text));
    options.flag("-f,--flag", "", flag).environment = {"TEST_FLAG"};
    options
        .value("--many", "M", "",
               [this](std::string_view each) -> std::optional<condolock::util::Problem> {
                 many.emplace_back(each);
                 return std::nullopt;
               })
        .repeatable = true;
  }

  std::string error(const Words& words, int exit_code = 64) {
    auto result = options.parse(words, operands);
    if (!result) result = options.read_environment();
    REQUIRE(result);
    CHECK(result->exit_code == exit_code);
    return result->error;
  }
  void parse(const Words& words) {
    auto result = options.parse(words, operands);
    if (!result) result = options.read_environment();
    if (result) FAIL(result->error);
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "operands are never rewritten") {
  parse({"[0-9]", "--text", "[a,b]", "{x}", "--many", "[1,2]", "a,b", "*", "-"});
  CHECK(operands == Words{"[0-9]", "{x}", "a,b", "*", "-"});
  CHECK(text == "[a,b]");
  CHECK(many == Words{"[1,2]"});
}

TEST_CASE_FIXTURE(Fixture, "a repeatable option takes one value each time") {
  parse({"--many", "a", "b", "--many", "c", "--many=d=e"});
  CHECK(many == Words{"a", "c", "d=e"});
  CHECK(operands == Words{"b"});
}

TEST_CASE_FIXTURE(Fixture, "numbers are decimal") {
  parse({"--code", "010"});
  CHECK(code == 10);
  for (const char* wrong : {"0x10", "256", "-1", "1e2", "", "75 ", "1'0"}) {
    Fixture fresh;
    CAPTURE(wrong);
    CHECK(fresh.error({"--code=" + std::string(wrong)}).find("--code") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(Fixture, "one option can be written in all usual ways") {
  parse({"-d5m", "-f"});
  CHECK(duration == Millis(300'000));
  CHECK(flag);
  Fixture other;
  other.parse({"--duration=5m", "--flag"});
  CHECK(other.duration == Millis(300'000));
  Fixture cluster;
  cluster.parse({"-fd", "5m"});
  CHECK(cluster.flag);
  CHECK(cluster.duration == Millis(300'000));
}

TEST_CASE_FIXTURE(Fixture, "a negative number is taken as the option's value, and then refused") {
  CHECK(error({"--duration", "-1"}).find("--duration: invalid duration '-1': it must not have a sign") == 0);
}

TEST_CASE("errors name the option and where to look") {
  CHECK(Fixture().error({"--nope"}) == "unknown option --nope; see condolock test --help");
  CHECK(Fixture().error({"--code", "1", "--code", "2"}).find("--code can be given only once") == 0);
  CHECK(Fixture().error({"--code"}).find("--code") != std::string::npos);
  CHECK(Fixture().error({"x", "\x1b[1m", "--\x1b"}).find('\x1b') == std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "an empty value is a value, and text that only looks like an option's value is not split") {
  parse({"--text=", "--many", "--because=", "--many", "--many=\x1f", "--many=\x1f", "a\x1f", "--many", "\x1f"});
  CHECK(text.empty());
  CHECK(options.was_given("--text"));
  CHECK(many == Words{"--because=", "--many=\x1f", "\x1f", "\x1f"});
  CHECK(operands == Words{"a\x1f"});
}

TEST_CASE("a flag takes no value") {
  for (const char* wrong : {"--flag=false", "--flag=", "--flag=1", "--flag=x=y"}) {
    CAPTURE(wrong);
    CHECK(Fixture().error({wrong}) == "--flag takes no value; see condolock test --help");
  }
}

TEST_CASE("a flag's variable accepts yes and no in all their forms") {
  for (const auto& [text, set] : std::vector<std::pair<const char*, bool>>{
           {"1", true}, {"true", true}, {"yes", true}, {"on", true}, {"0", false}, {"false", false}, {"", false}}) {
    const std::string value = text;
    CAPTURE(value);
    setenv("TEST_FLAG", text, 1);
    Fixture fixture;
    fixture.parse({});
    CHECK(fixture.flag == set);
  }
  setenv("TEST_FLAG", "maybe", 1);
  CHECK(Fixture().error({}, 78) == "TEST_FLAG: invalid value 'maybe': use yes (1, true, on) or no (0, false, off)");
  unsetenv("TEST_FLAG");
}

TEST_CASE("the command line overrides the environment, and the first set variable is used") {
  setenv("TEST_SECOND", "2", 1);
  Fixture second;
  second.parse({});
  CHECK(second.duration == Millis(2000));
  setenv("TEST_FIRST", "1", 1);
  Fixture first;
  first.parse({});
  CHECK(first.duration == Millis(1000));
  CHECK_FALSE(first.options.was_given("--duration"));
  Fixture given;
  given.parse({"-d", "3"});
  CHECK(given.duration == Millis(3000));
  CHECK(given.options.was_given("--duration"));
  setenv("TEST_FIRST", "x", 1);
  CHECK(Fixture().error({}, 78).find("TEST_FIRST: invalid duration 'x'") == 0);
  setenv("TEST_FIRST", "", 1);  // empty counts as not set
  Fixture empty;
  empty.parse({});
  CHECK(empty.duration == Millis(2000));
  unsetenv("TEST_FIRST");
  unsetenv("TEST_SECOND");
}

TEST_CASE_FIXTURE(Fixture, "before_operand counts the arguments before the first operand") {
  CHECK(options.before_operand({"-f", "--text", "run", "run", "--x"}) == 3);
  CHECK(options.before_operand({"run", "-f"}) == 0);
  CHECK(options.before_operand({"--text=run", "-f"}) == 2);
  CHECK(options.before_operand({"--text", "x", "--nope", "--text", "y", "run"}) == 2);
  CHECK(options.before_operand({"--text"}) == 1);
}
