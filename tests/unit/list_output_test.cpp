#include "cli/output/list_output.hpp"

#include <doctest/doctest.h>

#include "support/chosen_color.hpp"

using namespace condolock;

namespace {

constexpr std::int64_t list_now = 1'795'507'820'000;

lock::Record listed_record() {
  lock::Record record;
  record.now = list_now;
  record.known = true;
  return record;
}

lock::Holder listed_holder(std::int64_t until, bool revoked = false) {
  lock::Holder holder{"4121 web1", until, 7, list_now - 5000};
  if (revoked) holder.revoked = lock::Intervention{};
  return holder;
}

// The only key's line, from LAST SUCCESS on.
std::string listed(const lock::Record& record) {
  const std::string text = cli::list_table({{"k", record, ""}}, support::no_color());
  const std::size_t line = text.find('\n') + 1;
  return text.substr(line + 5, text.size() - line - 6);
}

std::string listed_state(const lock::Record& record) {
  const std::string text = listed(record);
  return text.substr(text.rfind("0  ") + 3);  // after SKIPS
}

}  // namespace

TEST_CASE("list_table: a heading and a line for each key") {
  lock::Record first = listed_record();
  first.success_end = list_now - 60'000;
  first.ended = list_now - 60'000;
  first.outcome = "success";
  first.code = 0;
  first.skips = 12;
  CHECK(cli::list_table({{"backup", first, ""}, {"k", listed_record(), ""}}, support::no_color()) ==
        "KEY     LAST SUCCESS  LAST RUN         SKIPS  STATE\n"
        "backup  1m ago        success, 1m ago     12  idle\n"
        "k       never         never                0  idle\n");
}

TEST_CASE("list_table: without keys there is no output, not even a heading") {
  CHECK(cli::list_table({}, support::no_color()).empty());
  CHECK(cli::list_table({{"k", lock::Record(), ""}}, support::no_color()).empty());
}

TEST_CASE("list_table: a malformed record is shown, and the key is escaped") {
  CHECK(cli::list_table({{"a\n", lock::Record(), "the record is malformed"}}, support::no_color()) ==
        "KEY    LAST SUCCESS  LAST RUN  SKIPS  STATE\n"
        "a\\x0a                                 malformed\n");
}

TEST_CASE("list_table: the exit code follows a failure, never a success") {
  lock::Record record = listed_record();
  record.ended = list_now - 2000;
  record.outcome = "failed";
  record.code = 3;
  CHECK(listed(record) == "never         failed (3), 2s ago      0  idle");
  record.outcome = "lost";
  record.code.reset();
  CHECK(listed(record) == "never         lost, 2s ago      0  idle");
  record.outcome = "success";
  record.code = 4;  // by --success-code
  CHECK(listed(record) == "never         success, 2s ago      0  idle");
}

TEST_CASE("list_table: a running key shows its holders") {
  lock::Record record = listed_record();
  record.holders = {listed_holder(list_now + 1)};
  CHECK(listed_state(record) == "running on web1 (pid 4121) for 5s");
  record.holders = {listed_holder(list_now), listed_holder(list_now + 1, true), listed_holder(list_now + 1)};
  CHECK(listed_state(record) == "2 running, one on web1 (pid 4121) for 5s, revoked");
  record.holders = {listed_holder(list_now)};
  CHECK(listed_state(record) == "lost");
  record.freed_until = list_now + 2000;
  record.holders.clear();
  CHECK(listed_state(record) == "revoked, may still run for 2s");
}

TEST_CASE("list_table: a pause is shown, even beside another state") {
  lock::Record record = listed_record();
  record.pause = lock::Paused{std::nullopt, "why"};
  CHECK(listed_state(record) == "paused");
  record.pause->left = Millis(60'500);
  CHECK(listed_state(record) == "paused for another 1m1s");
  record.holders = {listed_holder(list_now)};
  CHECK(listed_state(record) == "lost, paused for another 1m1s");
  record.holders = {listed_holder(list_now + 1)};
  CHECK(listed_state(record) == "running on web1 (pid 4121) for 5s, paused for another 1m1s");
}

TEST_CASE("list_table: states have colours") {
  lock::Record record = listed_record();
  record.holders = {listed_holder(list_now + 1)};
  record.ended = list_now - 2000;
  record.outcome = "failed";
  const std::string text = cli::list_table({{"k", record, ""}, {"m", {}, "malformed"}}, support::all_colors());
  CHECK(text.find("\x1b[32mrunning on web1") != std::string::npos);
  CHECK(text.find("\x1b[31mfailed, 2s ago\x1b[0m") != std::string::npos);
  CHECK(text.find("\x1b[31mmalformed\x1b[0m") != std::string::npos);
  CHECK(text.find("\x1b[2mnever\x1b[0m") != std::string::npos);
}

TEST_CASE("list_table: an outcome from a hostile server can't control the terminal") {
  lock::Record record = listed_record();
  record.ended = list_now;
  record.outcome = "\x1b[2J\n";
  CHECK(listed(record).find("\\x1b[2J\\x0a, ") != std::string::npos);
}
