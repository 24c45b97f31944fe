#include "engine/redis/error_reply.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace condolock;

using condolock::engine::redis::classify;

TEST_CASE("each error of a server has a fault") {
  CHECK(classify("LOADING Redis is loading the dataset in memory").transient);
  CHECK(classify("BUSY Redis is busy running a script.").transient);
  CHECK(classify("CLUSTERDOWN The cluster is down").transient);
  CHECK(classify("TRYAGAIN Multiple keys request during rehashing of slot").transient);
  CHECK(classify("MASTERDOWN Link with MASTER is down").transient);
  CHECK(classify("ERR max number of clients reached").fault == engine::Fault::not_ready);
  CHECK(classify("ERR max number of clients reached").transient);
  CHECK(classify("READONLY You can't write against a read only replica.").fault == engine::Fault::not_primary);
  CHECK(classify("NOREPLICAS Not enough good replicas to write.").fault == engine::Fault::write_refused);
  CHECK(classify("NOAUTH Authentication required.").fault == engine::Fault::denied);
  CHECK(classify("WRONGPASS invalid username-password pair or user is disabled.").fault == engine::Fault::denied);
  CHECK(classify("DENIED Redis is running in protected mode").fault == engine::Fault::denied);
  CHECK(classify("ERR DB index is out of range").fault == engine::Fault::misconfigured);
  CHECK(classify("NOSCRIPT No matching script.").no_script);
  CHECK(classify("ERR unknown command 'EVALSHA'").fault == engine::Fault::unexpected);
  CHECK(classify("").fault == engine::Fault::unexpected);
  CHECK_FALSE(classify("READONLY x").transient);
  CHECK(classify("ERR \x1b[31mred").text == "ERR \\x1b[31mred");
}

TEST_CASE("errors from inside a script are recognized as 7.0 and 6.2 write them") {
  const auto seven = classify("OOM command not allowed when used memory > 'maxmemory'. script: 4f1c, on @user_script:212.");
  CHECK(seven.fault == engine::Fault::write_refused);
  CHECK(seven.from_script);
  CHECK(seven.text == "OOM command not allowed when used memory > 'maxmemory'.");
  const auto six =
      classify("ERR Error running script (call to f_4f1c): @user_script:98: @user_script: 98: -READONLY You can't write");
  CHECK(six.fault == engine::Fault::not_primary);
  CHECK(six.from_script);
  CHECK(six.text == "READONLY You can't write");
  const auto denied =
      classify("ERR The user executing the script can't run this command or subcommand script: 4f1c, on @user_script:9.");
  CHECK(denied.fault == engine::Fault::denied);
  CHECK(denied.from_script);
  CHECK_FALSE(classify("NOPERM this user has no permissions to run the 'evalsha' command").from_script);
}

TEST_CASE("a missing permission inside a script is recognized as 6.2, 7.0 and 7.2 write it") {
  const std::string plain = "The user executing the script can't run this command or subcommand";
  const std::string six = "@user_script:7: @user_script: 7: ";
  const std::string running = "ERR Error running script (call to f_4f1c): " + six;
  const std::string acl = "ERR ACL failure in script: User x has no permissions to run the 'zadd' command";
  for (const auto& [said, text] : std::vector<std::pair<std::string, std::string>>{
           {running + plain, plain},
           {running + "-NOPERM no permissions to access a key", "NOPERM no permissions to access a key"},
           {"@user_script: 7: @user_script: 7: -NOPERM no permissions", "NOPERM no permissions"},
           {"@user_script: 7: " + plain, plain},
           {"ERR " + plain + " script: 4f1c, on @user_script:9.", "ERR " + plain},
           // The error's own text contains the words that usually begin the place.
           {acl + " script: 4f1c, on @user_script:9.", acl}}) {
    const std::string& input = said;
    CAPTURE(input);
    const auto error = classify(said);
    CHECK(error.fault == engine::Fault::denied);
    CHECK(error.from_script);
    CHECK(error.text == text);
  }
}

TEST_CASE("only the last ' script: ' begins the place") {
  const auto twice = classify("OOM a script: b script: c script: 4f1c, on @user_script:9.");
  CHECK(twice.fault == engine::Fault::write_refused);
  CHECK(twice.text == "OOM a script: b script: c");
}

TEST_CASE("the refused or unknown command is named by the server, by our script, or by the line") {
  const auto command = [](std::string_view error) { return classify(error).command; };
  CHECK(command("NOPERM this user has no permissions to run the 'evalsha' command or its subcommand") == "EVALSHA");  // 6.2
  CHECK(command("NOPERM User to run the 'x' has no permissions to run the 'hset' command") == "HSET");
  CHECK(
      command(
          "ERR ACL failure in script: User u has no permissions to run the 'zadd' command script: 4f, on @user_script:9.") ==
      "ZADD");
  CHECK(command("ERR unknown command `EVAL`, with args beginning with: `x`, ") == "EVAL");  // 6.2
  CHECK(classify("ERR unknown command 'EVAL', with args beginning with: 'x' 'y'").text == "ERR unknown command 'EVAL'");
  const std::string plain = "The user executing the script can't run this command or subcommand";
  for (const std::string& error : {"ERR " + plain + " (in HSET)", "@user_script: 9: " + plain + " (in HSET)"}) {
    CHECK(command(error) == "HSET");
    CHECK(classify(error).text.ends_with(" or subcommand"));
  }
  CHECK(command("ERR (in") == "");
  CHECK(classify("ERR " + plain + " script: 4f1c, on @user_script:90.").line == 90);
  CHECK(classify("ERR Error running script (call to f_4f): @user_script:98: @user_script: 98: " + plain).line == 98);
  CHECK(classify("ERR " + plain).line == 0);
  CHECK(classify("ERR @user_script:99999999999999").line == 0);
}
