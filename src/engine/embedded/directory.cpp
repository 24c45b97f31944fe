#include "engine/embedded/directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "engine/embedded/system_failure.hpp"
#include "util/escape.hpp"

namespace condolock::engine::embedded {
namespace {

[[noreturn]] void distrust(const std::string& what) { throw StoreError(Fault::denied, what); }

bool is_trusted(uid_t owner) { return owner == 0 || owner == geteuid(); }

bool others_may_write(const struct stat& info) { return (info.st_mode & (S_IWGRP | S_IWOTH)) != 0; }

std::string belongs_to_another(const struct stat& info) {
  return " belongs to another user (uid " + std::to_string(info.st_uid) + "): change its owner with chown";
}

// `make`: creates a missing directory. Returns false if it is still missing.
bool look(const std::string& path, bool make, struct stat& info) {
  if (lstat(path.c_str(), &info) == 0) return true;
  if (errno != ENOENT) throw system_failure("cannot use the directory " + util::escape(path), errno);
  if (!make) return false;
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    throw system_failure("cannot create the directory " + util::escape(path), errno);
  }
  if (lstat(path.c_str(), &info) != 0) throw system_failure("cannot use the directory " + util::escape(path), errno);
  return true;
}

void check_parent(const std::string& path, const struct stat& info, uid_t root) {
  const std::string name = "the directory " + util::escape(path);
  if (!is_trusted(info.st_uid) && info.st_uid != root) distrust(name + belongs_to_another(info));
  if (S_ISLNK(info.st_mode)) return;
  if (!S_ISDIR(info.st_mode)) distrust(util::escape(path) + " is not a directory");
  if (others_may_write(info) && (info.st_mode & S_ISVTX) == 0) {
    distrust(name + " is writable by others: run chmod go-w on it");
  }
}

void check_last(const std::string& path, const struct stat& info) {
  const std::string name = "the directory " + util::escape(path);
  if (S_ISLNK(info.st_mode)) distrust(name + " is a link: use the path of the directory itself");
  if (!S_ISDIR(info.st_mode)) distrust(util::escape(path) + " is not a directory");
  if (!is_trusted(info.st_uid)) distrust(name + belongs_to_another(info));
  if (others_may_write(info)) {
    distrust(name + " is writable by others: " +
             ((info.st_mode & S_ISVTX) != 0 ? "use a directory in it" : "run chmod go-w on it"));
  }
}

// Checks all parents of `path`, and with `whole` also `path` itself by the rules for parents. `make`: creates what is
// missing.
void walk(const std::string& path, bool make, bool whole) {
  struct stat info {};
  if (!look("/", false, info)) return;
  const uid_t root = info.st_uid;
  check_parent("/", info, root);
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const bool is_last = end == std::string::npos;
    if (is_last && !whole) return;
    const std::string part = path.substr(0, end);
    if (!look(part, make, info)) return;
    check_parent(part, info, root);
    if (S_ISLNK(info.st_mode)) {
      char* real = realpath(part.c_str(), nullptr);
      if (real == nullptr) throw system_failure("cannot use the directory " + util::escape(part), errno);
      const std::string target = real;
      std::free(real);  // NOLINT(cppcoreguidelines-no-malloc)
      walk(target, false, true);
    }
    if (is_last) return;
  }
}

}  // namespace

void check_parents(const std::string& path) { walk(path, false, false); }

Directory::Directory(std::string path, bool make) : path_(std::move(path)) {
  walk(path_, make, false);
  struct stat info {};
  const std::string failed = "cannot use the directory " + util::escape(path_);
  if (!look(path_, make, info)) throw system_failure(failed, ENOENT);
  check_last(path_, info);
  fd_ = util::Fd(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd_) throw system_failure(failed, errno);
  if (fstat(fd_.get(), &info) != 0) throw system_failure(failed, errno);
  check_last(path_, info);  // the directory that is open now
}

std::string Directory::shown(const std::string& name) const { return util::escape(path_ + "/" + name); }

std::optional<FileId> Directory::check(const char* name) const {
  struct stat info {};
  if (fstatat(fd_.get(), name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return std::nullopt;
    throw system_failure("cannot use " + shown(name), errno);
  }
  if (S_ISLNK(info.st_mode)) distrust(shown(name) + " is a link, which is not followed: move the file itself there");
  if (!S_ISREG(info.st_mode)) distrust(shown(name) + " is not a regular file: move it away");
  if (!is_trusted(info.st_uid)) distrust(shown(name) + belongs_to_another(info));
  if (others_may_write(info)) distrust(shown(name) + " is writable by others: run chmod go-w on it");
  if (info.st_nlink > 1) distrust(shown(name) + " has a second name (a hard link): remove that name, or use a copy");
  return FileId{info.st_dev, info.st_ino};
}

std::optional<FileId> Directory::find(const char* name) const {
  struct stat info {};
  if (fstatat(fd_.get(), name, &info, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return FileId{info.st_dev, info.st_ino};
}

std::optional<FileId> Directory::find_by_path(const char* name) const {
  struct stat info {};
  if (lstat((path_ + "/" + name).c_str(), &info) != 0) return std::nullopt;
  return FileId{info.st_dev, info.st_ino};
}

void Directory::create(const char* name) const {
  // mknod, since closing a descriptor of the database would drop all of the process' locks on it (POSIX).
  if (mknodat(fd_.get(), name, S_IFREG | 0600, 0) == 0) {
    (void)!fchmodat(fd_.get(), name, 0600, 0);  // the umask may have removed some bits
  } else if (errno != EEXIST) {
    throw system_failure("cannot create " + shown(name), errno);
  }
}

}  // namespace condolock::engine::embedded
