#include "engine/redis/refusal.hpp"

#include <doctest/doctest.h>

#include <string>

#include "lua/scripts.hpp"

using namespace condolock;
using engine::redis::classify;
using engine::redis::explained;

namespace {

engine::Call call_of(const scripts::Script* script) {
  engine::Call call;
  call.script = script;
  call.keys = {"{ns}:job:K", "{ns}:runs:K"};
  return call;
}

engine::redis::Target as(const std::string& user) {
  engine::redis::Target target;
  target.user = user;
  return target;
}

// The number of the first line with this text, from 1.
int line_of(std::string_view source, std::string_view text) {
  int line = 1;
  for (const char c : source.substr(0, source.find(text))) line += c == '\n' ? 1 : 0;
  return line;
}

}  // namespace

TEST_CASE("a refused command is followed by the rule that allows it, whatever the server's version") {
  const std::string line = std::to_string(line_of(scripts::acquire.source, "redis.call('TIME')"));
  const std::string plain = "The user executing the script can't run this command or subcommand";
  const std::string way_out = " (allow it: ACL SETUSER job +time)";
  const auto call = call_of(&scripts::acquire);
  const std::string six = "@user_script:" + line + ": @user_script: " + line + ": ";
  CHECK(explained(classify("ERR Error running script (call to f_4f): " + six + plain), call, as("job")) == plain + way_out);
  CHECK(explained(classify("ERR " + plain + " script: 4f, on @user_script:" + line + "."), call, as("job")) ==
        "ERR " + plain + way_out);
  CHECK(explained(classify("ERR " + plain + " (in TIME)"), call, as("job")) == "ERR " + plain + way_out);
  const std::string later = "ERR ACL failure in script: User job has no permissions to run the 'time' command";
  CHECK(explained(classify(later), call, as("job")) == later + way_out);
  CHECK(explained(classify("NOPERM to run the 'time' command"), call, as("")).ends_with("ACL SETUSER default +time)"));
  CHECK(explained(classify("NOPERM to run the 'time' command"), call, as("a\x1b")).ends_with("ACL SETUSER a\\x1b +time)"));
  for (const char* unclear : {"1", "999999", "-1"}) {
    CHECK(explained(classify("ERR " + plain + " script: 4f, on @user_script:" + unclear + "."), call, as("job")) ==
          "ERR " + plain + " (condolock doctor names what this user lacks)");
  }
}

TEST_CASE("refused keys are followed by the pattern of the namespace") {
  const std::string way_out = " (allow them: ACL SETUSER job ~{ns}:*)";
  for (const std::string text :
       {"NOPERM this user has no permissions to access one of the keys used as arguments",
        "NOPERM No permissions to access a key", "ERR ACL failure in script: No permissions to access a key",
        "ERR The user executing the script can't access at least one of the keys mentioned in the command"}) {
    CHECK(explained(classify(text), call_of(&scripts::renew), as("job")) == text + way_out);
  }
  engine::Call blpop;
  blpop.args = {"BLPOP", "{ns}:wake:K", "1"};
  CHECK(explained(classify("NOPERM No permissions to access a key"), blpop, as("job")).ends_with(way_out));
  blpop.args.clear();
  CHECK(explained(classify("NOPERM No permissions to access a key"), blpop, as("job")) ==
        "NOPERM No permissions to access a key");
}

TEST_CASE("a command that the server does not know is followed by where it is hidden, and other errors by nothing") {
  const auto call = call_of(&scripts::acquire);
  const std::string line = std::to_string(line_of(scripts::acquire.source, "redis.call('TIME')"));
  for (const char* text : {"ERR unknown command 'TIME', with args beginning with: 'x'",
                           "ERR Unknown Redis command called from script (in TIME)"}) {
    CHECK(explained(classify(text), call, as("")).find(" (this server has no TIME: see rename-command") !=
          std::string::npos);
  }
  for (const char* text : {"ERR Unknown Redis command called from script script: 4f, on @user_script:",
                           "ERR Unknown command called from script script: 4f, on @user_script:"}) {
    CHECK(explained(classify(text + line + "."), call, as("")).find("this server has no TIME: see") != std::string::npos);
  }
  CHECK(explained(classify("ERR Unknown command called from script"), call, as("")).find("has no such command: see") !=
        std::string::npos);
  for (const char* text : {"OOM command not allowed", "WRONGPASS invalid", "READONLY You can't write", ""}) {
    CHECK(explained(classify(text), call, as("job")) == text);
  }
}
