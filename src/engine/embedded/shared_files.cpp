#include "engine/embedded/shared_files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "engine/embedded/system_failure.hpp"

namespace condolock::engine::embedded {
namespace {

constexpr const char* database_name = "condolock.db";
constexpr const char* lock_name = "condolock.lock";
constexpr std::array<const char*, 4> names{database_name, "condolock.db-wal", "condolock.db-shm", lock_name};
// A journal that SQLite would play back into the database. SQLite makes none for a database with a write-ahead log.
constexpr const char* journal_name = "condolock.db-journal";

constexpr std::size_t max_record = 512;

std::string line_of(const char* name, const FileId& id) {
  return std::string(name) + ' ' + std::to_string(id.device) + ' ' + std::to_string(id.inode) + '\n';
}

// The text in the lock file: a line for each of the other files. A missing file has inode 0.
template <class Ids>
std::string text_of(const Ids& ids) {
  std::string text;
  for (std::size_t i = 0; i + 1 < ids.size(); ++i) text += line_of(names.at(i), ids.at(i));
  return text;
}

template <class Ids>
bool all_exist(const Ids& ids) {
  for (const FileId& id : ids) {
    if (id == FileId()) return false;
  }
  return true;
}

bool locked(int fd, int how) {
  if (flock(fd, how | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK || errno == EINTR) return false;
  throw system_failure("cannot lock " + std::string(lock_name), errno);
}

}  // namespace

SharedFiles::SharedFiles(const std::string& directory) : path_(directory), directory_(directory, true) {
  lock();
  const Ids found = check();
  agreed_ = found;
  if (all_exist(found) && recorded() == text_of(found)) return;
  if (!locked(lock_.get(), LOCK_EX)) refuse(found);
  alone_ = true;
  directory_.create(database_name);
  check();  // again, since the files may be new
}

void SharedFiles::lock() {
  const auto open = [this] {
    lock_ = util::Fd(openat(directory_.fd(), lock_name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    return static_cast<bool>(lock_);
  };
  if (!open() && errno == ENOENT) {
    directory_.create(lock_name);
    open();
  }
  if (!lock_) {
    const int error = errno;
    directory_.check(lock_name);  // its error may say more
    throw system_failure("cannot open " + directory_.shown(lock_name), error);
  }
  if (!locked(lock_.get(), LOCK_SH)) throw StoreError(Fault::not_ready, "another process is opening " + shown(), true);
  struct stat info {};
  if (fstat(lock_.get(), &info) != 0) throw system_failure("cannot use " + directory_.shown(lock_name), errno);
  if (directory_.check(lock_name) != FileId{info.st_dev, info.st_ino}) {
    throw StoreError(Fault::not_ready, directory_.shown(lock_name) + " was just replaced", true);
  }
  agreed_.back() = {info.st_dev, info.st_ino};
}

void SharedFiles::check(const Directory& directory) {
  for (const char* name : names) directory.check(name);
  directory.check(journal_name);
}

bool SharedFiles::are_in_use(const Directory& directory) {
  const util::Fd lock(openat(directory.fd(), lock_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  return lock && !locked(lock.get(), LOCK_EX);
}

// Checks who may write the files, and returns their inodes.
SharedFiles::Ids SharedFiles::check() const {
  Ids ids = agreed_;
  for (std::size_t i = 0; i + 1 < ids.size(); ++i) ids.at(i) = directory_.check(names.at(i)).value_or(FileId());
  directory_.check(journal_name);
  return ids;
}

void SharedFiles::refuse(const Ids& found) const {
  const std::string before = recorded();
  std::size_t which = 0;
  while (which + 1 < names.size() && before.find(line_of(names.at(which), found.at(which))) != std::string::npos) ++which;
  throw StoreError(Fault::malformed,
                   directory_.shown(names.at(which)) +
                       " was removed or replaced while another process uses it: stop that run, or wait until it ends",
                   true);
}

std::string SharedFiles::path() const { return path_ + '/' + database_name; }

void SharedFiles::throw_if_unwritable(const std::string& said) const {
  for (const char* name : names) {
    if (faccessat(directory_.fd(), name, R_OK | W_OK, AT_EACCESS) != 0) {
      throw system_failure(directory_.shown(name) + ": " + said, errno);
    }
  }
}

SharedFiles::Ids SharedFiles::find() const {
  Ids ids;
  for (std::size_t i = 0; i < ids.size(); ++i) ids.at(i) = directory_.find(names.at(i)).value_or(FileId());
  return ids;
}

std::string SharedFiles::recorded() const {
  std::string text(max_record, '\0');
  const ssize_t length = pread(lock_.get(), text.data(), text.size(), 0);
  text.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
  return text;
}

void SharedFiles::agree() {
  const Ids found = find();
  if (directory_.find_by_path(database_name) != found[0]) {
    throw StoreError(Fault::not_ready, shown() + " was just replaced", true);
  }
  if (!alone_) {
    if (found != agreed_) refuse(found);
    return;
  }
  const std::string text = text_of(found);
  if (recorded() != text) {
    const bool is_written = ftruncate(lock_.get(), 0) == 0 &&
                            pwrite(lock_.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
    if (!is_written) throw system_failure("cannot write " + directory_.shown(lock_name), errno != 0 ? errno : ENOSPC);
  }
  agreed_ = found;
  alone_ = false;
  // flock() converts a lock in two steps: another process may lock the file in between.
  if (!locked(lock_.get(), LOCK_SH)) throw StoreError(Fault::not_ready, "another process is opening " + shown(), true);
}

bool SharedFiles::have_changed() const {
  if (directory_.find_by_path(database_name) != agreed_[0]) return true;
  for (std::size_t i = 1; i < names.size(); ++i) {
    if (directory_.find(names.at(i)) != agreed_.at(i)) return true;
  }
  return false;
}

void SharedFiles::ring() const {
  char byte = 0;
  (void)!pread(lock_.get(), &byte, 1, 0);
}

void SharedFiles::hang_doorbell() {
  if (std::exchange(hung_, true)) return;
  doorbell_ = util::Fd(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (doorbell_ && inotify_add_watch(doorbell_.get(), (path_ + "/" + lock_name).c_str(), IN_ACCESS) < 0) doorbell_.reset();
}

namespace {

// Each key has one byte of the lock file, far after its end. (flock() and these locks do not affect each other.)
struct flock byte_of(std::string_view key, short type) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(max_record + std::hash<std::string_view>()(key) % (1U << 30U));
  range.l_len = 1;
  return range;
}

}  // namespace

void SharedFiles::set_waiting(std::string_view key, bool waiting) const {
  struct flock range = byte_of(key, waiting ? F_RDLCK : F_UNLCK);
  fcntl(lock_.get(), F_OFD_SETLK, &range);
}

bool SharedFiles::has_waiter(std::string_view key) const {
  struct flock range = byte_of(key, F_WRLCK);
  return fcntl(lock_.get(), F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}

void SharedFiles::hush() const {
  std::array<char, 4096> events{};
  while (read(doorbell_.get(), events.data(), events.size()) > 0) {
  }
}

}  // namespace condolock::engine::embedded
