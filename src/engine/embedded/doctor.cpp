#include "engine/embedded/doctor.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/embedded/sqlite_store.hpp"
#include "util/escape.hpp"

namespace condolock::engine::embedded {
namespace {

using Level = Finding::Level;

Finding directory(const DatabaseLocation& location) {
  const std::string name = util::escape(location.directory);
  struct stat info {};
  if (stat(location.directory.c_str(), &info) != 0) {
    const std::string above = existing_directory(location);
    if (access(above.c_str(), W_OK | X_OK) == 0)
      return {Level::good, "directory", name + " is not there yet; the first run makes it", ""};
    return {Level::error, "directory", name + " can't be made: " + util::escape(above) + ": " + std::strerror(errno),
            "make it, or name another: --url file:/DIRECTORY"};
  }
  if (!S_ISDIR(info.st_mode))
    return {Level::error, "directory", name + " is no directory", "name another: --url file:/DIRECTORY"};
  if (access(location.directory.c_str(), W_OK | X_OK) != 0) {
    return {Level::error, "directory", name + " can't be written by this user: " + std::strerror(errno),
            "run as its owner, or name another: --url file:/DIRECTORY"};
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return {Level::warning, "directory", name + " can be written by others, who can then let jobs run or keep them from it",
            "chmod go-w it, unless all of these may"};
  }
  return {Level::good, "directory", name, ""};
}

Finding file_system(const DatabaseLocation& location) {
  const auto network = network_file_system(location);
  if (!network) return {Level::good, "file system", "a local one, as far as is known", ""};
  return {Level::warning, "file system", *network + ", where locks between machines do not hold: jobs may run twice",
          "name a directory on a local disk; for several machines use a Redis"};
}

Finding database(const DatabaseLocation& location) {
  struct stat info {};
  if (stat(location.file().c_str(), &info) != 0 || info.st_size == 0) {
    return {Level::good, "database", "none yet: everything is a first run", ""};
  }
  try {
    SqliteStore store(location.file());
    store.begin();
    store.rollback();
    return {Level::good, "database", util::escape(location.file()) + " opens, and takes writes", ""};
  } catch (const StoreError& error) {
    if (error.busy) return {Level::good, "database", util::escape(location.file()) + " is in use just now", ""};
    return {Level::error, "database", error.what(),
            "see to its owner and the disk; to begin anew, move the whole directory away while nothing runs"};
  }
}

Finding sync(const DatabaseLocation& location) {
  const std::string kills = "a killed process loses nothing; ";
  switch (location.sync) {
    case Sync::none:
      return {Level::warning, "sync", kills + "when the power fails, records of the last half a minute may be forgotten",
              "leave ?sync=none out"};
    case Sync::records:
      return {Level::good, "sync", kills + "when the power fails, neither does what has ended", ""};
    case Sync::all:
      return {Level::good, "sync", kills + "nor does a power failure", ""};
  }
  return {};
}

}  // namespace

std::vector<Finding> examine(const DatabaseLocation& location) {
  std::vector<Finding> findings{directory(location)};
  if (findings[0].level == Level::error) return findings;
  findings.push_back(file_system(location));
  findings.push_back(database(location));
  findings.push_back(sync(location));
  return findings;
}

}  // namespace condolock::engine::embedded
