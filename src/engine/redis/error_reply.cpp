#include "engine/redis/error_reply.hpp"

#include <array>

#include "engine/redis/limits.hpp"
#include "util/escape.hpp"

namespace condolock::engine::redis {
namespace {

struct Known {
  std::string_view prefix;
  Fault fault;
  bool transient;
};

constexpr std::array<Known, 22> known{{
    {"LOADING", Fault::not_ready, true},
    {"BUSY ", Fault::not_ready, true},
    {"CLUSTERDOWN", Fault::not_ready, true},
    {"TRYAGAIN", Fault::not_ready, true},
    {"UNBLOCKED", Fault::not_primary, false},  // reply to BLPOP when the server's role changes
    {"MASTERDOWN", Fault::not_ready, true},
    {"ERR max number of clients", Fault::not_ready, true},
    {"READONLY", Fault::not_primary, false},
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

}  // namespace

ErrorReply classify(std::string_view error) {
  ErrorReply out;
  const std::string_view inner = unwrapped(error);
  // Redis 7.0 and later append " script: SHA, on @user_script:7."
  const std::size_t end = inner.rfind(", on @");
  const std::size_t tail = end == std::string_view::npos ? end : inner.rfind(" script: ", end);
  out.from_script = inner != error || tail != std::string_view::npos;
  const std::string_view text = inner.substr(0, tail);
  out.text = util::escape(text.substr(0, limits::max_quoted_bytes)) + (text.size() > limits::max_quoted_bytes ? "..." : "");
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
