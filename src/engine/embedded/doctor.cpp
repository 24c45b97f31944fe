#include "engine/embedded/doctor.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "engine/embedded/sqlite_store.hpp"
#include "engine/embedded/system_failure.hpp"
#include "util/escape.hpp"

namespace condolock::engine::embedded {
namespace {

using Level = Finding::Level;

constexpr const char* another = "mend that, or name another: --url file:/DIRECTORY";

Finding directory(const DatabaseLocation& location) {
  const std::string name = util::escape(location.directory);
  try {
    check_parents(location.directory);
    const std::string above = existing_directory(location);
    if (above != location.directory) {
      if (access(above.c_str(), W_OK | X_OK) != 0) {
        throw system_failure("cannot make the directory " + name + ": " + util::escape(above), errno);
      }
      return {Level::good, "directory", name + " is not there yet; the first run makes it", ""};
    }
    const Directory opened(location.directory, false);
    SharedFiles::check(opened);
    if (access(location.directory.c_str(), W_OK | X_OK) != 0) {
      throw system_failure("this user cannot write to the directory " + name, errno);
    }
    return {Level::good, "directory", name + ": nobody else may write to it or to its files", ""};
  } catch (const StoreError& error) {
    return {Level::error, "directory", error.what(), another};
  }
}

Finding file_system(const DatabaseLocation& location) {
  const auto network = network_file_system(location);
  if (!network) return {Level::good, "file system", "a local one, as far as is known", ""};
  return {Level::warning, "file system", *network + ", where locks between machines do not hold: jobs may run twice",
          "name a directory on a local disk; for several machines use a Redis"};
}

Finding opened_database(const DatabaseLocation& location) {
  SqliteStore store(location.directory, BootClock::now() + std::chrono::seconds(5));
  store.begin();
  store.rollback();
  const std::string name = util::escape(location.file());
  if (store.has_triggers()) {
    return {Level::warning, "database", name + " holds triggers of another program; condolock does not run them",
            "drop them with sqlite3: DROP TRIGGER NAME"};
  }
  return {Level::good, "database", name + " opens, and takes writes", ""};
}

Finding no_database(const DatabaseLocation& location) {
  if (existing_directory(location) == location.directory && SharedFiles::are_in_use(Directory(location.directory, false))) {
    return {Level::error, "database", util::escape(location.file()) + " was removed while another process uses it",
            "stop that run, or wait for its end"};
  }
  return {Level::good, "database", "none yet: everything is a first run", ""};
}

Finding database(const DatabaseLocation& location) {
  struct stat info {};
  if (stat(location.file().c_str(), &info) != 0 || info.st_size == 0) return no_database(location);
  // Others may use it at this moment, which passes.
  constexpr int tries = 100;
  constexpr std::chrono::milliseconds pause(2);
  for (int i = 1;; ++i) {
    try {
      return opened_database(location);
    } catch (const StoreError& error) {
      if (error.busy && i < tries) {
        std::this_thread::sleep_for(pause);
        continue;
      }
      if (error.busy && error.fault == Fault::not_ready) {
        return {Level::good, "database", util::escape(location.file()) + " is in use just now", ""};
      }
      return {Level::error, "database", error.what(),
              "see to its owner and the disk; to begin anew, move the whole directory away while nothing runs"};
    }
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
