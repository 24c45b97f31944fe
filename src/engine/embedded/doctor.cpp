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

constexpr const char* another = "fix this, or use another directory: --url file:/DIRECTORY";

Finding directory(const DatabaseLocation& location) {
  const std::string name = util::escape(location.directory);
  try {
    check_parents(location.directory);
    const std::string above = existing_directory(location);
    if (above != location.directory) {
      if (access(above.c_str(), W_OK | X_OK) != 0) {
        throw system_failure("cannot create the directory " + name + ": " + util::escape(above), errno);
      }
      return {Level::good, "directory", name + " does not exist yet; the first run creates it", ""};
    }
    const Directory opened(location.directory, false);
    SharedFiles::check(opened);
    if (access(location.directory.c_str(), W_OK | X_OK) != 0) {
      throw system_failure("this user cannot write to the directory " + name, errno);
    }
    return {Level::good, "directory", name + ": no other user can write to it or its files", ""};
  } catch (const StoreError& error) {
    return {Level::error, "directory", error.what(), another};
  }
}

Finding file_system(const DatabaseLocation& location) {
  const auto network = network_file_system(location);
  if (!network) return {Level::good, "file system", "local, as far as known", ""};
  return {Level::warning, "file system", *network + ", where locks between machines do not work: jobs may run twice",
          "use a directory on a local disk, or Redis for several machines"};
}

Finding opened_database(const DatabaseLocation& location) {
  SqliteStore store(location.directory, BootClock::now() + std::chrono::seconds(5));
  store.begin();
  store.rollback();
  const std::string name = util::escape(location.file());
  if (store.has_triggers()) {
    return {Level::warning, "database", name + " has triggers of another program, which condolock does not run",
            "remove them with sqlite3: DROP TRIGGER NAME"};
  }
  return {Level::good, "database", name + " can be opened and written", ""};
}

Finding no_database(const DatabaseLocation& location) {
  if (existing_directory(location) == location.directory && SharedFiles::are_in_use(Directory(location.directory, false))) {
    return {Level::error, "database", util::escape(location.file()) + " was removed while another process uses it",
            "stop that run, or wait until it ends"};
  }
  return {Level::good, "database", "none yet: each job's next run counts as its first", ""};
}

Finding database(const DatabaseLocation& location) {
  struct stat info {};
  if (stat(location.file().c_str(), &info) != 0 || info.st_size == 0) return no_database(location);
  // Another process may have the database locked at this moment: try again.
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
        return {Level::good, "database", util::escape(location.file()) + " is in use", ""};
      }
      return {Level::error, "database", error.what(),
              "check its owner and the disk; to start over, move the whole directory away while no job runs"};
    }
  }
}

Finding sync(const DatabaseLocation& location) {
  const std::string kills = "no record is lost when a process is killed; ";
  switch (location.sync) {
    case Sync::none:
      return {Level::warning, "sync", kills + "a power failure may lose the last 30 seconds",
              "remove ?sync=none from the URL"};
    case Sync::records:
      return {Level::good, "sync", kills + "finished runs also survive a power failure", ""};
    case Sync::all:
      return {Level::good, "sync", kills + "everything survives a power failure, too", ""};
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
