// Messages on stderr, all in the form "condolock: text", in a log after the time. Each line is one write, so that the lines
// of several processes on one terminal do not mix. No text can control the terminal: see util/escape.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace condolock::cli {

enum class Color : std::uint8_t { automatic, always, never };

enum class Tint : std::uint8_t { none, good, bad, dim };

// Sets the value of --color for everything that is printed from now on. The default is `automatic`.
void choose_color(Color color);

// Whether each line that is printed from now on begins with the time. It does so only if stderr is a regular file, which is
// a log. The reader of a terminal, pipe or socket sees or records when a line arrives.
void stamp_lines(bool stamp);

// Colors text for a descriptor. `automatic` means: on a terminal that is not "dumb", unless NO_COLOR (no-color.org) is set.
class Palette {
 public:
  explicit Palette(int fd);
  std::string paint(Tint tint, std::string_view text) const;

 private:
  bool on_ = false;
};

// Whether printing may block. A process with a lease must not block. A full pipe, or a terminal stopped with Ctrl-S, would
// keep it from renewing the lease and from stopping its command. With `never_waits`, a line that cannot be written at once
// is lost.
enum class Patience : std::uint8_t { waits, never_waits };

class Console {
 public:
  Console(bool quiet, bool verbose, Patience patience = Patience::waits);

  // Always shown.
  void error(std::string_view text) const;
  // Shown unless `quiet`.
  void warning(std::string_view text) const;
  // One line per decision. Shown on a terminal, with -v, or if CI is set, unless `quiet`. Otherwise silent, so that cron
  // sends no mail for the machines that skipped.
  void decision(std::string_view text) const;
  // A warning that is the same for every run. Shown only where decisions are, so that cron does not mail it for every run.
  void caution(std::string_view text) const;
  // A question, without a line feed. Always shown.
  void prompt(std::string_view text) const;
  // Shown with -v, unless `quiet`.
  void detail(std::string_view text) const;

 private:
  void line(Tint tint, std::string_view label, std::string_view text) const;

  bool quiet_;
  bool verbose_;
  bool prints_decisions_;
  Patience patience_;
  Palette palette_;
};

// Writes all of the text to stdout. Returns false and sets errno if that fails.
bool print(std::string_view text);

}  // namespace condolock::cli
