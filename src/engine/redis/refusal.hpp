// What to do about an error reply of a server that refuses or does not know a command.
#pragma once

#include <string>
#include <string_view>

#include "engine/engine.hpp"
#include "engine/redis/error_reply.hpp"
#include "engine/redis/url.hpp"

namespace condolock::engine::redis {

// The error's text. If the server refuses or does not know a command of `call`, or refuses its keys, it is followed by the
// way out: "NOPERM ... (allow it: ACL SETUSER job +hset)". Sends nothing: Redis before 7.2 does not say which command it
// refuses to a script, but the script's line shows it.
std::string explained(const ErrorReply& error, const Call& call, const Target& target);

// Whether the error says that the user may not use a key. `text` may begin with words of ours.
bool is_key_refusal(std::string_view text);

}  // namespace condolock::engine::redis
