#include "engine/redis/permissions.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "lua/scripts.hpp"

namespace condolock::engine::redis {

std::vector<std::string> used_commands() {
  std::set<std::string> out{"BLPOP", "EVAL", "EVALSHA", "ROLE"};
  for (const scripts::Script* script : scripts::all) {
    std::string_view source = script->source;
    for (const std::string_view prefix : {"redis.call('", "redis.pcall('", "write('"}) {
      for (std::size_t at = source.find(prefix); at != std::string_view::npos; at = source.find(prefix, at + 1)) {
        const std::size_t from = at + prefix.size();
        out.emplace(source.substr(from, source.find('\'', from) - from));
      }
    }
  }
  return {out.begin(), out.end()};
}

std::optional<std::vector<std::string>> sample_of(std::string_view command, const std::vector<std::string>& keys) {
  struct Sample {
    std::string_view command;
    std::string_view arguments;  // after the key, separated by spaces
  };
  static constexpr std::array<Sample, 25> on_a_key{{
      {"BLPOP", "1"},    {"DEL", ""},      {"EXISTS", ""},    {"HDEL", "f"},
      {"HGETALL", ""},   {"HLEN", ""},     {"HMGET", "f"},    {"HSET", "f v"},
      {"LINDEX", "0"},   {"LLEN", ""},     {"LPUSH", "v"},    {"LREM", "1 v"},
      {"LRANGE", "0 1"}, {"LTRIM", "0 1"}, {"PEXPIRE", "1"},  {"PEXPIREAT", "1"},
      {"TYPE", ""},      {"ZADD", "1 m"},  {"ZCOUNT", "0 1"}, {"ZMSCORE", "m"},
      {"ZRANGE", "0 1"}, {"ZRANK", "m"},   {"ZREM", "m"},     {"ZREMRANGEBYSCORE", "0 1"},
      {"ZSCORE", "m"},
  }};
  std::vector<std::string> out{std::string(command)};
  if (command == "TIME" || command == "ROLE") return out;
  if (command == "EVAL" || command == "EVALSHA") {  // also checks the permission for every key
    out.insert(out.end(), {"return 1", std::to_string(keys.size())});
    out.insert(out.end(), keys.begin(), keys.end());
    return out;
  }
  const auto* found =
      std::find_if(on_a_key.begin(), on_a_key.end(), [&](const Sample& sample) { return sample.command == command; });
  if (found == on_a_key.end()) return std::nullopt;
  out.push_back(keys[0]);
  std::string_view rest = found->arguments;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    out.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

}  // namespace condolock::engine::redis
