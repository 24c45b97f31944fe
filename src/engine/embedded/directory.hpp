// The directory of a database, and the checks of who may change its contents.
//
// Another user who can create a link or a file there can make root write elsewhere, or make a job run twice. So the
// directory and its files must belong to root or to this process' user, and nobody else may write them. The directory and
// the files must not be links. Each parent must belong to root, to this user or to the owner of /. Others may write a parent
// only if it is sticky, as /tmp is. (The owner of / is root, under another number in a user namespace.) The same rules apply
// to both ends of a link among the parents. An access control list that lets others write shows in the group bits of the
// mode.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "util/fd.hpp"

namespace condolock::engine::embedded {

// Identifies a file, whatever its name is.
struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileId& other) const { return device == other.device && inode == other.inode; }
  bool operator!=(const FileId& other) const { return !(*this == other); }
};

// Throws StoreError if others may write a parent of `path`. Parents may be missing.
void check_parents(const std::string& path);

class Directory {
 public:
  // Opens the directory. `make`: makes it and its missing parents, with mode 0700. Throws StoreError, also if others may
  // write the directory.
  Directory(std::string path, bool make);

  // Opened with O_PATH.
  int fd() const { return fd_.get(); }
  // For a message.
  std::string shown(const std::string& name) const;

  // The file `name`. None: it does not exist. Throws StoreError if it is not a regular file with one name that others may
  // not write.
  std::optional<FileId> check(const char* name) const;
  // The same without the check.
  std::optional<FileId> find(const char* name) const;
  // Like find(), but by the path, where other processes look.
  std::optional<FileId> find_by_path(const char* name) const;
  // Creates an empty file with mode 0600, whatever the umask is. Does nothing if it exists. Throws StoreError.
  void create(const char* name) const;

 private:
  std::string path_;
  util::Fd fd_;
};

}  // namespace condolock::engine::embedded
