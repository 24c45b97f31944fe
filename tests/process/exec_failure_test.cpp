#include "process/exec_failure.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "process/processes.hpp"
#include "support/scoped_variable.hpp"
#include "support/temporary_directory.hpp"

using support::failed_start;

namespace {

struct Scripts {
  support::TemporaryDirectory directory;

  std::string write(const std::string& name, const std::string& text, mode_t mode) const {
    std::string path = directory.path() + "/" + name;
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }
};

std::string why(const std::vector<std::string>& argv) { return failed_start(argv).why; }

}  // namespace

TEST_CASE("a command that is not in PATH: the error says what to write instead") {
  CHECK(why({"condolock-none"}) == "not found in PATH");
  CHECK(why({"condolock-none", "-x", "a b"}) == "not found in PATH");
  CHECK(why({"ls -la"}) == "not found in PATH (for a shell line write: sh -c 'ls -la')");
  CHECK(why({"echo it's"}) == R"(not found in PATH (for a shell line write: sh -c 'echo it'\''s'))");
  CHECK(why({"ls |", "wc"}) ==
        "not found in PATH (for a shell line write: sh -c 'ls |', with the whole line in the quotes)");
  for (const char* word : {"a;b", "$JOB", "~", "a*", "`a`", "a>b", "a&", "a\tb", "'a'", "\"a\"", "{"}) {
    CAPTURE(word);
    CHECK(why({word}).starts_with("not found in PATH (for a shell line write: sh -c "));
  }
  CHECK(why({"FOO=1", "cmd"}) == "not found in PATH (to set a variable write: env FOO=1 cmd)");
  CHECK(why({"FOO=a b", "cmd", "x"}) == "not found in PATH (to set a variable write: env 'FOO=a b' cmd ...)");
  CHECK(why({"_F1="}) == "not found in PATH (to set a variable write: env _F1= CMD)");
  CHECK(why({"1F=x"}) == "not found in PATH");
  CHECK(why({"."}) == "not found in PATH: it is part of the shell (write: sh -c '. ...')");
  CHECK(why({"[["}) == "not found in PATH: it is part of bash (write: bash -c '[[ ...')");
  CHECK(why({"-v", "cmd"}) == "not found in PATH (options of condolock come before --)");
  CHECK(why({"ls\r"}).find("ends in a carriage return") != std::string::npos);
}

TEST_CASE("a shell builtin such as cd: the error says so if no program has that name") {
  const support::ScopedVariable path("PATH", "/no-such-directory");
  CHECK(why({"cd", "/x"}) == "not found in PATH: it is part of the shell (write: sh -c 'cd ...')");
}

TEST_CASE("a path that does not exist: the error gives the system's reason") {
  CHECK(why({"/no/such"}) == "No such file or directory");
  CHECK(why({"/bin/ls -la"}) == "No such file or directory (for a shell line write: sh -c '/bin/ls -la')");
  CHECK(why({"/dev/null/x"}) == "Not a directory");
}

TEST_CASE("a shell line longer than a file name is not found, too: 127") {
  const std::string line = "echo " + std::string(300, 'x');
  CHECK(failed_start({line}).exit_code == 127);
  CHECK(why({line}) == "not found in PATH (for a shell line write: sh -c '...')");
}

TEST_CASE_FIXTURE(Scripts, "a file that exists but cannot be executed: 126, with the reason") {
  CHECK(why({directory.path()}) == "it is a directory");
  const std::string plain = write("plain", "x", 0600);
  CHECK(why({plain}) == "it is not executable (write: chmod +x " + plain + ")");
  CHECK(why({write("gone", "#! /no/such/interpreter -x\n", 0700)}) == "its interpreter '/no/such/interpreter' is missing");
  CHECK(why({write("self", "#!" + plain + "\n", 0700)}) ==
        "its interpreter '" + plain + "' can't be executed: Permission denied");
  const std::string crlf = write("crlf", "#!/bin/sh\r\necho\r\n", 0700);
  CHECK(why({crlf}) ==
        R"(the script has CRLF line ends, so its interpreter would be '/bin/sh\x0d' (write: sed -i 's/\r$//' )" + crlf +
            ")");
  for (const auto& argv : {plain, crlf}) CHECK(failed_start({argv}).exit_code == 126);
}

TEST_CASE_FIXTURE(Scripts, "the error names the file that was found in PATH") {
  const support::ScopedVariable path("PATH", "/no-such-directory:" + directory.path());
  const std::string plain = write("condolock-plain", "x", 0600);
  CHECK(why({"condolock-plain"}) == "found as " + plain + ", but it is not executable (write: chmod +x " + plain + ")");
}

TEST_CASE_FIXTURE(Scripts, "an executable file later in PATH is preferred to one that cannot be executed") {
  const support::TemporaryDirectory other;
  write("condolock-plain", "x", 0600);
  const std::string second = other.path() + "/condolock-plain";
  std::ofstream(second) << "x";
  chmod(second.c_str(), 0700);
  const support::ScopedVariable path("PATH", directory.path() + ":" + other.path());
  CHECK(condolock::process::find_program("condolock-plain") == second);
  CHECK_FALSE(condolock::process::find_program("condolock-none"));
}
