// From a URL to an engine. The only place that knows which engines there are.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/embedded/location.hpp"
#include "engine/engine.hpp"
#include "engine/finding.hpp"
#include "engine/redis/url.hpp"
#include "util/result.hpp"

namespace condolock::engine {

// Where records live: a server, or a directory of this machine.
using Location = std::variant<redis::Target, embedded::DatabaseLocation>;

// redis://, valkey:// and unix:// URLs (redis/url.hpp), file: URLs (embedded/location.hpp). The problem never repeats the
// URL, since it may hold a password.
util::Result<Location> parse_url(std::string_view url);

// Why this build can't open an engine there; none: it can.
std::optional<util::Problem> unsupported(const Location& location);

// What a user should know before the first run there: the directory is on a network file system. Mostly none.
std::optional<std::string> warning(const Location& location);

// Makes an engine; connects to nothing yet. `location` must be supported.
std::unique_ptr<Engine> open(const Location& location);

// Looks at what is there, for `doctor`. `keys`: those of some job in the namespace to be examined. `timeout`: for one
// request.
std::vector<Finding> examine(const Location& location, const std::vector<std::string>& keys, Millis timeout);

// "redis" or "file".
std::string_view kind_of(const Location& location);
// For messages, without a password: "127.0.0.1:6379", or a path.
std::string shown(const Location& location);

}  // namespace condolock::engine
