// Every number in every reply must be checked before it is used.
#include <doctest/doctest.h>

#include "lock/record.hpp"
#include "lock/verbs.hpp"

using namespace condolock;

namespace {

const lock::Job job{"ns", "K"};
constexpr std::size_t conditions = 2;

// "" if the reply was accepted, else the failure's text.
template <class Decoded>
std::string text_of(const Decoded& decoded) {
  if (decoded) return "";
  CHECK(decoded.error().fault == engine::Fault::unexpected);
  CHECK(decoded.error().may_have_run);  // a grant must be abandoned
  return decoded.error().text;
}

using Decode = std::string (*)(const engine::Reply&);

struct Numbers {
  Decode decode;
  engine::Values values;  // a valid reply
  // By position in the reply: the smallest and the greatest value that is accepted, and whether the value may be empty.
  struct Number {
    std::size_t at;
    std::string min, max;
    bool optional = false;
  };
  std::vector<Number> numbers;
};

const std::string top = "9007199254740992";  // 2^53
const std::string bottom = "-" + top;

const Decode as_decision = [](const engine::Reply& reply) { return text_of(lock::decode_decision(reply, conditions)); };
const Decode as_verdicts = [](const engine::Reply& reply) { return text_of(lock::decode_verdicts(reply, 1)); };
const Decode as_renewal = [](const engine::Reply& reply) { return text_of(lock::decode_renewal(reply)); };
const Decode as_unlocked = [](const engine::Reply& reply) { return text_of(lock::decode_unlock(reply)); };
const Decode as_reset_to = [](const engine::Reply& reply) { return text_of(lock::decode_reset(reply)); };
const Decode as_recorded = [](const engine::Reply& reply) { return text_of(lock::decode_recording(reply)); };
const Decode as_paused = [](const engine::Reply& reply) { return text_of(lock::decode_pause(reply)); };
const Decode as_history = [](const engine::Reply& reply) { return text_of(lock::decode_history(reply, job)); };
const Decode as_names = [](const engine::Reply& reply) { return text_of(lock::decode_names(reply)); };
const Decode as_record = [](const engine::Reply& reply) {
  const auto records = lock::decode_records(reply, 1);
  return records ? text_of(records->front()) : text_of(records);
};

const std::vector<Numbers>& replies() {
  static const std::vector<Numbers> all{
      {as_decision, {"granted", "17", "1000", "900"}, {{1, "1", top}, {2, "1", top}, {3, "0", top, true}}},
      {as_decision, {"held", "1 h", "3", "20", "1", "1"}, {{2, bottom, top}, {3, "0", top}, {4, "1", top}, {5, "1", top}}},
      {as_decision, {"paused", "20", "", "alice@web1", "5", "1"}, {{1, "0", top, true}, {4, bottom, top, true}}},
      {as_decision, {"skipped", "1", "recent", "3", "20", ""}, {{1, "1", "2"}, {3, bottom, top, true}, {4, "0", top, true}}},
      {as_verdicts,
       {"verdicts", "1 h", "3", "20", "1", "1", "1", "20", "why", "alice@web1", "4", "1", "5", "recent", "3", "20"},
       {{2, bottom, top, true},
        {3, "0", top, true},
        {4, "0", top},
        {5, "1", top},
        {7, "0", top, true},
        {10, bottom, top, true},
        {12, "0", top, true},
        {14, bottom, top, true},
        {15, "0", top, true}}},
      {as_renewal, {"lost", "18"}, {{1, "0", top}}},
      {as_unlocked, {"revoked", "1", "1 h", "3", "20"}, {{1, "1", top}, {3, bottom, top}, {4, "0", top}}},
      {as_unlocked, {"removed", "1", "1 h", "3", "20"}, {{1, "1", top}, {3, bottom, top}, {4, "0", top}}},
      {as_recorded, {"recorded", "2"}, {{1, "0", top}}},
      {as_reset_to, {"held", "1 h", "3", "20", "1"}, {{2, bottom, top}, {3, "0", top}, {4, "1", top}}},
      {as_history, {"runs", "1000", "1 2 3 failed 4 h"}, {{1, "1", top}}},
      {as_record,
       {"records", "1000",  "1", "20",   "why", "alice@web1", "4", "record",   "1", "2000",        "5", "600",
        "",        "1 h",   "1", "5",    "9",   "fence",      "7", "code",     "3", "ok_end",      "9", "paused_until",
        "2000",    "skips", "1", "took", "8",   "refused_at", "9", "refusals", "2", "freed_until", "1"},
       {{1, "1", top},
        {3, "0", top, true},
        {6, bottom, top, true},
        {9, "0", top},
        {10, "0", top},
        {11, "0", top},
        {14, "0", top},
        {15, "0", top, true},
        {18, "0", top, true},
        {20, "0", "255", true},
        {22, "0", top, true},
        {24, "0", top, true},
        {26, "0", top, true},
        {28, "0", top, true},
        {30, "0", top, true},
        {32, "0", top, true},
        {34, "0", top, true}}},
      {as_names, {"names", "5", "a", "3", "2", "a"}, {{3, "0", "1000000"}, {4, "0", "1000000"}}},
  };
  return all;
}

engine::Reply with(const Numbers& reply, std::size_t at, const std::string& value) {
  engine::Values values = reply.values;
  values[at] = value;
  return {Instant{}, std::move(values), {}};
}

std::string plus(const std::string& number, int more) { return std::to_string(std::stoll(number) + more); }

}  // namespace

TEST_CASE("replies: each number is accepted from its smallest to its greatest value") {
  for (const Numbers& reply : replies()) {
    CAPTURE(reply.values[0]);
    CHECK(reply.decode({Instant{}, reply.values, {}}) == "");
    for (const auto& number : reply.numbers) {
      CAPTURE(number.at);
      CHECK(reply.decode(with(reply, number.at, number.min)) == "");
      CHECK(reply.decode(with(reply, number.at, number.max)) == "");
    }
  }
}

TEST_CASE("replies: any other number is refused, and the message names the value and its range") {
  for (const Numbers& reply : replies()) {
    CAPTURE(reply.values[0]);
    for (const auto& number : reply.numbers) {
      CAPTURE(number.at);
      for (const std::string& bad : {plus(number.min, -1), plus(number.max, 1), std::string("9223372036854775807"),
                                     std::string("-9223372036854775808"), std::string("9223372036854775808"),
                                     std::string("1e3"), std::string("0x1"), std::string(" 1"), std::string("1.5")}) {
        const std::string text = reply.decode(with(reply, number.at, bad));
        CAPTURE(text);
        CHECK(text.find("the server answered " + reply.values[0] + " with the ") == 0);
        CHECK(text.find("'" + bad + "', which must be a number from " + number.min + " to " + number.max) !=
              std::string::npos);
      }
      if (number.optional) {
        CHECK(reply.decode(with(reply, number.at, "")) == "");
      } else {
        CHECK(reply.decode(with(reply, number.at, "")) != "");
      }
    }
  }
}

TEST_CASE("replies: a reply with one value more or less is refused") {
  std::vector<Numbers> all = replies();
  all.push_back({as_renewal, {"renewed"}, {}});
  all.push_back({as_renewal, {"reasserted"}, {}});
  all.push_back({as_renewal, {"finished", "recorded"}, {}});
  all.push_back({as_recorded, {"recorded", "3"}, {}});
  all.push_back({as_recorded, {"superseded"}, {}});
  all.push_back({as_paused, {"paused", "1"}, {}});
  all.push_back({as_renewal, {"revoked", "alice@web1"}, {}});
  all.push_back({as_unlocked, {"nothing"}, {}});
  all.push_back({as_reset_to, {"reset"}, {}});
  for (const Numbers& reply : all) {
    CAPTURE(reply.values[0]);
    CHECK(reply.decode({Instant{}, reply.values, {}}) == "");
    engine::Values more = reply.values;
    more.emplace_back("1");
    if (reply.decode != as_history && reply.decode != as_names) CHECK(reply.decode({Instant{}, more, {}}) != "");
    engine::Values fewer = reply.values;
    fewer.pop_back();
    if (fewer.empty()) fewer.emplace_back();
    if (reply.decode != as_history && reply.decode != as_names) CHECK(reply.decode({Instant{}, fewer, {}}) != "");
  }
}

TEST_CASE("replies: a negative age, after a clock went back, is 0") {
  const auto held = lock::decode_decision({Instant{}, engine::Values{"held", "1 h", "-5", "20", "1", "1"}, {}}, 0);
  REQUIRE(held);
  CHECK(std::get<lock::Held>(*held).since == Millis(0));
  const auto skipped = lock::decode_decision({Instant{}, engine::Values{"skipped", "1", "recent", "-5", "20", ""}, {}}, 1);
  REQUIRE(skipped);
  CHECK(std::get<lock::Skipped>(*skipped).verdict.since == Millis(0));
}

TEST_CASE("replies: a bad number in one record does not hide the other records") {
  const engine::Values values{"records", "1000", "", "", "", "", "", "record", "0", "1", "", "1", "code", "256", "none"};
  const auto records = lock::decode_records({Instant{}, values, {}}, 2);
  REQUIRE(records);
  REQUIRE(records->size() == 2);
  CHECK_FALSE((*records)[0]);
  CHECK((*records)[1]);
}

TEST_CASE("replies: an operator's action is decoded with name and time") {
  const auto records = lock::decode_records({Instant{},
                                             engine::Values{"records",
                                                            "1000",
                                                            "1",
                                                            "",
                                                            "why",
                                                            "alice@web1",
                                                            "400",
                                                            "record",
                                                            "2",
                                                            "2000",
                                                            "5",
                                                            "600",
                                                            "900:bob@b:2",
                                                            "1 h",
                                                            "2000",
                                                            "6",
                                                            "600",
                                                            "gibberish",
                                                            "2 h",
                                                            "2",
                                                            "",
                                                            "2",
                                                            "paused_until",
                                                            "1500",
                                                            "paused_by",
                                                            "800:carol@c"},
                                             {}},
                                            1);
  REQUIRE(records);
  const lock::Record record = records->front().value();
  REQUIRE(record.holders.size() == 2);
  REQUIRE(record.holders[0].revoked);
  CHECK(record.holders[0].revoked->by == "bob@b:2");
  CHECK(record.holders[0].revoked->at == 900);
  REQUIRE(record.holders[1].revoked);
  CHECK(record.holders[1].revoked->by.empty());
  // The pause of all jobs ends later than the job's own.
  REQUIRE(record.pause);
  CHECK(record.pause->all);
  CHECK(record.pause->by == "alice@web1");
  CHECK(record.pause->since == Millis(400));
}

TEST_CASE("replies: the pause of all jobs is decoded without any job") {
  const auto pause = [](engine::Values values) { return lock::decode_pause_of_all({Instant{}, std::move(values), {}}); };
  REQUIRE(pause({"records", "1000", "1", "20", "why", "alice@web1", "4"}));
  CHECK((*pause({"records", "1000", "1", "20", "why", "alice@web1", "4"}))->left == Millis(20));
  CHECK_FALSE(*pause({"records", "1000", "", "", "", "", ""}));
  CHECK_FALSE(pause({"records", "1000", "1", "-1", "why", "", ""}));
  CHECK_FALSE(pause({"names", "", "", "0", "0"}));
}

TEST_CASE("replies: a list of names that never ends is refused") {
  CHECK_FALSE(lock::decode_names({Instant{}, engine::Values{"names", "5", "a", "0", "0"}, {}}));
  CHECK(lock::decode_names({Instant{}, engine::Values{"names", "", "", "0", "0"}, {}}));
}

TEST_CASE("replies: a row of the history with an exit code above 255 is refused") {
  const auto row = [](const std::string& code) {
    return lock::decode_history({Instant{}, engine::Values{"runs", "1000", "1 2 3 failed " + code + " h"}, {}}, job);
  };
  CHECK(row("255"));
  REQUIRE_FALSE(row("256"));
  CHECK(row("256").error().fault == engine::Fault::malformed);
}

TEST_CASE("replies: a message quotes only the beginning of a long text") {
  const std::string long_text(1'000'000, 'x');
  for (const engine::Values& values : std::vector<engine::Values>{
           {long_text}, {"granted", long_text, "1", ""}, {"malformed", long_text, long_text}, {"newer", "k", long_text}}) {
    const auto answer = lock::decode_decision({Instant{}, values, {}}, 0);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().text.size() < 2000);
  }
}
