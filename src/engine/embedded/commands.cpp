#include "engine/embedded/commands.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "util/number.hpp"

namespace condolock::engine::embedded {
namespace {

using Words = std::vector<std::string>;
using RawArguments = const Words&;  // without the command's name

Value nil() { return {}; }
Value integer(std::int64_t number) { return {Value::Kind::integer, number, "", {}}; }
Value text(std::string text) { return {Value::Kind::text, 0, std::move(text), {}}; }
Value status(std::string text) { return {Value::Kind::status, 0, std::move(text), {}}; }
Value error(std::string text) { return {Value::Kind::error, 0, std::move(text), {}}; }
Value array(std::vector<Value> items) { return {Value::Kind::array, 0, "", std::move(items)}; }

const char* const wrong_type = "WRONGTYPE Operation against a key holding the wrong kind of value";
const char* const syntax = "ERR syntax error";

struct Refusal {
  std::string text;
};

// The text of a score as in Redis: whole numbers have no fraction.
std::string score_text(double score) {
  std::array<char, 64> digits{};
  const bool whole = std::floor(score) == score && std::abs(score) < 1e17;
  const int length = std::snprintf(digits.data(), digits.size(), whole ? "%.0f" : "%.17g", score);
  return {digits.data(), static_cast<std::size_t>(length)};
}

double parse_score(std::string_view word) {
  if (word == "+inf" || word == "inf") return std::numeric_limits<double>::infinity();
  if (word == "-inf") return -std::numeric_limits<double>::infinity();
  const std::string copy(word);
  char* end = nullptr;
  const double score = std::strtod(copy.c_str(), &end);
  if (copy.empty() || *end != '\0' || std::isnan(score)) throw Refusal{"ERR value is not a valid float"};
  return score;
}

std::int64_t parse_integer(const std::string& word) {
  const auto number = util::parse_number<std::int64_t>(word);
  if (!number) throw Refusal{"ERR value is not an integer or out of range"};
  return *number;
}

// The store at the time of one command.
class Keyspace {
 public:
  Keyspace(Store& store, std::int64_t now_us) : store_(store), now_us_(now_us) {}

  Store& store() { return store_; }
  std::int64_t now_us() const { return now_us_; }
  std::int64_t now_ms() const { return now_us_ / 1000; }

  // Erases the key if it has expired. Null if there is no such key.
  const KeyEntry* entry(const std::string& key) {
    const KeyEntry* entry = store_.entry(key);
    if (entry == nullptr || !entry->expires || *entry->expires > now_ms()) return entry;
    store_.erase(key);
    return nullptr;
  }

  // Throws Refusal if the key holds another kind. Null if there is no such key.
  const KeyEntry* find(const std::string& key, Kind kind) {
    const KeyEntry* found = entry(key);
    if (found != nullptr && found->kind != kind) throw Refusal{wrong_type};
    return found;
  }

  bool has(const std::string& key, Kind kind) { return find(key, kind) != nullptr; }

  // Creates the key if it does not exist.
  void need(const std::string& key, Kind kind) {
    if (!has(key, kind)) store_.set_entry(key, {kind});
  }

  // Redis has no empty lists and sorted sets: erases the key after its last item.
  void tidy(const std::string& key) {
    if (store_.range(key, {.limit = 1}).empty()) store_.erase(key);
  }

 private:
  Store& store_;
  std::int64_t now_us_;
};

// ---- keys

Value time(Keyspace& keys, RawArguments /*words*/) {
  return array({text(std::to_string(keys.now_us() / 1'000'000)), text(std::to_string(keys.now_us() % 1'000'000))});
}

Value type(Keyspace& keys, RawArguments words) {
  const KeyEntry* entry = keys.entry(words[0]);
  if (entry == nullptr) return status("none");
  static constexpr std::array<const char*, 4> names{"hash", "list", "zset", "unreadable"};
  return status(names.at(static_cast<std::size_t>(entry->kind)));
}

Value exists(Keyspace& keys, RawArguments words) {
  return integer(
      std::count_if(words.begin(), words.end(), [&](const std::string& key) { return keys.entry(key) != nullptr; }));
}

Value del(Keyspace& keys, RawArguments words) {
  std::int64_t gone = 0;
  for (const std::string& key : words) {
    if (keys.entry(key) == nullptr) continue;
    keys.store().erase(key);
    ++gone;
  }
  return integer(gone);
}

Value expire_at(Keyspace& keys, const std::string& key, std::int64_t at) {
  const KeyEntry* found = keys.entry(key);
  if (found == nullptr) return integer(0);
  if (found->kind == Kind::unreadable) throw Refusal{wrong_type};
  KeyEntry entry = *found;
  entry.expires = at;
  keys.store().set_entry(key, std::move(entry));
  keys.entry(key);  // erases the key if that time has passed
  return integer(1);
}

Value pexpire(Keyspace& keys, RawArguments words) {
  return expire_at(keys, words[0], keys.now_ms() + parse_integer(words[1]));
}

Value pexpireat(Keyspace& keys, RawArguments words) { return expire_at(keys, words[0], parse_integer(words[1])); }

// ---- hashes

Value hmget(Keyspace& keys, RawArguments words) {
  const KeyEntry* hash = keys.find(words[0], Kind::hash);
  std::vector<Value> out(words.size() - 1);
  if (hash == nullptr) return array(std::move(out));
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (const auto field = hash->fields.find(words[i]); field != hash->fields.end()) out[i - 1] = text(field->second);
  }
  return array(std::move(out));
}

Value hgetall(Keyspace& keys, RawArguments words) {
  std::vector<Value> out;
  const KeyEntry* hash = keys.find(words[0], Kind::hash);
  if (hash == nullptr) return array({});
  for (const auto& [name, value] : hash->fields) {
    out.push_back(text(name));
    out.push_back(text(value));
  }
  return array(std::move(out));
}

Value hlen(Keyspace& keys, RawArguments words) {
  const KeyEntry* hash = keys.find(words[0], Kind::hash);
  return integer(hash == nullptr ? 0 : static_cast<std::int64_t>(hash->fields.size()));
}

Value hset(Keyspace& keys, RawArguments words) {
  if (words.size() % 2 == 0) throw Refusal{"ERR wrong number of arguments for 'hset' command"};
  const KeyEntry* found = keys.find(words[0], Kind::hash);
  KeyEntry hash = found == nullptr ? KeyEntry{Kind::hash} : *found;
  std::int64_t added = 0;
  for (std::size_t i = 1; i < words.size(); i += 2) {
    added += hash.fields.insert_or_assign(words[i], words[i + 1]).second ? 1 : 0;
  }
  keys.store().set_entry(words[0], std::move(hash));
  return integer(added);
}

Value hdel(Keyspace& keys, RawArguments words) {
  const KeyEntry* found = keys.find(words[0], Kind::hash);
  if (found == nullptr) return integer(0);
  KeyEntry hash = *found;
  std::size_t gone = 0;
  for (std::size_t i = 1; i < words.size(); ++i) gone += hash.fields.erase(words[i]);
  if (hash.fields.empty()) {
    keys.store().erase(words[0]);
  } else if (gone > 0) {
    keys.store().set_entry(words[0], std::move(hash));
  }
  return integer(static_cast<std::int64_t>(gone));
}

// ---- lists: an item's score is its position, which grows from the first item to the last

Value llen(Keyspace& keys, RawArguments words) {
  return integer(keys.has(words[0], Kind::list) ? keys.store().count(words[0]) : 0);
}

Value lpush(Keyspace& keys, RawArguments words) {
  keys.need(words[0], Kind::list);
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto first = keys.store().range(words[0], {.limit = 1});
    const double position = first.empty() ? 0 : first[0].score - 1;
    keys.store().put(words[0], {score_text(position), position, words[i]});
  }
  return integer(keys.store().count(words[0]));
}

// Converts two indices, both included, to skip and length. Negative indices count from the end.
std::pair<std::int64_t, std::int64_t> between(std::int64_t from, std::int64_t to, std::int64_t count) {
  if (from < 0) from = std::max<std::int64_t>(from + count, 0);
  if (to < 0) to += count;
  to = std::min(to, count - 1);
  return {from, std::max<std::int64_t>(to - from + 1, 0)};
}

std::vector<Item> list_items(Keyspace& keys, const std::string& key, std::int64_t from, std::int64_t to) {
  if (!keys.has(key, Kind::list)) return {};
  const auto [skip, length] = between(from, to, keys.store().count(key));
  if (length == 0) return {};
  return keys.store().range(key, {.skip = skip, .limit = length});
}

// The item of a list has no value only if the file is damaged.
Value element(Item& item) {
  if (!item.value) throw Refusal{wrong_type};
  return text(*std::move(item.value));
}

Value lrange(Keyspace& keys, RawArguments words) {
  std::vector<Value> out;
  for (Item& item : list_items(keys, words[0], parse_integer(words[1]), parse_integer(words[2]))) {
    out.push_back(element(item));
  }
  return array(std::move(out));
}

Value lindex(Keyspace& keys, RawArguments words) {
  const std::int64_t at = parse_integer(words[1]);
  auto items = list_items(keys, words[0], at, at);
  return items.empty() ? nil() : element(items[0]);
}

Value ltrim(Keyspace& keys, RawArguments words) {
  if (!keys.has(words[0], Kind::list)) return status("OK");
  const auto [skip, length] = between(parse_integer(words[1]), parse_integer(words[2]), keys.store().count(words[0]));
  if (length == 0) {
    keys.store().erase(words[0]);
    return status("OK");
  }
  // Remove the first range first: the second range counts `skip` without it.
  for (const Range& gone : {Range{.limit = skip}, Range{.skip = length}}) {
    if (gone.limit == 0) continue;
    for (const Item& item : keys.store().range(words[0], gone)) keys.store().remove(words[0], item);
  }
  return status("OK");
}

// Removes at most `max` matches, from the front. The scripts use no other form.
Value lrem(Keyspace& keys, RawArguments words) {
  const std::int64_t max = parse_integer(words[1]);
  if (max <= 0) throw Refusal{"ERR this engine removes from the front of a list only"};
  std::int64_t gone = 0;
  for (const Item& item : list_items(keys, words[0], 0, -1)) {
    if (gone == max) break;
    if (item.value != words[2]) continue;
    keys.store().remove(words[0], item);
    ++gone;
  }
  if (gone > 0) keys.tidy(words[0]);
  return integer(gone);
}

Value lpop(Keyspace& keys, RawArguments words) {
  auto items = list_items(keys, words[0], 0, 0);
  if (items.empty()) return nil();
  keys.store().remove(words[0], items[0]);
  keys.tidy(words[0]);
  return element(items[0]);
}

// ---- sorted sets

// Takes one member only. NX: adds, but does not update. XX: updates, but does not add.
Value zadd(Keyspace& keys, RawArguments words) {
  const std::size_t at = words.size() - 2;
  const std::string flag = at == 2 ? words[1] : "";
  if (words.size() > 4 || (at == 2 && flag != "NX" && flag != "XX")) throw Refusal{syntax};
  const double score = parse_score(words[at]);
  if (!keys.has(words[0], Kind::zset) && flag == "XX") return integer(0);
  keys.need(words[0], Kind::zset);
  const auto old = keys.store().get(words[0], words[at + 1]);
  const bool kept = old ? flag == "NX" || old->score == score : flag == "XX";
  if (!kept) keys.store().put(words[0], {words[at + 1], score, {}});
  return integer(old || flag == "XX" ? 0 : 1);
}

Value zscore(Keyspace& keys, RawArguments words) {
  const auto item = keys.has(words[0], Kind::zset) ? keys.store().get(words[0], words[1]) : std::nullopt;
  return item ? text(score_text(item->score)) : nil();
}

Value zmscore(Keyspace& keys, RawArguments words) {
  std::vector<Value> out(words.size() - 1);
  if (!keys.has(words[0], Kind::zset)) return array(std::move(out));
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (const auto item = keys.store().get(words[0], words[i])) out[i - 1] = text(score_text(item->score));
  }
  return array(std::move(out));
}

Value zrem(Keyspace& keys, RawArguments words) {
  if (!keys.has(words[0], Kind::zset)) return integer(0);
  std::int64_t gone = 0;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto item = keys.store().get(words[0], words[i]);
    if (!item) continue;
    keys.store().remove(words[0], *item);
    ++gone;
  }
  keys.tidy(words[0]);
  return integer(gone);
}

// "(5" excludes 5: the nearest number in the direction of `towards`. Empty if there is none.
std::optional<double> range_end(const std::string& word, double towards) {
  if (!word.starts_with('(')) return parse_score(word);
  const double end = parse_score(std::string_view(word).substr(1));
  if (end == towards) return std::nullopt;
  return std::nextafter(end, towards);
}

Range score_range(const std::string& min, const std::string& max) {
  const auto from = range_end(min, HUGE_VAL);
  const auto to = range_end(max, -HUGE_VAL);
  if (!from || !to) return {.limit = 0};
  return {.min = *from, .max = *to};
}

// The only form that scripts use: ZCOUNT key -inf max.
Value zcount(Keyspace& keys, RawArguments words) {
  if (words[1] != "-inf") throw Refusal{syntax};
  const Range range = score_range(words[1], words[2]);
  if (!keys.has(words[0], Kind::zset) || range.limit == 0) return integer(0);
  return integer(keys.store().rank(words[0], std::nextafter(range.max, HUGE_VAL), ""));
}

Value zrank(Keyspace& keys, RawArguments words) {
  const auto item = keys.has(words[0], Kind::zset) ? keys.store().get(words[0], words[1]) : std::nullopt;
  return item ? integer(keys.store().rank(words[0], item->score, item->name)) : nil();
}

// The only form that scripts use: ZRANGE key start stop WITHSCORES, with indices from 0.
Value zrange(Keyspace& keys, RawArguments words) {
  const std::int64_t from = parse_integer(words[1]);
  const std::int64_t to = parse_integer(words[2]);
  if (words[3] != "WITHSCORES" || from < 0 || to < from) throw Refusal{syntax};
  std::vector<Value> out;
  if (!keys.has(words[0], Kind::zset)) return array({});
  for (Item& item : keys.store().range(words[0], {.skip = from, .limit = to - from + 1})) {
    out.push_back(text(std::move(item.name)));
    out.push_back(text(score_text(item.score)));
  }
  return array(std::move(out));
}

Value zremrangebyscore(Keyspace& keys, RawArguments words) {
  if (!keys.has(words[0], Kind::zset)) return integer(0);
  const auto gone = keys.store().range(words[0], score_range(words[1], words[2]));
  for (const Item& item : gone) keys.store().remove(words[0], item);
  if (!gone.empty()) keys.tidy(words[0]);
  return integer(static_cast<std::int64_t>(gone.size()));
}

Value zcard(Keyspace& keys, RawArguments words) {
  return integer(keys.has(words[0], Kind::zset) ? keys.store().count(words[0]) : 0);
}

struct Command {
  std::string_view name;
  std::size_t min;  // number of arguments
  std::size_t max;
  Value (*run)(Keyspace& keys, RawArguments words);
};

constexpr std::size_t any = std::numeric_limits<std::size_t>::max();

constexpr std::array<Command, 27> commands{{
    {"DEL", 1, any, del},       {"EXISTS", 1, any, exists},
    {"HDEL", 2, any, hdel},     {"HGETALL", 1, 1, hgetall},
    {"HLEN", 1, 1, hlen},       {"HMGET", 2, any, hmget},
    {"HSET", 3, any, hset},     {"LINDEX", 2, 2, lindex},
    {"LLEN", 1, 1, llen},       {"LPOP", 1, 1, lpop},
    {"LPUSH", 2, any, lpush},   {"LRANGE", 3, 3, lrange},
    {"LREM", 3, 3, lrem},       {"LTRIM", 3, 3, ltrim},
    {"PEXPIRE", 2, 2, pexpire}, {"PEXPIREAT", 2, 2, pexpireat},
    {"TIME", 0, 0, time},       {"TYPE", 1, 1, type},
    {"ZADD", 3, any, zadd},     {"ZCARD", 1, 1, zcard},
    {"ZCOUNT", 3, 3, zcount},   {"ZMSCORE", 2, any, zmscore},
    {"ZRANGE", 4, 4, zrange},   {"ZRANK", 2, 2, zrank},
    {"ZREM", 2, any, zrem},     {"ZREMRANGEBYSCORE", 3, 3, zremrangebyscore},
    {"ZSCORE", 2, 2, zscore},
}};

}  // namespace

Value run_command(Store& store, std::int64_t now_us, const std::vector<std::string>& words) {
  const std::string name = words.empty() ? "" : words[0];
  const auto* command =
      std::find_if(commands.begin(), commands.end(), [&](const Command& each) { return each.name == name; });
  if (command == commands.end()) return error("ERR this engine has no command '" + name + "'");
  const Words arguments(words.begin() + 1, words.end());
  if (arguments.size() < command->min || arguments.size() > command->max) {
    return error("ERR wrong number of arguments for '" + name + "'");
  }
  Keyspace keys(store, now_us);
  try {
    return command->run(keys, arguments);
  } catch (const Refusal& refusal) {
    return error(refusal.text);
  }
}

std::vector<std::string> known_commands() {
  std::vector<std::string> out(commands.size());
  std::transform(commands.begin(), commands.end(), out.begin(), [](const Command& command) { return command.name; });
  return out;
}

}  // namespace condolock::engine::embedded
