// What a server's error reply means.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/engine.hpp"
#include "engine/redis/url.hpp"

namespace condolock::engine::redis {

// "MOVED slot host:port" or "ASK slot host:port": a node of a Cluster names the one that has the keys.
struct Redirection {
  bool is_ask = false;  // only for this call, which ASKING must precede
  Endpoint to;          // an empty host: that of the node that said so
};

struct ErrorReply {
  Fault fault = Fault::unexpected;
  bool transient = false;    // the server did nothing and will be ready soon: retry
  bool no_script = false;    // NOSCRIPT: send the script's source with EVAL
  bool from_script = false;  // a command inside the script failed; earlier ones may have taken effect
  std::optional<Redirection> redirection;
  std::string text;     // safe to print; without the script's digest and line number
  std::string command;  // the command that the server refuses or does not know, in capitals; empty: not in the text
  int line = 0;         // of the script, where that command was called; 0: unknown
};

// Knows the errors of Redis 6.2 to 7 and Valkey 7.2 to 8. Redis 6.2 wraps an error from inside a script in a longer text;
// this removes the wrapping.
ErrorReply classify(std::string_view error);

}  // namespace condolock::engine::redis
