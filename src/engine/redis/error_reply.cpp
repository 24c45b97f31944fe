#include "engine/redis/error_reply.hpp"

#include <algorithm>
#include <array>

#include "engine/redis/limits.hpp"
#include "util/escape.hpp"
#include "util/number.hpp"

namespace condolock::engine::redis {
namespace {

struct Known {
  std::string_view prefix;
  Fault fault;
  bool transient;
};

constexpr std::array<Known, 25> known{{
    {"LOADING", Fault::not_ready, true},
    {"BUSY ", Fault::not_ready, true},
    {"CLUSTERDOWN", Fault::not_ready, true},
    {"TRYAGAIN", Fault::not_ready, true},
    {"UNBLOCKED", Fault::not_primary, false},  // reply to BLPOP when the server's role changes
    {"MASTERDOWN", Fault::not_ready, true},
    {"ERR max number of clients", Fault::not_ready, true},
    {"READONLY", Fault::not_primary, false},
    {"ERR WAIT cannot be used with replica", Fault::not_primary, false},
    {"OOM", Fault::write_refused, false},
    {"MISCONF", Fault::write_refused, false},
    {"NOREPLICAS", Fault::write_refused, false},
    {"NOAUTH", Fault::denied, false},
    // Redis 6.2.7 and later send this instead of NOAUTH if the command has more than ten arguments.
    {"ERR Protocol error: unauthenticated", Fault::denied, false},
    {"WRONGPASS", Fault::denied, false},
    {"NOPERM", Fault::denied, false},
    {"DENIED", Fault::denied, false},  // protected mode
    {"ERR The user executing the script", Fault::denied, false},
    {"ERR ACL failure in script", Fault::denied, false},      // 7.2 and later, Valkey
    {"The user executing the script", Fault::denied, false},  // 6.2, after unwrapped()
    {"ERR AUTH", Fault::denied, false},
    {"ERR DB index", Fault::misconfigured, false},
    {"MOVED ", Fault::misconfigured, false},
    {"ASK ", Fault::misconfigured, false},
    {"WRONGTYPE", Fault::malformed, false},
}};

// "ERR Error running script (call to f_...): @user_script:7: @user_script: 7: -OOM command not allowed" -> "OOM command..."
std::string_view unwrapped(std::string_view error) {
  if (!error.starts_with("ERR Error running script") && !error.starts_with("@user_script: ")) return error;
  const std::size_t inner = error.rfind("@user_script: ");
  const std::size_t colon = inner == std::string_view::npos ? inner : error.find(": ", inner + 14);
  if (colon == std::string_view::npos) return error;
  error.remove_prefix(colon + 2);
  if (error.starts_with('-')) error.remove_prefix(1);
  return error;
}

// Redis names the line where a script's command failed in the form "@user_script:7", but not if the script caught the error.
int line_in(std::string_view error) {
  constexpr std::string_view place = "@user_script:";
  const std::size_t at = error.rfind(place);
  if (at == std::string_view::npos) return 0;
  error.remove_prefix(at + place.size());
  if (error.starts_with(' ')) error.remove_prefix(1);
  return util::parse_number<int>(error.substr(0, error.find_first_not_of("0123456789"))).value_or(0);
}

// The word that begins at `at`, in capitals. Empty: something else is there.
std::string word_at(std::string_view text, std::size_t at) {
  std::string out;
  for (const char c : text.substr(std::min(at, text.size()))) {
    if (c >= 'a' && c <= 'z') {
      out += static_cast<char>(c - 'a' + 'A');
    } else if (c >= 'A' && c <= 'Z') {
      out += c;
    } else {
      break;
    }
  }
  return out;
}

// Takes " (in HSET)", which our scripts append (see unreadable in record.lua), off the end of `text`.
std::string take_command(std::string_view& text) {
  constexpr std::string_view opening = " (in ";
  const std::size_t at = text.ends_with(')') ? text.rfind(opening) : std::string_view::npos;
  if (at == std::string_view::npos) return "";
  std::string command = word_at(text, at + opening.size());
  text.remove_suffix(text.size() - at);
  return command;
}

// The command that the server itself names: "... to run the 'hset' command", "ERR unknown command 'HSET', with args ...".
std::string named_command(std::string_view text) {
  for (const std::string_view before : {"to run the '", "unknown command '", "unknown command `"}) {
    const std::size_t at = text.rfind(before);
    if (at != std::string_view::npos) return word_at(text, at + before.size());
  }
  return "";
}

std::optional<Redirection> read_redirection(std::string_view text) {
  const bool is_ask = text.starts_with("ASK ");
  if (!is_ask && !text.starts_with("MOVED ")) return std::nullopt;
  const auto to = read_endpoint(text.substr(text.rfind(' ') + 1));
  if (!to) return std::nullopt;
  return Redirection{is_ask, *to};
}

}  // namespace

ErrorReply classify(std::string_view error) {
  ErrorReply out;
  const std::string_view inner = unwrapped(error);
  // Redis 7.0 and later append " script: SHA, on @user_script:7."
  const std::size_t end = inner.rfind(", on @");
  const std::size_t tail = end == std::string_view::npos ? end : inner.rfind(" script: ", end);
  out.from_script = inner != error || tail != std::string_view::npos;
  out.line = line_in(error);
  std::string_view text = inner.substr(0, tail);
  out.command = take_command(text);
  if (out.command.empty()) out.command = named_command(text);
  if (inner.starts_with("ERR unknown command ")) text = text.substr(0, text.find(", with args beginning with"));
  out.text = util::escape(text.substr(0, limits::max_quoted_bytes)) + (text.size() > limits::max_quoted_bytes ? "..." : "");
  out.redirection = read_redirection(text);
  out.no_script = inner.starts_with("NOSCRIPT");
  for (const Known& entry : known) {
    if (inner.starts_with(entry.prefix)) {
      out.fault = entry.fault;
      out.transient = entry.transient;
      break;
    }
  }
  return out;
}

}  // namespace condolock::engine::redis
