// The embedded engine's commands against a real Redis: both must give the same answers.
#include "engine/embedded/commands.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "engine/embedded/memory_store.hpp"
#include "engine/embedded/sqlite_store.hpp"
#include "engine/redis/permissions.hpp"
#include "support/redis_server.hpp"

using namespace condolock::engine::embedded;
using support::RedisServer;
using Words = std::vector<std::string>;

namespace {

// Same form as RedisServer::command(), but an error is its first word.
std::string text_of(const Value& value) {
  switch (value.kind) {
    case Value::Kind::nil:
      return "(nil)";
    case Value::Kind::integer:
      return std::to_string(value.number);
    case Value::Kind::text:
    case Value::Kind::status:
      return value.text;
    case Value::Kind::error:
      return "error " + value.text.substr(0, value.text.find(' '));
    case Value::Kind::array:
      break;
  }
  std::string out;
  for (const Value& item : value.items) out += (&item == value.items.data() ? "" : " ") + text_of(item);
  return out;
}

std::string on_redis(RedisServer& server, const Words& words) {
  try {
    return server.command(words);
  } catch (const std::exception& error) {
    const std::string text = error.what();  // "redis: HSET: WRONGTYPE ..."
    const std::string what = text.substr(text.find(": ", 7) + 2);
    return "error " + what.substr(0, what.find(' '));
  }
}

std::string on_store(Store& store, const Words& words) {
  store.begin();
  std::string text = text_of(run_command(store, 1'700'000'000'000'000, words));
  store.commit();
  return text;
}

std::string shown(const Words& words) {
  std::string out;
  for (const std::string& word : words) out += word + " ";
  return out;
}

class Fuzz {
 public:
  explicit Fuzz(std::uint32_t seed) : random_(seed) {}

  Words next() {
    const std::string key = pick({"a", "b", "c"});
    const std::string name = pick({"DEL",
                                   "EXISTS",
                                   "HDEL",
                                   "HGETALL",
                                   "HLEN",
                                   "HMGET",
                                   "HSET",
                                   "LINDEX",
                                   "LLEN",
                                   "LPOP",
                                   "LPUSH",
                                   "LRANGE",
                                   "LREM",
                                   "LTRIM",
                                   "TYPE",
                                   "ZADD",
                                   "ZCARD",
                                   "ZCOUNT",
                                   "ZMSCORE",
                                   "ZRANGE",
                                   "ZRANK",
                                   "ZREM",
                                   "ZREMRANGEBYSCORE",
                                   "ZSCORE",
                                   "PEXPIRE",
                                   "PEXPIREAT"});
    const auto member = [this] { return pick({"x", "y", "z", "", "\n\xff", "1:y", std::string(1, '\0')}); };
    const auto number = [this] { return pick({"0", "1", "-1", "2", "-2", "5"}); };
    const auto score = [this] { return pick({"1", "1.5", "-3", "1700000000000", "2", "inf", "-inf"}); };
    const auto bound = [this] {
      return pick({"-inf", "+inf", "(-inf", "(+inf", "1", "(1", "1.5", "(1.5", "2", "1700000000000"});
    };
    if (name == "DEL" || name == "EXISTS") return {name, key, pick({"a", "b", "c"})};
    if (name == "HDEL" || name == "HMGET" || name == "ZMSCORE" || name == "ZREM") return {name, key, member(), member()};
    if (name == "HSET") return {name, key, member(), member(), member(), member()};
    if (name == "LINDEX") return {name, key, number()};
    if (name == "LPUSH") return {name, key, member(), member()};
    if (name == "LRANGE" || name == "LTRIM") return {name, key, number(), number()};
    if (name == "LREM") return {name, key, pick({"1", "2"}), member()};
    if (name == "ZSCORE" || name == "ZRANK") return {name, key, member()};
    if (name == "PEXPIRE") return {name, key, pick({"100000", "0", "-5"})};
    if (name == "PEXPIREAT") return {name, key, pick({"9000000000000", "1000"})};
    if (name == "ZADD") {
      const std::string flag = pick({"", "NX", "XX"});
      return flag.empty() ? Words{name, key, score(), member()} : Words{name, key, flag, score(), member()};
    }
    if (name == "ZREMRANGEBYSCORE") return {name, key, bound(), bound()};
    if (name == "ZCOUNT") return {name, key, "-inf", bound()};
    if (name == "ZRANGE") return {name, key, pick({"0", "1"}), pick({"1", "2"}), "WITHSCORES"};
    return {name, key};
  }

 private:
  std::string pick(const std::vector<std::string>& from) { return from[random_() % from.size()]; }

  std::mt19937 random_;
};

// The fields of a hash have no order.
std::string ordered(const Words& words, std::string text) {
  if (words[0] == "HGETALL") std::sort(text.begin(), text.end());
  return text;
}

}  // namespace

TEST_CASE("embedded: every command of the scripts exists") {
  const auto known = known_commands();
  for (const std::string& command : condolock::engine::redis::used_commands()) {
    CAPTURE(command);
    const bool sent_by_us = command == "BLPOP" || command == "EVAL" || command == "EVALSHA" || command == "ROLE";
    CHECK((sent_by_us || std::find(known.begin(), known.end(), command) != known.end()));
  }
}

TEST_CASE("embedded: it answers as Redis does, in memory and in a file") {
  RedisServer& server = support::empty_server();
  support::TemporaryDirectory directory;
  SqliteStore file(directory.path());
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    server.command({"FLUSHALL"});
    for (const std::string& key : file.keys()) file.erase(key);
    MemoryStore memory;
    Fuzz fuzz(seed);
    for (int step = 0; step < 150; ++step) {
      const Words words = fuzz.next();
      const std::string wanted = ordered(words, on_redis(server, words));
      CAPTURE(seed);
      CAPTURE(step);
      CAPTURE(shown(words));
      REQUIRE(ordered(words, on_store(memory, words)) == wanted);
      REQUIRE(ordered(words, on_store(file, words)) == wanted);
    }
    CHECK(file.keys().size() == static_cast<std::size_t>(std::stoi(server.command({"DBSIZE"}))));
    CHECK(memory.keys() == file.keys());
  }
}

TEST_CASE("embedded: an invalid command is an error, and changes nothing") {
  MemoryStore store;
  const auto answer = [&](const Words& words) { return text_of(run_command(store, 0, words)); };
  CHECK(answer({}).starts_with("error ERR"));
  CHECK(answer({"FLUSHALL"}).starts_with("error ERR"));
  CHECK(answer({"hset", "a", "b", "c"}).starts_with("error ERR"));
  CHECK(answer({"HSET", "a", "b"}).starts_with("error ERR"));
  CHECK(answer({"HSET", "a", "b", "c", "d"}).starts_with("error ERR"));
  CHECK(answer({"TYPE"}).starts_with("error ERR"));
  CHECK(answer({"ZADD", "a", "GT", "1", "m"}).starts_with("error ERR"));
  CHECK(answer({"ZADD", "a", "x", "m"}).starts_with("error ERR"));
  CHECK(answer({"ZRANGE", "a", "0", "1", "REV"}).starts_with("error ERR"));
  CHECK(answer({"ZRANGE", "a", "-1", "1", "WITHSCORES"}).starts_with("error ERR"));
  CHECK(answer({"ZCOUNT", "a", "1", "2"}).starts_with("error ERR"));
  CHECK(answer({"LINDEX", "a", "x"}).starts_with("error ERR"));
  CHECK(answer({"LREM", "a", "-1", "x"}).starts_with("error ERR"));
  CHECK(store.keys().empty());
}

TEST_CASE("embedded: a hash of more than a MiB in a file is not read, and can be deleted") {
  support::TemporaryDirectory directory;
  SqliteStore file(directory.path());
  on_store(file, {"HSET", "a", "f", std::string(1'000'000, 'x')});
  CHECK(on_store(file, {"HLEN", "a"}) == "1");
  on_store(file, {"HSET", "a", "g", std::string(100'000, 'x')});
  CHECK(on_store(file, {"HLEN", "a"}).find("WRONGTYPE") != std::string::npos);
  CHECK(on_store(file, {"DEL", "a"}) == "1");
  CHECK(file.keys().empty());
}

TEST_CASE("embedded: a key expires at its time") {
  support::TemporaryDirectory directory;
  MemoryStore memory;
  SqliteStore file(directory.path());
  for (Store* store : {static_cast<Store*>(&memory), static_cast<Store*>(&file)}) {
    const auto answer = [&](std::int64_t ms, const Words& words) { return text_of(run_command(*store, ms * 1000, words)); };
    CHECK(answer(1000, {"LPUSH", "a", "x"}) == "1");
    CHECK(answer(1000, {"PEXPIRE", "a", "50"}) == "1");
    CHECK(answer(1049, {"LLEN", "a"}) == "1");
    CHECK(answer(1050, {"LLEN", "a"}) == "0");
    CHECK(answer(1050, {"HSET", "a", "f", "v"}) == "1");
    CHECK(answer(9000, {"TYPE", "a"}) == "hash");
    // A change of a key does not change its expiry.
    CHECK(answer(9000, {"PEXPIREAT", "a", "9100"}) == "1");
    CHECK(answer(9001, {"HSET", "a", "g", "w"}) == "1");
    CHECK(answer(9002, {"HDEL", "a", "f"}) == "1");
    CHECK(answer(9099, {"HGETALL", "a"}) == "g w");
    CHECK(answer(9100, {"EXISTS", "a"}) == "0");
  }
}

TEST_CASE("embedded: the log is cut when it is long, or in an urgent call when it is far too long") {
  support::TemporaryDirectory directory;
  SqliteStore file(directory.path());
  // The greatest length of the log in this many commits of a page or two.
  const auto longest = [&](int commits, bool urgent) {
    std::uintmax_t size = 0;
    for (int i = 0; i < commits; ++i) {
      on_store(file, {"HSET", "a", "f", std::to_string(i)});
      file.shorten_log(urgent);
      size = std::max(size, std::filesystem::file_size(directory.path() + "/condolock.db-wal"));
    }
    return size;
  };
  CHECK(longest(300, false) < 100'000);
  const auto far_too_long = longest(3000, true);
  CHECK(far_too_long > 1'000'000);
  CHECK(far_too_long < 1'200'000);
}

TEST_CASE("embedded: changes that were not committed are gone") {
  support::TemporaryDirectory directory;
  MemoryStore memory;
  SqliteStore file(directory.path());
  for (Store* store : {static_cast<Store*>(&memory), static_cast<Store*>(&file)}) {
    const auto answer = [&](const Words& words) { return text_of(run_command(*store, 0, words)); };
    on_store(*store, {"HSET", "kept", "f", "1"});
    on_store(*store, {"ZADD", "kept-set", "1", "m"});
    on_store(*store, {"ZADD", "moved", "1", "m"});
    on_store(*store, {"ZADD", "moved", "2", "n"});
    on_store(*store, {"LPUSH", "list", "x", "y", "z"});
    store->begin();
    CHECK(answer({"ZADD", "moved", "3", "m"}) == "0");
    CHECK(answer({"ZREM", "moved", "n"}) == "1");
    CHECK(answer({"LTRIM", "list", "1", "1"}) == "OK");
    CHECK(answer({"LREM", "list", "1", "y"}) == "1");
    CHECK(answer({"HSET", "kept", "f", "2", "g", "3"}) == "1");
    CHECK(answer({"DEL", "kept-set"}) == "1");
    CHECK(answer({"LPUSH", "new", "x"}) == "1");
    store->rollback();
    CHECK(store->keys() == Words{"kept", "kept-set", "list", "moved"});
    CHECK(on_store(*store, {"LRANGE", "list", "0", "-1"}) == "z y x");
    CHECK(on_store(*store, {"ZRANGE", "moved", "0", "9", "WITHSCORES"}) == "m 1 n 2");
    CHECK(on_store(*store, {"ZMSCORE", "moved", "m", "n"}) == "1 2");
    CHECK(on_store(*store, {"HMGET", "kept", "f", "g"}) == "1 (nil)");
    CHECK(on_store(*store, {"ZRANGE", "kept-set", "0", "9", "WITHSCORES"}) == "m 1");
  }
}
