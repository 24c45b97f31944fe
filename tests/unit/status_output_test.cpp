#include "cli/output/status_output.hpp"

#include <doctest/doctest.h>

#include "cli/output/json.hpp"
#include "support/chosen_color.hpp"

using namespace condolock;

namespace {

constexpr std::int64_t status_now = 1'795'507'820'000;  // 2026-11-24 08:10:20 UTC

lock::Record bare_record() {
  lock::Record record;
  record.now = status_now;
  record.known = true;
  return record;
}

lock::Record full_record() {
  lock::Record record = bare_record();
  record.fence = 17;
  record.success_start = status_now - 70'000;
  record.success_end = status_now - 60'000;
  record.ended = status_now - 20'000;
  record.outcome = "failed";
  record.code = 3;
  record.took = 1500;
  record.failed_at = status_now - 20'000;
  record.failures_in_a_row = 1;
  record.skips = 2;
  record.runs = 9;
  record.failures = 4;
  record.pause = lock::Paused{Millis(90'000), "upgrade\n", "alice@web1", Millis(30'000)};
  record.refusals = 12;
  record.forget_after = Millis(2'592'000'000);
  record.last_refusal = lock::Refusal{status_now - 10'000, "7 web2", "last success 50s ago, needs 5m"};
  record.holders = {{"4121 web1", status_now + 30'500, 17, status_now - 5000}};
  return record;
}

std::string shown_status(const lock::Record& record) { return cli::status_text({{"k", record, ""}}, support::no_color()); }

// One row's value.
std::string status_row(const std::string& name, const lock::Record& record) {
  const std::string text = shown_status(record);
  const std::size_t at = text.find("\n  " + name + " ");
  if (at == std::string::npos) return "no such row";
  return text.substr(at + 17, text.find('\n', at + 1) - at - 17);
}

}  // namespace

TEST_CASE("status_text: an empty record") {
  CHECK(shown_status(bare_record()) ==
        "k\n"
        "  state         idle\n"
        "  last success  never\n"
        "  last run      never\n"
        "  failures      0 in a row\n"
        "  runs          0, of which 0 failed\n"
        "  skips         0 since the last run\n"
        "  fence         none\n");
}

TEST_CASE("status_text: a complete record") {
  CHECK(shown_status(full_record()) ==
        "k\n"
        "  state         running on web1 (pid 4121) for 5s, lease ends in 31s unless renewed\n"
        "  pause         paused by alice@web1 30s ago for another 1m30s: upgrade\\x0a\n"
        "  last success  1m ago (2026-11-24 08:09:20 UTC)\n"
        "  last run      failed (exit code 3), ended 20s ago (2026-11-24 08:10:00 UTC), took 1.5s\n"
        "  last failure  20s ago (2026-11-24 08:10:00 UTC)\n"
        "  failures      1 in a row\n"
        "  runs          9, of which 4 failed\n"
        "  skips         2 since the last run\n"
        "  last skip     10s ago (2026-11-24 08:10:10 UTC), on web2 (pid 7)\n"
        "                because: last success 50s ago, needs 5m\n"
        "  expires       when unused for 30d\n"
        "  fence         17\n");
}

TEST_CASE("status_text: several keys are separated; one that could not be read is left out, one without a record is not") {
  CHECK(cli::status_text({{"bad", bare_record(), "malformed"}, {"a\n", {}, ""}, {"b", {}, ""}}, support::no_color()) ==
        "a\\x0a\n  no record\n\nb\n  no record\n");
}

TEST_CASE("status_text: a lost lease, a revoked lease, and several slots are shown") {
  lock::Record record = bare_record();
  record.slots = 3;
  record.holders = {{"4121 web1", status_now, 1, status_now - 90'000},
                    {"5 web2", status_now + 1, 2, status_now, lock::Intervention{"alice@web1", status_now - 2000}}};
  CHECK(shown_status(record).starts_with(
      "k\n"
      "  state         lost: held by web1 (pid 4121), whose lease ended 0s ago (2026-11-24 08:10:20 UTC)\n"
      "  state         running on web2 (pid 5) for 0s, lease ends in 1ms, revoked by alice@web1 2s ago\n"
      "  slots         3\n"
      "  last success"));
  record.slots = 1;
  CHECK(status_row("slots", record) == "no such row");
  record.slots = 3;
  record.holders.clear();
  CHECK(status_row("slots", record) == "no such row");
}

TEST_CASE("status_text: after unlock --now, the command may still run") {
  lock::Record record = bare_record();
  record.freed_until = status_now + 5000;
  record.freed = lock::Intervention{"alice@web1", status_now - 1000};
  CHECK(status_row("state", record) ==
        "revoked: its lease was freed by alice@web1 1s ago; its command may still run for 5s");
  record.freed = lock::Intervention{};
  CHECK(status_row("state", record) == "revoked: its lease was freed; its command may still run for 5s");
}

TEST_CASE("status: the operator who had revoked the lease of the last run is shown") {
  lock::Record record = bare_record();
  record.ended = status_now - 1000;
  record.outcome = "lost";
  record.code = 143;
  record.revoked = lock::Intervention{"alice@web1", status_now - 3000};
  CHECK(status_row("last run", record) ==
        "lost (exit code 143), revoked by alice@web1 3s ago, ended 1s ago (2026-11-24 08:10:19 UTC)");
  const cli::Json json = cli::Json::parse(cli::status_json(cli::KeyStatus{"k", record, ""}));
  CHECK(json["last_run"]["revoked_by"]["operator"] == "alice@web1");
}

TEST_CASE("status_text: a pause of all keys is shown") {
  lock::Record record = bare_record();
  record.pause = lock::Paused{std::nullopt, "", "alice@web1", Millis(1000), true};
  CHECK(status_row("pause", record) == "all keys paused by alice@web1 1s ago until condolock resume --all");
}

TEST_CASE("status_text: a success shows no exit code") {
  lock::Record record = bare_record();
  record.ended = status_now - 1000;
  record.outcome = "success";
  record.code = 4;  // by --success-code
  CHECK(status_row("last run", record) == "success, ended 1s ago (2026-11-24 08:10:19 UTC)");
}

TEST_CASE("status_text: outcomes have colours") {
  lock::Record record = full_record();
  const std::string text = cli::status_text({{"k", record, ""}}, support::all_colors());
  CHECK(text.find("\x1b[32mrunning\x1b[0m on web1") != std::string::npos);
  CHECK(text.find("\x1b[31mfailed\x1b[0m (exit code 3)") != std::string::npos);
  CHECK(text.find("\x1b[31mpaused by alice@web1 30s ago for another 1m30s: upgrade\\x0a\x1b[0m") != std::string::npos);
  record.now = status_now + 60'000;
  record.outcome = "success";
  const std::string later = cli::status_text({{"k", record, ""}}, support::all_colors());
  CHECK(later.find("\x1b[31mlost\x1b[0m: held by") != std::string::npos);
  CHECK(later.find("\x1b[32msuccess\x1b[0m") != std::string::npos);
}

TEST_CASE("status_json: every field is present, and null if there is no value") {
  CHECK(
      cli::status_json(cli::KeyStatus{"k", bare_record(), ""}) ==
      R"({"key":"k","error":null,"known":true,"now":{"ms":1795507820000,"rfc3339":"2026-11-24T08:10:20.000Z"},)"
      R"("holders":[],"slots":1,"freed":null,"pause":null,"last_success":null,"last_run":null,"last_failure":null,)"
      R"("failures_in_a_row":0,"runs":0,"failures":0,"skips_since_last_run":0,"skips":0,"last_skip":null,"forget_after_ms":null,"fence":null,)"
      R"("clock_went_back_ms":null})");
}

TEST_CASE("status_json: a complete record") {
  CHECK(
      cli::status_json(cli::KeyStatus{"k", full_record(), ""}) ==
      R"({"key":"k","error":null,"known":true,"now":{"ms":1795507820000,"rfc3339":"2026-11-24T08:10:20.000Z"},)"
      R"("holders":[{"host":"web1","pid":4121,"fence":17,)"
      R"("start":{"ms":1795507815000,"rfc3339":"2026-11-24T08:10:15.000Z"},)"
      R"("lease_end":{"ms":1795507850500,"rfc3339":"2026-11-24T08:10:50.500Z"},"live":true,"revoked":false,"revoked_by":null}],)"
      R"("slots":1,"freed":null,)"
      R"("pause":{"until":{"ms":1795507910000,"rfc3339":"2026-11-24T08:11:50.000Z"},"reason":"upgrade\n",)"
      R"("operator":"alice@web1","at":{"ms":1795507790000,"rfc3339":"2026-11-24T08:09:50.000Z"},"all":false},)"
      R"("last_success":{"start":{"ms":1795507750000,"rfc3339":"2026-11-24T08:09:10.000Z"},)"
      R"("end":{"ms":1795507760000,"rfc3339":"2026-11-24T08:09:20.000Z"}},)"
      R"("last_run":{"outcome":"failed","exit_code":3,"end":{"ms":1795507800000,"rfc3339":"2026-11-24T08:10:00.000Z"},)"
      R"("duration_ms":1500,"revoked_by":null},"last_failure":{"ms":1795507800000,"rfc3339":"2026-11-24T08:10:00.000Z"},)"
      R"("failures_in_a_row":1,"runs":9,"failures":4,"skips_since_last_run":2,"skips":12,)"
      R"("last_skip":{"at":{"ms":1795507810000,"rfc3339":"2026-11-24T08:10:10.000Z"},"who":{"host":"web2","pid":7},)"
      R"("reason":"last success 50s ago, needs 5m"},"forget_after_ms":2592000000,"fence":17,"clock_went_back_ms":null})");
}

TEST_CASE("status_json: nested fields may be null") {
  lock::Record record = bare_record();
  record.ended = status_now;
  record.outcome = "lost";
  record.success_end = status_now;
  record.pause = lock::Paused{std::nullopt, ""};
  record.holders = {{"web1", status_now, 3, status_now, lock::Intervention{}}};
  const cli::Json json = cli::Json::parse(cli::status_json(cli::KeyStatus{"k", record, ""}));
  CHECK(json["last_run"]["exit_code"].is_null());
  CHECK(json["last_run"]["duration_ms"].is_null());
  CHECK(json["last_success"]["start"].is_null());
  CHECK(json["pause"].dump() == R"({"until":null,"reason":"","operator":null,"at":null,"all":false})");
  CHECK(json["holders"][0]["host"] == "web1");
  CHECK(json["holders"][0]["pid"].is_null());
  CHECK(json["holders"][0]["live"] == false);
  CHECK(json["holders"][0]["revoked"] == true);
  CHECK(json["holders"][0]["revoked_by"].is_null());
  record.holders[0].revoked = lock::Intervention{"alice@web1", status_now - 1000};
  record.freed_until = status_now + 1000;
  record.freed = lock::Intervention{"bob@web2", status_now};
  const cli::Json named = cli::Json::parse(cli::status_json(cli::KeyStatus{"k", record, ""}));
  CHECK(named["holders"][0]["revoked_by"]["operator"] == "alice@web1");
  CHECK(named["holders"][0]["revoked_by"]["at"]["ms"] == status_now - 1000);
  CHECK(named["freed"]["until"]["ms"] == status_now + 1000);
  CHECK(named["freed"]["by"]["operator"] == "bob@web2");
}

TEST_CASE("status_json: a key without a record, and one that could not be read, are told apart") {
  lock::Record unknown;
  unknown.now = status_now;
  const cli::Json json = cli::Json::parse(cli::status_json(cli::KeyStatus{"k", unknown, ""}));
  CHECK(json["known"] == false);
  CHECK(cli::status_json(cli::KeyStatus{"k", {}, "malformed"}) == R"({"key":"k","error":"malformed"})");
}

TEST_CASE("status_json: bytes that are not UTF-8 are replaced") {
  lock::Record record = bare_record();
  record.pause = lock::Paused{std::nullopt, "\xff"};
  const cli::Json json = cli::Json::parse(cli::status_json(cli::KeyStatus{"a\xc3(", record, ""}));
  CHECK(json["key"] == "a\xef\xbf\xbd(");
  CHECK(json["pause"]["reason"] == "\xef\xbf\xbd");
}

TEST_CASE("status_json: several keys give one indented document with a line feed at the end") {
  CHECK(cli::status_json(std::vector<cli::KeyStatus>{{"a", {}, "x"}, {"b", {}, "y"}}) ==
        "{\n  \"schema\": 1,\n  \"keys\": [\n    {\n      \"key\": \"a\",\n      \"error\": \"x\"\n    },\n"
        "    {\n      \"key\": \"b\",\n      \"error\": \"y\"\n    }\n  ]\n}\n");
  CHECK(cli::status_json(std::vector<cli::KeyStatus>{}) == "{\n  \"schema\": 1,\n  \"keys\": []\n}\n");
}

TEST_CASE("who_json: splits a holder into host and pid") {
  CHECK(cli::who_json("4121 web1").dump() == R"({"host":"web1","pid":4121})");
  CHECK(cli::who_json("web1").dump() == R"({"host":"web1","pid":null})");
  CHECK(cli::who_json("x my host").dump() == R"({"host":"my host","pid":null})");
  CHECK(cli::who_json("").dump() == R"({"host":"","pid":null})");
}

TEST_CASE("status: an outcome from a hostile server can't control the terminal, in text and in JSON") {
  lock::Record record = bare_record();
  record.ended = status_now;
  record.outcome = "\x1b[2J\x7f\u009b";
  CHECK(status_row("last run", record).starts_with("\\x1b[2J\\x7f\\xc2\\x9b, ended "));
  CHECK(cli::status_json({{"k", record, ""}}).find(R"("\u001b[2J\u007f\u009b")") != std::string::npos);
}
