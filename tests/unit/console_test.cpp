#include "cli/output/console.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "support/captured_descriptor.hpp"
#include "support/scoped_variable.hpp"
#include "support/temporary_directory.hpp"

using namespace condolock;

namespace {

void print_all() {
  const cli::Console console(false, true);
  console.error("e");
  console.warning("w");
  console.decision("d");
  console.detail("v");
}

// What is written to standard error if it is a file.
std::string logged() {
  const support::TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  {
    const support::CapturedDescriptor restores(STDERR_FILENO);
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    REQUIRE(file >= 0);
    dup2(file, STDERR_FILENO);
    close(file);
    print_all();
  }
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

constexpr const char* plain = "condolock: error: e\ncondolock: warning: w\ncondolock: d\ncondolock: v\n";

}  // namespace

TEST_CASE("console: with stamp_lines, each line in a file begins with the time") {
  const support::ScopedVariable no_color("NO_COLOR", "1");
  const support::ScopedVariable zone("TZ", "XYZ-5:30");
  CHECK(logged() == plain);
  cli::stamp_lines(true);
  const std::string text = logged();
  const std::regex time(R"((^|\n)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+05:30 (?=condolock: ))");
  CHECK(std::distance(std::sregex_iterator(text.begin(), text.end(), time), std::sregex_iterator()) == 4);
  CHECK(std::regex_replace(text, time, "$1") == plain);
  cli::stamp_lines(false);
}

TEST_CASE("console: lines to a pipe have no time") {
  const support::ScopedVariable no_color("NO_COLOR", "1");
  cli::stamp_lines(true);
  const support::CapturedDescriptor err(STDERR_FILENO);
  print_all();
  CHECK(err.text() == plain);
  cli::stamp_lines(false);
}
