#include "engine/redis/refusal.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "util/escape.hpp"

namespace condolock::engine::redis {
namespace {

// Starts of the errors by which a server refuses a command or a key to a user.
constexpr std::array<std::string_view, 4> refusals{"NOPERM", "ERR The user executing the script",
                                                   "ERR ACL failure in script", "The user executing the script"};

// The command that line `number` of the script calls: "TIME" for redis.call('TIME'). Empty: none, or its name is a variable.
std::string command_at(std::string_view source, int number) {
  for (int line = 1; line < number; ++line) {
    const std::size_t end = source.find('\n');
    if (end == std::string_view::npos) return "";
    source.remove_prefix(end + 1);
  }
  source = source.substr(0, source.find('\n'));
  constexpr std::string_view call = "redis.call('";
  const std::size_t at = source.find(call);
  if (at == std::string_view::npos) return "";
  source.remove_prefix(at + call.size());
  return std::string(source.substr(0, source.find('\'')));
}

// The pattern of the namespace's keys: "{ns}:*". Empty: the call has no key.
std::string pattern_of(const Call& call) {
  std::string_view key = call.wait ? std::string_view(call.wait->key) : "";
  if (!call.keys.empty()) key = call.keys[0];
  for (const std::string& word : call.args) {
    if (key.empty() && word.starts_with('{')) key = word;  // a command of doctor
  }
  const std::size_t end = key.find('}');
  return end == std::string_view::npos ? "" : std::string(key.substr(0, end)) + "}:*";
}

std::string way_out(const ErrorReply& error, const Call& call, const Target& target) {
  const auto starts = [&](std::string_view with) { return error.text.starts_with(with); };
  const bool is_refused = std::any_of(refusals.begin(), refusals.end(), starts);
  const bool is_unknown = starts("ERR unknown command") || starts("ERR Unknown command called from script") ||
                          starts("ERR Unknown Redis command called from ") || starts("Unknown Redis command called from ");
  if (!is_refused && !is_unknown) return "";
  const std::string rule = "ACL SETUSER " + util::escape(target.user.empty() ? "default" : target.user);
  if (is_refused && is_key_refusal(error.text)) {
    const std::string pattern = pattern_of(call);
    return pattern.empty() ? "" : " (allow them: " + rule + " ~" + pattern + ")";
  }
  std::string command = error.command;
  if (command.empty() && call.script != nullptr) command = command_at(call.script->source, error.line);
  if (is_unknown && command.starts_with("EVAL")) {
    return " (if this is a Sentinel, write redis+sentinel://HOST/NAME; else this server has no " + command +
           ": see rename-command)";
  }
  if (is_unknown) {
    return " (this server has no " + (command.empty() ? "such command" : command) +
           ": see rename-command in its configuration; Redis before 6.2 is too old)";
  }
  if (command.empty()) return " (condolock doctor names what this user lacks)";
  std::transform(command.begin(), command.end(), command.begin(), [](char c) { return static_cast<char>(c - 'A' + 'a'); });
  return " (allow it: " + rule + " +" + command + ")";
}

}  // namespace

// A user's name is quoted after "User" only, so before these words.
bool is_key_refusal(std::string_view text) {
  for (const std::string_view words : {"access at least one of the keys", "access one of the keys", "access a key"}) {
    if (text.find(words) != std::string_view::npos) return true;
  }
  // ACL DRYRUN
  return text.find("no permissions to access the '") != std::string_view::npos;
}

std::string explained(const ErrorReply& error, const Call& call, const Target& target) {
  return error.text + way_out(error, call, target);
}

}  // namespace condolock::engine::redis
