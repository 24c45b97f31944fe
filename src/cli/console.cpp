#include "cli/console.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "util/fd.hpp"

namespace condolock::cli {
namespace {

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// What can be written at once. O_NONBLOCK on the descriptor itself would be the command's too, since they share it, so a
// pipe or terminal is opened anew. That can fail (it may belong to somebody else): then poll says whether there is room.
void write_at_once(int fd, std::string_view text) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return;
  if (S_ISSOCK(info.st_mode)) {
    static_cast<void>(send(fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
    return;
  }
  if (S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode)) {
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    const Fd own(open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (own) {
      write_all(own.get(), text);  // EAGAIN ends it
      return;
    }
  }
  pollfd room{fd, POLLOUT, 0};
  if (poll(&room, 1, 0) == 1 && (room.revents & POLLOUT) != 0) static_cast<void>(!write(fd, text.data(), text.size()));
}

Color& chosen_color() {
  static Color color = Color::automatic;
  return color;
}

bool wants_color(int fd) {
  if (chosen_color() != Color::automatic) return chosen_color() == Color::always;
  const char* terminal = std::getenv("TERM");
  return !is_set("NO_COLOR") && isatty(fd) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

}  // namespace

void choose_color(Color color) { chosen_color() = color; }

Palette::Palette(int fd) : on_(wants_color(fd)) {}

std::string Palette::paint(Tint tint, std::string_view text) const {
  if (!on_ || tint == Tint::none) return std::string(text);
  std::string_view code = "\x1b[2m";
  if (tint == Tint::good) code = "\x1b[32m";
  if (tint == Tint::bad) code = "\x1b[31m";
  return std::string(code) + std::string(text) + "\x1b[0m";
}

Console::Console(bool quiet, bool verbose, Patience patience)
    : quiet_(quiet),
      verbose_(verbose && !quiet),
      shows_decisions_(!quiet && (verbose || is_set("CI") || isatty(STDERR_FILENO) == 1)),
      patience_(patience),
      palette_(STDERR_FILENO) {}

void Console::line(Tint tint, std::string_view opening, std::string_view text) const {
  const std::string whole = "condolock: " + palette_.paint(tint, opening) + std::string(text) + "\n";
  if (patience_ == Patience::never_waits) return write_at_once(STDERR_FILENO, whole);
  write_all(STDERR_FILENO, whole);
}

void Console::error(std::string_view text) const { line(Tint::bad, "error: ", text); }

void Console::warning(std::string_view text) const {
  if (!quiet_) line(Tint::bad, "warning: ", text);
}

void Console::decision(std::string_view text) const {
  if (shows_decisions_) line(Tint::none, "", text);
}

void Console::detail(std::string_view text) const {
  if (verbose_) line(Tint::dim, "", text);
}

bool print(std::string_view text) { return write_all(STDOUT_FILENO, text); }

}  // namespace condolock::cli
