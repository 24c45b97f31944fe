#include "engine/open.hpp"

#include <unistd.h>

#include <algorithm>

#include "engine/redis/redis_engine.hpp"
#include "engine/redis/tls.hpp"
#include "util/escape.hpp"
#ifdef CONDOLOCK_EMBEDDED
#include "engine/embedded/doctor.hpp"
#include "engine/embedded/embedded_engine.hpp"
#endif

namespace condolock::engine {
namespace {

const embedded::DatabaseLocation* as_directory(const Location& location) {
  return std::get_if<embedded::DatabaseLocation>(&location);
}

}  // namespace

util::Result<Location> parse_url(std::string_view url) {
  if (embedded::is_location(url)) {
    auto directory = embedded::parse_location(url);
    if (!directory) return directory.error();
    return Location(*std::move(directory));
  }
  auto target = redis::parse_url(url);
  if (!target) return target.error();
  return Location(*std::move(target));
}

bool needs_tls(const Location& location) {
  const auto* target = std::get_if<redis::Target>(&location);
  return target != nullptr && target->tls && !redis::has_tls();
}

std::optional<util::Problem> unsupported([[maybe_unused]] const Location& location) {
#ifndef CONDOLOCK_EMBEDDED
  if (as_directory(location) != nullptr) {
    return util::Problem{"this build does not support file:; name a Redis server, or build with -DCONDOLOCK_EMBEDDED=ON"};
  }
#endif
  return std::nullopt;
}

std::optional<std::string> warning([[maybe_unused]] const Location& location) {
  const auto* directory = as_directory(location);
  if (directory == nullptr) return std::nullopt;
  const auto network = embedded::network_file_system(*directory);
  if (!network) return std::nullopt;
  return util::escape(directory->directory) + " is on " + *network +
         ", where locks between machines do not work: use a directory on a local disk";
}

bool exists(const Location& location) {
  const auto* directory = as_directory(location);
  return directory == nullptr || access(directory->file().c_str(), F_OK) == 0;
}

std::unique_ptr<Engine> open(const Location& location) {
#ifdef CONDOLOCK_EMBEDDED
  if (const auto* directory = as_directory(location)) return std::make_unique<embedded::EmbeddedEngine>(*directory);
#endif
  return std::make_unique<redis::RedisEngine>(std::get<redis::Target>(location));
}

Diagnosis examine(const Location& location, const redis::Subject& subject, Millis timeout) {
#ifdef CONDOLOCK_EMBEDDED
  if (const auto* directory = as_directory(location)) {
    Diagnosis diagnosis;
    diagnosis.findings = embedded::examine(*directory);
    diagnosis.can_run = std::none_of(diagnosis.findings.begin(), diagnosis.findings.end(),
                                     [](const Finding& finding) { return finding.level == Finding::Level::error; });
    return diagnosis;
  }
#endif
  const auto engine = open(location);
  return redis::examine(*engine, std::get<redis::Target>(location), subject, timeout);
}

std::string_view kind_of(const Location& location) { return as_directory(location) != nullptr ? "file" : "redis"; }

std::string shown(const Location& location) {
  const auto* directory = as_directory(location);
  return directory != nullptr ? directory->directory : std::get<redis::Target>(location).shown();
}

std::optional<int> database_of(const Location& location) {
  const auto* target = std::get_if<redis::Target>(&location);
  return target == nullptr ? std::nullopt : std::optional(target->database);
}

}  // namespace condolock::engine
