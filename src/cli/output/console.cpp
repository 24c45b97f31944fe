#include "cli/output/console.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "cli/output/write.hpp"
#include "util/clock.hpp"
#include "util/escape.hpp"
#include "util/timestamp.hpp"

namespace condolock::cli {
namespace {

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

Color& chosen_color() {
  static Color color = Color::automatic;
  return color;
}

bool& stamps() {
  static bool stamp = false;
  return stamp;
}

// "2026-11-24T09:10:20+01:00 "; empty if lines get no time: see stamp_lines.
std::string stamp() {
  struct stat info {};
  if (!stamps() || fstat(STDERR_FILENO, &info) != 0 || !S_ISREG(info.st_mode)) return "";
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return util::format_local_rfc3339(std::chrono::duration_cast<Millis>(now).count()) + " ";
}

bool wants_color(int fd) {
  if (chosen_color() != Color::automatic) return chosen_color() == Color::always;
  const char* terminal = std::getenv("TERM");
  return !is_set("NO_COLOR") && isatty(fd) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

}  // namespace

void choose_color(Color color) { chosen_color() = color; }

void stamp_lines(bool stamp) { stamps() = stamp; }

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
      prints_decisions_(!quiet && (verbose || is_set("CI") || isatty(STDERR_FILENO) == 1)),
      patience_(patience),
      palette_(STDERR_FILENO) {}

void Console::line(Tint tint, std::string_view label, std::string_view text) const {
  const std::string whole = stamp() + "condolock: " + palette_.paint(tint, label) + util::printable(text) + "\n";
  if (patience_ == Patience::never_waits) {
    write_at_once(STDERR_FILENO, whole);
  } else {
    write_all(STDERR_FILENO, whole);
  }
}

void Console::error(std::string_view text) const { line(Tint::bad, "error: ", text); }

void Console::warning(std::string_view text) const {
  if (!quiet_) line(Tint::bad, "warning: ", text);
}

void Console::decision(std::string_view text) const {
  if (prints_decisions_) line(Tint::none, "", text);
}

void Console::caution(std::string_view text) const {
  if (prints_decisions_) line(Tint::bad, "warning: ", text);
}

void Console::prompt(std::string_view text) const { write_all(STDERR_FILENO, "condolock: " + util::printable(text)); }

void Console::detail(std::string_view text) const {
  if (verbose_) line(Tint::dim, "", text);
}

bool print(std::string_view text) { return write_all(STDOUT_FILENO, text); }

}  // namespace condolock::cli
