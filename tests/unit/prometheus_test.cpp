#include "cli/output/prometheus.hpp"

#include <doctest/doctest.h>

using namespace condolock;

namespace {

constexpr std::int64_t scrape_time = 1'795'507'820'000;

lock::Record scraped_record() {
  lock::Record record;
  record.now = scrape_time;
  record.known = true;
  return record;
}

// The lines of one family's samples.
std::string samples_of(const std::string& family, const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::string line = text.substr(at, text.find('\n', at) + 1 - at);
    if (line.starts_with("condolock_" + family + "{")) out += line;
    at += line.size();
  }
  return out;
}

// The samples of the namespace, the same for all keys.
const std::string of_namespace =
    "# HELP condolock_namespace_paused Whether all keys are paused (pause --all).\n"
    "# TYPE condolock_namespace_paused gauge\n"
    "condolock_namespace_paused{namespace=\"ns\"} 0\n"
    "# HELP condolock_scrape_timestamp_seconds When these figures were read, by this machine's clock.\n"
    "# TYPE condolock_scrape_timestamp_seconds gauge\n"
    "condolock_scrape_timestamp_seconds{namespace=\"ns\"} 1790000000.123\n";

}  // namespace

TEST_CASE("list_prometheus: a complete record has a sample in every family") {
  lock::Record record = scraped_record();
  record.success_end = 1'795'507'810'007;
  record.failed_at = 1'795'507'000'120;
  record.took = 1500;
  record.code = 3;
  record.runs = 9;
  record.failures = 2;
  record.skips = 4;
  record.refusals = 12;
  record.failures_in_a_row = 1;
  record.pause = lock::Paused{};
  record.holders = {{"1 a", scrape_time + 1, 1, 0}, {"2 b", scrape_time + 1, 2, 0}, {"3 c", scrape_time, 3, 0}};
  CHECK(cli::list_prometheus({{"k", record, ""}}, {"ns", false, 1'790'000'000'123}) ==
        R"(# HELP condolock_last_success_timestamp_seconds When the last successful run ended.
# TYPE condolock_last_success_timestamp_seconds gauge
condolock_last_success_timestamp_seconds{namespace="ns",key="k"} 1795507810.007
# HELP condolock_last_failure_timestamp_seconds When the last failed run ended.
# TYPE condolock_last_failure_timestamp_seconds gauge
condolock_last_failure_timestamp_seconds{namespace="ns",key="k"} 1795507000.120
# HELP condolock_last_duration_seconds How long the last run took.
# TYPE condolock_last_duration_seconds gauge
condolock_last_duration_seconds{namespace="ns",key="k"} 1.500
# HELP condolock_last_exit_code Exit code of the last run.
# TYPE condolock_last_exit_code gauge
condolock_last_exit_code{namespace="ns",key="k"} 3
# HELP condolock_runs_total Runs that have ended.
# TYPE condolock_runs_total counter
condolock_runs_total{namespace="ns",key="k"} 9
# HELP condolock_failures_total Runs that failed, were lost or timed out.
# TYPE condolock_failures_total counter
condolock_failures_total{namespace="ns",key="k"} 2
# HELP condolock_failures_in_a_row Failures since the last success.
# TYPE condolock_failures_in_a_row gauge
condolock_failures_in_a_row{namespace="ns",key="k"} 1
# HELP condolock_skips_total Runs that were refused.
# TYPE condolock_skips_total counter
condolock_skips_total{namespace="ns",key="k"} 12
# HELP condolock_run_start_timestamp_seconds When the run in progress began; of several, the first.
# TYPE condolock_run_start_timestamp_seconds gauge
condolock_run_start_timestamp_seconds{namespace="ns",key="k"} 0.000
# HELP condolock_skips Runs that were refused since the last one ended.
# TYPE condolock_skips gauge
condolock_skips{namespace="ns",key="k"} 4
# HELP condolock_held Leases that are held now.
# TYPE condolock_held gauge
condolock_held{namespace="ns",key="k"} 2
# HELP condolock_lost Leases that ran out before their run was recorded, and which nobody has taken since.
# TYPE condolock_lost gauge
condolock_lost{namespace="ns",key="k"} 1
# HELP condolock_paused Whether runs are paused.
# TYPE condolock_paused gauge
condolock_paused{namespace="ns",key="k"} 1
# HELP condolock_namespace_paused Whether all keys are paused (pause --all).
# TYPE condolock_namespace_paused gauge
condolock_namespace_paused{namespace="ns"} 0
# HELP condolock_scrape_timestamp_seconds When these figures were read, by this machine's clock.
# TYPE condolock_scrape_timestamp_seconds gauge
condolock_scrape_timestamp_seconds{namespace="ns"} 1790000000.123
# HELP condolock_malformed Whether the record can't be read, and has no other figures.
# TYPE condolock_malformed gauge
condolock_malformed{namespace="ns",key="k"} 0
)");
}

TEST_CASE("list_prometheus: a family without a sample has no heading either") {
  const std::string text = cli::list_prometheus({{"k", scraped_record(), ""}}, {"ns", false, 1'790'000'000'123});
  for (const char* absent :
       {"last_success_timestamp_seconds", "last_failure_timestamp_seconds", "last_duration_seconds", "last_exit_code"}) {
    CAPTURE(absent);
    CHECK(text.find(absent) == std::string::npos);
  }
  CHECK(samples_of("held", text) == "condolock_held{namespace=\"ns\",key=\"k\"} 0\n");
  CHECK(samples_of("lost", text) == "condolock_lost{namespace=\"ns\",key=\"k\"} 0\n");
  CHECK(samples_of("paused", text) == "condolock_paused{namespace=\"ns\",key=\"k\"} 0\n");
  CHECK(cli::list_prometheus({}, {"ns", false, 1'790'000'000'123}) == of_namespace);
  CHECK(cli::list_prometheus({{"k", lock::Record(), ""}}, {"ns", false, 1'790'000'000'123}) == of_namespace);
  CHECK(samples_of("namespace_paused", cli::list_prometheus({}, {"ns", true, 0})) ==
        "condolock_namespace_paused{namespace=\"ns\"} 1\n");
  CHECK(samples_of("run_start_timestamp_seconds", text).empty());
}

TEST_CASE("list_prometheus: a key without a value has no sample beside a key that has one") {
  lock::Record record = scraped_record();
  record.code = 0;
  const std::string text =
      cli::list_prometheus({{"a", scraped_record(), ""}, {"b", record, ""}}, {"ns", false, 1'790'000'000'123});
  CHECK(samples_of("last_exit_code", text) == "condolock_last_exit_code{namespace=\"ns\",key=\"b\"} 0\n");
  CHECK(samples_of("runs_total", text) ==
        "condolock_runs_total{namespace=\"ns\",key=\"a\"} 0\ncondolock_runs_total{namespace=\"ns\",key=\"b\"} 0\n");
}

TEST_CASE("list_prometheus: a malformed record is reported by the only sample of its key") {
  CHECK(cli::list_prometheus({{"k", lock::Record(), "the record is malformed"}}, {"ns", false, 1'790'000'000'123}) ==
        std::string(of_namespace) +
            "# HELP condolock_malformed Whether the record can't be read, and has no other figures.\n"
            "# TYPE condolock_malformed gauge\n"
            "condolock_malformed{namespace=\"ns\",key=\"k\"} 1\n");
}

TEST_CASE("list_prometheus: quotes, backslashes and line feeds of a key are escaped in a label") {
  CHECK(
      samples_of("skips", cli::list_prometheus({{"a\"b\\c\nd", scraped_record(), ""}}, {"ns", false, 1'790'000'000'123})) ==
      R"(condolock_skips{namespace="ns",key="a\"b\\\\c\\x0ad"} 0)"
      "\n");
}
