// The files of a database, and the agreement of all processes that use it on which files these are.
//
// SQLite finds its files by name. If somebody removes or replaces one during a run, a new run would open other files, miss
// the lease and run the job a second time. So every process holds a shared lock (flock) on condolock.lock while it uses the
// database. That file names the inodes of the others. A process that finds other files must not use them while another
// process holds the lock. A process that is alone writes the inodes that it finds to the lock file.
//
// condolock.lock is also a doorbell: each commit reads a byte of it, and the kernel tells the waiters about that (inotify).
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "engine/embedded/directory.hpp"

namespace condolock::engine::embedded {

class SharedFiles {
 public:
  // Throws StoreError if others may write one of the files.
  static void check(const Directory& directory);

  // Whether another process uses the database now. Never blocks.
  static bool are_in_use(const Directory& directory);

  // Checks and locks. Throws StoreError: busy if others use other files, or if another process is opening them.
  explicit SharedFiles(const std::string& directory);

  // For SQLite. Only root and this user can change where it leads, and agree() compares the files. (By /proc/self/fd it
  // would be exact, but a refused run would take 7% longer.)
  std::string path() const;
  std::string shown() const { return directory_.shown("condolock.db"); }
  // Throws StoreError with the system's reason if one of the files can't be written. `said`: by SQLite.
  void throw_if_unwritable(const std::string& said) const;

  // Whether nobody else uses the database now. Ends with agree().
  bool are_ours_alone() const { return alone_; }
  // Call when SQLite has opened its files. Throws StoreError, busy: the files have been replaced meanwhile.
  void agree();
  // Whether a file was removed or replaced since agree(). Then new runs do not see what this process writes.
  bool have_changed() const;

  // Wakes the waiters: call after a commit.
  void ring() const;
  // From now on, doorbell() becomes readable at each ring.
  void hang_doorbell();
  // A descriptor to poll for POLLIN. -1: not hung, or the system has none left.
  int doorbell() const { return doorbell_.get(); }
  // Tells other processes whether this one waits for the wake-up `key`. Ends with the process.
  void set_waiting(std::string_view key, bool waiting) const;
  // Whether another process waits for the wake-up `key`.
  bool has_waiter(std::string_view key) const;

  // Forgets the rings so far.
  void hush() const;

 private:
  using Ids = std::array<FileId, 4>;

  void lock();
  Ids check() const;
  Ids find() const;
  std::string recorded() const;
  [[noreturn]] void refuse(const Ids& found) const;

  std::string path_;
  Directory directory_;
  util::Fd lock_;
  util::Fd doorbell_;
  bool alone_ = false;
  bool hung_ = false;
  Ids agreed_{};
};

}  // namespace condolock::engine::embedded
