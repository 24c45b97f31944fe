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
#include "engine/redis/doctor.hpp"
#include "engine/redis/url.hpp"
#include "util/result.hpp"

namespace condolock::engine {

// Where the records are: on a Redis server, or in a directory of this machine.
using Location = std::variant<redis::Target, embedded::DatabaseLocation>;

// Parses URLs of servers, Sentinels and Clusters (redis/url.hpp) and file: URLs (embedded/location.hpp). The error text
// never repeats the URL, which may hold a password.
util::Result<Location> parse_url(std::string_view url);

// Whether `location` needs TLS, and this program has none: condolock-tls has it.
bool needs_tls(const Location& location);

// Why this build can't open an engine at `location`. None: it can.
std::optional<util::Problem> unsupported(const Location& location);

// A warning for the user before the first run: the directory is on a network file system. None: nothing to warn of.
std::optional<std::string> warning(const Location& location);

// False if it is a directory without a database: a call would create one.
bool exists(const Location& location);

// Creates an engine; the first call connects. unsupported(location) must be none.
std::unique_ptr<Engine> open(const Location& location);

// Checks the server or directory, for `doctor`. `timeout`: limit for one request; a server may take three times as long for
// all of them. A directory needs neither a subject nor a timeout.
Diagnosis examine(const Location& location, const redis::Subject& subject, Millis timeout);

// "redis" or "file".
std::string_view kind_of(const Location& location);
// For messages, without a password: "127.0.0.1:6379", or a path.
std::string shown(const Location& location);
// The number of the database on a server; none: a directory.
std::optional<int> database_of(const Location& location);

}  // namespace condolock::engine
