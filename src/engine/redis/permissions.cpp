#include "engine/redis/permissions.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "engine/redis/refusal.hpp"
#include "lua/scripts.hpp"

namespace condolock::engine::redis {
namespace {

using Words = std::vector<std::string>;

enum class Verdict : std::uint8_t { allowed, command_refused, key_refused };

class Inquiry {
 public:
  Inquiry(const Ask& ask, const std::string& user, const Words& keys, const std::string& scratch_key)
      : ask_(ask), user_(user), keys_(keys), scratch_key_(scratch_key) {}

  Verdict may_call(const std::string& command) {
    if (has_dry_run_) {
      const auto verdict = dry_run(command);
      if (verdict) return *verdict;
      has_dry_run_ = false;
      may_delete_ = may_try("DEL") != Verdict::command_refused;
    }
    // Without DEL, trying the command could leave a key behind.
    const bool leaves_nothing = command == "DEL" || command == "EVAL" || command == "EVALSHA";
    if (!may_delete_ && !leaves_nothing) return Verdict::allowed;  // unknown
    return may_try(command);
  }

  // Whether the user may not use a key outside of every namespace, so has patterns other than ~*.
  bool is_limited_to_some_keys() {
    const auto is_key_refused = [&](const char* command) {
      const auto answer = send({command, "doctor:" + scratch_key_});
      return !answer && is_key_refusal(answer.error().text);
    };
    return is_key_refused("EXISTS") || is_key_refused("TYPE");  // the user may lack one of the two
  }

  Answered<Values> send(Words words) {
    Call call;
    call.args = std::move(words);
    return ask_(std::move(call)).answer;
  }

 private:
  // The server checks the permission before anything else. So any other error means that the user has it.
  Verdict may_try(const std::string& command) {
    const auto sample = sample_of(command, {scratch_key_});
    const auto answer = sample ? send(*sample) : Values();
    if (answer) return Verdict::allowed;
    const std::string& text = answer.error().text;
    if (is_key_refusal(text)) return Verdict::key_refused;
    const bool is_refused = text.find("NOPERM") != std::string::npos || text.find("unknown command") != std::string::npos;
    return is_refused ? Verdict::command_refused : Verdict::allowed;
  }

  // None: the server has no ACL DRYRUN, or the user may not call it.
  std::optional<Verdict> dry_run(const std::string& command) {
    const auto sample = sample_of(command, keys_);
    if (!sample) return Verdict::allowed;
    Words question{"ACL", "DRYRUN", user_};
    question.insert(question.end(), sample->begin(), sample->end());
    const auto answer = send(std::move(question));
    if (!answer) {
      const bool is_hidden = answer.error().text.find("not found") != std::string::npos;  // by rename-command
      return is_hidden ? std::optional(Verdict::command_refused) : std::nullopt;
    }
    if (answer->empty()) return std::nullopt;
    if (answer->front() == "OK") return Verdict::allowed;
    return is_key_refusal(answer->front()) ? Verdict::key_refused : Verdict::command_refused;
  }

  const Ask& ask_;
  const std::string& user_;
  const Words& keys_;
  const std::string& scratch_key_;
  bool has_dry_run_ = true;
  bool may_delete_ = true;
};

}  // namespace

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
      {"BLPOP", "0.001"}, {"DEL", ""},      {"EXISTS", ""},    {"HDEL", "f"},
      {"HGETALL", ""},    {"HLEN", ""},     {"HMGET", "f"},    {"HSET", "f v"},
      {"LINDEX", "0"},    {"LLEN", ""},     {"LPUSH", "v"},    {"LREM", "1 v"},
      {"LRANGE", "0 1"},  {"LTRIM", "0 1"}, {"PEXPIRE", "1"},  {"PEXPIREAT", "1"},
      {"TYPE", ""},       {"ZADD", "1 m"},  {"ZCOUNT", "0 1"}, {"ZMSCORE", "m"},
      {"ZRANGE", "0 1"},  {"ZRANK", "m"},   {"ZREM", "m"},     {"ZREMRANGEBYSCORE", "0 1"},
      {"ZSCORE", "m"},
  }};
  std::vector<std::string> out{std::string(command)};
  if (command == "TIME" || command == "ROLE") return out;
  if (command == "WAIT") {
    out.insert(out.end(), {"0", "1"});
    return out;
  }
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

Missing missing_rights(const Ask& ask, const std::string& user, const std::vector<std::string>& keys,
                       const std::string& scratch_key) {
  Inquiry inquiry(ask, user, keys, scratch_key);
  Missing out;
  for (const std::string& command : used_commands()) {
    const Verdict verdict = inquiry.may_call(command);
    if (verdict == Verdict::command_refused) out.commands += (out.commands.empty() ? "" : " ") + command;
    if (verdict == Verdict::key_refused) out.keys = true;
  }
  static_cast<void>(inquiry.send({"DEL", scratch_key}));  // harmless if there is nothing
  out.takes_pattern = out.keys || inquiry.is_limited_to_some_keys();
  return out;
}

std::string needed_rights() {
  std::vector<std::string> commands = used_commands();
  commands.insert(commands.end(), {"SELECT", "WAIT"});
  std::sort(commands.begin(), commands.end());
  std::string out;
  for (const std::string& command : commands) {
    out += " +";
    for (const char c : command) out += static_cast<char>(c - 'A' + 'a');  // A to Z only
  }
  return out;
}

}  // namespace condolock::engine::redis
