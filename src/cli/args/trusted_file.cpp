#include "cli/args/trusted_file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>

#include "util/clock.hpp"
#include "util/escape.hpp"
#include "util/fd.hpp"
#include "util/number.hpp"

namespace condolock::cli {
namespace {

constexpr std::size_t max_bytes = 65536;
// Signals are blocked while a run reads its options, so waiting for a writer must end by itself.
constexpr auto max_wait = std::chrono::seconds(10);

// N of /dev/fd/N; 0 for /dev/stdin.
std::optional<int> passed_descriptor(std::string_view path) {
  if (path == "/dev/stdin") return STDIN_FILENO;
  for (const std::string_view directory : {"/dev/fd/", "/proc/self/fd/"}) {
    if (path.starts_with(directory)) return util::parse_number<int>(path.substr(directory.size()));
  }
  return std::nullopt;
}

// A passed descriptor is duplicated and not opened: opening a socket, or another user's pipe, fails.
util::Fd open_file(const std::string& path) {
  if (const auto passed = passed_descriptor(path)) return util::Fd(fcntl(*passed, F_DUPFD_CLOEXEC, 0));
  return util::Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));  // O_NONBLOCK: a FIFO has no writer yet
}

// Waits until reading does not block. False: it would still block at `until`.
bool wait_for_bytes(int fd, Instant until) {
  for (;;) {
    const auto left = std::chrono::ceil<Millis>(until - BootClock::now());
    if (left <= Millis(0)) return false;
    pollfd wanted{fd, POLLIN, 0};
    const int ready = poll(&wanted, 1, static_cast<int>(left.count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;  // read() says what is wrong
  }
}

util::Result<std::string> read_all(int fd, bool is_regular) {
  const Instant until = BootClock::now() + max_wait;
  std::string text(max_bytes + 1, '\0');
  std::size_t length = 0;
  while (length < text.size()) {
    if (!is_regular && !wait_for_bytes(fd, until))
      return util::Problem{": the writer of this pipe did not finish within 10s"};
    // pread, since the command may read the same standard input later.
    const ssize_t got = is_regular ? pread(fd, text.data() + length, text.size() - length, static_cast<off_t>(length))
                                   : read(fd, text.data() + length, text.size() - length);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return util::Problem{std::string(": ") + std::strerror(errno)};
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
  }
  if (length > max_bytes) return util::Problem{" is longer than 64 KiB"};
  text.resize(length);
  return text;
}

// The contents of a file of /proc; empty if it can't be read.
std::string contents_of(const char* path) {
  const util::Fd file(open(path, O_RDONLY | O_CLOEXEC));
  return file ? read_all(file.get(), true).value_or("") : "";
}

// Removes the first number from `rest`, with the white space before it. None: no number is left.
std::optional<std::uint64_t> take_number(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(" \n"), rest.size()));
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc{}) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  return number;
}

bool is_trusted(uid_t owner) {
  if (owner == 0 || owner == geteuid()) return true;
  const std::string map = contents_of("/proc/self/uid_map");
  const std::string overflow = contents_of("/proc/sys/kernel/overflowuid");
  std::string_view rest = overflow;
  const auto number = take_number(rest);
  return number && is_trusted_owner(owner, {geteuid(), static_cast<uid_t>(*number), map});
}

// Why the file is refused; empty: it is not.
std::string refusal(const struct stat& info, bool is_passed) {
  const bool is_pipe = S_ISFIFO(info.st_mode);
  if (is_passed && (is_pipe || S_ISSOCK(info.st_mode))) return "";
  if (!S_ISREG(info.st_mode) && !is_pipe) return " is not a regular file or a pipe";
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) return " is writable by others: run chmod go-w on it";
  if (!is_trusted(info.st_uid)) {
    return " belongs to another user (uid " + std::to_string(info.st_uid) + "): change its owner with chown";
  }
  return "";
}

}  // namespace

bool is_trusted_owner(uid_t owner, const UserNamespace& users) {
  if (owner == 0 || owner == users.self) return true;
  if (owner != users.overflow || users.map.empty()) return false;
  std::string_view rest = users.map;
  while (const auto first = take_number(rest)) {
    const auto outside = take_number(rest);
    const auto count = take_number(rest);
    if (!outside || !count) return false;
    if (owner >= *first && owner - *first < *count) return false;  // a user of this namespace has that number
  }
  return true;
}

util::Result<TrustedFile> read_trusted(const std::string& what, const std::string& path) {
  const std::string name = what + " " + util::escape(path);
  const util::Fd file = open_file(path);
  struct stat info {};
  if (!file || fstat(file.get(), &info) != 0) return util::Problem{name + ": " + std::strerror(errno)};
  if (const std::string why = refusal(info, passed_descriptor(path).has_value()); !why.empty()) {
    return util::Problem{name + why};
  }
  const bool is_regular = S_ISREG(info.st_mode);
  auto text = read_all(file.get(), is_regular);
  if (!text) return util::Problem{name + text.error().text};
  const bool is_own = info.st_uid == geteuid();
  const bool is_exposed = (info.st_mode & S_IROTH) != 0 || (is_own && (info.st_mode & S_IRGRP) != 0);
  return TrustedFile{*std::move(text), is_regular && is_exposed};
}

}  // namespace condolock::cli
