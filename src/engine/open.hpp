// Opens the engine that a URL names. The only place that makes engines and knows which exist.
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

// Where the records are: on a Redis server, or in a directory of this machine.
using Location = std::variant<redis::Target, embedded::DatabaseLocation>;

// Parses redis://, valkey:// and unix:// URLs (redis/url.hpp) and file: URLs (embedded/location.hpp). The error text never
// repeats the URL, which may hold a password.
util::Result<Location> parse_url(std::string_view url);

// Why this build can't open an engine at `location`. None: it can.
std::optional<util::Problem> unsupported(const Location& location);

// A warning for the user before the first run: the directory is on a network file system. None: nothing to warn of.
std::optional<std::string> warning(const Location& location);

// Creates an engine; the first call connects. unsupported(location) must be none.
std::unique_ptr<Engine> open(const Location& location);

// Checks the server or directory, for `doctor`. `keys`: the Redis keys of any job in the namespace to check. `timeout`:
// limit for one attempt of a request; each is made at most twice. A directory needs neither.
std::vector<Finding> examine(const Location& location, const std::vector<std::string>& keys, Millis timeout);

// "redis" or "file".
std::string_view kind_of(const Location& location);
// For messages, without a password: "127.0.0.1:6379", or a path.
std::string shown(const Location& location);

}  // namespace condolock::engine
