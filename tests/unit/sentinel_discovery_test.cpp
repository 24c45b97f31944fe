// What a search through Sentinels makes of their answers. With real Sentinels: tests/cli/sentinel.bats.
#include "engine/redis/sentinel_discovery.hpp"

#include <doctest/doctest.h>

#include <map>

#include "support/fake_transport.hpp"

using namespace condolock;
using engine::Fault;
using engine::redis::Address;
using engine::redis::SentinelDiscovery;
using support::FakeTransport;

namespace {

const std::string found = "*2\r\n$8\r\n10.0.0.9\r\n$4\r\n6379\r\n";
const std::string unknown = "*-1\r\n";
const std::string masters =
    "*2\r\n*4\r\n$4\r\nname\r\n$4\r\nmain\r\n$2\r\nip\r\n$1\r\nx\r\n*2\r\n$4\r\nname\r\n$2\r\n\x1b!\r\n";

struct Search {
  // By the Sentinel's host: what answers the nth write. A Sentinel without an entry refuses, one with an empty text is
  // silent.
  std::map<std::string, std::vector<std::string>> sentinels;
  std::vector<std::string> asked;
  engine::redis::Connector connect = [this](const Address& address) {
    asked.push_back(address.host);
    auto state = std::make_shared<FakeTransport::State>();
    if (sentinels.count(address.host) == 0) {
      state->error = "Connection refused";
    } else {
      state->answer = [texts = sentinels[address.host], n = std::size_t{0}](const std::string&) mutable {
        return n < texts.size() ? texts[n++] : "";
      };
    }
    return std::make_unique<FakeTransport>(state);
  };
  engine::redis::Target target;
  std::unique_ptr<SentinelDiscovery> discovery;

  engine::Answered<std::vector<Address>> run() {
    if (!discovery) {
      target.primary = "main";
      for (const char* host : {"10.0.0.1", "10.0.0.2", "10.0.0.3"}) target.others.emplace_back().host = host;
      discovery = std::make_unique<SentinelDiscovery>(target, connect);
    }
    Instant now = BootClock::now();
    discovery->start(now, now + Millis(4000));
    for (int i = 0; i < 5000; ++i, now += Millis(1)) {
      if (auto outcome = discovery->advance(POLLIN, now)) return *std::move(outcome);
      CHECK(discovery->interest().wake);
    }
    FAIL("no outcome");
    return std::vector<Address>{};
  }

  std::string shown() {
    const auto outcome = run();
    return outcome ? outcome->at(0).shown : outcome.error().text;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Search, "sentinels: the first that answers decides, and the next search begins with the one after it") {
  for (const char* host : {"10.0.0.1", "10.0.0.2", "10.0.0.3"}) sentinels[host] = {found};
  CHECK(shown() == "10.0.0.9:6379");
  CHECK(shown() == "10.0.0.9:6379");
  CHECK(asked == std::vector<std::string>{"10.0.0.1", "10.0.0.2"});
}

TEST_CASE_FIXTURE(Search, "sentinels: one that refuses, is silent or is none is passed over") {
  sentinels["10.0.0.2"] = {""};
  sentinels["10.0.0.3"] = {found};
  CHECK(shown() == "10.0.0.9:6379");
  sentinels["10.0.0.1"] = {"-ERR unknown command 'SENTINEL'\r\n"};
  CHECK(shown() == "10.0.0.9:6379");
}

TEST_CASE_FIXTURE(Search, "sentinels: none knows the name: misconfigured, with the names that they know") {
  for (const char* host : {"10.0.0.1", "10.0.0.2", "10.0.0.3"}) sentinels[host] = {unknown, masters};
  const auto outcome = run();
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().fault == Fault::misconfigured);
  CHECK(outcome.error().text == "no Sentinel knows a primary with the name main; they know: \\x1b!, main");
}

TEST_CASE_FIXTURE(Search, "sentinels: a user who may not list names hears no wrong list") {
  for (const char* host : {"10.0.0.1", "10.0.0.2", "10.0.0.3"}) sentinels[host] = {unknown, "-NOPERM no\r\n"};
  CHECK(shown() == "no Sentinel knows a primary with the name main");
}

TEST_CASE_FIXTURE(Search, "sentinels: one that does not know the name is not believed while others give no answer") {
  sentinels["10.0.0.1"] = {unknown, masters};
  const auto outcome = run();
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().fault == Fault::unreachable);
}

TEST_CASE_FIXTURE(Search, "sentinels: a refusal says more than silence") {
  sentinels["10.0.0.2"] = {"-NOAUTH Authentication required.\r\n"};
  const auto outcome = run();
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().fault == Fault::denied);
  CHECK(outcome.error().text == "the Sentinel 10.0.0.2:6379 says: NOAUTH Authentication required.");
}

TEST_CASE_FIXTURE(Search, "sentinels: replies that name no address are unexpected") {
  for (const char* text : {"*2\r\n$0\r\n\r\n$4\r\n6379\r\n", "*2\r\n$1\r\nh\r\n$1\r\n0\r\n", "*1\r\n$1\r\nh\r\n", "+OK\r\n",
                           ":1\r\n", "*2\r\n*1\r\n$1\r\nh\r\n$4\r\n6379\r\n", "HTTP/1.1 400\r\n\r\n"}) {
    CAPTURE(text);
    Search search;
    for (const char* host : {"10.0.0.1", "10.0.0.2", "10.0.0.3"}) search.sentinels[host] = {text};
    const auto outcome = search.run();
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().fault == Fault::unexpected);
  }
}

TEST_CASE_FIXTURE(Search, "sentinels: an IPv6 address is named without brackets, and shown with them") {
  sentinels["10.0.0.1"] = {"*2\r\n$3\r\n::1\r\n$4\r\n6379\r\n"};
  CHECK(shown() == "[::1]:6379");
}
