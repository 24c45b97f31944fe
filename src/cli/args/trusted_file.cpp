#include "cli/args/trusted_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "util/escape.hpp"
#include "util/fd.hpp"

namespace condolock::cli {

util::Result<std::string> read_trusted(const std::string& what, const std::string& path) {
  constexpr std::size_t max = 65536;
  const std::string name = what + " " + util::escape(path);
  const util::Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // O_NONBLOCK: do not hang on a FIFO
  struct stat info {};
  if (!file || fstat(file.get(), &info) != 0) return util::Problem{name + ": " + std::strerror(errno)};
  if (!S_ISREG(info.st_mode)) return util::Problem{name + " is not a regular file"};
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) return util::Problem{name + " can be written by others: chmod go-w it"};
  if (info.st_uid != 0 && info.st_uid != geteuid()) {
    return util::Problem{name + " belongs to another user, number " + std::to_string(info.st_uid) + ": chown it"};
  }
  std::string text(max + 1, '\0');
  std::size_t length = 0;
  while (length < text.size()) {
    const ssize_t got = read(file.get(), text.data() + length, text.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return util::Problem{name + ": " + std::strerror(errno)};
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
  }
  if (length > max) return util::Problem{name + " is longer than 64 KiB"};
  text.resize(length);
  return text;
}

}  // namespace condolock::cli
