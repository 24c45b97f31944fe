#include "cli/output/write.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string>

#include "util/fd.hpp"

namespace condolock::cli {

namespace {

// Returns what is left after a failure; errno says why.
std::string_view write_until_failure(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) break;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return text;
}

}  // namespace

// The caller, or another process with the same open file, may have made it non-blocking. write() then fails instead of
// waiting.
bool write_all(int fd, std::string_view text) {
  for (;;) {
    text = write_until_failure(fd, text);
    if (text.empty()) return true;
    if (errno != EAGAIN) return false;
    pollfd room{fd, POLLOUT, 0};
    if (poll(&room, 1, -1) < 0 && errno != EINTR) return false;
  }
}

// O_NONBLOCK on `fd` would affect the command as well, since both share the open file. So a pipe or terminal is opened
// again, and only the new descriptor is non-blocking. Opening can fail, for example if another user owns the file. Then
// poll() tells whether a write can block. A pipe that poll() reports as writable takes at least PIPE_BUF bytes.
bool write_at_once(int fd, std::string_view text) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return false;
  const auto is_all = [text](ssize_t written) { return written == static_cast<ssize_t>(text.size()); };
  if (S_ISSOCK(info.st_mode)) return is_all(send(fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
  if (S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode)) {
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    const util::Fd own(open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (own) return write_until_failure(own.get(), text).empty();
  }
  pollfd room{fd, POLLOUT, 0};
  if (poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0) return false;
  return is_all(write(fd, text.data(), S_ISREG(info.st_mode) ? text.size() : std::min<std::size_t>(text.size(), PIPE_BUF)));
}

}  // namespace condolock::cli
