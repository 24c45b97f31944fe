// What a server's error reply means for us.
#pragma once

#include <string>
#include <string_view>

#include "engine/engine.hpp"

namespace condolock::engine::redis {

struct ErrorReply {
  Fault fault = Fault::unexpected;
  bool transient = false;    // the server will think differently soon, and has done nothing: ask again
  bool no_script = false;    // NOSCRIPT: send the source
  bool from_script = false;  // raised by a command inside of the script, so earlier ones may have had their effect
  std::string text;          // safe to show, and without what only the server's programmers can use
};

// The codes are those of Redis 6.2 to 7 and Valkey 7.2 to 8. 6.2 wraps an error from inside of a script in a text of its
// own, which is taken off here.
ErrorReply classify(std::string_view error);

}  // namespace condolock::engine::redis
