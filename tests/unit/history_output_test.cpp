#include "cli/output/history_output.hpp"

#include <doctest/doctest.h>

#include "cli/output/json.hpp"
#include "support/chosen_color.hpp"
#include "support/scoped_variable.hpp"

using namespace condolock;
using support::ScopedVariable;

namespace {

constexpr std::int64_t began = 1'795'507'820'000;  // 2026-11-24 08:10:20 UTC

lock::HistoryEntry past_run(std::int64_t took, const std::string& outcome = "success", std::int64_t code = 0) {
  return {7, began, began + took, outcome, code, "4121 web1"};
}

// Newest first.
lock::History history_of(std::vector<lock::HistoryEntry> runs) { return {began + 600'000, true, std::move(runs)}; }

std::string first_line(const lock::History& history, bool unicode) {
  const std::string text = cli::history_text("k", history, {support::no_color(), unicode, util::Zone::utc});
  return text.substr(0, text.find('\n'));
}

// The line of the only run.
std::string only_row(const lock::HistoryEntry& run, bool unicode = false) {
  const std::string text = cli::history_text("k", history_of({run}), {support::no_color(), unicode, util::Zone::utc});
  const std::size_t last = text.rfind('\n', text.size() - 2) + 1;
  return text.substr(last, text.size() - last - 1);
}

}  // namespace

TEST_CASE("history_text: a summary, then a table with the newest run first") {
  CHECK(cli::history_text("k\n", history_of({past_run(90'000, "failed", 3), past_run(1500)}),
                          {support::no_color(), false, util::Zone::utc}) ==
        "k\\x0a: 2 runs, 1 failed, median 1m30s, longest 1m30s  _#\n"
        "   BEGAN                     TOOK  OUTCOME     ON\n"
        "x  2026-11-24 08:10:20 UTC  1m30s  failed (3)  web1 (pid 4121)\n"
        "+  2026-11-24 08:10:20 UTC   1.5s  success     web1 (pid 4121)\n");
}

TEST_CASE("history_text: a text for no runs, and one for no record") {
  CHECK(cli::history_text("k\n", {began, true, {}}, {support::no_color(), false, util::Zone::utc}) ==
        "k\\x0a: no run in the history\n");
  CHECK(cli::history_text("k\n", {began, false, {}}, {support::no_color(), false, util::Zone::utc}) ==
        "k\\x0a: no record\n");
}

TEST_CASE("history_text: one bar for each run, the oldest first, and the highest for the longest") {
  std::vector<lock::HistoryEntry> runs;
  for (const std::int64_t took : {7000, 6000, 5000, 4000, 3000, 2000, 1000, 0}) runs.push_back(past_run(took));
  CHECK(first_line(history_of(runs), true) == "k: 8 runs, 0 failed, median 4s, longest 7s  ▁▂▃▄▅▆▇█");
  CHECK(first_line(history_of(runs), false) == "k: 8 runs, 0 failed, median 4s, longest 7s  _.-~=+*#");
  CHECK(first_line(history_of({past_run(0)}), false) == "k: 1 run, 0 failed, median 0s, longest 0s  _");
}

TEST_CASE("history_text: marks for success and failure, in Unicode and ASCII") {
  CHECK(only_row(past_run(1000), true) == "✓  2026-11-24 08:10:20 UTC    1s  success  web1 (pid 4121)");
  CHECK(only_row(past_run(1000, "timeout", 143), true) ==
        "✗  2026-11-24 08:10:20 UTC    1s  timeout (143)  web1 (pid 4121)");
  CHECK(only_row(past_run(1000, "success", 4)) == "+  2026-11-24 08:10:20 UTC    1s  success  web1 (pid 4121)");
  lock::HistoryEntry lost = past_run(1000, "lost");
  lost.code.reset();
  CHECK(only_row(lost) == "x  2026-11-24 08:10:20 UTC    1s  lost     web1 (pid 4121)");
}

TEST_CASE("history_text: the median is the longer of the two middle durations, by length") {
  CHECK(first_line(history_of({past_run(9000), past_run(1000), past_run(5000)}), false).find("median 5s, longest 9s") !=
        std::string::npos);
  CHECK(first_line(history_of({past_run(9000), past_run(2000), past_run(4000), past_run(1000)}), false)
            .find("median 4s, longest 9s") != std::string::npos);
}

TEST_CASE("history_text: a touch has a row without a duration and no bar, and is not in the median") {
  lock::HistoryEntry touch = past_run(0);
  touch.fence = 0;
  CHECK(only_row(touch) == "+  2026-11-24 08:10:20 UTC        success, by touch  web1 (pid 4121)");
  CHECK(first_line(history_of({touch}), false) == "k: 1 run, 0 failed");
  lock::HistoryEntry failed = touch;
  failed.outcome = "failed";
  failed.code = 2;
  CHECK(first_line(history_of({touch, past_run(5000), failed, touch}), false) ==
        "k: 4 runs, 1 failed, median 5s, longest 5s  #");
  CHECK(only_row(failed) == "x  2026-11-24 08:10:20 UTC        failed (2), by touch  web1 (pid 4121)");
}

TEST_CASE("history_text: an end before the start counts as zero time") {
  CHECK(first_line(history_of({past_run(-5000)}), false) == "k: 1 run, 0 failed, median 0s, longest 0s  _");
}

TEST_CASE("history_text: bars and rows have colours") {
  const std::string text = cli::history_text("k", history_of({past_run(1000, "failed", 3), past_run(1000)}),
                                             {support::all_colors(), false, util::Zone::utc});
  CHECK(text.find("\x1b[32m#\x1b[0m\x1b[31m#\x1b[0m\n") != std::string::npos);
  CHECK(text.find("\x1b[31mfailed (3)\x1b[0m") != std::string::npos);
  CHECK(text.find("\x1b[32m+\x1b[0m") != std::string::npos);
}

TEST_CASE("history_json: fence and exit code are null for a touch and for an unknown code") {
  lock::HistoryEntry touch = past_run(0);
  touch.fence = 0;
  touch.code.reset();
  const std::string text = cli::history_json("k\xff", history_of({touch, past_run(1500, "failed", 3)}));
  CHECK(text == R"({
  "schema": 1,
  "key": "k)"
                "\xef\xbf\xbd"
                R"(",
  "known": true,
  "runs": [
    {
      "host": "web1",
      "pid": 4121,
      "fence": null,
      "start": {
        "ms": 1795507820000,
        "rfc3339": "2026-11-24T08:10:20.000Z"
      },
      "end": {
        "ms": 1795507820000,
        "rfc3339": "2026-11-24T08:10:20.000Z"
      },
      "duration_ms": 0,
      "outcome": "success",
      "exit_code": null
    },
    {
      "host": "web1",
      "pid": 4121,
      "fence": 7,
      "start": {
        "ms": 1795507820000,
        "rfc3339": "2026-11-24T08:10:20.000Z"
      },
      "end": {
        "ms": 1795507821500,
        "rfc3339": "2026-11-24T08:10:21.500Z"
      },
      "duration_ms": 1500,
      "outcome": "failed",
      "exit_code": 3
    }
  ]
}
)");
  CHECK(cli::history_json("k", {began, false, {}}) ==
        "{\n  \"schema\": 1,\n  \"key\": \"k\",\n  \"known\": false,\n  \"runs\": []\n}\n");
}

TEST_CASE("history_text: a run that was lost and ended later counts once and has two rows") {
  const std::string text = cli::history_text("k", history_of({past_run(9000, "superseded", 143), past_run(3000, "lost", 0)}),
                                             {support::no_color(), false, util::Zone::utc});
  CHECK(text.starts_with("k: 1 run, 1 failed, median 3s, longest 3s  #\n"));
  CHECK(text.find("superseded (143)") != std::string::npos);
  lock::HistoryEntry other = past_run(1000, "superseded", 0);
  other.fence = 8;
  CHECK(first_line(history_of({other, past_run(3000, "lost", 0)}), false).starts_with("k: 2 runs, 2 failed"));
}

TEST_CASE("history_text: the runs of many keys stay in the given order") {
  const auto form = cli::HistoryForm{support::no_color(), false, util::Zone::utc};
  CHECK(cli::history_text({{"a\n", past_run(1500)}, {"bb", past_run(90'000, "failed", 3)}}, form) ==
        "   BEGAN                    KEY     TOOK  OUTCOME     ON\n"
        "+  2026-11-24 08:10:20 UTC  a\\x0a   1.5s  success     web1 (pid 4121)\n"
        "x  2026-11-24 08:10:20 UTC  bb     1m30s  failed (3)  web1 (pid 4121)\n");
  CHECK(cli::history_text({}, form).empty());
}

TEST_CASE("history_json: the runs of many keys have their key") {
  const auto json = cli::Json::parse(cli::history_json({{"a", past_run(1500)}, {"b", past_run(1)}}));
  CHECK(json["schema"] == 1);
  REQUIRE(json["runs"].size() == 2);
  CHECK(json["runs"][0]["key"] == "a");
  CHECK(json["runs"][0]["duration_ms"] == 1500);
  CHECK(json["runs"][1]["key"] == "b");
  CHECK(cli::history_json(std::vector<cli::KeyRun>{}).find("\"runs\": []") != std::string::npos);
}

TEST_CASE("has_unicode_locale: the first variable that is set and not empty decides") {
  const ScopedVariable all("LC_ALL", std::nullopt);
  const ScopedVariable type("LC_CTYPE", std::nullopt);
  const ScopedVariable lang("LANG", std::nullopt);
  CHECK_FALSE(cli::has_unicode_locale());
  const ScopedVariable utf8_lang("LANG", "de_DE.UTF-8");
  CHECK(cli::has_unicode_locale());
  const ScopedVariable empty_type("LC_CTYPE", "");
  CHECK(cli::has_unicode_locale());
  const ScopedVariable latin_type("LC_CTYPE", "de_DE.ISO-8859-1");
  CHECK_FALSE(cli::has_unicode_locale());
  const ScopedVariable utf8_all("LC_ALL", "C.utf8");
  CHECK(cli::has_unicode_locale());
}
